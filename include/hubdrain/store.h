/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: where checkpoints live. Kinds: blob (the layout of Microsoft's SDKs), file, memory.
 *
 * Owner:   the pipeline. Threads: the loop's; callbacks run there, never inside the call that
 *          started them. One list, and one write per partition, at a time.
 * Errors:  callbacks get 0 or an outcome of enum hd_store_result; diag says what and what to do.
 *          The store does not retry: its user does.
 */
#ifndef HUBDRAIN_STORE_H
#define HUBDRAIN_STORE_H

#include "hubdrain/error.h"
#include "hubdrain/window.h"

enum hd_store_result {
    HD_STORE_OK,
    HD_STORE_UNAVAILABLE, /* network, 429, 5xx, disk: try again later */
    HD_STORE_DENIED,      /* 401, 403, missing container, read-only: a person must act */
    HD_STORE_INVALID,     /* what is there is no checkpoint */
};

/* One of the two parts of a position suffices: a missing sequence number is -1, a missing offset
 * "". Both missing: what is there cannot be read, and .text shows it. Such entries stand in the
 * list among the good ones, and the list's result is HD_STORE_OK all the same. */
#define HD_PARTITION_ID_SIZE 64
struct hd_checkpoint {
    char partition[HD_PARTITION_ID_SIZE];
    struct hd_position position;
    char text[256]; /* printable; "" when it is readable */
};

struct hd_loop;
struct hd_http;
struct hd_store;

typedef void hd_store_list_fn(void *context, enum hd_store_result result,
                              const struct hd_checkpoint *checkpoints, size_t n,
                              const struct hd_diag *diag);
typedef void hd_store_write_fn(void *context, enum hd_store_result result,
                               const struct hd_diag *diag);

enum hd_store_kind { HD_STORE_MEMORY, HD_STORE_FILE, HD_STORE_BLOB };

/* Plain data from the configuration; strings outlive the store. */
struct hd_store_options {
    enum hd_store_kind kind;
    /* what the checkpoints belong to; used in lower case in names */
    const char *namespace_name; /* the fully qualified one, without port */
    const char *hub, *consumer_group;
    const char *directory;         /* file */
    const char *connection_string; /* blob; secret */
    const char *container;
    bool create_container;
    const char *ca_file; /* NULL: the system's */
    int64_t timeout_ms;  /* a request */
};

/* `http` is needed for blob only and outlives the store. -EINVAL for options that cannot work;
 * file: -EBUSY when another process uses the same directory for the same consumer group, or the
 * -errno of the directory. */
int hd_store_new(struct hd_loop *loop, struct hd_http *http, const struct hd_store_options *options,
                 struct hd_store **ret, struct hd_diag *diag);
void hd_store_free(struct hd_store *store); /* accepts NULL; callbacks still due are not called */

/* -ENOMEM; the callback is not called then. `checkpoints` are valid during the callback. */
int hd_store_list(struct hd_store *store, hd_store_list_fn *fn, void *context);

/* An offset that is not printable ASCII is left out: the sequence number says the same. -EINVAL
 * for a negative sequence number or a partition without a name. */
int hd_store_write(struct hd_store *store, const char *partition,
                   const struct hd_position *position, hd_store_write_fn *fn, void *context);

/* Callbacks with this context are not called any more. A write that is under way may still land. */
void hd_store_cancel(struct hd_store *store, void *context);

/* For the log: "blob https://account.blob.core.windows.net/container/..." without secrets. */
const char *hd_store_describe(const struct hd_store *store);

#endif
