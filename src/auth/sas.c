/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * A shared access signature says "whoever shows this may use the resource `sr` until `se`" and is
 * signed with HMAC-SHA256. Two traps: the key is used as the text that it is (it looks like base64,
 * but is not decoded), and every part is percent-encoded once, in upper-case hex.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hubdrain/auth.h"
#include "hubdrain/hmac.h"

static int append_signature(struct hd_buffer *out, const char *key, struct hd_slice to_sign)
{
    uint8_t digest[HD_SHA256_SIZE];
    struct hd_buffer base64 = {0};
    int r = hd_hmac_sha256(hd_slice_cstr(key), to_sign, digest);
    r = r ? r : hd_base64_encode(&base64, hd_slice((const char *)digest, sizeof(digest)));
    r = r ? r : hd_url_encode(out, hd_buffer_slice(&base64), NULL);
    hd_buffer_deinit(&base64);
    return r;
}

static int append_token(struct hd_buffer *out, struct hd_buffer *to_sign, const char *audience,
                        const char *key_name, const char *key, int64_t expiry_s)
{
    int r = hd_url_encode(to_sign, hd_slice_cstr(audience), NULL);
    r = r ? r : hd_buffer_append_cstr(out, "SharedAccessSignature sr=");
    r = r ? r : hd_buffer_append(out, to_sign->data, to_sign->len);
    r = r ? r : hd_buffer_printf(to_sign, "\n%" PRId64, expiry_s);
    r = r ? r : hd_buffer_append_cstr(out, "&sig=");
    r = r ? r : append_signature(out, key, hd_buffer_slice(to_sign));
    r = r ? r : hd_buffer_printf(out, "&se=%" PRId64 "&skn=", expiry_s);
    return r ? r : hd_url_encode(out, hd_slice_cstr(key_name), NULL);
}

int hd_sas_token(const char *audience, const char *key_name, const char *key, int64_t expiry_s,
                 char *ret, size_t size)
{
    struct hd_buffer out = {0}, to_sign = {0};
    int r = append_token(&out, &to_sign, audience, key_name, key, expiry_s);
    if (r == 0 && out.len >= size) {
        r = -ENOBUFS;
    }
    if (r == 0) {
        memcpy(ret, out.data, out.len);
        ret[out.len] = 0;
    }
    hd_buffer_deinit(&out);
    hd_buffer_deinit(&to_sign);
    return r;
}

int64_t hd_sas_expiry(const char *signature)
{
    const char *p = signature;
    while ((p = strstr(p, "se="))) {
        if (p > signature && (p[-1] == '&' || p[-1] == ' ') && p[3] >= '0' && p[3] <= '9') {
            errno = 0;
            int64_t seconds = strtoll(p + 3, NULL, 10);
            return errno || seconds > INT64_MAX / 1000 ? -1 : seconds;
        }
        p += 3;
    }
    return -1;
}
