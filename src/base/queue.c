/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a locked list that the consumer takes whole. One lock a batch of hundreds of events costs
 * nothing that could be measured, and the consumer sees everything that waits at once, which is
 * what group commit needs.
 */
#include "hubdrain/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct hd_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct hd_queue_node *first, **last;
    bool woken, closed;
};

int hd_queue_new(struct hd_queue **ret)
{
    struct hd_queue *queue = calloc(1, sizeof(*queue));
    if (!queue) {
        return -ENOMEM;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, &attr);
    pthread_condattr_destroy(&attr);
    queue->last = &queue->first;
    *ret = queue;
    return 0;
}

void hd_queue_free(struct hd_queue *queue)
{
    if (!queue) {
        return;
    }
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void hd_queue_push(struct hd_queue *queue, struct hd_queue_node *node)
{
    node->next = NULL;
    pthread_mutex_lock(&queue->lock);
    bool was_empty = !queue->first;
    *queue->last = node;
    queue->last = &node->next;
    if (was_empty) {
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
}

static struct timespec deadline_in(int timeout_ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += timeout_ms / 1000;
    ts.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

struct hd_queue_node *hd_queue_pop_all(struct hd_queue *queue, int timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms < 0 ? 0 : timeout_ms);
    pthread_mutex_lock(&queue->lock);
    int r = 0;
    while (!queue->first && !queue->woken && !queue->closed && r == 0) {
        r = timeout_ms < 0 ? pthread_cond_wait(&queue->changed, &queue->lock)
                           : pthread_cond_timedwait(&queue->changed, &queue->lock, &deadline);
    }
    struct hd_queue_node *all = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->woken = false;
    pthread_mutex_unlock(&queue->lock);
    return all;
}

void hd_queue_wake(struct hd_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->woken = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

void hd_queue_close(struct hd_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

bool hd_queue_closed(struct hd_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}
