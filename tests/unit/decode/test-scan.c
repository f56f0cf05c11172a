/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../../src/decode/scan.h"

/* The forms with vectors and without give the same for every content, length and alignment. */
static void compare(const char *alphabet)
{
    static char text[512];
    uint32_t random = 12345;
    for (int round = 0; round < 20000; round++) {
        size_t start = (size_t)(round % 17), len = (size_t)(round * 7 % 300), n = strlen(alphabet);
        for (size_t i = 0; i < start + len + 32; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = alphabet[(random >> 16) % n];
        }
        const char *p = text + start, *end = p + len;
        bool a, b;
        CHECK(scan_either(p, end, '"', '&') == scan_either_portable(p, end, '"', '&'));
        CHECK(scan_string(p, end, &a) == scan_string_portable(p, end, &b));
        CHECK(a == b);
        CHECK(scan_text(p, end, &a) == scan_text_portable(p, end, &b));
        CHECK(a == b);
        if (hd_test_failed) {
            printf("# round %d\n", round);
            return;
        }
    }
}

static void dense(void)
{
    compare("ab\\\"<&");
}

static void slashes(void)
{
    compare("\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"");
}

static void sparse(void)
{
    compare("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\\\"<&"
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
}

static void nothing(void)
{
    compare("x");
}

HD_TEST_MAIN({"many hits", dense}, {"runs of backslashes", slashes}, {"few hits", sparse},
             {"no hit", nothing})
