/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server: the listeners, the connections and the clock of the program.
 *
 * Owner:   main. Threads: one loop, everything runs on it.
 * Limits:  a connection holds at most about EMU_OUT_BYTES (and one message) of output that the
 *          socket has not taken.
 */
#ifndef EMULATOR_SERVER_H
#define EMULATOR_SERVER_H

#include <uv.h>

#include "faults.h"
#include "hub.h"
#include "options.h"

struct emu_conn;
struct emu_admin;
struct emu_loader;
struct ssl_ctx_st;

#define EMU_TICK_MS   25
#define EMU_OUT_BYTES (256u << 10)

struct emu_server {
    uv_loop_t *loop;
    const struct emu_options *options;
    struct emu_namespace ns;
    struct emu_faults faults;
    uv_tcp_t plain, tls;
    bool listens_plain, listens_tls;
    struct ssl_ctx_st *tls_context;
    struct emu_conn *connections;
    struct emu_conn *dirty; /* have something to write */
    uint64_t next_id;
    uv_prepare_t flush; /* pumps the dirty ones before the loop sleeps */
    uv_idle_t busy;     /* keeps the loop from sleeping while there are dirty ones */
    uv_timer_t tick;
    unsigned ticks;
    char read_buffer[EMU_OUT_BYTES];
    struct emu_admin *admin;
    struct emu_loader *loader;
    bool stopping;
};

int emu_server_start(struct emu_server *server, struct hd_diag *diag);
/* Closes everything; the loop then runs out of handles. */
void emu_server_stop(struct emu_server *server);
void emu_server_deinit(struct emu_server *server);

/* The port a listener got. */
uint16_t emu_tcp_port(const uv_tcp_t *tcp);

/* Binds ADDR:PORT ("[::1]:0", "127.0.0.1:5672") and listens. */
int emu_tcp_listen(uv_loop_t *loop, uv_tcp_t *tcp, const char *address, uv_connection_cb callback,
                   struct hd_diag *diag);

void emu_server_mark(struct emu_conn *conn); /* something to write */
struct emu_conn *emu_server_find(struct emu_server *server, uint64_t id);

#endif
