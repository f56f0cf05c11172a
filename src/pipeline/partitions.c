/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a partition lives as long as the pipeline, since batches point to its info; what changes
 * with each ownership is its generation. A batch remembers the generation it was received under,
 * and one that comes home under another does not move the checkpoint.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credit.h"
#include "hubdrain/exit.h"
#include "hubdrain/log.h"
#include "start.h"
#include "state.h"

int partitions_add(struct hd_pipeline *pipeline, const char *id)
{
    struct partition **grown =
        realloc(pipeline->partitions, (pipeline->n_partitions + 1) * sizeof(*pipeline->partitions));
    if (!grown) {
        return -ENOMEM;
    }
    pipeline->partitions = grown;
    struct partition *partition = calloc(1, sizeof(*partition));
    char *copy = strdup(id);
    if (!partition || !copy) {
        free(partition);
        free(copy);
        return -ENOMEM;
    }
    *partition = (struct partition){
        .info = {.namespace_name = pipeline->options.namespace_name,
                 .hub = pipeline->options.hub,
                 .consumer_group = pipeline->options.consumer_group,
                 .id = copy,
                 .number = pipeline->n_partitions},
        .pipeline = pipeline,
        .mean_bytes = CREDIT_FIRST_MEAN_BYTES,
        .text_percent = 120,
    };
    pipeline->partitions[pipeline->n_partitions++] = partition;
    return 0;
}

void partitions_free(struct hd_pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->n_partitions; i++) {
        struct partition *partition = pipeline->partitions[i];
        hd_batch_free(partition->open);
        hd_window_free(partition->window);
        free((char *)partition->info.id);
        free(partition);
    }
    free(pipeline->partitions);
}

struct partition *partitions_find(struct hd_pipeline *pipeline, const char *id)
{
    for (uint32_t i = 0; i < pipeline->n_partitions; i++) {
        if (strcmp(pipeline->partitions[i]->info.id, id) == 0) {
            return pipeline->partitions[i];
        }
    }
    return NULL;
}

static const struct hd_checkpoint *checkpoint_of(const struct partition *partition)
{
    const struct hd_pipeline *pipeline = partition->pipeline;
    for (size_t i = 0; i < pipeline->n_checkpoints; i++) {
        if (strcmp(pipeline->checkpoints[i].partition, partition->info.id) == 0) {
            return &pipeline->checkpoints[i];
        }
    }
    return NULL;
}

static const char *start_text(const struct hd_start *start)
{
    switch (start->kind) {
    case HD_START_EARLIEST:
        return "earliest";
    case HD_START_LATEST:
        return "latest";
    case HD_START_TIME:
        return "time";
    case HD_START_POSITION:
        return "checkpoint";
    }
    return "";
}

void partition_drop(struct partition *partition)
{
    struct hd_pipeline *pipeline = partition->pipeline;
    intake_close_batch(partition); /* still delivered, no longer counted */
    partition->generation++;
    hd_checkpointer_drop(pipeline->checkpointer, partition->info.id);
    hd_window_free(partition->window);
    partition->window = NULL;
}

static void receive_from(struct partition *partition, const struct hd_start *start)
{
    struct hd_pipeline *pipeline = partition->pipeline;
    partition_drop(partition);
    partition->start = *start;
    int r = hd_window_new(&partition->window);
    if (r == 0) {
        r = hd_checkpointer_add(pipeline->checkpointer, partition->info.id, partition->window,
                                start->kind == HD_START_POSITION ? &start->position : NULL);
    }
    if (r == 0) {
        r = pipeline->source_ops->receive(pipeline->source, partition->info.number, start);
    }
    if (r < 0) {
        hd_pipeline_fail(pipeline, HD_EXIT_OS);
        return;
    }
    hd_log(
        HD_LOG_INFO, "partition.start", "receiving", HD_STR("partition", partition->info.id),
        HD_STR("from", start_text(start)),
        HD_INT("after_sequence_number",
               start->kind == HD_START_POSITION ? start->position.sequence_number : -1),
        HD_STR("after_offset", start->kind == HD_START_POSITION ? start->position.offset : NULL));
}

void partition_receive(struct partition *partition)
{
    const struct hd_pipeline_options *options = &partition->pipeline->options;
    const struct hd_checkpoint *checkpoint = checkpoint_of(partition);
    struct hd_start start;
    bool invalid;
    enum start_result result = start_decide(options->starts, options->n_starts, partition->info.id,
                                            checkpoint, options->on_invalid, &start, &invalid);
    if (invalid) {
        hd_log(result == START_OK ? HD_LOG_WARNING : HD_LOG_ERROR, "checkpoint.invalid",
               result == START_OK
                   ? "the checkpoint is unreadable; starting as on_invalid_checkpoint says"
                   : "the checkpoint is unreadable: correct or remove it, or set "
                     "on_invalid_checkpoint to earliest or latest",
               HD_STR("partition", partition->info.id), HD_STR("found", checkpoint->text),
               HD_STR("start", result == START_OK ? start_text(&start) : NULL));
    }
    if (result == START_INVALID_FAIL) {
        hd_pipeline_fail(partition->pipeline, HD_EXIT_CONFIG);
        return;
    }
    receive_from(partition, &start);
}

/* The hub refused the start position: it is ahead of what the hub has (a hub made anew under the
 * same name, an emulator started empty), or written for another kind of hub. */
static void on_refused(struct partition *partition)
{
    struct hd_pipeline *pipeline = partition->pipeline;
    struct hd_start start;
    enum start_result result = start_after_refusal(pipeline->options.on_invalid, &start);
    bool fail = result == START_INVALID_FAIL || partition->refusals > 0;
    hd_log(fail ? HD_LOG_ERROR : HD_LOG_WARNING, "checkpoint.impossible",
           fail
               ? "the hub refuses the checkpoint: was the hub made anew? Remove the checkpoint, or "
                 "set on_invalid_checkpoint to earliest or latest"
               : "the hub refuses the checkpoint; starting as on_invalid_checkpoint says",
           HD_STR("partition", partition->info.id),
           HD_INT("checkpoint_sequence_number", partition->receiver.position.sequence_number),
           HD_STR("checkpoint_offset", partition->receiver.position.offset),
           HD_STR("hub_says", partition->receiver.text),
           HD_STR("start", fail ? NULL : start_text(&start)));
    partition->refusals++;
    partition_drop(partition);
    if (fail) {
        hd_pipeline_fail(pipeline, HD_EXIT_CONFIG);
    } else {
        receive_from(partition, &start);
    }
}

static void on_state(void *context, uint32_t number, const struct hd_receiver_status *status)
{
    struct hd_pipeline *pipeline = context;
    struct partition *partition = pipeline->partitions[number];
    partition->receiver = *status;
    if (pipeline->stage >= STAGE_CLOSING) {
        return;
    }
    switch (status->state) {
    case HD_RECEIVER_RECEIVING:
        partition->refusals = 0;
        partition->credit = 0;
        completion_grant(pipeline, true);
        break;
    case HD_RECEIVER_STOLEN:
        hd_log(HD_LOG_ERROR, "partition.lost",
               "another receiver took this partition, it is left alone: stop the other consumer of "
               "this consumer group, or give hubdrain a group of its own, then restart",
               HD_STR("partition", partition->info.id), HD_STR("hub_says", status->text));
        partition_drop(partition);
        break;
    case HD_RECEIVER_INVALID_POSITION:
        on_refused(partition);
        break;
    case HD_RECEIVER_CLOSED:
    case HD_RECEIVER_CONNECTING:
    case HD_RECEIVER_FATAL:
        break; /* the hub client goes on by itself and logs what it does */
    }
}

static void on_partitions(void *context, const char *const *ids, size_t n)
{
    struct hd_pipeline *pipeline = context;
    uint32_t known = pipeline->n_partitions;
    for (size_t i = known; i < n; i++) {
        if (partitions_add(pipeline, ids[i]) < 0) {
            hd_pipeline_fail(pipeline, HD_EXIT_OS);
            return;
        }
    }
    hd_log(HD_LOG_NOTICE, "hub.partitions", "partitions known",
           HD_INT("partitions", pipeline->n_partitions));
    for (uint32_t i = known; i < pipeline->n_partitions && pipeline->stage == STAGE_RUNNING; i++) {
        partition_receive(pipeline->partitions[i]);
    }
}

const struct hd_hub_handlers hd_pipeline_handlers = {
    .partitions = on_partitions,
    .reserve = intake_reserve,
    .message = intake_message,
    .state = on_state,
    .drained = intake_drained,
    .pause = intake_pause,
};
