/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffer: bytes that grow at the end.
 *
 * Owner:   plain struct, zero-initialised is empty; hd_buffer_deinit frees the bytes.
 * Threads: none.
 * Limits:  HD_PADDING bytes beyond .cap are always allocated, so that scanners may read (never
 *          use) a full vector past the end. Growing moves the bytes: keep offsets, not pointers.
 * Errors:  -ENOMEM.
 */
#ifndef HUBDRAIN_BUFFER_H
#define HUBDRAIN_BUFFER_H

#include <stdint.h>

#include "hubdrain/slice.h"

#define HD_PADDING 64

struct hd_buffer {
    char *data;
    size_t len, cap;
};

void hd_buffer_deinit(struct hd_buffer *buffer);

/* Room for `more` bytes behind the end; data + len may be written up to that. */
int hd_buffer_reserve_slow(struct hd_buffer *buffer, size_t more);

static inline int hd_buffer_reserve(struct hd_buffer *buffer, size_t more)
{
    return buffer->cap - buffer->len >= more ? 0 : hd_buffer_reserve_slow(buffer, more);
}

int hd_buffer_append(struct hd_buffer *buffer, const void *data, size_t len);
int hd_buffer_append_cstr(struct hd_buffer *buffer, const char *text);
int hd_buffer_printf(struct hd_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text as a terminated string (the NUL is not counted); "" when empty or without memory. */
const char *hd_buffer_cstr(struct hd_buffer *buffer);

static inline struct hd_slice hd_buffer_slice(const struct hd_buffer *buffer)
{
    return (struct hd_slice){buffer->data, buffer->len};
}

#endif
