/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: memory that lives until the next reset.
 *
 * Owner:   whoever holds the struct; nothing allocated here is freed on its own.
 * Threads: none; an arena belongs to one thread at a time.
 * Limits:  NULL past max_bytes or when the heap is exhausted. After a reset the blocks are kept,
 *          so a warmed-up arena allocates nothing from the heap.
 */
#ifndef HUBDRAIN_ARENA_H
#define HUBDRAIN_ARENA_H

#include "hubdrain/slice.h"

struct hd_arena;

struct hd_arena *hd_arena_new(size_t max_bytes);
void hd_arena_free(struct hd_arena *arena); /* accepts NULL */
void hd_arena_reset(struct hd_arena *arena);

/* Not zeroed, aligned for any type. At least HD_PADDING readable bytes follow. */
void *hd_arena_alloc(struct hd_arena *arena, size_t size);

/* Grows or shrinks the latest allocation in place where possible, else moves it. */
void *hd_arena_resize(struct hd_arena *arena, void *old, size_t old_size, size_t size);

/* A copy of the bytes; .data is NULL when there is no memory. */
struct hd_slice hd_arena_copy(struct hd_arena *arena, struct hd_slice bytes);

/* Bytes taken from the heap. */
size_t hd_arena_size(const struct hd_arena *arena);

#endif
