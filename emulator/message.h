/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message: the sections of an encoded AMQP message, and the batch envelope that producers send.
 *
 * Owner:   everything points into the bytes that were parsed. Threads: none.
 * Errors:  false when the bytes are no AMQP message.
 */
#ifndef EMULATOR_MESSAGE_H
#define EMULATOR_MESSAGE_H

#include "amqp.h"

#define EMU_MESSAGE_FORMAT_BATCH 0x80013700u

struct emu_message {
    struct hd_slice header;        /* the whole section; empty when there is none */
    struct emu_value annotations;  /* map; NULL kind when there is none */
    struct hd_slice rest;          /* everything behind the annotations, as it came */
    struct emu_value properties;   /* list */
    struct emu_value application;  /* map */
    struct emu_value body;         /* of the first body section */
    uint64_t body_code;            /* 0x75 data, 0x76 sequence, 0x77 value; 0 none */
    struct hd_slice partition_key; /* of the annotations, else of the envelope */
};

bool emu_message_parse(struct hd_slice bytes, struct emu_message *ret);

/* Field of the properties list (0 message-id, 4 reply-to, ...); NULL kind when absent. */
void emu_message_property(const struct emu_message *message, uint32_t field, struct emu_value *ret);

/*
 * The messages in a transfer: one, or with the batch format one per Data section.
 *     struct emu_batch batch = emu_batch(bytes, format);
 *     while ((r = emu_batch_next(&batch, &message)) > 0) ...     r < 0: not a batch
 */
struct emu_batch {
    struct emu_cursor cursor;
    bool split, started;
    struct hd_slice partition_key;
};

struct emu_batch emu_batch(struct hd_slice bytes, uint32_t message_format);
int emu_batch_next(struct emu_batch *batch, struct emu_message *ret); /* 1, 0 at the end, -1 */

#endif
