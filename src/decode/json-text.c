/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: undoing the escapes of a JSON string. Sixteen bytes are copied at a time up to the next
 * backslash. Nothing here fails: a lone surrogate or a \u without four digits becomes U+FFFD; a
 * backslash before any other letter stays as it is, because the usual reason is a Windows path that
 * somebody forgot to escape.
 */
#include "json.h"
#include "scan.h"

size_t utf8_put(uint32_t code, char *to)
{
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        code = 0xfffd;
    }
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3f));
        to[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3f));
    to[2] = (char)(0x80 | (code >> 6 & 0x3f));
    to[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* Four hex digits at p; false when there are none. */
static bool hex4(const char *p, const char *end, uint32_t *ret)
{
    uint32_t code = 0;
    if (end - p < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            return false;
        }
        code = code << 4 | digit;
    }
    *ret = code;
    return true;
}

/* p is behind "\u". Returns where to go on. */
static const char *unescape_unicode(const char *p, const char *end, char **to)
{
    uint32_t code, low;
    if (!hex4(p, end, &code)) {
        *to += utf8_put(0xfffd, *to);
        return p;
    }
    p += 4;
    if (code >= 0xd800 && code <= 0xdbff && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        hex4(p + 2, end, &low) && low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *to += utf8_put(code, *to);
    return p;
}

/* p is at a backslash. */
static inline const char *unescape_one(const char *p, const char *end, char **to)
{
    static const char plain[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    const unsigned char c = p + 1 < end ? (unsigned char)p[1] : 0;
    if (c < 128 && plain[c]) {
        *(*to)++ = plain[c];
        return p + 2;
    }
    if (c == 'u') {
        return unescape_unicode(p + 2, end, to);
    }
    *(*to)++ = '\\';
    return p + 1;
}

size_t json_unescape(struct hd_slice text, char *to)
{
    const char *p = text.data, *end = text.data + text.len;
    char *start = to;
#ifdef __SSE2__
    const __m128i slash = _mm_set1_epi8('\\');
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        uint32_t mask = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash));
        _mm_storeu_si128((__m128i *)(void *)to, v); /* what is too much is overwritten */
        if (mask == 0) {
            p += 16;
            to += 16;
            continue;
        }
        uint32_t n = (uint32_t)__builtin_ctz(mask);
        p += n;
        to += n;
        p = unescape_one(p, end, &to);
    }
#endif
    while (p < end) {
        if (*p == '\\') {
            p = unescape_one(p, end, &to);
        } else {
            *to++ = *p++;
        }
    }
    return (size_t)(to - start);
}
