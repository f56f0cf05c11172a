/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a transformed batch goes to all its outlets at once; the counter in the batch says how
 * many still have it, and whoever takes it to zero sends it home through a queue. Home is the loop:
 * there the window learns what is safe, the memory is given back, and with it credit to the hub.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "credit.h"
#include "hubdrain/exit.h"
#include "hubdrain/log.h"
#include "state.h"

#define POOL_MAX         64
#define TEXT_PERCENT_MIN 113   /* what hd_transform_batch reserves */
#define TEXT_PERCENT_MAX 20000 /* deflate of our kind of text */

/* ---- empty batches ---- */

struct hd_batch *pool_take(struct hd_pipeline *pipeline)
{
    struct hd_batch *batch = (struct hd_batch *)pipeline->pool;
    if (batch) {
        pipeline->pool = batch->node.next;
        pipeline->n_pool--;
        return batch;
    }
    return hd_batch_new(&pipeline->budget, &batch) == 0 ? batch : NULL;
}

static void pool_give(struct hd_pipeline *pipeline, struct hd_batch *batch)
{
    /* What is kept stays charged, so it may only be a small part of the budget. */
    uint64_t most = 4 * pipeline->batch_bytes;
    hd_batch_reset(batch);
    hd_batch_charge(batch);
    if (batch->charged_bytes > most || pipeline->n_pool >= POOL_MAX ||
        (pipeline->n_pool + 1) * most > pipeline->budget.limit_bytes / 8) {
        hd_batch_free(batch);
        return;
    }
    batch->node.next = pipeline->pool;
    pipeline->pool = &batch->node;
    pipeline->n_pool++;
}

void pool_free(struct hd_pipeline *pipeline)
{
    while (pipeline->pool) {
        struct hd_queue_node *next = pipeline->pool->next;
        hd_batch_free((struct hd_batch *)pipeline->pool);
        pipeline->pool = next;
    }
    pipeline->n_pool = 0;
}

/* ---- to the outlets ---- */

static bool wants(const struct hd_outlet *outlet, const struct hd_batch *batch)
{
    return outlet->dead_letters ? batch->n_dead > 0 : batch->n_documents > 0;
}

bool completion_over(const struct hd_pipeline *pipeline)
{
    return hd_budget_left(&pipeline->budget) <= pipeline->window_bytes;
}

/* A worker does not make more documents while there is no room for them, as long as something is on
 * its way out that will make room. */
bool completion_hold(void *context)
{
    struct hd_pipeline *pipeline = context;
    return !atomic_load(&pipeline->halted) && hd_budget_over(&pipeline->budget) &&
           atomic_load(&pipeline->delivering) > 0;
}

static void send_home(struct hd_pipeline *pipeline, struct hd_batch *batch)
{
    hd_queue_push(pipeline->home, &batch->node);
    if (atomic_exchange(&pipeline->home_signalled, true)) {
        return;
    }
    while (hd_loop_post(pipeline->loop, completion_collect, pipeline) < 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* no memory for a few bytes */
    }
}

void completion_ready(void *context, struct hd_batch *batch)
{
    struct hd_pipeline *pipeline = context;
    uint32_t pending = 1; /* ours, until everyone has it */
    for (size_t i = 0; i < pipeline->n_outlets; i++) {
        pending += wants(&pipeline->outlets[i], batch);
    }
    atomic_store(&batch->pending, pending);
    atomic_fetch_add(&pipeline->delivering, 1);
    for (size_t i = 0; i < pipeline->n_outlets; i++) {
        if (wants(&pipeline->outlets[i], batch)) {
            pipeline->outlets[i].submit(pipeline->outlets[i].self, batch);
        }
    }
    hd_pipeline_batch_done(pipeline, batch);
}

void hd_pipeline_batch_done(void *context, struct hd_batch *batch)
{
    if (atomic_fetch_sub_explicit(&batch->pending, 1, memory_order_acq_rel) == 1) {
        send_home(context, batch);
    }
}

void hd_pipeline_batch_abandoned(void *context, struct hd_batch *batch)
{
    atomic_store(&batch->abandoned, true);
    hd_pipeline_batch_done(context, batch);
}

void completion_failed(void *context, struct hd_batch *batch, int error)
{
    struct hd_pipeline *pipeline = context;
    if (error != -ECANCELED) {
        atomic_store(&pipeline->failure, error);
    }
    hd_batch_reset(batch); /* it acknowledges nothing */
    atomic_fetch_add(&pipeline->delivering, 1);
    send_home(pipeline, batch);
}

/* ---- home ---- */

static void acknowledge(struct partition *partition, const struct hd_batch *batch)
{
    for (uint32_t i = 0; i < batch->n_messages; i++) {
        int r = hd_window_ack(partition->window, batch->messages[i].sequence_number, 1);
        if (r < 0) {
            hd_log(HD_LOG_ERROR, "pipeline.failed", "the acknowledgement of a message was refused",
                   HD_STR("partition", partition->info.id),
                   HD_INT("sequence_number", batch->messages[i].sequence_number));
            hd_pipeline_fail(partition->pipeline, HD_EXIT_INTERNAL);
            return;
        }
    }
    hd_checkpointer_moved(partition->pipeline->checkpointer, partition->info.id,
                          batch->n_documents + batch->n_dead);
}

/* What a byte received costs as documents: little where rendered messages are left out, a lot where
 * bodies are tiny or compressed. */
static void learn_text(struct partition *partition, const struct hd_batch *batch)
{
    if (batch->raw.len > 0 && batch->n_documents > 0) {
        uint64_t percent = (uint64_t)batch->text.len * 100 / batch->raw.len;
        percent = percent < TEXT_PERCENT_MIN ? TEXT_PERCENT_MIN : percent;
        percent = percent > TEXT_PERCENT_MAX ? TEXT_PERCENT_MAX : percent;
        partition->text_percent = credit_mean(partition->text_percent, percent);
    }
}

static void take_home(struct hd_pipeline *pipeline, struct hd_batch *batch)
{
    pipeline->in_flight--;
    atomic_fetch_sub(&pipeline->delivering, 1);
    if (batch->partition && !atomic_load(&batch->abandoned)) {
        struct partition *partition = pipeline->partitions[batch->partition->number];
        pipeline->totals.events += batch->n_documents;
        pipeline->totals.dead_letters += batch->n_dead;
        pipeline->totals.skipped += batch->n_skipped;
        learn_text(partition, batch);
        if (batch->generation == partition->generation && partition->window) {
            acknowledge(partition, batch);
        }
    }
    pool_give(pipeline, batch);
}

void completion_collect(void *context)
{
    struct hd_pipeline *pipeline = context;
    atomic_store(&pipeline->home_signalled, false);
    struct hd_queue_node *node = hd_queue_pop_all(pipeline->home, 0);
    while (node) {
        struct hd_queue_node *next = node->next;
        take_home(pipeline, (struct hd_batch *)node);
        node = next;
    }
    int failure = atomic_load(&pipeline->failure);
    if (failure < 0 && pipeline->stage < STAGE_CLOSING) {
        hd_log(HD_LOG_ERROR, "pipeline.failed", "a worker ran out of memory, ending",
               HD_STR("error", strerror(-failure)));
        hd_pipeline_fail(pipeline, HD_EXIT_OS);
    }
    if (pipeline->in_flight == 0 && hd_budget_over(&pipeline->budget)) {
        pool_free(pipeline); /* what else could make room? */
    }
    completion_grant(pipeline, true);
    workers_wake(pipeline->workers);
    if (pipeline->paused && pipeline->stage <= STAGE_CLOSING && !completion_over(pipeline)) {
        pipeline->paused = false;
        pipeline->source_ops->resume(pipeline->source);
    }
    shutdown_check(pipeline);
}

/* ---- credit ---- */

void completion_grant(struct hd_pipeline *pipeline, bool all)
{
    if (pipeline->stage != STAGE_RUNNING) {
        return;
    }
    if (all) {
        pipeline->window_bytes = 0;
        for (uint32_t i = 0; i < pipeline->n_partitions; i++) {
            const struct hd_window *window = pipeline->partitions[i]->window;
            pipeline->window_bytes += window ? hd_window_bytes(window) : 0;
        }
    }
    uint64_t left = hd_budget_left(&pipeline->budget);
    left = left > pipeline->window_bytes ? left - pipeline->window_bytes : 0;
    for (uint32_t i = 0; i < pipeline->n_partitions; i++) {
        struct partition *partition = pipeline->partitions[i];
        if ((!all && !partition->touched) || partition->receiver.state != HD_RECEIVER_RECEIVING) {
            continue;
        }
        uint32_t credit = credit_for(pipeline->budget.limit_bytes, left, pipeline->n_partitions,
                                     partition->mean_bytes * (100 + partition->text_percent) / 200);
        /* What was used up is topped up at once; for the others only a real change is worth a
         * frame. */
        uint32_t change =
            credit > partition->credit ? credit - partition->credit : partition->credit - credit;
        if (partition->touched || change > partition->credit / 8) {
            pipeline->source_ops->set_credit(pipeline->source, partition->info.number, credit);
            partition->credit = credit;
        }
        partition->touched = false;
    }
}
