/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. One writer (flock), O_APPEND, and three lengths: `end`, where the file ends; `size`, up
 * to where it holds whole lines; `synced`, up to where it is durable. Every failure is answered by
 * going back to one of the latter two with ftruncate:
 *
 *   a write that fails half-way     -> size   (the whole lines that fitted stay and count)
 *   a sync that fails               -> synced, where the owner has not acknowledged the lines yet
 *                                      (the kernel has marked the pages clean: a second fdatasync
 *                                      would say 0 and prove nothing, so the lines are written
 *                                      again through a fresh descriptor)
 *
 * Cutting happens only while the file is exactly as long as we made it. If somebody else has
 * written or cut in it (copytruncate), his bytes are left alone and half a line is closed with a
 * line feed, as it is after a crash: readers skip one broken line, and the replay brings it again.
 *
 * A renamed file is left after MOVED_GRACE_MS only, because logrotate renames first and creates
 * the new file and sends SIGHUP a moment later; meanwhile lines go to the renamed file and are safe
 * there. A deleted file (no links left) and a replaced one are left at once.
 */
#include "src/output/appendfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "hubdrain/output.h"

#define MOVED_GRACE_MS 5000
#define OPEN_TRIES     5

/* What is not listed here is RETRY, without advice. */
static const struct {
    int error;
    enum hd_answer answer;
    const char *advice;
} outcomes[] = {
    // clang-format off
    {ENOSPC,       HD_OUTPUT_RETRY, "; free space on its file system, nothing is lost meanwhile"},
    {EDQUOT,       HD_OUTPUT_RETRY, "; free space or raise the quota, nothing is lost meanwhile"},
    {EFBIG,        HD_OUTPUT_RETRY, "; raise the limit of the file size (LimitFSIZE=, ulimit -f) or rotate below it"},
    {EIO,          HD_OUTPUT_RETRY, "; look after the disk"},
    {EMFILE,       HD_OUTPUT_RETRY, "; raise the limit of open files (LimitNOFILE=)"},
    {ENFILE,       HD_OUTPUT_RETRY, "; raise fs.file-max"},
    {EACCES,       HD_OUTPUT_BLOCK, "; let the user that hubdrain runs as write there"},
    {EPERM,        HD_OUTPUT_BLOCK, "; let the user that hubdrain runs as write there"},
    {EROFS,        HD_OUTPUT_BLOCK, "; name a place that may be written (ReadWritePaths=, a volume)"},
    {ENOENT,       HD_OUTPUT_BLOCK, "; create the directory"},
    {ENOTDIR,      HD_OUTPUT_BLOCK, "; correct the path"},
    {EISDIR,       HD_OUTPUT_BLOCK, "; name a file, not a directory"},
    {ELOOP,        HD_OUTPUT_BLOCK, "; correct the path"},
    {ENAMETOOLONG, HD_OUTPUT_BLOCK, "; correct the path"},
    {ENXIO,        HD_OUTPUT_BLOCK, "; name a regular file"},
    {ENODEV,       HD_OUTPUT_BLOCK, "; name a regular file"},
    {EBUSY,        HD_OUTPUT_BLOCK, "; another process has locked it: give each its own file"},
    // clang-format on
};

static int failed(struct hd_appendfile *file, const char *verb, int error, struct hd_diag *diag)
{
    file->error = error;
    enum hd_answer answer = HD_OUTPUT_RETRY;
    const char *advice = "";
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (outcomes[i].error == error) {
            answer = outcomes[i].answer;
            advice = outcomes[i].advice;
        }
    }
    char reason[128];
    return hd_fail(diag, (int)answer, "cannot %s %s: %s%s", verb, file->path,
                   strerror_r(error, reason, sizeof(reason)), advice);
}

int hd_appendfile_init(struct hd_appendfile *file, const char *path, const char *name,
                       int64_t interval_ms)
{
    *file = (struct hd_appendfile){.name = name, .interval_ms = interval_ms, .fd = -1};
    file->path = strdup(path);
    if (!file->path || hd_rotation_init(&file->rotation, path)) {
        hd_appendfile_deinit(file);
        return -ENOMEM;
    }
    return 0;
}

static void shut(struct hd_appendfile *file)
{
    if (file->fd >= 0) {
        close(file->fd); /* the lock goes with it */
    }
    file->fd = -1;
    file->suspect = file->torn = false;
    file->size = file->end = file->synced = 0;
    file->missing_since_ms = 0;
}

void hd_appendfile_deinit(struct hd_appendfile *file)
{
    shut(file);
    free(file->path);
    hd_rotation_deinit(&file->rotation);
    file->path = NULL;
}

/* Writes until done or an error, whose errno is returned. */
static int write_fully(int fd, const char *data, size_t len, size_t *ret_done)
{
    size_t done = 0;
    int error = 0;
    while (done < len && !error) {
        ssize_t n = write(fd, data + done, len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            error = EIO;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    *ret_done = done;
    return error;
}

/* A line feed where the last line has none. Returns an errno. */
static int close_tail(struct hd_appendfile *file)
{
    char last = '\n';
    if (file->end > 0 && pread(file->fd, &last, 1, (off_t)file->end - 1) < 0) {
        return errno;
    }
    if (last != '\n') {
        size_t done;
        int error = write_fully(file->fd, "\n", 1, &done);
        if (error) {
            return error;
        }
        file->end++;
        file->torn_tails++;
        hd_log(HD_LOG_WARNING, "output.file.torn_tail",
               "the file ended in the middle of a line; closed that with a line feed",
               HD_STR("output", file->name), HD_STR("path", file->path));
    }
    file->size = file->end;
    file->torn = false;
    return 0;
}

/* Takes away what stands behind `size`. Returns an errno. */
static int cut_tail(struct hd_appendfile *file)
{
    struct stat st;
    if (!file->regular) {
        file->end = file->size;
        file->torn = false;
        return 0;
    }
    if (fstat(file->fd, &st) < 0) {
        return errno;
    }
    if ((uint64_t)st.st_size != file->end) { /* somebody else was here */
        uint64_t known = file->end;
        file->end = (uint64_t)st.st_size;
        int error = close_tail(file);
        if (error) {
            file->end = known; /* still no reason to cut */
        }
        return error;
    }
    if (ftruncate(file->fd, (off_t)file->size) < 0) {
        return errno;
    }
    file->end = file->size;
    file->torn = false;
    return 0;
}

/* Opens or creates. Returns an errno. */
static int open_path(struct hd_appendfile *file)
{
    static const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    for (int i = 0; i < OPEN_TRIES; i++) {
        file->fd = open(file->path, flags);
        if (file->fd < 0 && errno == ENOENT) {
            file->fd = open(file->path, flags | O_CREAT | O_EXCL, 0600);
            file->names_due |= file->fd >= 0;
        }
        if (file->fd < 0) {
            if (errno == EEXIST) {
                continue;
            }
            return errno;
        }
        struct stat st, named;
        if (fstat(file->fd, &st) < 0) {
            return errno;
        }
        file->regular = S_ISREG(st.st_mode);
        if (!file->regular) {
            return S_ISCHR(st.st_mode) ? 0 : ENXIO;
        }
        if (flock(file->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
            return EBUSY; /* other errors: a file system without locks */
        }
        /* Whoever had the lock may have rotated the file away in the meantime. */
        if (fstat(file->fd, &st) == 0 && stat(file->path, &named) == 0 &&
            st.st_ino == named.st_ino && st.st_dev == named.st_dev) {
            file->inode = st.st_ino;
            file->device = st.st_dev;
            file->end = (uint64_t)st.st_size;
            if (file->interval_ms && file->end > 0) {
                file->period =
                    hd_rotation_period(st.st_mtim.tv_sec * INT64_C(1000), file->interval_ms);
            }
            return 0;
        }
        shut(file);
    }
    return EAGAIN;
}

static int open_new(struct hd_appendfile *file, struct hd_diag *diag)
{
    int error = open_path(file);
    const char *verb = "open";
    if (!error && file->regular) {
        error = close_tail(file);
        verb = "write";
    }
    if (error) {
        shut(file);
        return failed(file, verb, error, diag);
    }
    file->synced = file->size;
    file->opened++;
    return 0;
}

int hd_appendfile_open(struct hd_appendfile *file, struct hd_diag *diag)
{
    if (file->suspect) {
        shut(file);
    }
    if (file->fd < 0) {
        return open_new(file, diag);
    }
    int error = file->torn ? cut_tail(file) : 0;
    return error ? failed(file, "cut half a line off", error, diag) : 0;
}

static bool is_lack_of_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

int hd_appendfile_write(struct hd_appendfile *file, const char *data, size_t len, size_t *ret_kept,
                        struct hd_diag *diag)
{
    *ret_kept = 0;
    int r = hd_appendfile_open(file, diag);
    if (r || len == 0) {
        return r;
    }
    if (file->interval_ms && file->size == 0) {
        file->period = hd_rotation_period(hd_clock_realtime_ms(), file->interval_ms);
    }
    size_t done;
    int error = write_fully(file->fd, data, len, &done);
    file->end += done;
    if (!error) {
        file->size = file->end;
        *ret_kept = done;
        return 0;
    }
    const char *last = done ? memrchr(data, '\n', done) : NULL;
    *ret_kept = last ? (size_t)(last - data) + 1 : 0;
    file->size += *ret_kept;
    file->torn = file->end > file->size;
    if (file->torn) {
        cut_tail(file); /* where that fails, the next write begins with it */
    }
    file->suspect = !is_lack_of_space(error);
    return failed(file, "write", error, diag);
}

void hd_appendfile_rollback(struct hd_appendfile *file, uint64_t size)
{
    if (file->fd < 0 || size >= file->end) {
        return;
    }
    file->size = size;
    file->torn = true;
    cut_tail(file);
}

int hd_appendfile_sync(struct hd_appendfile *file, struct hd_diag *diag)
{
    if (file->fd < 0 || !file->regular || (file->synced == file->size && !file->names_due)) {
        return 0;
    }
    struct stat st;
    if (fstat(file->fd, &st) == 0 && st.st_nlink == 0) {
        shut(file);
        return hd_fail(diag, HD_OUTPUT_RETRY, "%s was deleted; writing a new one", file->path);
    }
    const char *verb = "sync";
    int error = file->synced != file->size && fdatasync(file->fd) < 0 ? errno : 0;
    if (!error && file->names_due) {
        verb = "sync the directory of";
        error = -hd_rotation_sync_directory(&file->rotation);
    }
    if (error) {
        file->suspect = true;
        return failed(file, verb, error, diag);
    }
    file->synced = file->size;
    file->names_due = false;
    return 0;
}

int hd_appendfile_rotate(struct hd_appendfile *file, int64_t realtime_ms, struct hd_diag *diag)
{
    if (file->fd < 0 || !file->regular || file->size == 0 || file->torn) {
        return 0;
    }
    int r = hd_rotation_rename(&file->rotation, file->path, realtime_ms);
    if (r) {
        return failed(file, "rename", -r, diag);
    }
    shut(file);
    file->names_due = true;
    file->rotations++;
    return hd_appendfile_open(file, diag);
}

bool hd_appendfile_due(const struct hd_appendfile *file, int64_t realtime_ms,
                       int64_t *ret_boundary_ms)
{
    if (file->fd < 0 || !file->regular || !file->interval_ms || file->size == 0 ||
        hd_rotation_period(realtime_ms, file->interval_ms) <= file->period) {
        return false;
    }
    *ret_boundary_ms = (file->period + 1) * file->interval_ms;
    return true;
}

/* true when the name no longer leads to our file and we should leave it. */
static bool is_left_behind(struct hd_appendfile *file, int64_t realtime_ms)
{
    struct stat st;
    if (fstat(file->fd, &st) == 0 && st.st_nlink == 0) {
        return true;
    }
    if (stat(file->path, &st) < 0) {
        if (errno != ENOENT) {
            return false;
        }
        if (file->missing_since_ms == 0) {
            file->missing_since_ms = realtime_ms;
        }
        int64_t gone_ms = realtime_ms - file->missing_since_ms;
        return gone_ms >= MOVED_GRACE_MS || gone_ms < 0;
    }
    file->missing_since_ms = 0;
    if (st.st_ino != file->inode || st.st_dev != file->device) {
        return true;
    }
    if ((uint64_t)st.st_size < file->size) { /* copytruncate */
        file->size = file->end = file->synced = (uint64_t)st.st_size;
    }
    return false;
}

int hd_appendfile_check(struct hd_appendfile *file, int64_t realtime_ms, struct hd_diag *diag)
{
    if (file->fd < 0 || !file->regular || !is_left_behind(file, realtime_ms)) {
        return 0;
    }
    return hd_appendfile_reopen(file, diag);
}

int hd_appendfile_reopen(struct hd_appendfile *file, struct hd_diag *diag)
{
    /* What is not synced yet was acknowledged without a sync on purpose; it costs little here. */
    if (file->fd >= 0 && file->regular && file->synced != file->size) {
        (void)!fdatasync(file->fd);
    }
    shut(file);
    return hd_appendfile_open(file, diag);
}
