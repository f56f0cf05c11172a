/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "hubdrain/clock.h"

struct worker {
    struct workers *workers;
    struct hd_queue *queue;
    struct hd_transform *transform;
    pthread_t thread;
    bool running;
    _Atomic int64_t busy_since_ms; /* 0: idle */
};

struct workers {
    struct workers_options options;
    atomic_bool halted;
    pthread_mutex_t lock; /* for room alone */
    pthread_cond_t room;
    uint32_t n; /* at least 1: without threads there is one worker that nobody runs */
    struct worker workers[];
};

static void work_on(struct worker *worker, struct hd_batch *batch)
{
    const struct workers_options *options = &worker->workers->options;
    atomic_store_explicit(&worker->busy_since_ms, hd_clock_monotonic_ms(), memory_order_relaxed);
    int r = hd_transform_batch(worker->transform, batch);
    atomic_store_explicit(&worker->busy_since_ms, 0, memory_order_relaxed);
    if (r < 0) {
        options->failed(options->context, batch, r);
    } else {
        options->ready(options->context, batch);
    }
}

/* The wait is bounded, so that a wake that comes too early costs a moment and not a hang. */
static void wait_for_room(struct workers *workers)
{
    const struct workers_options *options = &workers->options;
    while (options->hold && !atomic_load(&workers->halted) && options->hold(options->context)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&workers->lock);
        pthread_cond_timedwait(&workers->room, &workers->lock, &until);
        pthread_mutex_unlock(&workers->lock);
    }
}

void workers_wake(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    pthread_cond_broadcast(&workers->room);
    pthread_mutex_unlock(&workers->lock);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct workers *workers = worker->workers;
    const struct workers_options *options = &workers->options;
    pthread_setname_np(pthread_self(), "worker");
    for (;;) {
        struct hd_queue_node *node = hd_queue_pop_all(worker->queue, -1);
        if (!node && hd_queue_closed(worker->queue)) {
            return NULL;
        }
        while (node) {
            struct hd_queue_node *next = node->next;
            wait_for_room(workers);
            if (atomic_load(&workers->halted)) {
                options->failed(options->context, (struct hd_batch *)node, -ECANCELED);
            } else {
                work_on(worker, (struct hd_batch *)node);
            }
            node = next;
        }
    }
}

static int worker_init(struct worker *worker, struct workers *workers)
{
    worker->workers = workers;
    int r = hd_queue_new(&worker->queue);
    if (r == 0) {
        r = hd_transform_new(&workers->options.limits, workers->options.schema,
                             &workers->options.normalise, &worker->transform);
    }
    if (r == 0 && workers->options.n > 0) {
        r = -pthread_create(&worker->thread, NULL, run, worker);
        worker->running = r == 0;
    }
    return r;
}

int workers_new(const struct workers_options *options, struct workers **ret)
{
    uint32_t n = options->n ? options->n : 1;
    struct workers *workers = calloc(1, sizeof(*workers) + n * sizeof(workers->workers[0]));
    if (!workers) {
        return -ENOMEM;
    }
    workers->options = *options;
    workers->n = n;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->room, NULL);
    for (uint32_t i = 0; i < n; i++) {
        int r = worker_init(&workers->workers[i], workers);
        if (r < 0) {
            workers_free(workers);
            return r;
        }
    }
    *ret = workers;
    return 0;
}

void workers_submit(struct workers *workers, struct hd_batch *batch)
{
    struct worker *worker = &workers->workers[batch->partition->number % workers->n];
    if (worker->running) {
        hd_queue_push(worker->queue, &batch->node);
    } else {
        work_on(worker, batch);
    }
}

void workers_halt(struct workers *workers)
{
    atomic_store(&workers->halted, true);
    workers_wake(workers);
    for (uint32_t i = 0; i < workers->n; i++) {
        struct worker *worker = &workers->workers[i];
        if (worker->running) {
            hd_queue_close(worker->queue);
            pthread_join(worker->thread, NULL);
            worker->running = false;
        }
    }
}

void workers_free(struct workers *workers)
{
    if (!workers) {
        return;
    }
    workers_halt(workers);
    for (uint32_t i = 0; i < workers->n; i++) {
        hd_queue_free(workers->workers[i].queue);
        hd_transform_free(workers->workers[i].transform);
    }
    pthread_cond_destroy(&workers->room);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

bool workers_alive(const struct workers *workers, int64_t busy_limit_ms)
{
    int64_t now = hd_clock_monotonic_ms();
    for (uint32_t i = 0; i < workers->n; i++) {
        int64_t since =
            atomic_load_explicit(&workers->workers[i].busy_since_ms, memory_order_relaxed);
        if (since != 0 && now - since > busy_limit_ms) {
            return false;
        }
    }
    return true;
}
