/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loop: the one thread that owns sockets, timers and signals, and the only clock its users ask.
 *
 * Real loops run on libuv. A virtual loop has no sockets and no time of its own: it moves when a
 * test says so (hd_loop_advance), which is how the whole pipeline is driven with a fake clock.
 *
 * Owner:   whoever made it frees it, after everything that registered here is gone.
 * Threads: one, except hd_loop_post, which any thread may call.
 * Errors:  -ENOMEM, or the -errno of the system.
 */
#ifndef HUBDRAIN_LOOP_H
#define HUBDRAIN_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hd_loop;

int hd_loop_new(struct hd_loop **ret);
int hd_loop_new_virtual(int64_t realtime_ms, struct hd_loop **ret);
void hd_loop_free(struct hd_loop *loop); /* accepts NULL */

void hd_loop_run(struct hd_loop *loop); /* until hd_loop_stop */
void hd_loop_stop(struct hd_loop *loop);

/* Virtual: runs what was posted and what is due, step by step, until `ms` have passed.
 * Real: runs the loop for what is ready now (ms is ignored). */
void hd_loop_advance(struct hd_loop *loop, int64_t ms);

int64_t hd_loop_now_ms(const struct hd_loop *loop);      /* monotonic */
int64_t hd_loop_realtime_ms(const struct hd_loop *loop); /* since 1970 UTC */

/* Counts turns, for the watchdog; any thread may read it. */
uint64_t hd_loop_turns(const struct hd_loop *loop);

/* ---- timers: embedded, one shot, restartable from their own callback ---- */
struct hd_timer {
    struct hd_loop *loop;
    void (*fn)(struct hd_timer *timer, void *data);
    void *data;
    int64_t due_ms;
    size_t slot; /* 0: not running */
};

void hd_timer_init(struct hd_timer *timer, struct hd_loop *loop,
                   void (*fn)(struct hd_timer *timer, void *data), void *data);
void hd_timer_start(struct hd_timer *timer, int64_t delay_ms); /* again: moves it */
void hd_timer_stop(struct hd_timer *timer);
bool hd_timer_running(const struct hd_timer *timer);

/* ---- file descriptors; not on a virtual loop ---- */
enum { HD_LOOP_READ = 1, HD_LOOP_WRITE = 2 };

struct hd_poll;
int hd_poll_new(struct hd_loop *loop, int fd, void (*fn)(void *data, int events), void *data,
                struct hd_poll **ret);
void hd_poll_set(struct hd_poll *poll, int events); /* 0 pauses */
void hd_poll_free(struct hd_poll *poll);            /* accepts NULL; before closing the fd */

/* ---- from other threads ---- */
/* Runs fn on the loop's thread, in order of posting. -ENOMEM. */
int hd_loop_post(struct hd_loop *loop, void (*fn)(void *data), void *data);

/* ---- blocking work: work() on a pool thread, then done() on the loop. On a virtual loop both run
 * at the next advance. ---- */
int hd_loop_work(struct hd_loop *loop, void (*work)(void *data), void (*done)(void *data),
                 void *data);

/* ---- signals; not on a virtual loop ---- */
int hd_loop_signal(struct hd_loop *loop, int signum, void (*fn)(void *data, int signum),
                   void *data);

#endif
