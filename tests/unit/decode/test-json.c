/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/buffer.h"
#include "hubdrain/decode.h"
#include "test.h"

#include "../../../src/decode/json.h"

static char padded[4096];

static struct json scanner(const char *text, uint32_t max_depth)
{
    size_t len = strlen(text);
    memset(padded, '"', sizeof(padded));
    memcpy(padded, text, len);
    return (struct json){padded, padded + len, max_depth, false};
}

static int value_of(const char *text, struct json_value *value)
{
    struct json json = scanner(text, 64);
    return json_value(&json, value);
}

static void scalars(void)
{
    static const struct {
        const char *text;
        enum json_kind kind;
    } good[] = {{"\"a\"", JSON_STRING}, {"0", JSON_NUMBER},         {"-12.5e+3", JSON_NUMBER},
                {"true", JSON_TRUE},    {"false", JSON_FALSE},      {"null", JSON_NULL},
                {"{}", JSON_OBJECT},    {"[ ]", JSON_ARRAY},        {"[1,]", JSON_ARRAY},
                {"1E5", JSON_NUMBER},   {"{\"a\":1,}", JSON_OBJECT}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct json_value value;
        CHECK_INT(value_of(good[i].text, &value), 0);
        CHECK_INT(value.kind, good[i].kind);
    }
}

static void malformed(void)
{
    static const char *const bad[] = {
        "01",     "-",       "1.",       "1e",    "+1", "nul!", "truth", "[,1]",
        "{1:2}",  "{\"a\"}", "{\"a\":}", "[1 2]", "x",  "{,}",  "[}",    "{\"a\":1 \"b\":2}",
        "[1,,2]", "]",       "{\"a\":1]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct json_value value;
        struct json json = scanner(bad[i], 64);
        int r = json_value(&json, &value);
        json_space(&json);
        bool rest = r == 0 && json.p < json.end; /* 01 and +1: what follows the value is wrong */
        CHECK(r == HD_DEAD_MALFORMED_JSON || r == HD_DEAD_TRUNCATED || rest);
        CHECK(!json_strict(hd_slice(padded, strlen(bad[i]))));
    }
}

static void truncated(void)
{
    const char *whole = "{\"a\":[1,{\"b\":\"c\\\"\"}],\"d\":true}";
    for (size_t n = 1; n < strlen(whole); n++) {
        struct json_value value;
        struct json json = scanner(whole, 64);
        json.end = json.p + n;
        CHECK_INT(json_value(&json, &value), HD_DEAD_TRUNCATED);
    }
}

static void depth(void)
{
    char text[256];
    struct json_value value;
    for (int n = 62; n <= 66; n++) {
        memset(text, '[', (size_t)n);
        memset(text + n, ']', (size_t)n);
        text[2 * n] = '\0';
        CHECK_INT(value_of(text, &value), n <= 64 ? 0 : HD_DEAD_TOO_DEEP);
    }
}

static void unescapes(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\\ud83d", "\xef\xbf\xbd"},
        {"\\ud83dx", "\xef\xbf\xbdx"},
        {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\\ud83d\\u0041", "\xef\xbf\xbd"
                           "A"},
        {"\\u12", "\xef\xbf\xbd"
                  "12"},
        {"\\uzzzz", "\xef\xbf\xbdzzzz"},
        {"C:\\Windows\\q", "C:\\Windows\\q"},
        {"0123456789abcdef\\n0123456789abcdef\\\\", "0123456789abcdef\n0123456789abcdef\\"},
        {"\xff\x80raw", "\xff\x80raw"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char to[256];
        struct json json = scanner(cases[i].in, 1);
        struct hd_slice out = {to, json_unescape(hd_slice(json.p, strlen(cases[i].in)), to)};
        CHECK_SLICE(out, cases[i].out);
    }
    char to[64], zero[] = "\\u0000";
    CHECK_INT(json_unescape(hd_slice(zero, 6), to), 1);
    CHECK_INT(to[0], 0);
}

static void unescape_fits(void)
{
    char text[200], *to = malloc(JSON_UNESCAPED_MAX(198));
    for (size_t i = 0; i < 198; i += 2) {
        memcpy(text + i, "\\u", 2); /* the worst case: two bytes become three */
    }
    CHECK(json_unescape(hd_slice(text, 198), to) <= JSON_UNESCAPED_MAX(198));
    free(to);
}

static void tolerant(void)
{
    static const char text[] = "\"a\n\t\x01\xff\0b\"";
    struct json json = {text, text + sizeof(text) - 1, 1, false};
    struct json_value value;
    CHECK_INT(json_value(&json, &value), 0);
    CHECK_INT(value.text.len, 7);
    CHECK(!json_strict(hd_slice(text, sizeof(text) - 1)));
}

static void strict(void)
{
    static const char *const good[] = {"{}",      " [1, 2] ",    "\"\\u00e9\\n\xc3\xa9\"",
                                       "-0.1e-5", "\"\\ud800\"", "\"\xf4\x8f\xbf\xbf\""};
    static const char *const bad[] = {"[1,]",
                                      "\"\n\"",
                                      "\"\\x\"",
                                      "\"\\u00g0\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xe2\x82\"",
                                      "1 2",
                                      "",
                                      "{\"a\":1,}",
                                      "\"\xf0\x80\x80\x80\"",
                                      "\"\x80\""};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        scanner(good[i], 1);
        CHECK(json_strict(hd_slice(padded, strlen(good[i]))));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        scanner(bad[i], 1);
        CHECK(!json_strict(hd_slice(padded, strlen(bad[i]))));
    }
}

HD_TEST_MAIN({"values", scalars}, {"malformed values", malformed},
             {"every truncation says so", truncated}, {"the depth has a limit", depth},
             {"escapes", unescapes}, {"unescaped text fits", unescape_fits},
             {"raw bytes in strings are accepted", tolerant}, {"strict is strict", strict})
