/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection: one client. Bytes from the socket (through TLS) are cut into frames, looked at and
 * given to proton; proton's frames and our transfers go the other way.
 *
 * Owner:   the server's list; freed when its socket handle has closed.
 * Threads: the loop's.
 */
#ifndef EMULATOR_CONNECTION_H
#define EMULATOR_CONNECTION_H

#include <proton/connection_driver.h>
#include <uv.h>

#include "claims.h"
#include "frames.h"
#include "server.h"

struct emu_link;
struct ssl_st;

enum emu_stage { EMU_STAGE_START, EMU_STAGE_SASL, EMU_STAGE_AMQP };

struct emu_conn {
    struct emu_server *server;
    struct emu_conn *next, **prev; /* server->connections */
    struct emu_conn *next_dirty;
    uint64_t id;
    uv_tcp_t tcp;
    uv_write_t write;
    struct ssl_st *ssl; /* NULL: plain */
    bool shaken;        /* TLS handshake done */
    enum emu_stage stage;
    pn_connection_driver_t driver;
    struct emu_frames frames;
    struct hd_buffer in;     /* an incomplete frame */
    struct hd_buffer out;    /* written as soon as the socket takes it */
    struct hd_buffer flight; /* being written */
    bool writing, dirty, closing, open;
    int64_t linger_until_ms; /* waits for the client's CLOSE; 0: not */
    int64_t mute_until_ms;   /* fault: nothing is read or written */
    struct emu_link *links;
    struct emu_claims claims;
    int64_t opened_ms, idle_since_ms;
    bool had_links;
    struct hd_buffer scratch; /* a reply, a message that is put together */
    uint64_t sent_events, sent_bytes, received_events;
    char peer[64];
    char container[128];
};

int emu_conn_accept(struct emu_server *server, uv_stream_t *listener, bool tls);

/* Writes what there is to write, as far as the socket takes it. */
void emu_conn_pump(struct emu_conn *conn);

/* Once a tick; `second` once a second: heartbeats, token expiry, lifetimes. */
void emu_conn_tick(struct emu_conn *conn, int64_t now_ms, bool second);

/* AMQP CLOSE with a condition. */
void emu_conn_force_close(struct emu_conn *conn, const char *condition, const char *text);

/* TCP RST behind the first bytes of a frame. */
void emu_conn_reset(struct emu_conn *conn);

/* Drops the socket. */
void emu_conn_close(struct emu_conn *conn);

/* ---- sasl.c: one protocol header or frame of the SASL layer; <0: close ---- */
int emu_sasl_input(struct emu_conn *conn, struct hd_slice frame);

/* ---- tls.c ---- */
int emu_tls_context_new(const char *certificate, const char *key, struct ssl_ctx_st **ret,
                        struct hd_diag *diag);
void emu_tls_context_free(struct ssl_ctx_st *context);
int emu_tls_attach(struct emu_conn *conn, struct ssl_ctx_st *context);
void emu_tls_detach(struct emu_conn *conn);
/* Takes bytes of the socket, gives plain ones to `take`. */
int emu_tls_input(struct emu_conn *conn, const char *data, size_t len,
                  int (*take)(struct emu_conn *conn, const char *data, size_t len));
/* Encrypts `plain`; what TLS itself has to say is in there too. */
int emu_tls_output(struct emu_conn *conn, struct hd_slice plain, struct hd_buffer *out);

#endif
