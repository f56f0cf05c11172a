/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: proton gets whole frames, one at a time, with its events handled in between: so what
 * frames.c saw in a frame (its message format) belongs to the event that is being handled.
 *
 * Output is made only while the socket takes it: proton's frames first, then transfers, in turns
 * over the links, up to EMU_OUT_BYTES; what the socket refuses is kept, and nothing more is made
 * until it has gone. A client may grant any credit it likes: it costs no memory here.
 */
#include "connection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <proton/connection.h>
#include <proton/event.h>
#include <proton/session.h>
#include <proton/transport.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "link.h"

#define ROUNDS_PER_TURN   8
#define LINK_TURN_BYTES   (64u << 10)
#define IDLE_TIMEOUT_MS   480000 /* proton advertises half of it */
#define CHANNEL_MAX       4999
#define TOKEN_TIME_MS     20000
#define NO_LINK_TIME_MS   60000
#define LOST_LINK_TIME_MS 300000
#define LINGER_MS         2000

/* ---- proton ---- */

static void on_event(struct emu_conn *conn, pn_event_t *event)
{
    pn_link_t *pn = pn_event_link(event);
    struct emu_link *link = pn != NULL ? pn_link_get_context(pn) : NULL;
    switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN:
        pn_connection_open(conn->driver.connection);
        conn->open = true;
        snprintf(conn->container, sizeof(conn->container), "%s",
                 pn_connection_remote_container(conn->driver.connection) != NULL
                     ? pn_connection_remote_container(conn->driver.connection)
                     : "");
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        pn_connection_close(conn->driver.connection);
        break;
    case PN_SESSION_REMOTE_OPEN:
        pn_session_open(pn_event_session(event));
        break;
    case PN_SESSION_REMOTE_CLOSE: {
        pn_session_t *session = pn_event_session(event);
        struct emu_link *next;
        for (link = conn->links; link != NULL; link = next) {
            next = link->next;
            if (pn_link_session(link->pn) == session) {
                emu_link_free(link);
            }
        }
        pn_session_close(session);
        pn_session_free(session);
        break;
    }
    case PN_LINK_REMOTE_OPEN:
        emu_link_opened(conn, pn);
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
        if (link != NULL) {
            emu_link_free(link);
        }
        pn_link_close(pn); /* what was closed here before stays as it is */
        pn_link_free(pn);
        break;
    case PN_LINK_FLOW:
        if (link != NULL) {
            link->drained = false;
        }
        break;
    case PN_DELIVERY:
        if (link != NULL) {
            emu_link_delivery(link, pn_event_delivery(event));
        }
        break;
    default:
        break;
    }
}

static void dispatch(struct emu_conn *conn)
{
    pn_event_t *event;
    while ((event = pn_connection_driver_next_event(&conn->driver)) != NULL) {
        on_event(conn, event);
    }
}

static int proton_start(struct emu_conn *conn)
{
    if (pn_connection_driver_init(&conn->driver, NULL, NULL) != 0) {
        return -ENOMEM;
    }
    pn_transport_t *transport = conn->driver.transport;
    char container[64];
    snprintf(container, sizeof(container), "hubdrain-emulator_G%" PRIu64, conn->id);
    pn_connection_set_container(conn->driver.connection, container);
    pn_transport_set_server(transport);
    pn_transport_set_max_frame(transport, EMU_FRAME_MAX);
    pn_transport_set_channel_max(transport, CHANNEL_MAX);
    pn_transport_set_idle_timeout(transport, IDLE_TIMEOUT_MS);
    return pn_connection_driver_bind(&conn->driver) == 0 ? 0 : -ENOMEM;
}

static int proton_input(struct emu_conn *conn, struct hd_slice bytes)
{
    while (bytes.len > 0) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(&conn->driver, bytes.len);
        if (room.size == 0) {
            return -EPROTO;
        }
        size_t n = room.size < bytes.len ? room.size : bytes.len;
        memcpy(room.start, bytes.data, n);
        pn_connection_driver_read_done(&conn->driver, n);
        dispatch(conn);
        bytes = hd_slice(bytes.data + n, bytes.len - n);
    }
    return 0;
}

static int proton_output(struct emu_conn *conn)
{
    pn_bytes_t bytes = pn_connection_driver_write_buffer(&conn->driver);
    while (bytes.size > 0) {
        int r = emu_frames_out(&conn->frames, hd_slice(bytes.start, bytes.size), &conn->out);
        if (r != 0) {
            return r;
        }
        pn_connection_driver_write_done(&conn->driver, bytes.size);
        dispatch(conn);
        bytes = pn_connection_driver_write_buffer(&conn->driver);
    }
    return 0;
}

/* ---- input ---- */

static int take_frame(struct emu_conn *conn, struct hd_slice frame)
{
    bool header = memcmp(frame.data, "AMQP", 4) == 0;
    if (conn->stage != EMU_STAGE_AMQP && !(header && frame.data[4] == 0)) {
        return emu_sasl_input(conn, frame);
    }
    conn->stage = EMU_STAGE_AMQP;
    int r = header ? 0 : emu_frames_in(&conn->frames, frame, &conn->out);
    r = r == 0 ? proton_input(conn, frame) : r;
    if (r == 0 && !header && conn->frames.last_code == EMU_BEGIN) {
        /* proton opens the session's window when it writes BEGIN; clients do not wait for that */
        r = proton_output(conn);
    }
    return r;
}

/* Whole frames out of `bytes`; returns what was used up, or an error. */
static int64_t take_frames(struct emu_conn *conn, struct hd_slice bytes)
{
    size_t at = 0;
    while (!conn->closing) {
        size_t size;
        struct hd_slice left = hd_slice(bytes.data + at, bytes.len - at);
        int r = emu_frame_size(left, &size);
        if (r != 0) {
            return r;
        }
        if (size == 0) {
            break;
        }
        r = take_frame(conn, hd_slice(left.data, size));
        if (r != 0) {
            return r;
        }
        at += size;
    }
    return (int64_t)at;
}

static int take_bytes(struct emu_conn *conn, const char *data, size_t len)
{
    struct hd_slice bytes = hd_slice(data, len);
    if (conn->in.len > 0) {
        int r = hd_buffer_append(&conn->in, data, len);
        if (r != 0) {
            return r;
        }
        bytes = hd_buffer_slice(&conn->in);
    }
    int64_t used = take_frames(conn, bytes);
    if (used < 0) {
        return (int)used;
    }
    if (conn->in.len > 0) {
        memmove(conn->in.data, conn->in.data + used, conn->in.len - (size_t)used);
        conn->in.len -= (size_t)used;
        return 0;
    }
    size_t left = len - (size_t)used;
    return left > 0 ? hd_buffer_append(&conn->in, data + used, left) : 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct emu_conn *conn = handle->data;
    *ret = uv_buf_init(conn->server->read_buffer, sizeof(conn->server->read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct emu_conn *conn = stream->data;
    if (conn->closing || n == 0) {
        return;
    }
    if (n < 0) {
        emu_conn_close(conn);
        return;
    }
    int r = conn->ssl != NULL ? emu_tls_input(conn, buffer->base, (size_t)n, take_bytes)
                              : take_bytes(conn, buffer->base, (size_t)n);
    if (r != 0) {
        if (conn->stage == EMU_STAGE_AMQP && !conn->closing) {
            emu_conn_force_close(conn, "amqp:connection:framing-error",
                                 "The bytes received are not AMQP 1.0.");
            emu_conn_pump(conn);
        }
        emu_conn_close(conn);
        return;
    }
    emu_server_mark(conn);
}

/* ---- output ---- */

/* Turns over the links until the buffer is full or nobody has more. */
static bool links_output(struct emu_conn *conn)
{
    bool more = true;
    while (more && conn->out.len < EMU_OUT_BYTES) {
        more = false;
        for (struct emu_link *link = conn->links; link != NULL; link = link->next) {
            if (link->kind == EMU_LINK_CONSUMER && link->attached) {
                more |= emu_consumer_send(link, &conn->out, conn->out.len + LINK_TURN_BYTES);
            }
        }
    }
    return more;
}

static void on_written(uv_write_t *request, int status)
{
    struct emu_conn *conn = request->data;
    conn->writing = false;
    conn->flight.len = 0;
    if (status != 0) {
        emu_conn_close(conn);
        return;
    }
    emu_server_mark(conn);
}

/* Gives `bytes` (out or flight) to the socket; what it does not take goes on by itself. */
static int write_bytes(struct emu_conn *conn, struct hd_buffer *bytes)
{
    uv_buf_t buf = uv_buf_init(bytes->data, (unsigned)bytes->len);
    int n = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
        return n;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == bytes->len) {
        bytes->len = 0;
        return 0;
    }
    if (bytes != &conn->flight) {
        struct hd_buffer swap = conn->flight;
        conn->flight = *bytes;
        *bytes = swap;
        bytes->len = 0;
    }
    conn->writing = true;
    conn->write.data = conn;
    buf = uv_buf_init(conn->flight.data + done, (unsigned)(conn->flight.len - done));
    return uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written);
}

static int flush(struct emu_conn *conn)
{
    if (conn->ssl == NULL) {
        return conn->out.len > 0 ? write_bytes(conn, &conn->out) : 0;
    }
    int r = emu_tls_output(conn, hd_buffer_slice(&conn->out), &conn->flight);
    if (r == 0 && conn->shaken) {
        conn->out.len = 0;
    }
    return r != 0 || conn->flight.len == 0 ? r : write_bytes(conn, &conn->flight);
}

static int pump_round(struct emu_conn *conn, bool *ret_more)
{
    *ret_more = false;
    if (conn->stage == EMU_STAGE_AMQP) {
        int r = proton_output(conn);
        if (r != 0) {
            return r;
        }
        const struct emu_fault *small =
            emu_fault_find(&conn->server->faults, EMU_FAULT_SMALL_FRAMES, NULL, NULL, NULL);
        conn->frames.small_frame = small != NULL ? small->bytes : 0;
        *ret_more = links_output(conn);
    }
    return flush(conn);
}

void emu_conn_pump(struct emu_conn *conn)
{
    bool more = true;
    for (int i = 0; more && i < ROUNDS_PER_TURN; i++) {
        if (conn->closing || conn->writing || conn->mute_until_ms != 0) {
            return;
        }
        if (pump_round(conn, &more) != 0) {
            emu_conn_close(conn);
            return;
        }
    }
    if (conn->writing) {
        return;
    }
    if (more) {
        emu_server_mark(conn);
    } else if (conn->stage == EMU_STAGE_AMQP && pn_connection_driver_write_closed(&conn->driver)) {
        /* our CLOSE is out; a socket closed before the client's is read would take it back */
        if (pn_connection_state(conn->driver.connection) & PN_REMOTE_CLOSED) {
            emu_conn_close(conn);
        } else if (conn->linger_until_ms == 0) {
            conn->linger_until_ms = hd_clock_monotonic_ms() + LINGER_MS;
        }
    }
}

/* ---- time ---- */

static void check_tokens(struct emu_conn *conn)
{
    int64_t realtime_ms = hd_clock_realtime_ms();
    for (struct emu_link *link = conn->links; link != NULL; link = link->next) {
        if (!link->attached || link->path == NULL ||
            emu_claims_allow(&conn->claims, link->path, realtime_ms)) {
            continue;
        }
        char text[700];
        snprintf(text, sizeof(text),
                 "The link is force detached. Code: RenewToken. Details: Unauthorized access. "
                 "'%s' claim(s) are required to perform this operation. Resource: "
                 "'sb://emulator/%.400s'.",
                 link->kind == EMU_LINK_PRODUCER ? "Send" : "Listen", link->path);
        emu_link_detach(link, "amqp:unauthorized-access", text);
    }
}

static void check_lifetimes(struct emu_conn *conn, int64_t now_ms)
{
    if (!conn->open) {
        if (now_ms - conn->opened_ms > TOKEN_TIME_MS) {
            emu_conn_close(conn); /* said nothing, or not AMQP */
        }
        return;
    }
    if (conn->claims.first == NULL && now_ms - conn->opened_ms > TOKEN_TIME_MS) {
        emu_conn_force_close(conn, "amqp:connection:forced", "No token was put within 20 seconds.");
        return;
    }
    if (conn->links != NULL) {
        conn->idle_since_ms = now_ms;
        conn->had_links = true;
        return;
    }
    int64_t allowed_ms = conn->had_links ? LOST_LINK_TIME_MS : NO_LINK_TIME_MS;
    if (now_ms - conn->idle_since_ms > allowed_ms) {
        char text[256];
        snprintf(text, sizeof(text),
                 "The connection was inactive for more than the allowed %" PRId64
                 " milliseconds and is closed by container '%s'.",
                 allowed_ms, conn->had_links ? "LinkTracker" : "hubdrain-emulator");
        emu_conn_force_close(conn, "amqp:connection:forced", text);
    }
}

void emu_conn_tick(struct emu_conn *conn, int64_t now_ms, bool second)
{
    if (conn->closing) {
        return;
    }
    if (conn->mute_until_ms != 0) {
        if (now_ms < conn->mute_until_ms) {
            return;
        }
        conn->mute_until_ms = 0;
        uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
        emu_server_mark(conn);
    }
    for (struct emu_link *link = conn->links; link != NULL; link = link->next) {
        if (link->kind == EMU_LINK_PRODUCER) {
            emu_producer_credit(link); /* after a fault has starved it */
        }
    }
    if (conn->server->faults.first != NULL || second) {
        emu_server_mark(conn);
    }
    if (conn->linger_until_ms != 0 && now_ms >= conn->linger_until_ms) {
        emu_conn_close(conn);
        return;
    }
    if (second && conn->stage == EMU_STAGE_AMQP) {
        pn_transport_tick(conn->driver.transport, now_ms);
        check_tokens(conn);
        check_lifetimes(conn, now_ms);
    }
}

/* ---- life ---- */

static void describe_peer(struct emu_conn *conn)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    char host[48] = "?";
    unsigned port = 0;
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&address, &len) == 0) {
        if (address.ss_family == AF_INET6) {
            uv_ip6_name((struct sockaddr_in6 *)&address, host, sizeof(host));
            port = ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
        } else {
            uv_ip4_name((struct sockaddr_in *)&address, host, sizeof(host));
            port = ntohs(((struct sockaddr_in *)&address)->sin_port);
        }
    }
    snprintf(conn->peer, sizeof(conn->peer), "%s:%u", host, port);
}

static void on_freed(uv_handle_t *handle)
{
    struct emu_conn *conn = handle->data;
    while (conn->links != NULL) {
        emu_link_free(conn->links);
    }
    pn_connection_driver_destroy(&conn->driver);
    emu_tls_detach(conn);
    emu_frames_deinit(&conn->frames);
    emu_claims_deinit(&conn->claims);
    hd_buffer_deinit(&conn->in);
    hd_buffer_deinit(&conn->out);
    hd_buffer_deinit(&conn->flight);
    hd_buffer_deinit(&conn->scratch);
    free(conn);
}

static void forget(struct emu_conn *conn)
{
    conn->closing = true;
    struct emu_conn **dirty = &conn->server->dirty;
    while (*dirty != NULL && *dirty != conn) {
        dirty = &(*dirty)->next_dirty;
    }
    if (*dirty == conn) {
        *dirty = conn->next_dirty;
    }
    for (struct emu_link *link = conn->links; link != NULL; link = link->next) {
        emu_link_leave(link);
    }
    *conn->prev = conn->next;
    if (conn->next != NULL) {
        conn->next->prev = conn->prev;
    }
    if (conn->open) {
        hd_log(HD_LOG_INFO, "emulator.connection.closed", "connection closed",
               HD_INT("connection", conn->id), HD_STR("peer", conn->peer));
    }
}

void emu_conn_close(struct emu_conn *conn)
{
    if (conn->closing) {
        return;
    }
    forget(conn);
    uv_close((uv_handle_t *)&conn->tcp, on_freed);
}

void emu_conn_reset(struct emu_conn *conn)
{
    if (conn->closing) {
        return;
    }
    /* the start of a TRANSFER of 1000 bytes that will never come */
    static const uint8_t part[] = {0,    0,    3,    0xe8, 2, 0,    0,    0, 0x00,
                                   0x53, 0x14, 0xd0, 0,    0, 0x03, 0xd0, 0};
    if (!conn->writing && hd_buffer_append(&conn->out, part, sizeof(part)) == 0) {
        flush(conn);
    }
    forget(conn);
    if (uv_tcp_close_reset(&conn->tcp, on_freed) != 0) {
        uv_close((uv_handle_t *)&conn->tcp, on_freed);
    }
}

void emu_conn_force_close(struct emu_conn *conn, const char *condition, const char *text)
{
    if (conn->closing || conn->stage != EMU_STAGE_AMQP) {
        return;
    }
    pn_condition_t *c = pn_connection_condition(conn->driver.connection);
    pn_condition_set_name(c, condition);
    pn_condition_set_description(c, text);
    pn_connection_open(conn->driver.connection);
    pn_connection_close(conn->driver.connection);
    emu_server_mark(conn);
}

int emu_conn_accept(struct emu_server *server, uv_stream_t *listener, bool tls)
{
    struct emu_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL) {
        return -ENOMEM;
    }
    conn->server = server;
    conn->id = ++server->next_id;
    conn->opened_ms = conn->idle_since_ms = hd_clock_monotonic_ms();
    emu_frames_init(&conn->frames);
    uv_tcp_init(server->loop, &conn->tcp);
    conn->tcp.data = conn;
    conn->next = server->connections;
    conn->prev = &server->connections;
    if (conn->next != NULL) {
        conn->next->prev = &conn->next;
    }
    server->connections = conn;
    int r = proton_start(conn);
    r = r ? r : uv_accept(listener, (uv_stream_t *)&conn->tcp);
    if (r == 0 && tls) {
        r = emu_tls_attach(conn, server->tls_context);
    }
    if (r == 0) {
        uv_tcp_nodelay(&conn->tcp, 1);
        describe_peer(conn);
        const struct emu_fault *mute =
            emu_fault_find(&server->faults, EMU_FAULT_MUTE, NULL, NULL, NULL);
        if (mute != NULL) {
            conn->mute_until_ms = mute->until_ms;
        } else {
            r = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
        }
    }
    if (r != 0) {
        emu_conn_close(conn);
    }
    return r;
}
