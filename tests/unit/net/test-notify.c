/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hubdrain/notify.h"

static void speaks_the_protocol(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "hubdrain-test-%d",
                       (int)getpid());
    REQUIRE(bind(fd, (struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0);
    char name[128];
    snprintf(name, sizeof(name), "@%s", address.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    hd_notify_init();
    CHECK(!getenv("NOTIFY_SOCKET"));
    CHECK_INT(hd_notify_watchdog_ms(), 1500);
    hd_notify("READY=1\nSTATUS=fine");
    char text[64];
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    CHECK_STR(text, "READY=1\nSTATUS=fine");
    close(fd);
    hd_notify("WATCHDOG=1"); /* nobody listens: no signal, no error */
}

HD_TEST_MAIN({"one datagram to an abstract socket", speaks_the_protocol})
