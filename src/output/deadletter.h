/* SPDX-License-Identifier: Apache-2.0 */
/* The line of one dead letter. */
#ifndef HUBDRAIN_OUTPUT_DEADLETTER_H
#define HUBDRAIN_OUTPUT_DEADLETTER_H

#include "hubdrain/buffer.h"
#include "hubdrain/output.h"

/* Appends one line, its line feed included. -ENOMEM: the buffer ends where it did before. */
int hd_deadletter_encode(const struct hd_dead_record *record, int64_t realtime_ms,
                         struct hd_buffer *out);

#endif
