/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the bytes of a message are written once, by the AMQP engine, into the open batch of their
 * partition. A batch closes when it is full, has enough messages, or is old; so a quiet partition
 * is delivered soon and a busy one in large pieces. Every message enters the window when it is
 * received: what is not acknowledged there holds the checkpoint.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "credit.h"
#include "hubdrain/exit.h"
#include "hubdrain/log.h"
#include "state.h"

void intake_close_batch(struct partition *partition)
{
    struct hd_pipeline *pipeline = partition->pipeline;
    struct hd_batch *batch = partition->open;
    if (!batch) {
        return;
    }
    partition->open = NULL;
    /* A batch that waits behind a slow output should not hold memory it does not use. */
    if (batch->raw.cap > 4096 + 2 * batch->raw.len) {
        char *data = realloc(batch->raw.data, batch->raw.len + HD_PADDING);
        if (data) {
            batch->raw.data = data;
            batch->raw.cap = batch->raw.len;
        }
    }
    hd_batch_charge(batch);
    pipeline->in_flight++;
    workers_submit(pipeline->workers, batch);
}

void intake_close_all(struct hd_pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->n_partitions; i++) {
        intake_close_batch(pipeline->partitions[i]);
    }
}

void intake_on_age(struct hd_timer *timer, void *data)
{
    struct hd_pipeline *pipeline = data;
    int64_t now = hd_loop_now_ms(pipeline->loop);
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < pipeline->n_partitions; i++) {
        struct hd_batch *batch = pipeline->partitions[i]->open;
        if (!batch) {
            continue;
        }
        int64_t left = batch->opened_ms + pipeline->options.batch_age_ms - now;
        if (left <= 0) {
            intake_close_batch(pipeline->partitions[i]);
        } else if (left < next) {
            next = left;
        }
    }
    if (next < INT64_MAX) {
        hd_timer_start(timer, next);
    }
}

static struct hd_batch *open_batch(struct partition *partition)
{
    struct hd_pipeline *pipeline = partition->pipeline;
    struct hd_batch *batch = pool_take(pipeline);
    if (!batch) {
        return NULL;
    }
    batch->partition = &partition->info;
    batch->generation = partition->generation;
    batch->text_percent = (uint32_t)partition->text_percent;
    batch->opened_ms = hd_loop_now_ms(pipeline->loop);
    batch->received_ms = hd_loop_realtime_ms(pipeline->loop);
    if (!hd_timer_running(&pipeline->age_timer)) {
        hd_timer_start(&pipeline->age_timer, pipeline->options.batch_age_ms);
    }
    partition->open = batch;
    return batch;
}

char *intake_reserve(void *context, uint32_t number, size_t size)
{
    struct hd_pipeline *pipeline = context;
    struct partition *partition = pipeline->partitions[number];
    if (partition->open && partition->open->raw.len + size > pipeline->batch_bytes) {
        intake_close_batch(partition);
    }
    struct hd_batch *batch = partition->open ? partition->open : open_batch(partition);
    if (!batch || hd_buffer_reserve(&batch->raw, size) < 0) {
        return NULL;
    }
    return batch->raw.data + batch->raw.len;
}

void intake_message(void *context, uint32_t number, const struct hd_message *received, size_t size)
{
    struct hd_pipeline *pipeline = context;
    struct partition *partition = pipeline->partitions[number];
    struct hd_batch *batch = partition->open;
    uint32_t base = (uint32_t)batch->raw.len;

    struct hd_message *message = hd_batch_add_message(batch);
    int r = message ? 0 : -ENOMEM;
    if (r == 0) {
        *message = *received;
        message->body += base;
        message->offset += base;
        batch->raw.len += size;
        r = hd_window_push(partition->window, message->sequence_number,
                           hd_slice(batch->raw.data + message->offset, message->offset_len), 1);
    }
    if (r < 0) {
        /* It was received and cannot be kept: only a new start gets it again. */
        hd_log(HD_LOG_ERROR, "pipeline.failed", "a message could not be kept, ending",
               HD_STR("partition", partition->info.id), HD_STR("error", strerror(-r)));
        hd_pipeline_fail(pipeline, HD_EXIT_OS);
        return;
    }
    hd_batch_charge(batch);
    partition->mean_bytes = credit_mean(partition->mean_bytes, size);
    partition->touched = true;
    pipeline->totals.messages++;
    pipeline->totals.received_bytes += size;
    /* A compressed body may become very long: a batch has one of them at most. */
    bool compressed = message->body_len > 2 &&
                      memcmp(batch->raw.data + message->body, "\x1f\x8b", 2) == 0; /* gzip */
    if (compressed || batch->raw.len >= pipeline->batch_bytes ||
        batch->n_messages >= pipeline->options.batch_messages) {
        intake_close_batch(partition);
    }
}

void intake_drained(void *context)
{
    completion_grant(context, false);
}

bool intake_pause(void *context)
{
    struct hd_pipeline *pipeline = context;
    pipeline->paused = completion_over(pipeline);
    return pipeline->paused;
}
