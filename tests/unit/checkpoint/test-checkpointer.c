/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpointer on a virtual loop, with a store that answers, fails or hangs as a case wants,
 * and that checks on its own that nobody writes backwards or twice at a time. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hubdrain/checkpointer.h"
#include "hubdrain/log.h"
#include "hubdrain/loop.h"
#include "src/checkpoint/store_ops.h"
#include "test.h"

/* ---- the store ---- */

enum mode { ANSWER, FAIL, DENY, HANG, NO_MEMORY };

struct asked {
    struct asked *next;
    struct hd_timer timer;
    char partition[HD_PARTITION_ID_SIZE];
    struct hd_position position;
    enum hd_store_result result;
    hd_store_write_fn *fn;
    void *context;
    struct script *script;
};

struct script {
    struct hd_store store;
    enum mode mode;
    int64_t delay_ms;
    struct asked *asked; /* not answered yet */
    int writes, under_way, most_under_way;
    bool fault; /* the checkpointer broke a rule */
    struct {
        char partition[HD_PARTITION_ID_SIZE];
        int64_t sequence_number;
        int writes;
    } held[64];
    size_t n_held;
};

static void forget(struct asked *asked)
{
    struct asked **at = &asked->script->asked;
    while (*at != asked) {
        at = &(*at)->next;
    }
    *at = asked->next;
    hd_timer_stop(&asked->timer);
    asked->script->under_way--;
    free(asked);
}

static void answer(struct asked *asked)
{
    struct script *script = asked->script;
    hd_store_write_fn *fn = asked->fn;
    void *context = asked->context;
    enum hd_store_result result = asked->result;
    struct hd_diag diag = {.text = "the store is down"};
    if (result == HD_STORE_OK) {
        size_t i = 0;
        while (i < script->n_held && strcmp(script->held[i].partition, asked->partition) != 0) {
            i++;
        }
        if (i == script->n_held) {
            memcpy(script->held[script->n_held++].partition, asked->partition,
                   sizeof(asked->partition));
            script->held[i].sequence_number = -1;
        }
        script->fault |= asked->position.sequence_number <= script->held[i].sequence_number;
        script->held[i].sequence_number = asked->position.sequence_number;
        script->held[i].writes++;
    }
    forget(asked);
    fn(context, result, result == HD_STORE_OK ? NULL : &diag);
}

static void on_answer(struct hd_timer *timer, void *data)
{
    (void)timer;
    answer(data);
}

static int script_list(struct hd_store *store, hd_store_list_fn *fn, void *context)
{
    (void)store;
    (void)fn;
    (void)context;
    return -ENOSYS;
}

static int script_write(struct hd_store *store, const char *partition,
                        const struct hd_position *position, hd_store_write_fn *fn, void *context)
{
    struct script *script = (struct script *)store;
    if (script->mode == NO_MEMORY) {
        return -ENOMEM;
    }
    for (struct asked *at = script->asked; at; at = at->next) {
        script->fault |= strcmp(at->partition, partition) == 0; /* two at a time */
    }
    struct asked *asked = calloc(1, sizeof(*asked));
    if (!asked) {
        return -ENOMEM;
    }
    *asked = (struct asked){.next = script->asked,
                            .position = *position,
                            .result = script->mode == FAIL   ? HD_STORE_UNAVAILABLE
                                      : script->mode == DENY ? HD_STORE_DENIED
                                                             : HD_STORE_OK,
                            .fn = fn,
                            .context = context,
                            .script = script};
    snprintf(asked->partition, sizeof(asked->partition), "%s", partition);
    hd_timer_init(&asked->timer, store->loop, on_answer, asked);
    script->asked = asked;
    script->writes++;
    script->under_way++;
    if (script->under_way > script->most_under_way) {
        script->most_under_way = script->under_way;
    }
    if (script->mode != HANG) {
        hd_timer_start(&asked->timer, script->delay_ms);
    }
    return 0;
}

static void script_cancel(struct hd_store *store, void *context)
{
    struct asked *next;
    for (struct asked *at = ((struct script *)store)->asked; at; at = next) {
        next = at->next;
        if (at->context == context) {
            forget(at);
        }
    }
}

static void script_free(struct hd_store *store)
{
    (void)store;
}

static const struct hd_store_ops script_ops = {script_list, script_write, script_cancel,
                                               script_free};

/* ---- the bench ---- */

static struct hd_loop *loop;
static struct script script;
static struct hd_checkpointer *checkpointer;
static struct hd_window *windows[64];
static int flushed;
static int log_fd;

static void set_up(const struct hd_checkpointer_options *options)
{
    script = (struct script){0};
    flushed = 0;
    log_fd = memfd_create("log", MFD_CLOEXEC);
    hd_log_init(HD_LOG_INFO, HD_LOG_LOGFMT);
    hd_log_set_fd(log_fd);
    if (hd_loop_new_virtual(1700000000000, &loop) < 0) {
        abort();
    }
    script.store = (struct hd_store){&script_ops, loop, "script"};
    if (hd_checkpointer_new(loop, &script.store, options, &checkpointer) < 0) {
        abort();
    }
}

static void tear_down(void)
{
    CHECK(!script.fault);
    hd_checkpointer_free(checkpointer);
    CHECK(!script.asked);
    for (size_t i = 0; i < 64; i++) {
        hd_window_free(windows[i]);
        windows[i] = NULL;
    }
    hd_loop_free(loop);
    hd_log_set_fd(STDERR_FILENO);
    close(log_fd);
}

/* How often the log has the word so far. */
static int logged(const char *word)
{
    static char text[65536];
    ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);
    int count = 0;
    text[n > 0 ? n : 0] = '\0';
    for (const char *p = text; (p = strstr(p, word)); p++) {
        count++;
    }
    return count;
}

static const char *name(size_t i)
{
    static char text[8];
    snprintf(text, sizeof(text), "%zu", i);
    return text;
}

static void add(size_t i, const struct hd_position *stored)
{
    hd_window_free(windows[i]);
    if (hd_window_new(&windows[i]) < 0) {
        abort();
    }
    CHECK_INT(hd_checkpointer_add(checkpointer, name(i), windows[i], stored), 0);
}

static void move(size_t i, int64_t sequence_number)
{
    char offset[32];
    snprintf(offset, sizeof(offset), "%" PRId64 "0", sequence_number);
    CHECK_INT(hd_window_push(windows[i], sequence_number, hd_slice_cstr(offset), 0), 0);
    hd_checkpointer_moved(checkpointer, name(i), 1);
}

static int64_t held(size_t i)
{
    for (size_t k = 0; k < script.n_held; k++) {
        if (strcmp(script.held[k].partition, name(i)) == 0) {
            return script.held[k].sequence_number;
        }
    }
    return -1;
}

static void on_flushed(void *context)
{
    CHECK(context == &flushed);
    flushed++;
}

static const struct hd_checkpointer_options defaults = {.interval_ms = 30000};

/* ---- cases ---- */

static void only_what_moved(void)
{
    set_up(&defaults);
    for (size_t i = 0; i < 3; i++) {
        add(i, NULL);
    }
    hd_loop_advance(loop, 90000);
    CHECK_INT(script.writes, 0);
    move(1, 5);
    hd_loop_advance(loop, 29999);
    CHECK_INT(script.writes, 0);
    hd_loop_advance(loop, 1);
    CHECK_INT(script.writes, 1);
    CHECK_INT(held(1), 5);
    hd_loop_advance(loop, 300000);
    CHECK_INT(script.writes, 1);
    struct hd_checkpointer_status status;
    REQUIRE(hd_checkpointer_status(checkpointer, "1", &status));
    CHECK_INT(status.written.sequence_number, 5);
    CHECK_STR(status.written.offset, "50");
    CHECK_INT(status.written_ms, 1700000000000 + 120000);
    CHECK_INT(status.watermark.sequence_number, 5);
    CHECK_INT(status.failing_since_ms, 0);
    REQUIRE(hd_checkpointer_status(checkpointer, "0", &status));
    CHECK_INT(status.written.sequence_number, -1);
    CHECK_INT(status.watermark.sequence_number, -1);
    CHECK(!hd_checkpointer_status(checkpointer, "7", &status));
    tear_down();
}

static void a_hole_writes_nothing(void)
{
    set_up(&defaults);
    add(0, NULL);
    CHECK_INT(hd_window_push(windows[0], 1, hd_slice_cstr("1"), 1), 0);
    move(0, 2);
    hd_loop_advance(loop, 60000);
    CHECK_INT(script.writes, 0);
    CHECK_INT(hd_window_ack(windows[0], 1, 1), 0);
    hd_loop_advance(loop, 30000);
    CHECK_INT(script.writes, 1);
    CHECK_INT(held(0), 2);
    tear_down();
}

static void after_n_events(void)
{
    set_up(&(struct hd_checkpointer_options){.interval_ms = 1000000, .events = 10});
    add(0, NULL);
    add(1, NULL);
    for (int64_t seq = 0; seq < 9; seq++) {
        move((size_t)seq % 2, seq);
    }
    hd_loop_advance(loop, 100);
    CHECK_INT(script.writes, 0);
    move(0, 100);
    hd_loop_advance(loop, 100);
    CHECK_INT(script.writes, 2);
    CHECK_INT(held(0), 100);
    CHECK_INT(held(1), 7);
    move(0, 101);
    hd_loop_advance(loop, 100);
    CHECK_INT(script.writes, 2);
    tear_down();
}

static void what_is_stored_counts(void)
{
    struct hd_position stored = {.sequence_number = 50, .offset = "500"};
    set_up(&defaults);
    add(0, &stored);
    move(0, 40); /* a replay from before it */
    hd_loop_advance(loop, 60000);
    CHECK_INT(script.writes, 0); /* never backwards */
    move(0, 50);
    hd_loop_advance(loop, 60000);
    CHECK_INT(script.writes, 0);
    move(0, 51);
    hd_loop_advance(loop, 30000);
    CHECK_INT(script.writes, 1);
    CHECK_INT(held(0), 51);
    tear_down();
}

static void one_write_a_partition(void)
{
    set_up(&defaults);
    script.delay_ms = 70000; /* slower than the interval */
    add(0, NULL);
    for (int64_t seq = 0; seq < 100; seq++) {
        move(0, seq);
        hd_loop_advance(loop, 10000);
    }
    CHECK_INT(script.most_under_way, 1);
    CHECK(script.writes > 5);
    hd_loop_advance(loop, 200000);
    CHECK_INT(held(0), 99);
    tear_down();
}

static void bounded_concurrency(void)
{
    set_up(&(struct hd_checkpointer_options){.interval_ms = 30000, .max_writes = 8});
    script.delay_ms = 100;
    for (size_t i = 0; i < 60; i++) {
        add(i, NULL);
        move(i, 1);
    }
    hd_loop_advance(loop, 30050);
    move(59, 2); /* still waiting: its write carries the newest */
    hd_loop_advance(loop, 900);
    CHECK_INT(script.writes, 60);
    CHECK_INT(script.most_under_way, 8);
    CHECK_INT(held(59), 2);
    CHECK_INT(held(0), 1);
    tear_down();
}

static void failure_and_recovery(void)
{
    struct hd_checkpointer_status status;
    struct hd_checkpointer_totals totals;
    set_up(&defaults);
    script.mode = FAIL;
    for (size_t i = 0; i < 20; i++) {
        add(i, NULL);
        move(i, 1);
    }
    hd_loop_advance(loop, 600000);
    CHECK_INT(logged("checkpoint.failed"), 1);
    CHECK(logged("the store is down") == 1);
    CHECK_INT(logged("checkpoint.recovered"), 0);
    /* 1, 2, 4 ... 60 s: about sixteen attempts a partition in ten minutes, at least nine. */
    CHECK(script.writes >= 20 * 9 && script.writes <= 20 * 26);
    REQUIRE(hd_checkpointer_status(checkpointer, "3", &status));
    CHECK_INT(status.failing_since_ms, 1700000000000 + 30000);
    CHECK_INT(status.result, HD_STORE_UNAVAILABLE);
    CHECK_STR(status.reason, "the store is down");
    CHECK_INT(status.written.sequence_number, -1);
    hd_checkpointer_totals(checkpointer, &totals);
    CHECK_INT(totals.failing, 20);
    CHECK_INT(totals.unwritten, 20);
    CHECK_INT(totals.writes, 0);
    CHECK(totals.failures >= 20 * 9);

    script.mode = DENY; /* another kind of outage is worth a line */
    hd_loop_advance(loop, 120000);
    CHECK_INT(logged("checkpoint.failed"), 2);

    move(3, 9);
    script.mode = ANSWER;
    hd_loop_advance(loop, 60000);
    CHECK_INT(logged("checkpoint.recovered"), 1);
    CHECK_INT(held(3), 9);
    CHECK_INT(held(19), 1);
    REQUIRE(hd_checkpointer_status(checkpointer, "3", &status));
    CHECK_INT(status.failing_since_ms, 0);
    CHECK_STR(status.reason, "");
    int writes = script.writes;
    hd_loop_advance(loop, 600000);
    CHECK_INT(script.writes, writes);
    script.mode = FAIL; /* a second outage is told again */
    move(3, 10);
    hd_loop_advance(loop, 60000);
    CHECK_INT(logged("checkpoint.failed"), 3);
    tear_down();
}

static void no_memory_is_a_failure(void)
{
    set_up(&defaults);
    script.mode = NO_MEMORY;
    add(0, NULL);
    move(0, 1);
    hd_loop_advance(loop, 40000);
    CHECK_INT(logged("checkpoint.failed"), 1);
    script.mode = ANSWER;
    hd_loop_advance(loop, 60000);
    CHECK_INT(held(0), 1);
    CHECK_INT(logged("checkpoint.recovered"), 1);
    tear_down();
}

static void dropped_is_never_written(void)
{
    set_up(&defaults);
    add(0, NULL);
    add(1, NULL);
    move(0, 1);
    move(1, 1);
    hd_checkpointer_drop(checkpointer, "0");
    hd_checkpointer_drop(checkpointer, "no such");
    hd_window_free(windows[0]);
    windows[0] = NULL;
    hd_loop_advance(loop, 60000);
    CHECK_INT(script.writes, 1);
    CHECK_INT(held(0), -1);
    struct hd_checkpointer_status status;
    CHECK(!hd_checkpointer_status(checkpointer, "0", &status));

    /* While it fails: the retry is off. */
    script.mode = FAIL;
    move(1, 2);
    hd_loop_advance(loop, 30000);
    int writes = script.writes;
    hd_checkpointer_drop(checkpointer, "1");
    script.mode = ANSWER;
    hd_loop_advance(loop, 600000);
    CHECK_INT(script.writes, writes);
    CHECK_INT(held(1), 1);

    /* While it waits in the queue behind a write that hangs. */
    tear_down();
    set_up(&(struct hd_checkpointer_options){.interval_ms = 30000, .max_writes = 1});
    script.mode = HANG;
    add(0, NULL);
    add(1, NULL);
    move(0, 1);
    move(1, 1);
    hd_loop_advance(loop, 30000);
    CHECK_INT(script.writes, 1);
    hd_checkpointer_drop(checkpointer, "1");
    script.mode = ANSWER;
    REQUIRE(script.asked);
    answer(script.asked);
    hd_loop_advance(loop, 600000);
    CHECK_INT(script.writes, 1);
    tear_down();
}

/* Dropped and taken again while a write of before is still under way. */
static void generations(void)
{
    struct hd_checkpointer_status status;
    struct hd_position stored = {.sequence_number = 3, .offset = "30"};
    set_up(&defaults);
    script.mode = HANG;
    add(0, NULL);
    move(0, 5);
    hd_loop_advance(loop, 30000);
    CHECK_INT(script.writes, 1);
    hd_checkpointer_drop(checkpointer, "0");
    add(0, &stored);
    move(0, 6);
    hd_loop_advance(loop, 60000);
    CHECK_INT(script.writes, 1); /* waits for the old one */
    REQUIRE(hd_checkpointer_status(checkpointer, "0", &status));
    CHECK_INT(status.written.sequence_number, 3);
    script.mode = ANSWER;
    REQUIRE(script.asked);
    answer(script.asked);
    hd_loop_advance(loop, 0);
    CHECK_INT(script.writes, 2);
    CHECK_INT(held(0), 6);
    REQUIRE(hd_checkpointer_status(checkpointer, "0", &status));
    CHECK_INT(status.written.sequence_number, 6);

    /* The answer of an old one is not taken for the new one's, good or bad. */
    script.mode = HANG;
    move(0, 7);
    hd_loop_advance(loop, 30000);
    hd_checkpointer_drop(checkpointer, "0");
    REQUIRE(script.asked);
    script.asked->result = HD_STORE_UNAVAILABLE;
    answer(script.asked);
    CHECK_INT(logged("checkpoint.failed"), 0);
    script.mode = ANSWER;
    hd_loop_advance(loop, 600000);
    CHECK_INT(script.writes, 3);
    CHECK_INT(hd_checkpointer_add(checkpointer, "", windows[0], NULL), -EINVAL);
    tear_down();
}

static void flush_writes_all(void)
{
    set_up(&defaults);
    script.delay_ms = 50;
    for (size_t i = 0; i < 20; i++) {
        add(i, NULL);
        move(i, 1);
    }
    hd_checkpointer_flush(checkpointer, 5000, on_flushed, &flushed);
    CHECK_INT(flushed, 0);
    hd_loop_advance(loop, 60);
    CHECK_INT(flushed, 0);
    move(0, 2); /* while it runs */
    hd_loop_advance(loop, 200);
    CHECK_INT(flushed, 1);
    CHECK_INT(held(0), 2);
    CHECK_INT(held(19), 1);
    hd_loop_advance(loop, 10000);
    CHECK_INT(flushed, 1);
    CHECK_INT(logged("checkpoint.unwritten"), 0);

    /* Nothing to write: answered all the same, and not inside the call. */
    hd_checkpointer_flush(checkpointer, 5000, on_flushed, &flushed);
    CHECK_INT(flushed, 1);
    hd_loop_advance(loop, 0);
    CHECK_INT(flushed, 2);
    tear_down();
}

static void flush_retries_until_the_deadline(void)
{
    struct hd_checkpointer_totals totals;
    set_up(&defaults);
    script.mode = FAIL;
    add(0, NULL);
    move(0, 1);
    hd_loop_advance(loop, 30000 + 300000); /* the backoff has grown to a minute */
    int writes = script.writes;
    hd_checkpointer_flush(checkpointer, 5000, on_flushed, &flushed);
    hd_loop_advance(loop, 2000);
    CHECK(script.writes >= writes + 4); /* it does not wait for that minute */
    CHECK_INT(flushed, 0);
    script.mode = ANSWER;
    hd_loop_advance(loop, 600);
    CHECK_INT(flushed, 1);
    CHECK_INT(held(0), 1);

    script.mode = HANG;
    move(0, 2);
    hd_checkpointer_flush(checkpointer, 5000, on_flushed, &flushed);
    hd_loop_advance(loop, 4999);
    CHECK_INT(flushed, 1);
    hd_loop_advance(loop, 1);
    CHECK_INT(flushed, 2);
    CHECK_INT(logged("checkpoint.unwritten"), 1);
    hd_checkpointer_totals(checkpointer, &totals);
    CHECK_INT(totals.unwritten, 1);
    tear_down(); /* freed with a write under way */
}

static void free_in_done(void *context)
{
    on_flushed(context);
    hd_checkpointer_free(checkpointer);
    checkpointer = NULL;
}

static void freed_from_the_callback(void)
{
    set_up(&defaults);
    add(0, NULL);
    move(0, 1);
    hd_checkpointer_flush(checkpointer, 5000, free_in_done, &flushed);
    hd_loop_advance(loop, 100000);
    CHECK_INT(flushed, 1);
    CHECK_INT(held(0), 1);
    tear_down();
    hd_checkpointer_free(NULL);
}

/* Partitions that come, go, fail and hang at random: the store's own checks must hold, and the end
 * is right. */
static void at_random(void)
{
    uint64_t state = 12345;
    set_up(&(struct hd_checkpointer_options){
        .interval_ms = 500, .events = 40, .max_writes = 4, .backoff_max_ms = 4000});
    int64_t next[64] = {0};
    for (size_t i = 0; i < 32; i++) {
        add(i, NULL);
    }
    for (int step = 0; step < 20000; step++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t r = (uint32_t)(state >> 33);
        size_t i = r % 32;
        if (r % 97 == 0) {
            /* HANG only for a while: those asked are answered below. */
            script.mode = (enum mode)(r / 97 % 4);
        } else if (r % 89 == 0) {
            struct hd_position stored = {.sequence_number = next[i] - 1};
            hd_checkpointer_drop(checkpointer, name(i));
            add(i, next[i] > 0 ? &stored : NULL);
        } else if (r % 5 == 0) {
            script.delay_ms = r % 300;
            hd_loop_advance(loop, r % 200);
            if (script.asked && !hd_timer_running(&script.asked->timer)) {
                answer(script.asked);
            }
        } else {
            move(i, next[i]++);
        }
        REQUIRE(!script.fault);
        REQUIRE(script.under_way <= 4);
    }
    script.mode = ANSWER;
    while (script.asked) {
        answer(script.asked);
    }
    hd_checkpointer_flush(checkpointer, 60000, on_flushed, &flushed);
    hd_loop_advance(loop, 60000);
    CHECK_INT(flushed, 1);
    struct hd_checkpointer_totals totals;
    hd_checkpointer_totals(checkpointer, &totals);
    CHECK_INT(totals.unwritten, 0);
    CHECK_INT(totals.failing, 0);
    tear_down();
}

HD_TEST_MAIN({"only what has moved, on the timer", only_what_moved},
             {"a hole in the window writes nothing", a_hole_writes_nothing},
             {"after so many events", after_n_events},
             {"what the store holds already counts", what_is_stored_counts},
             {"one write a partition at a time", one_write_a_partition},
             {"a bounded number of writes in all", bounded_concurrency},
             {"a failure is said once, tried again, and so is recovery", failure_and_recovery},
             {"no memory is a failure like others", no_memory_is_a_failure},
             {"a dropped partition is never written", dropped_is_never_written},
             {"answers of before do not count", generations},
             {"flush writes all", flush_writes_all},
             {"flush tries again until its deadline", flush_retries_until_the_deadline},
             {"freed from the callback of flush", freed_from_the_callback},
             {"at random", at_random})
