/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/json.h"
#include "test.h"

static const char *copy(const char *json)
{
    static struct hd_buffer out;
    out.len = 0;
    hd_buffer_append_cstr(&out, "<");
    int r = hd_json_copy(&out, hd_slice_cstr(json));
    if (r == HD_JSON_E_INVALID && out.len == 1) {
        return "invalid";
    }
    return r == 0 ? hd_buffer_cstr(&out) + 1 : "error";
}

static void copies(void)
{
    CHECK_STR(copy("{\"a\": [1, 2.50, -0, 1e5, 1E-07, true,false , null], \"b\" : {}}"),
              "{\"a\":[1,2.50,-0,1e5,1E-07,true,false,null],\"b\":{}}");
    CHECK_STR(copy(" [ ] "), "[]");
    CHECK_STR(copy("\"x\""), "\"x\"");
    CHECK_STR(copy("18446744073709551615"), "18446744073709551615");
    CHECK_STR(copy("123456789012345678901234567890.10"), "123456789012345678901234567890.10");
    CHECK_STR(copy("{\"a\":1,\"a\":2}"), "{\"a\":1,\"a\":2}");
}

static void repairs(void)
{
    CHECK_STR(copy("\"a\nb\tc\x01\""), "\"a\\u000ab\\u0009c\\u0001\"");
    CHECK_STR(copy("\"\xC3\xA9 \xC3 \xFF\""), "\"\xC3\xA9 \xEF\xBF\xBD \xEF\xBF\xBD\"");
    CHECK_STR(copy("\"\\ud83d\\ude00 \\ud83d x \\ude00 \\u00e9\""),
              "\"\\ud83d\\ude00 \\ufffd x \\ufffd \\u00e9\"");
    CHECK_STR(copy("\"\\ud83d\\u0041\""), "\"\\ufffd\\u0041\"");
    CHECK_STR(copy("\"C:\\q \\u12 \\/ \\\\ \\\"\""), "\"C:\\\\q \\\\u12 \\/ \\\\ \\\"\"");
    CHECK_STR(copy("{\"k\n\":1}"), "{\"k\\u000a\":1}");
}

static void refuses(void)
{
    static const char *const wrong[] = {
        "",      " ",    "{",       "}",    "[1,]", "{\"a\":}",   "{\"a\" 1}",  "{a:1}",
        "[1 2]", "01",   "-",       "1.",   ".5",   "1e",         "+1",         "tru",
        "nulll", "[1]]", "1 2",     "\"a",  "\"\\", "'a'",        "{\"a\":1,}", "[,1]",
        "{,}",   "[1}",  "{\"a\"]", "0x10", "NaN",  "\"a\"\"b\"", "{\"a\":1]",  ":",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_STR(copy(wrong[i]), "invalid");
    }
}

static void depth_is_bounded(void)
{
    char deep[5000];
    memset(deep, '[', 1024);
    memset(deep + 1024, ']', 1024);
    deep[2048] = '\0';
    CHECK_STR(copy(deep), deep);
    memset(deep, '[', 1025);
    memset(deep + 1025, ']', 1025);
    deep[2050] = '\0';
    CHECK_STR(copy(deep), "invalid");
    for (size_t i = 0; i < 1000; i++) { /* objects and arrays by turns */
        memcpy(deep + i * 2, i % 2 ? "[ " : "[{", 2);
    }
    deep[2000] = '\0';
    CHECK_STR(copy(deep), "invalid");
}

HD_TEST_MAIN({"values are copied without their blanks", copies}, {"strings are repaired", repairs},
             {"what is no JSON is refused", refuses}, {"depth is bounded", depth_is_bounded})
