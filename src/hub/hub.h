/* SPDX-License-Identifier: Apache-2.0 */
/* Hub, from the inside: what its parts share. */
#ifndef HUBDRAIN_HUB_HUB_H
#define HUBDRAIN_HUB_HUB_H

#include "connection.h"
#include "hubdrain/hub.h"
#include "management.h"
#include "receiver.h"

struct hd_hub {
    struct hd_loop *loop;
    struct hd_hub_options options; /* strings are the ones below */
    char *consumer_group, *ca_file, *client_id;
    char audience[600];
    struct hd_hub_handlers handlers;
    void *context;
    struct hd_token_source *tokens;
    uint64_t random;
    int64_t slow_retry_ms;

    struct hd_connection *connections; /* options.connections of them */
    struct hd_receiver **receivers;
    size_t n_receivers;
    struct hd_management management;

    bool delivered; /* messages were handed over since the last drained() */
    bool started, closing;
    struct hd_timer close_timer;
    void (*close_done)(void *context);
    struct hd_hub_counters counters;
};

/* ---- what connections tell ---- */
void hd_hub_connection_ready(struct hd_connection *connection);
void hd_hub_connection_closed(struct hd_hub *hub);
void hd_hub_requests_lost(struct hd_connection *connection);
void hd_hub_discovery_lost(struct hd_connection *connection, bool slow);
bool hd_hub_needs(const struct hd_hub *hub, const struct hd_connection *connection);

/* ---- what discovery tells ---- */
/* Adds receivers for ids that are new; tells the user if there were any. -ENOMEM. */
int hd_hub_set_partitions(struct hd_hub *hub, const char *const *ids, size_t n);

#endif
