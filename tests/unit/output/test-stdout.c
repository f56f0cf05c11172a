/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output writes to descriptor 1, so each case puts something else there for a while. TAP goes
 * to the real one in between.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "src/output/kinds.h"
#include "src/output/sink.h"
#include "support.h"

static int saved_stdout;

static void redirect(int fd)
{
    fflush(stdout);
    saved_stdout = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    close(fd);
}

static void restore(void)
{
    fflush(stdout);
    dup2(saved_stdout, STDOUT_FILENO);
    close(saved_stdout);
}

static const struct hd_output_options options = {.name = "stdout", .kind = "stdout"};
static struct hd_diag diag;
static atomic_uint n_done, n_abandoned, n_broken;

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
    atomic_fetch_add(&n_abandoned, 1);
}

static void on_broken(void *context, struct hd_sink *sink)
{
    (void)context, (void)sink;
    atomic_fetch_add(&n_broken, 1);
}

static struct hd_sink *start(void)
{
    atomic_store(&n_done, 0);
    atomic_store(&n_abandoned, 0);
    atomic_store(&n_broken, 0);
    struct hd_sink_setup setup = {
        .ops = &hd_output_stdout, .options = &options, .backoff_min_ms = 1, .backoff_max_ms = 2};
    struct hd_sink *sink = NULL;
    if (hd_sink_new_with(&setup, on_done, NULL, &sink, &diag)) {
        abort();
    }
    hd_sink_on_broken(sink, on_broken);
    return sink;
}

static void end(struct hd_sink *sink)
{
    hd_sink_stop(sink, on_abandon);
    hd_sink_free(sink);
}

/* Reads in odd steps until n lines are there. */
static void *slow_reader(void *data)
{
    int fd = *(int *)data;
    FILE *copy = fopen(path_of("copy"), "wb");
    char bytes[777];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
        fwrite(bytes, 1, (size_t)n, copy);
    }
    fclose(copy);
    return NULL;
}

static void check_copy(const char *path, unsigned n)
{
    unsigned *seen = calloc(n, sizeof(*seen));
    struct tally tally = {.seen = seen, .n = n};
    tally_file(path, &tally);
    unsigned wrong = 0;
    for (unsigned i = 0; i < n; i++) {
        wrong += seen[i] != 1;
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(tally.strange, 0);
    free(seen);
}

/* Everything arrives through something that takes a little at a time. */
static void through(int read_end, int write_end)
{
    enter_folder();
    redirect(write_end);
    pthread_t reader;
    pthread_create(&reader, NULL, slow_reader, &read_end);
    struct hd_sink *sink = start();
    for (unsigned i = 0; i < 50; i++) {
        hd_sink_submit(sink, lines_batch(i * 100, 100, i * 7)); /* up to 350 bytes a line */
    }
    WAIT_FOR(atomic_load(&n_done) == 50);
    end(sink);
    restore();
    pthread_join(reader, NULL);
    close(read_end);
    check_copy(path_of("copy"), 5000);
}

static void to_pipe(void)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    through(ends[0], ends[1]);
}

static void to_nonblocking_pipe(void)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    through(ends[0], ends[1]);
}

static void to_socket(void)
{
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    through(ends[0], ends[1]);
}

static void to_file(void)
{
    enter_folder();
    redirect(open(path_of("out"), O_WRONLY | O_CREAT, 0600));
    struct hd_sink *sink = start();
    for (unsigned i = 0; i < 10; i++) {
        hd_sink_submit(sink, lines_batch(i * 100, 100, 50));
    }
    WAIT_FOR(atomic_load(&n_done) == 10);
    end(sink);
    restore();
    check_copy(path_of("out"), 1000);
}

static void closed_pipe(void)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    close(ends[0]);
    redirect(ends[1]);
    struct hd_sink *sink = start(); /* and no SIGPIPE */
    hd_sink_submit(sink, lines_batch(0, 1, 0));
    WAIT_FOR(atomic_load(&n_broken) == 1);
    struct hd_sink_status status;
    hd_sink_status(sink, &status);
    end(sink);
    restore();
    CHECK_INT(status.state, HD_SINK_BROKEN);
    CHECK(strstr(status.reason, "Broken pipe"));
    CHECK_INT(atomic_load(&n_done), 0);
    CHECK_INT(atomic_load(&n_abandoned), 1);
}

static void nobody_reads(void)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    redirect(ends[1]);
    struct hd_sink *sink = start();
    hd_sink_submit(sink, lines_batch(0, 2000, 100)); /* 200 KB into 64 KB */
    struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
    int64_t until_ms = hd_clock_monotonic_ms() + 20000;
    while (poll(&room, 1, 0) != 0 && hd_clock_monotonic_ms() < until_ms) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    bool full = poll(&room, 1, 0) == 0;
    end(sink); /* must come back */
    restore();
    close(ends[0]);
    CHECK(full);
    CHECK_INT(atomic_load(&n_abandoned), 1);
}

static void full_device(void)
{
    redirect(open("/dev/full", O_WRONLY));
    struct hd_sink *sink = start();
    hd_sink_submit(sink, lines_batch(0, 3, 0));
    struct hd_sink_status status;
    do {
        hd_sink_status(sink, &status);
    } while (status.retries < 3);
    end(sink);
    restore();
    CHECK_INT(status.state, HD_SINK_RETRYING);
    CHECK(strstr(status.reason, "No space left"));
    CHECK_INT(status.acked, 0);
}

static void full_disk_behind_redirection(void)
{
    enter_folder();
    if (!mount_small("64k")) {
        SKIP("may not mount (needs root)");
    }
    fill_disk();
    CHECK(truncate(path_of("ballast"), 48 * 1024) == 0);
    redirect(open(path_of("out"), O_WRONLY | O_CREAT, 0600));
    struct hd_sink *sink = start();
    hd_sink_submit(sink, lines_batch(0, 600, 50));
    struct hd_sink_status status;
    do {
        hd_sink_status(sink, &status);
    } while (status.state != HD_SINK_RETRYING);
    free_disk();
    WAIT_FOR(atomic_load(&n_done) == 1);
    end(sink);
    restore();
    check_copy(path_of("out"), 600); /* the line that was cut in the middle was completed */
    unmount_small();
}

static void closed_at_start(void)
{
    fflush(stdout);
    saved_stdout = dup(STDOUT_FILENO);
    close(STDOUT_FILENO);
    void *self;
    int r = hd_output_stdout.new(&options, &self, &diag);
    restore();
    CHECK_INT(r, -EBADF);
    CHECK_STR(diag.text, "output stdout: standard output is closed");
}

static void warns_of_the_journal(void)
{
    enter_folder();
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    struct stat st;
    fstat(ends[1], &st);
    char text[64];
    snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", text, 1);
    int log = open(path_of("log"), O_RDWR | O_CREAT, 0600);
    hd_log_set_fd(log);
    redirect(ends[1]);
    void *self;
    int r = hd_output_stdout.new(&options, &self, &diag);
    restore();
    hd_log_set_fd(STDERR_FILENO);
    unsetenv("JOURNAL_STREAM");
    CHECK_INT(r, 0);
    hd_output_stdout.free(self);
    char *logged = read_whole(path_of("log"), NULL);
    CHECK(logged && strstr(logged, "event=output.stdout.journal"));
    free(logged);
    close(log);
    close(ends[0]);
}

HD_TEST_MAIN({"a pipe with a slow reader", to_pipe},
             {"a pipe that somebody made non-blocking", to_nonblocking_pipe},
             {"a socket", to_socket}, {"a file", to_file}, {"a closed pipe is BROKEN", closed_pipe},
             {"stop while nobody reads", nobody_reads}, {"/dev/full is RETRY", full_device},
             {"full disk behind a redirection", full_disk_behind_redirection},
             {"standard output is closed", closed_at_start},
             {"standard output is the journal", warns_of_the_journal})
