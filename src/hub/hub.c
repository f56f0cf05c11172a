/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * The hub owns its connections, its receivers and what they share, and knows who needs whom: the
 * first connection finds the partitions, receivers are spread over all connections by their number,
 * and a connection that nobody needs is not made.
 *
 * Nothing that its user calls runs a handler before it returns; effects come with the next turn.
 */
#include "hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hubdrain/log.h"

enum {
    DEFAULT_CONNECT_MS = 15000,
    DEFAULT_IDLE_MS = 120000,
    DEFAULT_SLOW_MS = 60000,
    DEFAULT_REDISCOVER_MS = 300000,
    DEFAULT_MESSAGE_BYTES = 20 * 1024 * 1024,
};

/* ---- what its parts tell ---- */

bool hd_hub_needs(const struct hd_hub *hub, const struct hd_connection *connection)
{
    if (!hub->started || hub->closing) {
        return false;
    }
    if (connection->number == 0 && (hub->n_receivers == 0 || hub->management.queries)) {
        return true;
    }
    for (size_t i = 0; i < hub->n_receivers; i++) {
        if (hub->receivers[i]->connection == connection && hub->receivers[i]->wanted) {
            return true;
        }
    }
    return false;
}

void hd_hub_connection_ready(struct hd_connection *connection)
{
    if (connection->number == 0) {
        hd_management_discover(&connection->hub->management);
    }
}

void hd_hub_requests_lost(struct hd_connection *connection)
{
    if (connection->number == 0) {
        hd_management_lost(&connection->hub->management, connection->condition, connection->text);
    }
}

void hd_hub_discovery_lost(struct hd_connection *connection, bool slow)
{
    struct hd_hub *hub = connection->hub;
    if (connection->number == 0 && hub->n_receivers == 0) {
        struct hd_receiver_status *status = &hub->management.status;
        status->state = slow ? HD_RECEIVER_FATAL : HD_RECEIVER_CONNECTING;
        snprintf(status->condition, sizeof(status->condition), "%s", connection->condition);
        snprintf(status->text, sizeof(status->text), "%s", connection->text);
        status->attempts++;
    }
}

static bool knows(const struct hd_hub *hub, const char *id)
{
    for (size_t i = 0; i < hub->n_receivers; i++) {
        if (strcmp(hub->receivers[i]->id, id) == 0) {
            return true;
        }
    }
    return false;
}

static int add_receiver(struct hd_hub *hub, const char *id)
{
    struct hd_receiver **more =
        realloc(hub->receivers, (hub->n_receivers + 1) * sizeof(*hub->receivers));
    if (!more) {
        return -ENOMEM;
    }
    hub->receivers = more;
    struct hd_connection *connection =
        &hub->connections[hub->n_receivers % hub->options.connections];
    int r = hd_receiver_new(hub, connection, (uint32_t)hub->n_receivers, id,
                            &hub->receivers[hub->n_receivers]);
    if (r == 0) {
        hub->n_receivers++;
    }
    return r;
}

int hd_hub_set_partitions(struct hd_hub *hub, const char *const *ids, size_t n)
{
    size_t before = hub->n_receivers;
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        r = knows(hub, ids[i]) ? 0 : add_receiver(hub, ids[i]);
    }
    if (hub->n_receivers == before || hub->closing) {
        return r;
    }
    const char **all = calloc(hub->n_receivers, sizeof(*all));
    if (!all) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < hub->n_receivers; i++) {
        all[i] = hub->receivers[i]->id;
    }
    hd_log(HD_LOG_INFO, "amqp.partitions", "the partitions of the hub are known",
           HD_STR("hub", hub->options.address.hub), HD_INT("partitions", hub->n_receivers),
           HD_INT("new", hub->n_receivers - before));
    hub->handlers.partitions(hub->context, all, hub->n_receivers);
    free(all);
    return r;
}

/* ---- making it ---- */

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static int copy_options(struct hd_hub *hub, const struct hd_hub_options *options)
{
    struct hd_hub_options *own = &hub->options;
    *own = *options;
    bool group = options->consumer_group && *options->consumer_group;
    bool client = options->client_id && *options->client_id;
    hub->consumer_group = strdup(group ? options->consumer_group : "$Default");
    hub->client_id = strdup(client ? options->client_id : "hubdrain");
    hub->ca_file = options->ca_file ? strdup(options->ca_file) : NULL;
    if (!hub->consumer_group || !hub->client_id || (options->ca_file && !hub->ca_file)) {
        return -ENOMEM;
    }
    own->consumer_group = hub->consumer_group;
    own->client_id = hub->client_id;
    own->ca_file = hub->ca_file;
    own->connections = options->connections ? options->connections : 1;
    own->max_message_bytes =
        options->max_message_bytes ? options->max_message_bytes : DEFAULT_MESSAGE_BYTES;
    own->connect_timeout_ms = or_default(options->connect_timeout_ms, DEFAULT_CONNECT_MS);
    own->idle_timeout_ms = or_default(options->idle_timeout_ms, DEFAULT_IDLE_MS);
    own->rediscover_ms = or_default(options->rediscover_ms, DEFAULT_REDISCOVER_MS);
    hub->slow_retry_ms = or_default(options->slow_retry_ms, DEFAULT_SLOW_MS);
    bool ipv6 = strchr(own->address.host, ':');
    snprintf(hub->audience, sizeof(hub->audience), "sb://%s%s%s/%s", ipv6 ? "[" : "",
             own->address.host, ipv6 ? "]" : "", own->address.hub);
    return 0;
}

static int make_token_source(struct hd_hub *hub)
{
    const struct hd_eventhub_address *address = &hub->options.address;
    if (*address->signature) {
        return hd_token_source_new_signature(hub->loop, address->signature, &hub->tokens);
    }
    return hd_token_source_new_key(hub->loop, address->key_name, address->key,
                                   hub->options.token_lifetime_ms, &hub->tokens);
}

static void forget_secrets(struct hd_hub *hub)
{
    explicit_bzero(hub->options.address.key, sizeof(hub->options.address.key));
    explicit_bzero(hub->options.address.signature, sizeof(hub->options.address.signature));
}

static int make_connections(struct hd_hub *hub)
{
    hub->connections = calloc(hub->options.connections, sizeof(*hub->connections));
    if (!hub->connections) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < hub->options.connections; i++) {
        hd_connection_init(&hub->connections[i], hub, i);
    }
    hd_management_init(&hub->management, hub);
    return 0;
}

static void on_close_timer(struct hd_timer *timer, void *data);

int hd_hub_new(struct hd_loop *loop, const struct hd_hub_options *options,
               const struct hd_hub_handlers *handlers, void *context, struct hd_hub **ret,
               struct hd_diag *diag)
{
    struct hd_hub *hub = calloc(1, sizeof(*hub));
    if (!hub) {
        return hd_fail(diag, -ENOMEM, "no memory for the event hub client");
    }
    hub->loop = loop;
    hub->handlers = *handlers;
    hub->context = context;
    hd_timer_init(&hub->close_timer, loop, on_close_timer, hub);
    if (getrandom(&hub->random, sizeof(hub->random), 0) != (ssize_t)sizeof(hub->random)) {
        hub->random = (uint64_t)hd_loop_realtime_ms(loop);
    }
    int r = copy_options(hub, options);
    r = r ? r : make_token_source(hub);
    r = r ? r : make_connections(hub);
    forget_secrets(hub); /* the token source has what it needs */
    if (r) {
        hd_hub_free(hub);
        return hd_fail(diag, r, "cannot make the event hub client: %s", strerror(-r));
    }
    *ret = hub;
    return 0;
}

void hd_hub_free(struct hd_hub *hub)
{
    if (!hub) {
        return;
    }
    hub->closing = true; /* no handler is called any more */
    hd_timer_stop(&hub->close_timer);
    if (hub->connections) {
        hd_management_deinit(&hub->management);
        for (uint32_t i = 0; i < hub->options.connections; i++) {
            hd_connection_deinit(&hub->connections[i]);
        }
        hd_management_deinit(&hub->management);
    }
    for (size_t i = 0; i < hub->n_receivers; i++) {
        hd_receiver_free(hub->receivers[i]);
    }
    free(hub->receivers);
    free(hub->connections);
    hd_token_source_free(hub->tokens);
    free(hub->consumer_group);
    free(hub->client_id);
    free(hub->ca_file);
    forget_secrets(hub);
    free(hub);
}

/* ---- its user ---- */

int hd_hub_start(struct hd_hub *hub)
{
    hub->started = true;
    hd_connection_need(&hub->connections[0]);
    return 0;
}

int hd_hub_receive(struct hd_hub *hub, uint32_t number, const struct hd_start *start)
{
    if (number >= hub->n_receivers || hub->closing) {
        return -EINVAL;
    }
    hd_receiver_receive(hub->receivers[number], start);
    return 0;
}

void hd_hub_release(struct hd_hub *hub, uint32_t number)
{
    if (number < hub->n_receivers) {
        hd_receiver_release(hub->receivers[number]);
    }
}

void hd_hub_set_credit(struct hd_hub *hub, uint32_t number, uint32_t messages)
{
    if (number < hub->n_receivers) {
        hd_receiver_set_credit(hub->receivers[number], messages);
    }
}

void hd_hub_resume(struct hd_hub *hub)
{
    for (uint32_t i = 0; i < hub->options.connections; i++) {
        if (hub->connections[i].wire) {
            hd_wire_resume(hub->connections[i].wire);
        }
    }
}

int hd_hub_partition_properties(struct hd_hub *hub, uint32_t number, hd_partition_properties_fn *fn,
                                void *context)
{
    if (number >= hub->n_receivers || hub->closing) {
        return -EINVAL;
    }
    return hd_management_query(&hub->management, number, hub->receivers[number]->id, fn, context);
}

void hd_hub_status(const struct hd_hub *hub, struct hd_receiver_status *ret)
{
    *ret = hub->management.status;
}

void hd_hub_counters(const struct hd_hub *hub, struct hd_hub_counters *ret)
{
    *ret = hub->counters;
    for (uint32_t i = 0; i < hub->options.connections; i++) {
        if (hub->connections[i].wire) {
            ret->received_bytes += hd_wire_received_bytes(hub->connections[i].wire);
        }
    }
}

/* ---- closing ---- */

static void on_close_timer(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_hub *hub = data;
    for (uint32_t i = 0; i < hub->options.connections; i++) {
        hd_connection_deinit(&hub->connections[i]);
    }
    void (*done)(void *context) = hub->close_done;
    hub->close_done = NULL;
    if (done) {
        done(hub->context);
    }
}

void hd_hub_connection_closed(struct hd_hub *hub)
{
    for (uint32_t i = 0; i < hub->options.connections; i++) {
        if (hub->connections[i].state == HD_CONNECTION_CLOSING) {
            return;
        }
    }
    if (hub->close_done) {
        hd_timer_start(&hub->close_timer, 0);
    }
}

void hd_hub_close(struct hd_hub *hub, int64_t timeout_ms, void (*done)(void *context))
{
    hub->closing = true;
    hub->close_done = done;
    hd_management_deinit(&hub->management);
    for (size_t i = 0; i < hub->n_receivers; i++) {
        hd_receiver_release(hub->receivers[i]);
    }
    hd_timer_start(&hub->close_timer, timeout_ms);
    for (uint32_t i = 0; i < hub->options.connections; i++) {
        hd_connection_close(&hub->connections[i]);
    }
    hd_hub_connection_closed(hub);
}
