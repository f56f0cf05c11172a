/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * proton's connection driver has a buffer to read into and a buffer to write from; this moves bytes
 * between them and the stream. What makes it fast was measured: reads of 64 KiB straight into
 * proton's buffer, frames of 64 KiB, and sending only after several reads (what proton has to say
 * meanwhile, mostly credit, merges into fewer frames).
 *
 * A turn reads a few blocks and then lets the other sockets and the timers have theirs.
 *
 * Paused, nothing is read: what is in flight stays in the kernel and at the hub. But every ten
 * seconds a little is read all the same. It proves that the peer lives, whose heartbeats would
 * otherwise wait behind the data until our own idle time-out cut the connection. Sending goes on,
 * so the peer hears from us.
 *
 * All endings take one way: a reason is noted, the turn is finished, then ended() is called. So
 * nothing is freed under the feet of the code that found the end.
 */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <proton/condition.h>
#include <proton/connection_driver.h>
#include <proton/sasl.h>
#include <proton/transport.h>

enum {
    MAX_FRAME = 65536,
    READS_A_TURN = 8,
    READS_A_FLUSH = 4,
    TRICKLE_MS = 10000,
    TRICKLE_BYTES = 4096,
    TICK_MS = 5000,
};

struct hd_wire {
    struct hd_loop *loop;
    struct hd_stream *stream;
    pn_connection_driver_t driver;
    struct hd_wire_handlers handlers;
    void *context;
    struct hd_timer kick, tick, trickle;
    bool connected, busy, blocked, paused, deaf;
    bool ending;
    int64_t idle_timeout_ms;
    uint64_t received_bytes;
    char condition[96];
    char text[512];
};

static void process(struct hd_wire *wire, int events);

static void note_end(struct hd_wire *wire, const char *condition, const char *text)
{
    if (wire->ending) {
        return;
    }
    wire->ending = true;
    snprintf(wire->condition, sizeof(wire->condition), "%s", condition ? condition : "");
    snprintf(wire->text, sizeof(wire->text), "%s", text ? text : "");
}

static void note_transport_error(struct hd_wire *wire)
{
    pn_condition_t *condition = pn_transport_condition(wire->driver.transport);
    const char *text = pn_condition_get_description(condition);
    if (text && strstr(text, "local-idle-timeout")) {
        /* proton calls it amqp:resource-limit-exceeded, which from the hub means a quota. */
        note_end(wire, "proton:io", "no sign of life from the hub (idle time-out)");
    } else if (pn_condition_is_set(condition)) {
        note_end(wire, pn_condition_get_name(condition), pn_condition_get_description(condition));
    } else {
        note_end(wire, "proton:io", "the AMQP transport was closed");
    }
}

/* Heartbeats out, idle time-out in. proton says when to look again, but notes only then that bytes
 * have come: looking more often, a dead peer is found after one time-out instead of up to two. */
static void tick(struct hd_wire *wire)
{
    int64_t now = hd_loop_now_ms(wire->loop);
    int64_t next = pn_transport_tick(wire->driver.transport, now);
    int64_t often = wire->idle_timeout_ms / 4 < TICK_MS ? wire->idle_timeout_ms / 4 : TICK_MS;
    int64_t delay = next > 0 && next - now < often ? next - now : often;
    hd_timer_start(&wire->tick, delay > 0 ? delay : 1);
}

static void dispatch(struct hd_wire *wire)
{
    pn_event_t *event;
    while ((event = pn_connection_driver_next_event(&wire->driver))) {
        pn_event_type_t type = pn_event_type(event);
        wire->handlers.event(wire->context, event);
        if (type == PN_CONNECTION_REMOTE_OPEN) {
            tick(wire); /* now the peer's time-out is known */
        }
        if (type == PN_TRANSPORT_ERROR || type == PN_TRANSPORT_CLOSED) {
            note_transport_error(wire);
        }
    }
}

static void flush(struct hd_wire *wire)
{
    wire->blocked = false;
    for (;;) {
        pn_bytes_t bytes = pn_connection_driver_write_buffer(&wire->driver);
        if (bytes.size == 0) {
            return;
        }
        size_t n = 0;
        enum hd_stream_result r = hd_stream_write(wire->stream, bytes.start, bytes.size, &n);
        if (n > 0) {
            pn_connection_driver_write_done(&wire->driver, n);
        }
        if (r == HD_STREAM_AGAIN) {
            wire->blocked = true;
            return;
        }
        if (r != HD_STREAM_OK) {
            note_end(wire, "proton:io", hd_stream_error(wire->stream));
            return;
        }
    }
}

/* Fills proton's buffer from the socket. false: there is no more now, or ever. */
static bool fill(struct hd_wire *wire, size_t limit)
{
    pn_rwbytes_t space = pn_connection_driver_read_buffer_sized(&wire->driver, HD_STREAM_BLOCK);
    if (space.size == 0) {
        wire->deaf = true; /* proton takes no more: an event has said why */
        return false;
    }
    size_t size = space.size < limit ? space.size : limit, got = 0;
    enum hd_stream_result r = HD_STREAM_OK;
    do {
        size_t n = 0;
        r = hd_stream_read(wire->stream, space.start + got, size - got, &n);
        got += n;
    } while (r == HD_STREAM_OK && got < size && !hd_stream_drained(wire->stream));
    if (got > 0) {
        wire->received_bytes += got;
        pn_connection_driver_read_done(&wire->driver, got);
        dispatch(wire);
        wire->handlers.drained(wire->context);
    }
    if (r == HD_STREAM_CLOSED) {
        wire->deaf = true;
        note_end(wire, "proton:io", "the peer closed the connection");
    } else if (r == HD_STREAM_FAILED) {
        wire->deaf = true;
        note_end(wire, "proton:io", hd_stream_error(wire->stream));
    }
    return r == HD_STREAM_OK && got == size;
}

static void read_some(struct hd_wire *wire)
{
    for (int i = 1; i <= READS_A_TURN && !wire->ending; i++) {
        if (wire->handlers.pause(wire->context)) {
            wire->paused = true;
            hd_timer_start(&wire->trickle, TRICKLE_MS);
            return;
        }
        if (!fill(wire, SIZE_MAX)) {
            return;
        }
        if (i % READS_A_FLUSH == 0) {
            flush(wire);
        }
    }
}

/* What is wanted of the socket from now on. */
static void set_wanted(struct hd_wire *wire)
{
    hd_stream_want(wire->stream, (wire->paused || wire->deaf ? 0 : HD_LOOP_READ) |
                                     (wire->blocked ? HD_LOOP_WRITE : 0));
}

static void process(struct hd_wire *wire, int events)
{
    wire->busy = true;
    if ((events & HD_LOOP_READ) && wire->connected && !wire->paused && !wire->deaf) {
        read_some(wire);
    }
    dispatch(wire);
    if (wire->connected) {
        flush(wire);
        dispatch(wire); /* the last byte written may end the transport */
        set_wanted(wire);
    }
    wire->busy = false;
    if (wire->ending) {
        wire->handlers.ended(wire->context, wire->condition, wire->text); /* frees us */
    }
}

static void on_kick(struct hd_timer *timer, void *data)
{
    (void)timer;
    process(data, 0);
}

static void on_tick(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_wire *wire = data;
    tick(wire);
    process(wire, 0);
}

static void on_trickle(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_wire *wire = data;
    if (!wire->paused || wire->ending) {
        return;
    }
    wire->busy = true;
    fill(wire, TRICKLE_BYTES);
    wire->busy = false;
    hd_timer_start(&wire->trickle, TRICKLE_MS);
    process(wire, 0);
}

static void on_connected(void *context, const struct hd_diag *diag)
{
    struct hd_wire *wire = context;
    if (diag) {
        note_end(wire, "proton:io", diag->text);
    } else {
        wire->connected = true;
        tick(wire);
    }
    process(wire, 0);
}

static void on_ready(void *context, int events)
{
    process(context, events);
}

static int set_up_driver(struct hd_wire *wire, const char *host, const char *container_id)
{
    if (pn_connection_driver_init(&wire->driver, NULL, NULL)) {
        return -ENOMEM;
    }
    pn_connection_t *connection = wire->driver.connection;
    pn_connection_set_container(connection, container_id);
    pn_connection_set_hostname(connection, host);
    pn_transport_t *transport = wire->driver.transport;
    pn_transport_set_max_frame(transport, MAX_FRAME);
    pn_transport_set_idle_timeout(transport, (pn_millis_t)wire->idle_timeout_ms);
    pn_sasl_allowed_mechs(pn_sasl(transport), "ANONYMOUS");
    return 0;
}

int hd_wire_open(struct hd_loop *loop, const struct hd_stream_options *options,
                 const char *container_id, int64_t idle_timeout_ms,
                 const struct hd_wire_handlers *handlers, void *context, struct hd_wire **ret)
{
    static const struct hd_stream_handlers stream_handlers = {on_connected, on_ready};
    struct hd_wire *wire = calloc(1, sizeof(*wire));
    if (!wire) {
        return -ENOMEM;
    }
    wire->loop = loop;
    wire->handlers = *handlers;
    wire->context = context;
    wire->idle_timeout_ms = idle_timeout_ms;
    hd_timer_init(&wire->kick, loop, on_kick, wire);
    hd_timer_init(&wire->tick, loop, on_tick, wire);
    hd_timer_init(&wire->trickle, loop, on_trickle, wire);
    int r = set_up_driver(wire, options->host, container_id);
    r = r ? r : hd_stream_open(loop, options, &stream_handlers, wire, &wire->stream);
    if (r) {
        hd_wire_free(wire);
        return r;
    }
    hd_timer_start(&wire->kick, 0); /* binds the transport to what the caller opens */
    *ret = wire;
    return 0;
}

void hd_wire_free(struct hd_wire *wire)
{
    if (!wire) {
        return;
    }
    hd_timer_stop(&wire->kick);
    hd_timer_stop(&wire->tick);
    hd_timer_stop(&wire->trickle);
    hd_stream_close(wire->stream);
    if (wire->driver.transport) {
        pn_connection_driver_destroy(&wire->driver);
    }
    free(wire);
}

pn_connection_t *hd_wire_connection(struct hd_wire *wire)
{
    return wire->driver.connection;
}

void hd_wire_kick(struct hd_wire *wire)
{
    if (!wire->busy && !hd_timer_running(&wire->kick)) {
        hd_timer_start(&wire->kick, 0);
    }
}

void hd_wire_resume(struct hd_wire *wire)
{
    if (wire->paused) {
        wire->paused = false;
        hd_timer_stop(&wire->trickle);
        if (wire->connected) {
            set_wanted(wire);
        }
    }
}

bool hd_wire_paused(const struct hd_wire *wire)
{
    return wire->paused;
}

void hd_wire_end(struct hd_wire *wire, const char *condition, const char *text)
{
    note_end(wire, condition, text);
    hd_wire_kick(wire);
}

uint64_t hd_wire_received_bytes(const struct hd_wire *wire)
{
    return wire->received_bytes;
}
