/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: every field of every event asks which rows name it, so the answer must cost a few
 * nanoseconds: one multiplication of the name's ends and its length, one look into a table in which
 * no two names of this event share a place (the seed is searched when the plan is built), one
 * comparison of the same words. Only names longer than both ends together compare their middle.
 */
#include "mapping.h"

#include <errno.h>
#include <stdlib.h>

struct name_key {
    uint64_t head, tail;
};

static inline uint64_t load(const char *p, size_t n)
{
    uint64_t value = 0;
    memcpy(&value, p, n);
    return value;
}

/* The two words cover every byte of names up to 16. */
static inline struct name_key name_key(struct hd_slice name)
{
    const char *p = name.data;
    size_t n = name.len;
    if (n >= 8) {
        return (struct name_key){load(p, 8), load(p + n - 8, 8)};
    }
    if (n >= 4) {
        return (struct name_key){load(p, 4), load(p + n - 4, 4)};
    }
    if (n >= 2) {
        return (struct name_key){load(p, 2), load(p + n - 2, 2)};
    }
    return (struct name_key){n ? (unsigned char)p[0] : 0, 0};
}

static inline unsigned place(struct name_key key, size_t len, uint64_t seed, unsigned shift)
{
    return (unsigned)(((key.head ^ (key.tail << 21 | key.tail >> 43) ^ len) * seed) >> shift);
}

static int add_source(struct hd_plan *plan, const char *name)
{
    if (plan->n_sources == HD_PLAN_SOURCES) {
        return -EINVAL;
    }
    struct hd_plan_source *source = &plan->sources[plan->n_sources++];
    source->name = hd_slice_cstr(name);
    struct name_key key = name_key(source->name);
    source->head = key.head;
    source->tail = key.tail;
    return 0;
}

static int find_slow(const struct hd_plan *plan, const char *name)
{
    for (size_t s = 0; s < plan->n_sources; s++) {
        if (hd_slice_is(plan->sources[s].name, name)) {
            return (int)s;
        }
    }
    return -1;
}

/* Sources in the order of their first row, each with its rows together. */
static int collect(const struct hd_mapping *mapping, uint64_t bit, struct hd_plan *plan)
{
    size_t n = 0;
    plan->rows = calloc(mapping->n_rows + 1, sizeof(struct hd_row *));
    if (!plan->rows) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < mapping->n_rows; i++) {
        const struct hd_row *row = &mapping->rows[i];
        if (row->events & bit && find_slow(plan, row->source) < 0) {
            int r = add_source(plan, row->source);
            if (r < 0) {
                return r;
            }
        }
    }
    for (size_t s = 0; s < plan->n_sources; s++) {
        struct hd_plan_source *source = &plan->sources[s];
        source->first_row = (uint16_t)n;
        for (size_t i = 0; i < mapping->n_rows; i++) {
            const struct hd_row *row = &mapping->rows[i];
            if (row->events & bit && hd_slice_is(source->name, row->source)) {
                plan->rows[n++] = row;
                source->n_rows++;
                source->keep |= !row->transform || row->flags & HD_ROW_KEEP;
            }
        }
    }
    return 0;
}

static bool try_seed(struct hd_plan *plan)
{
    memset(plan->slots, 0, sizeof(plan->slots));
    for (size_t s = 0; s < plan->n_sources; s++) {
        const struct hd_plan_source *source = &plan->sources[s];
        struct name_key key = {source->head, source->tail};
        unsigned at = place(key, source->name.len, plan->seed, plan->shift);
        if (plan->slots[at]) {
            return false;
        }
        plan->slots[at] = (uint8_t)(s + 1);
    }
    return true;
}

int hd_plan_build(const struct hd_mapping *mapping, size_t event, struct hd_plan *plan)
{
    *plan = (struct hd_plan){.seed = 0x9E3779B97F4A7C15U, .shift = 64 - 8};
    int r = collect(mapping, (uint64_t)1 << event, plan);
    for (int tries = 0; r == 0 && !try_seed(plan); tries++) {
        plan->seed = plan->seed * 6364136223846793005U + 1442695040888963407U;
        plan->seed |= 1;
        r = tries < 1000000 ? 0 : -EINVAL;
    }
    return r;
}

void hd_plan_deinit(struct hd_plan *plan)
{
    free(plan->rows);
    plan->rows = NULL;
}

int hd_plan_find(const struct hd_plan *plan, struct hd_slice name)
{
    struct name_key key = name_key(name);
    unsigned slot = plan->slots[place(key, name.len, plan->seed, plan->shift)];
    if (slot == 0) {
        return -1;
    }
    const struct hd_plan_source *source = &plan->sources[slot - 1];
    if (source->name.len != name.len || source->head != key.head || source->tail != key.tail) {
        return -1;
    }
    if (name.len > 16 && memcmp(source->name.data + 8, name.data + 8, name.len - 16) != 0) {
        return -1;
    }
    return (int)slot - 1;
}
