/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output: the delivery contract (docs/ARCHITECTURE.md, "Delivery").
 *
 * A sink is one configured output: it takes immutable batches, delivers every document and calls
 * done once each of them is ACK, or DEAD with its dead letter durable. It never gives up: RETRY
 * waits (1 s doubling to 60 s, full jitter) and tries again what is left, BLOCK does the same but
 * says that a person must act. A batch without documents is done in its turn.
 * Order: a batch that waits holds back those behind it in the same sink.
 *
 * Adding an output: one file with a struct hd_output_ops, one row in outputs.c.
 */
#ifndef HUBDRAIN_OUTPUT_H
#define HUBDRAIN_OUTPUT_H

#include <stdatomic.h>

#include "hubdrain/batch.h"
#include "hubdrain/error.h"
#include "hubdrain/slice.h"

struct hd_output_options;

enum hd_answer {
    HD_OUTPUT_PENDING, /* not answered yet */
    HD_OUTPUT_ACK,     /* stored, or already there */
    HD_OUTPUT_RETRY,   /* nobody is to blame for the data: network, busy, disk full */
    HD_OUTPUT_BLOCK,   /* our configuration is wrong, the data is fine */
    HD_OUTPUT_DEAD,    /* this event can never be accepted */
    HD_OUTPUT_BROKEN,  /* nobody will ever read it (a closed pipe): the process must end, exit 74 */
    HD_OUTPUT_SETTLED, /* set by the sink alone: ACK or DEAD, and durable since an earlier attempt
                        */
};

/* What a kind of output gets: a batch and which of its documents are still to be delivered. */
struct hd_delivery {
    const struct hd_batch *batch;
    enum hd_answer *answers; /* one per document; the output overwrites the PENDING ones */
    uint32_t attempt;        /* from 1 */
    char reason[256];        /* why RETRY, BLOCK or DEAD; for the log and the dead letter */
    int64_t retry_after_ms;  /* with RETRY: wait at least this long (capped at 300 s); 0: no wish */
    bool commit_first;       /* set: commit, then ask again about those that are left PENDING */
    const atomic_bool *stop; /* true: do not wait for a slow peer any longer, answer RETRY */
    struct hd_dead_notes *notes; /* see hd_delivery_dead */
};

/* Answers DEAD for one document, with a reason of its own. Without memory the document is answered
 * RETRY instead. Not needed where one delivery->reason fits all. */
void hd_delivery_dead(struct hd_delivery *delivery, uint32_t document, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A kind of output whose calls may block; each sink of it has a thread of its own. */
struct hd_output_ops {
    const char *kind; /* "file" */
    /* Fails (-errno) when it could only BLOCK: a wrong path is better found at the start. What
     * passes by itself, such as a full disk, is no failure: deliver will answer RETRY. */
    int (*new)(const struct hd_output_options *options, void **ret_self, struct hd_diag *diag);
    void (*free)(void *self); /* accepts NULL; ends files in order */
    /* Writes the PENDING documents and answers each; an ACK counts only after commit. */
    void (*deliver)(void *self, struct hd_delivery *delivery);
    /* Makes everything since the last commit durable. Not 0: all of that is RETRY (`diag` says
     * why). May be NULL. */
    int (*commit)(void *self, struct hd_diag *diag);
    /* SIGHUP: close and open files, read certificates again. May be NULL. */
    int (*reopen)(void *self, struct hd_diag *diag);
    /* Called when idle and at least once a second (rotation by time, interval fsync). May be NULL.
     */
    void (*tick)(void *self, int64_t realtime_ms);
};

enum hd_fsync { HD_FSYNC_BATCH, HD_FSYNC_INTERVAL, HD_FSYNC_NEVER };

/* Plain data from the configuration; strings are owned by it and outlive the sink. */
struct hd_output_options {
    const char *name; /* as configured */
    const char *kind;
    struct {
        const char *path;
        uint64_t rotate_bytes;      /* 0: never */
        int64_t rotate_interval_ms; /* 0: never; UTC boundaries */
        enum hd_fsync fsync;
        int64_t fsync_interval_ms;
    } file;
};

/* ---- dead letters: durable before the call returns ---- */
struct hd_deadletter;

struct hd_dead_record {
    const char *output; /* NULL: decode */
    enum hd_dead_reason reason;
    const char *text; /* at most 1 KiB is kept */
    struct hd_origin origin;
    size_t at;
    uint32_t attempts;
    struct hd_slice bytes; /* the original ones */
};

/* Dead letters are NDJSON lines in a file: rotated by size, fsynced; max_bytes over all its files,
 * then everything BLOCKs until someone makes room (outputs sheet 1.1). */
struct hd_deadletter_options {
    const char *path;
    uint64_t rotate_bytes, max_bytes;
};

int hd_deadletter_new(const struct hd_deadletter_options *options, struct hd_deadletter **ret,
                      struct hd_diag *diag);
void hd_deadletter_free(struct hd_deadletter *dead); /* accepts NULL */

/* All records or none. Any thread, with SIGXFSZ blocked or ignored. Positive: enum hd_answer RETRY
 * (no memory included) or BLOCK, diag says why. */
int hd_deadletter_write(struct hd_deadletter *dead, const struct hd_dead_record *records, size_t n,
                        struct hd_diag *diag);
int hd_deadletter_reopen(struct hd_deadletter *dead, struct hd_diag *diag);

/* ---- sinks ---- */
struct hd_sink;

/* On the sink's thread: every document of the batch is safe with this sink. */
typedef void hd_sink_done_fn(void *context, struct hd_batch *batch);

/* `dead` outlives the sink. */
int hd_sink_new(const struct hd_output_options *options, struct hd_deadletter *dead,
                hd_sink_done_fn *done, void *context, struct hd_sink **ret, struct hd_diag *diag);

/* The sink that writes batch->dead[] to the dead letters; the same contract. */
int hd_sink_new_deadletter(struct hd_deadletter *dead, hd_sink_done_fn *done, void *context,
                           struct hd_sink **ret, struct hd_diag *diag);

/* Called once, on the sink's thread, with the context of hd_sink_new, when an answer was BROKEN:
 * the sink delivers nothing more, its state says so, and the process should stop and exit 74. Set
 * it before the first submit. */
typedef void hd_sink_broken_fn(void *context, struct hd_sink *sink);
void hd_sink_on_broken(struct hd_sink *sink, hd_sink_broken_fn *broken);

void hd_sink_submit(struct hd_sink *sink, struct hd_batch *batch); /* any thread; never blocks */
void hd_sink_reopen(struct hd_sink *sink);                         /* any thread */

/* Stops: what is being delivered ends or gives up at the next answer (waiting for a retry ends at
 * once), the rest is left undone: its batches are given to `abandon`, with the context of
 * hd_sink_new, on the calling thread. Joins the thread. */
void hd_sink_stop(struct hd_sink *sink, void (*abandon)(void *context, struct hd_batch *batch));
void hd_sink_free(struct hd_sink *sink); /* accepts NULL; after stop */

enum hd_sink_state { HD_SINK_OK, HD_SINK_RETRYING, HD_SINK_BLOCKED, HD_SINK_BROKEN };

struct hd_sink_status {
    const char *name, *kind;
    enum hd_sink_state state;
    int64_t since_ms; /* realtime */
    char reason[256];
    uint64_t acked, dead;     /* documents; of the dead-letter sink: acked are records */
    uint64_t retries;         /* attempts that did not end well */
    uint64_t written_bytes;   /* of acknowledged documents */
    uint64_t waiting_batches; /* submitted and not done */
};
void hd_sink_status(struct hd_sink *sink, struct hd_sink_status *ret); /* any thread */

/* The kinds that exist, for the configuration's check; NULL-terminated. */
const struct hd_output_ops *hd_output_find(const char *kind);
const char *const *hd_output_kinds(void);

#endif
