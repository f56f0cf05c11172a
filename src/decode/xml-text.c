/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: entities, decoded exactly once. Five names and numbers; anything else that starts with
 * '&' stays as it is, since the alternative is to lose what somebody forgot to escape. Decoding
 * never makes text longer: the shortest reference to what becomes U+FFFD (three bytes) is "&#0;".
 */
#include "json.h"
#include "xml.h"

/* A numeric reference at p ("&#..;"). Returns where it ends, or NULL when it is none. */
static const char *reference(const char *p, const char *end, uint32_t *ret_code)
{
    uint32_t code = 0, base = 10;
    p += 2;
    if (p < end && (*p == 'x' || *p == 'X')) {
        base = 16;
        p++;
    }
    const char *start = p;
    for (; p < end && *p != ';'; p++) {
        uint32_t digit;
        if (*p >= '0' && *p <= '9') {
            digit = (uint32_t)(*p - '0');
        } else if (base == 16 && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f') {
            digit = (uint32_t)((*p | 0x20) - 'a' + 10);
        } else {
            return NULL;
        }
        if (code <= 0x10ffff) { /* beyond it stays beyond: no overflow */
            code = code * base + digit;
        }
    }
    if (p == end || p == start) {
        return NULL;
    }
    *ret_code = code == 0 ? 0xfffd : code;
    return p + 1;
}

static const char *decode_reference(const char *p, const char *end, char **to)
{
    uint32_t code, low;
    const char *next = reference(p, end, &code);
    if (!next) {
        return NULL;
    }
    if (code >= 0xd800 && code <= 0xdbff && end - next > 3 && next[0] == '&' && next[1] == '#') {
        /* a character beyond the BMP, written as two halves */
        const char *after = reference(next, end, &low);
        if (after && low >= 0xdc00 && low <= 0xdfff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            next = after;
        }
    }
    *to += utf8_put(code, *to);
    return next;
}

static const char *decode_name(const char *p, const char *end, char **to)
{
    // clang-format off
    static const struct { char text[7]; char value; uint8_t len; } names[] = {
        {"&lt;", '<', 4}, {"&gt;", '>', 4}, {"&amp;", '&', 5}, {"&quot;", '"', 6}, {"&apos;", '\'', 6},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((size_t)(end - p) >= names[i].len && memcmp(p, names[i].text, names[i].len) == 0) {
            *(*to)++ = names[i].value;
            return p + names[i].len;
        }
    }
    return NULL;
}

size_t xml_decode(struct hd_slice text, char *to)
{
    const char *p = text.data, *end = text.data + text.len;
    char *start = to;
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        size_t n = (size_t)((amp ? amp : end) - p);
        memcpy(to, p, n);
        to += n;
        if (!amp) {
            break;
        }
        const char *next = end - amp > 2 && amp[1] == '#' ? decode_reference(amp, end, &to)
                                                          : decode_name(amp, end, &to);
        if (!next) {
            *to++ = '&';
            next = amp + 1;
        }
        p = next;
    }
    return (size_t)(to - start);
}
