/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS 1714637730000 /* 2024-05-02T08:15:30Z */

/* ---- the source ---- */

static int source_start(void *self)
{
    struct world *world = self;
    const char *ids[MAX_PARTITIONS];
    for (uint32_t i = 0; i < world->n_partitions; i++) {
        ids[i] = world->partitions[i].id;
    }
    world->source_started = true;
    hd_pipeline_handlers.partitions(world->pipeline, ids, world->n_partitions);
    return 0;
}

struct attach {
    struct world *world;
    uint32_t number;
};

static void attached(void *data)
{
    struct attach attach = *(struct attach *)data;
    free(data);
    struct world *world = attach.world;
    if (world->partitions[attach.number].refuse_next) {
        world->partitions[attach.number].refuse_next = false;
        world_state(world, attach.number, HD_RECEIVER_INVALID_POSITION,
                    "The supplied sequence number is invalid. The last sequence number in the "
                    "system is '5'");
    } else {
        world->partitions[attach.number].receiving = true;
        world_state(world, attach.number, HD_RECEIVER_RECEIVING, "");
    }
}

static int source_receive(void *self, uint32_t number, const struct hd_start *start)
{
    struct world *world = self;
    world->partitions[number].start = *start;
    world->partitions[number].n_receives++;
    struct attach *attach = malloc(sizeof(*attach));
    if (!attach) {
        abort();
    }
    *attach = (struct attach){world, number};
    return hd_loop_post(world->loop, attached, attach);
}

static void source_release(void *self, uint32_t number)
{
    ((struct world *)self)->partitions[number].receiving = false;
}

static void source_set_credit(void *self, uint32_t number, uint32_t messages)
{
    ((struct world *)self)->partitions[number].credit = messages;
}

static void source_resume(void *self)
{
    ((struct world *)self)->resumed = true;
}

static void source_closed(void *self)
{
    struct world *world = self;
    world->close_done(world->pipeline);
}

static void source_close(void *self, int64_t timeout_ms, void (*done)(void *context))
{
    (void)timeout_ms;
    ((struct world *)self)->close_done = done;
    hd_loop_post(((struct world *)self)->loop, source_closed, self);
}

static const struct hd_source_ops source_ops = {source_start,      source_receive, source_release,
                                                source_set_credit, source_resume,  source_close};

void world_state(struct world *world, uint32_t partition, enum hd_receiver_state state,
                 const char *text)
{
    struct hd_receiver_status status = {.state = state,
                                        .since_ms = hd_loop_now_ms(world->loop),
                                        .position = {.sequence_number = -1}};
    snprintf(status.text, sizeof(status.text), "%s", text);
    hd_pipeline_handlers.state(world->pipeline, partition, &status);
}

void world_deliver(struct world *world, uint32_t partition, int64_t sequence_number,
                   struct hd_slice body, bool bad)
{
    char offset[24];
    size_t offset_len =
        (size_t)snprintf(offset, sizeof(offset), "%lld", (long long)sequence_number * 100);
    size_t size = body.len + offset_len;
    char *at = hd_pipeline_handlers.reserve(world->pipeline, partition, size);
    if (!at) {
        abort();
    }
    if (body.len > 0) {
        memcpy(at, body.data, body.len);
    }
    memcpy(at + body.len, offset, offset_len);
    struct hd_message message = {
        .sequence_number = sequence_number,
        .enqueued_ms = START_MS - 1000,
        .body = 0,
        .body_len = (uint32_t)body.len,
        .offset = (uint32_t)body.len,
        .offset_len = (uint32_t)offset_len,
        .bad = bad,
    };
    hd_pipeline_handlers.message(world->pipeline, partition, &message, size);
}

/* ---- outlets ---- */

static void outlet_submit(void *self, struct hd_batch *batch)
{
    struct world_outlet *outlet = self;
    if (outlet->n_held == MAX_HELD) {
        abort();
    }
    if (outlet->documents == 0 && batch->n_documents > 0) {
        struct hd_origin origin;
        hd_batch_origin(batch, batch->documents[0].message, &origin);
        origin.index = batch->documents[0].index;
        hd_event_id(&origin, outlet->first_id);
    }
    outlet->held[outlet->n_held++] = batch;
    outlet->documents += batch->n_documents;
    outlet->dead += batch->n_dead;
}

bool world_ack(struct world *world, uint32_t number, bool latest)
{
    struct world_outlet *outlet = &world->outlets[number];
    if (outlet->n_held == 0) {
        return false;
    }
    size_t at = latest ? outlet->n_held - 1 : 0;
    struct hd_batch *batch = outlet->held[at];
    memmove(&outlet->held[at], &outlet->held[at + 1],
            (outlet->n_held - at - 1) * sizeof(outlet->held[0]));
    outlet->n_held--;
    hd_pipeline_batch_done(world->pipeline, batch);
    return true;
}

/* ---- the store ---- */

static struct world *world_of(struct hd_store *store)
{
    return (struct world *)((char *)store - offsetof(struct world, store));
}

struct refusal {
    struct world *world;
    hd_store_list_fn *list;
    hd_store_write_fn *write;
    void *context;
    enum hd_store_result result;
};

static void refuse(void *data)
{
    struct refusal refusal = *(struct refusal *)data;
    free(data);
    struct hd_diag diag = {.text = "the script says no"};
    if (refusal.list) {
        refusal.list(refusal.context, refusal.result, NULL, 0, &diag);
    } else {
        refusal.write(refusal.context, refusal.result, &diag);
    }
}

static int refuse_later(struct world *world, hd_store_list_fn *list, hd_store_write_fn *write,
                        void *context)
{
    if (world->store_mode == STORE_HANGS) {
        return 0;
    }
    struct refusal *refusal = malloc(sizeof(*refusal));
    if (!refusal) {
        abort();
    }
    *refusal =
        (struct refusal){world, list, write, context,
                         world->store_mode == STORE_DOWN ? HD_STORE_UNAVAILABLE : HD_STORE_DENIED};
    return hd_loop_post(world->loop, refuse, refusal);
}

struct listing {
    struct world *world;
    hd_store_list_fn *fn;
    void *context;
};

/* The memory store cannot hold what is no checkpoint; the script's garbage is put beside it. */
static void on_listed(void *context, enum hd_store_result result,
                      const struct hd_checkpoint *checkpoints, size_t n, const struct hd_diag *diag)
{
    struct listing listing = *(struct listing *)context;
    free(context);
    struct hd_checkpoint all[2 * MAX_PARTITIONS];
    for (size_t i = 0; i < n; i++) {
        all[i] = checkpoints[i];
    }
    for (size_t i = 0; i < listing.world->n_garbage; i++) {
        all[n + i] = listing.world->garbage[i];
    }
    listing.fn(listing.context, result, all, n + listing.world->n_garbage, diag);
}

static int store_list(struct hd_store *store, hd_store_list_fn *fn, void *context)
{
    struct world *world = world_of(store);
    if (world->store_mode != STORE_WORKS) {
        return refuse_later(world, fn, NULL, context);
    }
    struct listing *listing = malloc(sizeof(*listing));
    if (!listing) {
        abort();
    }
    *listing = (struct listing){world, fn, context};
    return hd_store_list(world->memory, on_listed, listing);
}

static int store_write(struct hd_store *store, const char *partition,
                       const struct hd_position *position, hd_store_write_fn *fn, void *context)
{
    struct world *world = world_of(store);
    if (world->store_mode != STORE_WORKS) {
        return refuse_later(world, NULL, fn, context);
    }
    world->writes++;
    return hd_store_write(world->memory, partition, position, fn, context);
}

static void store_cancel(struct hd_store *store, void *context)
{
    hd_store_cancel(world_of(store)->memory, context);
}

static void store_free(struct hd_store *store)
{
    (void)store;
}

static const struct hd_store_ops store_ops = {
    .list = store_list, .write = store_write, .cancel = store_cancel, .free = store_free};

struct look {
    const char *partition;
    struct hd_position found;
};

static void on_look(void *context, enum hd_store_result result,
                    const struct hd_checkpoint *checkpoints, size_t n, const struct hd_diag *diag)
{
    (void)result;
    (void)diag;
    struct look *look = context;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(checkpoints[i].partition, look->partition) == 0) {
            look->found = checkpoints[i].position;
        }
    }
}

struct hd_position world_checkpoint(struct world *world, uint32_t partition)
{
    struct look look = {.partition = world->partitions[partition].id,
                        .found = {.sequence_number = -1}};
    if (hd_store_list(world->memory, on_look, &look) < 0) {
        abort();
    }
    hd_loop_advance(world->loop, 0);
    return look.found;
}

/* ---- the whole ---- */

static void on_finished(void *context, int exit_code)
{
    struct world *world = context;
    world->finished = true;
    world->exit_code = exit_code;
}

void world_init(struct world *world)
{
    *world = (struct world){.n_partitions = 1, .n_outlets = 2};
    if (hd_loop_new_virtual(START_MS, &world->loop) < 0) {
        abort();
    }
    struct hd_store_options memory = {.kind = HD_STORE_MEMORY,
                                      .namespace_name = "ns.example.net",
                                      .hub = "hub",
                                      .consumer_group = "$Default"};
    if (hd_store_new(world->loop, NULL, &memory, &world->memory, NULL) < 0) {
        abort();
    }
    world->store = (struct hd_store){&store_ops, world->loop, "script"};
    world->options = (struct hd_pipeline_options){
        .namespace_name = "ns.example.net",
        .hub = "hub",
        .consumer_group = "$Default",
        .n_starts = 1,
        .checkpoint_interval_ms = 30000,
        .memory_limit_bytes = 16 << 20,
        .batch_bytes = 256 << 10,
        .batch_messages = 1000,
        .batch_age_ms = 100,
        .limits = {.max_record_bytes = 1 << 20,
                   .max_body_bytes = 32 << 20,
                   .max_depth = 64,
                   .max_fields = 4096},
        .shutdown_timeout_ms = 25000,
        .finished = on_finished,
        .context = world,
    };
    for (uint32_t i = 0; i < MAX_PARTITIONS; i++) {
        snprintf(world->partitions[i].id, sizeof(world->partitions[i].id), "%u", i);
    }
}

int world_start(struct world *world)
{
    struct hd_outlet outlets[MAX_OUTLETS];
    for (size_t i = 0; i < world->n_outlets; i++) {
        world->outlets[i].world = world;
        outlets[i] =
            (struct hd_outlet){outlet_submit, &world->outlets[i], i + 1 == world->n_outlets};
    }
    world->options.starts = &world->start;
    int r = hd_pipeline_new(world->loop, &world->options, &world->store, outlets, world->n_outlets,
                            &world->pipeline);
    return r < 0 ? r : hd_pipeline_start(world->pipeline, &source_ops, world);
}

void world_deinit(struct world *world)
{
    for (size_t i = 0; i < world->n_outlets && world->pipeline; i++) {
        struct world_outlet *outlet = &world->outlets[i];
        while (outlet->n_held > 0) {
            hd_pipeline_batch_abandoned(world->pipeline, outlet->held[--outlet->n_held]);
        }
    }
    hd_loop_advance(world->loop, 0);
    hd_pipeline_free(world->pipeline);
    hd_store_free(world->memory);
    hd_loop_free(world->loop);
}
