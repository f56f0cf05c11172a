/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * Two questions, asked with the same request but for two properties: READ the hub (which partitions
 * are there) and READ a partition (how far does it reach). The answers are maps; unknown keys are
 * ignored, missing ones leave what "unknown" is.
 *
 * Discovery is repeated for as long as the hub lives, because partitions can be added. Queries
 * answer or fail; who asked tries again. Requests carry a token of their own, as all SDKs send it.
 */
#include "management.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"
#include "hubdrain/log.h"
#include "reactions.h"

enum { READ_TIMEOUT_MS = 30000, MAX_PARTITIONS = 4096 };

struct hd_properties_query {
    struct hd_properties_query *next;
    struct hd_management *management;
    struct hd_token_request token;
    uint32_t number;
    char partition[HD_OFFSET_SIZE];
    hd_partition_properties_fn *fn;
    void *context;
};

static void put_text(pn_data_t *data, const char *key, const char *value)
{
    pn_data_put_string(data, pn_bytes(strlen(key), key));
    pn_data_put_string(data, pn_bytes(strlen(value), value));
}

static int read_node(struct hd_management *management, const char *partition, const char *token,
                     hd_rpc_fn *fn, void *data)
{
    pn_message_t *message = pn_message();
    if (!message) {
        return -ENOMEM;
    }
    pn_data_t *properties = pn_message_properties(message);
    pn_data_put_map(properties);
    pn_data_enter(properties);
    put_text(properties, "operation", "READ");
    put_text(properties, "name", management->hub->options.address.hub);
    put_text(properties, "type", partition ? "com.microsoft:partition" : "com.microsoft:eventhub");
    if (partition) {
        put_text(properties, "partition", partition);
    }
    put_text(properties, "security_token", token);
    pn_data_exit(properties);
    pn_data_put_binary(pn_message_body(message), pn_bytes(2, "[]"));
    int r = hd_rpc_call(&management->rpc, message, READ_TIMEOUT_MS, fn, data);
    pn_message_free(message);
    return r;
}

/* Positions `data` on the value of a key in the body's map. */
static bool find(pn_message_t *message, const char *key, pn_data_t **ret)
{
    pn_data_t *data = pn_message_body(message);
    pn_data_rewind(data);
    if (!pn_data_next(data) || pn_data_type(data) != PN_MAP) {
        return false;
    }
    size_t n = pn_data_get_map(data);
    pn_data_enter(data);
    for (size_t i = 0; i + 1 < n && pn_data_next(data); i += 2) {
        pn_type_t type = pn_data_type(data);
        pn_bytes_t name = type == PN_STRING || type == PN_SYMBOL ? pn_data_get_bytes(data)
                                                                 : (pn_bytes_t){0, NULL};
        bool same = name.size == strlen(key) && memcmp(name.start, key, name.size) == 0;
        if (!pn_data_next(data)) {
            return false;
        }
        if (same) {
            *ret = data;
            return true;
        }
    }
    return false;
}

static int64_t find_integer(pn_message_t *message, const char *key, int64_t otherwise)
{
    pn_data_t *data;
    if (!find(message, key, &data)) {
        return otherwise;
    }
    switch (pn_data_type(data)) {
    case PN_LONG:
        return pn_data_get_long(data);
    case PN_INT:
        return pn_data_get_int(data);
    case PN_TIMESTAMP:
        return pn_data_get_timestamp(data);
    case PN_ULONG:
        return (int64_t)pn_data_get_ulong(data);
    case PN_UINT:
        return pn_data_get_uint(data);
    default:
        return otherwise;
    }
}

/* ---- discovery ---- */

static void again(struct hd_management *management, int64_t delay_ms)
{
    management->under_way = false;
    hd_timer_start(&management->again, delay_ms);
}

static void set_status(struct hd_management *management, enum hd_receiver_state state,
                       const char *condition, const char *text)
{
    struct hd_receiver_status *status = &management->status;
    if (status->state != state) {
        status->since_ms = hd_loop_now_ms(management->hub->loop);
    }
    status->state = state;
    snprintf(status->condition, sizeof(status->condition), "%s", condition);
    snprintf(status->text, sizeof(status->text), "%s", text);
    status->attempts = state == HD_RECEIVER_RECEIVING ? 0 : status->attempts + 1;
}

static void discovery_failed(struct hd_management *management, const char *condition,
                             const char *text)
{
    struct hd_hub *hub = management->hub;
    struct hd_reaction reaction = hd_reaction_find(condition, text);
    hub->counters.throttled += reaction.busy;
    bool slow = reaction.kind == HD_REACT_SLOW || reaction.kind == HD_REACT_AUTH ||
                reaction.kind == HD_REACT_POSITION || reaction.kind == HD_REACT_DROP;
    if (reaction.kind == HD_REACT_AUTH && management->backoff.attempts == 0) {
        /* Perhaps it is the claim's age: once. */
        hd_connection_renew(&hub->connections[0], management->generation);
        slow = false;
    }
    int64_t delay = hd_backoff_next(&management->backoff, hd_loop_now_ms(hub->loop),
                                    slow ? hub->slow_retry_ms : reaction.min_wait_ms);
    again(management, delay);
    hd_log(slow ? HD_LOG_ERROR : HD_LOG_WARNING, "amqp.discovery.failed",
           "cannot read the list of partitions, trying again",
           HD_STR("hub", hub->options.address.hub), HD_STR("condition", condition),
           HD_STR("error", text), HD_INT("delay_ms", delay));
    if (hub->n_receivers == 0) {
        set_status(management, slow ? HD_RECEIVER_FATAL : HD_RECEIVER_CONNECTING, condition, text);
    }
}

static void free_ids(char **ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(ids[i]);
    }
    free(ids);
}

/* An array of strings; a list is taken too. */
static size_t read_ids(pn_message_t *message, char ***ret)
{
    pn_data_t *data;
    *ret = NULL;
    if (!find(message, "partition_ids", &data)) {
        return 0;
    }
    size_t n = pn_data_type(data) == PN_ARRAY  ? pn_data_get_array(data)
               : pn_data_type(data) == PN_LIST ? pn_data_get_list(data)
                                               : 0;
    if (n == 0 || n > MAX_PARTITIONS) {
        return 0;
    }
    char **ids = calloc(n, sizeof(*ids));
    size_t got = 0;
    pn_data_enter(data);
    while (ids && got < n && pn_data_next(data)) {
        pn_type_t type = pn_data_type(data);
        if (type != PN_STRING && type != PN_SYMBOL) {
            break;
        }
        pn_bytes_t id = pn_data_get_bytes(data);
        ids[got] = id.size > 0 && id.size < HD_OFFSET_SIZE ? strndup(id.start, id.size) : NULL;
        if (!ids[got]) {
            break;
        }
        got++;
    }
    if (got < n) {
        free_ids(ids, ids ? got : 0);
        return 0;
    }
    *ret = ids;
    return n;
}

static void on_hub(void *data, const struct hd_rpc_answer *answer)
{
    struct hd_management *management = data;
    if (*answer->condition) {
        discovery_failed(management, answer->condition, answer->text);
        return;
    }
    char **ids;
    size_t n = read_ids(answer->message, &ids);
    if (n == 0) {
        discovery_failed(management, "", "the answer lists no partitions");
        return;
    }
    set_status(management, HD_RECEIVER_RECEIVING, "", "");
    hd_backoff_reset(&management->backoff);
    again(management, management->hub->options.rediscover_ms);
    int r = hd_hub_set_partitions(management->hub, (const char *const *)ids, n);
    if (r) {
        discovery_failed(management, "", strerror(-r));
    }
    free_ids(ids, n);
}

static void on_hub_token(struct hd_token_request *request, const struct hd_token *token,
                         const struct hd_diag *diag, void *data)
{
    (void)request;
    struct hd_management *management = data;
    if (!token) {
        discovery_failed(management, "amqp:unauthorized-access", diag->text);
        return;
    }
    int r = read_node(management, NULL, token->text, on_hub, management);
    if (r) {
        discovery_failed(management, "", strerror(-r));
    }
}

void hd_management_discover(struct hd_management *management)
{
    if (!management->under_way) {
        management->under_way = true;
        management->generation = management->hub->connections[0].cbs.generation;
        hd_timer_stop(&management->again);
        hd_token_get(management->hub->tokens, &management->token, management->hub->audience);
    }
}

static void on_again(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_management *management = data;
    struct hd_connection *connection = &management->hub->connections[0];
    if (connection->state == HD_CONNECTION_READY) {
        hd_management_discover(management);
    } else {
        hd_connection_need(connection); /* its users are asked again when it is ready */
    }
}

void hd_management_lost(struct hd_management *management, const char *condition, const char *text)
{
    hd_token_request_cancel(&management->token);
    hd_timer_stop(&management->again);
    management->under_way = false;
    hd_rpc_reset(&management->rpc, condition, text);
    /* Queries that still wait for a token find out by themselves. */
    hd_timer_start(&management->again, management->hub->options.rediscover_ms);
}

/* ---- queries ---- */

static void query_done(struct hd_properties_query *query,
                       const struct hd_partition_properties *properties, const char *text)
{
    struct hd_properties_query **at = &query->management->queries;
    while (*at != query) {
        at = &(*at)->next;
    }
    *at = query->next;
    struct hd_diag diag = {0};
    if (!properties) {
        hd_fail(&diag, -EIO, "cannot read the properties of partition %s: %s", query->partition,
                text);
    }
    query->fn(query->context, query->number, properties, &diag);
    free(query);
}

static void on_partition(void *data, const struct hd_rpc_answer *answer)
{
    struct hd_properties_query *query = data;
    if (*answer->condition) {
        char text[512];
        snprintf(text, sizeof(text), "%s: %s", answer->condition, answer->text);
        query_done(query, NULL, text);
        return;
    }
    pn_message_t *m = answer->message;
    struct hd_partition_properties properties = {
        .begin_sequence_number = find_integer(m, "begin_sequence_number", -1),
        .last_enqueued_sequence_number = find_integer(m, "last_enqueued_sequence_number", -1),
        .last_enqueued_ms = find_integer(m, "last_enqueued_time_utc", 0),
    };
    pn_data_t *data_;
    if (find(m, "last_enqueued_offset", &data_) && pn_data_type(data_) == PN_STRING) {
        pn_bytes_t offset = pn_data_get_string(data_);
        if (offset.size < sizeof(properties.last_enqueued_offset)) {
            memcpy(properties.last_enqueued_offset, offset.start, offset.size);
        }
    }
    properties.empty = properties.last_enqueued_sequence_number < 0;
    if (find(m, "is_partition_empty", &data_) && pn_data_type(data_) == PN_BOOL) {
        properties.empty = pn_data_get_bool(data_);
    }
    query_done(query, &properties, "");
}

static void on_query_token(struct hd_token_request *request, const struct hd_token *token,
                           const struct hd_diag *diag, void *data)
{
    (void)request;
    struct hd_properties_query *query = data;
    struct hd_management *management = query->management;
    if (!token) {
        query_done(query, NULL, diag->text);
    } else if (management->hub->connections[0].state != HD_CONNECTION_READY) {
        query_done(query, NULL, "not connected");
    } else {
        int r = read_node(management, query->partition, token->text, on_partition, query);
        if (r) {
            query_done(query, NULL, strerror(-r));
        }
    }
}

int hd_management_query(struct hd_management *management, uint32_t number, const char *partition,
                        hd_partition_properties_fn *fn, void *context)
{
    struct hd_properties_query *query = calloc(1, sizeof(*query));
    if (!query) {
        return -ENOMEM;
    }
    query->management = management;
    query->number = number;
    snprintf(query->partition, sizeof(query->partition), "%s", partition);
    query->fn = fn;
    query->context = context;
    query->next = management->queries;
    management->queries = query;
    hd_connection_need(&management->hub->connections[0]);
    hd_token_request_init(&query->token, on_query_token, query);
    hd_token_get(management->hub->tokens, &query->token, management->hub->audience);
    return 0;
}

void hd_management_init(struct hd_management *management, struct hd_hub *hub)
{
    memset(management, 0, sizeof(*management));
    management->hub = hub;
    hd_rpc_init(&management->rpc, &hub->connections[0], "$management");
    hd_token_request_init(&management->token, on_hub_token, management);
    hd_timer_init(&management->again, hub->loop, on_again, management);
    hd_backoff_init(&management->backoff, hub->options.backoff_min_ms, hub->options.backoff_max_ms,
                    hub->random);
    management->status.state = HD_RECEIVER_CONNECTING;
    management->status.position.sequence_number = -1;
    management->status.since_ms = hd_loop_now_ms(hub->loop);
}

void hd_management_deinit(struct hd_management *management)
{
    hd_token_request_cancel(&management->token);
    hd_timer_stop(&management->again);
    hd_rpc_deinit(&management->rpc);
    while (management->queries) {
        struct hd_properties_query *query = management->queries;
        management->queries = query->next;
        hd_token_request_cancel(&query->token);
        free(query);
    }
}
