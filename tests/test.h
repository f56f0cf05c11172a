/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit test program in TAP: list the cases, call HD_TEST_MAIN.
 *
 *     static void adds(void) { CHECK(1 + 1 == 2); CHECK_INT(1 + 1, 2); CHECK_STR("a", "a"); }
 *     HD_TEST_MAIN({"adds two numbers", adds})
 *
 * A failed CHECK prints where and what, marks the case as failed and goes on.
 * SKIP("why") ends the case as skipped.
 */
#ifndef HD_TEST_H
#define HD_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hd_test_case {
    const char *name;
    void (*run)(void);
};

static bool hd_test_failed;
static const char *hd_test_skipped;

static inline void hd_test_fail(const char *file, int line, const char *what)
{
    hd_test_failed = true;
    printf("# %s:%d: %s\n", file, line, what);
}

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            hd_test_fail(__FILE__, __LINE__, #cond);                                               \
        }                                                                                          \
    } while (0)

/* Like CHECK, but leaves the case: for what the following lines need. */
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            hd_test_fail(__FILE__, __LINE__, #cond);                                               \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_INT(got, want)                                                                       \
    do {                                                                                           \
        intmax_t g_ = (intmax_t)(got), w_ = (intmax_t)(want);                                      \
        if (g_ != w_) {                                                                            \
            hd_test_fail(__FILE__, __LINE__, #got);                                                \
            printf("#   got  %jd\n#   want %jd\n", g_, w_);                                        \
        }                                                                                          \
    } while (0)

#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *g_ = (got), *w_ = (want);                                                      \
        if (!g_ || !w_ || strcmp(g_, w_) != 0) {                                                   \
            hd_test_fail(__FILE__, __LINE__, #got);                                                \
            printf("#   got  %s\n#   want %s\n", g_ ? g_ : "(null)", w_ ? w_ : "(null)");          \
        }                                                                                          \
    } while (0)

/* For struct hd_slice (or anything with .data and .len). */
#define CHECK_SLICE(got, want)                                                                     \
    do {                                                                                           \
        const char *w_ = (want);                                                                   \
        if ((got).len != strlen(w_) || memcmp((got).data, w_, (got).len) != 0) {                   \
            hd_test_fail(__FILE__, __LINE__, #got);                                                \
            printf("#   got  %.*s\n#   want %s\n", (int)(got).len, (got).data, w_);                \
        }                                                                                          \
    } while (0)

#define SKIP(why)                                                                                  \
    do {                                                                                           \
        hd_test_skipped = (why);                                                                   \
        return;                                                                                    \
    } while (0)

static inline int hd_test_run(const struct hd_test_case *cases, size_t n)
{
    int failed = 0;
    printf("1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        hd_test_failed = false;
        hd_test_skipped = NULL;
        cases[i].run();
        failed += hd_test_failed;
        printf("%s %zu - %s", hd_test_failed ? "not ok" : "ok", i + 1, cases[i].name);
        if (hd_test_skipped && !hd_test_failed) {
            printf(" # SKIP %s", hd_test_skipped);
        }
        putchar('\n');
        fflush(stdout);
    }
    return failed ? 1 : 0;
}

#define HD_TEST_MAIN(...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct hd_test_case cases[] = {__VA_ARGS__};                                  \
        return hd_test_run(cases, sizeof(cases) / sizeof(cases[0]));                               \
    }

#endif
