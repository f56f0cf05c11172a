/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * proton collects the frames of a message; when the last one is there, its bytes are copied once,
 * to where the caller wants them, and are read in place.
 *
 * A message that outgrows max_message_bytes is not collected: its head is kept here, the rest is
 * dropped as it arrives, and the head is handed over as bad - a dead letter with a sequence number,
 * not a gap. So one partition never holds more than two such sizes, however large the message.
 */
#include "intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "hub.h"
#include "hubdrain/log.h"
#include "message.h"

void hd_intake_reset(struct hd_receiver *receiver)
{
    free(receiver->oversize);
    receiver->oversize = NULL;
    receiver->oversize_len = 0;
}

/* Takes what is there of a message that is too large. */
static bool absorb(struct hd_receiver *receiver, pn_link_t *link)
{
    uint32_t max = receiver->hub->options.max_message_bytes;
    if (!receiver->oversize) {
        receiver->oversize = malloc(max);
        receiver->oversize_len = 0;
        if (!receiver->oversize) {
            return false;
        }
    }
    char sink[16384];
    ssize_t n;
    do {
        uint32_t room = max - receiver->oversize_len;
        if (room > 0) {
            n = pn_link_recv(link, receiver->oversize + receiver->oversize_len, room);
            receiver->oversize_len += n > 0 ? (uint32_t)n : 0;
        } else {
            n = pn_link_recv(link, sink, sizeof(sink));
        }
    } while (n > 0);
    return true;
}

/* The hub sends only what is behind the start position. Where the first message is not, the offset
 * was understood by a hub that counts from the beginning again: times tell nothing more. */
static bool is_before_start(struct hd_receiver *receiver, const struct hd_message *message)
{
    const struct hd_start *start = &receiver->start;
    if (receiver->last.sequence_number >= 0 || start->kind != HD_START_POSITION ||
        start->position.sequence_number < 0 ||
        message->sequence_number > start->position.sequence_number) {
        return false;
    }
    char text[256];
    snprintf(text, sizeof(text),
             "the first message behind the start position has sequence number %" PRId64
             ", but the position has %" PRId64 ": the event hub seems to have been made anew",
             message->sequence_number, start->position.sequence_number);
    hd_receiver_went_back(receiver, text);
    return true;
}

/* What to do with a message whose number does not go forward. */
static bool is_duplicate(struct hd_receiver *receiver, const struct hd_message *message)
{
    if (receiver->last.sequence_number < 0 ||
        message->sequence_number > receiver->last.sequence_number) {
        return false;
    }
    if (message->enqueued_ms > receiver->last_enqueued_ms && receiver->last_enqueued_ms > 0) {
        char text[256];
        snprintf(text, sizeof(text),
                 "the sequence number went back from %" PRId64 " to %" PRId64
                 " although the message is younger: the event hub seems to have been made anew",
                 receiver->last.sequence_number, message->sequence_number);
        hd_receiver_went_back(receiver, text);
        return true;
    }
    receiver->hub->counters.duplicates++;
    hd_log_limited(HD_LOG_NOTICE, "amqp.message.duplicate",
                   "the hub sent a message again that was received before; it is dropped",
                   HD_STR("partition", receiver->id),
                   HD_INT("sequence_number", message->sequence_number));
    return true;
}

static void remember(struct hd_receiver *receiver, const char *bytes,
                     const struct hd_message *message)
{
    struct hd_position *last = &receiver->last;
    last->sequence_number = message->sequence_number;
    uint32_t n = message->offset_len < sizeof(last->offset) ? message->offset_len : 0;
    memcpy(last->offset, bytes + message->offset, n);
    last->offset[n] = 0;
    if (message->enqueued_ms) {
        receiver->last_enqueued_ms = message->enqueued_ms;
    }
    if (receiver->status.attempts) {
        receiver->status.attempts = 0;
        hd_backoff_reset(&receiver->backoff);
        hd_connection_works(receiver->connection);
    }
    receiver->renewed = receiver->blamed = false;
}

static int64_t next_sequence_number(const struct hd_receiver *receiver)
{
    if (receiver->last.sequence_number >= 0) {
        return receiver->last.sequence_number + 1;
    }
    bool known =
        receiver->start.kind == HD_START_POSITION && receiver->start.position.sequence_number >= 0;
    return known ? receiver->start.position.sequence_number + 1 : 0;
}

static void hand_over(struct hd_receiver *receiver, char *bytes, uint32_t size, bool cut)
{
    struct hd_hub *hub = receiver->hub;
    struct hd_message message;
    hd_message_decode(bytes, size, &message);
    if (cut) {
        message.bad = true;
        message.body = 0;
        message.body_len = size;
    }
    if (message.sequence_number == HD_MESSAGE_NO_SEQUENCE) {
        message.sequence_number = next_sequence_number(receiver);
    }
    if (is_before_start(receiver, &message) || is_duplicate(receiver, &message)) {
        return;
    }
    remember(receiver, bytes, &message);
    hub->counters.messages++;
    hub->delivered = true;
    hub->handlers.message(hub->context, receiver->number, &message, size);
}

/* One complete delivery. false: there is no room for it. */
static bool take(struct hd_receiver *receiver, pn_link_t *link, pn_delivery_t *delivery)
{
    struct hd_hub *hub = receiver->hub;
    size_t size = pn_delivery_pending(delivery);
    bool cut = receiver->oversize || size > hub->options.max_message_bytes;
    if (cut) {
        if (!absorb(receiver, link)) {
            return false;
        }
        size = receiver->oversize_len;
    }
    char *to = hub->handlers.reserve(hub->context, receiver->number, size ? size : 1);
    if (!to) {
        return false;
    }
    if (cut) {
        memcpy(to, receiver->oversize, size);
        hd_intake_reset(receiver);
    } else if (size > 0) {
        ssize_t n = pn_link_recv(link, to, size);
        size = n > 0 ? (size_t)n : 0;
    }
    if (!pn_delivery_settled(delivery)) {
        pn_delivery_update(delivery, PN_ACCEPTED);
    }
    pn_link_advance(link);
    pn_delivery_settle(delivery);
    hand_over(receiver, to, (uint32_t)size, cut);
    return true;
}

static void mark_dirty(struct hd_receiver *receiver)
{
    if (!receiver->dirty) {
        receiver->dirty = true;
        receiver->next_dirty = receiver->connection->dirty;
        receiver->connection->dirty = receiver;
    }
}

void hd_intake_deliveries(struct hd_link_handler *handler, pn_link_t *link)
{
    struct hd_receiver *receiver = (struct hd_receiver *)handler;
    pn_delivery_t *delivery;
    while (receiver->link == link && (delivery = pn_link_current(link)) &&
           pn_delivery_readable(delivery)) {
        bool ok = true;
        if (pn_delivery_aborted(delivery)) {
            hd_intake_reset(receiver);
            pn_link_advance(link);
            pn_delivery_settle(delivery);
        } else if (pn_delivery_partial(delivery)) {
            if (!receiver->oversize &&
                pn_delivery_pending(delivery) <= receiver->hub->options.max_message_bytes) {
                break;
            }
            ok = absorb(receiver, link);
            if (ok) {
                break;
            }
        } else {
            ok = take(receiver, link, delivery);
        }
        if (!ok) {
            hd_receiver_fail(receiver, "no memory for a message");
            return;
        }
    }
    mark_dirty(receiver);
}
