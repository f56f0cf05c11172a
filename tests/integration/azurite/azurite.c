/* SPDX-License-Identifier: Apache-2.0 */
#include "azurite.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program(void)
{
    static char path[1024];
    const char *source = getenv("HUBDRAIN_SOURCE");
    snprintf(path, sizeof(path),
             "%s/tests/integration/sdk/node_modules/azurite/dist/src/blob/main.js",
             source ? source : ".");
    return path;
}

const char *azurite_missing(void)
{
    if (access(program(), R_OK) != 0) {
        return "Azurite is not installed: run scripts/setup";
    }
    return system("node --version >/dev/null 2>&1") == 0 ? NULL : "node is not installed";
}

static void run(const char *directory, uint16_t port, const char *cert, const char *key)
{
    char port_text[8];
    snprintf(port_text, sizeof(port_text), "%u", port);
    // clang-format off
    const char *const args[] = {
        "node", program(), "--blobHost", "127.0.0.1", "--blobPort", port_text, "--location", directory,
        "--silent", "--skipApiVersionCheck", "--loose", "--disableTelemetry",
        cert ? "--cert" : NULL, cert, "--key", key, NULL};
    // clang-format on
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never left behind by a test that crashed */
    execvp("node", (char *const *)args);
    _exit(127);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "Azurite Blob service is successfully listening at http://127.0.0.1:43210" */
static bool wait_for_port(struct azurite *azurite)
{
    char text[4096];
    size_t len = 0;
    int64_t deadline = now_ms() + 60000;
    while (len + 1 < sizeof(text) && now_ms() < deadline) {
        struct pollfd poll_fd = {.fd = azurite->out, .events = POLLIN};
        if (poll(&poll_fd, 1, 1000) <= 0) {
            continue;
        }
        ssize_t n = read(azurite->out, text + len, sizeof(text) - 1 - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        text[len] = '\0';
        const char *said = strstr(text, "successfully listen");
        const char *at = said ? strstr(said, "127.0.0.1:") : NULL;
        if (at && strchr(at, '\n')) {
            azurite->port = (uint16_t)strtoul(at + 10, NULL, 10);
            return azurite->port != 0;
        }
    }
    printf("# azurite said: %.*s\n", (int)len, text);
    return false;
}

bool azurite_start(struct azurite *azurite, const char *directory, uint16_t port, const char *cert,
                   const char *key)
{
    int ends[2];
    *azurite = (struct azurite){.pid = -1, .out = -1, .tls = cert != NULL};
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return false;
    }
    fflush(stdout);
    azurite->pid = fork();
    if (azurite->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        run(directory, port, cert, key);
    }
    close(ends[1]);
    azurite->out = ends[0];
    if (azurite->pid > 0 && wait_for_port(azurite)) {
        return true;
    }
    azurite_stop(azurite);
    return false;
}

void azurite_stop(struct azurite *azurite)
{
    if (azurite->pid > 0) {
        kill(azurite->pid, SIGTERM); /* it saves its index, so that a restart finds everything */
        int64_t deadline = now_ms() + 10000;
        bool gone = false;
        while (!gone && now_ms() < deadline) {
            poll(NULL, 0, 20);
            gone = waitpid(azurite->pid, NULL, WNOHANG) != 0;
        }
        if (!gone) {
            kill(azurite->pid, SIGKILL);
            waitpid(azurite->pid, NULL, 0);
        }
        azurite->pid = -1;
    }
    if (azurite->out >= 0) {
        close(azurite->out);
        azurite->out = -1;
    }
}
