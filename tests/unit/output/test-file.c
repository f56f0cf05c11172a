/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/syscall.h>

#include "src/output/kinds.h"
#include "support.h"

static int failing_syncs, syncs;

int fdatasync(int fd)
{
    syncs++;
    if (failing_syncs > 0) {
        failing_syncs--;
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static struct hd_output_options options;
static void *self;
static struct hd_diag diag;
static enum hd_answer answers[1000];
static struct hd_delivery delivery;
static const atomic_bool never_stop;

static void configure(const char *path)
{
    options = (struct hd_output_options){.name = "archive", .kind = "file", .file.path = path};
    syncs = failing_syncs = 0;
}

static int open_it(void)
{
    return hd_output_file.new(&options, &self, &diag);
}

static void close_it(void)
{
    hd_output_file.free(self);
}

/* Delivers what is PENDING in answers; commits when asked to. Returns what the commit returned. */
static int deliver(const struct hd_batch *batch)
{
    int r = 0;
    do {
        delivery = (struct hd_delivery){
            .batch = batch, .answers = answers, .attempt = 1, .stop = &never_stop};
        hd_output_file.deliver(self, &delivery);
        r = delivery.commit_first ? hd_output_file.commit(self, &diag) : 0;
    } while (delivery.commit_first && r == 0);
    return r;
}

static int deliver_all(const struct hd_batch *batch)
{
    memset(answers, 0, sizeof(answers));
    return deliver(batch);
}

static unsigned count(const struct hd_batch *batch, enum hd_answer answer)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < batch->n_documents; i++) {
        n += answers[i] == answer;
    }
    return n;
}

static void writes_pending_only(void)
{
    enter_folder();
    configure(path_of("out.ndjson"));
    REQUIRE(open_it() == 0);
    struct hd_batch *batch = lines_batch(0, 6, 0);
    for (int i = 0; i < 6; i++) {
        answers[i] = HD_OUTPUT_PENDING;
    }
    answers[1] = answers[5] = HD_OUTPUT_SETTLED;
    answers[3] = HD_OUTPUT_DEAD;
    deliver(batch);
    check_file(path_of("out.ndjson"), "line 0\nline 2\nline 4\n");
    CHECK_INT(count(batch, HD_OUTPUT_ACK), 3);
    CHECK_INT(answers[1], HD_OUTPUT_SETTLED);
    CHECK_INT(answers[3], HD_OUTPUT_DEAD);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    CHECK_INT(syncs, 1);
    hd_batch_free(batch);
    close_it();
}

static void follows_the_documents(void)
{
    enter_folder();
    configure(path_of("out"));
    REQUIRE(open_it() == 0);
    struct hd_batch *batch = lines_batch(0, 5, 0);
    batch->documents[1] = batch->documents[2]; /* the text has a line that is no document */
    batch->documents[2] = batch->documents[4];
    batch->n_documents = 3;
    deliver_all(batch);
    check_file(path_of("out"), "line 0\nline 2\nline 4\n");
    hd_batch_free(batch);
    close_it();
}

static void policies(void)
{
    enter_folder();
    struct hd_batch *batch = lines_batch(0, 2, 0);
    configure(path_of("never"));
    options.file.fsync = HD_FSYNC_NEVER;
    REQUIRE(open_it() == 0);
    deliver_all(batch);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    hd_output_file.tick(self, 1000);
    close_it();
    CHECK_INT(syncs, 0);

    configure(path_of("interval"));
    options.file.fsync = HD_FSYNC_INTERVAL;
    options.file.fsync_interval_ms = 5000;
    REQUIRE(open_it() == 0);
    hd_output_file.tick(self, 10000); /* nothing to sync, but the interval begins */
    deliver_all(batch);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    hd_output_file.tick(self, 14999);
    CHECK_INT(syncs, 0);
    hd_output_file.tick(self, 15000);
    CHECK_INT(syncs, 1);
    hd_output_file.tick(self, 25000); /* nothing new */
    CHECK_INT(syncs, 1);
    deliver_all(batch);
    close_it();
    CHECK_INT(syncs, 2);
    check_file(path_of("interval"), "line 0\nline 1\nline 0\nline 1\n");
    hd_batch_free(batch);
}

static void rotates_inside_a_batch(void)
{
    enter_folder();
    configure(path_of("out.ndjson"));
    options.file.rotate_bytes = 1000; /* 9 lines of 101 bytes, or one that is larger alone */
    REQUIRE(open_it() == 0);
    struct hd_batch *batch = lines_batch(0, 100, 100), *large = lines_batch(100, 3, 2000);
    deliver_all(batch);
    CHECK_INT(count(batch, HD_OUTPUT_ACK), 100);
    deliver_all(large);
    CHECK_INT(count(large, HD_OUTPUT_ACK), 3);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    close_it();
    unsigned seen[103] = {0};
    struct tally tally = {.seen = seen, .n = 103};
    CHECK_INT(each_file("out", tally_file, &tally), 12 + 3);
    for (int i = 0; i < 103; i++) {
        CHECK_INT(seen[i], 1);
    }
    CHECK_INT(tally.strange, 0);
    hd_batch_free(batch);
    hd_batch_free(large);
}

static void rotates_by_time(void)
{
    enter_folder();
    configure(path_of("out.ndjson"));
    options.file.rotate_interval_ms = 3600000;
    put_file(path_of("out.ndjson"), "old\n");
    struct timespec times[2] = {{.tv_sec = 1795316399}, {.tv_sec = 1795316399}};
    utimensat(AT_FDCWD, path_of("out.ndjson"), times, 0);
    REQUIRE(open_it() == 0);
    hd_output_file.tick(self, 1795316399000);
    CHECK_INT(each_file("out-", NULL, NULL), 0);
    hd_output_file.tick(self, 1795316400000);
    check_file(path_of("out-20261122T030000Z-0000.ndjson"), "old\n");
    check_file(path_of("out.ndjson"), "");
    close_it();
}

static void sync_fails_at_commit(void)
{
    enter_folder();
    configure(path_of("out"));
    REQUIRE(open_it() == 0);
    struct hd_batch *batch = lines_batch(0, 3, 0);
    deliver_all(batch);
    failing_syncs = 1;
    CHECK_INT(hd_output_file.commit(self, &diag), HD_OUTPUT_RETRY);
    CHECK(strstr(diag.text, "cannot sync"));
    deliver_all(batch);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    check_file(path_of("out"), "line 0\nline 1\nline 2\n");
    hd_batch_free(batch);
    close_it();
}

static void sync_fails_at_rotation(void)
{
    enter_folder();
    configure(path_of("out"));
    options.file.rotate_bytes = 30;
    REQUIRE(open_it() == 0);
    struct hd_batch *first = lines_batch(0, 3, 0), *second = lines_batch(3, 6, 0);
    CHECK_INT(deliver_all(first), 0);
    CHECK_INT(count(first, HD_OUTPUT_ACK), 3);
    failing_syncs = 1;
    CHECK_INT(deliver_all(second), HD_OUTPUT_RETRY); /* one fits, then a commit is due */
    CHECK_INT(count(second, HD_OUTPUT_ACK), 1);
    CHECK_INT(count(second, HD_OUTPUT_PENDING), 5);
    check_file(path_of("out"), "");
    CHECK_INT(deliver_all(first), 0);
    CHECK_INT(deliver_all(second), 0);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    unsigned seen[9] = {0};
    struct tally tally = {.seen = seen, .n = 9};
    each_file("out", tally_file, &tally);
    for (int i = 0; i < 9; i++) {
        CHECK_INT(seen[i], 1);
    }
    hd_batch_free(first);
    hd_batch_free(second);
    close_it();
}

static void interval_keeps_its_lines(void)
{
    enter_folder();
    configure(path_of("out"));
    options.file.fsync = HD_FSYNC_INTERVAL;
    options.file.fsync_interval_ms = 1000;
    REQUIRE(open_it() == 0);
    struct hd_batch *batch = lines_batch(0, 2, 0);
    deliver_all(batch);
    CHECK_INT(hd_output_file.commit(self, &diag), 0); /* acknowledged: never cut off again */
    failing_syncs = 1;
    hd_output_file.tick(self, 10000);
    check_file(path_of("out"), "line 0\nline 1\n");
    deliver_all(batch);
    check_file(path_of("out"), "line 0\nline 1\nline 0\nline 1\n");
    hd_batch_free(batch);
    close_it();
}

static void disk_full(void)
{
    enter_folder();
    if (!mount_small("64k")) {
        SKIP("may not mount (needs root)");
    }
    configure(path_of("out"));
    REQUIRE(open_it() == 0);
    struct hd_batch *batch = lines_batch(0, 500, 37);
    memset(answers, 0, sizeof(answers));
    fill_disk();
    deliver(batch); /* nothing fits */
    CHECK_INT(count(batch, HD_OUTPUT_RETRY), 500);
    CHECK(strstr(delivery.reason, "free space"));
    CHECK(truncate(path_of("ballast"), 56 * 1024) == 0);
    for (int i = 0; i < 500; i++) {
        answers[i] = answers[i] == HD_OUTPUT_RETRY ? HD_OUTPUT_PENDING : answers[i];
    }
    deliver(batch); /* some of it does */
    CHECK(count(batch, HD_OUTPUT_ACK) > 0 && count(batch, HD_OUTPUT_RETRY) > 0);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    free_disk();
    for (int i = 0; i < 500; i++) {
        answers[i] = answers[i] == HD_OUTPUT_RETRY ? HD_OUTPUT_PENDING : HD_OUTPUT_SETTLED;
    }
    deliver(batch);
    CHECK_INT(count(batch, HD_OUTPUT_RETRY), 0);
    unsigned seen[500] = {0};
    struct tally tally = {.seen = seen, .n = 500};
    tally_file(path_of("out"), &tally);
    for (int i = 0; i < 500; i++) {
        CHECK_INT(seen[i], 1);
    }
    CHECK_INT(tally.strange, 0);
    hd_batch_free(batch);
    close_it();
    unmount_small();
}

static void fails_at_start(void)
{
    enter_folder();
    configure(path_of("nowhere/out"));
    CHECK_INT(open_it(), -ENOENT);
    CHECK(strstr(diag.text, "create the directory"));
    configure("");
    CHECK_INT(open_it(), -EINVAL);
    configure(path_of("out"));
    REQUIRE(open_it() == 0);
    void *first = self;
    CHECK_INT(open_it(), -EBUSY);
    CHECK(strstr(diag.text, "another process has locked it"));
    CHECK(!strstr(diag.text, strerror(EAGAIN)));
    hd_output_file.free(first);
    hd_output_file.free(NULL);
}

static void directory_goes_away(void)
{
    enter_folder();
    mkdir(path_of("d"), 0700);
    configure(path_of("d/out"));
    REQUIRE(open_it() == 0);
    unlink(path_of("d/out"));
    rmdir(path_of("d"));
    hd_output_file.tick(self, 1000);
    struct hd_batch *batch = lines_batch(0, 1, 0);
    deliver_all(batch);
    CHECK_INT(answers[0], HD_OUTPUT_BLOCK);
    CHECK(strstr(delivery.reason, "create the directory"));
    mkdir(path_of("d"), 0700);
    deliver_all(batch);
    CHECK_INT(answers[0], HD_OUTPUT_ACK);
    CHECK_INT(hd_output_file.commit(self, &diag), 0);
    check_file(path_of("d/out"), "line 0\n");
    hd_batch_free(batch);
    close_it();
}

static void cannot_rotate(void)
{
    enter_folder();
    configure(path_of("out"));
    options.file.rotate_bytes = 10;
    REQUIRE(open_it() == 0);
    struct hd_batch *batch = lines_batch(0, 2, 0);
    deliver_all(batch);
    CHECK_INT(count(batch, HD_OUTPUT_ACK), 2);
    rename(path_of("out"), path_of("moved")); /* nothing to rename any more */
    deliver_all(batch);
    CHECK_INT(count(batch, HD_OUTPUT_ACK), 2);
    check_file(path_of("moved"), "line 1\nline 0\nline 1\n");
    hd_batch_free(batch);
    close_it();
}

HD_TEST_MAIN({"writes pending documents only", writes_pending_only},
             {"writes documents, not text", follows_the_documents}, {"fsync policies", policies},
             {"rotation by size inside a batch", rotates_inside_a_batch},
             {"rotation by time", rotates_by_time},
             {"a sync that fails at commit", sync_fails_at_commit},
             {"a sync that fails at rotation", sync_fails_at_rotation},
             {"a sync that fails after the ACK", interval_keeps_its_lines},
             {"full disk: nothing lost, nothing twice", disk_full},
             {"wrong at the start", fails_at_start},
             {"the directory goes away and comes back", directory_goes_away},
             {"a rotation that fails stops nothing", cannot_rotate})
