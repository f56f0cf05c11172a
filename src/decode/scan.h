/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scan: the few byte searches that the JSON and XML scanners spend their time in.
 *
 * Each has an SSE2 and a portable form behind the same name; the portable forms are always there,
 * so that a test can compare the two. A full vector is read only while it lies before `end`; the
 * last one may read up to 15 bytes past it (HD_PADDING), whose value is masked away.
 */
#ifndef HUBDRAIN_DECODE_SCAN_H
#define HUBDRAIN_DECODE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* memcmp(a, b, n) == 0 without a call: what is compared here is short. */
static inline bool scan_same(const char *a, const char *b, size_t n)
{
    uint64_t x, y;
    if (n < 8) {
        for (size_t i = 0; i < n; i++) {
            if (a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }
    for (size_t i = 0; i + 8 < n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y) {
            return false;
        }
    }
    memcpy(&x, a + n - 8, 8);
    memcpy(&y, b + n - 8, 8);
    return x == y;
}

/* The first a or b in [p, end), or end. */
static inline const char *scan_either_portable(const char *p, const char *end, char a, char b)
{
    while (p < end && *p != a && *p != b) {
        p++;
    }
    return p;
}

/* The quote that ends the JSON string whose first byte is at p, or end. */
static inline const char *scan_string_portable(const char *p, const char *end, bool *ret_escaped)
{
    bool escaped = false;
    while (p < end && *p != '"') {
        if (*p == '\\') {
            escaped = true;
            p++;
        }
        p++;
    }
    *ret_escaped = escaped;
    return p < end ? p : end;
}

/* The first '<' in [p, end), or end; tells whether there is a '&' before it. */
static inline const char *scan_text_portable(const char *p, const char *end, bool *ret_amp)
{
    bool amp = false;
    while (p < end && *p != '<') {
        amp |= *p == '&';
        p++;
    }
    *ret_amp = amp;
    return p;
}

#ifdef __SSE2__

static inline __m128i scan_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline uint32_t scan_mask(__m128i v, __m128i what)
{
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, what));
}

static inline const char *scan_either(const char *p, const char *end, char a, char b)
{
    const __m128i va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b);
    for (; end - p >= 16; p += 16) {
        __m128i v = scan_load(p);
        uint32_t mask = scan_mask(v, va) | scan_mask(v, vb);
        if (mask) {
            return p + __builtin_ctz(mask);
        }
    }
    return scan_either_portable(p, end, a, b);
}

/* How many backslashes stand right before bit `i` (1 to 16); the first byte is never escaped. */
static inline uint32_t scan_slashes(uint32_t slashes, uint32_t i)
{
    return (uint32_t)__builtin_clz(~(slashes << (32 - i)));
}

/* Long strings: 64 bytes at a time as long as there is no quote in them. */
static inline const char *scan_string_long(const char *p, const char *end, uint32_t *escaped)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    __m128i any = _mm_setzero_si128();
    while (end - p >= 64) {
        __m128i a = scan_load(p), b = scan_load(p + 16), c = scan_load(p + 32),
                d = scan_load(p + 48);
        __m128i quotes =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(a, quote), _mm_cmpeq_epi8(b, quote)),
                         _mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(d, quote)));
        if (_mm_movemask_epi8(quotes)) {
            break;
        }
        any = _mm_or_si128(
            any, _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(a, slash), _mm_cmpeq_epi8(b, slash)),
                              _mm_or_si128(_mm_cmpeq_epi8(c, slash), _mm_cmpeq_epi8(d, slash))));
        uint32_t run = 0;
        while (run < 64 && p[63 - run] == '\\') {
            run++;
        }
        p += 64 + run % 2;
    }
    *escaped = (uint32_t)_mm_movemask_epi8(any);
    return p;
}

static inline const char *scan_string(const char *p, const char *end, bool *ret_escaped)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    uint32_t escaped = 0;
    bool first = true;
    while (end - p >= 16) {
        __m128i v = scan_load(p);
        uint32_t quotes = scan_mask(v, quote), slashes = scan_mask(v, slash);
        for (; quotes; quotes &= quotes - 1) {
            uint32_t i = (uint32_t)__builtin_ctz(quotes);
            if (i == 0 || scan_slashes(slashes, i) % 2 == 0) {
                *ret_escaped = (escaped | (slashes & ((1u << i) - 1))) != 0;
                return p + i;
            }
        }
        escaped |= slashes;
        /* a backslash at the end of the vector takes the first byte of the next one with it */
        p += 16 + (slashes >> 15 && scan_slashes(slashes, 16) % 2);
        if (first) {
            uint32_t more;
            first = false;
            p = scan_string_long(p, end, &more);
            escaped |= more;
        }
    }
    p = scan_string_portable(p, end, ret_escaped);
    *ret_escaped |= escaped != 0;
    return p;
}

static inline const char *scan_text(const char *p, const char *end, bool *ret_amp)
{
    const __m128i less = _mm_set1_epi8('<'), ampersand = _mm_set1_epi8('&');
    uint32_t amp = 0;
    for (; end - p >= 16; p += 16) {
        __m128i v = scan_load(p);
        uint32_t ends = scan_mask(v, less), amps = scan_mask(v, ampersand);
        if (ends) {
            *ret_amp = (amp | (amps & (ends - 1) & ~ends)) != 0;
            return p + __builtin_ctz(ends);
        }
        amp |= amps;
    }
    p = scan_text_portable(p, end, ret_amp);
    *ret_amp |= amp != 0;
    return p;
}

#else

static inline const char *scan_either(const char *p, const char *end, char a, char b)
{
    return scan_either_portable(p, end, a, b);
}

static inline const char *scan_string(const char *p, const char *end, bool *ret_escaped)
{
    return scan_string_portable(p, end, ret_escaped);
}

static inline const char *scan_text(const char *p, const char *end, bool *ret_amp)
{
    return scan_text_portable(p, end, ret_amp);
}

#endif

#endif
