/* SPDX-License-Identifier: Apache-2.0 */
/* The file output behind its sink while things happen to the file: every line must come out once.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "src/output/kinds.h"
#include "src/output/sink.h"
#include "support.h"

static atomic_uint syncs, fail_every;

int fdatasync(int fd)
{
    unsigned n = atomic_fetch_add(&syncs, 1) + 1, every = atomic_load(&fail_every);
    if (every && n % every == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static atomic_uint n_done;
static struct hd_diag diag;

static void on_done(void *context, struct hd_batch *batch)
{
    (void)context;
    hd_batch_free(batch);
    atomic_fetch_add(&n_done, 1);
}

static void on_abandon(void *context, struct hd_batch *batch)
{
    (void)context;
    hd_batch_free(batch);
}

static struct hd_output_options options;

static struct hd_sink *start(uint64_t rotate_bytes)
{
    hd_log_init(HD_LOG_ERROR, HD_LOG_LOGFMT);
    atomic_store(&n_done, 0);
    options = (struct hd_output_options){
        .name = "archive",
        .kind = "file",
        .file = {.path = path_of("out.ndjson"), .rotate_bytes = rotate_bytes}};
    struct hd_sink_setup setup = {.ops = &hd_output_file,
                                  .options = &options,
                                  .backoff_min_ms = 1,
                                  .backoff_max_ms = 2,
                                  .tick_ms = 1};
    struct hd_sink *sink = NULL;
    if (hd_sink_new_with(&setup, on_done, NULL, &sink, &diag)) {
        abort();
    }
    return sink;
}

static void end(struct hd_sink *sink)
{
    hd_sink_stop(sink, on_abandon);
    hd_sink_free(sink);
}

#define BATCHES     400
#define BATCH_LINES 20

static void submit_all(struct hd_sink *sink, void (*between)(struct hd_sink *sink, unsigned n))
{
    for (unsigned i = 0; i < BATCHES; i++) {
        hd_sink_submit(sink, lines_batch(i * BATCH_LINES, BATCH_LINES, i % 300));
        if (between) {
            between(sink, i);
        }
    }
}

static void check_lines(unsigned n)
{
    unsigned *seen = calloc(n, sizeof(*seen)), lost = 0, twice = 0;
    struct tally tally = {.seen = seen, .n = n};
    each_file("out", tally_file, &tally);
    for (unsigned i = 0; i < n; i++) {
        lost += seen[i] == 0;
        twice += seen[i] > 1;
    }
    CHECK_INT(lost, 0);
    CHECK_INT(twice, 0);
    CHECK_INT(tally.strange, 0);
    free(seen);
}

static void rotation(void)
{
    enter_folder();
    struct hd_sink *sink = start(50000);
    submit_all(sink, NULL);
    WAIT_FOR(atomic_load(&n_done) == BATCHES);
    end(sink);
    check_lines(BATCHES * BATCH_LINES);
    CHECK(each_file("out-", NULL, NULL) >= 15);
}

/* What logrotate does: rename, create, tell. */
static void logrotate(struct hd_sink *sink, unsigned n)
{
    if (n % 20 != 19) {
        return;
    }
    WAIT_FOR(atomic_load(&n_done) + 15 > n);
    char name[32];
    snprintf(name, sizeof(name), "out.ndjson.%u", n);
    CHECK(rename(path_of("out.ndjson"), path_of(name)) == 0);
    if (n % 40 == 19) {
        put_file(path_of("out.ndjson"), "");
    }
    hd_sink_reopen(sink);
    WAIT_FOR(size_of(path_of("out.ndjson")) >= 0);
}

static void reopen(void)
{
    enter_folder();
    struct hd_sink *sink = start(0);
    submit_all(sink, logrotate);
    WAIT_FOR(atomic_load(&n_done) == BATCHES);
    end(sink);
    check_lines(BATCHES * BATCH_LINES);
    CHECK_INT(each_file("out.ndjson", NULL, NULL), BATCHES / 20 + 1);
}

static void syncs_fail(void)
{
    enter_folder();
    struct hd_sink *sink = start(50000);
    atomic_store(&fail_every, 3);
    submit_all(sink, NULL);
    WAIT_FOR(atomic_load(&n_done) == BATCHES);
    atomic_store(&fail_every, 0);
    end(sink);
    check_lines(BATCHES * BATCH_LINES);
}

static void wait_for_state(struct hd_sink *sink, enum hd_sink_state state)
{
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    WAIT_FOR((hd_sink_status(sink, &status), status.state == state));
}

static void disk_full(void)
{
    enter_folder();
    if (!mount_small("3m")) {
        SKIP("may not mount (needs root)");
    }
    struct hd_sink *sink = start(100000);
    fill_disk();
    CHECK(truncate(path_of("ballast"), 2 * 1024 * 1024 + 700 * 1024) == 0);
    submit_all(sink, NULL); /* 1.2 MB */
    for (int i = 0; i < 10; i++) {
        wait_for_state(sink, HD_SINK_RETRYING);
        unsigned before = atomic_load(&n_done);
        CHECK(before < BATCHES);
        CHECK(truncate(path_of("ballast"), size_of(path_of("ballast")) - 30000) == 0);
        WAIT_FOR(atomic_load(&n_done) > before);
    }
    free_disk();
    WAIT_FOR(atomic_load(&n_done) == BATCHES);
    wait_for_state(sink, HD_SINK_OK);
    end(sink);
    check_lines(BATCHES * BATCH_LINES);
    unmount_small();
}

/* In a process of its own, where SIGXFSZ does what it does by default. */
static int limited_child(void)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_DFL);
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 10000;
    setrlimit(RLIMIT_FSIZE, &limit);
    struct hd_sink *sink = start(0);
    submit_all(sink, NULL);
    wait_for_state(sink, HD_SINK_RETRYING);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    CHECK(strstr(status.reason, "LimitFSIZE"));
    limit.rlim_cur = before;
    setrlimit(RLIMIT_FSIZE, &limit);
    WAIT_FOR(atomic_load(&n_done) == BATCHES);
    end(sink);
    return hd_test_failed;
}

static void file_size_limit(void)
{
    enter_folder();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int r = limited_child();
        fflush(stdout);
        _exit(r);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    check_lines(BATCHES * BATCH_LINES);
}

static void deleted(void)
{
    enter_folder();
    struct hd_sink *sink = start(0);
    for (unsigned i = 0; i < 50; i++) {
        hd_sink_submit(sink, lines_batch(i * BATCH_LINES, BATCH_LINES, 100));
        unlink(path_of("out.ndjson"));
        WAIT_FOR(size_of(path_of("out.ndjson")) >= 0);
    }
    WAIT_FOR(atomic_load(&n_done) == 50);
    hd_sink_submit(sink, lines_batch(5000, 1, 0)); /* nobody deletes any more */
    WAIT_FOR(atomic_load(&n_done) == 51);
    end(sink);
    char *data = read_whole(path_of("out.ndjson"), NULL);
    CHECK(data && strstr(data, "line 5000\n"));
    free(data);
}

HD_TEST_MAIN({"rotation by size", rotation}, {"logrotate and reopen", reopen},
             {"every third sync fails", syncs_fail}, {"the disk is full, ten times", disk_full},
             {"RLIMIT_FSIZE does not end the process", file_size_limit},
             {"the file is deleted, again and again", deleted})
