/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * A request goes out on a sender link and is answered on a receiver link that it names in reply-to;
 * the answer carries the request's id as correlation-id. Links are opened with the first request
 * and kept. When the peer closes them, or does not answer in time, all that is open fails and the
 * next request opens a fresh pair: a pair that once lost an answer is not trusted again.
 */
#include "rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connection.h"
#include "reactions.h"

struct hd_rpc_call {
    struct hd_rpc_call *next;
    struct hd_rpc *rpc;
    struct hd_timer timer;
    int64_t timeout_ms;
    hd_rpc_fn *fn;
    void *data;
    char id[32];
    bool sent;
    size_t len;
    char bytes[]; /* the encoded request; may hold a token */
};

static void free_call(struct hd_rpc_call *call)
{
    hd_timer_stop(&call->timer);
    explicit_bzero(call->bytes, call->len);
    free(call);
}

static void unlink_call(struct hd_rpc_call *call)
{
    struct hd_rpc_call **at = &call->rpc->calls;
    while (*at && *at != call) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = call->next;
    }
}

static void answer(struct hd_rpc_call *call, const struct hd_rpc_answer *what)
{
    hd_rpc_fn *fn = call->fn;
    void *data = call->data;
    unlink_call(call);
    free_call(call);
    fn(data, what);
}

static void drop_links(struct hd_rpc *rpc)
{
    hd_link_give_up(rpc->out);
    hd_link_give_up(rpc->in);
    rpc->out = rpc->in = NULL;
    rpc->opened = 0;
}

void hd_rpc_reset(struct hd_rpc *rpc, const char *condition, const char *text)
{
    drop_links(rpc);
    /* An answered caller may call again at once: only what is here now is failed. */
    struct hd_rpc_call *calls = rpc->calls;
    rpc->calls = NULL;
    while (calls) {
        struct hd_rpc_call *call = calls;
        calls = call->next;
        struct hd_rpc_answer none = {0, condition, text, NULL};
        answer(call, &none);
    }
}

void hd_rpc_deinit(struct hd_rpc *rpc)
{
    drop_links(rpc);
    while (rpc->calls) {
        struct hd_rpc_call *call = rpc->calls;
        rpc->calls = call->next;
        free_call(call);
    }
}

static void on_timeout(struct hd_timer *timer, void *data)
{
    struct hd_rpc_call *call = data;
    struct hd_rpc *rpc = call->rpc;
    if (hd_connection_paused(rpc->connection)) {
        hd_timer_start(timer, call->timeout_ms); /* it may be there, unread */
        return;
    }
    char text[128];
    snprintf(text, sizeof(text), "no answer from %s in time", rpc->address);
    hd_connection_kick(rpc->connection);
    hd_rpc_reset(rpc, "com.microsoft:timeout", text);
}

static void send_calls(struct hd_rpc *rpc)
{
    if (rpc->opened < 2) {
        return;
    }
    for (struct hd_rpc_call *call = rpc->calls; call; call = call->next) {
        if (call->sent || pn_link_credit(rpc->out) <= 0) {
            continue;
        }
        pn_delivery(rpc->out, pn_dtag(call->id, strlen(call->id)));
        pn_link_send(rpc->out, call->bytes, call->len);
        pn_link_advance(rpc->out);
        call->sent = true;
    }
}

static bool name_is(pn_bytes_t name, const char *a, const char *b)
{
    return (name.size == strlen(a) && strncasecmp(name.start, a, name.size) == 0) ||
           (name.size == strlen(b) && strncasecmp(name.start, b, name.size) == 0);
}

static bool read_integer(pn_data_t *data, int64_t *ret)
{
    switch (pn_data_type(data)) {
    case PN_INT:
        *ret = pn_data_get_int(data);
        return true;
    case PN_UINT:
        *ret = pn_data_get_uint(data);
        return true;
    case PN_LONG:
        *ret = pn_data_get_long(data);
        return true;
    case PN_ULONG:
        *ret = (int64_t)pn_data_get_ulong(data);
        return true;
    case PN_SHORT:
        *ret = pn_data_get_short(data);
        return true;
    case PN_USHORT:
        *ret = pn_data_get_ushort(data);
        return true;
    default:
        return false;
    }
}

static bool read_text(pn_data_t *data, char *ret, size_t size)
{
    pn_type_t type = pn_data_type(data);
    if (type != PN_STRING && type != PN_SYMBOL && type != PN_BINARY) {
        return false;
    }
    pn_bytes_t bytes = pn_data_get_bytes(data);
    snprintf(ret, size, "%.*s", (int)(bytes.size < size ? bytes.size : size), bytes.start);
    return true;
}

struct status {
    int64_t code;
    char condition[96], text[400];
};

/* Both spellings: the service has used status-code and statusCode. */
static void read_status(pn_message_t *message, struct status *ret)
{
    pn_data_t *data = pn_message_properties(message);
    pn_data_rewind(data);
    if (!pn_data_next(data) || pn_data_type(data) != PN_MAP) {
        return;
    }
    size_t n = pn_data_get_map(data);
    pn_data_enter(data);
    for (size_t i = 0; i + 1 < n; i += 2) {
        pn_bytes_t name = {0, NULL};
        if (!pn_data_next(data)) {
            break;
        }
        if (pn_data_type(data) == PN_STRING || pn_data_type(data) == PN_SYMBOL) {
            name = pn_data_get_bytes(data);
        }
        if (!pn_data_next(data)) {
            break;
        }
        if (name_is(name, "status-code", "statusCode")) {
            read_integer(data, &ret->code);
        } else if (name_is(name, "status-description", "statusDescription")) {
            read_text(data, ret->text, sizeof(ret->text));
        } else if (name_is(name, "error-condition", "errorCondition")) {
            read_text(data, ret->condition, sizeof(ret->condition));
        }
    }
    pn_data_exit(data);
}

static struct hd_rpc_call *find_call(struct hd_rpc *rpc, pn_message_t *message)
{
    pn_data_t *id = pn_message_correlation_id(message);
    pn_data_rewind(id);
    if (pn_data_next(id) && (pn_data_type(id) == PN_STRING || pn_data_type(id) == PN_BINARY)) {
        pn_bytes_t bytes = pn_data_get_bytes(id);
        for (struct hd_rpc_call *call = rpc->calls; call; call = call->next) {
            if (bytes.size == strlen(call->id) && memcmp(bytes.start, call->id, bytes.size) == 0) {
                return call;
            }
        }
    }
    return NULL;
}

static void take_answer(struct hd_rpc *rpc, const char *bytes, size_t len)
{
    pn_message_t *message = pn_message();
    struct hd_rpc_call *call = NULL;
    if (message && pn_message_decode(message, bytes, len) == 0) {
        call = find_call(rpc, message);
    }
    if (call) {
        struct status status = {0};
        read_status(message, &status);
        bool ok = status.code >= 200 && status.code < 300;
        if (ok) {
            status.condition[0] = 0;
        } else if (!status.condition[0]) {
            snprintf(status.condition, sizeof(status.condition), "%s",
                     hd_reaction_condition_of_status(status.code));
        }
        struct hd_rpc_answer what = {status.code, status.condition, status.text, message};
        answer(call, &what);
    }
    pn_message_free(message);
}

/* ---- the links' events ---- */

static void on_opened(struct hd_link_handler *handler, pn_link_t *link)
{
    struct hd_rpc *rpc = (struct hd_rpc *)handler;
    if (link == rpc->in || link == rpc->out) {
        rpc->opened++;
        send_calls(rpc);
    }
}

static void on_closed(struct hd_link_handler *handler, pn_link_t *link, const char *condition,
                      const char *text)
{
    (void)link;
    hd_rpc_reset((struct hd_rpc *)handler, condition, text);
}

static void on_credit(struct hd_link_handler *handler, pn_link_t *link)
{
    (void)link;
    send_calls((struct hd_rpc *)handler);
}

static void on_delivery(struct hd_link_handler *handler, pn_link_t *link)
{
    struct hd_rpc *rpc = (struct hd_rpc *)handler;
    if (link == rpc->out) {
        /* The outcome of a request; what counts is its answer. */
        for (pn_delivery_t *d = pn_unsettled_head(link); d;) {
            pn_delivery_t *next = pn_unsettled_next(d);
            if (pn_delivery_remote_state(d) || pn_delivery_settled(d)) {
                pn_delivery_settle(d);
            }
            d = next;
        }
        return;
    }
    pn_delivery_t *delivery;
    while (link == rpc->in && (delivery = pn_link_current(link)) &&
           pn_delivery_readable(delivery) && !pn_delivery_partial(delivery)) {
        size_t size = pn_delivery_pending(delivery);
        char *bytes = malloc(size + 1);
        ssize_t n = bytes ? pn_link_recv(link, bytes, size) : 0;
        pn_delivery_update(delivery, PN_ACCEPTED);
        pn_link_advance(link);
        pn_delivery_settle(delivery);
        pn_link_flow(link, 1);
        if (n > 0) {
            take_answer(rpc, bytes, (size_t)n); /* may reset the links */
        }
        free(bytes);
    }
}

void hd_rpc_init(struct hd_rpc *rpc, struct hd_connection *connection, const char *address)
{
    memset(rpc, 0, sizeof(*rpc));
    rpc->handler = (struct hd_link_handler){on_opened, on_closed, on_delivery, on_credit};
    rpc->connection = connection;
    rpc->address = address;
}

static int open_links(struct hd_rpc *rpc)
{
    pn_session_t *session = hd_connection_session(rpc->connection);
    if (!session) {
        return -ENOTCONN;
    }
    char name[64];
    snprintf(name, sizeof(name), "%s-%016" PRIx64, rpc->address + 1,
             hd_connection_random(rpc->connection));
    rpc->out = pn_sender(session, name);
    strncat(name, "-r", sizeof(name) - strlen(name) - 1);
    rpc->in = pn_receiver(session, name);
    if (!rpc->out || !rpc->in) {
        return -ENOMEM;
    }
    pn_terminus_set_address(pn_link_target(rpc->out), rpc->address);
    pn_terminus_set_address(pn_link_source(rpc->out), rpc->address);
    pn_terminus_set_address(pn_link_source(rpc->in), rpc->address);
    pn_terminus_set_address(pn_link_target(rpc->in), name);
    pn_link_set_context(rpc->out, &rpc->handler);
    pn_link_set_context(rpc->in, &rpc->handler);
    pn_link_open(rpc->out);
    pn_link_open(rpc->in);
    pn_link_flow(rpc->in, 100);
    return 0;
}

static int encode(pn_message_t *message, struct hd_rpc_call **ret)
{
    for (size_t size = 4096; size <= (size_t)1 << 20; size *= 2) {
        struct hd_rpc_call *call = calloc(1, sizeof(*call) + size);
        if (!call) {
            return -ENOMEM;
        }
        call->len = size;
        int r = pn_message_encode(message, call->bytes, &call->len);
        if (r == 0) {
            *ret = call;
            return 0;
        }
        explicit_bzero(call->bytes, size);
        free(call);
        if (r != PN_OVERFLOW) {
            return -EINVAL;
        }
    }
    return -EMSGSIZE;
}

int hd_rpc_call(struct hd_rpc *rpc, pn_message_t *message, int64_t timeout_ms, hd_rpc_fn *fn,
                void *data)
{
    int r = rpc->out ? 0 : open_links(rpc);
    if (r) {
        return r;
    }
    char id[32];
    snprintf(id, sizeof(id), "%" PRIu64, ++rpc->next_id);
    pn_data_t *message_id = pn_message_id(message);
    pn_data_clear(message_id);
    pn_data_put_string(message_id, pn_bytes(strlen(id), id));
    pn_message_set_address(message, rpc->address);
    pn_message_set_reply_to(message, pn_terminus_get_address(pn_link_target(rpc->in)));
    struct hd_rpc_call *call = NULL;
    r = encode(message, &call);
    if (r) {
        return r;
    }
    memcpy(call->id, id, sizeof(id));
    call->rpc = rpc;
    call->fn = fn;
    call->data = data;
    call->timeout_ms = timeout_ms;

    hd_timer_init(&call->timer, hd_connection_loop(rpc->connection), on_timeout, call);
    hd_timer_start(&call->timer, timeout_ms);
    struct hd_rpc_call **last = &rpc->calls;
    while (*last) {
        last = &(*last)->next;
    }
    *last = call;
    send_calls(rpc);
    hd_connection_kick(rpc->connection);
    return 0;
}
