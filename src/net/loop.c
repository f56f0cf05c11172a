/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: timers are ours (a binary heap over the loop's clock) and libuv has one timer that stands
 * for the earliest of them. So a virtual loop is the same code without libuv: its clock is a number
 * that hd_loop_advance moves from due time to due time. What other threads post goes through a
 * locked list and one uv_async. Blocking work runs on libuv's pool.
 */
#include "hubdrain/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "hubdrain/clock.h"

struct post {
    struct post *next;
    void (*fn)(void *data);
    void *data;
};

struct hd_loop {
    bool is_virtual;
    int64_t virtual_now_ms, virtual_realtime_ms; /* realtime at now 0 */
    int64_t now_ms;                              /* of this turn, for real loops */

    struct hd_timer **heap; /* from 1 */
    size_t n_timers, cap_timers;

    pthread_mutex_t lock;
    struct post *first_post, **last_post;

    uv_loop_t uv;
    uv_timer_t uv_timer;
    uv_idle_t uv_idle; /* runs when a timer is due already */
    uv_async_t uv_async;
    uv_prepare_t uv_prepare;
    bool stopped;
    _Atomic uint64_t turns;
};

/* ---- timers ---- */

static void place(struct hd_loop *loop, size_t slot, struct hd_timer *timer)
{
    loop->heap[slot] = timer;
    timer->slot = slot;
}

static void sift_up(struct hd_loop *loop, size_t slot)
{
    struct hd_timer *timer = loop->heap[slot];
    while (slot > 1 && loop->heap[slot / 2]->due_ms > timer->due_ms) {
        place(loop, slot, loop->heap[slot / 2]);
        slot /= 2;
    }
    place(loop, slot, timer);
}

static void sift_down(struct hd_loop *loop, size_t slot)
{
    struct hd_timer *timer = loop->heap[slot];
    for (size_t child; (child = slot * 2) <= loop->n_timers; slot = child) {
        if (child < loop->n_timers && loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms) {
            child++;
        }
        if (loop->heap[child]->due_ms >= timer->due_ms) {
            break;
        }
        place(loop, slot, loop->heap[child]);
    }
    place(loop, slot, timer);
}

static void on_uv_timer(uv_timer_t *uv_timer);
static void on_uv_idle(uv_idle_t *uv_idle);

/* libuv's one timer follows the earliest of ours. What is due already takes an idle handle: a
 * libuv timer of no delay, started again from its own callback, would run again before the sockets
 * have had their turn, and for as long as somebody does so they never would. */
static void arm(struct hd_loop *loop)
{
    if (loop->is_virtual) {
        return;
    }
    if (loop->n_timers == 0) {
        uv_idle_stop(&loop->uv_idle);
        uv_timer_stop(&loop->uv_timer);
        return;
    }
    int64_t delay = loop->heap[1]->due_ms - hd_clock_monotonic_ms();
    if (delay <= 0) {
        uv_timer_stop(&loop->uv_timer);
        uv_idle_start(&loop->uv_idle, on_uv_idle);
        return;
    }
    uv_idle_stop(&loop->uv_idle);
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->uv_timer, on_uv_timer, (uint64_t)delay, 0);
}

void hd_timer_init(struct hd_timer *timer, struct hd_loop *loop,
                   void (*fn)(struct hd_timer *timer, void *data), void *data)
{
    *timer = (struct hd_timer){.loop = loop, .fn = fn, .data = data};
}

bool hd_timer_running(const struct hd_timer *timer)
{
    return timer->slot != 0;
}

void hd_timer_stop(struct hd_timer *timer)
{
    struct hd_loop *loop = timer->loop;
    size_t slot = timer->slot;
    if (slot == 0) {
        return;
    }
    struct hd_timer *last = loop->heap[loop->n_timers--];
    timer->slot = 0;
    if (last != timer) {
        place(loop, slot, last);
        sift_up(loop, slot);
        sift_down(loop, last->slot);
    }
    if (slot == 1) {
        arm(loop);
    }
}

void hd_timer_start(struct hd_timer *timer, int64_t delay_ms)
{
    struct hd_loop *loop = timer->loop;
    hd_timer_stop(timer);
    if (loop->n_timers + 2 > loop->cap_timers) {
        size_t cap = loop->cap_timers ? loop->cap_timers * 2 : 64;
        struct hd_timer **heap = realloc(loop->heap, cap * sizeof(*heap));
        if (!heap) {
            abort(); /* a lost timer would be a silent hang; the supervisor starts us again */
        }
        loop->heap = heap;
        loop->cap_timers = cap;
    }
    timer->due_ms = hd_loop_now_ms(loop) + (delay_ms > 0 ? delay_ms : 0);
    place(loop, ++loop->n_timers, timer);
    sift_up(loop, timer->slot);
    if (timer->slot == 1) {
        arm(loop);
    }
}

/* Runs what is due at now_ms; a timer restarted with no delay waits for the next turn. */
static void run_due(struct hd_loop *loop, int64_t now_ms)
{
    size_t budget = loop->n_timers;
    while (budget-- > 0 && loop->n_timers > 0 && loop->heap[1]->due_ms <= now_ms) {
        struct hd_timer *timer = loop->heap[1];
        hd_timer_stop(timer);
        timer->fn(timer, timer->data);
    }
}

static void on_uv_timer(uv_timer_t *uv_timer)
{
    struct hd_loop *loop = uv_timer->data;
    loop->now_ms = hd_clock_monotonic_ms();
    run_due(loop, loop->now_ms);
    arm(loop);
}

static void on_uv_idle(uv_idle_t *uv_idle)
{
    struct hd_loop *loop = uv_idle->data;
    loop->now_ms = hd_clock_monotonic_ms();
    run_due(loop, loop->now_ms);
    arm(loop);
}

/* ---- posts ---- */

static bool run_posts(struct hd_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct post *post = loop->first_post;
    loop->first_post = NULL;
    loop->last_post = &loop->first_post;
    pthread_mutex_unlock(&loop->lock);
    bool any = post;
    while (post) {
        struct post *next = post->next;
        post->fn(post->data);
        free(post);
        post = next;
    }
    return any;
}

static void on_uv_async(uv_async_t *async)
{
    struct hd_loop *loop = async->data;
    loop->now_ms = hd_clock_monotonic_ms();
    run_posts(loop);
}

int hd_loop_post(struct hd_loop *loop, void (*fn)(void *data), void *data)
{
    struct post *post = malloc(sizeof(*post));
    if (!post) {
        return -ENOMEM;
    }
    *post = (struct post){NULL, fn, data};
    pthread_mutex_lock(&loop->lock);
    *loop->last_post = post;
    loop->last_post = &post->next;
    if (!loop->is_virtual) {
        uv_async_send(&loop->uv_async);
    }
    pthread_mutex_unlock(&loop->lock);
    return 0;
}

/* ---- work ---- */

struct work {
    uv_work_t uv;
    struct hd_loop *loop;
    void (*work)(void *data);
    void (*done)(void *data);
    void *data;
};

static void on_uv_work(uv_work_t *uv)
{
    struct work *work = uv->data;
    work->work(work->data);
}

static void on_uv_work_done(uv_work_t *uv, int status)
{
    (void)status; /* never cancelled */
    struct work *work = uv->data;
    work->loop->now_ms = hd_clock_monotonic_ms();
    work->done(work->data);
    free(work);
}

static void run_virtual_work(void *data)
{
    struct work *work = data;
    work->work(work->data);
    work->done(work->data);
    free(work);
}

int hd_loop_work(struct hd_loop *loop, void (*work_fn)(void *data), void (*done)(void *data),
                 void *data)
{
    struct work *work = calloc(1, sizeof(*work));
    if (!work) {
        return -ENOMEM;
    }
    *work = (struct work){.loop = loop, .work = work_fn, .done = done, .data = data};
    int r;
    if (loop->is_virtual) {
        r = hd_loop_post(loop, run_virtual_work, work);
    } else {
        work->uv.data = work;
        r = uv_queue_work(&loop->uv, &work->uv, on_uv_work, on_uv_work_done);
    }
    if (r < 0) {
        free(work);
    }
    return r;
}

/* ---- file descriptors ---- */

struct hd_poll {
    uv_poll_t uv;
    int events;
    void (*fn)(void *data, int events);
    void *data;
};

static void on_uv_poll(uv_poll_t *uv, int status, int uv_events)
{
    struct hd_poll *poll = uv->data;
    ((struct hd_loop *)uv->loop->data)->now_ms = hd_clock_monotonic_ms();
    int events = ((uv_events & (UV_READABLE | UV_DISCONNECT)) ? HD_LOOP_READ : 0) |
                 ((uv_events & UV_WRITABLE) ? HD_LOOP_WRITE : 0);
    if (status < 0) {
        /* An error is reported as "ready": a read or write will say what it is, perhaps not the
         * first, for there may be bytes before it. libuv has stopped watching; we have not. */
        events = poll->events;
        poll->events = 0;
        hd_poll_set(poll, events);
    }
    poll->fn(poll->data, events);
}

int hd_poll_new(struct hd_loop *loop, int fd, void (*fn)(void *data, int events), void *data,
                struct hd_poll **ret)
{
    struct hd_poll *poll = calloc(1, sizeof(*poll));
    if (!poll) {
        return -ENOMEM;
    }
    *poll = (struct hd_poll){.fn = fn, .data = data};
    int r = uv_poll_init(&loop->uv, &poll->uv, fd);
    if (r < 0) {
        free(poll);
        return r;
    }
    poll->uv.data = poll;
    *ret = poll;
    return 0;
}

void hd_poll_set(struct hd_poll *poll, int events)
{
    if (events == poll->events) {
        return;
    }
    poll->events = events;
    if (events == 0) {
        uv_poll_stop(&poll->uv);
        return;
    }
    uv_poll_start(&poll->uv,
                  ((events & HD_LOOP_READ) ? UV_READABLE : 0) |
                      ((events & HD_LOOP_WRITE) ? UV_WRITABLE : 0),
                  on_uv_poll);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void hd_poll_free(struct hd_poll *poll)
{
    if (poll) {
        uv_poll_stop(&poll->uv);
        uv_close((uv_handle_t *)&poll->uv, on_poll_closed);
    }
}

/* ---- signals ---- */

struct signal_watch {
    uv_signal_t uv;
    void (*fn)(void *data, int signum);
    void *data;
};

static void on_uv_signal(uv_signal_t *uv, int signum)
{
    struct signal_watch *watch = uv->data;
    ((struct hd_loop *)uv->loop->data)->now_ms = hd_clock_monotonic_ms();
    watch->fn(watch->data, signum);
}

int hd_loop_signal(struct hd_loop *loop, int signum, void (*fn)(void *data, int signum), void *data)
{
    struct signal_watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        return -ENOMEM;
    }
    *watch = (struct signal_watch){.fn = fn, .data = data};
    int r = uv_signal_init(&loop->uv, &watch->uv);
    if (r == 0) {
        watch->uv.data = watch;
        r = uv_signal_start(&watch->uv, on_uv_signal, signum);
        uv_unref((uv_handle_t *)&watch->uv);
        return r;
    }
    free(watch);
    return r;
}

/* ---- the loop ---- */

static void on_uv_prepare(uv_prepare_t *prepare)
{
    struct hd_loop *loop = prepare->data;
    loop->now_ms = hd_clock_monotonic_ms();
    atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
}

static struct hd_loop *loop_alloc(void)
{
    struct hd_loop *loop = calloc(1, sizeof(*loop));
    if (loop) {
        pthread_mutex_init(&loop->lock, NULL);
        loop->last_post = &loop->first_post;
    }
    return loop;
}

int hd_loop_new(struct hd_loop **ret)
{
    struct hd_loop *loop = loop_alloc();
    if (!loop) {
        return -ENOMEM;
    }
    int r = uv_loop_init(&loop->uv);
    if (r < 0) {
        free(loop);
        return r;
    }
    loop->uv.data = loop;
    r = uv_async_init(&loop->uv, &loop->uv_async, on_uv_async);
    if (r < 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return r;
    }
    uv_timer_init(&loop->uv, &loop->uv_timer);
    uv_idle_init(&loop->uv, &loop->uv_idle);
    uv_prepare_init(&loop->uv, &loop->uv_prepare);
    uv_prepare_start(&loop->uv_prepare, on_uv_prepare);
    loop->uv_async.data = loop->uv_timer.data = loop->uv_prepare.data = loop;
    loop->uv_idle.data = loop;
    loop->now_ms = hd_clock_monotonic_ms();
    *ret = loop;
    return 0;
}

int hd_loop_new_virtual(int64_t realtime_ms, struct hd_loop **ret)
{
    struct hd_loop *loop = loop_alloc();
    if (!loop) {
        return -ENOMEM;
    }
    loop->is_virtual = true;
    loop->virtual_realtime_ms = realtime_ms;
    *ret = loop;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    if (handle->type == UV_SIGNAL) {
        free(handle->data);
    }
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_handle_closed);
    }
}

void hd_loop_free(struct hd_loop *loop)
{
    if (!loop) {
        return;
    }
    run_posts(loop);
    if (!loop->is_virtual) {
        uv_walk(&loop->uv, close_handle, NULL);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        uv_loop_close(&loop->uv);
    }
    run_posts(loop);
    pthread_mutex_destroy(&loop->lock);
    free(loop->heap);
    free(loop);
}

void hd_loop_run(struct hd_loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped) {
        uv_run(&loop->uv, UV_RUN_ONCE);
    }
}

void hd_loop_stop(struct hd_loop *loop)
{
    loop->stopped = true;
    if (!loop->is_virtual) {
        uv_stop(&loop->uv);
    }
}

static void advance_virtual(struct hd_loop *loop, int64_t ms)
{
    int64_t until = loop->virtual_now_ms + ms;
    for (;;) {
        while (run_posts(loop)) {
        }
        atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
        if (loop->n_timers == 0 || loop->heap[1]->due_ms > until) {
            break;
        }
        if (loop->heap[1]->due_ms > loop->virtual_now_ms) {
            loop->virtual_now_ms = loop->heap[1]->due_ms;
        }
        run_due(loop, loop->virtual_now_ms);
    }
    loop->virtual_now_ms = until;
}

void hd_loop_advance(struct hd_loop *loop, int64_t ms)
{
    if (loop->is_virtual) {
        advance_virtual(loop, ms);
    } else {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
}

int64_t hd_loop_now_ms(const struct hd_loop *loop)
{
    return loop->is_virtual ? loop->virtual_now_ms : loop->now_ms;
}

int64_t hd_loop_realtime_ms(const struct hd_loop *loop)
{
    return loop->is_virtual ? loop->virtual_realtime_ms + loop->virtual_now_ms
                            : hd_clock_realtime_ms();
}

uint64_t hd_loop_turns(const struct hd_loop *loop)
{
    return atomic_load_explicit(&loop->turns, memory_order_relaxed);
}
