/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message: finds the parts of an encoded AMQP message that matter here. Pure.
 *
 * Owner:  the caller's bytes; several body sections are joined in place, all else is left as is.
 * Limits: less than 4 GiB; no recursion, no allocation.
 */
#ifndef HUBDRAIN_HUB_MESSAGE_H
#define HUBDRAIN_HUB_MESSAGE_H

#include <stdint.h>

#include "hubdrain/batch.h"

#define HD_MESSAGE_NO_SEQUENCE INT64_MIN

/* Fills *ret with positions relative to `bytes`. sequence_number is HD_MESSAGE_NO_SEQUENCE and
 * enqueued_ms 0 where the annotation is missing. What cannot be read has bad == true, a body of all
 * bytes (unchanged), and the annotations as far as they were found. */
void hd_message_decode(char *bytes, uint32_t size, struct hd_message *ret);

#endif
