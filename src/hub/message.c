/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * proton's own decoder builds a tree of the whole message and costs as much as receiving it. Of an
 * event only three annotations and the body are of interest, so this walks over the sections and
 * skips what it does not need: every AMQP encoding tells its size in its first byte or two, which
 * makes skipping a table and not a recursion.
 *
 * First the whole message is checked, without a byte being changed; only then are several body
 * sections joined, by moving each to the end of the one before. So what is handed over as bad has
 * its original bytes.
 *
 * Sections must be in the order of the standard. That is what makes moving safe: behind the first
 * body section there is nothing that anybody points to.
 */
#include "message.h"

#include <string.h>

#include "hubdrain/slice.h"

struct reader {
    const uint8_t *at, *end;
};

/* A value: its constructor and where its payload is. */
struct value {
    uint8_t code;
    const uint8_t *data; /* behind size and count octets for sized types */
    uint32_t len;
};

enum section {
    SECTION_MESSAGE_ANNOTATIONS = 0x72,
    SECTION_FIRST = 0x70,
    SECTION_DATA = 0x75,
    SECTION_SEQUENCE = 0x76,
    SECTION_VALUE = 0x77,
    SECTION_LAST = 0x78,
};

enum code {
    CODE_DESCRIBED = 0x00,
    CODE_NULL = 0x40,
    CODE_ULONG_0 = 0x44,
    CODE_LIST_0 = 0x45,
    CODE_SMALL_ULONG = 0x53,
    CODE_SMALL_LONG = 0x55,
    CODE_ULONG = 0x80,
    CODE_LONG = 0x81,
    CODE_TIMESTAMP = 0x83,
    CODE_BINARY_8 = 0xa0,
    CODE_STRING_8 = 0xa1,
    CODE_SYMBOL_8 = 0xa3,
    CODE_BINARY_32 = 0xb0,
    CODE_STRING_32 = 0xb1,
    CODE_SYMBOL_32 = 0xb3,
    CODE_LIST_8 = 0xc0,
    CODE_MAP_8 = 0xc1,
    CODE_LIST_32 = 0xd0,
    CODE_MAP_32 = 0xd1,
};

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t read_u64(const uint8_t *p)
{
    return (uint64_t)read_u32(p) << 32 | read_u32(p + 4);
}

/* One value that is not described. The high nibble of the constructor says how wide it is. */
static bool read_plain(struct reader *r, struct value *ret)
{
    static const uint8_t fixed[16] = {[4] = 0, [5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    if (r->at == r->end) {
        return false;
    }
    uint8_t code = *r->at++;
    size_t left = (size_t)(r->end - r->at), len;
    unsigned width = code >> 4;
    if (width >= 4 && width <= 9) {
        len = fixed[width];
    } else if (width >= 0xa && (width & 1) == 0) { /* a, c, e: one octet of size */
        if (left < 1) {
            return false;
        }
        len = *r->at++;
        left--;
    } else if (width >= 0xa) { /* b, d, f: four */
        if (left < 4) {
            return false;
        }
        len = read_u32(r->at);
        r->at += 4;
        left -= 4;
    } else {
        return false;
    }
    if (len > left) {
        return false;
    }
    *ret = (struct value){code, r->at, (uint32_t)len};
    r->at += len;
    return true;
}

/* A value of any kind, passed over. A described one is a descriptor and a value, which may be
 * described again. */
static bool skip(struct reader *r)
{
    struct value ignored;
    for (uint64_t pending = 1; pending > 0; pending--) {
        if (r->at < r->end && *r->at == CODE_DESCRIBED) {
            r->at++;
            pending += 2;
        } else if (!read_plain(r, &ignored)) {
            return false;
        }
    }
    return true;
}

static struct hd_slice text_of(const struct value *v)
{
    return hd_slice((const char *)v->data, v->len);
}

static bool is_text(const struct value *v)
{
    switch (v->code) {
    case CODE_BINARY_8:
    case CODE_BINARY_32:
    case CODE_STRING_8:
    case CODE_STRING_32:
    case CODE_SYMBOL_8:
    case CODE_SYMBOL_32:
        return true;
    default:
        return false;
    }
}

static bool integer_of(const struct value *v, int64_t *ret)
{
    switch (v->code) {
    case CODE_ULONG_0:
        *ret = 0;
        return true;
    case CODE_SMALL_LONG:
        *ret = (int8_t)v->data[0];
        return true;
    case CODE_SMALL_ULONG:
        *ret = v->data[0];
        return true;
    case CODE_LONG:
    case CODE_ULONG:
    case CODE_TIMESTAMP:
        *ret = (int64_t)read_u64(v->data);
        return true;
    default:
        return false;
    }
}

/* Opens a list or a map: how many values, and a reader over them. */
static bool open_compound(const struct value *v, struct reader *ret, uint32_t *ret_count)
{
    size_t width = v->code == CODE_LIST_8 || v->code == CODE_MAP_8     ? 1
                   : v->code == CODE_LIST_32 || v->code == CODE_MAP_32 ? 4
                                                                       : 0;
    if (v->code == CODE_LIST_0) {
        *ret = (struct reader){v->data, v->data};
        *ret_count = 0;
        return true;
    }
    if (width == 0 || v->len < width) {
        return false;
    }
    *ret_count = width == 1 ? v->data[0] : read_u32(v->data);
    *ret = (struct reader){v->data + width, v->data + v->len};
    return true;
}

static bool is_map(const struct value *v)
{
    return v->code == CODE_MAP_8 || v->code == CODE_MAP_32;
}

static bool is_list(const struct value *v)
{
    return v->code == CODE_LIST_0 || v->code == CODE_LIST_8 || v->code == CODE_LIST_32;
}

static void take_annotation(const char *base, struct hd_slice key, const struct value *v,
                            struct hd_message *ret)
{
    int64_t number;
    if (hd_slice_is(key, "x-opt-sequence-number")) {
        if (integer_of(v, &number)) {
            ret->sequence_number = number;
        }
    } else if (hd_slice_is(key, "x-opt-enqueued-time")) {
        if (integer_of(v, &number)) {
            ret->enqueued_ms = number;
        }
    } else if (hd_slice_is(key, "x-opt-offset")) {
        if (is_text(v)) {
            ret->offset = (uint32_t)((const char *)v->data - base);
            ret->offset_len = v->len;
        }
    }
}

static bool read_annotations(const char *base, struct reader *r, struct hd_message *ret)
{
    struct value map;
    struct reader entries;
    uint32_t count;
    if (!read_plain(r, &map)) {
        return false;
    }
    if (map.code == CODE_NULL) {
        return true;
    }
    if (!is_map(&map) || !open_compound(&map, &entries, &count)) {
        return false;
    }
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        struct value key, v;
        if (!read_plain(&entries, &key)) {
            return false;
        }
        if (entries.at < entries.end && *entries.at == CODE_DESCRIBED) {
            if (!skip(&entries)) {
                return false;
            }
            continue;
        }
        if (!read_plain(&entries, &v)) {
            return false;
        }
        if (is_text(&key)) {
            take_annotation(base, text_of(&key), &v, ret);
        }
    }
    return true;
}

/* The body as it is put together: the first pass only counts, the second moves. */
struct body {
    char *start;
    uint32_t len, pieces;
    bool move;
};

static void add_piece(struct body *body, const struct value *v)
{
    if (body->pieces++ == 0) {
        body->start = (char *)(uintptr_t)v->data;
    } else if (body->move) {
        memmove(body->start + body->len, v->data, v->len);
    }
    body->len += v->len;
}

/* A list whose values are all text. */
static bool read_sequence(const struct value *list, struct body *body)
{
    struct reader values;
    uint32_t count;
    if (!is_list(list) || !open_compound(list, &values, &count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct value v;
        if (!read_plain(&values, &v) || !is_text(&v)) {
            return false;
        }
        add_piece(body, &v);
    }
    return true;
}

static bool read_body(struct reader *r, enum section section, struct body *body)
{
    struct value v;
    if (!read_plain(r, &v)) {
        return false;
    }
    if (section == SECTION_SEQUENCE) {
        return read_sequence(&v, body);
    }
    if (section == SECTION_VALUE && v.code == CODE_NULL) {
        return true;
    }
    if (!is_text(&v)) {
        return false;
    }
    add_piece(body, &v);
    return true;
}

/* 0x00 and a descriptor: the number of the section, or its name. */
static bool read_section(struct reader *r, enum section *ret)
{
    static const char *const names[] = {
        "amqp:header:list",
        "amqp:delivery-annotations:map",
        "amqp:message-annotations:map",
        "amqp:properties:list",
        "amqp:application-properties:map",
        "amqp:data:binary",
        "amqp:amqp-sequence:list",
        "amqp:amqp-value:*",
        "amqp:footer:map",
    };
    if (r->at == r->end || *r->at++ != CODE_DESCRIBED) {
        return false;
    }
    struct value v;
    int64_t number = 0;
    if (!read_plain(r, &v)) {
        return false;
    }
    if (v.code == CODE_SYMBOL_8 || v.code == CODE_SYMBOL_32) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (hd_slice_is(text_of(&v), names[i])) {
                number = SECTION_FIRST + (int64_t)i;
            }
        }
    } else if ((v.code != CODE_SMALL_ULONG && v.code != CODE_ULONG) || !integer_of(&v, &number)) {
        return false;
    }
    *ret = (enum section)number;
    return number >= SECTION_FIRST && number <= SECTION_LAST;
}

static bool in_order(int before, enum section section)
{
    bool repeats = section == SECTION_DATA || section == SECTION_SEQUENCE;
    bool second_body = before >= SECTION_DATA && before <= SECTION_VALUE &&
                       section >= SECTION_DATA && section <= SECTION_VALUE;
    return second_body ? repeats && before == (int)section : (int)section > before;
}

static bool walk(char *bytes, uint32_t size, struct hd_message *ret, struct body *body)
{
    struct reader r = {(const uint8_t *)bytes, (const uint8_t *)bytes + size};
    int before = 0;
    while (r.at < r.end) {
        enum section section;
        if (!read_section(&r, &section) || !in_order(before, section)) {
            return false;
        }
        before = section;
        bool ok;
        if (section == SECTION_MESSAGE_ANNOTATIONS) {
            ok = read_annotations(bytes, &r, ret);
        } else if (section >= SECTION_DATA && section <= SECTION_VALUE) {
            ok = read_body(&r, section, body);
        } else {
            ok = skip(&r);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

void hd_message_decode(char *bytes, uint32_t size, struct hd_message *ret)
{
    *ret = (struct hd_message){.sequence_number = HD_MESSAGE_NO_SEQUENCE};
    struct body body = {.start = bytes};
    if (!walk(bytes, size, ret, &body)) {
        ret->bad = true;
        ret->body_len = size;
        return;
    }
    if (body.pieces > 1) {
        /* Everything was checked: the second walk finds the same pieces, a byte is moved only to
         * where the walk has already been. */
        struct hd_message same = *ret;
        body = (struct body){.start = bytes, .move = true};
        walk(bytes, size, &same, &body);
    }
    ret->body = (uint32_t)(body.start - bytes);
    ret->body_len = body.len;
}
