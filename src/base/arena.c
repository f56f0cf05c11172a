/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a list of blocks, bumped through in order. A reset goes back to the first block and keeps
 * them all, so that a worker which has seen its largest record stops calling malloc. Blocks double,
 * so a large record costs few of them. Every block carries HD_PADDING spare bytes at its end: the
 * scanners read whole vectors.
 */
#include "hubdrain/arena.h"

#include <stddef.h>
#include <stdlib.h>

#include "hubdrain/buffer.h"

#define FIRST_BLOCK_BYTES ((size_t)16 * 1024)

struct block {
    struct block *next;
    size_t size; /* of data, without the padding */
    _Alignas(max_align_t) char data[];
};

struct hd_arena {
    struct block *first, *current;
    size_t used; /* in current */
    size_t total_bytes, max_bytes;
};

struct hd_arena *hd_arena_new(size_t max_bytes)
{
    struct hd_arena *arena = calloc(1, sizeof(*arena));
    if (arena) {
        arena->max_bytes = max_bytes;
    }
    return arena;
}

void hd_arena_free(struct hd_arena *arena)
{
    if (!arena) {
        return;
    }
    for (struct block *block = arena->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void hd_arena_reset(struct hd_arena *arena)
{
    arena->current = arena->first;
    arena->used = 0;
}

static struct block *block_new(struct hd_arena *arena, size_t size)
{
    size_t wanted = arena->current ? arena->current->size * 2 : FIRST_BLOCK_BYTES;
    if (wanted < size) {
        wanted = size;
    }
    if (wanted > arena->max_bytes - arena->total_bytes) {
        wanted = size; /* near the limit: no more than is needed */
    }
    if (wanted > arena->max_bytes - arena->total_bytes) {
        return NULL;
    }
    struct block *block = malloc(sizeof(*block) + wanted + HD_PADDING);
    if (!block) {
        return NULL;
    }
    block->size = wanted;
    arena->total_bytes += wanted;
    return block;
}

/* The next block that is large enough; kept blocks that are too small are passed over. */
static void *alloc_slow(struct hd_arena *arena, size_t size)
{
    while (arena->current && arena->current->next) {
        arena->current = arena->current->next;
        if (arena->current->size >= size) {
            arena->used = size;
            return arena->current->data;
        }
    }
    struct block *block = block_new(arena, size);
    if (!block) {
        if (arena->current) {
            arena->used = arena->current->size;
        }
        return NULL;
    }
    block->next = NULL;
    if (arena->current) {
        arena->current->next = block;
    } else {
        arena->first = block;
    }
    arena->current = block;
    arena->used = size;
    return block->data;
}

static bool round_up(size_t *size)
{
    const size_t align = _Alignof(max_align_t);
    if (*size > SIZE_MAX / 2) {
        return false;
    }
    *size = (*size + align - 1) & ~(align - 1);
    return true;
}

void *hd_arena_alloc(struct hd_arena *arena, size_t size)
{
    if (!round_up(&size)) {
        return NULL;
    }
    if (arena->current && arena->current->size - arena->used >= size) {
        void *data = arena->current->data + arena->used;
        arena->used += size;
        return data;
    }
    return alloc_slow(arena, size);
}

void *hd_arena_resize(struct hd_arena *arena, void *old, size_t old_size, size_t size)
{
    size_t old_rounded = old_size, rounded = size;
    if (!round_up(&old_rounded) || !round_up(&rounded)) {
        return NULL;
    }
    if (old && (char *)old + old_rounded == arena->current->data + arena->used &&
        arena->current->size - (arena->used - old_rounded) >= rounded) {
        arena->used = arena->used - old_rounded + rounded;
        return old;
    }
    if (old && rounded <= old_rounded) {
        return old;
    }
    void *data = hd_arena_alloc(arena, size);
    if (data && old && old_size > 0) {
        memcpy(data, old, old_size);
    }
    return data;
}

struct hd_slice hd_arena_copy(struct hd_arena *arena, struct hd_slice bytes)
{
    char *data = hd_arena_alloc(arena, bytes.len);
    if (!data) {
        return (struct hd_slice){NULL, 0};
    }
    if (bytes.len > 0) {
        memcpy(data, bytes.data, bytes.len);
    }
    return (struct hd_slice){data, bytes.len};
}

size_t hd_arena_size(const struct hd_arena *arena)
{
    return arena->total_bytes;
}
