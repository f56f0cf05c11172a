/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: putting the parts together and the first step, reading the checkpoints. The life of a
 * message goes on in partitions.c, intake.c, completion.c; the end is in shutdown.c. */
#include "hubdrain/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hubdrain/log.h"
#include "state.h"

#define LIST_DELAY_MIN_MS 1000
#define LIST_DELAY_MAX_MS 30000
#define WORKER_HANG_MS    30000

/* Each partition should be able to hold a few batches, raw and as documents. */
static uint64_t bounded_batch_bytes(const struct hd_pipeline_options *options)
{
    uint64_t most = options->memory_limit_bytes / 64;
    uint64_t bytes = options->batch_bytes < most ? options->batch_bytes : most;
    return bytes < 4096 ? 4096 : bytes;
}

static void on_list_timer(struct hd_timer *timer, void *data);

static int pipeline_init(struct hd_pipeline *pipeline)
{
    const struct hd_pipeline_options *options = &pipeline->options;
    int r = hd_queue_new(&pipeline->home);
    if (r < 0) {
        return r;
    }
    struct hd_checkpointer_options checkpointer = {
        .interval_ms = options->checkpoint_interval_ms,
        .events = options->checkpoint_events,
    };
    r = hd_checkpointer_new(pipeline->loop, pipeline->store, &checkpointer,
                            &pipeline->checkpointer);
    if (r < 0) {
        return r;
    }
    return workers_new(
        &(struct workers_options){
            .n = options->workers,
            .limits = options->limits,
            .schema = options->schema,
            .normalise = options->normalise,
            .ready = completion_ready,
            .failed = completion_failed,
            .hold = completion_hold,
            .context = pipeline,
        },
        &pipeline->workers);
}

int hd_pipeline_new(struct hd_loop *loop, const struct hd_pipeline_options *options,
                    struct hd_store *store, const struct hd_outlet *outlets, size_t n_outlets,
                    struct hd_pipeline **ret)
{
    struct hd_pipeline *pipeline = calloc(1, sizeof(*pipeline));
    if (!pipeline) {
        return -ENOMEM;
    }
    pipeline->loop = loop;
    pipeline->options = *options;
    pipeline->store = store;
    pipeline->batch_bytes = bounded_batch_bytes(options);
    pipeline->list_delay_ms = LIST_DELAY_MIN_MS;
    hd_budget_init(&pipeline->budget, options->memory_limit_bytes);
    hd_timer_init(&pipeline->list_timer, loop, on_list_timer, pipeline);
    hd_timer_init(&pipeline->age_timer, loop, intake_on_age, pipeline);
    hd_timer_init(&pipeline->deadline, loop, shutdown_on_deadline, pipeline);
    hd_timer_init(&pipeline->finish, loop, shutdown_on_finish, pipeline);
    pipeline->outlets = calloc(n_outlets ? n_outlets : 1, sizeof(*outlets));
    int r = pipeline->outlets ? pipeline_init(pipeline) : -ENOMEM;
    if (r < 0) {
        hd_pipeline_free(pipeline);
        return r;
    }
    memcpy(pipeline->outlets, outlets, n_outlets * sizeof(*outlets));
    pipeline->n_outlets = n_outlets;
    *ret = pipeline;
    return 0;
}

void hd_pipeline_halt(struct hd_pipeline *pipeline)
{
    atomic_store(&pipeline->halted, true);
    workers_halt(pipeline->workers);
}

void hd_pipeline_free(struct hd_pipeline *pipeline)
{
    if (!pipeline) {
        return;
    }
    hd_timer_stop(&pipeline->list_timer);
    hd_timer_stop(&pipeline->age_timer);
    hd_timer_stop(&pipeline->deadline);
    hd_timer_stop(&pipeline->finish);
    hd_store_cancel(pipeline->store, pipeline);
    workers_free(pipeline->workers);
    hd_checkpointer_free(pipeline->checkpointer);
    if (pipeline->home) {
        for (struct hd_queue_node *node = hd_queue_pop_all(pipeline->home, 0), *next; node;
             node = next) {
            next = node->next;
            hd_batch_free((struct hd_batch *)node);
        }
    }
    hd_queue_free(pipeline->home);
    partitions_free(pipeline);
    pool_free(pipeline);
    free(pipeline->checkpoints);
    free(pipeline->outlets);
    free(pipeline);
}

/* ---- the first step: the checkpoints ---- */

static void run(struct hd_pipeline *pipeline)
{
    pipeline->stage = STAGE_RUNNING;
    for (uint32_t i = 0; i < pipeline->n_partitions && pipeline->stage == STAGE_RUNNING; i++) {
        partition_receive(pipeline->partitions[i]);
    }
}

static void on_listed(void *context, enum hd_store_result result,
                      const struct hd_checkpoint *checkpoints, size_t n, const struct hd_diag *diag)
{
    struct hd_pipeline *pipeline = context;
    if (pipeline->stage != STAGE_READING_CHECKPOINTS) {
        return;
    }
    if (result == HD_STORE_OK) {
        pipeline->checkpoints = calloc(n ? n : 1, sizeof(*checkpoints));
        if (pipeline->checkpoints) {
            if (n > 0) {
                memcpy(pipeline->checkpoints, checkpoints, n * sizeof(*checkpoints));
            }
            pipeline->n_checkpoints = n;
            pipeline->checkpoints_known = true;
            hd_log(HD_LOG_NOTICE, "checkpoint.read", "checkpoints read",
                   HD_STR("store", hd_store_describe(pipeline->store)), HD_INT("checkpoints", n));
            run(pipeline);
            return;
        }
    }
    /* Without the checkpoints nobody knows where to begin: guessing would lose or repeat events. */
    hd_log(result == HD_STORE_DENIED ? HD_LOG_ERROR : HD_LOG_WARNING, "checkpoint.unreadable",
           "the checkpoints cannot be read, nothing is received until they can",
           HD_STR("store", hd_store_describe(pipeline->store)),
           HD_STR("reason", diag ? diag->text : "out of memory"),
           HD_INT("retry_in_ms", pipeline->list_delay_ms));
    hd_timer_start(&pipeline->list_timer, pipeline->list_delay_ms);
    pipeline->list_delay_ms = pipeline->list_delay_ms * 2 < LIST_DELAY_MAX_MS
                                  ? pipeline->list_delay_ms * 2
                                  : LIST_DELAY_MAX_MS;
}

static void on_list_timer(struct hd_timer *timer, void *data)
{
    struct hd_pipeline *pipeline = data;
    if (hd_store_list(pipeline->store, on_listed, pipeline) < 0) {
        hd_timer_start(timer, LIST_DELAY_MIN_MS);
    }
}

int hd_pipeline_start(struct hd_pipeline *pipeline, const struct hd_source_ops *ops, void *source)
{
    pipeline->source_ops = ops;
    pipeline->source = source;
    hd_timer_start(&pipeline->list_timer, 0);
    return ops->start(source);
}

/* ---- what others ask ---- */

bool hd_pipeline_alive(const struct hd_pipeline *pipeline)
{
    return workers_alive(pipeline->workers, WORKER_HANG_MS);
}

void hd_pipeline_status(const struct hd_pipeline *pipeline, struct hd_pipeline_status *ret)
{
    *ret = pipeline->totals;
    ret->partitions = pipeline->n_partitions;
    ret->in_flight_batches = pipeline->in_flight;
    ret->memory_limit_bytes = pipeline->budget.limit_bytes;
    ret->memory_used_bytes = atomic_load(&pipeline->budget.used_bytes);
    ret->memory_peak_bytes = atomic_load(&pipeline->budget.peak_bytes);
    ret->checkpoints_known = pipeline->checkpoints_known;
    enum hd_receiver_state worst = HD_RECEIVER_RECEIVING;
    for (uint32_t i = 0; i < pipeline->n_partitions; i++) {
        const struct partition *partition = pipeline->partitions[i];
        enum hd_receiver_state state = partition->receiver.state;
        if (state == HD_RECEIVER_RECEIVING) {
            ret->receiving++;
        } else if (ret->worst[0] == '\0' || state > worst) {
            worst = state;
            snprintf(ret->worst, sizeof(ret->worst), "partition %s: %s %s", partition->info.id,
                     hd_receiver_state_name(state), partition->receiver.condition);
        }
    }
}
