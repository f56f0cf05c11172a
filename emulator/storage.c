/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: append-only segments. A record is
 *
 *     u32 length of what follows the checksum | u32 CRC-32 of that |
 *     i64 sequence number | i64 offset | i64 enqueued ms | u32 header length | encoded event
 *
 * in the machine's byte order. At start every segment is read in order of its name; the first
 * record that is short, damaged or out of order ends the log: the file is cut there and later
 * segments are removed, because nothing behind a hole can keep its place. Sequence numbers and
 * offsets go on from the last good record, so positions that clients kept stay valid. The last
 * segment is never deleted for age: it carries the numbers over an otherwise empty log.
 */
#include "storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#define SEGMENT_BYTES (32u << 20)
#define RECORD_MAX    (64u << 20)

struct record_head {
    uint32_t len, crc;
    int64_t seq, offset, enqueued_ms;
    uint32_t header_len;
} __attribute__((packed));

#define HEAD_REST (sizeof(struct record_head) - 8) /* the part that len and crc cover */

struct segment {
    int64_t first_seq;
    struct segment *next;
};

struct emu_storage {
    char *dir;
    int fd; /* of the last segment; -1 before the first event */
    uint64_t size;
    struct segment *segments, *last;
};

static int segment_path(const struct emu_storage *s, int64_t first_seq, char *ret, size_t size)
{
    int n = snprintf(ret, size, "%s/%020" PRId64 ".log", s->dir, first_seq);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int segment_add(struct emu_storage *s, int64_t first_seq)
{
    struct segment *segment = calloc(1, sizeof(*segment));
    if (segment == NULL) {
        return -ENOMEM;
    }
    segment->first_seq = first_seq;
    if (s->last != NULL) {
        s->last->next = segment;
    } else {
        s->segments = segment;
    }
    s->last = segment;
    return 0;
}

static void segment_drop_first(struct emu_storage *s)
{
    struct segment *first = s->segments;
    char path[4096];
    if (segment_path(s, first->first_seq, path, sizeof(path)) == 0) {
        unlink(path);
    }
    s->segments = first->next;
    if (s->segments == NULL) {
        s->last = NULL;
    }
    free(first);
}

static void close_last(struct emu_storage *s)
{
    if (s->fd >= 0) {
        fdatasync(s->fd);
        close(s->fd);
        s->fd = -1;
    }
}

/* ---- writing ---- */

static int open_segment(struct emu_storage *s, int64_t first_seq)
{
    char path[4096];
    int r = segment_path(s, first_seq, path, sizeof(path));
    if (r != 0) {
        return r;
    }
    close_last(s);
    s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (s->fd < 0) {
        return -errno;
    }
    s->size = 0;
    return segment_add(s, first_seq);
}

int emu_storage_append(struct emu_storage *s, int64_t seq, const struct emu_event *event)
{
    if (s->fd < 0 || s->size >= SEGMENT_BYTES) {
        int r = open_segment(s, seq);
        if (r != 0) {
            return r;
        }
    }
    struct record_head head = {
        .len = (uint32_t)(HEAD_REST + event->len),
        .seq = seq,
        .offset = event->offset,
        .enqueued_ms = event->enqueued_ms,
        .header_len = event->header_len,
    };
    uLong crc = crc32(0, (const Bytef *)&head + 8, HEAD_REST);
    head.crc = (uint32_t)crc32(crc, (const Bytef *)event->data, event->len);
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)event->data, event->len}};
    ssize_t n = writev(s->fd, parts, 2);
    if (n != (ssize_t)(sizeof(head) + event->len)) {
        int r = n < 0 ? -errno : -ENOSPC;
        /* a torn record in the middle would end the log at the next start */
        if (ftruncate(s->fd, (off_t)s->size) != 0 || lseek(s->fd, 0, SEEK_END) < 0) {
            return -EIO;
        }
        return r;
    }
    s->size += (uint64_t)n;
    return 0;
}

struct emu_storage_mark emu_storage_mark(const struct emu_storage *s)
{
    return (struct emu_storage_mark){s->last, s->size};
}

int emu_storage_take_back(struct emu_storage *s, struct emu_storage_mark mark)
{
    char path[4096];
    if (s->last != mark.last && s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
    struct segment **end = mark.last != NULL ? &mark.last->next : &s->segments;
    while (*end != NULL) {
        struct segment *gone = *end;
        *end = gone->next;
        if (segment_path(s, gone->first_seq, path, sizeof(path)) == 0) {
            unlink(path);
        }
        free(gone);
    }
    s->last = mark.last;
    s->size = mark.size;
    if (s->last == NULL) {
        return 0; /* the next append begins the first segment */
    }
    int r = segment_path(s, s->last->first_seq, path, sizeof(path));
    if (r == 0 && s->fd < 0) {
        s->fd = open(path, O_WRONLY | O_CLOEXEC);
    }
    if (r != 0 || s->fd < 0) {
        return r ? r : -errno;
    }
    return ftruncate(s->fd, (off_t)s->size) != 0 || lseek(s->fd, 0, SEEK_END) < 0 ? -errno : 0;
}

void emu_storage_trim(struct emu_storage *s, int64_t begin_seq)
{
    while (s->segments != NULL && s->segments->next != NULL &&
           s->segments->next->first_seq <= begin_seq) {
        segment_drop_first(s);
    }
}

int emu_storage_clear(struct emu_storage *s, struct hd_diag *diag)
{
    (void)diag;
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
    while (s->segments != NULL) {
        segment_drop_first(s);
    }
    s->size = 0;
    return 0;
}

/* ---- reading at start ---- */

/* One record at `at`; its size, or 0 when it is torn or wrong. */
static size_t restore_record(struct emu_partition *p, const char *at, size_t left, int *ret_error)
{
    struct record_head head;
    if (left < sizeof(head)) {
        return 0;
    }
    memcpy(&head, at, sizeof(head));
    if (head.len < HEAD_REST || head.len > RECORD_MAX || head.len > left - 8 ||
        crc32(crc32(0, NULL, 0), (const Bytef *)at + 8, head.len) != head.crc) {
        return 0;
    }
    struct hd_slice encoded = hd_slice(at + sizeof(head), head.len - HEAD_REST);
    int r =
        emu_partition_restore(p, head.seq, head.offset, head.enqueued_ms, head.header_len, encoded);
    if (r < 0) {
        *ret_error = r;
    }
    return r == 0 ? 8 + (size_t)head.len : 0;
}

static int read_file(int fd, size_t size, char **ret)
{
    char *data = malloc(size + 1);
    if (data == NULL) {
        return -ENOMEM;
    }
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);
        if (n <= 0) {
            free(data);
            return n < 0 ? -errno : -EIO;
        }
        got += (size_t)n;
    }
    *ret = data;
    return 0;
}

/* Reads one segment; *ret_torn says that the log ends in it. */
static int restore_segment(struct emu_storage *s, struct emu_partition *p, int64_t first_seq,
                           bool *ret_torn)
{
    char path[4096];
    int r = segment_path(s, first_seq, path, sizeof(path));
    if (r != 0) {
        return r;
    }
    close_last(s);
    s->fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        return -errno;
    }
    char *data = NULL;
    r = read_file(s->fd, (size_t)st.st_size, &data);
    if (r != 0) {
        return r;
    }
    size_t at = 0, n;
    while ((n = restore_record(p, data + at, (size_t)st.st_size - at, &r)) > 0) {
        at += n;
    }
    free(data);
    if (r != 0) {
        return r;
    }
    *ret_torn = at < (size_t)st.st_size;
    if (*ret_torn && ftruncate(s->fd, (off_t)at) != 0) {
        return -errno;
    }
    if (lseek(s->fd, 0, SEEK_END) < 0) {
        return -errno;
    }
    s->size = at;
    return segment_add(s, first_seq);
}

static int is_segment(const struct dirent *entry)
{
    return strlen(entry->d_name) == 24 && strcmp(entry->d_name + 20, ".log") == 0;
}

static int restore(struct emu_storage *s, struct emu_partition *p)
{
    struct dirent **names;
    int n = scandir(s->dir, &names, is_segment, alphasort);
    if (n < 0) {
        return -errno;
    }
    bool torn = false;
    int r = 0;
    for (int i = 0; i < n; i++) {
        int64_t first_seq = strtoll(names[i]->d_name, NULL, 10);
        char path[4096];
        if (r == 0 && !torn) {
            r = restore_segment(s, p, first_seq, &torn);
        } else if (r == 0 && segment_path(s, first_seq, path, sizeof(path)) == 0) {
            unlink(path);
        }
        free(names[i]);
    }
    free(names);
    if (r == 0) {
        emu_storage_trim(s, p->begin_seq);
    }
    return r;
}

static int make_dirs(const char *dir, struct emu_partition *p, char **ret)
{
    char *hub_dir = NULL;
    int r = -ENOMEM;
    *ret = NULL;
    if (asprintf(&hub_dir, "%s/%s", dir, p->hub->name) < 0) {
        return -ENOMEM;
    }
    if (asprintf(ret, "%s/%s", hub_dir, p->id) < 0) {
        *ret = NULL;
    } else if ((mkdir(dir, 0750) == 0 || errno == EEXIST) &&
               (mkdir(hub_dir, 0750) == 0 || errno == EEXIST) &&
               (mkdir(*ret, 0750) == 0 || errno == EEXIST)) {
        r = 0;
    } else {
        r = -errno;
    }
    free(hub_dir);
    return r;
}

int emu_storage_lock(const char *dir, int *ret_fd, struct hd_diag *diag)
{
    char path[4096];
    /* no hub can have this name: it begins with a dot */
    int n = snprintf(path, sizeof(path), "%s/.lock", dir);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return hd_fail(diag, -ENAMETOOLONG, "--data: the name of the directory is too long");
    }
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        int r = -errno;
        return hd_fail(diag, r, "cannot make the data directory %s: %s", dir, strerror(-r));
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    int r = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ? -errno : 0;
    if (r == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (r == -EWOULDBLOCK) {
        return hd_fail(diag, r,
                       "the data directory %s is in use by another hubdrain-emulator; stop that "
                       "one or name another directory",
                       dir);
    }
    return hd_fail(diag, r, "cannot lock the data directory with %s: %s", path, strerror(-r));
}

int emu_storage_open(const char *dir, struct emu_partition *partition, struct emu_storage **ret,
                     struct hd_diag *diag)
{
    struct emu_storage *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return hd_fail(diag, -ENOMEM, "out of memory");
    }
    s->fd = -1;
    int r = make_dirs(dir, partition, &s->dir);
    if (r == 0) {
        r = restore(s, partition);
    }
    if (r != 0) {
        hd_fail(diag, r, "cannot open the data directory %s: %s", s->dir != NULL ? s->dir : dir,
                strerror(-r));
        emu_storage_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void emu_storage_free(struct emu_storage *s)
{
    if (s == NULL) {
        return;
    }
    close_last(s);
    while (s->segments != NULL) {
        struct segment *next = s->segments->next;
        free(s->segments);
        s->segments = next;
    }
    free(s->dir);
    free(s);
}
