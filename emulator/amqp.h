/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMQP 1.0 values as bytes: a reader that copies nothing and a writer that appends to a buffer.
 *
 * Owner:   readers point into the caller's bytes. Threads: none.
 * Limits:  the reader never looks past `end` and never recurses; compound values are returned as
 *          the bytes of their items, to be read with a cursor of their own.
 * Errors:  false means the bytes are not AMQP. The writer latches -ENOMEM in emu_writer.error.
 */
#ifndef EMULATOR_AMQP_H
#define EMULATOR_AMQP_H

#include <stdint.h>

#include "hubdrain/buffer.h"
#include "hubdrain/slice.h"

enum emu_kind {
    EMU_NULL,
    EMU_BOOL,
    EMU_UINT,      /* ubyte, ushort, uint, ulong */
    EMU_INT,       /* byte, short, int, long */
    EMU_TIMESTAMP, /* ms since 1970 */
    EMU_BINARY,
    EMU_STRING,
    EMU_SYMBOL,
    EMU_LIST,
    EMU_MAP,
    EMU_ARRAY,
    EMU_DESCRIBED,
    EMU_OTHER, /* float, decimal, char, uuid */
};

struct emu_value {
    enum emu_kind kind;
    uint64_t u;            /* BOOL, UINT */
    int64_t i;             /* INT, TIMESTAMP */
    struct hd_slice bytes; /* text; items of LIST and MAP; descriptor and value of DESCRIBED */
    uint32_t count;        /* LIST, MAP: items (a map counts keys and values), ARRAY: elements */
    struct hd_slice raw;   /* the whole encoding */
};

struct emu_cursor {
    const uint8_t *at, *end;
};

static inline struct emu_cursor emu_cursor(struct hd_slice bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    return (struct emu_cursor){at, at + bytes.len};
}

static inline bool emu_cursor_done(const struct emu_cursor *cursor)
{
    return cursor->at >= cursor->end;
}

bool emu_read(struct emu_cursor *cursor, struct emu_value *ret);

/* A described value: its descriptor as a number (0 when it is not one) and the value. */
bool emu_read_described(struct emu_cursor *cursor, uint64_t *ret_code,
                        struct emu_value *ret_descriptor, struct emu_value *ret);

/* Finds a string or symbol key in the items of a map. */
bool emu_map_find(const struct emu_value *map, const char *key, struct emu_value *ret);

/* Big-endian words. */
static inline uint32_t emu_be32(const void *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return __builtin_bswap32(v);
}

static inline void emu_put_be32(void *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

/* ---- writing ---- */
struct emu_writer {
    struct hd_buffer *out;
    int error;
};

void emu_write_raw(struct emu_writer *w, const void *data, size_t len);
void emu_write_byte(struct emu_writer *w, uint8_t byte);
void emu_write_null(struct emu_writer *w);
void emu_write_bool(struct emu_writer *w, bool value);
void emu_write_uint(struct emu_writer *w, uint32_t value);
void emu_write_ulong(struct emu_writer *w, uint64_t value);
void emu_write_int(struct emu_writer *w, int32_t value);
void emu_write_long(struct emu_writer *w, int64_t value);
void emu_write_timestamp(struct emu_writer *w, int64_t ms);
void emu_write_string(struct emu_writer *w, struct hd_slice text);
void emu_write_symbol(struct emu_writer *w, struct hd_slice text);
void emu_write_binary(struct emu_writer *w, struct hd_slice bytes);
void emu_write_descriptor(struct emu_writer *w, uint8_t code); /* 00 53 xx */

/* list32, map32: returns where the size stands; end fills in size and count. */
size_t emu_write_begin(struct emu_writer *w, uint8_t constructor);
void emu_write_end(struct emu_writer *w, size_t start, uint32_t count);

#define EMU_LIST32 0xd0
#define EMU_MAP32  0xd1

#endif
