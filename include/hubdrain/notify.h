/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notify: the service manager's protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET. Does
 * nothing without that variable. Threads: one. Lines are separated by '\n':
 * hd_notify("READY=1\nSTATUS=...").
 */
#ifndef HUBDRAIN_NOTIFY_H
#define HUBDRAIN_NOTIFY_H

#include <stdint.h>

/* Reads the variables and removes them from the environment, so that no child inherits them. */
void hd_notify_init(void);
void hd_notify(const char *state);

/* How often WATCHDOG=1 is due: half of $WATCHDOG_USEC; 0: not wanted. */
int64_t hd_notify_watchdog_ms(void);

#endif
