/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 in the middle of writing, again and again on the same file. What the sink called done was
 * reported through a pipe before; whatever was reported must be in the file, whole, and what is
 * torn must be one line a kill at most, which the next run closes.
 */
#include <signal.h>
#include <sys/wait.h>

#include "src/output/sink.h"
#include "support.h"

#define KILLS       30
#define BATCH_LINES 70 /* up to 280 KB: long enough to be killed in the middle of a write */

static int report_fd;

static void on_done(void *context, struct hd_batch *batch)
{
    (void)context;
    unsigned first = (unsigned)batch->messages[0].sequence_number;
    if (write(report_fd, &first, sizeof(first)) != sizeof(first)) {
        _exit(3);
    }
    hd_batch_free(batch);
}

/* Writes batches of numbered lines from `first` on until it is killed. */
static void child(unsigned first, enum hd_fsync fsync)
{
    struct hd_output_options options = {
        .name = "archive",
        .kind = "file",
        .file = {.path = path_of("out"), .rotate_bytes = 5000000, .fsync = fsync}};
    struct hd_sink *sink;
    struct hd_diag diag;
    if (hd_sink_new(&options, NULL, on_done, NULL, &sink, &diag)) {
        _exit(2);
    }
    for (unsigned n = first;; n += BATCH_LINES) {
        hd_sink_submit(sink, lines_batch(n, BATCH_LINES, 40 + n % 4000));
        struct hd_sink_status status;
        do {
            hd_sink_status(sink, &status);
        } while (status.waiting_batches > 20);
    }
}

static void kill_again_and_again(void)
{
    enter_folder();
    hd_log_init(HD_LOG_ERROR, HD_LOG_LOGFMT);
    enum { MOST = 1 << 22 };
    unsigned *seen = calloc(MOST, sizeof(*seen)), first = 1000000;
    bool *acked = calloc(MOST, sizeof(*acked));
    unsigned n_acked = 0;
    srand(20261122);
    for (int i = 0; i < KILLS; i++) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            close(ends[0]);
            report_fd = ends[1];
            /* Without a sync most kills hit a write; both must hold. */
            child(first, i % 2 ? HD_FSYNC_NEVER : HD_FSYNC_BATCH);
        }
        close(ends[1]);
        unsigned wanted = (unsigned)rand() % 40 + 1, got = 0, number, last = first;
        while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
            for (unsigned k = 0; k < BATCH_LINES && number + k < MOST; k++) {
                acked[number + k] = true;
                n_acked++;
            }
            last = number;
            if (++got == wanted) {
                nanosleep(&(struct timespec){.tv_nsec = rand() % 3000000}, NULL);
                kill(pid, SIGKILL);
            }
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        close(ends[0]);
        first = last + 100000; /* lines of different runs are told apart */
    }
    struct tally tally = {.seen = seen, .n = MOST};
    each_file("out", tally_file, &tally);
    unsigned lost = 0, twice = 0; /* a number that was torn would be a line of no run, or twice */
    for (unsigned i = 0; i < MOST; i++) {
        lost += acked[i] && !seen[i];
        twice += seen[i] > 1;
    }
    CHECK(n_acked > KILLS * BATCH_LINES);
    CHECK_INT(lost, 0);
    CHECK_INT(twice, 0);
    CHECK(tally.strange <= KILLS);
    printf("# %u lines acknowledged, %u torn\n", n_acked, tally.strange);
    free(seen);
    free(acked);
}

HD_TEST_MAIN({"every acknowledged line survives kill -9", kill_again_and_again})
