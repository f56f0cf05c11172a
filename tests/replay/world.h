/* SPDX-License-Identifier: Apache-2.0 */
/* The world around a pipeline, played by a script: a source, outlets that hold what they get, a
 * store that fails on demand, and the clock. One thread. */
#ifndef HUBDRAIN_REPLAY_WORLD_H
#define HUBDRAIN_REPLAY_WORLD_H

#include "hubdrain/loop.h"
#include "hubdrain/pipeline.h"
#include "src/checkpoint/store_ops.h"

enum { MAX_PARTITIONS = 64, MAX_OUTLETS = 4, MAX_HELD = 4096 };

struct world;

struct world_outlet {
    struct world *world;
    struct hd_batch *held[MAX_HELD];
    size_t n_held;
    uint64_t documents, dead; /* seen in all */
    char first_id[HD_EVENT_ID_SIZE];
};

enum store_mode { STORE_WORKS, STORE_DOWN, STORE_REFUSES, STORE_HANGS };

struct world {
    struct hd_loop *loop;
    struct hd_pipeline *pipeline;
    struct hd_pipeline_options options;
    struct hd_config_start start;

    uint32_t n_partitions;
    struct {
        char id[16];
        bool receiving, refuse_next;
        struct hd_start start;
        uint32_t n_receives;
        uint32_t credit;
    } partitions[MAX_PARTITIONS];
    bool source_started, resumed;
    void (*close_done)(void *context);

    struct world_outlet outlets[MAX_OUTLETS]; /* the last one is the dead letters' */
    size_t n_outlets;

    struct hd_store store; /* what the pipeline sees */
    enum store_mode store_mode;
    struct hd_store *memory;
    struct hd_checkpoint garbage[MAX_PARTITIONS];
    size_t n_garbage;
    uint64_t writes;

    bool finished;
    int exit_code;
};

void world_init(struct world *world);
int world_start(struct world *world);
void world_deinit(struct world *world);

/* What a hub would do. */
void world_deliver(struct world *world, uint32_t partition, int64_t sequence_number,
                   struct hd_slice body, bool bad);
void world_state(struct world *world, uint32_t partition, enum hd_receiver_state state,
                 const char *text);

/* The outlet is done with its oldest (or latest) batch; false when it holds none. */
bool world_ack(struct world *world, uint32_t outlet, bool latest);

/* The checkpoint in the store; sequence number -1: none. */
struct hd_position world_checkpoint(struct world *world, uint32_t partition);

#endif
