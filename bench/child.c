/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "hubdrain-bench: %s: %s\n", what, strerror(errno));
    exit(71);
}

void pin_to(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sysconf(_SC_NPROCESSORS_ONLN) > core) {
        sched_setaffinity(0, sizeof(set), &set); /* not allowed: then not */
    }
}

pid_t child_start(char *const argv[], int stdout_fd, int core)
{
    pid_t pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        pin_to(core);
        dup2(stdout_fd, STDOUT_FILENO);
        execv(argv[0], argv);
        fprintf(stderr, "hubdrain-bench: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

bool child_lives(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

struct usage child_end(pid_t pid, int signum)
{
    int status;
    struct rusage used;
    if (signum) {
        kill(pid, signum);
    }
    while (wait4(pid, &status, 0, &used) < 0) {
        if (errno != EINTR) {
            die("wait4");
        }
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "hubdrain-bench: the measured program ended with status %#x\n", status);
        exit(70);
    }
    return (struct usage){
        .cpu_ns = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
                  (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3,
        .peak_rss_kib = used.ru_maxrss,
    };
}

/* ---- the emulator ---- */

static void write_messages(const struct corpus *corpus, uint64_t events, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        die(path);
    }
    for (uint64_t i = 0; i < events; i++) {
        const struct hd_slice *record = &corpus->records[i % corpus->n];
        fwrite(record->data, 1, record->len, file);
        fputc('\n', file);
    }
    if (fclose(file) != 0) {
        die(path);
    }
}

/* A certificate for 127.0.0.1 that is its own authority. */
static void make_certificate(struct emulator *emulator)
{
    char command[512];
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hubdrain-bench "
             "-addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout %s/key.pem -out %s/ca.pem "
             "2>/dev/null",
             emulator->folder, emulator->folder);
    if (system(command) != 0) {
        fprintf(stderr, "hubdrain-bench: openssl could not make a certificate\n");
        exit(71);
    }
    snprintf(emulator->ca_file, sizeof(emulator->ca_file), "%s/ca.pem", emulator->folder);
}

/* "listening amqp=127.0.0.1:34567 amqps=... admin=..." */
static int port_of(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    const char *colon = at ? strchr(at, ':') : NULL;
    return colon ? atoi(colon + 1) : 0;
}

static void read_ports(struct emulator *emulator, int fd)
{
    FILE *file = fdopen(fd, "r");
    char line[512];
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "listening", 9) == 0) {
            emulator->port = port_of(line, " amqp=");
            emulator->tls_port = port_of(line, " amqps=");
            emulator->admin_port = port_of(line, " admin=");
            return; /* the pipe stays open: the emulator may go on talking */
        }
    }
    fprintf(stderr, "hubdrain-bench: the emulator did not start\n");
    exit(69);
}

void emulator_start(const struct options *options, const struct corpus *corpus, uint64_t events,
                    uint32_t batch, uint32_t partitions, bool tls, struct emulator *ret)
{
    *ret = (struct emulator){.folder = "/tmp/hubdrain-bench-XXXXXX"};
    if (!mkdtemp(ret->folder)) {
        die("mkdtemp");
    }
    char messages[96], cert[96], key[96], batch_text[16], partitions_text[16];
    snprintf(messages, sizeof(messages), "%s/messages.jsonl", ret->folder);
    snprintf(key, sizeof(key), "%s/key.pem", ret->folder);
    snprintf(batch_text, sizeof(batch_text), "%u", batch);
    snprintf(partitions_text, sizeof(partitions_text), "%u", partitions);
    write_messages(corpus, events, messages);
    make_certificate(ret);
    snprintf(cert, sizeof(cert), "%s", ret->ca_file);
    char *argv[40];
    int n = 0;
    argv[n++] = (char *)options->emulator;
    argv[n++] = "--listen";
    argv[n++] = "127.0.0.1:0";
    argv[n++] = "--admin";
    argv[n++] = "127.0.0.1:0";
    argv[n++] = "--hub";
    argv[n++] = "events";
    argv[n++] = "--partitions";
    argv[n++] = partitions_text;
    argv[n++] = "--retain-bytes";
    argv[n++] = "8GiB";
    argv[n++] = "--load";
    argv[n++] = messages;
    if (batch > 0) {
        argv[n++] = "--batch";
        argv[n++] = batch_text;
    }
    if (tls) {
        argv[n++] = "--tls-listen";
        argv[n++] = "127.0.0.1:0";
        argv[n++] = "--tls-cert";
        argv[n++] = cert;
        argv[n++] = "--tls-key";
        argv[n++] = key;
    }
    argv[n] = NULL;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        die("pipe");
    }
    ret->pid = child_start(argv, fds[1], CORE_EMULATOR);
    close(fds[1]);
    read_ports(ret, fds[0]);
}

void emulator_stop(struct emulator *emulator)
{
    kill(emulator->pid, SIGKILL);
    waitpid(emulator->pid, NULL, 0);
    char command[96];
    snprintf(command, sizeof(command), "rm -rf '%s'", emulator->folder);
    if (system(command) != 0) {
        fprintf(stderr, "hubdrain-bench: %s was not removed\n", emulator->folder);
    }
}

/* One GET over HTTP/1.0; the body, to be freed. */
static char *http_get(int port, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        die("the emulator's admin endpoint");
    }
    dprintf(fd, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    struct hd_buffer answer = {0};
    for (;;) {
        if (hd_buffer_reserve(&answer, 65536) < 0) {
            die("memory");
        }
        ssize_t n = read(fd, answer.data + answer.len, 65535);
        if (n <= 0) {
            break;
        }
        answer.len += (size_t)n;
    }
    close(fd);
    hd_buffer_append(&answer, "", 1);
    char *body = answer.data ? strstr(answer.data, "\r\n\r\n") : NULL;
    char *copy = strdup(body ? body + 4 : "");
    hd_buffer_deinit(&answer);
    return copy;
}

uint64_t emulator_sent(const struct emulator *emulator)
{
    char *text = http_get(emulator->admin_port, "/state");
    cJSON *state = cJSON_Parse(text);
    uint64_t sent = 0;
    const cJSON *connection, *link;
    cJSON_ArrayForEach(connection, cJSON_GetObjectItem(state, "connections"))
    {
        cJSON_ArrayForEach(link, cJSON_GetObjectItem(connection, "links"))
        {
            const cJSON *count = cJSON_GetObjectItem(link, "sent");
            sent += cJSON_IsNumber(count) && cJSON_GetObjectItem(link, "partition")
                        ? (uint64_t)count->valuedouble
                        : 0;
        }
    }
    cJSON_Delete(state);
    free(text);
    return sent;
}
