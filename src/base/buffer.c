/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void hd_buffer_deinit(struct hd_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct hd_buffer){0};
}

int hd_buffer_reserve_slow(struct hd_buffer *buffer, size_t more)
{
    if (more > SIZE_MAX / 4 - buffer->len) {
        return -ENOMEM;
    }
    size_t need = buffer->len + more;
    size_t cap = buffer->cap ? buffer->cap : 256;
    while (cap < need) {
        /* Double while small; a quarter more when large, so that little is wasted. */
        cap += cap < (size_t)1024 * 1024 ? cap : cap / 4;
    }
    char *data = realloc(buffer->data, cap + HD_PADDING);
    if (!data) {
        return -ENOMEM;
    }
    buffer->data = data;
    buffer->cap = cap;
    return 0;
}

int hd_buffer_append(struct hd_buffer *buffer, const void *data, size_t len)
{
    int r = hd_buffer_reserve(buffer, len);
    if (r == 0 && len > 0) {
        memcpy(buffer->data + buffer->len, data, len);
        buffer->len += len;
    }
    return r;
}

int hd_buffer_append_cstr(struct hd_buffer *buffer, const char *text)
{
    return hd_buffer_append(buffer, text, strlen(text));
}

int hd_buffer_printf(struct hd_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        return -EINVAL;
    }
    int r = hd_buffer_reserve(buffer, (size_t)n + 1);
    if (r < 0) {
        return r;
    }
    va_start(args, format);
    vsnprintf(buffer->data + buffer->len, (size_t)n + 1, format, args);
    va_end(args);
    buffer->len += (size_t)n;
    return 0;
}

const char *hd_buffer_cstr(struct hd_buffer *buffer)
{
    if (buffer->len == 0 || hd_buffer_reserve(buffer, 1) < 0) {
        return "";
    }
    buffer->data[buffer->len] = '\0';
    return buffer->data;
}
