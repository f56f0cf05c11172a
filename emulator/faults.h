/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: what the emulator is asked to do wrong. Armed through the admin endpoint, used up by
 * the code that does them.
 *
 * Owner:   the server. Threads: the loop's.
 */
#ifndef EMULATOR_FAULTS_H
#define EMULATOR_FAULTS_H

#include <stdint.h>

#include "hubdrain/buffer.h"
#include "hubdrain/error.h"

struct emu_server;

enum emu_fault_kind {
    /* done at once */
    EMU_FAULT_DETACH,
    EMU_FAULT_CLOSE,
    EMU_FAULT_RESET,
    EMU_FAULT_EXPIRE_TOKENS,
    EMU_FAULT_MUTE,
    /* armed */
    EMU_FAULT_PUT_TOKEN,
    EMU_FAULT_REFUSE_ATTACH,
    EMU_FAULT_SERVER_BUSY,
    EMU_FAULT_ARGUMENT_ERROR,
    EMU_FAULT_IGNORE_ATTACH,
    EMU_FAULT_STARVE,
    EMU_FAULT_DELAY,
    EMU_FAULT_MANAGEMENT,
    EMU_FAULT_STATUS_SPELLING,
    EMU_FAULT_SMALL_FRAMES,
    EMU_FAULT_KINDS,
};

struct emu_fault {
    enum emu_fault_kind kind;
    /* "": any */
    char hub[260], partition[12], consumer_group[64];
    char condition[128], text[512];
    int64_t count;    /* uses left; -1: no limit */
    int64_t until_ms; /* monotonic; 0: no limit */
    int64_t delay_ms;
    int status;
    uint32_t bytes;
    struct emu_fault *next;
};

struct emu_faults {
    struct emu_fault *first;
};

void emu_faults_deinit(struct emu_faults *faults);

/* A fault of this kind that fits the place; uses one of its count. NULL hub etc.: no such place. */
bool emu_fault_take(struct emu_faults *faults, enum emu_fault_kind kind, const char *hub,
                    const char *partition, const char *consumer_group, struct emu_fault *ret);
/* The same without using it. */
const struct emu_fault *emu_fault_find(struct emu_faults *faults, enum emu_fault_kind kind,
                                       const char *hub, const char *partition,
                                       const char *consumer_group);

/* From JSON text. Arms it or does it at once; *ret_applied says how often it was done.
 * EMU_FAULT_E_INVALID: diag says what is wrong. */
#define EMU_FAULT_E_INVALID 1
int emu_fault_post(struct emu_server *server, struct hd_slice json, int *ret_applied,
                   struct hd_diag *diag);
void emu_faults_clear(struct emu_faults *faults);
int emu_faults_list(struct emu_faults *faults, struct hd_buffer *out);

#endif
