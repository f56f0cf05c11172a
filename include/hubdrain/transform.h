/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transform: what a worker does to a batch: decode every message, normalise every event, and leave
 * documents and dead letters in the batch, which is immutable from then on.
 *
 * Owner:   a transform owns a decoder and a normaliser; it belongs to one worker.
 * Threads: one at a time.
 * Errors:  -ENOMEM: the batch is then unchanged in its messages, and useless otherwise.
 */
#ifndef HUBDRAIN_TRANSFORM_H
#define HUBDRAIN_TRANSFORM_H

#include "hubdrain/batch.h"
#include "hubdrain/normalise.h"

struct hd_transform;

int hd_transform_new(const struct hd_decode_limits *limits, enum hd_schema schema,
                     const struct hd_normalise_options *options, struct hd_transform **ret);
void hd_transform_free(struct hd_transform *transform); /* accepts NULL */

int hd_transform_batch(struct hd_transform *transform, struct hd_batch *batch);

#endif
