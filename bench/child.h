/* SPDX-License-Identifier: Apache-2.0 */
/* Children: the emulator and the programs measured against it. */
#ifndef HUBDRAIN_BENCH_CHILD_H
#define HUBDRAIN_BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "bench.h"

struct emulator {
    pid_t pid;
    int port, tls_port, admin_port;
    char folder[64]; /* messages, certificates; removed at the end */
    char ca_file[96];
};

/* `events` records in messages of `batch` (0: one each), over `partitions`. Exits on failure. */
void emulator_start(const struct options *options, const struct corpus *corpus, uint64_t events,
                    uint32_t batch, uint32_t partitions, bool tls, struct emulator *ret);
void emulator_stop(struct emulator *emulator);

/* Messages that were sent to receivers so far, over all partitions. */
uint64_t emulator_sent(const struct emulator *emulator);

struct usage {
    double cpu_ns;
    long peak_rss_kib;
};

bool child_lives(pid_t pid); /* it is then still to be waited for */
/* Cores: the emulator has the first, what is measured the second, so that a run costs the same
 * whoever else is scheduled. With one core, or more threads than cores, so be it. */
enum { CORE_EMULATOR = 0, CORE_MEASURED = 1 };
void pin_to(int core);
pid_t child_start(char *const argv[], int stdout_fd, int core);
/* Ends it with SIGTERM (signum 0: waits) and says what it used. */
struct usage child_end(pid_t pid, int signum);

#endif
