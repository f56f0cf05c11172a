/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admin: HTTP/1.1 for health, state, faults and direct changes of the hubs.
 * Owner: the server. Threads: the loop's. Limits: a request of at most 21 MiB, one at a time a
 * connection; every answer closes nothing (keep-alive) unless the client asks.
 */
#ifndef EMULATOR_ADMIN_H
#define EMULATOR_ADMIN_H

#include "server.h"

int emu_admin_start(struct emu_server *server, const char *address, struct emu_admin **ret,
                    struct hd_diag *diag);
void emu_admin_stop(struct emu_admin *admin); /* accepts NULL; frees it */
uint16_t emu_admin_port(const struct emu_admin *admin);

/* state.c: everything that is to be known, as JSON */
int emu_state_write(struct emu_server *server, struct hd_buffer *out);

#endif
