/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * Only messages that are not safe yet need memory. They stand in a list in order of receipt; each
 * one also carries the position of the last safe message between itself and the next open one (its
 * "tail"), and how many messages that stands for. When a message becomes safe it leaves the list
 * and hands its tail to its predecessor; the list's head has none, so what it gets is the
 * watermark. That makes an ack O(1) without amortisation, and a hole that never closes costs what
 * the open messages cost, however many safe ones pile up behind it.
 *
 * Messages are found by sequence number through an open-addressing hash (linear probing, deletion
 * by shifting back, at most half full). A jump of the sequence numbers therefore costs nothing.
 *
 * Entries live in one array and refer to each other by index, so that it can grow in place; index
 * 0 is the list's head. Offsets are short text; the rare long one has an allocation of its own.
 */
#include "hubdrain/window.h"

#include <errno.h>
#include <stdlib.h>

enum { SHORT_OFFSET = 24, FIRST_CAPACITY = 16 };

/* A position as it is kept: the offset is in `text`, or in `heap` when it does not fit. */
struct tail {
    int64_t sequence_number;
    char *heap;
    char text[SHORT_OFFSET];
};

struct entry {
    int64_t sequence_number;
    uint32_t records;    /* still to be acknowledged */
    uint32_t prev, next; /* indices; next also links free entries */
    struct tail tail;    /* its own position until a safe message follows it */
    uint64_t messages;   /* itself and the safe ones that the tail covers */
};

struct hd_window {
    struct entry *entries; /* [0] is the head */
    uint32_t capacity;     /* of entries */
    uint32_t free_first;   /* 0: none */
    uint32_t open_entries; /* without the head */

    uint32_t *buckets; /* indices of entries; 0: empty */
    uint32_t buckets_mask;

    int64_t last_pushed;
    uint64_t messages; /* behind the watermark */
    bool has_watermark;
    size_t heap_bytes; /* long offsets */
};

/* ---- positions ---- */

static int tail_init(struct hd_window *window, struct tail *tail, int64_t sequence_number,
                     struct hd_slice offset)
{
    *tail = (struct tail){.sequence_number = sequence_number};
    if (offset.len >= HD_OFFSET_SIZE || (offset.len > 0 && memchr(offset.data, 0, offset.len))) {
        return 0;
    }
    char *to = tail->text;
    if (offset.len >= sizeof(tail->text)) {
        to = tail->heap = malloc(offset.len + 1);
        if (!to) {
            return -ENOMEM;
        }
        window->heap_bytes += offset.len + 1;
    }
    if (offset.len > 0) {
        memcpy(to, offset.data, offset.len);
    }
    to[offset.len] = '\0';
    return 0;
}

static void tail_deinit(struct hd_window *window, struct tail *tail)
{
    if (tail->heap) {
        window->heap_bytes -= strlen(tail->heap) + 1;
        free(tail->heap);
        tail->heap = NULL;
    }
}

/* `from` is moved, not copied. */
static void tail_replace(struct hd_window *window, struct tail *tail, struct tail *from)
{
    tail_deinit(window, tail);
    *tail = *from;
    from->heap = NULL;
}

/* ---- the hash ---- */

static uint32_t bucket_of(const struct hd_window *window, int64_t sequence_number)
{
    /* Fibonacci hashing: consecutive numbers land far apart, and never in clusters. */
    return (uint32_t)(((uint64_t)sequence_number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
           window->buckets_mask;
}

/* The bucket that holds it, or the empty one where the search ends. */
static uint32_t bucket_find(const struct hd_window *window, int64_t sequence_number)
{
    uint32_t at = bucket_of(window, sequence_number);
    while (window->buckets[at] != 0 &&
           window->entries[window->buckets[at]].sequence_number != sequence_number) {
        at = (at + 1) & window->buckets_mask;
    }
    return at;
}

static void bucket_remove(struct hd_window *window, uint32_t at)
{
    uint32_t mask = window->buckets_mask;
    uint32_t hole = at;
    for (uint32_t i = (at + 1) & mask; window->buckets[i] != 0; i = (i + 1) & mask) {
        uint32_t home = bucket_of(window, window->entries[window->buckets[i]].sequence_number);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            window->buckets[hole] = window->buckets[i];
            hole = i;
        }
    }
    window->buckets[hole] = 0;
}

/* ---- entries ---- */

/* Doubles entries and buckets together: there are always twice as many buckets as entries. */
static int grow(struct hd_window *window)
{
    if (window->capacity > UINT32_MAX / 4) {
        return -ENOMEM;
    }
    uint32_t capacity = window->capacity * 2;
    uint32_t *buckets = calloc((size_t)capacity * 2, sizeof(*buckets));
    if (!buckets) {
        return -ENOMEM;
    }
    struct entry *entries = realloc(window->entries, capacity * sizeof(*entries));
    if (!entries) {
        free(buckets);
        return -ENOMEM;
    }
    for (uint32_t i = window->capacity; i < capacity; i++) {
        entries[i].next = i + 1 < capacity ? i + 1 : 0;
    }
    window->free_first = window->capacity;
    window->entries = entries;
    window->capacity = capacity;
    free(window->buckets);
    window->buckets = buckets;
    window->buckets_mask = capacity * 2 - 1;
    for (uint32_t i = entries[0].next; i != 0; i = entries[i].next) {
        window->buckets[bucket_find(window, entries[i].sequence_number)] = i;
    }
    return 0;
}

static void append(struct hd_window *window, uint32_t index)
{
    struct entry *head = &window->entries[0];
    window->entries[index].prev = head->prev;
    window->entries[index].next = 0;
    window->entries[head->prev].next = index;
    head->prev = index;
}

/* The entry's tail and count go to its predecessor; at the head they are the watermark. */
static void close_entry(struct hd_window *window, uint32_t index)
{
    struct entry *entry = &window->entries[index];
    struct entry *prev = &window->entries[entry->prev];
    tail_replace(window, &prev->tail, &entry->tail);
    if (entry->prev == 0) {
        window->messages -= entry->messages;
        window->has_watermark = true;
    } else {
        prev->messages += entry->messages;
    }
    prev->next = entry->next;
    window->entries[entry->next].prev = entry->prev;
    entry->next = window->free_first;
    window->free_first = index;
    window->open_entries--;
}

/* ---- public ---- */

int hd_window_new(struct hd_window **ret)
{
    struct hd_window *window = calloc(1, sizeof(*window));
    if (!window) {
        return -ENOMEM;
    }
    window->capacity = FIRST_CAPACITY / 2;
    window->last_pushed = -1;
    window->entries = calloc(1, window->capacity * sizeof(*window->entries));
    if (!window->entries || grow(window) < 0) {
        hd_window_free(window);
        return -ENOMEM;
    }
    /* grow() linked the new half; the old one but for the head is free as well. */
    for (uint32_t i = FIRST_CAPACITY / 2 - 1; i > 0; i--) {
        window->entries[i].next = window->free_first;
        window->free_first = i;
    }
    *ret = window;
    return 0;
}

void hd_window_free(struct hd_window *window)
{
    if (!window) {
        return;
    }
    if (window->entries) {
        uint32_t i = 0;
        do {
            tail_deinit(window, &window->entries[i].tail);
            i = window->entries[i].next;
        } while (i != 0);
    }
    free(window->entries);
    free(window->buckets);
    free(window);
}

int hd_window_push(struct hd_window *window, int64_t sequence_number, struct hd_slice offset,
                   uint32_t records)
{
    if (sequence_number <= window->last_pushed) {
        return -EINVAL;
    }
    if (records > 0 && window->free_first == 0) {
        int r = grow(window);
        if (r < 0) {
            return r;
        }
    }
    struct tail tail;
    int r = tail_init(window, &tail, sequence_number, offset);
    if (r < 0) {
        return r;
    }
    window->last_pushed = sequence_number;
    if (records == 0) {
        uint32_t last = window->entries[0].prev;
        tail_replace(window, &window->entries[last].tail, &tail);
        if (last == 0) {
            window->has_watermark = true;
        } else {
            window->entries[last].messages++;
            window->messages++;
        }
        return 0;
    }
    uint32_t index = window->free_first;
    window->free_first = window->entries[index].next;
    window->entries[index] = (struct entry){
        .sequence_number = sequence_number, .records = records, .tail = tail, .messages = 1};
    append(window, index);
    window->buckets[bucket_find(window, sequence_number)] = index;
    window->open_entries++;
    window->messages++;
    return 0;
}

int hd_window_ack(struct hd_window *window, int64_t sequence_number, uint32_t records)
{
    uint32_t bucket = bucket_find(window, sequence_number);
    uint32_t index = window->buckets[bucket];
    if (index == 0 || records == 0 || records > window->entries[index].records) {
        return -EINVAL;
    }
    window->entries[index].records -= records;
    if (window->entries[index].records == 0) {
        bucket_remove(window, bucket);
        close_entry(window, index);
    }
    return 0;
}

bool hd_window_watermark(const struct hd_window *window, struct hd_position *ret)
{
    if (!window->has_watermark) {
        return false;
    }
    const struct tail *tail = &window->entries[0].tail;
    const char *offset = tail->heap ? tail->heap : tail->text;
    ret->sequence_number = tail->sequence_number;
    memcpy(ret->offset, offset, strlen(offset) + 1);
    return true;
}

size_t hd_window_open(const struct hd_window *window)
{
    return window->messages;
}

bool hd_window_hole(const struct hd_window *window, int64_t *ret_sequence_number)
{
    uint32_t first = window->entries[0].next;
    if (first == 0) {
        return false;
    }
    *ret_sequence_number = window->entries[first].sequence_number;
    return true;
}

size_t hd_window_bytes(const struct hd_window *window)
{
    return sizeof(*window) + window->capacity * sizeof(*window->entries) +
           ((size_t)window->buckets_mask + 1) * sizeof(*window->buckets) + window->heap_bytes;
}
