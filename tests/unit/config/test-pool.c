/* SPDX-License-Identifier: Apache-2.0 */
/* The pool forgets what it held: its blocks are looked at in the moment they are freed. And a load
 * bears that any of its blocks cannot be had. */
#include <errno.h>
#include <stdlib.h>

static void watched_free(void *block);
static void *counted_calloc(size_t n, size_t size);
#define free   watched_free
#define calloc counted_calloc
#include "src/config/pool.c"
#undef free
#undef calloc

#include "load.h"

static size_t freed, dirty;
static size_t callocs, fail_at = SIZE_MAX;

static void *counted_calloc(size_t n, size_t size)
{
    return callocs++ == fail_at ? NULL : calloc(n, size);
}

static void watched_free(void *block)
{
    struct hd_pool_block *pool_block = block;
    freed++;
    for (size_t i = 0; i < pool_block->cap; i++) {
        dirty += pool_block->data[i] != 0;
    }
    free(block);
}

static void wipes_what_it_frees(void)
{
    struct hd_pool pool = {0};
    char large[3 * BLOCK_SIZE];
    memset(large, 's', sizeof(large));
    freed = dirty = 0;
    CHECK_STR(config_pool_copy(&pool, "secret", 6), "secret");
    CHECK(config_pool_copy(&pool, large, sizeof(large)));
    for (int i = 0; i < 1000; i++) {
        CHECK(config_pool_printf(&pool, "another secret, number %d", i));
    }
    config_pool_deinit(&pool);
    CHECK(freed > 3);
    CHECK_INT(dirty, 0);
    CHECK(pool.blocks == NULL);
    config_pool_deinit(&pool);
}

static void is_bounded(void)
{
    struct hd_pool pool = {0};
    size_t got = 0;
    CHECK(config_pool_alloc(&pool, HD_POOL_MAX + 1) == NULL);
    CHECK(config_pool_alloc(&pool, SIZE_MAX) == NULL);
    while (got < 1000 && config_pool_alloc(&pool, (size_t)1 << 20)) {
        got++;
    }
    CHECK(got >= 32 && got <= 64);
    config_pool_deinit(&pool);
}

static void grows_arrays(void)
{
    struct hd_pool pool = {0};
    int *numbers = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        numbers = config_pool_grow(&pool, numbers, (size_t)i, &cap, sizeof(*numbers));
        REQUIRE(numbers);
        numbers[i] = i;
    }
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(numbers[i], i);
    }
    config_pool_deinit(&pool);
}

static void loads_without_memory(void)
{
    static const char *const environment[] = {EVENTHUB, "STATE_DIRECTORY=/tmp", "A=" HUB, NULL};
    static const char *const sets[] = {"outputs.c.type=stdout", "log.level=debug", NULL};
    struct hd_buffer text = {0};
    int r = -ENOMEM;

    CHECK_INT(hd_buffer_append_cstr(&text, "eventhub: {connection_string: {env: A}}\noutputs:\n"),
              0);
    for (int i = 0; i < 60; i++) {
        CHECK_INT(hd_buffer_printf(&text, "  o%d: {type: file, path: \"/tmp/${NO:-o%d}\"}\n", i, i),
                  0);
    }
    freed = dirty = 0;
    for (fail_at = 0; r == -ENOMEM && fail_at < 1000; fail_at++) {
        callocs = 0;
        struct load result = load(hd_buffer_cstr(&text), environment, sets);
        r = result.result;
        CHECK_STR(hd_buffer_cstr(&result.report), "");
        unload(&result);
    }
    CHECK_INT(r, 0);
    CHECK(fail_at > 5);
    CHECK(freed > 0);
    CHECK_INT(dirty, 0);
    hd_buffer_deinit(&text);
}

HD_TEST_MAIN({"wipes what it frees", wipes_what_it_frees}, {"is bounded", is_bounded},
             {"grows arrays", grows_arrays},
             {"a load bears that there is no memory", loads_without_memory})
