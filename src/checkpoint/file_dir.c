/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * A checkpoint is replaced, never changed: written to a temporary file, synced, renamed over the
 * old one, and the directory synced. After a power cut there is the old one or the new one. A file
 * ends with a line "end", so that one cut short by other means (a full disk while copying) is seen.
 *
 * Names are in lower case like the blob store's, and percent-encoded so that no consumer group can
 * climb out of the directory ("..", "/", a leading dot, which also keeps our own dot files apart).
 *
 * The lock file is never removed: removing it would let two processes lock two files of one name.
 */
#include "file_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hubdrain/hmac.h"

static const char suffix[] = ".checkpoint";
static const char first_line[] = "hubdrain-checkpoint 1";

enum { MAX_FILE_BYTES = 4096 };

/* ---- names ---- */

static int append_name(struct hd_buffer *out, const char *text)
{
    if (text[0] == '.') {
        int r = hd_buffer_append_cstr(out, "%2E");
        return r < 0 ? r : hd_url_encode(out, hd_slice_cstr(text + 1), NULL);
    }
    return hd_url_encode(out, hd_slice_cstr(text), NULL);
}

/* ---- open ---- */

/* The name of something made in it is durable after this. A directory that we may pass but not read
 * cannot be synced; then the file system's own pace must do. */
static int sync_dir(int at_fd)
{
    int fd = openat(at_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    int r = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
    close(fd);
    return r;
}

/* Makes one directory below at_fd if it is missing, and opens it for passing through. */
static int enter(int at_fd, const char *name)
{
    int fd = openat(at_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT) {
        return fd < 0 ? -errno : fd;
    }
    if (mkdirat(at_fd, name, 0750) < 0 && errno != EEXIST) {
        return -errno;
    }
    int r = sync_dir(at_fd);
    if (r < 0) {
        return r;
    }
    fd = openat(at_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int enter_and_leave(int *fd, const char *name)
{
    int r = enter(*fd, name);
    if (r < 0) {
        return r;
    }
    close(*fd);
    *fd = r;
    return 0;
}

/* Like mkdir -p, each step synced. */
static int open_base(const char *directory)
{
    struct hd_buffer part = {0};
    int fd = open(directory[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -errno : 0;
    for (const char *p = directory; r == 0 && *p;) {
        size_t len = strcspn(p, "/");
        if (len > 0) {
            part.len = 0;
            r = hd_buffer_append(&part, p, len);
            const char *name = r == 0 ? hd_buffer_cstr(&part) : "";
            r = r == 0 ? enter_and_leave(&fd, name) : r;
        }
        p += len + (p[len] == '/');
    }
    hd_buffer_deinit(&part);
    if (r < 0 && fd >= 0) {
        close(fd);
    }
    return r < 0 ? r : fd;
}

static int take_lock(struct hd_file_dir *dir, struct hd_diag *diag)
{
    const char *path = hd_buffer_cstr(&dir->path);
    dir->lock_fd = openat(dir->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (dir->lock_fd < 0) {
        int code = -errno;
        return hd_fail(diag, code,
                       "cannot write in the checkpoint directory %s: %s; give the user that "
                       "hubdrain runs as the right to write there, or set another directory",
                       path, strerror(-code));
    }
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        int code = -errno;
        char pid[24] = {0};
        ssize_t n = pread(dir->lock_fd, pid, sizeof(pid) - 1, 0);
        pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        if (code != -EWOULDBLOCK) {
            return hd_fail(diag, code, "cannot lock the checkpoint directory %s: %s", path,
                           strerror(-code));
        }
        return hd_fail(diag, -EBUSY,
                       "the checkpoint directory %s is in use by another process (pid %s), which "
                       "drains the same hub and consumer group; stop it, or use another consumer "
                       "group or directory",
                       path, pid[0] ? pid : "unknown");
    }
    if (ftruncate(dir->lock_fd, 0) < 0 || dprintf(dir->lock_fd, "%ld\n", (long)getpid()) < 0) {
        int code = errno ? -errno : -EIO;
        return hd_fail(diag, code, "cannot write the lock file in %s: %s", path, strerror(-code));
    }
    return 0;
}

int hd_file_dir_open(struct hd_file_dir *dir, const struct hd_store_options *options,
                     struct hd_diag *diag)
{
    const char *const parts[] = {options->namespace_name, options->hub, options->consumer_group};
    *dir = (struct hd_file_dir){.fd = -1, .lock_fd = -1};
    struct hd_buffer lower = {0}, name = {0};
    int r = hd_buffer_append_cstr(&dir->path, options->directory);
    if (r == 0) {
        dir->fd = open_base(options->directory);
        r = dir->fd < 0 ? dir->fd : 0;
    }
    for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        lower.len = name.len = 0;
        if ((r = hd_store_append_lower(&lower, parts[i])) < 0 ||
            (r = append_name(&name, hd_buffer_cstr(&lower))) < 0 ||
            (r = hd_buffer_printf(&dir->path, "/%s", hd_buffer_cstr(&name))) < 0) {
            break;
        }
        r = enter_and_leave(&dir->fd, hd_buffer_cstr(&name));
    }
    if (r == 0) {
        int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 ? -errno : 0;
        close(dir->fd);
        dir->fd = fd;
    }
    hd_buffer_deinit(&lower);
    hd_buffer_deinit(&name);
    if (r < 0) {
        hd_fail(diag, r,
                "cannot use the checkpoint directory %s: %s; make it, or give the user that "
                "hubdrain runs as the right to write there",
                hd_buffer_cstr(&dir->path), strerror(-r));
    } else {
        r = take_lock(dir, diag);
    }
    if (r < 0) {
        hd_file_dir_close(dir);
    }
    return r;
}

void hd_file_dir_close(struct hd_file_dir *dir)
{
    if (dir->lock_fd >= 0) {
        close(dir->lock_fd);
    }
    if (dir->fd >= 0) {
        close(dir->fd);
    }
    hd_buffer_deinit(&dir->path);
    dir->fd = dir->lock_fd = -1;
}

/* ---- read ---- */

static enum hd_store_result failed(const struct hd_file_dir *dir, const char *doing,
                                   const char *name, int code, struct hd_diag *diag)
{
    /* dir->path was terminated when it was made; nothing changes it. */
    const char *path = dir->path.data;
    switch (code) {
    case EACCES:
    case EPERM:
    case EROFS:
        hd_fail(diag, 0,
                "cannot %s checkpoint %s/%s: %s; give the user that hubdrain runs as the "
                "right to write there",
                doing, path, name, strerror(code));
        return HD_STORE_DENIED;
    case ENOENT:
        hd_fail(diag, 0,
                "cannot %s checkpoint %s/%s: the directory was removed or replaced while "
                "in use; start hubdrain again",
                doing, path, name);
        return HD_STORE_DENIED;
    case ENOSPC:
    case EDQUOT:
        hd_fail(diag, 0, "cannot %s checkpoint %s/%s: %s; make room on the disk", doing, path, name,
                strerror(code));
        return HD_STORE_UNAVAILABLE;
    default:
        hd_fail(diag, 0, "cannot %s checkpoint %s/%s: %s", doing, path, name, strerror(code));
        return HD_STORE_UNAVAILABLE;
    }
}

/* The whole file, at most MAX_FILE_BYTES. Returns its length or -errno. */
static ssize_t read_file(int dir_fd, const char *name, char *to)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    ssize_t len = 0, n;
    do {
        n = read(fd, to + len, (size_t)(MAX_FILE_BYTES - len));
        len += n > 0 ? n : 0;
    } while ((n > 0 && len < MAX_FILE_BYTES) || (n < 0 && errno == EINTR));
    ssize_t ret = n < 0 ? -errno : len;
    close(fd);
    return ret;
}

/* "key=value" lines between the first line and "end". `text` is taken apart. */
static void parse_file(char *text, size_t len, struct hd_checkpoint *ret)
{
    char original[256];
    size_t kept = len < sizeof(original) ? len : sizeof(original);
    memcpy(original, text, kept);
    const char *sequence_number = NULL, *offset = NULL;
    bool ended = false, ok = len > 0 && !memchr(text, '\0', len);
    size_t n = 0;
    for (char *line = text, *end = text + len; ok && !ended && line < end; n++) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        if (!newline) {
            break;
        }
        *newline = '\0';
        if (n == 0) {
            ok = strcmp(line, first_line) == 0;
        } else if (strncmp(line, "sequencenumber=", 15) == 0) {
            sequence_number = line + 15;
        } else if (strncmp(line, "offset=", 7) == 0) {
            offset = line + 7;
        } else {
            ended = strcmp(line, "end") == 0;
        }
        line = newline + 1;
    }
    if (ok && ended) {
        hd_checkpoint_parse(sequence_number, offset, ret);
    } else {
        hd_checkpoint_unreadable(ret, len == 0 ? "empty file" : "not a whole checkpoint file",
                                 hd_slice(original, kept));
    }
}

/* false: not a name that we would have written. */
static bool partition_of(const char *name, char ret[HD_PARTITION_ID_SIZE])
{
    size_t len = strlen(name), tail = sizeof(suffix) - 1;
    if (name[0] == '.' || len <= tail || strcmp(name + len - tail, suffix) != 0) {
        return false;
    }
    struct hd_buffer plain = {0};
    bool ok = hd_url_decode(&plain, hd_slice(name, len - tail)) == 0 &&
              plain.len < HD_PARTITION_ID_SIZE && !memchr(plain.data, '\0', plain.len);
    if (ok) {
        memcpy(ret, hd_buffer_cstr(&plain), plain.len + 1);
    }
    hd_buffer_deinit(&plain);
    return ok;
}

static enum hd_store_result read_one(const struct hd_file_dir *dir, const char *name,
                                     struct hd_checkpoint_list *list, struct hd_diag *diag)
{
    char partition[HD_PARTITION_ID_SIZE];
    char text[MAX_FILE_BYTES];
    if (!partition_of(name, partition)) {
        return HD_STORE_OK;
    }
    ssize_t len = read_file(dir->fd, name, text);
    if (len < 0) {
        return failed(dir, "read", name, (int)-len, diag);
    }
    struct hd_checkpoint *checkpoint = hd_checkpoint_list_add(list);
    if (!checkpoint) {
        return failed(dir, "read", name, ENOMEM, diag);
    }
    memcpy(checkpoint->partition, partition, sizeof(partition));
    parse_file(text, (size_t)len, checkpoint);
    return HD_STORE_OK;
}

enum hd_store_result hd_file_dir_read(const struct hd_file_dir *dir,
                                      struct hd_checkpoint_list *list, struct hd_diag *diag)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        int code = errno;
        if (fd >= 0) {
            close(fd);
        }
        return failed(dir, "list", "*", code, diag);
    }
    enum hd_store_result result = HD_STORE_OK;
    struct dirent *entry;
    errno = 0;
    while (result == HD_STORE_OK && (entry = readdir(stream))) {
        result = read_one(dir, entry->d_name, list, diag);
        errno = 0;
    }
    if (result == HD_STORE_OK && errno != 0) {
        result = failed(dir, "list", "*", errno, diag);
    }
    closedir(stream);
    return result;
}

/* ---- write ---- */

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int replace(int dir_fd, const char *name, const char *temporary,
                   const struct hd_position *position)
{
    char text[sizeof(first_line) + HD_OFFSET_SIZE + 64];
    int len = snprintf(text, sizeof(text), "%s\nsequencenumber=%lld\noffset=%s\nend\n", first_line,
                       (long long)position->sequence_number, position->offset);
    int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return -errno;
    }
    int r = write_all(fd, text, (size_t)len);
    if (r == 0 && fsync(fd) < 0) {
        r = -errno;
    }
    /* Some file systems tell of a full disk only here. */
    if (close(fd) < 0 && r == 0 && errno != EINTR) {
        r = -errno;
    }
    if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0) {
        r = -errno;
    }
    if (r < 0) {
        unlinkat(dir_fd, temporary, 0);
        return r;
    }
    return fsync(dir_fd) < 0 && errno != EINVAL ? -errno : 0;
}

enum hd_store_result hd_file_dir_write(const struct hd_file_dir *dir, const char *partition,
                                       const struct hd_position *position, struct hd_diag *diag)
{
    struct hd_buffer name = {0}, temporary = {0};
    int r = append_name(&name, partition);
    if (r == 0) {
        r = hd_buffer_printf(&temporary, ".%s.tmp", hd_buffer_cstr(&name));
    }
    if (r == 0) {
        r = hd_buffer_append_cstr(&name, suffix);
    }
    if (r == 0) {
        r = replace(dir->fd, hd_buffer_cstr(&name), hd_buffer_cstr(&temporary), position);
    }
    enum hd_store_result result =
        r < 0 ? failed(dir, "write", hd_buffer_cstr(&name), -r, diag) : HD_STORE_OK;
    hd_buffer_deinit(&name);
    hd_buffer_deinit(&temporary);
    return result;
}
