/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slice: a run of bytes that somebody else owns. Not terminated, may hold NULs, may be empty.
 * Valid as long as the memory it points into (usually a batch or an arena).
 */
#ifndef HUBDRAIN_SLICE_H
#define HUBDRAIN_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct hd_slice {
    const char *data;
    size_t len;
};

/* A slice of a string literal; also fit for static tables. */
#define HD_SLICE(literal)                                                                          \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static inline struct hd_slice hd_slice(const char *data, size_t len)
{
    return (struct hd_slice){data, len};
}

static inline struct hd_slice hd_slice_cstr(const char *text)
{
    return (struct hd_slice){text, text ? strlen(text) : 0};
}

static inline bool hd_slice_eq(struct hd_slice a, struct hd_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool hd_slice_is(struct hd_slice a, const char *text)
{
    return hd_slice_eq(a, hd_slice_cstr(text));
}

/* Compares ASCII letters without case. */
bool hd_slice_ieq(struct hd_slice a, struct hd_slice b);
bool hd_slice_iis(struct hd_slice a, const char *text);

static inline bool hd_slice_starts(struct hd_slice a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.len >= n && memcmp(a.data, prefix, n) == 0;
}

/* Without the blanks, tabs, CR and LF at both ends. */
struct hd_slice hd_slice_trim(struct hd_slice a);

#endif
