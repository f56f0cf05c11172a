/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: just enough HTTP/1.1 for curl, fetch and a probe: a request line, Content-Length, a
 * table of routes, JSON answers. Chunked requests are refused; nobody sends them here.
 */
#include "admin.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "hubdrain/hmac.h"
#include "link.h"

#define REQUEST_MAX (21u << 20) /* room to say that an event is too large, whatever the limit */

struct emu_admin {
    uv_tcp_t listener;
    struct emu_server *server;
    struct client *clients;
};

struct client {
    uv_tcp_t tcp;
    uv_write_t write;
    struct emu_admin *admin;
    struct client *next;
    struct hd_buffer in, out;
    bool closing, writing, last;
    char block[8192];
};

struct request {
    struct emu_server *server;
    struct hd_slice method, path, query, body;
    struct hd_buffer *out; /* the body of the answer */
};

/* ---- routes: each writes a body and returns the status ---- */

static int answer_error(struct request *q, int status, const char *text)
{
    cJSON *json = cJSON_CreateObject();
    char *printed = NULL;
    if (json != NULL && cJSON_AddStringToObject(json, "error", text) != NULL) {
        printed = cJSON_PrintUnformatted(json);
    }
    hd_buffer_append_cstr(q->out, printed != NULL ? printed : "{}");
    cJSON_free(printed);
    cJSON_Delete(json);
    return status;
}

/* A decoded query parameter in a buffer of the caller; false when it is not there. */
static bool parameter(const struct request *q, const char *name, struct hd_buffer *ret)
{
    const char *at = q->query.data, *end = at + q->query.len;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        if (equals != NULL && hd_slice_is(hd_slice(at, (size_t)(equals - at)), name)) {
            ret->len = 0;
            return hd_url_decode(ret, hd_slice(equals + 1, (size_t)(stop - equals) - 1)) == 0;
        }
        at = stop + 1;
    }
    return false;
}

static struct emu_hub *hub_of(const struct request *q)
{
    struct hd_buffer name = {0};
    struct emu_hub *hub = q->server->ns.hubs;
    if (parameter(q, "hub", &name)) {
        hub = emu_hub_find(&q->server->ns, hd_buffer_slice(&name));
    }
    hd_buffer_deinit(&name);
    return hub;
}

static int get_health(struct request *q)
{
    bool ok = !q->server->stopping;
    hd_buffer_append_cstr(q->out,
                          ok ? "{\"status\":\"healthy\",\"message\":\"Service is healthy.\"}"
                             : "{\"status\":\"unhealthy\",\"message\":\"Service not available. "
                               "Please try after some time.\"}");
    return ok ? 200 : 503;
}

static int get_state(struct request *q)
{
    return emu_state_write(q->server, q->out) == 0 ? 200 : 500;
}

static int get_faults(struct request *q)
{
    return emu_faults_list(&q->server->faults, q->out) == 0 ? 200 : 500;
}

static int delete_faults(struct request *q)
{
    emu_faults_clear(&q->server->faults);
    for (struct emu_conn *conn = q->server->connections; conn != NULL; conn = conn->next) {
        if (conn->mute_until_ms != 0) {
            conn->mute_until_ms = 1; /* over at the next tick */
        }
    }
    hd_buffer_append_cstr(q->out, "{}");
    return 200;
}

/* The query as a JSON object, so that both spellings are one. */
static int query_to_json(const struct request *q, struct hd_buffer *ret)
{
    cJSON *json = cJSON_CreateObject();
    struct hd_buffer value = {0};
    const char *at = q->query.data, *end = at + q->query.len;
    while (json != NULL && at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        char name[32];
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        size_t len = equals != NULL ? (size_t)(equals - at) : sizeof(name);
        if (len < sizeof(name)) {
            snprintf(name, sizeof(name), "%.*s", (int)len, at);
            if (parameter(q, name, &value)) {
                cJSON_AddStringToObject(json, name, hd_buffer_cstr(&value));
            }
        }
        at = stop + 1;
    }
    char *text = cJSON_PrintUnformatted(json);
    int r = text != NULL ? hd_buffer_append_cstr(ret, text) : -ENOMEM;
    cJSON_free(text);
    cJSON_Delete(json);
    hd_buffer_deinit(&value);
    return r;
}

static int post_fault(struct request *q)
{
    struct hd_buffer json = {0};
    struct hd_diag diag = {0};
    int applied = 0;
    int r = 0;
    struct hd_slice text = hd_slice_trim(q->body);
    if (text.len == 0) {
        r = query_to_json(q, &json);
        text = hd_buffer_slice(&json);
    }
    r = r ? r : emu_fault_post(q->server, text, &applied, &diag);
    hd_buffer_deinit(&json);
    if (r != 0) {
        return answer_error(q, r == EMU_FAULT_E_INVALID ? 400 : 500, diag.text);
    }
    hd_buffer_printf(q->out, "{\"applied\":%d}", applied);
    return 200;
}

static int post_append(struct request *q)
{
    struct hd_buffer id = {0}, key = {0};
    struct emu_hub *hub = hub_of(q);
    uint32_t limit = q->server->options->max_message_bytes;
    if (q->body.len + EMU_BODY_OVERHEAD > limit) {
        char text[128];
        snprintf(text, sizeof(text), "a message of %zu bytes is above --max-message-size, %" PRIu32,
                 q->body.len + EMU_BODY_OVERHEAD, limit);
        return answer_error(q, 413, text);
    }
    struct emu_partition *partition = NULL;
    bool named = parameter(q, "partition", &id);
    if (hub != NULL && named) {
        partition = emu_hub_partition(hub, hd_buffer_slice(&id));
    }
    struct hd_slice partition_key = hd_slice(NULL, 0);
    if (parameter(q, "key", &key)) {
        partition_key = hd_buffer_slice(&key);
    }
    int status = 404;
    if (hub != NULL && (partition != NULL || !named)) {
        partition = partition != NULL ? partition : emu_hub_route(hub, partition_key);
        status = emu_hub_append_body(hub, partition, partition_key, q->body) == 0 ? 200 : 500;
    }
    hd_buffer_deinit(&id);
    hd_buffer_deinit(&key);
    if (status != 200) {
        return answer_error(q, status,
                            status == 404 ? "no such hub or partition"
                                          : "the event could not be stored");
    }
    hd_buffer_printf(
        q->out, "{\"partition\":\"%s\",\"sequence_number\":%" PRId64 ",\"offset\":\"%" PRId64 "\"}",
        partition->id, partition->next_seq - 1, partition->last_offset);
    return 200;
}

static int post_recreate(struct request *q)
{
    struct emu_hub *hub = hub_of(q);
    struct hd_diag diag = {0};
    if (hub == NULL) {
        return answer_error(q, 404, "no such hub");
    }
    for (struct emu_conn *conn = q->server->connections; conn != NULL; conn = conn->next) {
        for (struct emu_link *link = conn->links; link != NULL; link = link->next) {
            if (link->hub == hub) {
                emu_link_detach(link, "amqp:link:detach-forced", "The hub was made anew.");
            }
        }
    }
    if (emu_hub_recreate(hub, &diag) != 0) {
        return answer_error(q, 500, diag.text);
    }
    hd_buffer_append_cstr(q->out, "{}");
    return 200;
}

// clang-format off
static const struct {
    const char *method, *path;
    int (*answer)(struct request *request);
} routes[] = {
    {"GET",    "/health",   get_health},
    {"GET",    "/state",    get_state},
    {"GET",    "/faults",   get_faults},
    {"POST",   "/faults",   post_fault},
    {"DELETE", "/faults",   delete_faults},
    {"POST",   "/append",   post_append},
    {"POST",   "/recreate", post_recreate},
};
// clang-format on

static int answer(struct request *q)
{
    bool path_known = false;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (hd_slice_is(q->path, routes[i].path)) {
            path_known = true;
            if (hd_slice_is(q->method, routes[i].method)) {
                return routes[i].answer(q);
            }
        }
    }
    return answer_error(q, path_known ? 405 : 404,
                        path_known ? "method not allowed" : "no such resource");
}

/* ---- HTTP ---- */

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

/* The value of a header; empty when it is not there. `head` ends with an empty line. */
static struct hd_slice header(struct hd_slice head, const char *name)
{
    const char *at = head.data, *end = head.data + head.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        const char *colon = memchr(at, ':', (size_t)(stop - at));
        if (colon != NULL && hd_slice_iis(hd_slice(at, (size_t)(colon - at)), name)) {
            return hd_slice_trim(hd_slice(colon + 1, (size_t)(stop - colon) - 1));
        }
        at = stop + 1;
    }
    return hd_slice(NULL, 0);
}

static bool split_request_line(struct hd_slice head, struct request *ret)
{
    const char *end = memchr(head.data, '\r', head.len);
    const char *space = end ? memchr(head.data, ' ', (size_t)(end - head.data)) : NULL;
    const char *second = space ? memchr(space + 1, ' ', (size_t)(end - space - 1)) : NULL;
    if (second == NULL) {
        return false;
    }
    ret->method = hd_slice(head.data, (size_t)(space - head.data));
    struct hd_slice target = hd_slice(space + 1, (size_t)(second - space) - 1);
    const char *question = memchr(target.data, '?', target.len);
    ret->path = target;
    if (question != NULL) {
        ret->path.len = (size_t)(question - target.data);
        ret->query = hd_slice(question + 1, target.len - ret->path.len - 1);
    }
    return true;
}

static void client_close(struct client *client);

static void on_sent(uv_write_t *write, int status);

static void send_answer(struct client *client, int status, const struct hd_buffer *body)
{
    client->out.len = 0;
    int r = hd_buffer_printf(&client->out,
                             "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
                             "Content-Length: %zu\r\n%s\r\n",
                             status, reason(status), body->len,
                             client->last ? "Connection: close\r\n" : "");
    r = r ? r : hd_buffer_append(&client->out, body->data, body->len);
    if (r != 0) {
        client_close(client);
        return;
    }
    uv_buf_t buf = uv_buf_init(client->out.data, (unsigned)client->out.len);
    client->writing = true;
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->tcp, &buf, 1, on_sent) != 0) {
        client_close(client);
    }
}

/* Answers the request at the start of `in`, when it is there as a whole. */
static void serve(struct client *client)
{
    struct hd_slice in = hd_buffer_slice(&client->in);
    const char *empty = memmem(in.data, in.len, "\r\n\r\n", 4);
    if (client->writing || client->closing || empty == NULL) {
        return;
    }
    struct hd_slice head = hd_slice(in.data, (size_t)(empty - in.data) + 2);
    struct request q = {.server = client->admin->server};
    struct hd_buffer body = {0};
    q.out = &body;
    struct hd_slice length = header(head, "content-length");
    size_t n = length.len > 0 ? strtoul(length.data, NULL, 10) : 0;
    int status;
    if (n > REQUEST_MAX || header(head, "transfer-encoding").len > 0 ||
        !split_request_line(head, &q)) {
        client->last = true;
        status = answer_error(&q, n > REQUEST_MAX ? 413 : 400,
                              n > REQUEST_MAX ? "the request is too large"
                                              : "this request is not understood");
        n = in.len - head.len - 2;
    } else if (in.len - head.len - 2 < n) {
        return;
    } else {
        q.body = hd_slice(empty + 4, n);
        client->last = hd_slice_iis(header(head, "connection"), "close");
        status = answer(&q);
    }
    send_answer(client, status, &body);
    hd_buffer_deinit(&body);
    size_t used = head.len + 2 + n;
    memmove(client->in.data, client->in.data + used, client->in.len - used);
    client->in.len -= used;
}

static void on_sent(uv_write_t *write, int status)
{
    struct client *client = write->data;
    client->writing = false;
    if (status != 0 || client->last) {
        client_close(client);
    } else {
        serve(client);
    }
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    hd_buffer_deinit(&client->in);
    hd_buffer_deinit(&client->out);
    free(client);
}

static void client_close(struct client *client)
{
    if (client->closing) {
        return;
    }
    client->closing = true;
    struct client **at = &client->admin->clients;
    while (*at != client) {
        at = &(*at)->next;
    }
    *at = client->next;
    uv_close((uv_handle_t *)&client->tcp, on_client_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct client *client = handle->data;
    *ret = uv_buf_init(client->block, sizeof(client->block));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    if (n == 0) {
        return;
    }
    if (n < 0 || client->in.len > REQUEST_MAX + 65536 ||
        hd_buffer_append(&client->in, buffer->base, (size_t)n) != 0) {
        client_close(client);
        return;
    }
    serve(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct emu_admin *admin = listener->data;
    struct client *client = status == 0 ? calloc(1, sizeof(*client)) : NULL;
    if (client == NULL) {
        return;
    }
    client->admin = admin;
    client->tcp.data = client;
    client->next = admin->clients;
    admin->clients = client;
    uv_tcp_init(admin->server->loop, &client->tcp);
    if (uv_accept(listener, (uv_stream_t *)&client->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) != 0) {
        client_close(client);
    }
}

int emu_admin_start(struct emu_server *server, const char *address, struct emu_admin **ret,
                    struct hd_diag *diag)
{
    struct emu_admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL) {
        return hd_fail(diag, -ENOMEM, "out of memory");
    }
    admin->server = server;
    admin->listener.data = admin;
    int r = emu_tcp_listen(server->loop, &admin->listener, address, on_connection, diag);
    if (r != 0) {
        if (!uv_is_closing((uv_handle_t *)&admin->listener)) {
            free(admin); /* the address was wrong: there is no handle yet */
        }
        return r;
    }
    *ret = admin;
    return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void emu_admin_stop(struct emu_admin *admin)
{
    if (admin == NULL) {
        return;
    }
    while (admin->clients != NULL) {
        client_close(admin->clients);
    }
    uv_close((uv_handle_t *)&admin->listener, on_listener_closed);
}

uint16_t emu_admin_port(const struct emu_admin *admin)
{
    return admin != NULL ? emu_tcp_port(&admin->listener) : 0;
}
