/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * The upper end of the delay doubles with each failure, the lower end stays: the delays of many
 * clients spread over the whole range. Success alone does not reset it - a link that is accepted
 * and detached at once would be hammered - but the first message does, or half a minute of health.
 */
#include "backoff.h"

uint32_t hd_random_u32(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u; /* splitmix64: any seed will do */
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static int64_t uniform(struct hd_backoff *backoff, int64_t from, int64_t to)
{
    uint64_t width = to > from ? (uint64_t)(to - from) : 0;
    return from + (int64_t)(((width + 1) * (uint64_t)hd_random_u32(&backoff->random)) >> 32);
}

void hd_backoff_init(struct hd_backoff *backoff, int64_t min_ms, int64_t max_ms, uint64_t seed)
{
    backoff->min_ms = min_ms > 0 ? min_ms : 1000;
    backoff->max_ms = max_ms > 0 ? max_ms : 60000;
    if (backoff->max_ms > 86400000) {
        backoff->max_ms = 86400000;
    }
    if (backoff->min_ms > backoff->max_ms) {
        backoff->min_ms = backoff->max_ms;
    }
    backoff->attempts = 0;
    backoff->healthy_since_ms = -1;
    backoff->random = seed;
}

int64_t hd_backoff_next(struct hd_backoff *backoff, int64_t now_ms, int64_t at_least_ms)
{
    if (backoff->healthy_since_ms >= 0 &&
        now_ms - backoff->healthy_since_ms >= HD_BACKOFF_HEALTHY_MS) {
        backoff->attempts = 0;
    }
    backoff->healthy_since_ms = -1;
    backoff->attempts += backoff->attempts < UINT32_MAX;
    int64_t top = backoff->min_ms;
    for (uint32_t i = 0; i < backoff->attempts && top < backoff->max_ms; i++) {
        top *= 2;
    }
    if (top > backoff->max_ms) {
        top = backoff->max_ms;
    }
    int64_t delay = uniform(backoff, backoff->min_ms, top);
    if (delay < at_least_ms) {
        delay = uniform(backoff, at_least_ms, at_least_ms + backoff->min_ms);
    }
    return delay;
}

void hd_backoff_healthy(struct hd_backoff *backoff, int64_t now_ms)
{
    backoff->healthy_since_ms = now_ms;
}

void hd_backoff_reset(struct hd_backoff *backoff)
{
    backoff->attempts = 0;
}
