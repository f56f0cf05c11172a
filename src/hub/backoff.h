/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backoff: how long to wait before the next attempt. Pure: time comes from the caller.
 *
 * Owner: plain struct. Threads: none.
 */
#ifndef HUBDRAIN_HUB_BACKOFF_H
#define HUBDRAIN_HUB_BACKOFF_H

#include <stdint.h>

/* Health of this long forgets the failures before it. */
#define HD_BACKOFF_HEALTHY_MS 30000

struct hd_backoff {
    int64_t min_ms, max_ms;
    uint32_t attempts;        /* failures since the last health */
    int64_t healthy_since_ms; /* -1: not healthy */
    uint64_t random;          /* state of the generator */
};

void hd_backoff_init(struct hd_backoff *backoff, int64_t min_ms, int64_t max_ms, uint64_t seed);

/* Counts a failure and returns the delay: uniform between min and min * 2^attempts, at most max
 * ("full jitter"), so that many clients of one outage do not come back together. at_least_ms is
 * what the peer asked for; the jitter of one min is added to it. */
int64_t hd_backoff_next(struct hd_backoff *backoff, int64_t now_ms, int64_t at_least_ms);

void hd_backoff_healthy(struct hd_backoff *backoff, int64_t now_ms); /* it works from now on */
void hd_backoff_reset(struct hd_backoff *backoff);                   /* it has proven itself */

uint32_t hd_random_u32(uint64_t *state);

#endif
