/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers: threads that transform batches. A partition is pinned to one of them, so that its
 * batches stay in order without a lock.
 *
 * Owner:   the pipeline. Threads: submit from the loop; `ready` runs on a worker's thread.
 * With n == 0 there are no threads: submit transforms at once (replay tests).
 * Errors:  a transform without memory calls `failed` (worker's thread) and drops the batch: the
 *          process must end and replay.
 */
#ifndef HUBDRAIN_PIPELINE_WORKERS_H
#define HUBDRAIN_PIPELINE_WORKERS_H

#include "hubdrain/transform.h"

struct workers;

struct workers_options {
    uint32_t n;
    struct hd_decode_limits limits;
    enum hd_schema schema;
    struct hd_normalise_options normalise;
    void (*ready)(void *context, struct hd_batch *batch);
    void (*failed)(void *context, struct hd_batch *batch, int error);
    bool (*hold)(void *context); /* true: wait with the next batch until workers_wake */
    void *context;
};

int workers_new(const struct workers_options *options, struct workers **ret);
void workers_submit(struct workers *workers, struct hd_batch *batch);
void workers_wake(struct workers *workers); /* hold may have changed; any thread */

/* Ends the threads: what is being transformed is finished, what waits goes to `failed` with
 * -ECANCELED. Nothing may be submitted after it. */
void workers_halt(struct workers *workers);
void workers_free(struct workers *workers); /* accepts NULL; halts first */

/* false when a worker has been busy with one batch for longer than that: it hangs. */
bool workers_alive(const struct workers *workers, int64_t busy_limit_ms);

#endif
