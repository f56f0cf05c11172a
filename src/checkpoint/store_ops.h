/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind of store is made of. Private to checkpoint/ and its tests: a test store embeds struct
 * hd_store and brings its own operations. */
#ifndef HUBDRAIN_CHECKPOINT_STORE_OPS_H
#define HUBDRAIN_CHECKPOINT_STORE_OPS_H

#include "hubdrain/buffer.h"
#include "hubdrain/store.h"

/* list and write are called with what hd_store_list and hd_store_write have checked already. */
struct hd_store_ops {
    int (*list)(struct hd_store *store, hd_store_list_fn *fn, void *context);
    int (*write)(struct hd_store *store, const char *partition, const struct hd_position *position,
                 hd_store_write_fn *fn, void *context);
    void (*cancel)(struct hd_store *store, void *context);
    void (*free)(struct hd_store *store);
};

struct hd_store {
    const struct hd_store_ops *ops;
    struct hd_loop *loop;
    const char *description; /* owned by the kind */
};

int hd_store_new_memory(struct hd_loop *loop, struct hd_http *http,
                        const struct hd_store_options *options, struct hd_store **ret,
                        struct hd_diag *diag);
int hd_store_new_file(struct hd_loop *loop, struct hd_http *http,
                      const struct hd_store_options *options, struct hd_store **ret,
                      struct hd_diag *diag);
int hd_store_new_blob(struct hd_loop *loop, struct hd_http *http,
                      const struct hd_store_options *options, struct hd_store **ret,
                      struct hd_diag *diag);

/* Appends the text in lower case (ASCII), as names in stores are. */
int hd_store_append_lower(struct hd_buffer *out, const char *text);

/* ---- the two values of a checkpoint as text ---- */

bool hd_checkpoint_offset_usable(const char *offset);

/* What a store found: either text may be NULL. Fills everything but .partition. */
void hd_checkpoint_parse(const char *sequence_number, const char *offset,
                         struct hd_checkpoint *ret);

/* Marks it unreadable; what was found is made printable and cut. */
void hd_checkpoint_unreadable(struct hd_checkpoint *ret, const char *why, struct hd_slice found);

/* A list that grows; zero-initialised is empty. */
struct hd_checkpoint_list {
    struct hd_checkpoint *items;
    size_t n, cap;
};
struct hd_checkpoint *hd_checkpoint_list_add(struct hd_checkpoint_list *list); /* NULL: no memory */
void hd_checkpoint_list_deinit(struct hd_checkpoint_list *list);

#endif
