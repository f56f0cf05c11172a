/* SPDX-License-Identifier: Apache-2.0 */
/* Azurite's blob service as a child process, for test programs in C. */
#ifndef HUBDRAIN_TESTS_AZURITE_H
#define HUBDRAIN_TESTS_AZURITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define AZURITE_ACCOUNT "devstoreaccount1"
#define AZURITE_KEY                                                                                \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

struct azurite {
    pid_t pid;
    int out; /* its standard output */
    uint16_t port;
    bool tls;
};

/* NULL when it and node are there, else why a test must be skipped. */
const char *azurite_missing(void);

/* port 0: the system's choice. cert and key: files in PEM, or NULL for plain HTTP. false: it did
 * not start listening. Its data lives in `directory`. */
bool azurite_start(struct azurite *azurite, const char *directory, uint16_t port, const char *cert,
                   const char *key);
void azurite_stop(struct azurite *azurite);

#endif
