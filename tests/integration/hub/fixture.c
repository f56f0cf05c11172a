/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hubdrain/clock.h"

extern char **environ;

/* ---- the emulator ---- */

static uint16_t port_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    const char *colon = at ? strchr(at, ':') : NULL;
    return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

static bool read_ready_line(struct emulator *emulator, int fd)
{
    char line[1024];
    size_t n = 0;
    while (n + 1 < sizeof(line) && read(fd, line + n, 1) == 1) {
        if (line[n] != '\n') {
            n++;
            continue;
        }
        line[n] = 0;
        n = 0;
        emulator->port = port_of(line, "amqp=");
        emulator->tls_port = port_of(line, "amqps=");
        emulator->admin_port = port_of(line, "admin=");
        if (emulator->port && emulator->admin_port) {
            return true;
        }
    }
    return false;
}

bool emulator_start(struct emulator *emulator, const char *const *more_arguments)
{
    memset(emulator, 0, sizeof(*emulator));
    char program[1024];
    const char *build = getenv("HUBDRAIN_BUILD");
    snprintf(program, sizeof(program), "%s/emulator/hubdrain-emulator", build ? build : ".");
    const char *arguments[64] = {program, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"};
    size_t n = 5;
    for (; more_arguments && *more_arguments && n < 63; more_arguments++) {
        arguments[n++] = *more_arguments;
    }
    int fds[2];
    if (pipe(fds)) {
        return false;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    posix_spawn_file_actions_addclose(&actions, fds[1]);
    int r = posix_spawn(&emulator->pid, program, &actions, NULL,
                        (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    bool ok = r == 0 && read_ready_line(emulator, fds[0]);
    close(fds[0]);
    if (!ok) {
        printf("# cannot start %s\n", program);
        emulator_stop(emulator);
    }
    return ok;
}

void emulator_stop(struct emulator *emulator)
{
    if (emulator->pid > 0) {
        kill(emulator->pid, SIGKILL);
        waitpid(emulator->pid, NULL, 0);
        emulator->pid = 0;
    }
}

int emulator_ask(const struct emulator *emulator, const char *method, const char *path,
                 const char *body, char *ret, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(emulator->admin_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char head[512], answer[16384] = "";
    int n =
        snprintf(head, sizeof(head),
                 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                 method, path, strlen(body));
    int status = 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, head, (size_t)n, MSG_NOSIGNAL) == n &&
        send(fd, body, strlen(body), MSG_NOSIGNAL) == (ssize_t)strlen(body)) {
        size_t got = 0;
        ssize_t more;
        while (got + 1 < sizeof(answer) &&
               (more = recv(fd, answer + got, sizeof(answer) - 1 - got, 0)) > 0) {
            got += (size_t)more;
        }
        answer[got] = 0;
        sscanf(answer, "HTTP/1.1 %d", &status);
    }
    close(fd);
    if (status != 200) {
        printf("# %s %s: %s\n", method, path, answer);
    }
    const char *blank = strstr(answer, "\r\n\r\n");
    if (ret) {
        snprintf(ret, size, "%s", blank ? blank + 4 : "");
    }
    return status;
}

/* ---- a user of the client ---- */

static void on_partitions(void *context, const char *const *ids, size_t n)
{
    struct user *user = context;
    size_t before = user->n_partitions;
    user->n_lists++;
    user->n_partitions = n < MAX_PARTITIONS ? n : MAX_PARTITIONS;
    for (size_t i = before; i < user->n_partitions; i++) {
        snprintf(user->ids[i], sizeof(user->ids[i]), "%s", ids[i]);
        user->partitions[i].last = -1;
        hd_hub_set_credit(user->hub, (uint32_t)i, user->credit);
        if (!user->manual) {
            hd_hub_receive(user->hub, (uint32_t)i, &user->start);
        }
    }
}

static char *on_reserve(void *context, uint32_t number, size_t size)
{
    struct user *user = context;
    struct user_partition *p = &user->partitions[number];
    if (user->refuse_memory > 0) {
        user->refuse_memory--;
        return NULL;
    }
    if (size > p->size) {
        free(p->bytes);
        p->bytes = malloc(size);
        p->size = p->bytes ? size : 0;
    }
    return p->bytes;
}

static void on_message(void *context, uint32_t number, const struct hd_message *message,
                       size_t size)
{
    struct user *user = context;
    struct user_partition *p = &user->partitions[number];
    CHECK((size_t)message->body + message->body_len <= size);
    CHECK((size_t)message->offset + message->offset_len <= size);
    if (message->sequence_number <= p->last) {
        p->repeats++;
    } else if (p->last >= 0) {
        p->gaps += (uint64_t)(message->sequence_number - p->last - 1);
    }
    p->last = message->sequence_number;
    p->messages++;
    p->bad += message->bad;
    user->messages++;
    snprintf(p->body, sizeof(p->body), "%.*s", (int)message->body_len, p->bytes + message->body);
}

static void on_state(void *context, uint32_t number, const struct hd_receiver_status *status)
{
    struct user *user = context;
    user->partitions[number].status = *status;
    user->partitions[number].seen |= 1u << status->state;
}

static void on_drained(void *context)
{
    ((struct user *)context)->drained++;
}

static bool on_pause(void *context)
{
    return ((struct user *)context)->paused;
}

struct hd_hub_options user_options(const struct emulator *emulator)
{
    struct hd_hub_options options = {
        .address = {.host = "127.0.0.1",
                    .port = emulator->port,
                    .emulator = true,
                    .hub = "hub",
                    .key_name = "RootManageSharedAccessKey",
                    .key = "SAS_KEY_VALUE"},
        .consumer_group = "$Default",
        .client_id = "test",
        .connections = 1,
        .max_message_bytes = 1 << 20,
        .connect_timeout_ms = 5000,
        .backoff_min_ms = 20,
        .backoff_max_ms = 200,
        .slow_retry_ms = 300,
    };
    return options;
}

bool user_start(struct user *user, const struct hd_hub_options *options)
{
    static const struct hd_hub_handlers handlers = {on_partitions, on_reserve, on_message,
                                                    on_state,      on_drained, on_pause};
    struct hd_diag diag = {0};
    user->credit = user->credit ? user->credit : 300;
    return hd_loop_new(&user->loop) == 0 &&
           hd_hub_new(user->loop, options, &handlers, user, &user->hub, &diag) == 0 &&
           hd_hub_start(user->hub) == 0;
}

void user_stop(struct user *user)
{
    hd_hub_free(user->hub);
    hd_loop_free(user->loop);
    for (size_t i = 0; i < MAX_PARTITIONS; i++) {
        free(user->partitions[i].bytes);
    }
    memset(user, 0, sizeof(*user));
}

static void on_turn_over(struct hd_timer *timer, void *data)
{
    (void)data;
    hd_loop_stop(timer->loop);
}

/* A few milliseconds of the loop: a turn without anything to do sleeps. */
void user_turn(struct user *user)
{
    struct hd_timer timer;
    hd_timer_init(&timer, user->loop, on_turn_over, NULL);
    hd_timer_start(&timer, 5);
    hd_loop_run(user->loop);
    hd_timer_stop(&timer);
}

bool user_all(const struct user *user, enum hd_receiver_state state)
{
    for (size_t i = 0; i < user->n_partitions; i++) {
        if (user->partitions[i].status.state != state) {
            return false;
        }
    }
    return user->n_partitions > 0;
}

bool user_exact(const struct user *user)
{
    bool exact = true;
    for (size_t i = 0; i < user->n_partitions; i++) {
        const struct user_partition *p = &user->partitions[i];
        if (p->gaps || p->repeats) {
            printf("# partition %s: %" PRIu64 " gaps, %" PRIu64 " repeats\n", user->ids[i], p->gaps,
                   p->repeats);
            exact = false;
        }
    }
    return exact;
}
