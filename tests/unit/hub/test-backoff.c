/* SPDX-License-Identifier: Apache-2.0 */
/* Backoff: its range, its jitter, what resets it; and timers of a loop with a fake clock under it.
 */
#include "hubdrain/loop.h"
#include "src/hub/backoff.h"
#include "test.h"

static void grows_within_bounds(void)
{
    struct hd_backoff b;
    for (uint64_t seed = 0; seed < 200; seed++) {
        hd_backoff_init(&b, 1000, 60000, seed);
        int64_t top = 1000;
        for (int i = 0; i < 100; i++) {
            top = top * 2 > 60000 ? 60000 : top * 2;
            int64_t delay = hd_backoff_next(&b, 0, 0);
            CHECK(delay >= 1000 && delay <= top);
        }
        CHECK_INT(b.attempts, 100);
    }
}

static void spreads(void)
{
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct hd_backoff b;
        hd_backoff_init(&b, 1000, 60000, seed);
        b.attempts = 10;
        int64_t delay = hd_backoff_next(&b, 0, 0);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    CHECK(least < 5000);
    CHECK(most > 55000);
}

static void asked_for(void)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct hd_backoff b;
        hd_backoff_init(&b, 10, 50, seed);
        int64_t delay = hd_backoff_next(&b, 0, 4000);
        CHECK(delay >= 4000 && delay <= 4010);
    }
}

static void health(void)
{
    struct hd_backoff b;
    hd_backoff_init(&b, 1000, 60000, 1);
    for (int i = 0; i < 6; i++) {
        hd_backoff_next(&b, 0, 0);
    }
    hd_backoff_healthy(&b, 100); /* accepted, and lost again at once: no reset */
    hd_backoff_next(&b, 200, 0);
    CHECK_INT(b.attempts, 7);
    hd_backoff_healthy(&b, 1000);
    hd_backoff_next(&b, 1000 + HD_BACKOFF_HEALTHY_MS, 0);
    CHECK_INT(b.attempts, 1);
    hd_backoff_next(&b, 2000 + HD_BACKOFF_HEALTHY_MS, 0); /* the old health does not count twice */
    CHECK_INT(b.attempts, 2);
    hd_backoff_reset(&b);
    CHECK(hd_backoff_next(&b, 0, 0) <= 2000);
}

static void odd_options(void)
{
    struct hd_backoff b;
    hd_backoff_init(&b, 0, 0, 1);
    CHECK_INT(b.min_ms, 1000);
    CHECK_INT(b.max_ms, 60000);
    hd_backoff_init(&b, 500, 100, 1);
    CHECK_INT(hd_backoff_next(&b, 0, 0), 100);
    hd_backoff_init(&b, 1, INT64_MAX, 1);
    for (int i = 0; i < 200; i++) {
        int64_t delay = hd_backoff_next(&b, 0, 0);
        CHECK(delay >= 1 && delay <= 86400000);
    }
}

struct retry {
    struct hd_timer timer;
    struct hd_backoff backoff;
    int n;
};

static void on_retry(struct hd_timer *timer, void *data)
{
    struct retry *retry = data;
    retry->n++;
    hd_timer_start(timer, hd_backoff_next(&retry->backoff, hd_loop_now_ms(timer->loop), 0));
}

/* An outage of an hour: attempts become rare, but do not end. */
static void outage(void)
{
    struct hd_loop *loop = NULL;
    REQUIRE(hd_loop_new_virtual(0, &loop) == 0);
    struct retry retry = {.n = 0};
    hd_backoff_init(&retry.backoff, 1000, 60000, 42);
    hd_timer_init(&retry.timer, loop, on_retry, &retry);
    hd_timer_start(&retry.timer, 0);
    hd_loop_advance(loop, 3600 * 1000);
    CHECK(retry.n >= 60 && retry.n <= 200);
    int before = retry.n;
    hd_loop_advance(loop, 61 * 1000);
    CHECK(retry.n > before);
    hd_timer_stop(&retry.timer);
    hd_loop_free(loop);
}

HD_TEST_MAIN({"delays grow and stay within bounds", grows_within_bounds},
             {"delays spread over the range", spreads}, {"what the peer asks for", asked_for},
             {"health resets", health}, {"odd options", odd_options}, {"an outage", outage})
