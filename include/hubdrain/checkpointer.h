/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpointer: brings the watermarks of the windows to the store. On a timer or after so many
 * events, only what has moved, one write a partition and max_writes in all at a time. A write that
 * fails is tried again with backoff for as long as it takes; draining does not wait for it.
 *
 * Never writes a partition that was dropped, and never writes backwards.
 *
 * Owner:   the pipeline. The store outlives it, a window the time from its add to its drop.
 * Threads: the loop's. Callbacks never run inside the call that started them.
 * Logs:    checkpoint.failed once an outage, checkpoint.recovered, checkpoint.unwritten.
 */
#ifndef HUBDRAIN_CHECKPOINTER_H
#define HUBDRAIN_CHECKPOINTER_H

#include "hubdrain/store.h"

struct hd_checkpointer;

struct hd_checkpointer_options {
    int64_t interval_ms;                    /* 0: 30 s */
    uint64_t events;                        /* over all partitions; 0: by time only */
    uint32_t max_writes;                    /* at a time; 0: 8 */
    int64_t backoff_min_ms, backoff_max_ms; /* 0: 1 s, 60 s */
};

int hd_checkpointer_new(struct hd_loop *loop, struct hd_store *store,
                        const struct hd_checkpointer_options *options,
                        struct hd_checkpointer **ret);
void hd_checkpointer_free(struct hd_checkpointer *checkpointer); /* accepts NULL; writes nothing */

/* From now on the window's watermark is written under that partition. `stored` is what the store
 * holds (NULL: nothing, or nothing that counts): only what is beyond it is written. Adding again
 * replaces the window. -ENOMEM; -EINVAL for an id that does not fit. */
int hd_checkpointer_add(struct hd_checkpointer *checkpointer, const char *partition,
                        const struct hd_window *window, const struct hd_position *stored);

/* No write of this partition starts after this; the window is not looked at any more. */
void hd_checkpointer_drop(struct hd_checkpointer *checkpointer, const char *partition);

/* The partition's watermark may have moved, by so many events. */
void hd_checkpointer_moved(struct hd_checkpointer *checkpointer, const char *partition,
                           uint64_t events);

/* Writes all that has moved, now; failures are tried again until timeout_ms have passed. done() is
 * called once. A second flush takes the first one's place (its done() is not called). */
void hd_checkpointer_flush(struct hd_checkpointer *checkpointer, int64_t timeout_ms,
                           void (*done)(void *context), void *context);

struct hd_checkpointer_status {
    struct hd_position written;   /* as far as is known; sequence_number -1: none */
    int64_t written_ms;           /* realtime of the last write; 0: none by this process */
    struct hd_position watermark; /* sequence_number -1: none */
    int64_t failing_since_ms;     /* realtime; 0: not failing */
    enum hd_store_result result;  /* of the last write */
    char reason[256];             /* why it fails; "" */
};

/* false: no such partition. */
bool hd_checkpointer_status(const struct hd_checkpointer *checkpointer, const char *partition,
                            struct hd_checkpointer_status *ret);

struct hd_checkpointer_totals {
    uint64_t writes, failures; /* answers so far */
    uint32_t unwritten;        /* partitions whose watermark is beyond what was written */
    uint32_t failing;          /* partitions */
};
void hd_checkpointer_totals(const struct hd_checkpointer *checkpointer,
                            struct hd_checkpointer_totals *ret);

#endif
