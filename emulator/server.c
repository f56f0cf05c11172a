/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: one loop. Whatever happens - input, an appended event, a fault - only marks connections
 * dirty; they are pumped once before the loop goes to sleep, so that many small causes become one
 * write. A connection that has more to send than one round allows stays dirty and an idle handle
 * keeps the loop turning: all connections get their turn, and none of them starves the listeners.
 */
#include "server.h"

#include <errno.h>
#include <stdlib.h>

#include "admin.h"
#include "connection.h"
#include "hubdrain/clock.h"
#include "link.h"
#include "load.h"

#define BACKLOG 512

uint16_t emu_tcp_port(const uv_tcp_t *tcp)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&address, &len) != 0) {
        return 0;
    }
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
                                         : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static int parse_address(const char *text, struct sockaddr_storage *ret)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == 0 || (size_t)(colon - text) >= sizeof(host)) {
        return -EINVAL;
    }
    char *end;
    long port = strtol(colon + 1, &end, 10);
    if (*end != 0 || port < 0 || port > 65535) {
        return -EINVAL;
    }
    size_t len = (size_t)(colon - text);
    memcpy(host, text, len);
    host[len] = 0;
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = 0;
        return uv_ip6_addr(host + 1, (int)port, (struct sockaddr_in6 *)ret);
    }
    const char *name = strcmp(host, "localhost") == 0       ? "127.0.0.1"
                       : len == 0 || strcmp(host, "*") == 0 ? "0.0.0.0"
                                                            : host;
    return uv_ip4_addr(name, (int)port, (struct sockaddr_in *)ret);
}

int emu_tcp_listen(uv_loop_t *loop, uv_tcp_t *tcp, const char *address, uv_connection_cb callback,
                   struct hd_diag *diag)
{
    struct sockaddr_storage parsed = {0};
    if (parse_address(address, &parsed) != 0) {
        return hd_fail(diag, -EINVAL,
                       "cannot listen on \"%s\": write it as 127.0.0.1:5672 or [::1]:5672",
                       address);
    }
    int r = uv_tcp_init(loop, tcp);
    if (r != 0) {
        return hd_fail(diag, r, "cannot listen on %s: %s", address, uv_strerror(r));
    }
    r = uv_tcp_bind(tcp, (const struct sockaddr *)&parsed, 0);
    if (r == 0) {
        r = uv_listen((uv_stream_t *)tcp, BACKLOG, callback);
    }
    if (r != 0) {
        uv_close((uv_handle_t *)tcp, NULL);
        return hd_fail(diag, r, "cannot listen on %s: %s", address, uv_strerror(r));
    }
    return 0;
}

/* ---- dirty connections ---- */

static void on_busy(uv_idle_t *idle)
{
    (void)idle; /* its presence is what counts */
}

void emu_server_mark(struct emu_conn *conn)
{
    if (!conn->dirty && !conn->closing) {
        conn->dirty = true;
        conn->next_dirty = conn->server->dirty;
        conn->server->dirty = conn;
    }
}

static void on_flush(uv_prepare_t *prepare)
{
    struct emu_server *server = prepare->data;
    struct emu_conn *conn = server->dirty;
    server->dirty = NULL;
    while (conn != NULL) {
        struct emu_conn *next = conn->next_dirty;
        conn->dirty = false;
        conn->next_dirty = NULL;
        emu_conn_pump(conn); /* may mark it again */
        conn = next;
    }
    if (server->dirty != NULL) {
        uv_idle_start(&server->busy, on_busy);
    } else {
        uv_idle_stop(&server->busy);
    }
}

static void on_appended(void *context, struct emu_partition *partition)
{
    (void)context;
    for (struct emu_link *link = partition->receivers; link != NULL; link = link->next_receiver) {
        emu_server_mark(link->conn);
    }
}

struct emu_conn *emu_server_find(struct emu_server *server, uint64_t id)
{
    struct emu_conn *conn = server->connections;
    while (conn != NULL && (conn->id != id || conn->closing)) {
        conn = conn->next;
    }
    return conn;
}

static void on_tick(uv_timer_t *timer)
{
    struct emu_server *server = timer->data;
    bool second = ++server->ticks % (1000 / EMU_TICK_MS) == 0;
    int64_t now_ms = hd_clock_monotonic_ms();
    struct emu_conn *next;
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = next) {
        next = conn->next;
        emu_conn_tick(conn, now_ms, second);
    }
}

/* ---- start and stop ---- */

static void on_plain(uv_stream_t *listener, int status)
{
    if (status == 0) {
        emu_conn_accept(listener->data, listener, false);
    }
}

static void on_tls(uv_stream_t *listener, int status)
{
    if (status == 0) {
        emu_conn_accept(listener->data, listener, true);
    }
}

static int start_listeners(struct emu_server *server, struct hd_diag *diag)
{
    const struct emu_options *o = server->options;
    int r = 0;
    if (o->listen != NULL) {
        server->plain.data = server;
        r = emu_tcp_listen(server->loop, &server->plain, o->listen, on_plain, diag);
        server->listens_plain = r == 0;
    }
    if (r == 0 && o->tls_listen != NULL) {
        r = emu_tls_context_new(o->tls_cert, o->tls_key, &server->tls_context, diag);
        if (r == 0) {
            server->tls.data = server;
            r = emu_tcp_listen(server->loop, &server->tls, o->tls_listen, on_tls, diag);
            server->listens_tls = r == 0;
        }
    }
    if (r == 0 && o->admin != NULL) {
        r = emu_admin_start(server, o->admin, &server->admin, diag);
    }
    return r;
}

int emu_server_start(struct emu_server *server, struct hd_diag *diag)
{
    server->ns.appended = on_appended;
    server->ns.context = server;
    uv_prepare_init(server->loop, &server->flush);
    uv_idle_init(server->loop, &server->busy);
    uv_timer_init(server->loop, &server->tick);
    server->flush.data = server;
    server->tick.data = server;
    uv_prepare_start(&server->flush, on_flush);
    uv_timer_start(&server->tick, on_tick, EMU_TICK_MS, EMU_TICK_MS);
    int r = start_listeners(server, diag);
    if (r == 0) {
        r = emu_loader_start(server, &server->loader, diag);
    }
    return r;
}

void emu_server_stop(struct emu_server *server)
{
    if (server->stopping) {
        return;
    }
    server->stopping = true;
    uv_close((uv_handle_t *)&server->flush, NULL);
    uv_close((uv_handle_t *)&server->busy, NULL);
    uv_close((uv_handle_t *)&server->tick, NULL);
    if (server->listens_plain) {
        uv_close((uv_handle_t *)&server->plain, NULL);
    }
    if (server->listens_tls) {
        uv_close((uv_handle_t *)&server->tls, NULL);
    }
    emu_admin_stop(server->admin);
    emu_loader_stop(server->loader);
    struct emu_conn *next;
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = next) {
        next = conn->next;
        emu_conn_force_close(conn, "amqp:connection:forced", "The emulator is shutting down.");
        emu_conn_pump(conn);
        emu_conn_close(conn);
    }
}

void emu_server_deinit(struct emu_server *server)
{
    emu_faults_deinit(&server->faults);
    emu_namespace_deinit(&server->ns);
    emu_tls_context_free(server->tls_context);
}
