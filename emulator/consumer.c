/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a consumer is a position in a partition. Each turn it copies stored events behind frame
 * headers into the connection's output, as far as credit, session window and the turn allow. When
 * the window closes in the middle of a message, what is left of it is kept by the link, so that
 * retention may drop the event meanwhile.
 *
 * proton counts the credit that a client grants but not the transfers made here, so what
 * pn_link_credit says is the number of deliveries ever allowed; the rest is a subtraction in
 * 32-bit serial arithmetic.
 */
#include <inttypes.h>
#include <stdio.h>

#include "hubdrain/clock.h"
#include "link.h"
#include "message.h"

#define NON_EPOCH_MAX 5

uint32_t emu_consumer_credit(const struct emu_link *link)
{
    int32_t left = (int32_t)((uint32_t)pn_link_credit(link->pn) - link->wire.sent);
    return left > 0 ? (uint32_t)left : 0;
}

/* ---- epochs ---- */

static const char *shown(const struct emu_link *link)
{
    return link->name[0] != 0 ? link->name : "nil";
}

static void tracker(const struct emu_link *link, char *ret, size_t size)
{
    char now[HD_TIME_TEXT_SIZE];
    hd_clock_format_ms(hd_clock_realtime_ms(), now);
    snprintf(ret, size,
             "TrackingId:%" PRIu64 "_G0, SystemTracker:emulator:eventhub:%.100s~%s|%.50s, "
             "Timestamp:%s",
             link->conn->id, link->hub->name, link->partition->id, link->group, now);
}

static const char *refuse_by_epoch(const struct emu_link *link, const struct emu_link *other,
                                   const char *tail, struct hd_diag *diag)
{
    if (link->has_epoch && other->has_epoch && other->epoch > link->epoch) {
        hd_fail(diag, 1,
                "Receiver '%s' with a higher epoch '%" PRId64
                "' already exists. Receiver '%s' with epoch %" PRId64
                " cannot be created. Make sure you are creating receiver with increasing epoch "
                "value to ensure connectivity, or ensure all old epoch receivers are closed or "
                "disconnected. %s",
                shown(other), other->epoch, shown(link), link->epoch, tail);
        return "amqp:link:stolen";
    }
    if (!link->has_epoch && other->has_epoch) {
        hd_fail(diag, 1,
                "At least one receiver for the endpoint is created with epoch of '%" PRId64
                "', and so non-epoch receiver is not allowed. Either reconnect with a higher "
                "epoch, or make sure all epoch receivers are closed or disconnected. %s",
                other->epoch, tail);
        return "amqp:link:stolen";
    }
    return NULL;
}

static void oust(struct emu_link *link, const struct emu_link *by, const char *tail)
{
    char text[900];
    snprintf(text, sizeof(text),
             "New receiver '%s' with higher epoch of '%" PRId64
             "' is created hence current receiver '%s' with epoch '%" PRId64
             "' is getting disconnected. If you are recreating the receiver, make sure a higher "
             "epoch is used. %s",
             shown(by), by->epoch, shown(link), link->epoch, tail);
    emu_link_detach(link, "amqp:link:stolen", text);
}

bool emu_consumer_admit(struct emu_link *link, const char **ret_condition, struct hd_diag *diag)
{
    char tail[350];
    tracker(link, tail, sizeof(tail));
    unsigned without_epoch = 0;
    struct emu_link *next;
    for (struct emu_link *other = link->partition->receivers; other != NULL;
         other = other->next_receiver) {
        if (other->group == link->group) {
            *ret_condition = refuse_by_epoch(link, other, tail, diag);
            if (*ret_condition != NULL) {
                return false;
            }
            without_epoch += !other->has_epoch;
        }
    }
    if (!link->has_epoch && without_epoch >= NON_EPOCH_MAX) {
        hd_fail(diag, 1,
                "Exceeded the maximum number of allowed receivers per partition in a consumer "
                "group which is %d. List of connected receivers - %s. %s",
                NON_EPOCH_MAX, shown(link->partition->receivers), tail);
        *ret_condition = "amqp:resource-limit-exceeded";
        return false;
    }
    for (struct emu_link *other = link->partition->receivers; link->has_epoch && other != NULL;
         other = next) {
        next = other->next_receiver;
        if (other->group == link->group) {
            oust(other, link, tail);
        }
    }
    return true;
}

/* ---- sending ---- */

/* The event with runtime metrics: header, delivery annotations, all the rest. */
static int with_metrics(struct emu_link *link, const struct emu_event *event, struct hd_buffer *out)
{
    const struct emu_partition *p = link->partition;
    struct emu_writer w = {out, 0};
    char offset[24];
    int n = snprintf(offset, sizeof(offset), "%" PRId64, p->last_offset);
    emu_write_raw(&w, event->data, event->header_len);
    emu_write_descriptor(&w, 0x71);
    size_t map = emu_write_begin(&w, EMU_MAP32);
    emu_write_symbol(&w, hd_slice_cstr("last_enqueued_sequence_number"));
    emu_write_long(&w, p->next_seq - 1);
    emu_write_symbol(&w, hd_slice_cstr("last_enqueued_offset"));
    emu_write_string(&w, hd_slice(offset, (size_t)n));
    emu_write_symbol(&w, hd_slice_cstr("last_enqueued_time_utc"));
    emu_write_timestamp(&w, p->last_enqueued_ms);
    emu_write_symbol(&w, hd_slice_cstr("runtime_info_retrieval_time_utc"));
    emu_write_timestamp(&w, hd_clock_realtime_ms());
    emu_write_end(&w, map, 8);
    emu_write_raw(&w, event->data + event->header_len, event->len - event->header_len);
    return w.error;
}

/* Goes on with a message that was cut. True when it is out. */
static bool send_rest(struct emu_link *link, struct hd_buffer *out)
{
    while (link->rest_at < link->rest.len && emu_wire_window(&link->wire) > 0) {
        struct hd_slice left =
            hd_slice(link->rest.data + link->rest_at, link->rest.len - link->rest_at);
        int64_t n = emu_wire_transfer(&link->conn->frames, &link->wire, false, left, out);
        if (n < 0) {
            return false;
        }
        link->rest_at += (size_t)n;
    }
    if (link->rest_at < link->rest.len) {
        return false;
    }
    link->rest.len = link->rest_at = 0;
    return true;
}

/* One message; false when it could not be sent as a whole. */
static bool send_message(struct emu_link *link, struct hd_slice message, struct hd_buffer *out)
{
    struct emu_frames *frames = &link->conn->frames;
    bool first = true;
    while (message.len > 0 && (first || emu_wire_window(&link->wire) > 0)) {
        int64_t n = emu_wire_transfer(frames, &link->wire, first, message, out);
        if (n < 0) {
            return false;
        }
        first = false;
        message = hd_slice(message.data + n, message.len - (size_t)n);
    }
    if (message.len > 0) {
        hd_buffer_append(&link->rest, message.data, message.len);
        return false;
    }
    return true;
}

static bool send_event(struct emu_link *link, struct hd_buffer *out)
{
    const struct emu_event *event = emu_partition_event(link->partition, link->next_seq);
    struct hd_slice message = hd_slice(event->data, event->len);
    if (link->runtime_metric) {
        struct hd_buffer *scratch = &link->conn->scratch;
        scratch->len = 0;
        if (with_metrics(link, event, scratch) != 0) {
            return false;
        }
        message = hd_buffer_slice(scratch);
    }
    link->next_seq++;
    link->conn->sent_events++;
    link->conn->sent_bytes += message.len;
    return send_message(link, message, out);
}

/* A client that drains wants to be told that there is no more. */
static void answer_drain(struct emu_link *link, struct hd_buffer *out)
{
    if (pn_link_get_drain(link->pn) && !link->drained) {
        link->wire.sent += emu_consumer_credit(link);
        link->wire.credit = 0;
        link->drained = emu_wire_flow(&link->wire, true, out) == 0;
    }
}

/* Faults that hold deliveries back. True: nothing may be sent now. */
static bool held(struct emu_link *link)
{
    struct emu_faults *faults = &link->conn->server->faults;
    struct emu_partition *p = link->partition;
    if (faults->first == NULL && link->hold_until_ms == 0) {
        return false;
    }
    if (emu_fault_find(faults, EMU_FAULT_STARVE, p->hub->name, p->id, link->group) != NULL) {
        return true;
    }
    int64_t now_ms = hd_clock_monotonic_ms();
    struct emu_fault fault;
    if (link->hold_until_ms == 0 &&
        emu_fault_take(faults, EMU_FAULT_DELAY, p->hub->name, p->id, link->group, &fault)) {
        link->hold_until_ms = now_ms + fault.delay_ms;
    }
    if (link->hold_until_ms > now_ms) {
        return true;
    }
    link->hold_until_ms = 0;
    return false;
}

bool emu_consumer_send(struct emu_link *link, struct hd_buffer *out, size_t limit)
{
    struct emu_partition *p = link->partition;
    if (link->wire.session == NULL || !send_rest(link, out)) {
        return false;
    }
    if (link->next_seq < p->begin_seq) {
        link->next_seq = p->begin_seq; /* older than retention */
    }
    if (link->next_seq > p->next_seq) {
        link->next_seq = p->next_seq; /* the hub was made anew */
    }
    uint32_t credit = emu_consumer_credit(link);
    bool blocked = credit > 0 && link->next_seq < p->next_seq && held(link);
    uint32_t window = emu_wire_window(&link->wire);
    while (!blocked && credit > 0 && window > 0 && link->next_seq < p->next_seq &&
           out->len < limit) {
        if (!send_event(link, out)) {
            return false;
        }
        credit--;
        window = emu_wire_window(&link->wire);
    }
    link->wire.credit = credit;
    if (credit > 0 && link->next_seq == p->next_seq) {
        answer_drain(link, out);
    }
    return !blocked && credit > 0 && window > 0 && link->next_seq < p->next_seq;
}
