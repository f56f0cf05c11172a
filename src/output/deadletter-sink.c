/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. What decode could not understand goes the same way as everything else: a sink, whose
 * "documents" are batch->dead[] and whose output is the dead-letter file. deliver only collects;
 * commit writes what was collected with one sync, all or none. Where that would be more than one
 * file should take, deliver asks for a commit in between.
 */
#include <errno.h>
#include <stdlib.h>

#include "src/output/deadletter.h"
#include "src/output/kinds.h"
#include "src/output/sink.h"

struct collector {
    struct hd_deadletter *dead;
    struct hd_dead_record *records;
    size_t n, cap;
    uint64_t bytes; /* their lines, about */
};

static void collector_free(void *self)
{
    struct collector *collector = self;
    if (collector) {
        free(collector->records);
        free(collector);
    }
}

static bool reserve(struct collector *collector, size_t more)
{
    if (collector->cap - collector->n >= more) {
        return true;
    }
    size_t cap = collector->n + more + 64;
    struct hd_dead_record *grown = realloc(collector->records, cap * sizeof(*grown));
    if (!grown) {
        return false;
    }
    collector->records = grown;
    collector->cap = cap;
    return true;
}

static void collect(void *self, struct hd_delivery *delivery)
{
    struct collector *collector = self;
    const struct hd_batch *batch = delivery->batch;
    const uint64_t most = hd_deadletter_group_bytes(collector->dead);
    if (!reserve(collector, batch->n_dead)) {
        hd_reason_set(delivery->reason, "out of memory"); /* what stays pending is tried again */
        return;
    }
    for (uint32_t i = 0; i < batch->n_dead; i++) {
        if (delivery->answers[i] != HD_OUTPUT_PENDING) {
            continue;
        }
        const struct hd_dead *dead = &batch->dead[i];
        struct hd_dead_record *record = &collector->records[collector->n];
        *record = (struct hd_dead_record){
            .reason = dead->reason,
            .at = dead->at,
            .attempts = delivery->attempt,
            .bytes = hd_slice(batch->dead_bytes.data + dead->start, dead->len),
        };
        hd_batch_origin(batch, dead->message, &record->origin);
        record->origin.index = dead->index;
        uint64_t bytes = hd_deadletter_line_bytes(record);
        if (collector->n > 0 && collector->bytes + bytes > most) {
            delivery->commit_first = true;
            return;
        }
        collector->n++;
        collector->bytes += bytes;
        delivery->answers[i] = HD_OUTPUT_ACK;
    }
}

static int write_collected(void *self, struct hd_diag *diag)
{
    struct collector *collector = self;
    size_t n = collector->n;
    collector->n = 0;
    collector->bytes = 0;
    return hd_deadletter_write(collector->dead, collector->records, n, diag);
}

static int collector_reopen(void *self, struct hd_diag *diag)
{
    struct collector *collector = self;
    return hd_deadletter_reopen(collector->dead, diag);
}

static const struct hd_output_ops collector_ops = {
    .kind = "deadletter",
    .free = collector_free,
    .deliver = collect,
    .commit = write_collected,
    .reopen = collector_reopen,
};

int hd_sink_new_deadletter(struct hd_deadletter *dead, hd_sink_done_fn *done, void *context,
                           struct hd_sink **ret, struct hd_diag *diag)
{
    static const struct hd_output_options options = {.name = "deadletter", .kind = "deadletter"};
    struct collector *collector = calloc(1, sizeof(*collector));
    if (!collector) {
        return -ENOMEM;
    }
    collector->dead = dead;
    struct hd_sink_setup setup = {
        .ops = &collector_ops,
        .self = collector,
        .options = &options,
        .dead_documents = true,
    };
    return hd_sink_new_with(&setup, done, context, ret, diag);
}
