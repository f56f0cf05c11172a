/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: GET /state is what tests wait on: connections, links and partitions as they are now. */
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "admin.h"
#include "hubdrain/clock.h"
#include "link.h"

static const char *kind_name(enum emu_link_kind kind)
{
    switch (kind) {
    case EMU_LINK_REQUEST:
        return "request";
    case EMU_LINK_REPLY:
        return "reply";
    case EMU_LINK_PRODUCER:
        return "producer";
    case EMU_LINK_CONSUMER:
        return "consumer";
    }
    return "";
}

static void add_number(cJSON *to, const char *key, int64_t number)
{
    cJSON_AddNumberToObject(to, key, (double)number);
}

static void add_link(cJSON *links, const struct emu_link *link)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(links, o);
    add_number(o, "id", (int64_t)link->id);
    cJSON_AddStringToObject(o, "kind", kind_name(link->kind));
    cJSON_AddStringToObject(o, "name", pn_link_name(link->pn));
    cJSON_AddBoolToObject(o, "attached", link->attached);
    if (link->kind == EMU_LINK_REQUEST || link->kind == EMU_LINK_REPLY) {
        cJSON_AddStringToObject(o, "node", link->node == EMU_NODE_CBS ? "$cbs" : "$management");
    }
    if (link->hub != NULL) {
        cJSON_AddStringToObject(o, "hub", link->hub->name);
    }
    if (link->partition != NULL) {
        cJSON_AddStringToObject(o, "partition", link->partition->id);
    }
    if (link->kind == EMU_LINK_PRODUCER) {
        add_number(o, "credit", pn_link_credit(link->pn));
    }
    if (link->kind == EMU_LINK_CONSUMER) {
        cJSON_AddStringToObject(o, "consumer_group", link->group != NULL ? link->group : "");
        cJSON_AddStringToObject(o, "receiver_name", link->name);
        if (link->has_epoch) {
            add_number(o, "epoch", link->epoch);
        } else {
            cJSON_AddNullToObject(o, "epoch");
        }
        add_number(o, "credit", emu_consumer_credit(link));
        add_number(o, "next_sequence_number", link->next_seq);
        add_number(o, "last_sent_sequence_number", link->wire.sent > 0 ? link->next_seq - 1 : -1);
        add_number(o, "sent", link->wire.sent);
    }
}

static void add_connection(cJSON *connections, const struct emu_conn *conn)
{
    int64_t now_ms = hd_clock_realtime_ms();
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(connections, o);
    add_number(o, "id", (int64_t)conn->id);
    cJSON_AddStringToObject(o, "peer", conn->peer);
    cJSON_AddStringToObject(o, "container", conn->container);
    cJSON_AddBoolToObject(o, "tls", conn->ssl != NULL);
    cJSON_AddBoolToObject(o, "open", conn->open);
    add_number(o, "sent_events", (int64_t)conn->sent_events);
    add_number(o, "sent_bytes", (int64_t)conn->sent_bytes);
    add_number(o, "received_transfers", (int64_t)conn->received_events);
    add_number(o, "unsent_bytes", (int64_t)(conn->out.len + conn->flight.len));
    cJSON *links = cJSON_AddArrayToObject(o, "links");
    for (const struct emu_link *link = conn->links; link != NULL; link = link->next) {
        if (link->pn != NULL) {
            add_link(links, link);
        }
    }
    cJSON *tokens = cJSON_AddArrayToObject(o, "tokens");
    for (const struct emu_claim *claim = conn->claims.first; claim != NULL; claim = claim->next) {
        cJSON *token = cJSON_CreateObject();
        cJSON_AddItemToArray(tokens, token);
        cJSON_AddStringToObject(token, "path", claim->path);
        int64_t left_ms = claim->expires_ms - now_ms;
        add_number(token, "expires_in_ms", left_ms > 0 ? left_ms : 0);
    }
}

static void add_partition(cJSON *partitions, const struct emu_partition *p)
{
    char offset[24];
    snprintf(offset, sizeof(offset), "%lld", (long long)p->last_offset);
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(partitions, o);
    cJSON_AddStringToObject(o, "id", p->id);
    add_number(o, "begin_sequence_number", p->begin_seq);
    add_number(o, "last_sequence_number", p->next_seq - 1);
    cJSON_AddStringToObject(o, "last_offset", offset);
    add_number(o, "last_enqueued_ms", p->last_enqueued_ms);
    add_number(o, "bytes", (int64_t)p->bytes);
}

static void add_hub(cJSON *hubs, const struct emu_hub *hub)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(hubs, o);
    cJSON_AddStringToObject(o, "name", hub->name);
    cJSON *groups = cJSON_AddArrayToObject(o, "consumer_groups");
    for (size_t i = 0; i < hub->n_consumer_groups; i++) {
        cJSON_AddItemToArray(groups, cJSON_CreateString(hub->consumer_groups[i]));
    }
    cJSON *partitions = cJSON_AddArrayToObject(o, "partitions");
    for (uint32_t i = 0; i < hub->n_partitions; i++) {
        add_partition(partitions, &hub->partitions[i]);
    }
}

int emu_state_write(struct emu_server *server, struct hd_buffer *out)
{
    cJSON *root = cJSON_CreateObject();
    add_number(root, "retain_bytes", (int64_t)server->ns.retain_bytes);
    add_number(root, "bytes", (int64_t)server->ns.bytes);
    cJSON *hubs = cJSON_AddArrayToObject(root, "hubs");
    for (struct emu_hub *hub = server->ns.hubs; hub != NULL; hub = hub->next) {
        add_hub(hubs, hub);
    }
    cJSON *connections = cJSON_AddArrayToObject(root, "connections");
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = conn->next) {
        add_connection(connections, conn);
    }
    char *text = cJSON_PrintUnformatted(root);
    int r = text != NULL ? hd_buffer_append_cstr(out, text) : -1;
    cJSON_free(text);
    cJSON_Delete(root);
    return r;
}
