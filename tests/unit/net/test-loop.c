/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "hubdrain/loop.h"

static struct hd_loop *loop;
static int order[64], n_order;

static void note(struct hd_timer *timer, void *data)
{
    (void)timer;
    order[n_order++] = (int)(intptr_t)data;
}

static void timers_run_in_order(void)
{
    REQUIRE(hd_loop_new_virtual(1000000, &loop) == 0);
    struct hd_timer timers[8];
    static const int delays[8] = {50, 10, 70, 30, 20, 80, 60, 40};
    n_order = 0;
    for (int i = 0; i < 8; i++) {
        hd_timer_init(&timers[i], loop, note, (void *)(intptr_t)delays[i]);
        hd_timer_start(&timers[i], delays[i]);
    }
    hd_timer_stop(&timers[3]);
    hd_timer_start(&timers[5], 15);
    CHECK(hd_timer_running(&timers[5]));
    hd_loop_advance(loop, 45);
    static const int want[] = {10, 80, 20, 40};
    CHECK_INT(n_order, 4);
    CHECK(memcmp(order, want, sizeof(want)) == 0);
    CHECK_INT(hd_loop_now_ms(loop), 45);
    CHECK_INT(hd_loop_realtime_ms(loop), 1000045);
    hd_loop_advance(loop, 1000);
    CHECK_INT(n_order, 7);
    CHECK(!hd_timer_running(&timers[5]));
    hd_loop_free(loop);
}

static int ticks;

static void again(struct hd_timer *timer, void *data)
{
    (void)data;
    ticks++;
    hd_timer_start(timer, 10);
}

static void a_timer_restarts_itself(void)
{
    REQUIRE(hd_loop_new_virtual(0, &loop) == 0);
    struct hd_timer timer;
    hd_timer_init(&timer, loop, again, NULL);
    hd_timer_start(&timer, 0);
    hd_loop_advance(loop, 100);
    CHECK_INT(ticks, 11);
    hd_timer_stop(&timer);
    hd_loop_free(loop);
}

static int posted;

static void count_post(void *data)
{
    (void)data;
    posted++;
}

static void *post_many(void *data)
{
    for (int i = 0; i < 1000; i++) {
        hd_loop_post(data, count_post, NULL);
    }
    return NULL;
}

static void check_posts(struct hd_timer *timer, void *data)
{
    if (posted == 2000) {
        hd_loop_stop(data);
    } else {
        hd_timer_start(timer, 1);
    }
}

static void other_threads_post(void)
{
    REQUIRE(hd_loop_new(&loop) == 0);
    pthread_t a, b;
    pthread_create(&a, NULL, post_many, loop);
    pthread_create(&b, NULL, post_many, loop);
    struct hd_timer timer;
    hd_timer_init(&timer, loop, check_posts, loop);
    hd_timer_start(&timer, 1);
    hd_loop_run(loop);
    CHECK_INT(posted, 2000);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    CHECK(hd_loop_turns(loop) > 0);
    hd_loop_free(loop);
}

static int pipe_fds[2];
static struct hd_poll *reader;
static char seen[16];

static void on_readable(void *data, int events)
{
    (void)data;
    CHECK_INT(events, HD_LOOP_READ);
    CHECK(read(pipe_fds[0], seen, sizeof(seen)) == 5);
    hd_poll_free(reader);
    raise(SIGUSR1);
}

static int last_signal;

static void on_signal(void *data, int signum)
{
    last_signal = signum;
    hd_loop_stop(data);
}

static void write_pipe(void *data)
{
    CHECK(write(pipe_fds[1], data, 5) == 5);
}

static void nothing(void *data)
{
    (void)data;
}

static void polls_works_and_signals(void)
{
    REQUIRE(hd_loop_new(&loop) == 0);
    REQUIRE(pipe(pipe_fds) == 0);
    REQUIRE(hd_loop_signal(loop, SIGUSR1, on_signal, loop) == 0);
    REQUIRE(hd_poll_new(loop, pipe_fds[0], on_readable, NULL, &reader) == 0);
    hd_poll_set(reader, HD_LOOP_READ);
    REQUIRE(hd_loop_work(loop, write_pipe, nothing, "hello") == 0);
    hd_loop_run(loop);
    CHECK_STR(seen, "hello");
    CHECK_INT(last_signal, SIGUSR1);
    hd_loop_free(loop);
}

static int busy_turns;
static bool was_readable;

static void at_once_again(struct hd_timer *timer, void *data)
{
    (void)data;
    if (++busy_turns < 100000) {
        hd_timer_start(timer, 0);
    } else {
        hd_loop_stop(timer->loop);
    }
}

static void stop_when_readable(void *data, int events)
{
    (void)data;
    (void)events;
    was_readable = true;
    hd_loop_stop(loop);
}

/* A timer that is always due leaves the sockets their turn. */
static void timers_starve_nobody(void)
{
    REQUIRE(hd_loop_new(&loop) == 0);
    int fds[2];
    REQUIRE(pipe(fds) == 0);
    struct hd_poll *poll;
    REQUIRE(hd_poll_new(loop, fds[0], stop_when_readable, NULL, &poll) == 0);
    hd_poll_set(poll, HD_LOOP_READ);
    CHECK_INT(write(fds[1], "x", 1), 1);
    struct hd_timer timer;
    hd_timer_init(&timer, loop, at_once_again, NULL);
    hd_timer_start(&timer, 0);
    hd_loop_run(loop);
    CHECK(was_readable);
    CHECK(busy_turns < 100);
    hd_timer_stop(&timer);
    hd_poll_free(poll);
    hd_loop_free(loop);
    close(fds[0]);
    close(fds[1]);
}

HD_TEST_MAIN({"timers run in order of their time", timers_run_in_order},
             {"a timer may restart itself", a_timer_restarts_itself},
             {"other threads post", other_threads_post},
             {"polls, work and signals", polls_works_and_signals},
             {"a timer that is always due starves nobody", timers_starve_nobody})
