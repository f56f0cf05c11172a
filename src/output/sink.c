/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. A sink is a thread, a queue in front of it and an output behind it. The thread takes all
 * that waits (bounded), delivers it in passes (delivery.c) until everything is settled, and only
 * then takes more: so a batch that must wait holds back those behind it. That keeps the order of a
 * partition without any bookkeeping, and costs nothing: the checkpoint could not pass it anyway.
 *
 * A batch stands in the queues of several sinks at once, so its own queue node is of no use here;
 * the queue carries nodes from a pool. Submitting cannot fail and must not lose a batch: where the
 * heap is exhausted the caller waits until this sink gives a node back.
 *
 * One lock guards the queue, the pool, the flags and the status; it is never held during a call
 * into an output or into the owner. Every wait (for work, for the next attempt) is on one condition
 * that stop, reopen and submit signal.
 *
 * Signals are the loop's business: the thread blocks them, and with them SIGPIPE and SIGXFSZ, which
 * would end the process where EPIPE and EFBIG are outcomes.
 */
#include "src/output/sink.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "src/output/delivery.h"

#define GROUP_MAX         64
#define CHUNK_NODES       256
#define BACKOFF_MIN_MS    1000
#define BACKOFF_MAX_MS    60000
#define TICK_MS           1000
#define GROUP_BYTES       (UINT64_C(8) << 20)
#define NO_MEMORY_POLL_MS 10

struct node {
    struct node *next;
    struct hd_batch *batch;
};

struct chunk {
    struct chunk *next;
    struct node nodes[CHUNK_NODES];
};

struct hd_sink {
    struct hd_sink_setup setup;
    struct hd_target target;
    hd_sink_done_fn *done;
    hd_sink_broken_fn *broken;
    void *context;
    pthread_t thread;
    bool joined;
    atomic_bool stopping; /* read by outputs in the middle of a delivery */

    pthread_mutex_t lock; /* from here to the next blank line */
    pthread_cond_t changed;
    struct node *first, **last, *unused;
    struct chunk *chunks;
    bool reopen;
    struct hd_sink_status status;

    /* the thread's own */
    struct hd_parcel parcels[GROUP_MAX];
    size_t n_parcels;
    uint32_t failures; /* passes without progress, in a row */
    int64_t next_tick_ms;
    uint64_t random;
};

/* ---- queue and pool: with the lock ---- */

static bool add_chunk(struct hd_sink *sink)
{
    struct chunk *chunk = malloc(sizeof(*chunk));
    if (!chunk) {
        return false;
    }
    chunk->next = sink->chunks;
    sink->chunks = chunk;
    for (size_t i = 0; i < CHUNK_NODES; i++) {
        chunk->nodes[i].next = sink->unused;
        sink->unused = &chunk->nodes[i];
    }
    return true;
}

static struct hd_batch *pop(struct hd_sink *sink)
{
    struct node *node = sink->first;
    if (!node) {
        return NULL;
    }
    sink->first = node->next;
    if (!sink->first) {
        sink->last = &sink->first;
    }
    node->next = sink->unused;
    sink->unused = node;
    return node->batch;
}

void hd_sink_submit(struct hd_sink *sink, struct hd_batch *batch)
{
    pthread_mutex_lock(&sink->lock);
    while (!sink->unused && !add_chunk(sink)) {
        pthread_mutex_unlock(&sink->lock);
        nanosleep(&(struct timespec){.tv_nsec = NO_MEMORY_POLL_MS * 1000000L}, NULL);
        pthread_mutex_lock(&sink->lock);
    }
    struct node *node = sink->unused;
    sink->unused = node->next;
    *node = (struct node){.batch = batch};
    bool was_empty = !sink->first;
    *sink->last = node;
    sink->last = &node->next;
    sink->status.waiting_batches++;
    if (was_empty) {
        pthread_cond_signal(&sink->changed);
    }
    pthread_mutex_unlock(&sink->lock);
}

/* Waits until stop, reopen, the moment, or (where wanted) something to deliver. */
static void wait_until(struct hd_sink *sink, int64_t monotonic_ms, bool for_work)
{
    struct timespec deadline = {.tv_sec = monotonic_ms / 1000,
                                .tv_nsec = (long)(monotonic_ms % 1000) * 1000000};
    int r = 0;
    while (r == 0 && !atomic_load(&sink->stopping) && !sink->reopen && !(for_work && sink->first)) {
        r = pthread_cond_timedwait(&sink->changed, &sink->lock, &deadline);
    }
}

/* ---- the thread ---- */

static void take_group(struct hd_sink *sink)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&sink->lock);
    wait_until(sink, sink->next_tick_ms, true);
    while (!atomic_load(&sink->stopping) && sink->n_parcels < sink->setup.group_batches &&
           bytes < sink->setup.group_bytes) {
        struct hd_batch *batch = pop(sink);
        if (!batch) {
            break;
        }
        bytes += batch->text.len;
        hd_parcel_start(&sink->parcels[sink->n_parcels++], batch);
    }
    pthread_mutex_unlock(&sink->lock);
}

/* What has to be done now and then, whatever else happens. */
static void keep_house(struct hd_sink *sink)
{
    const struct hd_output_ops *ops = sink->setup.ops;
    pthread_mutex_lock(&sink->lock);
    bool reopen = sink->reopen;
    sink->reopen = false;
    pthread_mutex_unlock(&sink->lock);
    struct hd_diag diag = {.text = ""};
    if (reopen && ops->reopen && ops->reopen(sink->target.self, &diag)) {
        hd_log(HD_LOG_WARNING, "output.reopen_failed", "could not reopen",
               HD_STR("output", sink->target.name), HD_STR("reason", diag.text));
    }
    int64_t now_ms = hd_clock_monotonic_ms();
    if (now_ms >= sink->next_tick_ms) {
        sink->next_tick_ms = now_ms + sink->setup.tick_ms;
        if (ops->tick) {
            ops->tick(sink->target.self, hd_clock_realtime_ms());
        }
    }
}

static enum hd_sink_state state_of(enum hd_answer answer)
{
    switch (answer) {
    case HD_OUTPUT_BROKEN:
        return HD_SINK_BROKEN;
    case HD_OUTPUT_BLOCK:
        return HD_SINK_BLOCKED;
    case HD_OUTPUT_PENDING:
    case HD_OUTPUT_RETRY:
        return HD_SINK_RETRYING;
    case HD_OUTPUT_ACK:
    case HD_OUTPUT_DEAD:
    case HD_OUTPUT_SETTLED:
        break;
    }
    return HD_SINK_OK;
}

static void log_state(const struct hd_sink *sink, enum hd_sink_state state, const char *reason,
                      int64_t lasted_ms)
{
    struct hd_log_field name = HD_STR("output", sink->target.name);
    switch (state) {
    case HD_SINK_OK:
        hd_log(HD_LOG_NOTICE, "output.recovered", "the output takes events again", name,
               HD_INT("after_ms", lasted_ms));
        break;
    case HD_SINK_RETRYING:
        hd_log(HD_LOG_WARNING, "output.retrying", "the output does not take events, trying again",
               name, HD_STR("reason", reason));
        break;
    case HD_SINK_BLOCKED:
        hd_log(HD_LOG_ERROR, "output.blocked", "the output is blocked until someone acts", name,
               HD_STR("reason", reason));
        break;
    case HD_SINK_BROKEN:
        hd_log(HD_LOG_ERROR, "output.broken", "nobody reads this output any more", name,
               HD_STR("reason", reason));
        break;
    }
}

static void note_pass(struct hd_sink *sink, const struct hd_pass *pass)
{
    struct hd_sink_status *status = &sink->status;
    enum hd_sink_state state = state_of(pass->answer);
    int64_t now_ms = hd_clock_realtime_ms();
    pthread_mutex_lock(&sink->lock);
    int64_t lasted_ms = now_ms - status->since_ms;
    bool is_new = state != status->state;
    if (is_new) {
        status->state = state;
        status->since_ms = now_ms;
    }
    hd_reason_set(status->reason, pass->reason);
    status->acked += pass->acked;
    status->dead += pass->dead;
    status->written_bytes += pass->bytes;
    status->retries += state != HD_SINK_OK;
    pthread_mutex_unlock(&sink->lock);
    if (is_new) {
        log_state(sink, state, pass->reason, lasted_ms);
    }
    sink->failures = state == HD_SINK_OK || pass->acked + pass->dead > 0 ? 0 : sink->failures + 1;
}

/* Gives back what is settled; the others keep their order. */
static void give_back(struct hd_sink *sink)
{
    size_t kept = 0, given = 0;
    for (size_t i = 0; i < sink->n_parcels; i++) {
        given += hd_parcel_done(&sink->parcels[i]);
    }
    pthread_mutex_lock(&sink->lock);
    sink->status.waiting_batches -= given;
    pthread_mutex_unlock(&sink->lock);
    for (size_t i = 0; i < sink->n_parcels; i++) {
        struct hd_parcel parcel = sink->parcels[i];
        if (hd_parcel_done(&parcel)) {
            sink->done(sink->context, parcel.batch);
        } else {
            /* Swapped, not copied: each place keeps memory of its own. */
            sink->parcels[i] = sink->parcels[kept];
            sink->parcels[kept++] = parcel;
        }
    }
    sink->n_parcels = kept;
}

/* Full jitter, so that many instances do not come back in step. */
static int64_t backoff_ms(struct hd_sink *sink)
{
    int64_t most_ms = sink->setup.backoff_min_ms;
    for (uint32_t i = 1; i < sink->failures && most_ms < sink->setup.backoff_max_ms; i++) {
        most_ms *= 2;
    }
    if (most_ms > sink->setup.backoff_max_ms) {
        most_ms = sink->setup.backoff_max_ms;
    }
    sink->random ^= sink->random << 13; /* xorshift64 */
    sink->random ^= sink->random >> 7;
    sink->random ^= sink->random << 17;
    return (int64_t)(sink->random % (uint64_t)(most_ms + 1));
}

/* Ends early on stop, and on reopen: someone has just repaired what was wrong. */
static void wait_to_retry(struct hd_sink *sink, int64_t at_least_ms)
{
    int64_t wait_ms = backoff_ms(sink);
    int64_t until_ms = hd_clock_monotonic_ms() + (wait_ms < at_least_ms ? at_least_ms : wait_ms);
    bool ready = false;
    while (!ready) {
        int64_t step_ms = until_ms < sink->next_tick_ms ? until_ms : sink->next_tick_ms;
        pthread_mutex_lock(&sink->lock);
        wait_until(sink, step_ms, false);
        ready = atomic_load(&sink->stopping) || sink->reopen;
        pthread_mutex_unlock(&sink->lock);
        keep_house(sink);
        ready |= hd_clock_monotonic_ms() >= until_ms;
    }
}

static void *run(void *argument)
{
    struct hd_sink *sink = argument;
    while (!atomic_load(&sink->stopping)) {
        keep_house(sink);
        if (sink->n_parcels == 0) {
            take_group(sink);
            continue; /* also when there is nothing: the house may need keeping */
        }
        struct hd_pass pass;
        hd_pass_run(&sink->target, sink->parcels, sink->n_parcels, &pass);
        note_pass(sink, &pass);
        give_back(sink);
        if (pass.answer == HD_OUTPUT_BROKEN) {
            if (sink->broken) {
                sink->broken(sink->context, sink);
            }
            break;
        }
        if (pass.answer != HD_OUTPUT_ACK) {
            wait_to_retry(sink, pass.retry_after_ms);
        }
    }
    return NULL;
}

/* ---- making and ending ---- */

static int start_thread(struct hd_sink *sink)
{
    static const int own_fault[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF};
    sigset_t block, before;
    sigfillset(&block);
    for (size_t i = 0; i < sizeof(own_fault) / sizeof(own_fault[0]); i++) {
        sigdelset(&block, own_fault[i]);
    }
    pthread_sigmask(SIG_SETMASK, &block, &before);
    int error = pthread_create(&sink->thread, NULL, run, sink);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        return -error;
    }
    char name[16];
    snprintf(name, sizeof(name), "out-%.11s", sink->target.name);
    pthread_setname_np(sink->thread, name);
    return 0;
}

static void init_lock(struct hd_sink *sink)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&sink->lock, NULL);
    pthread_cond_init(&sink->changed, &attr);
    pthread_condattr_destroy(&attr);
    sink->last = &sink->first;
}

static void set_defaults(struct hd_sink_setup *setup)
{
    setup->backoff_min_ms = setup->backoff_min_ms ? setup->backoff_min_ms : BACKOFF_MIN_MS;
    setup->backoff_max_ms = setup->backoff_max_ms ? setup->backoff_max_ms : BACKOFF_MAX_MS;
    setup->tick_ms = setup->tick_ms ? setup->tick_ms : TICK_MS;
    setup->group_bytes = setup->group_bytes ? setup->group_bytes : GROUP_BYTES;
    if (setup->group_batches == 0 || setup->group_batches > GROUP_MAX) {
        setup->group_batches = GROUP_MAX;
    }
}

int hd_sink_new_with(const struct hd_sink_setup *setup, hd_sink_done_fn *done, void *context,
                     struct hd_sink **ret, struct hd_diag *diag)
{
    struct hd_sink *sink = calloc(1, sizeof(*sink));
    if (!sink) {
        setup->ops->free(setup->self);
        return -ENOMEM;
    }
    sink->setup = *setup;
    set_defaults(&sink->setup);
    sink->done = done;
    sink->context = context;
    sink->joined = true;
    init_lock(sink);
    sink->target = (struct hd_target){
        .ops = setup->ops,
        .self = setup->self,
        .name = setup->options->name,
        .dead = setup->dead,
        .dead_documents = setup->dead_documents,
        .stop = &sink->stopping,
    };
    sink->status.name = setup->options->name;
    sink->status.kind = setup->ops->kind;
    sink->status.since_ms = hd_clock_realtime_ms();
    if (getrandom(&sink->random, sizeof(sink->random), GRND_NONBLOCK) < 0 || !sink->random) {
        sink->random = (uint64_t)hd_clock_realtime_ms() | 1;
    }
    int r = add_chunk(sink) ? 0 : -ENOMEM;
    if (r == 0 && !setup->self) {
        r = setup->ops->new (setup->options, &sink->target.self, diag);
    }
    r = r ? r : start_thread(sink);
    if (r) {
        hd_sink_free(sink);
        return r;
    }
    sink->joined = false;
    *ret = sink;
    return 0;
}

int hd_sink_new(const struct hd_output_options *options, struct hd_deadletter *dead,
                hd_sink_done_fn *done, void *context, struct hd_sink **ret, struct hd_diag *diag)
{
    const struct hd_output_ops *ops = hd_output_find(options->kind);
    if (!ops) {
        return hd_fail(diag, -EINVAL, "output %s: there is no kind '%s'", options->name,
                       options->kind);
    }
    return hd_sink_new_with(&(struct hd_sink_setup){.ops = ops, .options = options, .dead = dead},
                            done, context, ret, diag);
}

void hd_sink_on_broken(struct hd_sink *sink, hd_sink_broken_fn *broken)
{
    sink->broken = broken;
}

void hd_sink_reopen(struct hd_sink *sink)
{
    pthread_mutex_lock(&sink->lock);
    sink->reopen = true;
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
}

void hd_sink_status(struct hd_sink *sink, struct hd_sink_status *ret)
{
    pthread_mutex_lock(&sink->lock);
    *ret = sink->status;
    pthread_mutex_unlock(&sink->lock);
}

void hd_sink_stop(struct hd_sink *sink, void (*abandon)(void *context, struct hd_batch *batch))
{
    pthread_mutex_lock(&sink->lock);
    atomic_store(&sink->stopping, true);
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
    if (!sink->joined) {
        pthread_join(sink->thread, NULL);
        sink->joined = true;
    }
    for (size_t i = 0; i < sink->n_parcels; i++) {
        abandon(sink->context, sink->parcels[i].batch);
    }
    sink->n_parcels = 0;
    struct hd_batch *batch;
    while ((batch = pop(sink))) {
        abandon(sink->context, batch);
    }
    sink->status.waiting_batches = 0;
}

void hd_sink_free(struct hd_sink *sink)
{
    if (!sink) {
        return;
    }
    sink->setup.ops->free(sink->target.self);
    for (size_t i = 0; i < GROUP_MAX; i++) {
        hd_parcel_deinit(&sink->parcels[i]);
    }
    while (sink->chunks) {
        struct chunk *next = sink->chunks->next;
        free(sink->chunks);
        sink->chunks = next;
    }
    pthread_cond_destroy(&sink->changed);
    pthread_mutex_destroy(&sink->lock);
    free(sink);
}
