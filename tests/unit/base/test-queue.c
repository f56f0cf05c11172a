/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <pthread.h>

#include "hubdrain/queue.h"

struct item {
    struct hd_queue_node node;
    int number;
};

enum { ITEMS = 20000, PRODUCERS = 3 };
static struct item items[PRODUCERS][ITEMS];
static struct hd_queue *queue;

static void *produce(void *arg)
{
    struct item *mine = arg;
    for (int i = 0; i < ITEMS; i++) {
        mine[i].number = i;
        hd_queue_push(queue, &mine[i].node);
    }
    return NULL;
}

static void carries_everything_in_order(void)
{
    REQUIRE(hd_queue_new(&queue) == 0);
    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_create(&threads[i], NULL, produce, items[i]);
    }
    int next[PRODUCERS] = {0}, total = 0;
    while (total < PRODUCERS * ITEMS) {
        struct hd_queue_node *node = hd_queue_pop_all(queue, 10000);
        REQUIRE(node);
        while (node) {
            struct item *item = (struct item *)node;
            node = node->next;
            for (int p = 0; p < PRODUCERS; p++) {
                if (item >= items[p] && item < items[p] + ITEMS) {
                    CHECK_INT(item->number, next[p]);
                    next[p]++;
                }
            }
            total++;
        }
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(!hd_queue_pop_all(queue, 0));
    hd_queue_free(queue);
}

static void wakes_and_closes(void)
{
    REQUIRE(hd_queue_new(&queue) == 0);
    hd_queue_wake(queue);
    CHECK(!hd_queue_pop_all(queue, -1));
    static struct item last;
    hd_queue_push(queue, &last.node);
    hd_queue_close(queue);
    CHECK(hd_queue_pop_all(queue, -1) == &last.node);
    CHECK(!hd_queue_pop_all(queue, -1));
    CHECK(hd_queue_closed(queue));
    hd_queue_free(queue);
}

HD_TEST_MAIN({"carries everything, in order for each producer", carries_everything_in_order},
             {"wake ends one wait, close all", wakes_and_closes})
