/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode: a message body -> records -> events.
 *
 * Owner:   a decoder owns the arena that events point into; it belongs to one worker and is emptied
 *          for every record.
 * Threads: one at a time.
 * Limits:  struct hd_decode_limits. Nothing here depends on the heap after warm-up.
 * Errors:  -ENOMEM only. Whatever the bytes are, each part of the body ends in on_event or on_dead;
 *          blank bodies, null members and heartbeats end in on_skip.
 */
#ifndef HUBDRAIN_DECODE_H
#define HUBDRAIN_DECODE_H

#include "hubdrain/event.h"

/* Why a record is a dead letter; the stable word stands in hd_dead_reason_name(). */
enum hd_dead_reason {
    HD_DEAD_NONE,
    HD_DEAD_MALFORMED_JSON,
    HD_DEAD_MALFORMED_XML,
    HD_DEAD_TRUNCATED,    /* the body ends in the middle of a record */
    HD_DEAD_NOT_AN_EVENT, /* neither JSON nor event XML; the rest of a body that is mostly junk */
    HD_DEAD_TOO_LARGE,    /* a record past max_record_bytes */
    HD_DEAD_TOO_DEEP,     /* nesting */
    HD_DEAD_TOO_MANY_FIELDS,
    HD_DEAD_DECOMPRESS,  /* gzip damaged, or past max_body_bytes */
    HD_DEAD_BAD_MESSAGE, /* the AMQP message itself cannot be read */
    HD_DEAD_REJECTED,    /* an output can never accept it */
};
const char *hd_dead_reason_name(enum hd_dead_reason reason);

/* 0 means the default. */
struct hd_decode_limits {
    uint32_t max_record_bytes; /* default 1 MiB */
    uint32_t max_body_bytes;   /* after decompression; default 32 MiB */
    uint32_t max_depth;        /* default 64 */
    uint32_t max_fields;       /* a record; default 4096 */
    bool skip_message;         /* where there is event XML, do not spend time on event.message */
};

struct hd_decode_handler {
    /* The event is valid during the call. Non-zero ends hd_decode, which returns it. */
    int (*on_event)(void *context, const struct hd_event *event, uint32_t index);
    /* `bytes` are the original ones; `at` is where in the (decompressed) body the fault is. What
     * follows one another and is no event comes as one. No body gives more than 64 of them and one
     * for each KiB, and each byte comes once; see report.c for compressed ones. */
    int (*on_dead)(void *context, enum hd_dead_reason reason, struct hd_slice bytes, size_t at,
                   uint32_t index);
    void (*on_skip)(void *context, uint32_t index);
};

struct hd_decoder;

int hd_decoder_new(const struct hd_decode_limits *limits, /* NULL: the defaults */
                   struct hd_decoder **ret);
void hd_decoder_free(struct hd_decoder *decoder); /* accepts NULL */

/* HD_PADDING bytes behind the body must be readable. */
int hd_decode(struct hd_decoder *decoder, struct hd_slice body,
              const struct hd_decode_handler *handler, void *context);

/* Event XML alone into *event (everything in it is overwritten): the same code that hd_decode uses.
 * 0, or the reason as a positive value. */
int hd_decode_xml(struct hd_decoder *decoder, struct hd_slice xml, struct hd_event *event);

#endif
