/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of pipeline/ share. Everything here belongs to the loop's thread, but for the
 * fields that say otherwise. */
#ifndef HUBDRAIN_PIPELINE_STATE_H
#define HUBDRAIN_PIPELINE_STATE_H

#include "hubdrain/budget.h"
#include "hubdrain/checkpointer.h"
#include "hubdrain/loop.h"
#include "hubdrain/pipeline.h"
#include "hubdrain/window.h"
#include "workers.h"

struct partition {
    struct hd_partition_info info;
    struct hd_pipeline *pipeline;
    uint64_t generation;      /* batches of an older one no longer count */
    struct hd_window *window; /* of this generation; NULL while nothing is received */
    struct hd_batch *open;    /* being filled */
    uint64_t mean_bytes;      /* of a message */
    uint64_t text_percent;    /* length of its documents, in percent of it */
    uint32_t credit;          /* what was asked for last */
    bool touched;             /* received something since the last drained() */
    struct hd_start start;    /* where it began */
    struct hd_receiver_status receiver;
    uint32_t refusals; /* of a start position, in a row */
};

enum stage {
    STAGE_READING_CHECKPOINTS, /* the store has not answered yet */
    STAGE_RUNNING,
    STAGE_CLOSING,    /* the source is closing its links */
    STAGE_DELIVERING, /* what was received is being delivered */
    STAGE_FLUSHING,   /* checkpoints */
    STAGE_FINISHED,
};

struct hd_pipeline {
    struct hd_loop *loop;
    struct hd_pipeline_options options;
    struct hd_store *store;
    struct hd_outlet *outlets;
    size_t n_outlets;
    const struct hd_source_ops *source_ops;
    void *source;
    struct hd_checkpointer *checkpointer;
    struct workers *workers;

    struct partition **partitions;
    uint32_t n_partitions;
    struct hd_checkpoint *checkpoints; /* as listed at the start */
    size_t n_checkpoints;
    bool checkpoints_known;
    struct hd_timer list_timer;
    int64_t list_delay_ms;

    struct hd_budget budget;
    uint64_t batch_bytes; /* the configured size, or less with little memory */
    bool paused;
    struct hd_timer age_timer;
    struct hd_queue_node *pool; /* empty batches, memory kept */
    uint32_t n_pool;
    uint64_t in_flight;    /* batches between close and home */
    uint64_t window_bytes; /* held by the windows, as of the last time all credit was granted */
    _Atomic uint32_t delivering; /* batches between workers and home */
    atomic_bool halted;          /* workers do not wait for memory any more, nor transform */

    struct hd_queue *home;       /* batches whose last outlet is done; any thread pushes */
    _Atomic bool home_signalled; /* a post is on its way */
    _Atomic int failure;         /* -errno of a worker */

    enum stage stage;
    int exit_code;
    bool source_closed;
    struct hd_timer deadline;
    struct hd_timer finish; /* calls finished() from a turn of its own */
    struct hd_pipeline_status totals;
};

/* partitions.c */
int partitions_add(struct hd_pipeline *pipeline, const char *id);
void partitions_free(struct hd_pipeline *pipeline);
struct partition *partitions_find(struct hd_pipeline *pipeline, const char *id);
/* Starts the receiver of a partition where its checkpoint says. */
void partition_receive(struct partition *partition);
/* Nothing that was received so far may move the checkpoint any more. */
void partition_drop(struct partition *partition);

/* intake.c: from the source to the workers */
char *intake_reserve(void *context, uint32_t number, size_t size);
void intake_message(void *context, uint32_t number, const struct hd_message *message, size_t size);
void intake_drained(void *context);
bool intake_pause(void *context);
void intake_close_batch(struct partition *partition);
void intake_close_all(struct hd_pipeline *pipeline);
void intake_on_age(struct hd_timer *timer, void *data);

/* completion.c: from the workers to the outlets and home */
bool completion_hold(void *context);                          /* worker's thread */
bool completion_over(const struct hd_pipeline *pipeline);     /* too much is in flight */
void completion_ready(void *context, struct hd_batch *batch); /* worker's thread */
void completion_failed(void *context, struct hd_batch *batch, int error); /* worker's thread */
void completion_collect(void *context);
void completion_grant(struct hd_pipeline *pipeline, bool all);
struct hd_batch *pool_take(struct hd_pipeline *pipeline);
void pool_free(struct hd_pipeline *pipeline);

/* shutdown.c */
void shutdown_on_deadline(struct hd_timer *timer, void *data);
void shutdown_on_finish(struct hd_timer *timer, void *data);
void shutdown_on_source_closed(void *context);
void shutdown_check(struct hd_pipeline *pipeline);

#endif
