/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. The file of last resort: a checkpoint passes what is written here, so every write is
 * synced before it returns, and one that fails leaves nothing behind. Records are encoded and
 * written in blocks of about BLOCK_BYTES, so that a flood of large ones costs little memory; all
 * blocks of one call go to the same file, so that one cut takes them back. So callers split what is
 * more than hd_deadletter_group_bytes: a file may then be longer than rotate_bytes only where one
 * letter alone is.
 *
 * When max_bytes is reached everything waits: others skip their dead letters then, and lose what
 * nobody has looked at. What others of its files hold is counted once and again only when the limit
 * seems to be reached, because only people make it less.
 */
#include "src/output/deadletter.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "src/output/appendfile.h"

#define BLOCK_BYTES  ((size_t)256 * 1024)
#define GROUP_BYTES  (UINT64_C(1) << 20)   /* a sync for each MiB costs nothing that matters */
#define BUFFER_BYTES ((size_t)1024 * 1024) /* what is kept of the buffer between calls */

struct hd_deadletter {
    pthread_mutex_t lock; /* everything below */
    struct hd_appendfile lines;
    uint64_t rotate_bytes, max_bytes; /* 0: no limit */
    uint64_t total_bytes;             /* of all its files; at least what is there */
    bool counted;
    struct hd_buffer block;
};

int hd_deadletter_new(const struct hd_deadletter_options *options, struct hd_deadletter **ret,
                      struct hd_diag *diag)
{
    if (!options->path || !*options->path) {
        return hd_fail(diag, -EINVAL, "no path for the dead letters");
    }
    struct hd_deadletter *dead = calloc(1, sizeof(*dead));
    if (!dead) {
        return -ENOMEM;
    }
    dead->rotate_bytes = options->rotate_bytes;
    dead->max_bytes = options->max_bytes;
    pthread_mutex_init(&dead->lock, NULL);
    int r = hd_appendfile_init(&dead->lines, options->path, "deadletter", 0);
    if (r == 0 && hd_appendfile_open(&dead->lines, diag) == HD_OUTPUT_BLOCK) {
        r = -dead->lines.error;
    }
    if (r) {
        hd_deadletter_free(dead);
        return r;
    }
    *ret = dead;
    return 0;
}

void hd_deadletter_free(struct hd_deadletter *dead)
{
    if (!dead) {
        return;
    }
    hd_appendfile_deinit(&dead->lines);
    hd_buffer_deinit(&dead->block);
    pthread_mutex_destroy(&dead->lock);
    free(dead);
}

static bool has_room(struct hd_deadletter *dead, uint64_t more)
{
    if (!dead->max_bytes || (dead->counted && dead->total_bytes + more <= dead->max_bytes)) {
        return true;
    }
    dead->counted =
        hd_rotation_total(&dead->lines.rotation, dead->lines.path, &dead->total_bytes) == 0;
    return dead->total_bytes + more <= dead->max_bytes;
}

static void rotate_if_full(struct hd_deadletter *dead, uint64_t more)
{
    struct hd_appendfile *lines = &dead->lines;
    struct hd_diag diag;
    if (dead->rotate_bytes && lines->size > 0 && lines->size + more > dead->rotate_bytes &&
        hd_appendfile_rotate(lines, hd_clock_realtime_ms(), &diag)) {
        hd_log_limited(HD_LOG_WARNING, "output.file.rotate_failed",
                       "could not rotate; writing goes on", HD_STR("output", "deadletter"),
                       HD_STR("reason", diag.text));
    }
}

/* Writes the block. first: *mark becomes where this call's lines begin, `more` bytes of them. */
static int flush(struct hd_deadletter *dead, bool first, uint64_t more, uint64_t *mark,
                 struct hd_diag *diag)
{
    struct hd_appendfile *lines = &dead->lines;
    if (!has_room(dead, dead->block.len)) {
        return hd_fail(diag, HD_OUTPUT_BLOCK,
                       "the dead letters in %s and its rotated files have reached their limit of "
                       "%" PRIu64 " bytes; move some away or raise max_bytes, nothing is lost "
                       "meanwhile",
                       lines->path, dead->max_bytes);
    }
    int r = hd_appendfile_open(lines, diag);
    if (first && r == 0) {
        rotate_if_full(dead, more);
        r = hd_appendfile_open(lines, diag);
        *mark = lines->size;
    }
    size_t kept = 0;
    r = r ? r : hd_appendfile_write(lines, dead->block.data, dead->block.len, &kept, diag);
    dead->total_bytes += kept;
    dead->block.len = 0;
    return r;
}

static uint64_t line_bytes(const struct hd_dead_record *records, size_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += hd_deadletter_line_bytes(&records[i]);
    }
    return bytes;
}

static int write_all(struct hd_deadletter *dead, const struct hd_dead_record *records, size_t n,
                     uint64_t *mark, struct hd_diag *diag)
{
    bool first = true;
    int64_t now_ms = hd_clock_realtime_ms();
    for (size_t i = 0; i < n; i++) {
        if (hd_deadletter_encode(&records[i], now_ms, &dead->block)) {
            return hd_fail(diag, HD_OUTPUT_RETRY, "no memory for a dead letter");
        }
        if (i + 1 == n || dead->block.len >= BLOCK_BYTES) {
            uint64_t more = first && i + 1 < n ? line_bytes(records, n) : dead->block.len;
            int r = flush(dead, first, more, mark, diag);
            if (r) {
                return r;
            }
            first = false;
        }
    }
    return hd_appendfile_sync(&dead->lines, diag);
}

uint64_t hd_deadletter_group_bytes(const struct hd_deadletter *dead)
{
    return dead->rotate_bytes && dead->rotate_bytes < GROUP_BYTES ? dead->rotate_bytes
                                                                  : GROUP_BYTES;
}

int hd_deadletter_write(struct hd_deadletter *dead, const struct hd_dead_record *records, size_t n,
                        struct hd_diag *diag)
{
    if (n == 0) {
        return 0;
    }
    pthread_mutex_lock(&dead->lock);
    uint64_t mark = UINT64_MAX;
    int r = hd_appendfile_check(&dead->lines, hd_clock_realtime_ms(), diag);
    r = r ? r : write_all(dead, records, n, &mark, diag);
    if (r) {
        hd_appendfile_rollback(&dead->lines, mark);
        dead->counted = false;
    }
    dead->block.len = 0;
    if (dead->block.cap > BUFFER_BYTES) {
        hd_buffer_deinit(&dead->block);
        dead->block = (struct hd_buffer){0};
    }
    pthread_mutex_unlock(&dead->lock);
    return r;
}

int hd_deadletter_reopen(struct hd_deadletter *dead, struct hd_diag *diag)
{
    pthread_mutex_lock(&dead->lock);
    int r = hd_appendfile_reopen(&dead->lines, diag);
    dead->counted = false;
    pthread_mutex_unlock(&dead->lock);
    return r;
}
