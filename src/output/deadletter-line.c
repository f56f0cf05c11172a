/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. A dead letter must be readable by a person and give back the original bytes exactly:
 * `body` where they are valid UTF-8 (JSON strings can then hold them without loss), else
 * `body_base64`. Never both, always one.
 */
#include "src/output/deadletter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "hubdrain/clock.h"
#include "hubdrain/json.h"

#define TEXT_MAX    1024
#define FRAME_BYTES 1024 /* names, numbers and the origin; these are a few hundred */

static bool is_utf8(struct hd_slice bytes)
{
    for (size_t i = 0; i < bytes.len;) {
        int step = hd_utf8_step(bytes.data + i, bytes.len - i);
        if (step < 0) {
            return false;
        }
        i += (size_t)step;
    }
    return true;
}

/* RFC 4648, section 4. */
static int append_base64(struct hd_buffer *out, struct hd_slice bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (hd_buffer_reserve(out, (bytes.len + 2) / 3 * 4)) {
        return -ENOMEM;
    }
    char *to = out->data + out->len;
    const unsigned char *from = (const unsigned char *)bytes.data;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i;
        uint32_t group = (uint32_t)from[i] << 16 | (n > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                         (n > 2 ? from[i + 2] : 0);
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = (char)(n > 1 ? alphabet[group >> 6 & 63] : '=');
        *to++ = (char)(n > 2 ? alphabet[group & 63] : '=');
    }
    out->len = (size_t)(to - out->data);
    return 0;
}

static int append_text(struct hd_buffer *out, const char *key, struct hd_slice text)
{
    int r = hd_buffer_printf(out, ",\"%s\":", key);
    return r ? r : hd_json_string(out, text);
}

static int append_time(struct hd_buffer *out, const char *key, int64_t realtime_ms)
{
    char text[HD_TIME_TEXT_SIZE];
    hd_clock_format_ms(realtime_ms, text);
    return append_text(out, key, hd_slice_cstr(text));
}

/* At most TEXT_MAX bytes, and no half character at the end. */
static struct hd_slice shorten(const char *text)
{
    struct hd_slice slice = hd_slice_cstr(text);
    if (slice.len > TEXT_MAX) {
        slice.len = TEXT_MAX;
        while (slice.len > 0 && ((unsigned char)slice.data[slice.len] & 0xC0) == 0x80) {
            slice.len--;
        }
    }
    return slice;
}

static int append_origin(struct hd_buffer *out, const struct hd_origin *origin)
{
    int r = append_text(out, "namespace", origin->namespace_name);
    r = r ? r : append_text(out, "hub", origin->hub);
    r = r ? r : append_text(out, "consumer_group", origin->consumer_group);
    r = r ? r : append_text(out, "partition", origin->partition);
    r = r ? r : hd_buffer_printf(out, ",\"sequence_number\":%" PRId64, origin->sequence_number);
    r = r ? r : append_text(out, "offset", origin->offset);
    r = r ? r : append_time(out, "enqueued_time", origin->enqueued_ms);
    return r ? r : hd_buffer_printf(out, ",\"index\":%" PRIu32, origin->index);
}

static int append_event_id(struct hd_buffer *out, const struct hd_origin *origin)
{
    char text[HD_EVENT_ID_SIZE];
    return append_text(out, "event_id", hd_slice(text, hd_event_id(origin, text)));
}

static int encode(const struct hd_dead_record *record, int64_t realtime_ms, struct hd_buffer *out)
{
    char time[HD_TIME_TEXT_SIZE];
    hd_clock_format_ms(realtime_ms, time);
    int r = hd_buffer_printf(out, "{\"time\":\"%s\"", time);
    r = r ? r
          : append_text(out, "output", hd_slice_cstr(record->output ? record->output : "decode"));
    r = r ? r : append_text(out, "reason", hd_slice_cstr(hd_dead_reason_name(record->reason)));
    r = r ? r : append_text(out, "text", shorten(record->text));
    r = r ? r : append_origin(out, &record->origin);
    r = r ? r : append_event_id(out, &record->origin);
    r = r ? r
          : hd_buffer_printf(out, ",\"at\":%zu,\"attempts\":%" PRIu32, record->at,
                             record->attempts);
    if (r) {
        return r;
    }
    if (is_utf8(record->bytes)) {
        r = append_text(out, "body", record->bytes);
    } else {
        r = hd_buffer_append_cstr(out, ",\"body_base64\":\"");
        r = r ? r : append_base64(out, record->bytes);
        r = r ? r : hd_buffer_append_cstr(out, "\"");
    }
    return r ? r : hd_buffer_append_cstr(out, "}\n");
}

int hd_deadletter_encode(const struct hd_dead_record *record, int64_t realtime_ms,
                         struct hd_buffer *out)
{
    size_t before = out->len;
    int r = encode(record, realtime_ms, out);
    if (r) {
        out->len = before;
    }
    return r;
}

uint64_t hd_deadletter_line_bytes(const struct hd_dead_record *record)
{
    const struct hd_slice bytes = record->bytes;
    uint64_t text = FRAME_BYTES + 2 * (uint64_t)(record->text ? shorten(record->text).len : 0);
    uint64_t plain = bytes.len, base64 = ((uint64_t)bytes.len + 2) / 3 * 4;
    bool high = false;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        plain += c < 0x20 ? 5 : c == '"' || c == '\\' ? 1 : 0;
        high |= c >= 0x80;
    }
    return text + (high && base64 > plain ? base64 : plain);
}
