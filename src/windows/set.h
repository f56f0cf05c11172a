/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set: which byte strings were already seen, and under which number.
 *
 * It belongs to one list of the event at hand and is emptied for each event, so it must cost
 * nothing when the list is short: up to HD_SET_LINEAR entries are compared one by one, only then a
 * table is made. An event may hold hundred thousand values; comparing all with all would let one
 * event stop a worker.
 *
 * Owner: the list that it serves; the strings stay where they are. Threads: none.
 */
#ifndef HUBDRAIN_WINDOWS_SET_H
#define HUBDRAIN_WINDOWS_SET_H

#include <stdint.h>

#include "hubdrain/slice.h"

#define HD_SET_LINEAR 12

struct hd_set_entry {
    struct hd_slice text;
    uint32_t number;
    uint32_t hash;
};

struct hd_set {
    struct hd_set_entry *entries;
    uint32_t n, cap;
    uint32_t *slots; /* entry index + 1 */
    uint32_t n_slots, cap_slots;
};

/* Once, before the first set is used. */
void hd_set_seed(uint64_t random);

void hd_set_deinit(struct hd_set *set);

static inline void hd_set_clear(struct hd_set *set)
{
    set->n = 0;
}

/* The number of the equal string that is there; else -1, and `text` is there from now on under
 * `number`. -2: no memory. */
int64_t hd_set_add(struct hd_set *set, struct hd_slice text, uint32_t number);

#endif
