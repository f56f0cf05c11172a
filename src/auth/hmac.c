/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: OpenSSL does the HMAC. Base64 is ours because OpenSSL's decoder accepts blanks and needs
 * its padding counted by hand, and a key that is damaged should be said to be damaged.
 */
#include "hubdrain/hmac.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hd_hmac_sha256(struct hd_slice key, struct hd_slice message, uint8_t ret[HD_SHA256_SIZE])
{
    unsigned len = HD_SHA256_SIZE;
    if (key.len > INT_MAX) {
        return -EINVAL;
    }
    /* An empty key is legal; a NULL one would mean "the key of the last call". */
    return HMAC(EVP_sha256(), key.len ? key.data : "", (int)key.len,
                (const unsigned char *)message.data, message.len, ret, &len)
               ? 0
               : -ENOMEM;
}

int hd_base64_encode(struct hd_buffer *out, struct hd_slice bytes)
{
    if (hd_buffer_reserve(out, (bytes.len + 2) / 3 * 4) < 0) {
        return -ENOMEM;
    }
    const unsigned char *in = (const unsigned char *)bytes.data;
    char *to = out->data + out->len;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                     (left > 2 ? in[i + 2] : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[v & 63] : '=';
    }
    out->len = (size_t)(to - out->data);
    return 0;
}

int hd_base64_decode(struct hd_buffer *out, struct hd_slice text)
{
    if (text.len % 4 != 0) {
        return -EINVAL;
    }
    if (hd_buffer_reserve(out, text.len / 4 * 3) < 0) {
        return -ENOMEM;
    }
    size_t start = out->len;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t v = 0;
        size_t pad = 0;
        for (size_t k = 0; k < 4; k++) {
            char c = text.data[i + k];
            const char *at = c ? strchr(alphabet, c) : NULL;
            if (c == '=' && i + 4 == text.len && k >= 2) {
                pad++;
            } else if (!at || pad > 0) {
                out->len = start;
                return -EINVAL;
            }
            v = v << 6 | (at ? (uint32_t)(at - alphabet) : 0);
        }
        out->data[out->len++] = (char)(v >> 16);
        if (pad < 2) {
            out->data[out->len++] = (char)(v >> 8);
        }
        if (pad < 1) {
            out->data[out->len++] = (char)v;
        }
    }
    return 0;
}

static bool kept(char c, const char *also_keep)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_.~", c)) || (c && also_keep && strchr(also_keep, c));
}

int hd_url_encode(struct hd_buffer *out, struct hd_slice text, const char *also_keep)
{
    static const char hex[] = "0123456789ABCDEF";
    if (text.len > SIZE_MAX / 3 || hd_buffer_reserve(out, text.len * 3) < 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (kept(c, also_keep)) {
            out->data[out->len++] = c;
        } else {
            out->data[out->len++] = '%';
            out->data[out->len++] = hex[(unsigned char)c >> 4];
            out->data[out->len++] = hex[c & 15];
        }
    }
    return 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int hd_url_decode(struct hd_buffer *out, struct hd_slice text)
{
    if (hd_buffer_reserve(out, text.len) < 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        if (text.data[i] == '%' && i + 2 < text.len) {
            high = hex_value(text.data[i + 1]);
            low = hex_value(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out->data[out->len++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out->data[out->len++] = text.data[i];
        }
    }
    return 0;
}
