/* SPDX-License-Identifier: Apache-2.0 */
/* The line of one dead letter, and how many lines make a group. */
#ifndef HUBDRAIN_OUTPUT_DEADLETTER_H
#define HUBDRAIN_OUTPUT_DEADLETTER_H

#include "hubdrain/buffer.h"
#include "hubdrain/output.h"

/* Appends one line, its line feed included. -ENOMEM: the buffer ends where it did before. */
int hd_deadletter_encode(const struct hd_dead_record *record, int64_t realtime_ms,
                         struct hd_buffer *out);

/* About the length of the line, rather too much than too little. */
uint64_t hd_deadletter_line_bytes(const struct hd_dead_record *record);

/* What one call of hd_deadletter_write should not exceed, in line bytes: all of it goes into one
 * file, so more would make files that are longer than they may be. */
uint64_t hd_deadletter_group_bytes(const struct hd_deadletter *dead);

#endif
