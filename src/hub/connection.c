/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * A connection is a state machine that always knows what happens next: a stream, SASL and OPEN,
 * then the claim, then its users attach. Whatever goes wrong at any point takes one way
 * (on_ended): the users are told, the wire is dropped whole, and if somebody still needs the
 * connection it is made anew after a delay. Nothing is repaired in place; a new connection is
 * cheap and in a known state.
 *
 * proton's events are handed to the handler that is the context of their link (link.h).
 */
#include "connection.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "config.h"
#include "hub.h"
#include "hubdrain/log.h"
#include "reactions.h"
#include "receiver.h"

enum { CLAIM_TIMEOUT_MS = 30000 };

static const char *condition_name(pn_condition_t *condition)
{
    const char *name = pn_condition_is_set(condition) ? pn_condition_get_name(condition) : NULL;
    return name ? name : "";
}

static const char *condition_text(pn_condition_t *condition)
{
    const char *text =
        pn_condition_is_set(condition) ? pn_condition_get_description(condition) : NULL;
    return text ? text : "";
}

/* ---- events ---- */

static void link_closed(pn_link_t *link, pn_condition_t *condition)
{
    struct hd_link_handler *handler = pn_link_get_context(link);
    if (handler) {
        handler->closed(handler, link, condition_name(condition), condition_text(condition));
    }
    pn_link_close(link);
    pn_link_free(link);
}

/* An END takes its links with it. */
static void session_closed(struct hd_connection *connection, pn_session_t *session)
{
    pn_condition_t *condition = pn_session_remote_condition(session);
    if (connection->session == session) {
        connection->session = NULL; /* what is asked from now on takes a new one */
    }
    pn_link_t *link = pn_link_head(pn_session_connection(session), 0);
    while (link) {
        pn_link_t *next = pn_link_next(link, 0);
        struct hd_link_handler *handler = pn_link_get_context(link);
        if (handler && pn_link_session(link) == session) {
            handler->closed(handler, link, condition_name(condition), condition_text(condition));
            /* That may have given up other links too: begin again. */
            next = pn_link_head(pn_session_connection(session), 0);
        }
        link = next;
    }
    pn_session_close(session);
    pn_session_free(session);
}

static void remote_open(struct hd_connection *connection)
{
    if (connection->state == HD_CONNECTION_OPENING) {
        connection->state = HD_CONNECTION_CLAIMING;
        hd_timer_start(&connection->timeout, CLAIM_TIMEOUT_MS);
        hd_cbs_put(&connection->cbs);
    }
}

static void remote_close(struct hd_connection *connection, pn_connection_t *proton)
{
    pn_condition_t *condition = pn_connection_remote_condition(proton);
    pn_connection_close(proton);
    hd_wire_end(connection->wire,
                pn_condition_is_set(condition) ? condition_name(condition)
                                               : "amqp:connection:forced",
                pn_condition_is_set(condition) ? condition_text(condition)
                                               : "the hub closed the connection");
}

static void delivery_event(pn_event_t *event)
{
    pn_link_t *link = pn_event_link(event);
    struct hd_link_handler *handler = link ? pn_link_get_context(link) : NULL;
    if (handler) {
        handler->delivery(handler, link);
    } else if (link && pn_link_is_receiver(link)) {
        hd_link_drop_deliveries(link);
    }
}

static void on_event(void *context, pn_event_t *event)
{
    struct hd_connection *connection = context;
    pn_link_t *link = pn_event_link(event);
    struct hd_link_handler *handler = link ? pn_link_get_context(link) : NULL;
    switch (pn_event_type(event)) {
    case PN_DELIVERY:
        delivery_event(event);
        break;
    case PN_CONNECTION_REMOTE_OPEN:
        remote_open(connection);
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        remote_close(connection, pn_event_connection(event));
        break;
    case PN_SESSION_REMOTE_CLOSE:
        session_closed(connection, pn_event_session(event));
        break;
    case PN_LINK_REMOTE_OPEN:
        if (handler) {
            handler->opened(handler, link);
        }
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
        link_closed(link, pn_link_remote_condition(link));
        break;
    case PN_LINK_FLOW:
        if (handler && handler->credit) {
            handler->credit(handler, link);
        }
        break;
    default:
        break;
    }
}

static void on_drained(void *context)
{
    struct hd_connection *connection = context;
    struct hd_hub *hub = connection->hub;
    if (hub->delivered) {
        hub->delivered = false;
        hub->handlers.drained(hub->context);
    }
    hd_receiver_top_up(connection);
}

static bool on_pause(void *context)
{
    struct hd_connection *connection = context;
    struct hd_hub *hub = connection->hub;
    /* Without a link no events can come, and a handshake that is not read would never end. */
    return hub->handlers.pause && hub->handlers.pause(hub->context) &&
           hd_receiver_any_link(connection);
}

/* ---- the end of a wire ---- */

static void drop_wire(struct hd_connection *connection)
{
    struct hd_hub *hub = connection->hub;
    if (connection->wire) {
        hub->counters.received_bytes += hd_wire_received_bytes(connection->wire);
    }
    hd_timer_stop(&connection->timeout);
    hd_timer_stop(&connection->retry);
    hd_cbs_reset(&connection->cbs);
    hd_hub_requests_lost(connection);
    hd_receiver_forget_links(connection);
    hd_wire_free(connection->wire);
    connection->wire = NULL;
    connection->session = NULL;
}

static void log_loss(const struct hd_connection *connection, bool was_ready, int64_t delay_ms)
{
    hd_log(was_ready ? HD_LOG_NOTICE : HD_LOG_WARNING, "amqp.connection.lost",
           was_ready ? "connection lost, connecting again" : "cannot connect, trying again",
           HD_INT("connection", connection->number),
           HD_STR("host", connection->hub->options.address.host),
           HD_STR("condition", connection->condition), HD_STR("error", connection->text),
           HD_INT("attempt", connection->backoff.attempts), HD_INT("delay_ms", delay_ms));
}

static void on_ended(void *context, const char *condition, const char *text)
{
    struct hd_connection *connection = context;
    struct hd_hub *hub = connection->hub;
    bool was_ready = connection->state == HD_CONNECTION_READY;
    bool was_closing = connection->state == HD_CONNECTION_CLOSING;
    snprintf(connection->condition, sizeof(connection->condition), "%s", condition);
    snprintf(connection->text, sizeof(connection->text), "%s", text);
    drop_wire(connection); /* condition and text were the wire's */
    connection->state = HD_CONNECTION_IDLE;
    if (was_closing || hub->closing) {
        hd_log(HD_LOG_INFO, "amqp.connection.closed", "connection closed",
               HD_INT("connection", connection->number));
        hd_hub_connection_closed(hub);
        return;
    }
    hub->counters.disconnects += was_ready;
    struct hd_reaction reaction = hd_reaction_find(connection->condition, connection->text);
    hub->counters.throttled += reaction.busy;
    /* A claim that was accepted has run out, and a new connection makes a new one. */
    bool refused = reaction.kind == HD_REACT_AUTH && !was_ready;
    bool slow = reaction.kind == HD_REACT_SLOW || refused;
    int64_t at_least = slow && reaction.min_wait_ms < hub->slow_retry_ms ? hub->slow_retry_ms
                                                                         : reaction.min_wait_ms;
    int64_t delay = hd_backoff_next(&connection->backoff, hd_loop_now_ms(hub->loop), at_least);
    if (hd_hub_needs(hub, connection)) {
        connection->state = HD_CONNECTION_WAITING;
        hd_timer_start(&connection->retry, delay);
        log_loss(connection, was_ready, delay);
    } else {
        hd_log(HD_LOG_INFO, "amqp.connection.closed", "the hub closed a connection that is idle",
               HD_INT("connection", connection->number));
    }
    hd_receiver_connection_lost(connection, slow);
    hd_hub_discovery_lost(connection, slow);
}

static void on_timeout(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_connection *connection = data;
    hd_wire_end(connection->wire, "com.microsoft:timeout",
                connection->state == HD_CONNECTION_OPENING
                    ? "no connection to the hub within the connect timeout (TCP, TLS, OPEN)"
                    : "the hub did not answer the claim in time");
}

/* ---- the way up ---- */

static void put_text(pn_data_t *data, const char *key, const char *value)
{
    pn_data_put_symbol(data, pn_bytes(strlen(key), key));
    pn_data_put_string(data, pn_bytes(strlen(value), value));
}

static void describe_us(pn_connection_t *proton)
{
    struct utsname system;
    char platform[200] = "Linux", agent[256];
    if (uname(&system) == 0) {
        snprintf(platform, sizeof(platform), "%.60s %.60s %.60s", system.sysname, system.release,
                 system.machine);
    }
    snprintf(agent, sizeof(agent), "hubdrain/%s (%.190s)", HD_VERSION, platform);
    pn_data_t *data = pn_connection_properties(proton);
    pn_data_put_map(data);
    pn_data_enter(data);
    put_text(data, "product", "hubdrain");
    put_text(data, "version", HD_VERSION);
    put_text(data, "platform", platform);
    put_text(data, "framework", "qpid-proton-c");
    put_text(data, "user-agent", agent);
    pn_data_exit(data);
}

static void connect_now(struct hd_connection *connection)
{
    static const struct hd_wire_handlers handlers = {on_event, on_drained, on_pause, on_ended};
    struct hd_hub *hub = connection->hub;
    const struct hd_hub_options *options = &hub->options;
    struct hd_stream_options stream = {
        .host = options->address.host,
        .port = options->address.port,
        .tls = options->address.tls,
        .ca_file = options->ca_file,
        .connect_timeout_ms = options->connect_timeout_ms,
    };
    char container_id[200];
    snprintf(container_id, sizeof(container_id), "%.150s-%u-%08x", options->client_id,
             connection->number, hd_random_u32(&hub->random));
    hub->counters.connects++;
    int r = hd_wire_open(hub->loop, &stream, container_id, options->idle_timeout_ms, &handlers,
                         connection, &connection->wire);
    if (r) {
        connection->state = HD_CONNECTION_WAITING;
        int64_t delay = hd_backoff_next(&connection->backoff, hd_loop_now_ms(hub->loop), 0);
        hd_timer_start(&connection->retry, delay);
        hd_log(HD_LOG_ERROR, "amqp.connection.lost", "cannot open a connection",
               HD_STR("error", strerror(-r)), HD_INT("delay_ms", delay));
        return;
    }
    connection->state = HD_CONNECTION_OPENING;
    describe_us(hd_wire_connection(connection->wire));
    pn_connection_open(hd_wire_connection(connection->wire));
    hd_timer_start(&connection->timeout, options->connect_timeout_ms); /* until OPEN is answered */
    hd_log(HD_LOG_DEBUG, "amqp.connection.open", "connecting",
           HD_INT("connection", connection->number), HD_STR("host", stream.host),
           HD_INT("port", stream.port));
}

static void on_retry(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_connection *connection = data;
    connection->state = HD_CONNECTION_IDLE;
    if (hd_hub_needs(connection->hub, connection)) {
        connect_now(connection);
    }
}

void hd_connection_claimed(struct hd_connection *connection, bool ok, const char *condition,
                           const char *text)
{
    struct hd_hub *hub = connection->hub;
    if (connection->state == HD_CONNECTION_CLAIMING) {
        if (!ok) {
            hd_connection_lose(connection, condition, text);
            return;
        }
        hd_timer_stop(&connection->timeout);
        connection->state = HD_CONNECTION_READY;
        hd_backoff_healthy(&connection->backoff, hd_loop_now_ms(hub->loop));
        hd_log(HD_LOG_INFO, "amqp.connection.ready", "connected to the hub",
               HD_INT("connection", connection->number), HD_STR("host", hub->options.address.host),
               HD_STR("hub", hub->options.address.hub));
        hd_hub_connection_ready(connection);
    }
    if (connection->state == HD_CONNECTION_READY) {
        hd_receiver_attach_all(connection);
    }
}

bool hd_connection_renew(struct hd_connection *connection, uint64_t generation)
{
    struct hd_cbs *cbs = &connection->cbs;
    if (connection->state != HD_CONNECTION_READY || cbs->generation > generation) {
        return false;
    }
    hd_cbs_put(cbs);
    return true;
}

void hd_connection_works(struct hd_connection *connection)
{
    hd_backoff_reset(&connection->backoff);
}

void hd_connection_need(struct hd_connection *connection)
{
    if (connection->state == HD_CONNECTION_IDLE && !connection->hub->closing) {
        connect_now(connection);
    }
}

void hd_connection_lose(struct hd_connection *connection, const char *condition, const char *text)
{
    if (connection->wire) {
        pn_connection_close(hd_wire_connection(connection->wire));
        hd_wire_end(connection->wire, condition, text);
    }
}

void hd_connection_close(struct hd_connection *connection)
{
    bool open =
        connection->state == HD_CONNECTION_READY || connection->state == HD_CONNECTION_CLAIMING;
    if (open) {
        connection->state = HD_CONNECTION_CLOSING;
        hd_cbs_reset(&connection->cbs);
        pn_connection_close(hd_wire_connection(connection->wire));
        hd_wire_resume(connection->wire);
        hd_wire_kick(connection->wire);
    } else if (connection->state != HD_CONNECTION_CLOSING) {
        drop_wire(connection);
        connection->state = HD_CONNECTION_IDLE;
    }
}

void hd_connection_kick(struct hd_connection *connection)
{
    if (connection->wire) {
        hd_wire_kick(connection->wire);
    }
}

bool hd_connection_paused(const struct hd_connection *connection)
{
    return connection->wire && hd_wire_paused(connection->wire);
}

pn_connection_t *hd_connection_proton(struct hd_connection *connection)
{
    return connection->wire ? hd_wire_connection(connection->wire) : NULL;
}

pn_session_t *hd_connection_session(struct hd_connection *connection)
{
    pn_connection_t *proton = hd_connection_proton(connection);
    if (proton && !connection->session) {
        connection->session = pn_session(proton);
        if (connection->session) {
            pn_session_open(connection->session);
        }
    }
    return connection->session;
}

struct hd_loop *hd_connection_loop(const struct hd_connection *connection)
{
    return connection->hub->loop;
}

uint64_t hd_connection_random(struct hd_connection *connection)
{
    uint64_t *state = &connection->hub->random;
    uint64_t high = hd_random_u32(state);
    return high << 32 | hd_random_u32(state);
}

void hd_connection_init(struct hd_connection *connection, struct hd_hub *hub, uint32_t number)
{
    memset(connection, 0, sizeof(*connection));
    connection->hub = hub;
    connection->number = number;
    hd_backoff_init(&connection->backoff, hub->options.backoff_min_ms, hub->options.backoff_max_ms,
                    hd_connection_random(connection));
    hd_timer_init(&connection->retry, hub->loop, on_retry, connection);
    hd_timer_init(&connection->timeout, hub->loop, on_timeout, connection);
    hd_cbs_init(&connection->cbs, connection);
}

void hd_connection_deinit(struct hd_connection *connection)
{
    drop_wire(connection);
    connection->state = HD_CONNECTION_IDLE;
}
