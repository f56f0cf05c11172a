/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks in front of an output that does what a case tells it to (none of the real ones answers
 * BLOCK or DEAD on demand), and the real file output where that is what matters.
 */
#include "src/output/sink.h"

#include <pthread.h>
#include <signal.h>

#include "hubdrain/budget.h"
#include "support.h"

/* ---- an output that obeys ---- */

static struct {
    pthread_mutex_t lock;
    enum hd_answer answer; /* for every document ... */
    unsigned dead_every;   /* ... but each n-th is DEAD */
    unsigned limit;        /* ... and only so many a delivery are not RETRY; 0: all */
    int commit;            /* what commit returns */
    int64_t retry_after_ms;
    bool explain; /* DEAD by hd_delivery_dead */
    bool hold;    /* deliver waits until told to stop */
    unsigned delivers, commits, reopens, ticks, frees;
    char order[4096]; /* the first document's number of each delivery */
} script = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define SCRIPT(statement)                                                                          \
    do {                                                                                           \
        pthread_mutex_lock(&script.lock);                                                          \
        statement;                                                                                 \
        pthread_mutex_unlock(&script.lock);                                                        \
    } while (0)

static unsigned peek(const unsigned *counter)
{
    unsigned value;
    SCRIPT(value = *counter);
    return value;
}

static int script_new(const struct hd_output_options *options, void **ret_self,
                      struct hd_diag *diag)
{
    (void)diag;
    *ret_self = (void *)(uintptr_t)options;
    return 0;
}

static void script_free(void *self)
{
    (void)self;
    SCRIPT(script.frees++);
}

static void script_deliver(void *self, struct hd_delivery *delivery)
{
    (void)self;
    pthread_mutex_lock(&script.lock);
    script.delivers++;
    bool hold = script.hold;
    unsigned taken = 0;
    for (uint32_t i = 0; i < delivery->batch->n_documents; i++) {
        if (delivery->answers[i] != HD_OUTPUT_PENDING) {
            continue;
        }
        if (taken == 0) {
            size_t len = strlen(script.order);
            const char *text = delivery->batch->text.data + delivery->batch->documents[i].start;
            snprintf(script.order + len, sizeof(script.order) - len, "%d ", atoi(text + 5));
        }
        taken++;
        if (script.limit && taken > script.limit) {
            delivery->answers[i] = HD_OUTPUT_RETRY;
        } else if (script.dead_every && i % script.dead_every == 0) {
            delivery->answers[i] = HD_OUTPUT_DEAD;
            if (script.explain) {
                hd_delivery_dead(delivery, i, "document %u is not wanted", i);
            }
        } else {
            delivery->answers[i] = script.answer;
        }
    }
    snprintf(delivery->reason, sizeof(delivery->reason), "the script says so");
    delivery->retry_after_ms = script.retry_after_ms;
    pthread_mutex_unlock(&script.lock);
    while (hold && !atomic_load(delivery->stop)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static int script_commit(void *self, struct hd_diag *diag)
{
    (void)self;
    int r;
    SCRIPT(r = script.commit; script.commits++);
    return r ? hd_fail(diag, r, "the commit failed") : 0;
}

static int script_reopen(void *self, struct hd_diag *diag)
{
    (void)self, (void)diag;
    SCRIPT(script.reopens++);
    return 0;
}

static void script_tick(void *self, int64_t realtime_ms)
{
    (void)self, (void)realtime_ms;
    SCRIPT(script.ticks++);
}

static const struct hd_output_ops script_ops = {
    .kind = "script",
    .new = script_new,
    .free = script_free,
    .deliver = script_deliver,
    .commit = script_commit,
    .reopen = script_reopen,
    .tick = script_tick,
};

/* ---- the owner ---- */

static atomic_uint n_done, n_abandoned, n_broken;
static char done_order[4096];
static struct hd_deadletter *dead;
static struct hd_diag diag;

/* Several sinks may share a batch: the last one frees it. */
static void on_done(void *context, struct hd_batch *batch)
{
    (void)context;
    if (atomic_fetch_sub(&batch->pending, 1) == 1) {
        size_t len = strlen(done_order);
        snprintf(done_order + len, sizeof(done_order) - len, "%d ",
                 batch->n_messages ? (int)batch->messages[0].sequence_number : -1);
        hd_batch_free(batch);
        atomic_fetch_add(&n_done, 1);
    }
}

static void on_abandon(void *context, struct hd_batch *batch)
{
    (void)context;
    if (atomic_fetch_sub(&batch->pending, 1) == 1) {
        hd_batch_free(batch);
        atomic_fetch_add(&n_abandoned, 1);
    }
}

static void on_broken(void *context, struct hd_sink *sink)
{
    (void)context, (void)sink;
    atomic_fetch_add(&n_broken, 1);
}

static struct hd_sink *start_with(int64_t backoff_min_ms, int64_t backoff_max_ms)
{
    static const struct hd_output_options options = {.name = "siem", .kind = "script"};
    struct hd_sink_setup setup = {.ops = &script_ops,
                                  .options = &options,
                                  .dead = dead,
                                  .backoff_min_ms = backoff_min_ms,
                                  .backoff_max_ms = backoff_max_ms,
                                  .tick_ms = 5};
    struct hd_sink *sink = NULL;
    if (hd_sink_new_with(&setup, on_done, NULL, &sink, &diag)) {
        abort();
    }
    return sink;
}

static void open_dead_with(uint64_t rotate_bytes, uint64_t max_bytes)
{
    struct hd_deadletter_options options = {
        .path = path_of("dead.ndjson"), .rotate_bytes = rotate_bytes, .max_bytes = max_bytes};
    if (hd_deadletter_new(&options, &dead, &diag)) {
        abort();
    }
}

static void open_dead(uint64_t max_bytes)
{
    open_dead_with(0, max_bytes);
}

static void begin(void)
{
    enter_folder();
    atomic_store(&n_done, 0);
    atomic_store(&n_abandoned, 0);
    atomic_store(&n_broken, 0);
    *done_order = *script.order = '\0';
    script.answer = HD_OUTPUT_ACK;
    script.dead_every = script.limit = 0;
    script.commit = 0;
    script.retry_after_ms = 0;
    script.explain = script.hold = false;
    script.delivers = script.commits = script.reopens = script.ticks = script.frees = 0;
    open_dead(0);
}

static void end(struct hd_sink *sink)
{
    hd_sink_stop(sink, on_abandon);
    hd_sink_free(sink);
    hd_deadletter_free(dead);
}

static void submit(struct hd_sink *sink, struct hd_batch *batch)
{
    atomic_store(&batch->pending, 1);
    hd_sink_submit(sink, batch);
}

static enum hd_sink_state state_of(struct hd_sink *sink)
{
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    return status.state;
}

static unsigned count_text(const char *path, const char *text)
{
    char *data = read_whole(path, NULL);
    unsigned n = 0;
    for (const char *at = data; at && (at = strstr(at, text)); at++) {
        n++;
    }
    free(data);
    return n;
}

/* ---- cases ---- */

static void delivers_in_order(void)
{
    begin();
    struct hd_sink *sink = start_with(1, 2);
    for (unsigned i = 0; i < 500; i++) {
        submit(sink, lines_batch(i * 3, i % 4 ? 3 : 0, 0)); /* some without documents */
    }
    WAIT_FOR(atomic_load(&n_done) == 500);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK_INT(status.acked, 375 * 3);
    CHECK_INT(status.waiting_batches, 0);
    CHECK_INT(status.state, HD_SINK_OK);
    CHECK_INT(status.retries, 0);
    CHECK_STR(status.name, "siem");
    CHECK_STR(status.kind, "script");
    int last = -1, number, n;
    for (const char *at = script.order; sscanf(at, "%d %n", &number, &n) == 1; at += n) {
        CHECK(number > last);
        last = number;
    }
    end(sink);
    CHECK_INT(atomic_load(&n_abandoned), 0);
    CHECK_INT(script.frees, 1);
}

static void groups_are_bounded(void)
{
    begin();
    SCRIPT(script.hold = true);
    struct hd_sink *sink = start_with(1, 2);
    submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(peek(&script.delivers) == 1);
    SCRIPT(script.hold = false);
    end(sink);

    /* 200 wait when the thread starts: 64 a commit at most */
    begin();
    SCRIPT(script.answer = HD_OUTPUT_RETRY);
    sink = start_with(1, 2);
    submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(peek(&script.delivers) > 0);
    for (unsigned i = 1; i <= 200; i++) {
        submit(sink, lines_batch(i, 1, 0));
    }
    unsigned before;
    SCRIPT(script.answer = HD_OUTPUT_ACK; before = script.commits);
    WAIT_FOR(atomic_load(&n_done) == 201);
    CHECK(peek(&script.commits) >= before + 1 + 200 / 64);
    end(sink);
}

static void retries_what_is_left(void)
{
    begin();
    SCRIPT(script.limit = 4);
    struct hd_sink *sink = start_with(1, 2);
    submit(sink, lines_batch(0, 10, 0));
    submit(sink, lines_batch(10, 2, 0));
    WAIT_FOR(atomic_load(&n_done) == 2);
    CHECK_STR(script.order, "0 4 8 10 "); /* the second one waited for the first */
    CHECK_STR(done_order, "0 10 ");
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK_INT(status.acked, 12);
    CHECK_INT(status.retries, 2);
    end(sink);
}

static void states_and_log(void)
{
    begin();
    int log = open(path_of("log"), O_RDWR | O_CREAT, 0600);
    hd_log_init(HD_LOG_INFO, HD_LOG_LOGFMT);
    hd_log_set_fd(log);
    SCRIPT(script.answer = HD_OUTPUT_RETRY);
    struct hd_sink *sink = start_with(1, 2);
    submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(peek(&script.delivers) > 5);
    CHECK_INT(state_of(sink), HD_SINK_RETRYING);
    SCRIPT(script.answer = HD_OUTPUT_BLOCK);
    WAIT_FOR(state_of(sink) == HD_SINK_BLOCKED);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK_STR(status.reason, "the script says so");
    CHECK(status.since_ms > 0 && status.retries > 5);
    CHECK_INT(status.waiting_batches, 1);
    SCRIPT(script.answer = HD_OUTPUT_ACK);
    WAIT_FOR(atomic_load(&n_done) == 1);
    end(sink);
    hd_log_set_fd(STDERR_FILENO);
    close(log);
    CHECK_INT(count_text(path_of("log"), "event=output.retrying"), 1);
    CHECK_INT(count_text(path_of("log"), "event=output.blocked"), 1);
    CHECK_INT(count_text(path_of("log"), "event=output.recovered"), 1);
    CHECK_INT(count_text(path_of("log"), "output=siem reason=\"the script says so\""), 2);
}

static void failed_commit(void)
{
    begin();
    SCRIPT(script.commit = -EIO);
    struct hd_sink *sink = start_with(1, 2);
    submit(sink, lines_batch(0, 5, 0));
    submit(sink, lines_batch(5, 5, 0));
    WAIT_FOR(peek(&script.commits) > 3);
    CHECK_INT(atomic_load(&n_done), 0);
    CHECK_INT(state_of(sink), HD_SINK_RETRYING);
    SCRIPT(script.commit = HD_OUTPUT_BLOCK);
    WAIT_FOR(state_of(sink) == HD_SINK_BLOCKED);
    SCRIPT(script.commit = 0);
    WAIT_FOR(atomic_load(&n_done) == 2);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK_INT(status.acked, 10); /* once, however often they were delivered */
    end(sink);
}

static void dead_documents(void)
{
    begin();
    SCRIPT(script.dead_every = 2; script.explain = true; script.limit = 3);
    struct hd_sink *sink = start_with(1, 2);
    submit(sink, lines_batch(40, 6, 0)); /* 0, 2 and 4 of it are dead */
    WAIT_FOR(atomic_load(&n_done) == 1);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK_INT(status.acked, 3);
    CHECK_INT(status.dead, 3);
    end(sink);
    const char *path = path_of("dead.ndjson");
    CHECK_INT(count_text(path, "\n"), 3);
    CHECK_INT(count_text(path, "\"output\":\"siem\",\"reason\":\"rejected\""), 3);
    CHECK_INT(count_text(path, "\"text\":\"document 2 is not wanted\""), 1);
    CHECK_INT(count_text(path, "\"body\":\"body 40\""), 1);
    CHECK_INT(count_text(path, "\"body\":\"body 42\""), 1);
    CHECK_INT(count_text(path, "\"body\":\"body 44\""), 1);
    CHECK_INT(count_text(path, "\"attempts\":2"), 1); /* 4: it was not among the first three */
    CHECK_INT(count_text(path, "\"offset\":\"1044\""), 1);
}

static void dead_letters_full(void)
{
    begin();
    SCRIPT(script.dead_every = 1);
    struct hd_sink *sink = start_with(1, 2);
    submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(atomic_load(&n_done) == 1);
    end(sink);
    open_dead((uint64_t)size_of(path_of("dead.ndjson")) * 7 / 2); /* three and a half of them */
    sink = start_with(1, 2);
    SCRIPT(script.dead_every = 1);
    submit(sink, lines_batch(1, 3, 0));
    WAIT_FOR(state_of(sink) == HD_SINK_BLOCKED);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK(strstr(status.reason, "have reached their limit of"));
    CHECK_INT(count_text(path_of("dead.ndjson"), "\n"), 1);
    CHECK_INT(atomic_load(&n_done), 1);
    unsigned delivers = peek(&script.delivers);
    unsigned ticks = peek(&script.ticks);
    WAIT_FOR(peek(&script.ticks) > ticks + 3);
    CHECK_INT(peek(&script.delivers), delivers); /* dead is dead: not delivered again */

    rename(path_of("dead.ndjson"), path_of("looked-at.ndjson")); /* someone makes room */
    hd_deadletter_reopen(dead, &diag);
    SCRIPT(script.dead_every = 0);
    WAIT_FOR(atomic_load(&n_done) == 2);
    CHECK_INT(count_text(path_of("dead.ndjson"), "\n"), 3);
    WAIT_FOR(state_of(sink) == HD_SINK_OK);
    end(sink);
}

static void dead_letter_sink(void)
{
    begin();
    struct hd_sink *sink;
    REQUIRE(hd_sink_new_deadletter(dead, on_done, NULL, &sink, &diag) == 0);
    submit(sink, lines_batch(0, 2, 0)); /* documents are not its business */
    struct hd_batch *batch = lines_batch(10, 2, 0);
    add_dead(batch, 1, "{\"half", 6);
    add_dead(batch, 0, "\xff\x00\x01", 3);
    submit(sink, batch);
    WAIT_FOR(atomic_load(&n_done) == 2);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK_INT(status.acked, 2);
    CHECK_INT(status.written_bytes, 9);
    CHECK_STR(status.name, "deadletter");
    end(sink);
    const char *path = path_of("dead.ndjson");
    CHECK_INT(count_text(path, "\n"), 2);
    CHECK_INT(count_text(path, "\"output\":\"decode\""), 2);
    CHECK_INT(count_text(path, "\"sequence_number\":11,"), 1);
    CHECK_INT(count_text(path, "\"body\":\"{\\\"half\""), 1);
    CHECK_INT(count_text(path, "\"body_base64\":\"/wAB\""), 1);
}

struct files {
    unsigned letters;
    int64_t largest;
};

static void look_at_file(const char *path, void *data)
{
    struct files *files = data;
    files->letters += count_text(path, "\"output\":");
    files->largest = size_of(path) > files->largest ? size_of(path) : files->largest;
}

/* However much comes at once, a file is not longer than it may be. */
static void large_groups_rotate(void)
{
    static char body[1000];
    memset(body, '"', sizeof(body)); /* twice as long in a string */
    begin();
    hd_deadletter_free(dead);
    open_dead_with(100000, 0);
    struct hd_sink *sink, *script_sink = start_with(1, 2);
    REQUIRE(hd_sink_new_deadletter(dead, on_done, NULL, &sink, &diag) == 0);
    for (unsigned i = 0; i < 3; i++) {
        struct hd_batch *batch = lines_batch(i, 1, 0);
        for (unsigned j = 0; j < 500; j++) {
            add_dead(batch, 0, body, sizeof(body));
        }
        submit(sink, batch);
    }
    WAIT_FOR(atomic_load(&n_done) == 3);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK_INT(status.acked, 1500);
    SCRIPT(script.dead_every = 1);
    submit(script_sink, lines_batch(10, 1000, 0));
    WAIT_FOR(atomic_load(&n_done) == 4);
    hd_sink_stop(sink, on_abandon);
    hd_sink_free(sink);
    end(script_sink);
    struct files files = {0};
    CHECK(each_file("dead", look_at_file, &files) < 80); /* nor much shorter */
    CHECK_INT(files.letters, 2500);
    CHECK(files.largest <= 100000);
    CHECK_STR(done_order, "0 1 2 10 ");
}

static void two_sinks(void)
{
    begin();
    struct hd_output_options options = {
        .name = "archive", .kind = "file", .file.path = path_of("out")};
    struct hd_sink *file, *slow;
    REQUIRE(hd_sink_new(&options, dead, on_done, NULL, &file, &diag) == 0);
    SCRIPT(script.answer = HD_OUTPUT_RETRY);
    slow = start_with(1, 2);
    for (unsigned i = 0; i < 20; i++) {
        struct hd_batch *batch = lines_batch(i * 5, 5, 0);
        atomic_store(&batch->pending, 2);
        hd_sink_submit(file, batch);
        hd_sink_submit(slow, batch);
    }
    struct hd_sink_status status;
    do {
        hd_sink_status(file, &status);
    } while (status.waiting_batches > 0);
    CHECK_INT(status.acked, 100);
    CHECK_INT(atomic_load(&n_done), 0); /* the other one has not had a single one */
    SCRIPT(script.answer = HD_OUTPUT_ACK);
    WAIT_FOR(atomic_load(&n_done) == 20);
    hd_sink_stop(file, on_abandon);
    hd_sink_free(file);
    end(slow);
    unsigned seen[100] = {0};
    struct tally tally = {.seen = seen, .n = 100};
    tally_file(path_of("out"), &tally);
    for (int i = 0; i < 100; i++) {
        CHECK_INT(seen[i], 1);
    }
}

static void stop_while_retrying(void)
{
    begin();
    SCRIPT(script.answer = HD_OUTPUT_RETRY);
    struct hd_sink *sink = start_with(3600000, 3600000);
    submit(sink, lines_batch(0, 3, 0));
    WAIT_FOR(state_of(sink) == HD_SINK_RETRYING);
    submit(sink, lines_batch(3, 3, 0));
    hd_sink_stop(sink, on_abandon); /* does not take an hour */
    CHECK_INT(atomic_load(&n_abandoned), 2);
    CHECK_INT(atomic_load(&n_done), 0);
    end(sink); /* stop again does no harm */
    CHECK_INT(atomic_load(&n_abandoned), 2);
}

static void stop_while_delivering(void)
{
    begin();
    SCRIPT(script.hold = true; script.limit = 1);
    struct hd_sink *sink = start_with(1, 2);
    submit(sink, lines_batch(0, 1, 0)); /* ends, and counts */
    submit(sink, lines_batch(1, 2, 0));
    WAIT_FOR(peek(&script.delivers) == 1);
    hd_sink_stop(sink, on_abandon);
    CHECK_INT(atomic_load(&n_done) + atomic_load(&n_abandoned), 2);
    CHECK_INT(atomic_load(&n_done), 1);
    end(sink);
}

static void reopen_ends_the_wait(void)
{
    begin();
    SCRIPT(script.answer = HD_OUTPUT_BLOCK);
    struct hd_sink *sink = start_with(3600000, 3600000);
    submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(state_of(sink) == HD_SINK_BLOCKED);
    unsigned ticks = peek(&script.ticks);
    WAIT_FOR(peek(&script.ticks) > ticks + 2); /* goes on while it waits */
    SCRIPT(script.answer = HD_OUTPUT_ACK);
    hd_sink_reopen(sink);
    WAIT_FOR(atomic_load(&n_done) == 1);
    CHECK_INT(peek(&script.reopens), 1);
    hd_sink_reopen(sink); /* idle */
    WAIT_FOR(peek(&script.reopens) == 2);
    end(sink);
}

static void retry_after(void)
{
    begin();
    SCRIPT(script.answer = HD_OUTPUT_RETRY; script.retry_after_ms = 3600000);
    struct hd_sink *sink = start_with(1, 1);
    submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(state_of(sink) == HD_SINK_RETRYING);
    unsigned ticks = peek(&script.ticks);
    WAIT_FOR(peek(&script.ticks) > ticks + 5);
    CHECK_INT(peek(&script.delivers), 1);
    end(sink);
}

static void broken(void)
{
    begin();
    SCRIPT(script.answer = HD_OUTPUT_BROKEN);
    struct hd_sink *sink = start_with(1, 2);
    hd_sink_on_broken(sink, on_broken);
    submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(atomic_load(&n_broken) == 1);
    CHECK_INT(state_of(sink), HD_SINK_BROKEN);
    submit(sink, lines_batch(1, 1, 0));
    CHECK_INT(peek(&script.delivers), 1);
    end(sink);
    CHECK_INT(atomic_load(&n_abandoned), 2);
    CHECK_INT(atomic_load(&n_broken), 1);
}

static void *submit_many(void *data)
{
    for (unsigned i = 0; i < 2000; i++) {
        submit(data, lines_batch(i, 1, 0));
    }
    return NULL;
}

static void many_threads(void)
{
    begin();
    struct hd_sink *sink = start_with(1, 2);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, submit_many, sink);
    }
    struct hd_sink_status status;
    for (int i = 0; i < 200; i++) {
        hd_sink_status(sink, &status);
        hd_sink_reopen(sink);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    WAIT_FOR(atomic_load(&n_done) == 6000);
    end(sink);
}

static void signals_are_blocked(void)
{
    /* the sink's thread would otherwise die of SIGXFSZ or SIGPIPE, and take the process along */
    begin();
    struct hd_sink *sink = start_with(1, 2);
    WAIT_FOR(peek(&script.ticks) > 0); /* glibc sets the mask a moment after the thread's start */
    char name[64] = "";
    struct dirent **entries;
    int n = scandir("/proc/self/task", &entries, NULL, NULL);
    bool found = false;
    for (int i = 0; i < n; i++) {
        char path[512], line[256];
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entries[i]->d_name);
        FILE *comm = fopen(path, "r");
        if (comm && fgets(name, sizeof(name), comm) && strcmp(name, "out-siem\n") == 0) {
            found = true;
            snprintf(path, sizeof(path), "/proc/self/task/%s/status", entries[i]->d_name);
            FILE *status = fopen(path, "r");
            while (status && fgets(line, sizeof(line), status)) {
                unsigned long long mask;
                if (sscanf(line, "SigBlk: %llx", &mask) == 1) {
                    CHECK(mask >> (SIGPIPE - 1) & 1);
                    CHECK(mask >> (SIGXFSZ - 1) & 1);
                    CHECK(mask >> (SIGTERM - 1) & 1);
                    CHECK(!(mask >> (SIGSEGV - 1) & 1));
                }
            }
            if (status) {
                fclose(status);
            }
        }
        if (comm) {
            fclose(comm);
        }
        free(entries[i]);
    }
    free(entries);
    CHECK(found);
    end(sink);
}

static void kinds(void)
{
    const char *const *names = hd_output_kinds();
    int n = 0;
    for (; names[n]; n++) {
        CHECK(hd_output_find(names[n]) && strcmp(hd_output_find(names[n])->kind, names[n]) == 0);
    }
    CHECK_INT(n, 2);
    CHECK(!hd_output_find("fax") && !hd_output_find(NULL));
    struct hd_sink *sink;
    struct hd_output_options options = {.name = "x", .kind = "fax"};
    CHECK_INT(hd_sink_new(&options, NULL, on_done, NULL, &sink, &diag), -EINVAL);
    CHECK(strstr(diag.text, "fax"));
    hd_sink_free(NULL);
}

HD_TEST_MAIN({"delivers everything, in order", delivers_in_order},
             {"groups are bounded", groups_are_bounded},
             {"tries again what is left, and holds back the rest", retries_what_is_left},
             {"states, and one line in the log for each", states_and_log},
             {"a commit that fails takes back the ACKs", failed_commit},
             {"DEAD documents become dead letters", dead_documents},
             {"dead letters full: BLOCK until someone makes room", dead_letters_full},
             {"the sink of decode's dead letters", dead_letter_sink},
             {"dead letters of a large group are rotated", large_groups_rotate},
             {"two sinks: done when both are", two_sinks},
             {"stop ends the wait for a retry", stop_while_retrying},
             {"stop lets a delivery end", stop_while_delivering},
             {"reopen ends the wait for a retry", reopen_ends_the_wait},
             {"retry-after is honoured", retry_after},
             {"broken: called once, then silence", broken},
             {"submitting from many threads", many_threads},
             {"the thread blocks signals", signals_are_blocked}, {"the table of kinds", kinds})
