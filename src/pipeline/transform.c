/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the one place where bytes become documents. Events live only between the decoder's call
 * and the normaliser's: what stays in the batch is text, one line a document, so that an output can
 * write a whole batch with one call.
 */
#include "hubdrain/transform.h"

#include <errno.h>
#include <stdlib.h>

/* Documents are placed by 32 bits, and one may be six times as long as its record. */
#define MAX_TEXT_BYTES (UINT32_MAX / 2)

struct hd_transform {
    struct hd_decoder *decoder;
    struct hd_normaliser *normaliser;
    /* of the message that is being decoded */
    struct hd_batch *batch;
    uint32_t message;
    struct hd_origin origin;
};

int hd_transform_new(const struct hd_decode_limits *limits, enum hd_schema schema,
                     const struct hd_normalise_options *options, struct hd_transform **ret)
{
    struct hd_transform *transform = calloc(1, sizeof(*transform));
    if (!transform) {
        return -ENOMEM;
    }
    struct hd_decode_limits all = limits ? *limits : (struct hd_decode_limits){0};
    all.skip_message = !options->keep_message;
    int r = hd_decoder_new(&all, &transform->decoder);
    if (r == 0) {
        r = hd_normaliser_new(schema, options, &transform->normaliser);
    }
    if (r < 0) {
        hd_transform_free(transform);
        return r;
    }
    *ret = transform;
    return 0;
}

void hd_transform_free(struct hd_transform *transform)
{
    if (transform) {
        hd_decoder_free(transform->decoder);
        hd_normaliser_free(transform->normaliser);
        free(transform);
    }
}

static int on_dead(void *context, enum hd_dead_reason reason, struct hd_slice bytes, size_t at,
                   uint32_t index)
{
    struct hd_transform *transform = context;
    struct hd_batch *batch = transform->batch;
    size_t start = batch->dead_bytes.len;
    int r = hd_buffer_append(&batch->dead_bytes, bytes.data, bytes.len);
    if (r < 0) {
        return r;
    }
    struct hd_dead *dead = hd_batch_add_dead(batch);
    if (!dead) {
        return -ENOMEM;
    }
    *dead = (struct hd_dead){
        .message = transform->message,
        .index = index,
        .reason = reason,
        .at = (uint32_t)at,
        .start = (uint32_t)start,
        .len = (uint32_t)bytes.len,
    };
    return 0;
}

static int on_event(void *context, const struct hd_event *event, uint32_t index)
{
    struct hd_transform *transform = context;
    struct hd_batch *batch = transform->batch;
    size_t start = batch->text.len, cap = batch->text.cap;
    if (start > MAX_TEXT_BYTES) {
        return on_dead(context, HD_DEAD_TOO_LARGE, event->record, 0, index);
    }
    transform->origin.index = index;
    int r = hd_normalise(transform->normaliser, event, &transform->origin, &batch->text);
    if (r < 0) {
        return r;
    }
    struct hd_document *document = hd_batch_add_document(batch);
    if (!document) {
        return -ENOMEM;
    }
    *document = (struct hd_document){
        .message = transform->message,
        .index = index,
        .start = (uint32_t)start,
        .len = (uint32_t)(batch->text.len - start),
    };
    r = hd_buffer_append(&batch->text, "\n", 1);
    if (batch->text.cap != cap) {
        hd_batch_charge(batch); /* a compressed body may become a hundred times as long */
    }
    return r;
}

static void on_skip(void *context, uint32_t index)
{
    (void)index;
    ((struct hd_transform *)context)->batch->n_skipped++;
}

static const struct hd_decode_handler handler = {on_event, on_dead, on_skip};

static int transform_message(struct hd_transform *transform, uint32_t number)
{
    struct hd_batch *batch = transform->batch;
    const struct hd_message *message = &batch->messages[number];
    struct hd_slice body = {batch->raw.data + message->body, message->body_len};
    transform->message = number;
    if (message->bad) {
        return on_dead(transform, HD_DEAD_BAD_MESSAGE, body, 0, 0);
    }
    hd_batch_origin(batch, number, &transform->origin);
    transform->origin.ingested_ms = batch->received_ms;
    return hd_decode(transform->decoder, body, &handler, transform);
}

int hd_transform_batch(struct hd_transform *transform, struct hd_batch *batch)
{
    transform->batch = batch;
    /* A document is about as long as its record; growing by doubling would waste up to half. */
    int r = hd_buffer_reserve(&batch->text, batch->raw.len + batch->raw.len / 8);
    for (uint32_t i = 0; r == 0 && i < batch->n_messages; i++) {
        r = transform_message(transform, i);
    }
    batch->transformed = true;
    hd_batch_charge(batch);
    transform->batch = NULL;
    return r;
}
