/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wire: one AMQP connection's bytes. A stream on one side, proton's engine on the other; reads,
 * writes, idle time-outs and pauses are done here, and its user sees proton events.
 *
 * Owner:   who opened it frees it, in ended() or outside of any of its callbacks.
 * Threads: the loop's.
 * Limits:  one read is HD_STREAM_BLOCK bytes; while paused, little more than nothing is read.
 */
#ifndef HUBDRAIN_HUB_WIRE_H
#define HUBDRAIN_HUB_WIRE_H

#include <proton/connection.h>
#include <proton/event.h>

#include "hubdrain/stream.h"

struct hd_wire;

struct hd_wire_handlers {
    void (*event)(void *context, pn_event_t *event);
    /* What one read brought was handled. */
    void (*drained)(void *context);
    /* true: leave the bytes in the socket until hd_wire_resume. */
    bool (*pause)(void *context);
    /* It is over; called once, as the last thing. condition is an AMQP one. */
    void (*ended)(void *context, const char *condition, const char *text);
};

/* Starts to connect. The proton connection is opened by the caller before it returns to the loop.
 * container_id and host go into OPEN. A peer that is silent for idle_timeout_ms is taken for
 * dead; it is told to speak twice in that time. */
int hd_wire_open(struct hd_loop *loop, const struct hd_stream_options *options,
                 const char *container_id, int64_t idle_timeout_ms,
                 const struct hd_wire_handlers *handlers, void *context, struct hd_wire **ret);
void hd_wire_free(struct hd_wire *wire); /* accepts NULL; closes the socket at once */

pn_connection_t *hd_wire_connection(struct hd_wire *wire);

/* Sends what was asked of proton since; in the next turn of the loop. */
void hd_wire_kick(struct hd_wire *wire);
void hd_wire_resume(struct hd_wire *wire);
/* Answers may wait behind what is not read. */
bool hd_wire_paused(const struct hd_wire *wire);

/* Ends it for a reason: ended() follows, after what can be sent was sent. The first reason counts.
 */
void hd_wire_end(struct hd_wire *wire, const char *condition, const char *text);

uint64_t hd_wire_received_bytes(const struct hd_wire *wire);

#endif
