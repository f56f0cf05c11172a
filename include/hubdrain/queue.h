/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue: pointers from many threads to one.
 *
 * Owner:   the queue owns nothing it carries; a pushed pointer belongs to whoever pops it.
 * Threads: push from any; pop from one.
 * Limits:  none of its own: what travels here is charged to the budget (hubdrain/budget.h).
 */
#ifndef HUBDRAIN_QUEUE_H
#define HUBDRAIN_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* Embed in what travels. */
struct hd_queue_node {
    struct hd_queue_node *next;
};

struct hd_queue;

int hd_queue_new(struct hd_queue **ret);
void hd_queue_free(struct hd_queue *queue); /* accepts NULL */

void hd_queue_push(struct hd_queue *queue, struct hd_queue_node *node);

/* Everything there is, oldest first, as a list; NULL when timeout_ms passed (-1: for ever), or
 * when the queue is closed and empty, or after hd_queue_wake. */
struct hd_queue_node *hd_queue_pop_all(struct hd_queue *queue, int timeout_ms);

/* Ends one wait, now or the next. */
void hd_queue_wake(struct hd_queue *queue);

/* After this a pop of the empty queue returns at once. */
void hd_queue_close(struct hd_queue *queue);
bool hd_queue_closed(struct hd_queue *queue);

#endif
