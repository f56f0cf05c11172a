/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hub: the event hubs of one namespace, their partitions and the log of each partition.
 *
 * Owner:   the server. Threads: the loop's.
 * Limits:  all events together stay below retain_bytes: the oldest are dropped, sequence numbers
 *          and offsets go on. The newest event is always kept.
 * Errors:  -ENOMEM, -EIO from storage.
 */
#ifndef EMULATOR_HUB_H
#define EMULATOR_HUB_H

#include "filter.h"
#include "hubdrain/error.h"
#include "message.h"

struct emu_link;
struct emu_storage;
struct emu_hub;
struct emu_namespace;

/* One stored event: encoded as it is sent, header section first, then our annotations. */
struct emu_event {
    const char *data;
    uint32_t len, header_len;
    int64_t enqueued_ms;
    int64_t offset;
};

struct emu_block;

struct emu_partition {
    struct emu_hub *hub;
    uint32_t index;
    char id[12];
    int64_t begin_seq, next_seq; /* begin == next: nothing there */
    int64_t next_offset;
    int64_t last_offset, last_enqueued_ms; /* -1 and 0: never had an event */
    uint64_t bytes;
    struct emu_event *events; /* ring, indexed by sequence number & mask */
    size_t mask;
    struct emu_block *blocks, *last_block;
    struct emu_link *receivers;  /* attached, through link->next_receiver */
    struct emu_storage *storage; /* NULL: memory only */
};

struct emu_hub {
    struct emu_namespace *ns;
    char *name;
    struct emu_partition *partitions;
    uint32_t n_partitions;
    char **consumer_groups; /* "$Default" first */
    size_t n_consumer_groups;
    int64_t created_ms;
    uint32_t next_partition; /* round robin */
    struct emu_hub *next;
};

struct emu_namespace {
    struct emu_hub *hubs;
    uint64_t retain_bytes, bytes;
    /* told after events were appended */
    void (*appended)(void *context, struct emu_partition *partition);
    void *context;
    struct hd_buffer scratch;
};

void emu_namespace_deinit(struct emu_namespace *ns);

int emu_hub_add(struct emu_namespace *ns, struct hd_slice name, uint32_t partitions,
                struct emu_hub **ret);
int emu_hub_add_group(struct emu_hub *hub, struct hd_slice name);
struct emu_hub *emu_hub_find(struct emu_namespace *ns, struct hd_slice name);
struct emu_partition *emu_hub_partition(struct emu_hub *hub, struct hd_slice id);
const char *emu_hub_group(struct emu_hub *hub, struct hd_slice name); /* NULL: not there */

/* The partition for a message that names none: by key, else round robin. */
struct emu_partition *emu_hub_route(struct emu_hub *hub, struct hd_slice partition_key);

/* All messages of a transfer, or none. `partition` may be NULL: routed by the first message. */
#define EMU_HUB_E_MALFORMED 1
int emu_hub_append(struct emu_hub *hub, struct emu_partition *partition, struct hd_slice bytes,
                   uint32_t message_format);
/* A plain body as a message of one Data section; the message is so much larger than the body. */
#define EMU_BODY_OVERHEAD 8
int emu_hub_append_body(struct emu_hub *hub, struct emu_partition *partition, struct hd_slice key,
                        struct hd_slice body);

/* From storage at start: an event as it was stored. */
int emu_partition_restore(struct emu_partition *partition, int64_t seq, int64_t offset,
                          int64_t enqueued_ms, uint32_t header_len, struct hd_slice encoded);

/* Drops everything; numbers start again. */
int emu_hub_recreate(struct emu_hub *hub, struct hd_diag *diag);

static inline const struct emu_event *emu_partition_event(const struct emu_partition *partition,
                                                          int64_t seq)
{
    return &partition->events[(size_t)seq & partition->mask];
}

/* Where a filter starts. EMU_HUB_E_AHEAD: diag holds the service's text. */
#define EMU_HUB_E_AHEAD 1
int emu_partition_seek(const struct emu_partition *partition, const struct emu_filter *filter,
                       int64_t *ret_seq, struct hd_diag *diag);

#endif
