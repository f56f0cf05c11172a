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

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* Which of the 16 bytes at p equal the byte that fills `what`; bits at and past end are 0. */
static inline uint32_t scan_valid(const char *p, const char *end)
{
    return end - p >= 16 ? 0xffffu : (1u << (end - p)) - 1;
}

static inline const char *scan_either(const char *p, const char *end, char a, char b)
{
    const __m128i va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b);
    for (; p < end; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb));
        uint32_t mask = (uint32_t)_mm_movemask_epi8(hit) & scan_valid(p, end);
        if (mask) {
            return p + __builtin_ctz(mask);
        }
    }
    return end;
}

static inline const char *scan_string(const char *p, const char *end, bool *ret_escaped)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    bool escaped = false;
    while (p < end) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        uint32_t valid = scan_valid(p, end);
        uint32_t quotes = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote)) & valid;
        uint32_t mask = ((uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash)) & valid) | quotes;
        uint32_t step = 16;
        while (mask) {
            uint32_t bit = (uint32_t)__builtin_ctz(mask);
            if (quotes >> bit & 1) {
                *ret_escaped = escaped;
                return p + bit;
            }
            /* a backslash takes the next byte with it, which may be in the next vector */
            escaped = true;
            mask &= ~(3u << bit);
            step = bit == 15 ? 17 : 16;
        }
        p += step;
    }
    *ret_escaped = escaped;
    return end;
}

static inline const char *scan_text(const char *p, const char *end, bool *ret_amp)
{
    const __m128i less = _mm_set1_epi8('<'), ampersand = _mm_set1_epi8('&');
    bool amp = false;
    for (; p < end; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        uint32_t valid = scan_valid(p, end);
        uint32_t ends = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, less)) & valid;
        uint32_t amps = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, ampersand)) & valid;
        if (ends) {
            *ret_amp = amp || (amps & (ends - 1) & ~ends) != 0;
            return p + __builtin_ctz(ends);
        }
        amp |= amps != 0;
    }
    *ret_amp = amp;
    return end;
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
