/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the hub client share: an emulator as a child process, its admin endpoint, and a
 * user of the client that checks as it receives: positions within the bytes, numbers that go
 * forward by one, nothing twice.
 */
#ifndef HUBDRAIN_TESTS_HUB_FIXTURE_H
#define HUBDRAIN_TESTS_HUB_FIXTURE_H

#include <sys/types.h>

#include "hubdrain/hub.h"
#include "hubdrain/loop.h"
#include "test.h"

struct emulator {
    pid_t pid;
    uint16_t port, tls_port, admin_port;
};

bool emulator_start(struct emulator *emulator, const char *const *more_arguments);
void emulator_stop(struct emulator *emulator);
/* The status of the answer; 0 when there was none. The answer's body into ret, if not NULL. */
int emulator_ask(const struct emulator *emulator, const char *method, const char *path,
                 const char *body, char *ret, size_t size);
#define FAULT(emulator, json)                                                                      \
    CHECK_INT(emulator_ask(emulator, "POST", "/faults", json, NULL, 0), 200)

#define MAX_PARTITIONS 64

struct user_partition {
    uint64_t messages, bad;
    int64_t last;           /* sequence number; -1: none */
    uint64_t gaps, repeats; /* numbers skipped, numbers that did not go forward */
    struct hd_receiver_status status;
    unsigned seen; /* bits of the states it was in */
    char body[64]; /* of the last message */
    char *bytes;
    size_t size;
};

struct user {
    struct hd_loop *loop;
    struct hd_hub *hub;
    struct hd_start start;
    uint32_t credit;
    bool paused, manual; /* manual: receive() is up to the test */
    size_t n_partitions, n_lists;
    char ids[MAX_PARTITIONS][16];
    struct user_partition partitions[MAX_PARTITIONS];
    uint64_t messages, drained;
    uint64_t refuse_memory; /* how many reservations are refused */
    bool closed;
};

struct hd_hub_options user_options(const struct emulator *emulator);
bool user_start(struct user *user, const struct hd_hub_options *options);
void user_stop(struct user *user);

/* Turns the loop until the condition holds. 60 s without it are a failure. */
#define UNTIL(user, condition)                                                                     \
    do {                                                                                           \
        int64_t end_ = hd_clock_monotonic_ms() + 60000;                                            \
        while (!(condition) && hd_clock_monotonic_ms() < end_) {                                   \
            user_turn(user);                                                                       \
        }                                                                                          \
        CHECK(condition);                                                                          \
    } while (0)
void user_turn(struct user *user);

bool user_all(const struct user *user, enum hd_receiver_state state);
/* Everything that goes forward does so by one, and nothing came twice. */
bool user_exact(const struct user *user);

#endif
