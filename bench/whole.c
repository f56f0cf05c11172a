/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the real daemon as a child process, from an emulator that has everything in memory, to a
 * file. Two runs of different length; the difference is the cost of the events alone, without the
 * start. The daemon has one core, the emulator another. CPU time is user + system of all its
 * threads, as wait4 says.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

struct setup {
    const char *output; /* "file" or "stdout" */
    const char *fsync;
    const char *memory_limit;
    bool tls;
};

static void write_config(const struct emulator *emulator, const struct setup *setup,
                         const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(73);
    }
    fprintf(file,
            "eventhub:\n  connection_string: Endpoint=sb://127.0.0.1:%d;SharedAccessKeyName="
            "RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;EntityPath=events%s\n",
            setup->tls ? emulator->tls_port : emulator->port,
            setup->tls ? "" : ";UseDevelopmentEmulator=true");
    if (setup->tls) {
        fprintf(file, "  ca_file: %s\n", emulator->ca_file);
    }
    fprintf(file, "checkpoint:\n  store: memory\nmemory:\n  limit: %s\noutputs:\n  out:\n",
            setup->memory_limit);
    if (strcmp(setup->output, "file") == 0) {
        fprintf(file, "    type: file\n    path: %s/out.ndjson\n    fsync: %s\n", emulator->folder,
                setup->fsync);
    } else {
        fprintf(file, "    type: stdout\n");
    }
    fprintf(file, "dead_letter:\n  path: %s/dead.ndjson\nlog:\n  level: error\n", emulator->folder);
    fclose(file);
}

static pid_t start_daemon(const struct options *options, const struct emulator *emulator,
                          const struct setup *setup, int stdout_fd)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/hubdrain.yaml", emulator->folder);
    write_config(emulator, setup, path);
    char *argv[] = {(char *)options->hubdrain, "run", "--config", path, NULL};
    return child_start(argv, stdout_fd, CORE_MEASURED);
}

/* Drains `messages` messages and ends. */
static struct usage drain(const struct options *options, const struct corpus *corpus,
                          uint64_t events, uint32_t batch, const struct setup *setup)
{
    struct emulator emulator;
    emulator_start(options, corpus, events, batch, 4, setup->tls, &emulator);
    uint64_t messages = batch ? (events + batch - 1) / batch : events;
    pid_t pid = start_daemon(options, &emulator, setup, STDERR_FILENO);
    while (emulator_sent(&emulator) < messages) {
        if (!child_lives(pid)) {
            fprintf(stderr, "hubdrain-bench: hubdrain ended too early\n");
            emulator_stop(&emulator);
            exit(70);
        }
        pause_ms(50);
    }
    struct usage usage = child_end(pid, SIGTERM); /* drains what it has received */
    emulator_stop(&emulator);
    return usage;
}

void bench_whole(const struct options *options, const struct corpus *corpus)
{
    static const struct {
        const char *name;
        uint32_t batch;
        bool tls;
    } rows[] = {
        {"3 KB messages, plain, to a file", 0, false},
        {"3 KB messages, TLS, to a file", 0, true},
        {"batches of 24 (64 KB), plain, to a file", 24, false},
        {"batches of 24 (64 KB), TLS, to a file", 24, true},
    };
    report_head("the whole daemon over loopback");
    long rss = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct setup setup = {"file", "never", "128MiB", rows[i].tls};
        double values[BENCH_RUNS_MAX];
        uint64_t few = options->events / 10, many = options->events;
        for (int run = 0; run < options->runs; run++) {
            struct usage first = drain(options, corpus, few, rows[i].batch, &setup);
            struct usage second = drain(options, corpus, many, rows[i].batch, &setup);
            values[run] = (second.cpu_ns - first.cpu_ns) / (double)(many - few);
            rss = second.peak_rss_kib > rss ? second.peak_rss_kib : rss;
        }
        report(rows[i].name, values, options->runs, 0, corpus->mean_bytes);
    }
    printf("(peak resident memory %.1f MiB at memory.limit 128MiB)\n", (double)rss / 1024);
}

/* "VmHWM:     12345 kB" */
static long read_status_kib(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtol(line + strlen(name) + 1, NULL, 10);
        }
    }
    if (file) {
        fclose(file);
    }
    return value;
}

/* 32 partitions of 64 KB batches, an output that nobody reads: what is held when nothing moves. */
void bench_memory(const struct options *options, const struct corpus *corpus)
{
    struct emulator emulator;
    uint64_t events = options->quick ? 20000 : 120000;
    emulator_start(options, corpus, events, 24, 32, true, &emulator);
    printf("\n%-44s %10s %10s\n", "32 partitions, output stalled, limit 32MiB", "RSS MiB",
           "peak MiB");
    for (int tls = 0; tls <= 1; tls++) {
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) < 0) {
            perror("pipe");
            exit(71);
        }
        struct setup setup = {"stdout", "never", "32MiB", tls};
        pid_t pid = start_daemon(options, &emulator, &setup, fds[1]);
        close(fds[1]);
        uint64_t before, now = 0;
        do { /* until nothing has moved for two seconds */
            before = now;
            pause_ms(2000);
            now = emulator_sent(&emulator);
        } while (child_lives(pid) && (now == 0 || now != before));
        printf("%-44s %10.1f %10.1f   (%llu of %llu messages sent)\n", tls ? "  TLS" : "  plain",
               (double)read_status_kib(pid, "VmRSS:") / 1024,
               (double)read_status_kib(pid, "VmHWM:") / 1024, (unsigned long long)now,
               (unsigned long long)(events / 24));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(fds[0]);
    }
    emulator_stop(&emulator);
}
