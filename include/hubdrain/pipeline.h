/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipeline: the only place that knows the order of the stages. It starts receivers where the
 * checkpoints say, gathers messages in batches, has workers transform them, hands them to every
 * outlet, and moves the watermark when the last outlet is done. Memory is bounded by credit.
 *
 * The hub, the outlets and the store are given to it, so that a script with a fake clock can play
 * all three (tests/replay).
 *
 * Owner:   whoever made it; source, outlets and store outlive it.
 * Threads: the loop's, except hd_pipeline_batch_done (any).
 * Limits:  hd_pipeline_options. Errors: see hd_pipeline_options.finished.
 */
#ifndef HUBDRAIN_PIPELINE_H
#define HUBDRAIN_PIPELINE_H

#include "hubdrain/config.h"
#include "hubdrain/hub.h"
#include "hubdrain/normalise.h"
#include "hubdrain/store.h"

struct hd_loop;
struct hd_pipeline;

/* Where messages come from: struct hd_hub, or a script. The functions are those of hub.h. */
struct hd_source_ops {
    int (*start)(void *self);
    int (*receive)(void *self, uint32_t number, const struct hd_start *start);
    void (*release)(void *self, uint32_t number);
    void (*set_credit)(void *self, uint32_t number, uint32_t messages);
    void (*resume)(void *self);
    void (*close)(void *self, int64_t timeout_ms, void (*done)(void *context));
};
extern const struct hd_source_ops hd_source_hub;

/* Where batches go: struct hd_sink, or a script. It calls hd_pipeline_batch_done for each. */
struct hd_outlet {
    void (*submit)(void *self, struct hd_batch *batch); /* any thread; never blocks */
    void *self;
    bool dead_letters; /* gets only batches with dead letters */
};

/* The part of the configuration that it needs. Strings outlive the pipeline. */
struct hd_pipeline_options {
    const char *namespace_name, *hub, *consumer_group;
    const struct hd_config_start *starts; /* the last one has partition NULL */
    size_t n_starts;
    enum hd_on_invalid on_invalid;
    int64_t checkpoint_interval_ms;
    uint64_t checkpoint_events;

    uint64_t memory_limit_bytes;
    uint32_t workers; /* 0: none, the loop transforms (replay) */
    uint64_t batch_bytes;
    uint32_t batch_messages;
    int64_t batch_age_ms;
    struct hd_decode_limits limits;
    enum hd_schema schema;
    struct hd_normalise_options normalise;
    int64_t shutdown_timeout_ms;

    /* Once, after hd_pipeline_stop or an error: 0, or an exit code (cli.h). */
    void (*finished)(void *context, int exit_code);
    void *context;
};

int hd_pipeline_new(struct hd_loop *loop, const struct hd_pipeline_options *options,
                    struct hd_store *store, const struct hd_outlet *outlets, size_t n_outlets,
                    struct hd_pipeline **ret);
/* Ends the workers: no batch reaches an outlet after it. Before the outlets are stopped. */
void hd_pipeline_halt(struct hd_pipeline *pipeline);
/* After `finished`, hd_pipeline_halt, and after the outlets have stopped. Accepts NULL. */
void hd_pipeline_free(struct hd_pipeline *pipeline);

/* What the source calls, with the pipeline as context. */
extern const struct hd_hub_handlers hd_pipeline_handlers;

/* What an outlet calls when it is done with a batch: context is the pipeline. Any thread. */
void hd_pipeline_batch_done(void *pipeline, struct hd_batch *batch);

/* Instead of it, when the outlet has stopped and will not deliver the batch. */
void hd_pipeline_batch_abandoned(void *pipeline, struct hd_batch *batch);

/* Reads the checkpoints (for as long as it takes), then receives. */
int hd_pipeline_start(struct hd_pipeline *pipeline, const struct hd_source_ops *ops, void *source);

/* Ends as hd_pipeline_stop does, with this exit code; the first one counts. */
void hd_pipeline_fail(struct hd_pipeline *pipeline, int exit_code);

/* Takes no more, delivers what is there, writes the checkpoints, calls finished. Again: waits for
 * nothing but the checkpoints. */
void hd_pipeline_stop(struct hd_pipeline *pipeline);

/* false when a worker hangs (watchdog). */
bool hd_pipeline_alive(const struct hd_pipeline *pipeline);

struct hd_pipeline_status {
    uint32_t partitions, receiving;
    uint64_t messages, events, dead_letters, skipped, received_bytes; /* handled so far */
    uint64_t in_flight_batches, memory_used_bytes, memory_peak_bytes, memory_limit_bytes;
    bool checkpoints_known; /* the store has been read */
    char worst[256];        /* the partition that is worst off, and why; "" when all receive */
};
void hd_pipeline_status(const struct hd_pipeline *pipeline, struct hd_pipeline_status *ret);

#endif
