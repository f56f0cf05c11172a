/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address;
static socklen_t address_len;
static int fd = -1;
static int64_t watchdog_ms;

/* $WATCHDOG_PID, where set, names the process that is meant (sd_watchdog_enabled(3)). */
static int64_t read_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid())) {
        return 0;
    }
    int64_t ms = strtoll(usec, NULL, 10) / 1000 / 2;
    return ms > 0 ? ms : 1;
}

void hd_notify_init(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    watchdog_ms = read_watchdog();
    if (path && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof(address.sun_path)) {
        size_t len = strlen(path);
        address.sun_family = AF_UNIX;
        memcpy(address.sun_path, path, len);
        if (path[0] == '@') {
            address.sun_path[0] = '\0'; /* the abstract name space */
        }
        address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void hd_notify(const char *state)
{
    if (fd >= 0) {
        /* Nobody to tell if it fails: without READY or WATCHDOG the manager acts by itself. */
        ssize_t ignored = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                                 (const struct sockaddr *)&address, address_len);
        (void)ignored;
    }
}

int64_t hd_notify_watchdog_ms(void)
{
    return watchdog_ms;
}
