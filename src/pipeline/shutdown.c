/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: ending is a row of stages, each entered once: close the source, deliver what was
 * received, write the checkpoints, finished. One deadline ends the waiting of the first two; what
 * is not delivered then is received again after the next start.
 */
#include <stdlib.h>

#include "hubdrain/exit.h"
#include "hubdrain/log.h"
#include "state.h"

#define FLUSH_MIN_MS   2000
#define CLOSE_MS       3000
#define FLUSH_AGAIN_MS 200 /* asked again: one more try */

static void on_flushed(void *context)
{
    struct hd_pipeline *pipeline = context;
    if (pipeline->stage == STAGE_FLUSHING) {
        pipeline->stage = STAGE_FINISHED;
        hd_timer_stop(&pipeline->deadline);
        hd_timer_start(&pipeline->finish, 0);
    }
}

static void flush(struct hd_pipeline *pipeline)
{
    int64_t left = hd_timer_running(&pipeline->deadline)
                       ? pipeline->deadline.due_ms - hd_loop_now_ms(pipeline->loop)
                       : 0;
    hd_timer_stop(&pipeline->deadline);
    pipeline->stage = STAGE_FLUSHING;
    hd_checkpointer_flush(pipeline->checkpointer, left > FLUSH_MIN_MS ? left : FLUSH_MIN_MS,
                          on_flushed, pipeline);
}

void shutdown_check(struct hd_pipeline *pipeline)
{
    if (pipeline->stage == STAGE_CLOSING && pipeline->source_closed) {
        pipeline->stage = STAGE_DELIVERING;
        intake_close_all(pipeline);
    }
    if (pipeline->stage == STAGE_DELIVERING && pipeline->in_flight == 0) {
        flush(pipeline);
    }
}

void shutdown_on_source_closed(void *context)
{
    struct hd_pipeline *pipeline = context;
    pipeline->source_closed = true;
    shutdown_check(pipeline);
}

void shutdown_on_deadline(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_pipeline *pipeline = data;
    if (pipeline->stage == STAGE_CLOSING || pipeline->stage == STAGE_DELIVERING) {
        hd_log(
            HD_LOG_WARNING, "pipeline.abandoned",
            "not everything could be delivered in time; it is received again after the next start",
            HD_INT("batches", pipeline->in_flight));
        flush(pipeline);
    }
}

void shutdown_on_finish(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_pipeline *pipeline = data;
    pipeline->options.finished(pipeline->options.context, pipeline->exit_code);
}

void hd_pipeline_stop(struct hd_pipeline *pipeline)
{
    if (pipeline->stage == STAGE_CLOSING || pipeline->stage == STAGE_DELIVERING) {
        shutdown_on_deadline(&pipeline->deadline, pipeline); /* asked again: now */
        return;
    }
    if (pipeline->stage == STAGE_FLUSHING) {
        hd_checkpointer_flush(pipeline->checkpointer, FLUSH_AGAIN_MS, on_flushed, pipeline);
        return;
    }
    if (pipeline->stage > STAGE_RUNNING) {
        return;
    }
    bool started = pipeline->source != NULL;
    pipeline->stage = STAGE_CLOSING;
    hd_timer_stop(&pipeline->list_timer);
    hd_timer_start(&pipeline->deadline, pipeline->options.shutdown_timeout_ms);
    if (started) {
        pipeline->source_ops->close(pipeline->source, CLOSE_MS, shutdown_on_source_closed);
    } else {
        shutdown_on_source_closed(pipeline);
    }
}

void hd_pipeline_fail(struct hd_pipeline *pipeline, int exit_code)
{
    if (pipeline->exit_code == 0) {
        pipeline->exit_code = exit_code;
    }
    if (pipeline->stage <= STAGE_RUNNING) {
        hd_pipeline_stop(pipeline);
    }
}
