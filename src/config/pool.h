/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pool: memory of the configuration, wiped when it is freed, because any of it may be a secret.
 *
 * Owner: whoever holds the struct (zero-initialised is empty). Threads: none.
 * Limits: HD_POOL_MAX bytes; NULL beyond that or without memory.
 */
#ifndef HD_CONFIG_POOL_H
#define HD_CONFIG_POOL_H

#include <stddef.h>

#define HD_POOL_MAX ((size_t)64 << 20)

struct hd_pool_block;

struct hd_pool {
    struct hd_pool_block *blocks;
    size_t size;
};

void *config_pool_alloc(struct hd_pool *pool, size_t size); /* zeroed, aligned for any type */
char *config_pool_copy(struct hd_pool *pool, const char *text, size_t len); /* terminated */
char *config_pool_printf(struct hd_pool *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Doubles an array that is full; the old one stays in the pool until the end. */
void *config_pool_grow(struct hd_pool *pool, void *array, size_t n, size_t *cap, size_t element);

void config_pool_deinit(struct hd_pool *pool);

#endif
