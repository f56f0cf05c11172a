/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the hub changes one thing in a message: its annotations. So the header is kept apart,
 * the annotations are opened, and all that follows them stays one run of bytes that is stored and
 * sent as it came. Delivery annotations are hop by hop and are dropped.
 *
 * In a batch each Data section is a complete encoded message; the envelope may carry the
 * partition key for those that lack it.
 */
#include "message.h"

enum {
    SECTION_HEADER = 0x70,
    SECTION_DELIVERY_ANNOTATIONS = 0x71,
    SECTION_ANNOTATIONS = 0x72,
    SECTION_PROPERTIES = 0x73,
    SECTION_APPLICATION = 0x74,
    SECTION_DATA = 0x75,
    SECTION_VALUE = 0x77,
    SECTION_FOOTER = 0x78,
};

static bool take_section(struct emu_message *message, uint64_t code, const struct emu_value *value,
                         const uint8_t *start, const struct emu_cursor *cursor)
{
    const char *from = (const char *)start;
    switch (code) {
    case SECTION_HEADER:
        message->header = hd_slice(from, (size_t)(cursor->at - start));
        return value->kind == EMU_LIST;
    case SECTION_DELIVERY_ANNOTATIONS:
        return value->kind == EMU_MAP;
    case SECTION_ANNOTATIONS:
        message->annotations = *value;
        return value->kind == EMU_MAP;
    case SECTION_PROPERTIES:
        message->properties = *value;
        break;
    case SECTION_APPLICATION:
        message->application = *value;
        break;
    default:
        if (code <= SECTION_VALUE && message->body_code == 0) {
            message->body_code = code;
            message->body = *value;
        }
        break;
    }
    if (message->rest.data == NULL) {
        message->rest = hd_slice(from, (size_t)((const char *)cursor->end - from));
    }
    return true;
}

bool emu_message_parse(struct hd_slice bytes, struct emu_message *ret)
{
    struct emu_cursor cursor = emu_cursor(bytes);
    uint64_t last = 0;
    *ret = (struct emu_message){0};
    while (!emu_cursor_done(&cursor)) {
        const uint8_t *start = cursor.at;
        uint64_t code;
        struct emu_value descriptor, value;
        if (!emu_read_described(&cursor, &code, &descriptor, &value)) {
            return false;
        }
        /* in order, and only body sections more than once */
        if (code < SECTION_HEADER || code > SECTION_FOOTER || code < last ||
            (code == last && code != SECTION_DATA && code != SECTION_DATA + 1)) {
            return false;
        }
        last = code;
        if (!take_section(ret, code, &value, start, &cursor)) {
            return false;
        }
    }
    struct emu_value key;
    if (emu_map_find(&ret->annotations, "x-opt-partition-key", &key) && key.kind == EMU_STRING) {
        ret->partition_key = key.bytes;
    }
    return last != 0;
}

void emu_message_property(const struct emu_message *message, uint32_t field, struct emu_value *ret)
{
    struct emu_cursor cursor = emu_cursor(message->properties.bytes);
    for (uint32_t i = 0; i <= field && i < message->properties.count; i++) {
        if (!emu_read(&cursor, ret)) {
            break;
        }
        if (i == field) {
            return;
        }
    }
    *ret = (struct emu_value){0};
}

struct emu_batch emu_batch(struct hd_slice bytes, uint32_t message_format)
{
    return (struct emu_batch){.cursor = emu_cursor(bytes),
                              .split = message_format == EMU_MESSAGE_FORMAT_BATCH};
}

static int next_single(struct emu_batch *batch, struct emu_message *ret)
{
    if (batch->started) {
        return 0;
    }
    batch->started = true;
    struct hd_slice all =
        hd_slice((const char *)batch->cursor.at, (size_t)(batch->cursor.end - batch->cursor.at));
    return emu_message_parse(all, ret) ? 1 : -1;
}

int emu_batch_next(struct emu_batch *batch, struct emu_message *ret)
{
    if (!batch->split) {
        return next_single(batch, ret);
    }
    while (!emu_cursor_done(&batch->cursor)) {
        uint64_t code;
        struct emu_value descriptor, value, key;
        if (!emu_read_described(&batch->cursor, &code, &descriptor, &value)) {
            return -1;
        }
        if (code == SECTION_ANNOTATIONS && value.kind == EMU_MAP &&
            emu_map_find(&value, "x-opt-partition-key", &key) && key.kind == EMU_STRING) {
            batch->partition_key = key.bytes;
        }
        if (code != SECTION_DATA) {
            continue;
        }
        if (value.kind != EMU_BINARY || !emu_message_parse(value.bytes, ret)) {
            return -1;
        }
        if (ret->partition_key.data == NULL) {
            ret->partition_key = batch->partition_key;
        }
        batch->started = true;
        return 1;
    }
    return batch->started ? 0 : -1;
}
