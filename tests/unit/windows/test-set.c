/* SPDX-License-Identifier: Apache-2.0 */
#include "src/windows/set.h"
#include "test.h"

/* Strings that differ in their middle only, which the short hash does not look at. */
static struct hd_slice text(unsigned i)
{
    static char pool[5000][32];
    snprintf(pool[i], sizeof(pool[i]), "beginning %04u the same end", i);
    return hd_slice_cstr(pool[i]);
}

static void finds_what_was_added(void)
{
    struct hd_set set = {0};
    for (int round = 0; round < 3; round++) { /* large, small, large: memory is used again */
        unsigned n = round == 1 ? 5 : 5000;
        for (unsigned i = 0; i < n; i++) {
            REQUIRE(hd_set_add(&set, text(i), i * 2) == -1);
            REQUIRE(hd_set_add(&set, text(i / 2), 1) == (int64_t)(i / 2 * 2));
        }
        for (unsigned i = 0; i < n; i++) {
            REQUIRE(hd_set_add(&set, text(i), 1) == (int64_t)i * 2);
        }
        CHECK_INT(set.n, n);
        hd_set_clear(&set);
    }
    hd_set_deinit(&set);
}

static void empty_and_short(void)
{
    struct hd_set set = {0};
    static const char *const texts[] = {"",   "a",       "b",       "aa",      "ab",
                                        "ba", "abcdefg", "abcdefh", "abcdefgh"};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_INT(hd_set_add(&set, hd_slice_cstr(texts[i]), i), -1);
    }
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_INT(hd_set_add(&set, hd_slice_cstr(texts[i]), 99), i);
    }
    CHECK_INT(hd_set_add(&set, hd_slice("\0", 1), 9), -1);
    hd_set_deinit(&set);
}

HD_TEST_MAIN({"what was added is found", finds_what_was_added},
             {"empty and short strings", empty_and_short})
