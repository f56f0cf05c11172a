/* SPDX-License-Identifier: Apache-2.0 */
/* The escaper, both versions of it, against a plain one written here. */
#include "hubdrain/json.h"

#define HD_JSON_PORTABLE
#define hd_json_string portable_string
#define hd_json_uint   portable_uint
#define hd_utf8_step   portable_step
int portable_string(struct hd_buffer *out, struct hd_slice text);
size_t portable_uint(char *at, uint64_t value);
int portable_step(const char *bytes, size_t len);
#include "src/model/json-string.c"
#undef hd_json_string
#undef hd_json_uint
#undef hd_utf8_step

#include "test.h"

typedef int escape_fn(struct hd_buffer *out, struct hd_slice text);

/* Well-formed UTF-8 by the table of the Unicode standard (3-7). */
static size_t well_formed(const unsigned char *p, size_t n)
{
    static const unsigned char table[][9] = {
        {0x00, 0x7F},
        {0xC2, 0xDF, 0x80, 0xBF},
        {0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
        {0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
        {0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
        {0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
    };
    for (size_t row = 0; row < 9; row++) {
        size_t len = 1;
        while (len < 4 && table[row][len * 2 + 1]) {
            len++;
        }
        bool fits = len <= n;
        for (size_t i = 0; fits && i < len; i++) {
            fits = p[i] >= table[row][i * 2] && p[i] <= table[row][i * 2 + 1];
        }
        if (fits) {
            return len;
        }
    }
    return 0;
}

static void plain(const unsigned char *p, size_t n, struct hd_buffer *out)
{
    hd_buffer_append_cstr(out, "\"");
    for (size_t i = 0; i < n;) {
        size_t len = well_formed(p + i, n - i);
        if (len == 0) {
            hd_buffer_append_cstr(out, "\xEF\xBF\xBD");
            /* as far as it could still have become a character */
            size_t more = 1;
            while (i + more < n && more < 4) {
                unsigned char fill[4] = {0x80, 0x80, 0x80, 0x80};
                bool could = false;
                memcpy(fill, p + i, more + 1);
                for (unsigned next = 0x80; next <= 0xBF && !could; next++) {
                    if (more + 1 < 4) {
                        fill[more + 1] = (unsigned char)next;
                    }
                    could = well_formed(fill, 4) > more + 1;
                }
                if (!could) {
                    break;
                }
                more++;
            }
            i += more;
        } else if (p[i] == '"' || p[i] == '\\') {
            hd_buffer_printf(out, "\\%c", p[i++]);
        } else if (p[i] < 0x20) {
            const char *at = strchr("\bb\tt\nn\ff\rr", p[i]);
            if (at && p[i]) {
                hd_buffer_printf(out, "\\%c", at[1]);
            } else {
                hd_buffer_printf(out, "\\u%04x", p[i]);
            }
            i++;
        } else {
            hd_buffer_append(out, p + i, len);
            i += len;
        }
    }
    hd_buffer_append_cstr(out, "\"");
}

static bool same(escape_fn *escape, const unsigned char *bytes, size_t n)
{
    /* Exactly as long as the text, so that a sanitizer sees a byte read too far. */
    char *exact = malloc(n ? n : 1);
    struct hd_buffer want = {0}, got = {0};
    memcpy(exact, bytes, n);
    plain(bytes, n, &want);
    hd_buffer_append_cstr(&got, "x");
    int r = escape(&got, hd_slice(exact, n));
    bool ok = r == 0 && got.len == want.len + 1 && memcmp(got.data + 1, want.data, want.len) == 0;
    free(exact);
    hd_buffer_deinit(&want);
    hd_buffer_deinit(&got);
    return ok;
}

static bool both(const unsigned char *bytes, size_t n)
{
    return same(hd_json_string, bytes, n) && same(portable_string, bytes, n);
}

static void every_place(void)
{
    static const char *const marks[] = {"\"",
                                        "\\",
                                        "\n",
                                        "\x01",
                                        "\x1f",
                                        "\x7f",
                                        "\xC3\xA9",
                                        "\xC3",
                                        "\xE2\x80",
                                        "\xED\xA0\x80",
                                        "\xF0\x9F\x98\x80",
                                        "\xFF",
                                        "\\\\",
                                        "\"\\\"",
                                        "\xE2\x80\xA8"};
    unsigned char text[160];
    for (size_t m = 0; m < sizeof(marks) / sizeof(marks[0]); m++) {
        size_t len = strlen(marks[m]);
        for (size_t n = len; n < 52; n++) {
            for (size_t at = 0; at + len <= n; at++) {
                memset(text, 'a', sizeof(text));
                memcpy(text + at, marks[m], len);
                REQUIRE(both(text, n));
            }
        }
    }
    CHECK(both(text, 0));
}

/* Every byte before those at which something begins or ends. */
static void pairs_of_bytes(void)
{
    static const unsigned char edges[] = {0x00, 0x1F, 0x20, '"',  'a',  '\\', 0x7F,
                                          0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1,
                                          0xC2, 0xED, 0xF0, 0xF4, 0xF5, 0xFF};
    unsigned char text[19];
    for (unsigned a = 0; a < 256; a++) {
        for (size_t i = 0; i < sizeof(edges); i++) {
            unsigned b = edges[i];
            memset(text, 'z', sizeof(text));
            text[0] = text[15] = (unsigned char)a;
            text[1] = text[16] = (unsigned char)b;
            REQUIRE(both(text, sizeof(text)));
            REQUIRE(both(text, 2));
        }
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly paths, with all that may be in them. */
static void random_texts(void)
{
    static const char letters[] =
        "abcXYZ0189 \\\\\\\\\\\"\"\n\t\x01\x7f\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA9\xED\xA0";
    unsigned char text[600];
    uint64_t state = 88172645463325252U;
    for (int round = 0; round < 10000; round++) {
        size_t n = next_random(&state) % (round % 50 == 0 ? sizeof(text) : 70);
        for (size_t i = 0; i < n; i++) {
            text[i] = (unsigned char)letters[next_random(&state) % (sizeof(letters) - 1)];
        }
        REQUIRE(both(text, n));
    }
}

static void grows_in_steps(void)
{
    size_t n = 200000;
    unsigned char *text = malloc(n);
    memset(text, 1, n);
    CHECK(both(text, n));
    free(text);
    struct hd_buffer out = {0};
    text = calloc(1, n);
    memset(text, 'a', n);
    CHECK_INT(hd_json_string(&out, hd_slice((char *)text, n)), 0);
    CHECK(out.cap < 2 * n); /* not six bytes for each */
    hd_buffer_deinit(&out);
    free(text);
}

static void numbers(void)
{
    static const uint64_t values[] = {
        0, 7, 10, 99, 100, 101, 65535, UINT64_C(9007199254740993), INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char want[32], got[32];
        snprintf(want, sizeof(want), "%" PRIu64, values[i]);
        got[hd_json_uint(got, values[i])] = '\0';
        CHECK_STR(got, want);
    }
}

HD_TEST_MAIN({"each mark at each place of each length", every_place},
             {"pairs of bytes", pairs_of_bytes}, {"random texts", random_texts},
             {"a buffer grows in steps", grows_in_steps}, {"numbers keep every digit", numbers})
