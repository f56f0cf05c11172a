/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch: messages of one partition on their way from the hub to the outputs.
 *
 * Life: the loop fills it (messages, raw), a worker adds documents and dead letters, from then on
 * it is immutable; every sink reads it and calls done; the last one sends it home.
 *
 * Owner:   whoever holds the pointer; while the sinks have it, all of them together (pending).
 * Threads: one at a time until it is immutable, then any number of readers.
 * Limits:  closed by the pipeline on bytes, count or age. Its bytes are charged to the budget.
 */
#ifndef HUBDRAIN_BATCH_H
#define HUBDRAIN_BATCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "hubdrain/buffer.h"
#include "hubdrain/decode.h"
#include "hubdrain/queue.h"

struct hd_budget;

/* One AMQP message. Positions are offsets into batch->raw. */
struct hd_message {
    int64_t sequence_number;
    int64_t enqueued_ms;
    uint32_t body, body_len;     /* all Data sections, joined */
    uint32_t offset, offset_len; /* the hub's offset text */
    bool bad;                    /* the AMQP message could not be read: body is all its bytes */
};

/* One document: an event as text. docs are in order of message and index. */
struct hd_document {
    uint32_t message;    /* index into messages */
    uint32_t index;      /* of the record in the body */
    uint32_t start, len; /* in batch->text; a line feed stands at start + len */
};

/* One record that decode could not understand. */
struct hd_dead {
    uint32_t message, index;
    enum hd_dead_reason reason;
    uint32_t at;         /* where in the body the fault is */
    uint32_t start, len; /* in batch->dead_bytes */
};

struct hd_batch {
    struct hd_queue_node node; /* first: queues carry it */

    const struct hd_partition_info *partition;
    uint64_t generation; /* of the ownership under which it was received */

    struct hd_buffer raw;
    struct hd_message *messages;
    uint32_t n_messages, cap_messages;

    struct hd_buffer text; /* one line a document, ready to be written whole */
    struct hd_document *documents;
    uint32_t n_documents, cap_documents;

    struct hd_buffer dead_bytes;
    struct hd_dead *dead;
    uint32_t n_dead, cap_dead;

    uint32_t n_skipped;
    int64_t opened_ms;     /* loop time of the first message */
    int64_t received_ms;   /* the same by the wall clock: event.ingested */
    bool transformed;      /* text and dead are there; before that, room for them is charged */
    uint32_t text_percent; /* how long the text will be, in percent of raw; a guess */

    struct hd_budget *budget;
    uint64_t charged_bytes;

    _Atomic uint32_t pending; /* sinks that still have it */
    atomic_bool abandoned;    /* one of them will not deliver it: nothing in it is safe */
};

/* What all batches of a partition share; lives as long as the pipeline. */
struct hd_partition_info {
    const char *namespace_name, *hub, *consumer_group, *id;
    uint32_t number; /* dense index from 0 */
};

int hd_batch_new(struct hd_budget *budget, struct hd_batch **ret);
void hd_batch_free(struct hd_batch *batch);  /* accepts NULL; releases what was charged */
void hd_batch_reset(struct hd_batch *batch); /* empty, memory kept */

/* Each returns the new, zeroed element, or NULL without memory. */
struct hd_message *hd_batch_add_message(struct hd_batch *batch);
struct hd_document *hd_batch_add_document(struct hd_batch *batch);
struct hd_dead *hd_batch_add_dead(struct hd_batch *batch);

/* Brings the charge to what the batch now holds. */
void hd_batch_charge(struct hd_batch *batch);

void hd_batch_origin(const struct hd_batch *batch, uint32_t message, struct hd_origin *ret);

#endif
