/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

#include "hubdrain/arena.h"
#include "hubdrain/budget.h"
#include "hubdrain/buffer.h"

static void arena_keeps_blocks(void)
{
    struct hd_arena *arena = hd_arena_new(1 << 20);
    REQUIRE(arena);
    char *first = hd_arena_alloc(arena, 100);
    for (int i = 0; i < 50; i++) {
        char *p = hd_arena_alloc(arena, 5000);
        CHECK(p && (uintptr_t)p % 16 == 0);
        memset(p, i, 5000);
    }
    size_t size = hd_arena_size(arena);
    hd_arena_reset(arena);
    CHECK(hd_arena_alloc(arena, 100) == first);
    for (int i = 0; i < 50; i++) {
        CHECK(hd_arena_alloc(arena, 5000));
    }
    CHECK_INT(hd_arena_size(arena), size);
    hd_arena_free(arena);
}

static void arena_ends_at_its_limit(void)
{
    struct hd_arena *arena = hd_arena_new(64 * 1024);
    REQUIRE(arena);
    int n = 0;
    while (n < 1000 && hd_arena_alloc(arena, 1024)) {
        n++;
    }
    CHECK(n >= 48 && n <= 64);
    CHECK(!hd_arena_alloc(arena, 1 << 20));
    CHECK(!hd_arena_alloc(arena, SIZE_MAX));
    hd_arena_reset(arena);
    CHECK(hd_arena_alloc(arena, 1024));
    hd_arena_free(arena);
}

static void arena_resizes_the_latest_in_place(void)
{
    struct hd_arena *arena = hd_arena_new(1 << 20);
    REQUIRE(arena);
    char *a = hd_arena_alloc(arena, 10);
    memcpy(a, "0123456789", 10);
    CHECK(hd_arena_resize(arena, a, 10, 1000) == a);
    char *b = hd_arena_alloc(arena, 10);
    CHECK(b >= a + 1000);
    char *c = hd_arena_resize(arena, a, 1000, 2000);
    REQUIRE(c && c != a);
    CHECK(memcmp(c, "0123456789", 10) == 0);
    CHECK(hd_arena_resize(arena, c, 2000, 100) == c);
    char *d = hd_arena_alloc(arena, 10);
    CHECK(d == c + 112); /* given back, rounded to the alignment */
    hd_arena_free(arena);
}

static void buffer_grows(void)
{
    struct hd_buffer buffer = {0};
    CHECK_STR(hd_buffer_cstr(&buffer), "");
    for (int i = 0; i < 10000; i++) {
        REQUIRE(hd_buffer_printf(&buffer, "%d,", i) == 0);
    }
    CHECK(strncmp(hd_buffer_cstr(&buffer), "0,1,2,", 6) == 0);
    CHECK_INT(strlen(hd_buffer_cstr(&buffer)), buffer.len);
    memset(buffer.data + buffer.cap, 0, HD_PADDING); /* the sanitizer would object */
    CHECK_INT(hd_buffer_reserve(&buffer, SIZE_MAX - 10), -ENOMEM);
    hd_buffer_deinit(&buffer);
}

static void budget_counts(void)
{
    struct hd_budget budget;
    hd_budget_init(&budget, 100);
    hd_budget_charge(&budget, 60);
    CHECK_INT(hd_budget_left(&budget), 40);
    hd_budget_charge(&budget, 60);
    CHECK_INT(hd_budget_left(&budget), 0);
    CHECK(hd_budget_over(&budget));
    hd_budget_release(&budget, 100);
    CHECK_INT(hd_budget_left(&budget), 80);
    CHECK_INT(budget.peak_bytes, 120);
}

HD_TEST_MAIN({"an arena keeps its blocks over a reset", arena_keeps_blocks},
             {"an arena ends at its limit", arena_ends_at_its_limit},
             {"an arena resizes the latest allocation in place", arena_resizes_the_latest_in_place},
             {"a buffer grows and stays padded", buffer_grows},
             {"a budget counts what is left", budget_counts})
