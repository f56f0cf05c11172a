/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * One slot a partition, kept for as long as the checkpointer lives; a dropped slot has no window. A
 * slot that should be written stands in a queue. Its watermark is read only when its write starts,
 * so that a write that had to wait carries the newest position.
 *
 * A write that is under way when its partition is dropped cannot be called back. It belongs to an
 * older generation of the slot: its answer changes nothing, and the next write of that partition
 * waits for it, so that the two cannot arrive in the wrong order.
 *
 * Whether a failed write arrived is unknown; writing the same or a later position again is right
 * in both cases.
 *
 * An outage of the store concerns every partition, so the log hears of it once (again only when its
 * kind changes), and once when the last partition is well again.
 */
#include "hubdrain/checkpointer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hubdrain/log.h"
#include "hubdrain/loop.h"

enum { DEFAULT_INTERVAL_MS = 30000, DEFAULT_MAX_WRITES = 8, FLUSH_RETRY_MS = 500 };

struct slot {
    struct hd_checkpointer *owner;
    char partition[HD_PARTITION_ID_SIZE];
    const struct hd_window *window; /* NULL: dropped */
    uint64_t generation;            /* of the window */
    struct hd_position written;
    int64_t written_ms;

    struct slot *next_queued;
    bool queued;

    bool writing;
    uint64_t writing_generation;
    struct hd_position under_way;

    uint32_t attempts; /* failed in a row; 0: well */
    int64_t retry_at_ms, failing_since_ms;
    enum hd_store_result result;
    char reason[256];
};

struct hd_checkpointer {
    struct hd_loop *loop;
    struct hd_store *store;
    struct hd_checkpointer_options options;
    struct slot **slots; /* sorted by partition */
    size_t n_slots, cap_slots;

    struct slot *first_queued, **last_queued;
    uint32_t n_writing;
    uint32_t n_failing;
    uint64_t events; /* since the last round */
    uint64_t writes, failures;
    uint64_t random;

    struct hd_timer interval, retry;
    enum hd_store_result logged; /* the kind of outage that the log has heard of */
    int64_t outage_since_ms;

    void (*flushed)(void *context); /* NULL: no flush is under way */
    void *flushed_context;
    bool flush_expired;
    struct hd_timer flush_deadline, flush_answer;
};

static void write_queued(struct hd_checkpointer *self);

/* ---- slots ---- */

/* Where it is, or where it would have to be inserted. */
static size_t slot_index(const struct hd_checkpointer *self, const char *partition, bool *ret_found)
{
    size_t low = 0, high = self->n_slots;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(self->slots[middle]->partition, partition);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = false;
    return low;
}

static struct slot *slot_find(const struct hd_checkpointer *self, const char *partition)
{
    bool found;
    size_t at = slot_index(self, partition, &found);
    return found ? self->slots[at] : NULL;
}

static struct slot *slot_make(struct hd_checkpointer *self, const char *partition)
{
    bool found;
    size_t at = slot_index(self, partition, &found);
    if (found) {
        return self->slots[at];
    }
    if (self->n_slots == self->cap_slots) {
        size_t cap = self->cap_slots ? self->cap_slots * 2 : 32;
        struct slot **slots = realloc(self->slots, cap * sizeof(*slots));
        if (!slots) {
            return NULL;
        }
        self->slots = slots;
        self->cap_slots = cap;
    }
    struct slot *slot = calloc(1, sizeof(*slot));
    if (!slot) {
        return NULL;
    }
    slot->owner = self;
    memcpy(slot->partition, partition, strlen(partition) + 1);
    memmove(&self->slots[at + 1], &self->slots[at], (self->n_slots - at) * sizeof(*self->slots));
    self->slots[at] = slot;
    self->n_slots++;
    return slot;
}

/* true: its watermark is beyond what the store is known to hold. */
static bool unwritten(const struct slot *slot, struct hd_position *ret)
{
    return slot->window && hd_window_watermark(slot->window, ret) &&
           ret->sequence_number > slot->written.sequence_number;
}

static void enqueue(struct slot *slot)
{
    struct hd_checkpointer *self = slot->owner;
    if (!slot->queued) {
        slot->queued = true;
        slot->next_queued = NULL;
        *self->last_queued = slot;
        self->last_queued = &slot->next_queued;
    }
}

static struct slot *dequeue(struct hd_checkpointer *self)
{
    struct slot *slot = self->first_queued;
    if (slot) {
        self->first_queued = slot->next_queued;
        if (!self->first_queued) {
            self->last_queued = &self->first_queued;
        }
        slot->queued = false;
    }
    return slot;
}

/* Everything that has moved and is not waiting for its next attempt. */
static void enqueue_moved(struct hd_checkpointer *self)
{
    struct hd_position position;
    int64_t now_ms = hd_loop_now_ms(self->loop);
    self->events = 0;
    for (size_t i = 0; i < self->n_slots; i++) {
        struct slot *slot = self->slots[i];
        bool waits = slot->attempts > 0 && slot->retry_at_ms > now_ms;
        if (!waits && unwritten(slot, &position)) {
            enqueue(slot);
        }
    }
}

/* ---- failure and recovery ---- */

static int64_t backoff_ms(struct hd_checkpointer *self, uint32_t attempts)
{
    int64_t delay = self->options.backoff_min_ms;
    for (uint32_t i = 1; i < attempts && delay < self->options.backoff_max_ms; i++) {
        delay *= 2;
    }
    delay = delay < self->options.backoff_max_ms ? delay : self->options.backoff_max_ms;
    /* Between half and all of it: a thousand partitions must not come back in the same second. */
    self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    delay = delay / 2 + (int64_t)((self->random >> 33) % (uint64_t)(delay / 2 + 1));
    return self->flushed && delay > FLUSH_RETRY_MS ? FLUSH_RETRY_MS : delay;
}

static void arm_retry(struct hd_checkpointer *self)
{
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < self->n_slots; i++) {
        const struct slot *slot = self->slots[i];
        if (slot->attempts > 0 && !slot->writing && !slot->queued && slot->retry_at_ms < earliest) {
            earliest = slot->retry_at_ms;
        }
    }
    if (earliest == INT64_MAX) {
        hd_timer_stop(&self->retry);
    } else {
        hd_timer_start(&self->retry, earliest - hd_loop_now_ms(self->loop));
    }
}

static void on_retry(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_checkpointer *self = data;
    int64_t now_ms = hd_loop_now_ms(self->loop);
    for (size_t i = 0; i < self->n_slots; i++) {
        struct slot *slot = self->slots[i];
        if (slot->attempts > 0 && !slot->writing && slot->retry_at_ms <= now_ms) {
            enqueue(slot);
        }
    }
    write_queued(self);
    arm_retry(self);
}

static void slot_failed(struct slot *slot, enum hd_store_result result, const char *reason)
{
    struct hd_checkpointer *self = slot->owner;
    self->failures++;
    slot->result = result;
    snprintf(slot->reason, sizeof(slot->reason), "%s", reason);
    if (slot->attempts++ == 0) {
        slot->failing_since_ms = hd_loop_realtime_ms(self->loop);
        if (self->n_failing++ == 0) {
            self->outage_since_ms = hd_loop_now_ms(self->loop);
        }
    }
    slot->retry_at_ms = hd_loop_now_ms(self->loop) + backoff_ms(self, slot->attempts);
    if (self->logged != result) {
        self->logged = result;
        hd_log(result == HD_STORE_UNAVAILABLE ? HD_LOG_WARNING : HD_LOG_ERROR, "checkpoint.failed",
               "a checkpoint was not written; draining goes on and the write is tried again, but "
               "what is delivered meanwhile comes again if hubdrain restarts now",
               HD_STR("partition", slot->partition),
               HD_STR("store", hd_store_describe(self->store)), HD_STR("error", reason));
    }
}

static void slot_well(struct slot *slot)
{
    struct hd_checkpointer *self = slot->owner;
    slot->result = HD_STORE_OK;
    slot->reason[0] = '\0';
    if (slot->attempts == 0) {
        return;
    }
    slot->attempts = 0;
    slot->failing_since_ms = 0;
    if (--self->n_failing == 0) {
        self->logged = HD_STORE_OK;
        hd_log(HD_LOG_NOTICE, "checkpoint.recovered", "checkpoints are written again",
               HD_STR("store", hd_store_describe(self->store)),
               HD_INT("after_ms", hd_loop_now_ms(self->loop) - self->outage_since_ms));
    }
}

/* ---- flush ---- */

static uint32_t count_unwritten(const struct hd_checkpointer *self)
{
    uint32_t n = 0;
    struct hd_position position;
    for (size_t i = 0; i < self->n_slots; i++) {
        n += unwritten(self->slots[i], &position);
    }
    return n;
}

static void check_flushed(struct hd_checkpointer *self)
{
    if (self->flushed && !hd_timer_running(&self->flush_answer) && self->n_writing == 0 &&
        !self->first_queued && count_unwritten(self) == 0) {
        hd_timer_start(&self->flush_answer, 0);
    }
}

static void on_flush_deadline(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_checkpointer *self = data;
    self->flush_expired = true;
    hd_timer_start(&self->flush_answer, 0);
}

static void on_flush_answer(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_checkpointer *self = data;
    uint32_t left = count_unwritten(self);
    if (left > 0 && !self->flush_expired) {
        return; /* a watermark moved meanwhile; its write will ask again */
    }
    if (left > 0) {
        hd_log(HD_LOG_WARNING, "checkpoint.unwritten",
               "the last checkpoints could not be written in time; what they cover will come again",
               HD_INT("partitions", left), HD_STR("store", hd_store_describe(self->store)));
    }
    void (*done)(void *context) = self->flushed;
    self->flushed = NULL;
    hd_timer_stop(&self->flush_deadline);
    done(self->flushed_context); /* may free us */
}

void hd_checkpointer_flush(struct hd_checkpointer *self, int64_t timeout_ms,
                           void (*done)(void *context), void *context)
{
    self->flushed = done;
    self->flushed_context = context;
    self->flush_expired = false;
    hd_timer_stop(&self->flush_answer);
    hd_timer_start(&self->flush_deadline, timeout_ms);
    for (size_t i = 0; i < self->n_slots; i++) {
        self->slots[i]->retry_at_ms = 0; /* no waiting for the backoff of before */
    }
    enqueue_moved(self);
    write_queued(self);
    arm_retry(self);
    check_flushed(self);
}

/* ---- writing ---- */

static void on_written(void *context, enum hd_store_result result, const struct hd_diag *diag)
{
    struct slot *slot = context;
    struct hd_checkpointer *self = slot->owner;
    struct hd_position position;
    self->n_writing--;
    slot->writing = false;
    if (slot->writing_generation == slot->generation && slot->window) {
        if (result == HD_STORE_OK) {
            self->writes++;
            slot->written = slot->under_way;
            slot->written_ms = hd_loop_realtime_ms(self->loop);
            slot_well(slot);
        } else {
            slot_failed(slot, result, diag ? diag->text : "no reason given");
        }
    } else if (unwritten(slot, &position)) {
        enqueue(slot); /* it waited for the write of an older generation */
    }
    if (self->flushed && slot->attempts == 0 && unwritten(slot, &position)) {
        enqueue(slot);
    }
    write_queued(self);
    arm_retry(self);
    check_flushed(self);
}

static void start_write(struct slot *slot, const struct hd_position *position)
{
    struct hd_checkpointer *self = slot->owner;
    int r = hd_store_write(self->store, slot->partition, position, on_written, slot);
    if (r < 0) {
        slot_failed(slot, HD_STORE_UNAVAILABLE, strerror(-r));
        return;
    }
    slot->under_way = *position;
    slot->writing = true;
    slot->writing_generation = slot->generation;
    self->n_writing++;
}

static void write_queued(struct hd_checkpointer *self)
{
    while (self->n_writing < self->options.max_writes) {
        struct slot *slot = dequeue(self);
        if (!slot) {
            break;
        }
        struct hd_position position;
        if (!slot->writing && unwritten(slot, &position)) {
            start_write(slot, &position);
        }
    }
}

static void on_interval(struct hd_timer *timer, void *data)
{
    struct hd_checkpointer *self = data;
    hd_timer_start(timer, self->options.interval_ms);
    enqueue_moved(self);
    write_queued(self);
    arm_retry(self);
}

/* ---- public ---- */

int hd_checkpointer_new(struct hd_loop *loop, struct hd_store *store,
                        const struct hd_checkpointer_options *options, struct hd_checkpointer **ret)
{
    struct hd_checkpointer *self = calloc(1, sizeof(*self));
    if (!self) {
        return -ENOMEM;
    }
    self->loop = loop;
    self->store = store;
    self->options = *options;
    struct hd_checkpointer_options *o = &self->options;
    o->interval_ms = o->interval_ms > 0 ? o->interval_ms : DEFAULT_INTERVAL_MS;
    o->max_writes = o->max_writes > 0 ? o->max_writes : DEFAULT_MAX_WRITES;
    o->backoff_min_ms = o->backoff_min_ms > 0 ? o->backoff_min_ms : 1000;
    o->backoff_max_ms = o->backoff_max_ms > 0 ? o->backoff_max_ms : 60000;
    self->last_queued = &self->first_queued;
    self->random = (uint64_t)hd_loop_realtime_ms(loop);
    hd_timer_init(&self->interval, loop, on_interval, self);
    hd_timer_init(&self->retry, loop, on_retry, self);
    hd_timer_init(&self->flush_deadline, loop, on_flush_deadline, self);
    hd_timer_init(&self->flush_answer, loop, on_flush_answer, self);
    hd_timer_start(&self->interval, o->interval_ms);
    *ret = self;
    return 0;
}

void hd_checkpointer_free(struct hd_checkpointer *self)
{
    if (!self) {
        return;
    }
    hd_timer_stop(&self->interval);
    hd_timer_stop(&self->retry);
    hd_timer_stop(&self->flush_deadline);
    hd_timer_stop(&self->flush_answer);
    for (size_t i = 0; i < self->n_slots; i++) {
        if (self->slots[i]->writing) {
            hd_store_cancel(self->store, self->slots[i]);
        }
        free(self->slots[i]);
    }
    free(self->slots);
    free(self);
}

/* What was known of the slot was about another window. */
static void forget(struct slot *slot)
{
    slot->window = NULL;
    slot->generation++;
    if (slot->attempts > 0) {
        slot->attempts = 0;
        slot->failing_since_ms = 0;
        if (--slot->owner->n_failing == 0) {
            slot->owner->logged = HD_STORE_OK; /* the next outage is a new one */
        }
    }
    slot->result = HD_STORE_OK;
    slot->reason[0] = '\0';
}

int hd_checkpointer_add(struct hd_checkpointer *self, const char *partition,
                        const struct hd_window *window, const struct hd_position *stored)
{
    if (!partition[0] || strlen(partition) >= HD_PARTITION_ID_SIZE) {
        return -EINVAL;
    }
    struct slot *slot = slot_make(self, partition);
    if (!slot) {
        return -ENOMEM;
    }
    forget(slot);
    slot->window = window;
    slot->written = stored ? *stored : (struct hd_position){.sequence_number = -1};
    slot->written_ms = 0;
    return 0;
}

void hd_checkpointer_drop(struct hd_checkpointer *self, const char *partition)
{
    struct slot *slot = slot_find(self, partition);
    if (slot) {
        forget(slot);
        check_flushed(self);
    }
}

void hd_checkpointer_moved(struct hd_checkpointer *self, const char *partition, uint64_t events)
{
    self->events += events;
    if (self->options.events > 0 && self->events >= self->options.events) {
        enqueue_moved(self);
        write_queued(self);
        arm_retry(self);
    } else if (self->flushed) {
        struct slot *slot = slot_find(self, partition);
        if (slot) {
            enqueue(slot);
            write_queued(self);
            arm_retry(self);
        }
    }
}

bool hd_checkpointer_status(const struct hd_checkpointer *self, const char *partition,
                            struct hd_checkpointer_status *ret)
{
    const struct slot *slot = slot_find(self, partition);
    if (!slot || !slot->window) {
        return false;
    }
    *ret = (struct hd_checkpointer_status){
        .written = slot->written,
        .written_ms = slot->written_ms,
        .watermark = {.sequence_number = -1},
        .failing_since_ms = slot->failing_since_ms,
        .result = slot->result,
    };
    hd_window_watermark(slot->window, &ret->watermark);
    memcpy(ret->reason, slot->reason, sizeof(ret->reason));
    return true;
}

void hd_checkpointer_totals(const struct hd_checkpointer *self, struct hd_checkpointer_totals *ret)
{
    *ret = (struct hd_checkpointer_totals){
        .writes = self->writes,
        .failures = self->failures,
        .unwritten = count_unwritten(self),
        .failing = self->n_failing,
    };
}
