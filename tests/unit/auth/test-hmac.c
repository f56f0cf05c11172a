/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "hubdrain/hmac.h"
#include "test.h"

static void hmac(void)
{
    /* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
    static const struct {
        const char *key, *message, *want;
    } rows[] = {
        {"\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v", "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t mac[HD_SHA256_SIZE];
        char text[65];
        REQUIRE(hd_hmac_sha256(hd_slice_cstr(rows[i].key), hd_slice_cstr(rows[i].message), mac) ==
                0);
        for (size_t k = 0; k < sizeof(mac); k++) {
            snprintf(text + 2 * k, 3, "%02x", mac[k]);
        }
        CHECK_STR(text, rows[i].want);
    }
}

static void base64(void)
{
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"\xff\xfe\xfd", "//79"},
                                          {"\xfb\xef", "++8="}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_buffer out = {0};
        CHECK_INT(hd_base64_encode(&out, hd_slice_cstr(rows[i][0])), 0);
        CHECK_STR(hd_buffer_cstr(&out), rows[i][1]);
        out.len = 0;
        CHECK_INT(hd_base64_decode(&out, hd_slice_cstr(rows[i][1])), 0);
        CHECK_STR(hd_buffer_cstr(&out), rows[i][0]);
        hd_buffer_deinit(&out);
    }
}

static void bad_base64(void)
{
    static const char *const rows[] = {"Zg",    "Zg=",  "=g==", "Z===",     "Zg==Zg==", "Zm9v\n",
                                       "Zm 9v", "Zm-_", "====", "Zm9vZ===", "Zg=A"};
    struct hd_buffer out = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT(hd_base64_decode(&out, hd_slice_cstr(rows[i])), -EINVAL);
        CHECK_INT(out.len, 0);
    }
    CHECK_INT(hd_base64_decode(&out, hd_slice("Zm9\0", 4)), -EINVAL);
    hd_buffer_deinit(&out);
}

static void url(void)
{
    static const struct {
        const char *plain, *keep, *encoded;
    } rows[] = {
        {"", NULL, ""},
        {"AZaz09-_.~", NULL, "AZaz09-_.~"},
        {"sb://h/$Default a+b=", NULL, "sb%3A%2F%2Fh%2F%24Default%20a%2Bb%3D"},
        {"ns/hub/$default", "/", "ns/hub/%24default"},
        {"\xc3\xa4%", NULL, "%C3%A4%25"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_buffer out = {0};
        CHECK_INT(hd_url_encode(&out, hd_slice_cstr(rows[i].plain), rows[i].keep), 0);
        CHECK_STR(hd_buffer_cstr(&out), rows[i].encoded);
        out.len = 0;
        CHECK_INT(hd_url_decode(&out, hd_slice_cstr(rows[i].encoded)), 0);
        CHECK_STR(hd_buffer_cstr(&out), rows[i].plain);
        hd_buffer_deinit(&out);
    }
    struct hd_buffer out = {0};
    CHECK_INT(hd_url_decode(&out, hd_slice_cstr("%zz%4%c3%A4%")), 0);
    CHECK_STR(hd_buffer_cstr(&out), "%zz%4\xc3\xa4%");
    hd_buffer_deinit(&out);
}

HD_TEST_MAIN({"HMAC-SHA256 of RFC 4231", hmac}, {"base64 both ways", base64},
             {"text that is no base64", bad_base64}, {"percent-encoding both ways", url})
