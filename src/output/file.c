/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. A batch's text is one block of lines, so a delivery is usually one write(): the documents
 * that are still pending and stand next to each other go together. commit is one fdatasync for all
 * that the sink took at once (fsync: batch). With the other two policies an ACK means "the kernel
 * has it": a power cut loses up to the interval, or what the kernel had not written.
 *
 * A file must be durable before it is rotated away, and the lines of the group that are in it must
 * count even if a later sync fails: so deliver asks for a commit first, then rotates.
 *
 * Rotation that fails does not stop anything: the file goes on under its name and the next attempt
 * is made a little later.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "hubdrain/output.h"
#include "src/output/appendfile.h"
#include "src/output/kinds.h"

#define ROTATE_RETRY_MS 10000

struct file {
    const struct hd_output_options *options;
    struct hd_appendfile lines;
    int64_t next_sync_ms;   /* fsync: interval */
    int64_t next_rotate_ms; /* after a rotation that failed */
};

static void warn_of_sync(const struct file *file, const struct hd_diag *diag)
{
    hd_log_limited(HD_LOG_ERROR, "output.file.sync_failed",
                   "lines that were acknowledged since the last sync may be lost",
                   HD_STR("output", file->options->name), HD_STR("reason", diag->text));
}

static void file_free(void *self)
{
    struct file *file = self;
    struct hd_diag diag;
    if (!file) {
        return;
    }
    if (file->options->file.fsync != HD_FSYNC_NEVER && hd_appendfile_sync(&file->lines, &diag)) {
        warn_of_sync(file, &diag);
    }
    hd_appendfile_deinit(&file->lines);
    free(file);
}

static int file_new(const struct hd_output_options *options, void **ret_self, struct hd_diag *diag)
{
    if (!options->file.path || !*options->file.path) {
        return hd_fail(diag, -EINVAL, "output %s: no path", options->name);
    }
    struct file *file = calloc(1, sizeof(*file));
    if (!file) {
        return -ENOMEM;
    }
    file->options = options;
    int r = hd_appendfile_init(&file->lines, options->file.path, options->name,
                               options->file.rotate_interval_ms);
    if (r == 0 && hd_appendfile_open(&file->lines, diag) == HD_OUTPUT_BLOCK) {
        r = -file->lines.error;
    }
    if (r) {
        hd_appendfile_deinit(&file->lines);
        free(file);
        return r;
    }
    *ret_self = file;
    return 0;
}

/* Everything is committed. */
static void rotate(struct file *file, int64_t now_ms, int64_t stamp_ms)
{
    struct hd_diag diag;
    if (file->options->file.fsync == HD_FSYNC_INTERVAL && hd_appendfile_sync(&file->lines, &diag)) {
        warn_of_sync(file, &diag);
    } else if (hd_appendfile_rotate(&file->lines, stamp_ms, &diag)) {
        file->next_rotate_ms = now_ms + ROTATE_RETRY_MS;
        hd_log_limited(HD_LOG_WARNING, "output.file.rotate_failed",
                       "could not rotate; writing goes on", HD_STR("output", file->options->name),
                       HD_STR("reason", diag.text));
    }
}

/* The file is full, and rotating did not fail a moment ago. */
static bool wants_rotation(const struct file *file, uint64_t more, int64_t now_ms)
{
    uint64_t limit = file->options->file.rotate_bytes;
    int64_t wait_ms = file->next_rotate_ms - now_ms;
    return limit && file->lines.size > 0 && file->lines.size + more > limit &&
           (wait_ms <= 0 || wait_ms > ROTATE_RETRY_MS);
}

/* How many documents from `first` on can be written as one block, and its length. */
static uint32_t measure(const struct hd_delivery *delivery, uint32_t first, uint64_t max_bytes,
                        size_t *ret_len)
{
    const struct hd_batch *batch = delivery->batch;
    size_t len = batch->documents[first].len + (size_t)1;
    uint32_t end = first + 1;
    while (end < batch->n_documents && delivery->answers[end] == HD_OUTPUT_PENDING &&
           batch->documents[end].start == batch->documents[first].start + len &&
           len + batch->documents[end].len + 1 <= max_bytes) {
        len += batch->documents[end++].len + (size_t)1;
    }
    *ret_len = len;
    return end;
}

/* Writes one block from *at on and moves *at behind what is in the file. */
static int write_block(struct file *file, struct hd_delivery *delivery, uint32_t *at,
                       struct hd_diag *diag)
{
    const struct hd_document *documents = delivery->batch->documents;
    uint32_t first = *at;
    int r = hd_appendfile_open(&file->lines, diag);
    if (r) {
        return r;
    }
    int64_t now_ms = hd_clock_realtime_ms();
    if (wants_rotation(file, documents[first].len + UINT64_C(1), now_ms)) {
        if (file->options->file.fsync == HD_FSYNC_BATCH && file->lines.synced != file->lines.size) {
            delivery->commit_first = true;
            return 0;
        }
        rotate(file, now_ms, now_ms);
    }
    uint64_t limit = file->options->file.rotate_bytes;
    uint64_t room = limit > file->lines.size ? limit - file->lines.size : UINT64_MAX;
    size_t len, kept;
    uint32_t end = measure(delivery, first, room, &len);
    r = hd_appendfile_write(&file->lines, delivery->batch->text.data + documents[first].start, len,
                            &kept, diag);
    size_t seen = 0;
    while (*at < end && seen + documents[*at].len + 1 <= kept) {
        seen += documents[*at].len + (size_t)1;
        delivery->answers[(*at)++] = HD_OUTPUT_ACK;
    }
    return r;
}

static void file_deliver(void *self, struct hd_delivery *delivery)
{
    struct file *file = self;
    struct hd_diag diag = {.text = ""};
    int r = 0;
    for (uint32_t i = 0; i < delivery->batch->n_documents && !delivery->commit_first;) {
        if (delivery->answers[i] != HD_OUTPUT_PENDING) {
            i++;
        } else if (!r) {
            r = write_block(file, delivery, &i, &diag);
        } else {
            delivery->answers[i++] = (enum hd_answer)r;
        }
    }
    if (r) {
        hd_reason_set(delivery->reason, diag.text);
    }
}

static int file_commit(void *self, struct hd_diag *diag)
{
    struct file *file = self;
    int r =
        file->options->file.fsync == HD_FSYNC_BATCH ? hd_appendfile_sync(&file->lines, diag) : 0;
    if (r) {
        hd_appendfile_rollback(&file->lines, file->lines.synced);
    }
    return r;
}

static int file_reopen(void *self, struct hd_diag *diag)
{
    struct file *file = self;
    return hd_appendfile_reopen(&file->lines, diag);
}

/* Between groups only: whatever is in the file is committed. */
static void file_tick(void *self, int64_t realtime_ms)
{
    struct file *file = self;
    const struct hd_output_options *options = file->options;
    struct hd_diag diag;
    int64_t boundary_ms;
    if (hd_appendfile_check(&file->lines, realtime_ms, &diag)) {
        hd_log_limited(HD_LOG_WARNING, "output.file.reopen_failed", "the file has gone",
                       HD_STR("output", options->name), HD_STR("reason", diag.text));
    }
    int64_t wait_ms = file->next_sync_ms - realtime_ms;
    if (options->file.fsync == HD_FSYNC_INTERVAL &&
        (wait_ms <= 0 || wait_ms > options->file.fsync_interval_ms)) {
        file->next_sync_ms = realtime_ms + options->file.fsync_interval_ms;
        if (hd_appendfile_sync(&file->lines, &diag)) {
            warn_of_sync(file, &diag);
        }
    }
    wait_ms = file->next_rotate_ms - realtime_ms;
    if (hd_appendfile_due(&file->lines, realtime_ms, &boundary_ms) &&
        (wait_ms <= 0 || wait_ms > ROTATE_RETRY_MS)) {
        rotate(file, realtime_ms, boundary_ms);
    }
}

const struct hd_output_ops hd_output_file = {
    .kind = "file",
    .new = file_new,
    .free = file_free,
    .deliver = file_deliver,
    .commit = file_commit,
    .reopen = file_reopen,
    .tick = file_tick,
};
