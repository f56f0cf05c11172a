/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pass: one attempt at delivering a group of batches: deliver each, commit once, write the dead
 * letters, settle. No thread and no clock of its own.
 *
 * Owner: the sink. Threads: the sink's.
 */
#ifndef HUBDRAIN_OUTPUT_DELIVERY_H
#define HUBDRAIN_OUTPUT_DELIVERY_H

#include "hubdrain/buffer.h"
#include "hubdrain/output.h"
#include "src/output/kinds.h"

/* Reasons of single dead documents, until their dead letters are written. */
struct hd_dead_note {
    uint32_t document, start, len; /* in text */
};

struct hd_dead_notes {
    struct hd_dead_note *notes;
    size_t n, cap;
    struct hd_buffer text;
};

/* A batch on its way through a sink. Zero is empty; memory is kept from batch to batch. */
struct hd_parcel {
    struct hd_batch *batch;
    enum hd_answer *answers;
    uint32_t n, cap; /* answers */
    uint32_t n_open; /* documents that are not settled */
    uint32_t attempt;
    bool begun;
    char reason[HD_REASON_SIZE];
    struct hd_dead_notes notes;
};

/* What a sink delivers to. */
struct hd_target {
    const struct hd_output_ops *ops;
    void *self;
    const char *name;
    struct hd_deadletter *dead; /* where DEAD documents go; NULL for the dead-letter sink itself */
    bool dead_documents;        /* the documents are batch->dead[] */
    const atomic_bool *stop;
};

struct hd_pass {
    enum hd_answer answer; /* ACK: all is settled; RETRY, BLOCK, BROKEN: the worst that happened */
    char reason[HD_REASON_SIZE];
    int64_t retry_after_ms;
    uint64_t acked, dead, bytes; /* settled in this pass */
};

void hd_pass_run(const struct hd_target *target, struct hd_parcel *parcels, size_t n,
                 struct hd_pass *ret);

void hd_parcel_start(struct hd_parcel *parcel, struct hd_batch *batch);
void hd_parcel_deinit(struct hd_parcel *parcel);

static inline bool hd_parcel_done(const struct hd_parcel *parcel)
{
    return parcel->begun && parcel->n_open == 0;
}

#endif
