/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: an ATTACH is either answered with both termini echoed, or refused the way the service
 * does it: ATTACH without termini, then DETACH with the reason. Every check is one function that
 * names the condition; the first that objects wins.
 */
#include "link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <proton/codec.h>
#include <proton/delivery.h>
#include <proton/session.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "message.h"

#define REQUEST_CREDIT 100

/* ---- termini and properties ---- */

static void echo_termini(pn_link_t *pn)
{
    pn_terminus_copy(pn_link_source(pn), pn_link_remote_source(pn));
    pn_terminus_copy(pn_link_target(pn), pn_link_remote_target(pn));
    /* some clients read into both without looking */
    pn_terminus_set_type(pn_link_source(pn), PN_SOURCE);
    pn_terminus_set_type(pn_link_target(pn), PN_TARGET);
}

static void set_properties(struct emu_link *link)
{
    char id[64];
    int n = snprintf(id, sizeof(id), "%" PRIu64 "_G0", link->conn->id);
    pn_data_t *data = pn_link_properties(link->pn);
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, pn_bytes(24, "com.microsoft:tracking-id"));
    pn_data_put_string(data, pn_bytes((size_t)n, id));
    pn_data_exit(data);
}

/* Positions `data` on the value of a symbol or string key of the map that it holds. */
static bool find_key(pn_data_t *data, const char *key)
{
    pn_data_rewind(data);
    if (!pn_data_next(data) || pn_data_type(data) != PN_MAP) {
        return false;
    }
    pn_data_enter(data);
    while (pn_data_next(data)) {
        pn_bytes_t name = {0};
        if (pn_data_type(data) == PN_SYMBOL) {
            name = pn_data_get_symbol(data);
        } else if (pn_data_type(data) == PN_STRING) {
            name = pn_data_get_string(data);
        }
        bool found = name.size == strlen(key) && memcmp(name.start, key, name.size) == 0;
        if (!pn_data_next(data) || found) {
            return found;
        }
    }
    return false;
}

static void read_epoch(struct emu_link *link)
{
    pn_data_t *data = pn_link_remote_properties(link->pn);
    if (data == NULL) {
        return;
    }
    if (find_key(data, "com.microsoft:epoch") && pn_data_type(data) == PN_LONG) {
        link->has_epoch = true;
        link->epoch = pn_data_get_long(data);
    }
    if (find_key(data, "com.microsoft:receiver-name") && pn_data_type(data) == PN_STRING) {
        pn_bytes_t name = pn_data_get_string(data);
        snprintf(link->name, sizeof(link->name), "%.*s", (int)name.size, name.start);
    }
}

/* The selector of the source; false: there is none. */
static bool read_filter(pn_link_t *pn, struct hd_slice *ret)
{
    pn_data_t *data = pn_terminus_filter(pn_link_remote_source(pn));
    if (!find_key(data, "apache.org:selector-filter:string")) {
        return false;
    }
    if (pn_data_type(data) == PN_DESCRIBED) {
        pn_data_enter(data);
        pn_data_next(data); /* the descriptor: every client has its own */
        pn_data_next(data);
    }
    if (pn_data_type(data) != PN_STRING) {
        return false;
    }
    pn_bytes_t text = pn_data_get_string(data);
    *ret = hd_slice(text.start, text.size);
    return true;
}

/* ---- reasons to refuse ---- */

static const char *check_address(struct emu_link *link, const struct emu_address *address,
                                 const char *text, struct hd_diag *diag)
{
    struct emu_namespace *ns = &link->conn->server->ns;
    struct emu_hub *hub = address->hub.len > 0 ? emu_hub_find(ns, address->hub) : NULL;
    bool found = hub != NULL;
    if (found && address->partition.len > 0) {
        link->partition = emu_hub_partition(hub, address->partition);
        found = link->partition != NULL;
    }
    if (found && address->node == EMU_NODE_PARTITION) {
        link->group = emu_hub_group(hub, address->group);
        found = link->group != NULL;
    }
    if (!found) {
        char now[HD_TIME_TEXT_SIZE];
        hd_clock_format_ms(hd_clock_realtime_ms(), now);
        hd_fail(diag, 1,
                "The messaging entity 'sb://emulator/%.200s' could not be found. "
                "TrackingId:%" PRIu64 "_G0, SystemTracker:emulator, Timestamp:%s",
                text, link->conn->id, now);
        return "amqp:not-found";
    }
    link->hub = hub;
    return NULL;
}

static const char *check_claim(struct emu_link *link, const char *text, struct hd_diag *diag)
{
    link->path = emu_claims_path(hd_slice_cstr(text));
    if (link->path != NULL &&
        emu_claims_allow(&link->conn->claims, link->path, hd_clock_realtime_ms())) {
        return NULL;
    }
    hd_fail(diag, 1,
            "Unauthorized access. '%s' claim(s) are required to perform this operation. "
            "Resource: 'sb://emulator/%.200s'.",
            link->kind == EMU_LINK_PRODUCER ? "Send" : "Listen", text);
    return "amqp:unauthorized-access";
}

static const char *check_faults(struct emu_link *link, struct hd_diag *diag)
{
    struct emu_faults *faults = &link->conn->server->faults;
    const char *partition = link->partition != NULL ? link->partition->id : NULL;
    static struct emu_fault fault; /* the condition is returned out of it */
    if (emu_fault_take(faults, EMU_FAULT_REFUSE_ATTACH, link->hub->name, partition, link->group,
                       &fault)) {
        hd_fail(diag, 1, "%s", fault.text);
        return fault.condition;
    }
    if (emu_fault_take(faults, EMU_FAULT_SERVER_BUSY, link->hub->name, partition, link->group,
                       &fault)) {
        hd_fail(diag, 1, "%s", fault.text);
        return "com.microsoft:server-busy";
    }
    if (link->kind == EMU_LINK_CONSUMER &&
        emu_fault_take(faults, EMU_FAULT_ARGUMENT_ERROR, link->hub->name, partition, link->group,
                       &fault)) {
        hd_fail(diag, 1,
                "The supplied sequence number '%" PRId64
                "' is invalid. The last sequence number in the system is '%" PRId64 "'",
                link->partition->next_seq + 1000, link->partition->next_seq - 1);
        return "com.microsoft:argument-error";
    }
    return NULL;
}

static const char *check_position(struct emu_link *link, struct hd_diag *diag)
{
    struct emu_filter filter = {.field = EMU_FILTER_EARLIEST};
    struct hd_slice text;
    if (read_filter(link->pn, &text) && !emu_filter_parse(text, &filter)) {
        hd_fail(diag, 1, "The filter expression '%.*s' is not supported.",
                (int)(text.len < 200 ? text.len : 200), text.data);
        return "amqp:invalid-field";
    }
    if (emu_partition_seek(link->partition, &filter, &link->next_seq, diag) != 0) {
        return "com.microsoft:argument-error";
    }
    return NULL;
}

/* Two pairs of $cbs links on one connection are one too many. */
static const char *check_second_cbs(struct emu_link *link, struct hd_diag *diag)
{
    for (struct emu_link *other = link->conn->links; other != NULL; other = other->next) {
        if (other != link && other->attached && other->kind == link->kind &&
            other->node == EMU_NODE_CBS) {
            hd_fail(diag, 1,
                    "A link to connection '%" PRIu64 "' $cbs node has already been opened.",
                    link->conn->id);
            return "amqp:not-allowed";
        }
    }
    return NULL;
}

static const char *check_node(struct emu_link *link, const struct emu_address *address,
                              const char *text, struct hd_diag *diag)
{
    const char *condition = NULL;
    switch (link->kind) {
    case EMU_LINK_REQUEST:
    case EMU_LINK_REPLY:
        if (link->node == EMU_NODE_CBS) {
            return check_second_cbs(link, diag);
        }
        if (!emu_claims_allow(&link->conn->claims, NULL, hd_clock_realtime_ms())) {
            hd_fail(diag, 1, "Unauthorized access to $management.");
            return "amqp:unauthorized-access";
        }
        return NULL;
    case EMU_LINK_PRODUCER:
    case EMU_LINK_CONSUMER:
        condition = check_address(link, address, text, diag);
        condition = condition ? condition : check_claim(link, text, diag);
        condition = condition ? condition : check_faults(link, diag);
        break;
    }
    if (condition == NULL && link->kind == EMU_LINK_CONSUMER) {
        condition = check_position(link, diag);
        if (condition == NULL) {
            read_epoch(link);
            emu_consumer_admit(link, &condition, diag);
        }
    }
    return condition;
}

/* A fault: the ATTACH of a receiver is never answered. */
static bool is_ignored(struct emu_link *link, const struct emu_address *address, const char *text)
{
    struct emu_fault fault;
    return link->kind == EMU_LINK_CONSUMER && check_address(link, address, text, NULL) == NULL &&
           emu_fault_take(&link->conn->server->faults, EMU_FAULT_IGNORE_ATTACH, link->hub->name,
                          link->partition->id, link->group, &fault);
}

/* ---- attach ---- */

static void refuse(pn_link_t *pn, const char *condition, const char *text)
{
    pn_link_open(pn); /* without termini */
    pn_condition_t *c = pn_link_condition(pn);
    pn_condition_set_name(c, condition);
    pn_condition_set_description(c, text);
    pn_link_close(pn);
}

static void accept_link(struct emu_link *link)
{
    pn_link_t *pn = link->pn;
    const struct emu_options *options = link->conn->server->options;
    echo_termini(pn);
    set_properties(link);
    if (pn_link_is_receiver(pn)) {
        uint64_t wanted = pn_link_remote_max_message_size(pn);
        uint64_t limit = options->max_message_bytes;
        pn_link_set_max_message_size(pn, wanted != 0 && wanted < limit ? wanted : limit);
        pn_link_set_snd_settle_mode(pn, pn_link_remote_snd_settle_mode(pn));
        pn_link_set_rcv_settle_mode(pn, PN_RCV_FIRST);
    } else {
        pn_link_set_snd_settle_mode(pn, PN_SND_SETTLED);
        pn_link_set_rcv_settle_mode(pn, PN_RCV_FIRST);
    }
    link->attached = true;
    pn_link_open(pn);
    if (link->kind == EMU_LINK_REQUEST) {
        pn_link_flow(pn, REQUEST_CREDIT);
    } else if (link->kind == EMU_LINK_PRODUCER) {
        emu_producer_credit(link);
    } else if (link->kind == EMU_LINK_CONSUMER) {
        link->next_receiver = link->partition->receivers;
        link->partition->receivers = link;
    }
    hd_log(HD_LOG_INFO, "emulator.link.attached", "link attached",
           HD_INT("connection", link->conn->id),
           HD_STR("hub", link->hub != NULL ? link->hub->name : NULL),
           HD_STR("partition", link->partition != NULL ? link->partition->id : NULL),
           HD_STR("consumer_group", link->group), HD_STR("name", pn_link_name(pn)));
}

static enum emu_link_kind kind_of(const struct emu_address *address, bool client_sends)
{
    if (address->node == EMU_NODE_CBS || address->node == EMU_NODE_MANAGEMENT) {
        return client_sends ? EMU_LINK_REQUEST : EMU_LINK_REPLY;
    }
    return client_sends ? EMU_LINK_PRODUCER : EMU_LINK_CONSUMER;
}

static struct emu_link *link_new(struct emu_conn *conn, pn_link_t *pn, enum emu_link_kind kind)
{
    struct emu_link *link = calloc(1, sizeof(*link));
    if (link == NULL) {
        return NULL;
    }
    *link = (struct emu_link){.conn = conn, .pn = pn, .kind = kind, .id = ++conn->server->next_id};
    if (kind == EMU_LINK_CONSUMER &&
        emu_frames_add_wire(&conn->frames, &link->wire, pn_link_name(pn)) != 0) {
        free(link);
        return NULL;
    }
    link->next = conn->links;
    conn->links = link;
    pn_link_set_context(pn, link);
    return link;
}

void emu_link_opened(struct emu_conn *conn, pn_link_t *pn)
{
    bool client_sends = pn_link_is_receiver(pn);
    pn_terminus_t *terminus = client_sends ? pn_link_remote_target(pn) : pn_link_remote_source(pn);
    const char *text = pn_terminus_get_address(terminus);
    text = text != NULL ? text : "";
    struct emu_address address = emu_address_parse(text);
    enum emu_link_kind kind = kind_of(&address, client_sends);
    bool runtime_metric = emu_frames_take_wish(&conn->frames, pn_link_name(pn));
    bool fits = kind == EMU_LINK_PRODUCER   ? address.node == EMU_NODE_HUB
                : kind == EMU_LINK_CONSUMER ? address.node == EMU_NODE_PARTITION
                                            : true;
    if (!fits) {
        char message[400];
        snprintf(message, sizeof(message),
                 "The messaging entity 'sb://emulator/%.200s' could not be found.", text);
        refuse(pn, "amqp:not-found", message);
        return;
    }
    struct emu_link *link = link_new(conn, pn, kind);
    if (link == NULL) {
        refuse(pn, "amqp:internal-error", "out of memory");
        return;
    }
    link->node = address.node;
    link->runtime_metric = runtime_metric;
    if (is_ignored(link, &address, text)) {
        return;
    }
    struct hd_diag diag = {0};
    const char *condition = check_node(link, &address, text, &diag);
    if (condition != NULL) {
        hd_log(HD_LOG_INFO, "emulator.link.refused", diag.text, HD_INT("connection", conn->id),
               HD_STR("address", text), HD_STR("condition", condition));
        refuse(pn, condition, diag.text);
        return;
    }
    accept_link(link);
}

/* ---- detach ---- */

void emu_link_leave(struct emu_link *link)
{
    link->attached = false;
    if (link->kind == EMU_LINK_CONSUMER && link->partition != NULL) {
        struct emu_link **at = &link->partition->receivers;
        while (*at != NULL && *at != link) {
            at = &(*at)->next_receiver;
        }
        if (*at == link) {
            *at = link->next_receiver;
        }
    }
}

void emu_link_detach(struct emu_link *link, const char *condition, const char *text)
{
    if (!link->attached) {
        return;
    }
    emu_link_leave(link);
    if (condition != NULL) {
        pn_condition_t *c = pn_link_condition(link->pn);
        pn_condition_set_name(c, condition);
        pn_condition_set_description(c, text);
    }
    hd_log(HD_LOG_INFO, "emulator.link.detached", text != NULL ? text : "",
           HD_INT("connection", link->conn->id), HD_STR("condition", condition),
           HD_STR("partition", link->partition != NULL ? link->partition->id : NULL));
    pn_link_close(link->pn);
    emu_server_mark(link->conn);
}

void emu_link_free(struct emu_link *link)
{
    emu_link_leave(link);
    struct emu_link **at = &link->conn->links;
    while (*at != NULL && *at != link) {
        at = &(*at)->next;
    }
    if (*at == link) {
        *at = link->next;
    }
    if (link->pn != NULL) {
        pn_link_set_context(link->pn, NULL);
    }
    if (link->kind == EMU_LINK_CONSUMER) {
        emu_frames_remove_wire(&link->conn->frames, &link->wire);
    }
    hd_buffer_deinit(&link->body);
    hd_buffer_deinit(&link->rest);
    free(link->path);
    free(link);
}

/* ---- what comes in ---- */

static void take_request(struct emu_link *link, pn_delivery_t *delivery)
{
    size_t pending = pn_delivery_pending(delivery);
    link->body.len = 0;
    if (hd_buffer_reserve(&link->body, pending) == 0) {
        ssize_t n = pn_link_recv(link->pn, link->body.data, pending);
        link->body.len = n > 0 ? (size_t)n : 0;
    }
    pn_delivery_update(delivery, PN_ACCEPTED);
    pn_delivery_settle(delivery);
    pn_link_flow(link->pn, 1);
    emu_request(link, hd_buffer_slice(&link->body));
}

void emu_link_delivery(struct emu_link *link, pn_delivery_t *delivery)
{
    if (pn_link_is_sender(link->pn)) {
        /* ours are settled when they go out; a client may acknowledge them all the same */
        if (pn_delivery_updated(delivery)) {
            pn_delivery_settle(delivery);
        }
        return;
    }
    if (!pn_delivery_readable(delivery)) {
        if (pn_delivery_settled(delivery)) {
            pn_delivery_settle(delivery);
        }
        return;
    }
    if (link->kind == EMU_LINK_PRODUCER) {
        emu_producer_delivery(link, delivery);
    } else if (!pn_delivery_partial(delivery)) {
        take_request(link, delivery);
    }
}
