/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the width of every AMQP constructor follows from its first nibble (0x4 none, 0x5 one
 * byte, 0x6 two, 0x7 four, 0x8 eight, 0x9 sixteen; 0xa and 0xb variable, 0xc to 0xf compound with
 * one- and four-byte sizes). So anything can be skipped without knowing it, and a described value
 * (0x00) only means that two more values follow: no recursion is ever needed.
 */
#include "amqp.h"

#include <errno.h>

static uint64_t be(const uint8_t *at, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | at[i];
    }
    return v;
}

/* The bytes behind the constructor: how many of them are the size field, and how many in all. */
static bool extent(uint8_t code, const uint8_t *at, size_t left, size_t *ret_prefix,
                   size_t *ret_total)
{
    static const uint8_t fixed[16] = {[4] = 1, [5] = 2, [6] = 3, [7] = 5, [8] = 9, [9] = 17};
    uint8_t nibble = code >> 4;
    if (fixed[nibble] != 0) {
        *ret_prefix = 0;
        *ret_total = fixed[nibble] - 1u;
        return *ret_total <= left;
    }
    if (nibble < 0xa) {
        return false;
    }
    size_t prefix = nibble & 1 ? 4 : 1; /* b, d, f are the wide ones */
    if (left < prefix) {
        return false;
    }
    uint64_t size = be(at, prefix);
    *ret_prefix = prefix;
    *ret_total = prefix + size;
    return size <= left - prefix;
}

static bool skip(struct emu_cursor *cursor)
{
    size_t todo = 1;
    while (todo > 0) {
        if (emu_cursor_done(cursor)) {
            return false;
        }
        uint8_t code = *cursor->at++;
        if (code == 0) {
            todo++;
            continue;
        }
        size_t prefix, total;
        if (!extent(code, cursor->at, (size_t)(cursor->end - cursor->at), &prefix, &total)) {
            return false;
        }
        cursor->at += total;
        todo--;
    }
    return true;
}

static void set_fixed(uint8_t code, const uint8_t *at, size_t len, struct emu_value *ret)
{
    switch (code) {
    case 0x40:
        ret->kind = EMU_NULL;
        return;
    case 0x41:
    case 0x42:
        ret->kind = EMU_BOOL;
        ret->u = code == 0x41;
        return;
    case 0x56:
        ret->kind = EMU_BOOL;
        ret->u = at[0] != 0;
        return;
    case 0x43:
    case 0x44:
    case 0x50:
    case 0x52:
    case 0x53:
    case 0x60:
    case 0x70:
    case 0x80:
        ret->kind = EMU_UINT;
        ret->u = be(at, len);
        return;
    case 0x51:
    case 0x54:
    case 0x55:
        ret->kind = EMU_INT;
        ret->i = (int8_t)at[0];
        return;
    case 0x61:
        ret->kind = EMU_INT;
        ret->i = (int16_t)be(at, 2);
        return;
    case 0x71:
        ret->kind = EMU_INT;
        ret->i = (int32_t)be(at, 4);
        return;
    case 0x81:
    case 0x83:
        ret->kind = code == 0x81 ? EMU_INT : EMU_TIMESTAMP;
        ret->i = (int64_t)be(at, 8);
        return;
    case 0x45:
        ret->kind = EMU_LIST;
        ret->bytes = hd_slice((const char *)at, 0);
        return;
    default:
        ret->kind = EMU_OTHER;
        return;
    }
}

static bool set_sized(uint8_t code, const uint8_t *at, size_t prefix, size_t total,
                      struct emu_value *ret)
{
    ret->bytes = hd_slice((const char *)at + prefix, total - prefix);
    switch (code) {
    case 0xa0:
    case 0xb0:
        ret->kind = EMU_BINARY;
        return true;
    case 0xa1:
    case 0xb1:
        ret->kind = EMU_STRING;
        return true;
    case 0xa3:
    case 0xb3:
        ret->kind = EMU_SYMBOL;
        return true;
    case 0xc0:
    case 0xd0:
        ret->kind = EMU_LIST;
        break;
    case 0xc1:
    case 0xd1:
        ret->kind = EMU_MAP;
        break;
    case 0xe0:
    case 0xf0:
        ret->kind = EMU_ARRAY;
        break;
    default:
        ret->kind = EMU_OTHER;
        return true;
    }
    if (total - prefix < prefix) {
        return false; /* no room for the count */
    }
    ret->count = (uint32_t)be(at + prefix, prefix);
    ret->bytes = hd_slice((const char *)at + 2 * prefix, total - 2 * prefix);
    return true;
}

bool emu_read(struct emu_cursor *cursor, struct emu_value *ret)
{
    const uint8_t *start = cursor->at;
    if (emu_cursor_done(cursor)) {
        return false;
    }
    *ret = (struct emu_value){0};
    if (*start == 0) {
        if (!skip(cursor)) {
            return false;
        }
        ret->kind = EMU_DESCRIBED;
        ret->bytes = hd_slice((const char *)start + 1, (size_t)(cursor->at - start) - 1);
    } else {
        size_t prefix, total;
        if (!extent(*start, start + 1, (size_t)(cursor->end - start) - 1, &prefix, &total)) {
            return false;
        }
        if (prefix == 0) {
            set_fixed(*start, start + 1, total, ret);
        } else if (!set_sized(*start, start + 1, prefix, total, ret)) {
            return false;
        }
        cursor->at = start + 1 + total;
    }
    ret->raw = hd_slice((const char *)start, (size_t)(cursor->at - start));
    return true;
}

bool emu_read_described(struct emu_cursor *cursor, uint64_t *ret_code,
                        struct emu_value *ret_descriptor, struct emu_value *ret)
{
    struct emu_value value;
    if (!emu_read(cursor, &value) || value.kind != EMU_DESCRIBED) {
        return false;
    }
    struct emu_cursor inner = emu_cursor(value.bytes);
    if (!emu_read(&inner, ret_descriptor) || !emu_read(&inner, ret)) {
        return false;
    }
    *ret_code = ret_descriptor->kind == EMU_UINT ? ret_descriptor->u : 0;
    return true;
}

bool emu_map_find(const struct emu_value *map, const char *key, struct emu_value *ret)
{
    struct emu_cursor cursor = emu_cursor(map->bytes);
    for (uint32_t i = 0; i + 1 < map->count; i += 2) {
        struct emu_value name;
        if (!emu_read(&cursor, &name) || !emu_read(&cursor, ret)) {
            return false;
        }
        if ((name.kind == EMU_STRING || name.kind == EMU_SYMBOL) && hd_slice_is(name.bytes, key)) {
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

void emu_write_raw(struct emu_writer *w, const void *data, size_t len)
{
    int r = hd_buffer_append(w->out, data, len);
    if (r != 0) {
        w->error = r;
    }
}

void emu_write_byte(struct emu_writer *w, uint8_t byte)
{
    emu_write_raw(w, &byte, 1);
}

static void write_number(struct emu_writer *w, uint8_t code, uint64_t value, size_t n)
{
    uint8_t bytes[9] = {code};
    for (size_t i = 0; i < n; i++) {
        bytes[1 + i] = (uint8_t)(value >> 8 * (n - 1 - i));
    }
    emu_write_raw(w, bytes, 1 + n);
}

void emu_write_null(struct emu_writer *w)
{
    emu_write_byte(w, 0x40);
}

void emu_write_bool(struct emu_writer *w, bool value)
{
    emu_write_byte(w, value ? 0x41 : 0x42);
}

void emu_write_uint(struct emu_writer *w, uint32_t value)
{
    write_number(w, 0x70, value, 4);
}

void emu_write_ulong(struct emu_writer *w, uint64_t value)
{
    write_number(w, 0x80, value, 8);
}

void emu_write_int(struct emu_writer *w, int32_t value)
{
    write_number(w, 0x71, (uint32_t)value, 4);
}

void emu_write_long(struct emu_writer *w, int64_t value)
{
    write_number(w, 0x81, (uint64_t)value, 8);
}

void emu_write_timestamp(struct emu_writer *w, int64_t ms)
{
    write_number(w, 0x83, (uint64_t)ms, 8);
}

static void write_bytes(struct emu_writer *w, uint8_t code8, struct hd_slice bytes)
{
    if (bytes.len < 256) {
        write_number(w, code8, bytes.len, 1);
    } else {
        write_number(w, code8 | 0x10, bytes.len, 4);
    }
    emu_write_raw(w, bytes.data, bytes.len);
}

void emu_write_string(struct emu_writer *w, struct hd_slice text)
{
    write_bytes(w, 0xa1, text);
}

void emu_write_symbol(struct emu_writer *w, struct hd_slice text)
{
    write_bytes(w, 0xa3, text);
}

void emu_write_binary(struct emu_writer *w, struct hd_slice bytes)
{
    write_bytes(w, 0xa0, bytes);
}

void emu_write_descriptor(struct emu_writer *w, uint8_t code)
{
    emu_write_raw(w, (const uint8_t[]){0x00, 0x53, code}, 3);
}

size_t emu_write_begin(struct emu_writer *w, uint8_t constructor)
{
    uint8_t head[9] = {constructor};
    emu_write_raw(w, head, sizeof(head));
    return w->out->len - 8;
}

void emu_write_end(struct emu_writer *w, size_t start, uint32_t count)
{
    if (w->error == 0) {
        emu_put_be32(w->out->data + start, (uint32_t)(w->out->len - start - 4));
        emu_put_be32(w->out->data + start + 4, count);
    }
}
