/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: two hashes. Short lists, which are nearly all, compare entries one by one and need only a
 * cheap word to tell most of them apart; long ones have a table and a hash over every byte with a
 * secret seed.
 */
#include "set.h"

#include <stdlib.h>

/* Unknown outside the process: nobody can choose values that all fall into one place. */
static uint64_t seed = 0x9E3779B97F4A7C15U;

void hd_set_seed(uint64_t random)
{
    seed = random | 1;
}

void hd_set_deinit(struct hd_set *set)
{
    free(set->entries);
    free(set->slots);
    *set = (struct hd_set){0};
}

/* Length and the bytes at both ends tell most strings apart; the rest takes part only when the set
 * is large enough for a table, where a crafted series of equal ends must not form one chain. */
static uint32_t hash_ends(struct hd_slice text)
{
    uint64_t a = 0, b = 0;
    if (text.len >= 8) {
        memcpy(&a, text.data, 8);
        memcpy(&b, text.data + text.len - 8, 8);
    } else {
        for (size_t i = 0; i < text.len; i++) {
            a = a << 8 | (unsigned char)text.data[i];
        }
    }
    a = (a ^ (b << 23 | b >> 41) ^ text.len) * 0x9E3779B97F4A7C15U;
    return (uint32_t)(a >> 32);
}

static uint32_t hash_all(struct hd_slice text)
{
    uint64_t h = text.len * seed;
    size_t i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t word;
        memcpy(&word, text.data + i, 8);
        h = (h ^ word) * seed;
        h ^= h >> 29;
    }
    uint64_t word = 0;
    if (i < text.len) {
        memcpy(&word, text.data + i, text.len - i);
    }
    h = (h ^ word) * seed;
    return (uint32_t)(h ^ h >> 32);
}

/* The table is as large as the entries of this event need, not as large as it ever was: it is
 * cleared for each event that needs it. */
static int table_build(struct hd_set *set)
{
    uint32_t n_slots = 64;
    while (n_slots < set->n * 4) {
        n_slots *= 2;
    }
    if (n_slots > set->cap_slots) {
        uint32_t *slots = realloc(set->slots, n_slots * sizeof(*slots));
        if (!slots) {
            return -2;
        }
        set->slots = slots;
        set->cap_slots = n_slots;
    }
    set->n_slots = n_slots;
    memset(set->slots, 0, n_slots * sizeof(*set->slots));
    for (uint32_t i = 0; i < set->n; i++) {
        set->entries[i].hash = hash_all(set->entries[i].text);
        uint32_t at = set->entries[i].hash & (n_slots - 1);
        while (set->slots[at]) {
            at = (at + 1) & (n_slots - 1);
        }
        set->slots[at] = i + 1;
    }
    return 0;
}

static int grow(struct hd_set *set)
{
    uint32_t cap = set->cap ? set->cap * 2 : 32;
    struct hd_set_entry *entries = realloc(set->entries, cap * sizeof(*entries));
    if (!entries) {
        return -2;
    }
    set->entries = entries;
    set->cap = cap;
    return 0;
}

static int64_t find_linear(const struct hd_set *set, struct hd_slice text, uint32_t hash)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->entries[i].hash == hash && hd_slice_eq(set->entries[i].text, text)) {
            return set->entries[i].number;
        }
    }
    return -1;
}

int64_t hd_set_add(struct hd_set *set, struct hd_slice text, uint32_t number)
{
    bool table = set->n > HD_SET_LINEAR;
    uint32_t hash = table ? hash_all(text) : hash_ends(text);

    if (set->n == set->cap && grow(set) < 0) {
        return -2;
    }
    if (!table) {
        int64_t found = find_linear(set, text, hash);
        if (found >= 0) {
            return found;
        }
        set->entries[set->n++] = (struct hd_set_entry){text, number, hash};
        return set->n > HD_SET_LINEAR && table_build(set) < 0 ? -2 : -1;
    }
    uint32_t at = hash & (set->n_slots - 1);
    while (set->slots[at]) {
        const struct hd_set_entry *entry = &set->entries[set->slots[at] - 1];
        if (entry->hash == hash && hd_slice_eq(entry->text, text)) {
            return entry->number;
        }
        at = (at + 1) & (set->n_slots - 1);
    }
    set->entries[set->n++] = (struct hd_set_entry){text, number, hash};
    set->slots[at] = set->n;
    return set->n * 2 > set->n_slots && table_build(set) < 0 ? -2 : -1;
}
