/* SPDX-License-Identifier: Apache-2.0 */
#include "src/output/appendfile.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support.h"

/* Failures that no file system gives on demand: these stand in front of libc's. */
static bool no_noreplace, no_links;

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (no_noreplace && flags) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to)
{
    if (no_links) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int failing_syncs, failing_truncates, failing_fsyncs, fsyncs;

int fsync(int fd)
{
    fsyncs++;
    if (failing_fsyncs > 0) {
        failing_fsyncs--;
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    if (failing_syncs > 0) {
        failing_syncs--;
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t length)
{
    if (failing_truncates > 0) {
        failing_truncates--;
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, length);
}

static struct hd_appendfile file;
static struct hd_diag diag;

static int begin(const char *name)
{
    diag.text[0] = '\0';
    if (hd_appendfile_init(&file, path_of(name), "test", 0)) {
        abort();
    }
    return hd_appendfile_open(&file, &diag);
}

static int put(const char *text)
{
    size_t kept;
    return hd_appendfile_write(&file, text, strlen(text), &kept, &diag);
}

static void creates(void)
{
    enter_folder();
    mode_t before = umask(027);
    CHECK_INT(begin("a.ndjson"), 0);
    umask(before);
    struct stat st;
    CHECK(stat(path_of("a.ndjson"), &st) == 0 && (st.st_mode & 07777) == 0600);
    CHECK_INT(put("one\n"), 0);
    CHECK_INT(put("two\nthree\n"), 0);
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    CHECK_INT(file.synced, 14);
    hd_appendfile_deinit(&file);
    check_file(path_of("a.ndjson"), "one\ntwo\nthree\n");

    CHECK_INT(begin("a.ndjson"), 0); /* appends to what is there */
    CHECK_INT(put("four\n"), 0);
    hd_appendfile_deinit(&file);
    check_file(path_of("a.ndjson"), "one\ntwo\nthree\nfour\n");
}

static void closes_torn_tail(void)
{
    enter_folder();
    put_file(path_of("a"), "one\ntw");
    CHECK_INT(begin("a"), 0);
    CHECK_INT(file.torn_tails, 1);
    CHECK_INT(put("two\n"), 0);
    hd_appendfile_deinit(&file);
    check_file(path_of("a"), "one\ntw\ntwo\n");

    CHECK_INT(begin("a"), 0);
    CHECK_INT(file.torn_tails, 0);
    hd_appendfile_deinit(&file);
}

static void one_writer(void)
{
    enter_folder();
    CHECK_INT(begin("a"), 0);
    struct hd_appendfile other;
    struct hd_diag other_diag = {.text = ""};
    hd_appendfile_init(&other, path_of("a"), "other", 0);
    CHECK_INT(hd_appendfile_open(&other, &other_diag), HD_OUTPUT_BLOCK);
    CHECK(strstr(other_diag.text, "another process has locked it"));
    hd_appendfile_deinit(&file);
    CHECK_INT(hd_appendfile_open(&other, &other_diag), 0);
    hd_appendfile_deinit(&other);
}

static void wrong_paths(void)
{
    enter_folder();
    CHECK_INT(begin("nowhere/a"), HD_OUTPUT_BLOCK);
    CHECK_INT(file.error, ENOENT);
    CHECK(strstr(diag.text, "create the directory"));
    hd_appendfile_deinit(&file);

    mkdir(path_of("d"), 0700);
    CHECK_INT(begin("d"), HD_OUTPUT_BLOCK);
    CHECK_INT(file.error, EISDIR);
    hd_appendfile_deinit(&file);

    put_file(path_of("f"), "");
    CHECK_INT(begin("f/a"), HD_OUTPUT_BLOCK);
    CHECK_INT(file.error, ENOTDIR);
    hd_appendfile_deinit(&file);

    mkfifo(path_of("p"), 0600); /* must not hang */
    CHECK_INT(begin("p"), HD_OUTPUT_BLOCK);
    CHECK_INT(file.error, ENXIO);
    hd_appendfile_deinit(&file);
}

static void null_device(void)
{
    hd_appendfile_init(&file, "/dev/null", "test", 0);
    CHECK_INT(put("one\n"), 0);
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    CHECK_INT(hd_appendfile_rotate(&file, 0, &diag), 0);
    CHECK_INT(hd_appendfile_check(&file, 0, &diag), 0);
    CHECK(access("/dev/null", F_OK) == 0);
    hd_appendfile_deinit(&file);
    hd_appendfile_init(&file, "/dev/full", "test", 0);
    CHECK_INT(put("one\n"), HD_OUTPUT_RETRY);
    CHECK_INT(file.error, ENOSPC);
    hd_appendfile_deinit(&file);
}

static int as_nobody(const char *name)
{
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) {
        return 99;
    }
    int r = begin(name);
    return r == HD_OUTPUT_BLOCK && file.error == EACCES ? 0 : 1;
}

static void no_permission(void)
{
    enter_folder();
    chmod(folder, 0555);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(as_nobody("a"));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    chmod(folder, 0700);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

static void read_only_file_system(void)
{
    enter_folder();
    if (!mount_small("64k")) {
        SKIP("may not mount (needs root)");
    }
    CHECK(mount("none", folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHECK_INT(begin("a"), HD_OUTPUT_BLOCK);
    CHECK_INT(file.error, EROFS);
    hd_appendfile_deinit(&file);
    unmount_small();
}

/* 100 lines of 10 bytes. */
static void make_lines(char *text)
{
    for (int i = 0; i < 100; i++) {
        sprintf(text + 10 * i, "line %04d\n", i);
    }
}

static void disk_full(void)
{
    enter_folder();
    if (!mount_small("64k")) {
        SKIP("may not mount (needs root)");
    }
    char text[1001];
    make_lines(text);
    CHECK_INT(begin("a"), 0);
    CHECK_INT(hd_appendfile_write(&file, text, 990, &(size_t){0}, &diag), 0);
    fill_disk();
    uint64_t total = 990;
    size_t kept = 0;
    int r;
    do { /* what is left of the page */
        r = hd_appendfile_write(&file, text, 1000, &kept, &diag);
        total += kept;
        CHECK_INT(kept % 10, 0);
    } while (r == 0);
    CHECK_INT(r, HD_OUTPUT_RETRY);
    CHECK(strstr(diag.text, "free space"));
    CHECK(kept > 0); /* 4096 is no multiple of 10: some lines fitted, and half of one did not */
    CHECK_INT(size_of(path_of("a")), total);
    CHECK_INT(hd_appendfile_write(&file, text, 1000, &(size_t){0}, &diag), HD_OUTPUT_RETRY);
    CHECK_INT(size_of(path_of("a")), total);

    free_disk();
    CHECK_INT(hd_appendfile_write(&file, text + kept, 1000 - kept, &(size_t){0}, &diag), 0);
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    CHECK_INT(file.opened, 1); /* the same file, no new descriptor */
    hd_appendfile_deinit(&file);

    size_t len;
    char *data = read_whole(path_of("a"), &len);
    CHECK_INT(len, total + 1000 - kept);
    for (size_t i = 0; i + 10 <= len; i += 10) {
        CHECK(data[i + 9] == '\n' &&
              atoi(data + i + 5) == (int)(i < 990 ? i / 10 : (i - 990) / 10 % 100));
    }
    free(data);
    unmount_small();
}

static void file_size_limit(void)
{
    enter_folder();
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 25;
    CHECK_INT(begin("a"), 0);
    setrlimit(RLIMIT_FSIZE, &limit);
    size_t kept;
    int r = hd_appendfile_write(&file, "0123456789\n0123456789\n0123456789\n", 33, &kept, &diag);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_INT(r, HD_OUTPUT_RETRY);
    CHECK_INT(file.error, EFBIG);
    CHECK_INT(kept, 22);
    check_file(path_of("a"), "0123456789\n0123456789\n");
    CHECK_INT(put("0123456789\n"), 0);
    check_file(path_of("a"), "0123456789\n0123456789\n0123456789\n");
    hd_appendfile_deinit(&file);
}

static void sync_fails(void)
{
    enter_folder();
    CHECK_INT(begin("a"), 0);
    put("one\n");
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    put("two\n");
    put("three\n");
    failing_syncs = 1;
    CHECK_INT(hd_appendfile_sync(&file, &diag), HD_OUTPUT_RETRY);
    CHECK(strstr(diag.text, "cannot sync"));
    hd_appendfile_rollback(&file, file.synced); /* nobody knows what of the rest is on disk */
    check_file(path_of("a"), "one\n");
    put("two\n");
    put("three\n");
    CHECK_INT(file.opened, 2);
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    check_file(path_of("a"), "one\ntwo\nthree\n");
    hd_appendfile_deinit(&file);
}

static void names_are_synced(void)
{
    enter_folder();
    fsyncs = 0;
    CHECK_INT(begin("a"), 0);
    put("one\n");
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    CHECK_INT(fsyncs, 1); /* of the directory: the file is new */
    put("two\n");
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    CHECK_INT(fsyncs, 1);
    CHECK_INT(hd_appendfile_rotate(&file, 0, &diag), 0);
    put("three\n");
    failing_fsyncs = 1;
    CHECK_INT(hd_appendfile_sync(&file, &diag), HD_OUTPUT_RETRY);
    CHECK(strstr(diag.text, "cannot sync the directory of"));
    CHECK_INT(hd_appendfile_open(&file, &diag), 0);
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0); /* not forgotten */
    CHECK_INT(fsyncs, 3);
    hd_appendfile_deinit(&file);
    CHECK_INT(begin("a"), 0);
    put("four\n");
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    CHECK_INT(fsyncs, 3); /* an old one */
    hd_appendfile_deinit(&file);
}

static void cut_fails(void)
{
    enter_folder();
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 15;
    CHECK_INT(begin("a"), 0);
    setrlimit(RLIMIT_FSIZE, &limit);
    failing_truncates = 2;
    CHECK_INT(put("0123456789\n0123456789\n"), HD_OUTPUT_RETRY);
    setrlimit(RLIMIT_FSIZE, &before);
    check_file(path_of("a"), "0123456789\n0123"); /* not what we want, but known */
    CHECK_INT(put("abc\n"), HD_OUTPUT_RETRY);     /* still cannot be cut: not a byte behind it */
    check_file(path_of("a"), "0123456789\n0123");
    CHECK_INT(put("abc\n"), 0);
    check_file(path_of("a"), "0123456789\nabc\n");
    hd_appendfile_deinit(&file);
}

static void foreign_bytes_stay(void)
{
    enter_folder();
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(begin("a"), 0);
    CHECK_INT(put("one\n"), 0);
    FILE *other = fopen(path_of("a"), "ab"); /* does not care for locks */
    fputs("theirs\n", other);
    fclose(other);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 14;
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_INT(put("0123456789\n"), HD_OUTPUT_RETRY); /* 3 bytes fit, and the LF behind them not */
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_INT(put("two\n"), 0);
    check_file(path_of("a"), "one\ntheirs\n012\ntwo\n");
    hd_appendfile_deinit(&file);
}

static void deleted(void)
{
    enter_folder();
    CHECK_INT(begin("a"), 0);
    put("one\n");
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    unlink(path_of("a"));
    put("two\n");
    CHECK_INT(hd_appendfile_sync(&file, &diag), HD_OUTPUT_RETRY); /* nothing is acknowledged */
    CHECK(strstr(diag.text, "was deleted"));
    put("two\n");
    CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
    check_file(path_of("a"), "two\n");

    unlink(path_of("a")); /* while nothing is written */
    CHECK_INT(hd_appendfile_check(&file, 1000, &diag), 0);
    check_file(path_of("a"), "");
    hd_appendfile_deinit(&file);
}

static void renamed(void)
{
    enter_folder();
    CHECK_INT(begin("a"), 0);
    put("one\n");
    rename(path_of("a"), path_of("a.1"));
    CHECK_INT(hd_appendfile_check(&file, 1000, &diag), 0);
    put("two\n"); /* logrotate has not come to SIGHUP yet */
    check_file(path_of("a.1"), "one\ntwo\n");
    CHECK_INT(hd_appendfile_check(&file, 5999, &diag), 0);
    CHECK_INT(size_of(path_of("a")), -1);
    CHECK_INT(hd_appendfile_check(&file, 6000, &diag), 0); /* nobody will create it */
    put("three\n");
    check_file(path_of("a"), "three\n");

    rename(path_of("a"), path_of("a.2"));
    put_file(path_of("a"), ""); /* logrotate's create mode: there is the new one */
    CHECK_INT(hd_appendfile_check(&file, 7000, &diag), 0);
    put("four\n");
    check_file(path_of("a.2"), "three\n");
    check_file(path_of("a"), "four\n");

    rename(path_of("a"), path_of("a.3"));
    CHECK_INT(hd_appendfile_reopen(&file, &diag), 0); /* SIGHUP */
    put("five\n");
    check_file(path_of("a.3"), "four\n");
    check_file(path_of("a"), "five\n");
    hd_appendfile_deinit(&file);
}

static void copied_and_truncated(void)
{
    enter_folder();
    CHECK_INT(begin("a"), 0);
    put("one\n");
    CHECK(truncate(path_of("a"), 0) == 0);
    CHECK_INT(hd_appendfile_check(&file, 1000, &diag), 0);
    CHECK_INT(file.size, 0);
    put("two\n");
    check_file(path_of("a"), "two\n");
    hd_appendfile_deinit(&file);
}

static void rotates(void)
{
    enter_folder();
    CHECK_INT(begin("events.ndjson"), 0);
    CHECK_INT(hd_appendfile_rotate(&file, 0, &diag), 0); /* nothing in it: nothing to do */
    CHECK_INT(file.rotations, 0);
    int64_t at = 1795316400123; /* 2026-11-22T03:00:00.123Z */
    put_file(path_of("events-20261122T030000Z-0001.ndjson"), "precious\n");
    for (int i = 0; i < 3; i++) {
        char text[8];
        snprintf(text, sizeof(text), "%d\n", i);
        put(text);
        CHECK_INT(hd_appendfile_sync(&file, &diag), 0);
        CHECK_INT(hd_appendfile_rotate(&file, at, &diag), 0);
    }
    put("3\n");
    CHECK_INT(hd_appendfile_rotate(&file, at - 5000, &diag), 0); /* the clock went back */
    check_file(path_of("events.ndjson"), "");
    check_file(path_of("events-20261122T030000Z-0000.ndjson"), "0\n");
    check_file(path_of("events-20261122T030000Z-0001.ndjson"), "precious\n");
    check_file(path_of("events-20261122T030000Z-0002.ndjson"), "1\n");
    check_file(path_of("events-20261122T030000Z-0003.ndjson"), "2\n");
    check_file(path_of("events-20261122T030000Z-0004.ndjson"), "3\n");
    CHECK_INT(file.rotations, 4);
    uint64_t total;
    put("45678\n");
    put_file(path_of("events-20261122T030000Z-other.ndjson"), "not ours\n");
    put_file(path_of("events-20261122T030000Z-0009.txt"), "not ours\n");
    CHECK_INT(hd_rotation_total(&file.rotation, file.path, &total), 0);
    CHECK_INT(total, 4 * 2 + 9 + 6);
    hd_appendfile_deinit(&file);
}

/* NFS has no RENAME_NOREPLACE, and FAT no links either. */
static void rotates_on_poor_file_systems(void)
{
    for (int i = 0; i < 2; i++) {
        enter_folder();
        no_noreplace = true;
        no_links = i == 1;
        put_file(path_of("a-19700101T000000Z-0000"), "precious\n");
        CHECK_INT(begin("a"), 0);
        put("one\n");
        CHECK_INT(hd_appendfile_rotate(&file, 0, &diag), 0);
        hd_appendfile_deinit(&file);
        no_noreplace = no_links = false;
        check_file(path_of("a-19700101T000000Z-0000"), "precious\n");
        check_file(path_of("a-19700101T000000Z-0001"), "one\n");
        check_file(path_of("a"), "");
    }
}

static void due_at_boundaries(void)
{
    enter_folder();
    const int64_t hour = 3600000;
    int64_t boundary = 0, start = 1795316400000; /* 03:00:00Z */
    put_file(path_of("a"), "");
    hd_appendfile_init(&file, path_of("a"), "test", hour);
    CHECK_INT(hd_appendfile_open(&file, &diag), 0);
    CHECK(!hd_appendfile_due(&file, start + 100 * hour, &boundary)); /* empty */
    hd_appendfile_deinit(&file);

    put_file(path_of("a"), "one\n"); /* left by an earlier run at 02:59:59.999 */
    struct timespec times[2] = {{.tv_sec = start / 1000 - 1, .tv_nsec = 999000000},
                                {.tv_sec = start / 1000 - 1, .tv_nsec = 999000000}};
    CHECK(utimensat(AT_FDCWD, path_of("a"), times, 0) == 0);
    hd_appendfile_init(&file, path_of("a"), "test", hour);
    CHECK_INT(hd_appendfile_open(&file, &diag), 0);
    CHECK(!hd_appendfile_due(&file, start - 1, &boundary));
    CHECK(hd_appendfile_due(&file, start, &boundary));
    CHECK_INT(boundary, start);
    CHECK(hd_appendfile_due(&file, start + 5 * hour, &boundary)); /* we were down */
    CHECK_INT(boundary, start);

    CHECK_INT(hd_appendfile_rotate(&file, boundary, &diag), 0);
    int64_t now = hd_clock_realtime_ms();
    put("two\n");
    CHECK(!hd_appendfile_due(&file, now, &boundary));
    CHECK(hd_appendfile_due(&file, now + hour, &boundary));
    CHECK_INT(boundary % hour, 0);
    CHECK(boundary > now && boundary <= now + hour);
    hd_appendfile_deinit(&file);
    CHECK_INT(hd_rotation_period(-1, hour), -1);
}

static void cannot_rotate(void)
{
    enter_folder();
    CHECK_INT(begin("a"), 0);
    put("one\n");
    unlink(path_of("a")); /* rename says ENOENT */
    CHECK_INT(hd_appendfile_rotate(&file, 0, &diag), HD_OUTPUT_BLOCK);
    CHECK(strstr(diag.text, "cannot rename"));
    hd_appendfile_deinit(&file);
}

HD_TEST_MAIN({"creates with mode 0600, appends", creates},
             {"closes half a line of an earlier run", closes_torn_tail},
             {"two writers: the second one is blocked", one_writer},
             {"wrong paths are BLOCK", wrong_paths}, {"/dev/null and /dev/full", null_device},
             {"no permission is BLOCK", no_permission},
             {"a read-only file system is BLOCK", read_only_file_system},
             {"full disk: whole lines only, and on where it stopped", disk_full},
             {"RLIMIT_FSIZE", file_size_limit},
             {"failed sync: back to what is durable, new descriptor", sync_fails},
             {"new names are synced", names_are_synced},
             {"half a line that cannot be cut off yet", cut_fails},
             {"bytes of other writers are not cut", foreign_bytes_stay}, {"deleted file", deleted},
             {"renamed and replaced file", renamed}, {"copytruncate", copied_and_truncated},
             {"rotation: names", rotates},
             {"rotation: poor file systems", rotates_on_poor_file_systems},
             {"rotation: UTC boundaries", due_at_boundaries},
             {"rotation that fails", cannot_rotate})
