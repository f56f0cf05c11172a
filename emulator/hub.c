/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: an event is encoded once, when it is appended, exactly as every receiver gets it, so
 * that sending is a frame header and a copy. The bytes lie in blocks of about 1 MiB a partition;
 * a ring of small records, indexed by sequence number, finds them. Retention drops the oldest
 * event of all partitions; a block goes when its last event has gone.
 *
 * Offsets are byte positions in the partition's log as the service's are: they grow by the size
 * of each event and start behind a first page, so that nobody takes them for sequence numbers.
 */
#include "hub.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "partition-hash.h"
#include "storage.h"

#define BLOCK_BYTES  (1u << 20)
#define FIRST_OFFSET 4096
#define FIRST_EVENTS 64

struct emu_block {
    struct emu_block *next;
    int64_t last_seq;
    size_t used, cap;
    char data[];
};

/* ---- hubs ---- */

static void partition_clear(struct emu_partition *p)
{
    p->hub->ns->bytes -= p->bytes;
    p->bytes = 0;
    while (p->blocks != NULL) {
        struct emu_block *next = p->blocks->next;
        free(p->blocks);
        p->blocks = next;
    }
    p->last_block = NULL;
    p->begin_seq = p->next_seq = 0;
    p->next_offset = FIRST_OFFSET;
    p->last_offset = -1;
    p->last_enqueued_ms = 0;
}

void emu_namespace_deinit(struct emu_namespace *ns)
{
    while (ns->hubs != NULL) {
        struct emu_hub *hub = ns->hubs;
        ns->hubs = hub->next;
        for (uint32_t i = 0; i < hub->n_partitions; i++) {
            emu_storage_free(hub->partitions[i].storage);
            partition_clear(&hub->partitions[i]);
            free(hub->partitions[i].events);
        }
        for (size_t i = 0; i < hub->n_consumer_groups; i++) {
            free(hub->consumer_groups[i]);
        }
        free(hub->consumer_groups);
        free(hub->partitions);
        free(hub->name);
        free(hub);
    }
    hd_buffer_deinit(&ns->scratch);
}

static int partitions_init(struct emu_hub *hub)
{
    for (uint32_t i = 0; i < hub->n_partitions; i++) {
        struct emu_partition *p = &hub->partitions[i];
        p->hub = hub;
        p->index = i;
        snprintf(p->id, sizeof(p->id), "%" PRIu32, i);
        p->events = calloc(FIRST_EVENTS, sizeof(*p->events));
        if (p->events == NULL) {
            return -ENOMEM;
        }
        p->mask = FIRST_EVENTS - 1;
        partition_clear(p);
    }
    return 0;
}

int emu_hub_add(struct emu_namespace *ns, struct hd_slice name, uint32_t partitions,
                struct emu_hub **ret)
{
    struct emu_hub *hub = calloc(1, sizeof(*hub));
    if (hub == NULL) {
        return -ENOMEM;
    }
    struct emu_hub **end = &ns->hubs;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = hub; /* from here on emu_namespace_deinit frees it */
    hub->ns = ns;
    hub->created_ms = hd_clock_realtime_ms();
    hub->name = strndup(name.data, name.len);
    hub->partitions = calloc(partitions, sizeof(*hub->partitions));
    if (hub->name == NULL || hub->partitions == NULL) {
        return -ENOMEM;
    }
    hub->n_partitions = partitions;
    int r = partitions_init(hub);
    if (r == 0) {
        r = emu_hub_add_group(hub, hd_slice_cstr("$Default"));
    }
    *ret = hub;
    return r;
}

int emu_hub_add_group(struct emu_hub *hub, struct hd_slice name)
{
    if (emu_hub_group(hub, name) != NULL) {
        return 0;
    }
    char **groups = realloc(hub->consumer_groups, (hub->n_consumer_groups + 1) * sizeof(*groups));
    if (groups == NULL) {
        return -ENOMEM;
    }
    hub->consumer_groups = groups;
    groups[hub->n_consumer_groups] = strndup(name.data, name.len);
    if (groups[hub->n_consumer_groups] == NULL) {
        return -ENOMEM;
    }
    hub->n_consumer_groups++;
    return 0;
}

struct emu_hub *emu_hub_find(struct emu_namespace *ns, struct hd_slice name)
{
    struct emu_hub *hub = ns->hubs;
    while (hub != NULL && !hd_slice_iis(name, hub->name)) {
        hub = hub->next;
    }
    return hub;
}

struct emu_partition *emu_hub_partition(struct emu_hub *hub, struct hd_slice id)
{
    for (uint32_t i = 0; i < hub->n_partitions; i++) {
        if (hd_slice_is(id, hub->partitions[i].id)) {
            return &hub->partitions[i];
        }
    }
    return NULL;
}

const char *emu_hub_group(struct emu_hub *hub, struct hd_slice name)
{
    for (size_t i = 0; i < hub->n_consumer_groups; i++) {
        if (hd_slice_iis(name, hub->consumer_groups[i])) {
            return hub->consumer_groups[i];
        }
    }
    return NULL;
}

struct emu_partition *emu_hub_route(struct emu_hub *hub, struct hd_slice partition_key)
{
    if (partition_key.data != NULL) {
        return &hub->partitions[emu_partition_of_key(partition_key, hub->n_partitions)];
    }
    return &hub->partitions[hub->next_partition++ % hub->n_partitions];
}

/* ---- retention ---- */

static void drop_oldest(struct emu_partition *p)
{
    uint32_t len = emu_partition_event(p, p->begin_seq)->len;
    p->bytes -= len;
    p->hub->ns->bytes -= len;
    p->begin_seq++;
    while (p->blocks != NULL && p->blocks->last_seq < p->begin_seq) {
        struct emu_block *next = p->blocks->next;
        free(p->blocks);
        p->blocks = next;
        if (next == NULL) {
            p->last_block = NULL;
        }
    }
    if (p->storage != NULL) {
        emu_storage_trim(p->storage, p->begin_seq);
    }
}

static void retain(struct emu_namespace *ns, const struct emu_partition *newest)
{
    while (ns->bytes > ns->retain_bytes) {
        struct emu_partition *victim = NULL;
        int64_t oldest_ms = INT64_MAX;
        for (struct emu_hub *hub = ns->hubs; hub != NULL; hub = hub->next) {
            for (uint32_t i = 0; i < hub->n_partitions; i++) {
                struct emu_partition *p = &hub->partitions[i];
                int64_t left = p->next_seq - p->begin_seq - (p == newest);
                if (left > 0 && emu_partition_event(p, p->begin_seq)->enqueued_ms < oldest_ms) {
                    oldest_ms = emu_partition_event(p, p->begin_seq)->enqueued_ms;
                    victim = p;
                }
            }
        }
        if (victim == NULL) {
            return;
        }
        drop_oldest(victim);
    }
}

/* ---- the log ---- */

static int grow_ring(struct emu_partition *p)
{
    size_t cap = p->mask + 1;
    if ((size_t)(p->next_seq - p->begin_seq) < cap) {
        return 0;
    }
    struct emu_event *events = calloc(cap * 2, sizeof(*events));
    if (events == NULL) {
        return -ENOMEM;
    }
    for (int64_t seq = p->begin_seq; seq < p->next_seq; seq++) {
        events[(size_t)seq & (cap * 2 - 1)] = p->events[(size_t)seq & p->mask];
    }
    free(p->events);
    p->events = events;
    p->mask = cap * 2 - 1;
    return 0;
}

static char *block_room(struct emu_partition *p, size_t len)
{
    struct emu_block *block = p->last_block;
    if (block == NULL || block->cap - block->used < len) {
        size_t cap = len > BLOCK_BYTES ? len : BLOCK_BYTES;
        block = malloc(sizeof(*block) + cap);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct emu_block){.cap = cap};
        if (p->last_block != NULL) {
            p->last_block->next = block;
        } else {
            p->blocks = block;
        }
        p->last_block = block;
        block->last_seq = p->next_seq; /* an empty block must not look dropped */
    }
    return block->data + block->used;
}

/* Puts the event into memory; the pieces are joined. */
static int log_put(struct emu_partition *p, const struct emu_event *event, struct hd_slice head,
                   struct hd_slice rest)
{
    int r = grow_ring(p);
    char *room = r == 0 ? block_room(p, head.len + rest.len) : NULL;
    if (room == NULL) {
        return -ENOMEM;
    }
    memcpy(room, head.data, head.len);
    if (rest.len > 0) {
        memcpy(room + head.len, rest.data, rest.len);
    }
    struct emu_event *slot = &p->events[(size_t)p->next_seq & p->mask];
    *slot = *event;
    slot->data = room;
    slot->len = (uint32_t)(head.len + rest.len);
    p->last_block->used += slot->len;
    p->last_block->last_seq = p->next_seq;
    p->next_seq++;
    p->last_offset = event->offset;
    p->last_enqueued_ms = event->enqueued_ms;
    p->next_offset = event->offset + (int64_t)((slot->len + 7) & ~(uint64_t)7);
    p->bytes += slot->len;
    p->hub->ns->bytes += slot->len;
    return 0;
}

/* Where a partition's log ends, to go back to when the disk does not take all of a transfer. */
struct mark {
    struct emu_block *block;
    size_t used;
    int64_t block_seq, next_seq, next_offset, last_offset, last_enqueued_ms;
    uint64_t bytes;
    struct emu_storage_mark stored;
};

static struct mark log_mark(const struct emu_partition *p)
{
    struct mark mark = {
        .block = p->last_block,
        .next_seq = p->next_seq,
        .next_offset = p->next_offset,
        .last_offset = p->last_offset,
        .last_enqueued_ms = p->last_enqueued_ms,
        .bytes = p->bytes,
    };
    if (mark.block != NULL) {
        mark.used = mark.block->used;
        mark.block_seq = mark.block->last_seq;
    }
    if (p->storage != NULL) {
        mark.stored = emu_storage_mark(p->storage);
    }
    return mark;
}

/* What came since the mark was never there. Nothing may have been dropped in between. */
static void log_take_back(struct emu_partition *p, const struct mark *mark)
{
    struct emu_block **end = mark->block != NULL ? &mark->block->next : &p->blocks;
    while (*end != NULL) {
        struct emu_block *gone = *end;
        *end = gone->next;
        free(gone);
    }
    p->last_block = mark->block;
    if (mark->block != NULL) {
        mark->block->used = mark->used;
        mark->block->last_seq = mark->block_seq;
    }
    p->hub->ns->bytes -= p->bytes - mark->bytes;
    p->bytes = mark->bytes;
    p->next_seq = mark->next_seq;
    p->next_offset = mark->next_offset;
    p->last_offset = mark->last_offset;
    p->last_enqueued_ms = mark->last_enqueued_ms;
    int r = p->storage != NULL ? emu_storage_take_back(p->storage, mark->stored) : 0;
    if (r != 0) {
        hd_log(HD_LOG_ERROR, "emulator.storage.failed", strerror(-r), HD_STR("hub", p->hub->name),
               HD_STR("partition", p->id));
    }
}

static bool is_ours(const struct emu_value *key)
{
    return hd_slice_is(key->bytes, "x-opt-sequence-number") ||
           hd_slice_is(key->bytes, "x-opt-offset") ||
           hd_slice_is(key->bytes, "x-opt-enqueued-time") ||
           hd_slice_is(key->bytes, "x-opt-partition-key");
}

/* header + message-annotations: ours first, then what the sender wrote */
static int encode_head(struct emu_partition *p, const struct emu_event *event,
                       const struct emu_message *message, struct hd_buffer *out)
{
    struct emu_writer w = {out, 0};
    char offset[24];
    int n = snprintf(offset, sizeof(offset), "%" PRId64, event->offset);
    out->len = 0;
    emu_write_raw(&w, message->header.data, message->header.len);
    emu_write_descriptor(&w, 0x72);
    size_t map = emu_write_begin(&w, EMU_MAP32);
    uint32_t count = 6;
    emu_write_symbol(&w, hd_slice_cstr("x-opt-sequence-number"));
    emu_write_long(&w, p->next_seq);
    emu_write_symbol(&w, hd_slice_cstr("x-opt-offset"));
    emu_write_string(&w, hd_slice(offset, (size_t)n));
    emu_write_symbol(&w, hd_slice_cstr("x-opt-enqueued-time"));
    emu_write_timestamp(&w, event->enqueued_ms);
    if (message->partition_key.data != NULL) {
        emu_write_symbol(&w, hd_slice_cstr("x-opt-partition-key"));
        emu_write_string(&w, message->partition_key);
        count += 2;
    }
    struct emu_cursor cursor = emu_cursor(message->annotations.bytes);
    for (uint32_t i = 0; i + 1 < message->annotations.count; i += 2) {
        struct emu_value key, value;
        if (!emu_read(&cursor, &key) || !emu_read(&cursor, &value)) {
            break;
        }
        if (!is_ours(&key)) {
            emu_write_raw(&w, key.raw.data, key.raw.len);
            emu_write_raw(&w, value.raw.data, value.raw.len);
            count += 2;
        }
    }
    emu_write_end(&w, map, count);
    return w.error;
}

/* May leave half of it behind when it fails: the callers take that back. */
static int append_message(struct emu_partition *p, const struct emu_message *message,
                          int64_t now_ms)
{
    struct hd_buffer *scratch = &p->hub->ns->scratch;
    struct emu_event event = {
        .enqueued_ms = now_ms < p->last_enqueued_ms ? p->last_enqueued_ms : now_ms,
        .offset = p->next_offset,
        .header_len = (uint32_t)message->header.len,
    };
    int r = encode_head(p, &event, message, scratch);
    if (r == 0) {
        r = log_put(p, &event, hd_buffer_slice(scratch), message->rest);
    }
    if (r == 0 && p->storage != NULL) {
        r = emu_storage_append(p->storage, p->next_seq - 1,
                               emu_partition_event(p, p->next_seq - 1));
    }
    return r;
}

int emu_hub_append(struct emu_hub *hub, struct emu_partition *partition, struct hd_slice bytes,
                   uint32_t message_format)
{
    struct emu_batch batch = emu_batch(bytes, message_format);
    struct emu_message message;
    int r;
    /* read everything once before anything is stored: all or nothing */
    while ((r = emu_batch_next(&batch, &message)) > 0) {
        if (partition == NULL) {
            partition = emu_hub_route(hub, message.partition_key);
        }
    }
    if (r < 0) {
        return EMU_HUB_E_MALFORMED;
    }
    int64_t now_ms = hd_clock_realtime_ms();
    batch = emu_batch(bytes, message_format);
    if (partition == NULL) {
        return 0; /* an empty batch */
    }
    struct mark mark = log_mark(partition);
    while (r == 0 && emu_batch_next(&batch, &message) > 0) {
        r = append_message(partition, &message, now_ms);
    }
    if (r != 0) {
        log_take_back(partition, &mark);
        return r;
    }
    retain(hub->ns, partition);
    hub->ns->appended(hub->ns->context, partition);
    return 0;
}

int emu_hub_append_body(struct emu_hub *hub, struct emu_partition *partition, struct hd_slice key,
                        struct hd_slice body)
{
    struct hd_buffer data = {0};
    struct emu_writer w = {&data, 0};
    emu_write_descriptor(&w, 0x75);
    emu_write_binary(&w, body);
    int r = w.error;
    if (r == 0) {
        struct emu_message message = {.rest = hd_buffer_slice(&data), .partition_key = key};
        if (partition == NULL) {
            partition = emu_hub_route(hub, key);
        }
        struct mark mark = log_mark(partition);
        r = append_message(partition, &message, hd_clock_realtime_ms());
        if (r != 0) {
            log_take_back(partition, &mark);
        } else {
            retain(hub->ns, partition);
        }
    }
    hd_buffer_deinit(&data);
    if (r == 0) {
        hub->ns->appended(hub->ns->context, partition);
    }
    return r;
}

int emu_partition_restore(struct emu_partition *p, int64_t seq, int64_t offset, int64_t enqueued_ms,
                          uint32_t header_len, struct hd_slice encoded)
{
    if (p->begin_seq == p->next_seq) {
        p->begin_seq = p->next_seq = seq;
    }
    if (seq != p->next_seq || offset < p->next_offset || header_len > encoded.len) {
        return EMU_HUB_E_MALFORMED;
    }
    struct emu_event event = {
        .enqueued_ms = enqueued_ms, .offset = offset, .header_len = header_len};
    int r = log_put(p, &event, encoded, hd_slice(NULL, 0));
    if (r == 0) {
        retain(p->hub->ns, p);
    }
    return r;
}

int emu_hub_recreate(struct emu_hub *hub, struct hd_diag *diag)
{
    for (uint32_t i = 0; i < hub->n_partitions; i++) {
        partition_clear(&hub->partitions[i]);
        if (hub->partitions[i].storage != NULL) {
            int r = emu_storage_clear(hub->partitions[i].storage, diag);
            if (r != 0) {
                return r;
            }
        }
    }
    hub->created_ms = hd_clock_realtime_ms();
    return 0;
}

/* ---- positions ---- */

static int64_t event_key(const struct emu_event *event, enum emu_filter_field field)
{
    return field == EMU_FILTER_TIME ? event->enqueued_ms : event->offset;
}

/* The first event whose key is above the value (or equal, when inclusive). */
static int64_t search(const struct emu_partition *p, const struct emu_filter *filter)
{
    int64_t low = p->begin_seq, high = p->next_seq;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int64_t key = event_key(emu_partition_event(p, middle), filter->field);
        if (key > filter->value || (filter->inclusive && key == filter->value)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

int emu_partition_seek(const struct emu_partition *p, const struct emu_filter *filter,
                       int64_t *ret_seq, struct hd_diag *diag)
{
    switch (filter->field) {
    case EMU_FILTER_EARLIEST:
        *ret_seq = p->begin_seq;
        return 0;
    case EMU_FILTER_LATEST:
        *ret_seq = p->next_seq;
        return 0;
    case EMU_FILTER_TIME:
        *ret_seq = search(p, filter);
        return 0;
    case EMU_FILTER_OFFSET:
        if (filter->value > p->last_offset) {
            return hd_fail(diag, EMU_HUB_E_AHEAD,
                           "The supplied offset '%.*s' is invalid. The last offset in the system "
                           "is '%" PRId64 "'",
                           (int)filter->text.len, filter->text.data, p->last_offset);
        }
        *ret_seq = search(p, filter);
        return 0;
    case EMU_FILTER_SEQUENCE:
        /* "from the next one on" is no error: it is where the log ends */
        if (filter->value > p->next_seq - !filter->inclusive) {
            return hd_fail(diag, EMU_HUB_E_AHEAD,
                           "The supplied sequence number '%.*s' is invalid. The last sequence "
                           "number in the system is '%" PRId64 "'",
                           (int)filter->text.len, filter->text.data, p->next_seq - 1);
        }
        *ret_seq = filter->value + !filter->inclusive;
        if (*ret_seq < p->begin_seq) {
            *ret_seq = p->begin_seq;
        }
        return 0;
    }
    return -EINVAL;
}
