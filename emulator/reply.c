/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a request is answered on a reply link of the same node: the one whose name or target is
 * the request's reply-to, else one of the same session (clients that name none have both links
 * there), else any of the connection. The correlation-id repeats the message-id byte for byte,
 * because its AMQP type matters to clients.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <proton/delivery.h>
#include <proton/session.h>

#include "hubdrain/log.h"
#include "link.h"
#include "message.h"

static bool is_target(const struct emu_link *link, struct hd_slice reply_to)
{
    const char *target = pn_terminus_get_address(pn_link_remote_target(link->pn));
    return hd_slice_is(reply_to, pn_link_name(link->pn)) ||
           (target != NULL && hd_slice_is(reply_to, target));
}

static struct emu_link *find_reply(struct emu_link *request, struct hd_slice reply_to)
{
    struct emu_link *best = NULL;
    int best_rank = 0;
    for (struct emu_link *link = request->conn->links; link != NULL; link = link->next) {
        if (link->kind != EMU_LINK_REPLY || link->node != request->node || !link->attached) {
            continue;
        }
        int rank = 1;
        if (pn_link_session(link->pn) == pn_link_session(request->pn)) {
            rank = 2;
        }
        if (reply_to.len > 0 && is_target(link, reply_to)) {
            rank = 3;
        }
        if (rank > best_rank) {
            best = link;
            best_rank = rank;
        }
    }
    return best;
}

static void send_reply(struct emu_link *request, struct hd_slice reply_to, struct hd_slice bytes)
{
    struct emu_link *link = find_reply(request, reply_to);
    if (link == NULL) {
        hd_log(HD_LOG_WARNING, "emulator.reply.nowhere", "nobody reads the answer of a request",
               HD_INT("connection", request->conn->id));
        return;
    }
    static uint64_t counter;
    char tag[24];
    int n = snprintf(tag, sizeof(tag), "%" PRIu64, ++counter);
    pn_delivery_t *delivery = pn_delivery(link->pn, pn_dtag(tag, (size_t)n));
    pn_link_send(link->pn, bytes.data, bytes.len);
    pn_link_advance(link->pn);
    pn_delivery_settle(delivery);
    emu_server_mark(request->conn);
}

/* ---- answers that a fault delays ---- */

struct late {
    uv_timer_t timer;
    struct emu_server *server;
    uint64_t connection;
    struct emu_link *request; /* compared, not followed, until it is found again */
    struct hd_buffer reply_to, bytes;
};

static void on_late_closed(uv_handle_t *handle)
{
    struct late *late = handle->data;
    hd_buffer_deinit(&late->reply_to);
    hd_buffer_deinit(&late->bytes);
    free(late);
}

static void on_late(uv_timer_t *timer)
{
    struct late *late = timer->data;
    struct emu_conn *conn = emu_server_find(late->server, late->connection);
    struct emu_link *link = conn != NULL ? conn->links : NULL;
    while (link != NULL && link != late->request) {
        link = link->next;
    }
    if (link != NULL && link->pn != NULL) {
        send_reply(link, hd_buffer_slice(&late->reply_to), hd_buffer_slice(&late->bytes));
    }
    uv_close((uv_handle_t *)timer, on_late_closed);
}

static int send_late(struct emu_link *request, struct hd_slice reply_to, struct hd_slice bytes,
                     int64_t delay_ms)
{
    struct late *late = calloc(1, sizeof(*late));
    if (late == NULL) {
        return -ENOMEM;
    }
    int r = hd_buffer_append(&late->reply_to, reply_to.data, reply_to.len);
    r = r ? r : hd_buffer_append(&late->bytes, bytes.data, bytes.len);
    if (r != 0) {
        hd_buffer_deinit(&late->reply_to);
        free(late);
        return r;
    }
    late->server = request->conn->server;
    late->connection = request->conn->id;
    late->request = request;
    uv_timer_init(late->server->loop, &late->timer);
    late->timer.data = late;
    uv_unref((uv_handle_t *)&late->timer);
    uv_timer_start(&late->timer, on_late, (uint64_t)delay_ms, 0);
    return 0;
}

/* ---- one request ---- */

void emu_reply_head(struct emu_link *link, const struct emu_message *request, struct emu_writer *w,
                    int status, const char *description, const char *condition)
{
    struct emu_value id;
    struct emu_fault fault;
    /* the older spelling, which some nodes of the service use */
    bool camel = emu_fault_take(&link->conn->server->faults, EMU_FAULT_STATUS_SPELLING, NULL, NULL,
                                NULL, &fault);
    emu_message_property(request, 0, &id);
    emu_write_descriptor(w, 0x73);
    size_t list = emu_write_begin(w, EMU_LIST32);
    for (int i = 0; i < 5; i++) {
        emu_write_null(w);
    }
    if (id.kind != EMU_NULL) {
        emu_write_raw(w, id.raw.data, id.raw.len);
    } else {
        emu_write_null(w);
    }
    emu_write_end(w, list, 6);
    emu_write_descriptor(w, 0x74);
    size_t map = emu_write_begin(w, EMU_MAP32);
    emu_write_string(w, hd_slice_cstr(camel ? "statusCode" : "status-code"));
    emu_write_int(w, status);
    emu_write_string(w, hd_slice_cstr(camel ? "statusDescription" : "status-description"));
    emu_write_string(w, hd_slice_cstr(description));
    if (condition != NULL) {
        emu_write_string(w, hd_slice_cstr(camel ? "errorCondition" : "error-condition"));
        emu_write_symbol(w, hd_slice_cstr(condition));
    }
    emu_write_end(w, map, condition != NULL ? 6 : 4);
}

void emu_request(struct emu_link *link, struct hd_slice bytes)
{
    struct emu_message request;
    struct emu_value reply_to;
    if (!emu_message_parse(bytes, &request)) {
        emu_link_detach(link, "amqp:decode-error", "The request is not well-formed AMQP.");
        return;
    }
    emu_message_property(&request, 4, &reply_to);
    struct hd_slice to = reply_to.kind == EMU_STRING ? reply_to.bytes : hd_slice(NULL, 0);
    struct hd_buffer *out = &link->conn->scratch;
    int64_t delay_ms = 0;
    out->len = 0;
    int r = link->node == EMU_NODE_CBS ? emu_cbs_reply(link, &request, out, &delay_ms)
                                       : emu_management_reply(link, &request, out);
    if (r == 0 && delay_ms > 0) {
        r = send_late(link, to, hd_buffer_slice(out), delay_ms);
    } else if (r == 0) {
        send_reply(link, to, hd_buffer_slice(out));
    }
    if (r < 0) {
        emu_link_detach(link, "amqp:internal-error", "out of memory");
    }
}
