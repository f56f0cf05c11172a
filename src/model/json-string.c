/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: nearly all bytes of an event need no escape, so sixteen are looked at and copied at once,
 * and only the first byte that needs care leaves the vector. Copying before looking is what makes
 * it fast: the output has HD_PADDING spare bytes, so a whole vector may always be stored. Paths are
 * full of backslashes, so these do not leave it: all of a block are found at once.
 *
 * The input has no such slack (values may be string literals), so the last bytes are gathered by
 * overlapping loads that stay inside it.
 *
 * The portable version does the same by a table, byte by byte; HD_JSON_PORTABLE forces it, so that
 * the tests run both on every machine.
 */
#include "hubdrain/json.h"

#include <errno.h>

#if defined(__SSE2__) && !defined(HD_JSON_PORTABLE)
#include <emmintrin.h>
#define STEP 16
#else
#define STEP 1
#endif

/* What one turn of the loop may write at most: sixteen quotes and an escape. */
#define TURN_BYTES 40
_Static_assert(TURN_BYTES <= HD_PADDING, "a turn must fit behind the capacity");

int hd_utf8_step(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    unsigned char lead = p[0], low = 0x80, high = 0xBF;
    size_t more;

    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        more = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        more = 2;
        low = lead == 0xE0 ? 0xA0 : low;   /* else overlong */
        high = lead == 0xED ? 0x9F : high; /* else a surrogate */
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        more = 3;
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high; /* else above U+10FFFF */
    } else {
        return -1;
    }
    for (size_t i = 1; i <= more; i++) {
        if (i >= len || p[i] < low || p[i] > high) {
            return -(int)i;
        }
        low = 0x80;
        high = 0xBF;
    }
    return (int)more + 1;
}

#if STEP == 16
static inline uint64_t load(const char *p, size_t n)
{
    uint64_t value = 0;
    memcpy(&value, p, n);
    return value;
}

/* 1 to 15 bytes, zeros behind them. */
static inline __m128i load_tail(const char *p, size_t n)
{
    uint64_t low, high = 0;
    if (n > 8) {
        low = load(p, 8);
        high = load(p + n - 8, 8) >> (8 * (16 - n));
    } else if (n == 8) {
        low = load(p, 8);
    } else if (n >= 4) {
        low = load(p, 4) | load(p + n - 4, 4) << (8 * (n - 4));
    } else if (n >= 2) {
        low = load(p, 2) | load(p + n - 1, 1) << (8 * (n - 1));
    } else {
        low = load(p, 1);
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}

struct marks {
    unsigned quotes; /* bit i: byte i is a quote or a backslash */
    unsigned odd;    /* bit i: a control character, or not ASCII */
};

static inline struct marks look(__m128i v)
{
    __m128i quotes =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    /* Signed: below 0x20 is also everything from 0x80 on. */
    __m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    return (struct marks){(unsigned)_mm_movemask_epi8(quotes), (unsigned)_mm_movemask_epi8(odd)};
}

/* The first n (at most 16) bytes of a block up to the first odd one; *at moves on. The block is
 * already stored at *at. Each piece between two quotes is copied whole again, two bytes further:
 * all places come from one look at the block, so no copy waits for the one before. */
static inline size_t put_block(char **at, const char *p, size_t n, struct marks marks)
{
    unsigned odd = marks.odd | 1U << n;
    size_t stop = (size_t)__builtin_ctz(odd), from = 0;
    char *to = *at;
    for (unsigned quotes = marks.quotes & ((1U << stop) - 1); quotes; quotes &= quotes - 1) {
        size_t i = (size_t)__builtin_ctz(quotes);
        to += i - from;
        to[0] = '\\';
        to[1] = p[i];
        to += 2;
        from = i + 1;
        _mm_storeu_si128((__m128i *)to, _mm_loadu_si128((const __m128i *)(p + from)));
    }
    *at = to + (stop - from);
    return stop;
}

/* Up to 16 bytes; returns how many stand before the first odd byte. Reads only what is there. */
static inline size_t put_plain(char **at, const char *p, size_t left)
{
    char copy[48];
    __m128i v = left >= 16 ? _mm_loadu_si128((const __m128i *)p) : load_tail(p, left);
    size_t n = left < 16 ? left : 16;
    struct marks marks = look(v);
    _mm_storeu_si128((__m128i *)*at, v);
    if (!((marks.quotes | marks.odd) & ((1U << n) - 1))) {
        *at += n;
        return n;
    }
    if (left < 32) { /* the copies would read past the end */
        _mm_storeu_si128((__m128i *)copy, v);
        _mm_storeu_si128((__m128i *)(copy + 16), v);
        p = copy;
    }
    return put_block(at, p, n, marks);
}
#else
static inline size_t put_plain(char **at, const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    (void)left;
    if (c == '"' || c == '\\') {
        *(*at)++ = '\\';
    } else if (c < 0x20 || c >= 0x80) {
        return 0;
    }
    *(*at)++ = (char)c;
    return 1;
}
#endif

static char *put_control(char *at, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    /* The short forms of RFC 8259; 0 where there is none. */
    static const char names[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    *at++ = '\\';
    if (names[c]) {
        *at++ = names[c];
        return at;
    }
    memcpy(at, "u00", 3);
    at[3] = hex[c >> 4];
    at[4] = hex[c & 15];
    return at + 5;
}

/* The byte at p is odd: an escape, or the start of a UTF-8 sequence. */
static inline char *put_odd(char *at, const char **p, const char *end)
{
    unsigned char c = (unsigned char)**p;
    if (c < 0x20) {
        (*p)++;
        return put_control(at, c);
    }
    int n = hd_utf8_step(*p, (size_t)(end - *p));
    if (n < 0) {
        memcpy(at, "\xEF\xBF\xBD", 3);
        *p += -n;
        return at + 3;
    }
    memcpy(at, *p, (size_t)n);
    *p += n;
    return at + n;
}

int hd_json_string(struct hd_buffer *out, struct hd_slice text)
{
    const size_t start = out->len;
    const char *p = text.len > 0 ? text.data : "", *end = p + text.len;
    /* Windows paths need about one escape in twelve bytes. */
    size_t guess = text.len + text.len / 8 + TURN_BYTES;

    while (true) {
        int r = hd_buffer_reserve(out, guess + 2);
        if (r < 0) {
            out->len = start;
            return r;
        }
        char *at = out->data + out->len;
        const char *limit = out->data + out->cap - 1; /* keeps a place for the last quote */
        if (out->len == start) {
            *at++ = '"';
        }
        while (p < end && at < limit - TURN_BYTES) {
            size_t n = put_plain(&at, p, (size_t)(end - p));
            p += n;
            if (n < STEP && p < end) {
                at = put_odd(at, &p, end);
            }
        }
        if (p == end) {
            *at++ = '"';
            out->len = (size_t)(at - out->data);
            return 0;
        }
        out->len = (size_t)(at - out->data);
        guess = (size_t)(end - p) + (size_t)(end - p) / 2 + 2 * TURN_BYTES;
    }
}

size_t hd_json_uint(char *at, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char text[20];
    size_t i = sizeof(text);
    while (value >= 100) {
        i -= 2;
        memcpy(text + i, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        i -= 2;
        memcpy(text + i, pairs + value * 2, 2);
    } else {
        text[--i] = (char)('0' + value);
    }
    memcpy(at, text + i, sizeof(text) - i);
    return sizeof(text) - i;
}
