/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the arena of base/ keeps its blocks to itself, and here every block must be overwritten
 * before it goes back to the heap. A configuration is read once, so the simplest list of blocks
 * does.
 */
#include "pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 8192

struct hd_pool_block {
    struct hd_pool_block *next;
    size_t used, cap;
    _Alignas(max_align_t) char data[];
};

void *config_pool_alloc(struct hd_pool *pool, size_t size)
{
    struct hd_pool_block *block = pool->blocks;

    if (size > HD_POOL_MAX) {
        return NULL;
    }
    size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    if (!block || block->cap - block->used < size) {
        size_t cap = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        if (cap > HD_POOL_MAX - pool->size) {
            return NULL;
        }
        block = calloc(1, sizeof(*block) + cap);
        if (!block) {
            return NULL;
        }
        block->cap = cap;
        block->next = pool->blocks;
        pool->blocks = block;
        pool->size += cap;
    }
    void *start = block->data + block->used;
    block->used += size;
    return start;
}

char *config_pool_copy(struct hd_pool *pool, const char *text, size_t len)
{
    char *copy = config_pool_alloc(pool, len + 1);
    if (copy && len) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *config_pool_printf(struct hd_pool *pool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : config_pool_alloc(pool, (size_t)len + 1);
    if (text) {
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return text;
}

void *config_pool_grow(struct hd_pool *pool, void *array, size_t n, size_t *cap, size_t element)
{
    if (n < *cap) {
        return array;
    }
    size_t wanted = *cap ? *cap * 2 : 8;
    void *grown = wanted > HD_POOL_MAX / element ? NULL : config_pool_alloc(pool, wanted * element);
    if (grown) {
        if (n) {
            memcpy(grown, array, n * element);
        }
        *cap = wanted;
    }
    return grown;
}

void config_pool_deinit(struct hd_pool *pool)
{
    while (pool->blocks) {
        struct hd_pool_block *block = pool->blocks;
        pool->blocks = block->next;
        explicit_bzero(block->data, block->cap);
        free(block);
    }
    pool->size = 0;
}
