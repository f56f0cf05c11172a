/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Window: which messages of one partition are safe, and up to where all of them are. Pure code.
 *
 * A message is pushed in order of receipt with the number of records it must see acknowledged, and
 * is safe when all of them are. The watermark is the last message with everything before it safe.
 *
 * Owner: the pipeline, one per partition and ownership. Threads: one.
 * Errors: -ENOMEM; -EINVAL for a push that does not go forward, or an ack of what is not there or
 * already safe, or of no records: our bug, never the input's.
 */
#ifndef HUBDRAIN_WINDOW_H
#define HUBDRAIN_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hubdrain/slice.h"

/* A place in a partition. The offset is opaque text (geo-replicated hubs: "2:1234:567"). */
#define HD_OFFSET_SIZE 128
struct hd_position {
    int64_t sequence_number;     /* -1: unknown */
    char offset[HD_OFFSET_SIZE]; /* "": unknown */
};

struct hd_window;

int hd_window_new(struct hd_window **ret);
void hd_window_free(struct hd_window *window); /* accepts NULL */

/* Sequence numbers go up, and may jump. records == 0: safe at once. Offsets longer than
 * HD_OFFSET_SIZE - 1 are kept as "". */
int hd_window_push(struct hd_window *window, int64_t sequence_number, struct hd_slice offset,
                   uint32_t records);
int hd_window_ack(struct hd_window *window, int64_t sequence_number, uint32_t records);

/* false until something is safe. */
bool hd_window_watermark(const struct hd_window *window, struct hd_position *ret);

size_t hd_window_open(const struct hd_window *window); /* messages behind the watermark */

/* Memory in use. It follows the messages that are not safe, not those that wait behind a hole. */
size_t hd_window_bytes(const struct hd_window *window);

/* The message that holds the watermark back; false when there is none. */
bool hd_window_hole(const struct hd_window *window, int64_t *ret_sequence_number);

#endif
