/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: whatever a record makes of its bytes comes out of one allowance (text_left). A record
 * that would use it up - names joined from deep nesting can grow without end - becomes a dead
 * letter long before the arena's own limit, which would be an error of ours.
 */
#include <errno.h>
#include <stdlib.h>

#include "decoder.h"

int text_alloc(struct hd_decoder *decoder, size_t len, char **ret)
{
    if (len > decoder->text_left) {
        return HD_DEAD_TOO_LARGE;
    }
    char *data = hd_arena_alloc(decoder->arena, len);
    if (!data) {
        return -ENOMEM;
    }
    decoder->text_left -= len;
    *ret = data;
    return 0;
}

void text_trim(struct hd_decoder *decoder, char *data, size_t len, size_t used)
{
    hd_arena_resize(decoder->arena, data, len, used);
    decoder->text_left += len - used;
}

int text_join(struct hd_decoder *decoder, struct hd_slice a, const char *between, struct hd_slice b,
              struct hd_slice *ret)
{
    size_t middle = strlen(between);
    char *data;
    int r = text_alloc(decoder, a.len + middle + b.len, &data);
    if (r) {
        return r;
    }
    *ret = hd_slice(data, a.len + middle + b.len);
    if (a.len) {
        memcpy(data, a.data, a.len);
    }
    memcpy(data + a.len, between, middle);
    if (b.len) {
        memcpy(data + a.len + middle, b.data, b.len);
    }
    return 0;
}

int text_json(struct hd_decoder *decoder, const struct json_value *value, struct hd_slice *ret)
{
    if (!value->escaped) {
        *ret = value->text;
        return 0;
    }
    size_t size = JSON_UNESCAPED_MAX(value->text.len);
    char *data;
    int r = text_alloc(decoder, size, &data);
    if (r) {
        return r;
    }
    size_t used = json_unescape(value->text, data);
    text_trim(decoder, data, size, used);
    *ret = hd_slice(data, used);
    return 0;
}

int text_xml(struct hd_decoder *decoder, struct hd_slice text, bool amp, struct hd_slice *ret)
{
    if (!amp) {
        *ret = text;
        return 0;
    }
    char *data;
    int r = text_alloc(decoder, text.len, &data);
    if (r) {
        return r;
    }
    size_t used = xml_decode(text, data);
    text_trim(decoder, data, text.len, used);
    *ret = hd_slice(data, used);
    return 0;
}

int text_append(struct hd_decoder *decoder, struct hd_slice *text, bool *owned,
                struct hd_slice piece, bool amp)
{
    size_t size = text->len + piece.len;
    char *data;
    if (size > decoder->text_left) {
        return HD_DEAD_TOO_LARGE;
    }
    if (*owned) {
        data = hd_arena_resize(decoder->arena, (void *)(uintptr_t)text->data, text->len, size);
    } else {
        data = hd_arena_alloc(decoder->arena, size);
    }
    if (!data) {
        return -ENOMEM;
    }
    if (!*owned && text->len) {
        memcpy(data, text->data, text->len);
    }
    decoder->text_left -= *owned && data == text->data ? piece.len : size;
    *owned = true;
    if (amp) {
        size = text->len + xml_decode(piece, data + text->len);
    } else if (piece.len) {
        memcpy(data + text->len, piece.data, piece.len);
    }
    *text = hd_slice(data, size);
    return 0;
}

bool text_same(struct hd_slice a, struct hd_slice b)
{
    if (a.len != b.len) {
        return false;
    }
    size_t i = 0;
    for (; a.len - i >= 8; i += 8) {
        uint64_t x, y;
        memcpy(&x, a.data + i, 8);
        memcpy(&y, b.data + i, 8);
        if ((x ^ y) & 0xdfdfdfdfdfdfdfdf) {
            return false; /* more than the case differs */
        }
    }
    return hd_slice_eq(a, b) || hd_slice_ieq(a, b);
}

static bool hex(struct hd_slice text, uint64_t *ret)
{
    uint64_t number = 0;
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        uint64_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint64_t)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (uint64_t)((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        if (number >> 60) {
            return false;
        }
        number = number << 4 | digit;
    }
    *ret = number;
    return true;
}

bool number_u64(struct hd_slice text, uint64_t *ret)
{
    if (text.len > 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x') {
        return hex(hd_slice(text.data + 2, text.len - 2), ret);
    }
    uint64_t number = 0;
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (i >= 19 && number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret = number;
    return true;
}

bool number_u32(struct hd_slice text, uint32_t *ret)
{
    uint64_t number;
    if (!number_u64(text, &number) || number > UINT32_MAX) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

bool number_keywords(struct hd_slice text, uint64_t *ret)
{
    uint64_t number;
    if (text.len > 1 && text.data[0] == '-') {
        /* some shippers write the 64 bits as a signed number */
        if (!number_u64(hd_slice(text.data + 1, text.len - 1), &number) || number > (uint64_t)1
                                                                                        << 63) {
            return false;
        }
        *ret = 0 - number;
        return true;
    }
    return number_u64(text, ret);
}

int field_grow(struct hd_decoder *decoder, struct field_list *list)
{
    if (list->n >= decoder->limits.max_fields) {
        return HD_DEAD_TOO_MANY_FIELDS;
    }
    uint32_t cap = list->cap ? list->cap * 2 : 64;
    if (cap > decoder->limits.max_fields) {
        cap = decoder->limits.max_fields;
    }
    struct hd_field *items = realloc(list->items, cap * sizeof(*items));
    if (!items) {
        return -ENOMEM;
    }
    list->items = items;
    list->cap = cap;
    return 0;
}

int field_unnamed(struct hd_decoder *decoder, struct hd_slice *ret_name)
{
    static const char prefix[] = "param";
    char digits[10];
    size_t n = 0;
    uint32_t number = ++decoder->n_unnamed;
    do {
        digits[sizeof(digits) - ++n] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return text_join(decoder, hd_slice(prefix, sizeof(prefix) - 1), "",
                     hd_slice(digits + sizeof(digits) - n, n), ret_name);
}
