/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: checkpoints that are gone with the process, for tests and for trying things out. Answers
 * come from a timer without delay and in order of asking, because the contract says that a callback
 * never runs inside the call that started it.
 */
#include <errno.h>
#include <stdlib.h>

#include "hubdrain/loop.h"
#include "store_ops.h"

struct answer {
    struct answer *next;
    hd_store_list_fn *list_fn;
    hd_store_write_fn *write_fn;
    void *context;
};

struct memory_store {
    struct hd_store store;
    struct hd_checkpoint_list checkpoints;
    struct hd_timer timer;
    struct answer *first, **last;
};

/* A copy is shown: the callback may write, and writing moves the list. */
static void answer_list(struct memory_store *memory, const struct answer *answer)
{
    size_t n = memory->checkpoints.n;
    struct hd_checkpoint *items = malloc((n + 1) * sizeof(*items));
    if (!items) {
        struct hd_diag diag = {0};
        hd_fail(&diag, 0, "cannot list checkpoints: out of memory");
        answer->list_fn(answer->context, HD_STORE_UNAVAILABLE, NULL, 0, &diag);
        return;
    }
    if (n > 0) {
        memcpy(items, memory->checkpoints.items, n * sizeof(*items));
    }
    answer->list_fn(answer->context, HD_STORE_OK, items, n, NULL);
    free(items);
}

static void on_timer(struct hd_timer *timer, void *data)
{
    struct memory_store *memory = data;
    struct answer *answer = memory->first;
    if (!answer) {
        return;
    }
    memory->first = answer->next;
    if (!memory->first) {
        memory->last = &memory->first;
    } else {
        hd_timer_start(timer, 0);
    }
    struct answer taken = *answer;
    free(answer);
    /* The last thing done here: the callback may free the store. */
    if (taken.list_fn) {
        answer_list(memory, &taken);
    } else if (taken.write_fn) {
        taken.write_fn(taken.context, HD_STORE_OK, NULL);
    }
}

static int answer_later(struct memory_store *memory, struct answer answer)
{
    struct answer *copy = malloc(sizeof(*copy));
    if (!copy) {
        return -ENOMEM;
    }
    *copy = answer;
    *memory->last = copy;
    memory->last = &copy->next;
    hd_timer_start(&memory->timer, 0);
    return 0;
}

static int memory_list(struct hd_store *store, hd_store_list_fn *fn, void *context)
{
    return answer_later((struct memory_store *)store,
                        (struct answer){.list_fn = fn, .context = context});
}

static int memory_write(struct hd_store *store, const char *partition,
                        const struct hd_position *position, hd_store_write_fn *fn, void *context)
{
    struct memory_store *memory = (struct memory_store *)store;
    struct hd_checkpoint *found = NULL;
    for (size_t i = 0; i < memory->checkpoints.n && !found; i++) {
        struct hd_checkpoint *at = &memory->checkpoints.items[i];
        found = strcmp(at->partition, partition) == 0 ? at : NULL;
    }
    if (!found) {
        found = hd_checkpoint_list_add(&memory->checkpoints);
        if (!found) {
            return -ENOMEM;
        }
        memcpy(found->partition, partition, strlen(partition) + 1);
    }
    found->position = *position;
    return answer_later(memory, (struct answer){.write_fn = fn, .context = context});
}

static void memory_cancel(struct hd_store *store, void *context)
{
    for (struct answer *at = ((struct memory_store *)store)->first; at; at = at->next) {
        if (at->context == context) {
            at->list_fn = NULL;
            at->write_fn = NULL;
        }
    }
}

static void memory_free(struct hd_store *store)
{
    struct memory_store *memory = (struct memory_store *)store;
    hd_timer_stop(&memory->timer);
    while (memory->first) {
        struct answer *next = memory->first->next;
        free(memory->first);
        memory->first = next;
    }
    hd_checkpoint_list_deinit(&memory->checkpoints);
    free(memory);
}

static const struct hd_store_ops memory_ops = {memory_list, memory_write, memory_cancel,
                                               memory_free};

int hd_store_new_memory(struct hd_loop *loop, struct hd_http *http,
                        const struct hd_store_options *options, struct hd_store **ret,
                        struct hd_diag *diag)
{
    (void)http;
    (void)options;
    (void)diag;
    struct memory_store *memory = calloc(1, sizeof(*memory));
    if (!memory) {
        return -ENOMEM;
    }
    memory->store = (struct hd_store){&memory_ops, loop, "memory"};
    memory->last = &memory->first;
    hd_timer_init(&memory->timer, loop, on_timer, memory);
    *ret = &memory->store;
    return 0;
}
