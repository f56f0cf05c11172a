/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: what a worker holds to decode bodies: memory that is kept from record to record, and the
 * order of the steps - decompress, make UTF-8 of it, read the records.
 */
#include <errno.h>
#include <stdlib.h>

#include "decoder.h"

static const struct hd_decode_limits defaults = {
    .max_record_bytes = 1024 * 1024,
    .max_body_bytes = 32 * 1024 * 1024,
    .max_depth = 64,
    .max_fields = 4096,
};

/* Zero means the default; the rest is kept within what the code can do. */
static void set_limits(struct hd_decode_limits *to, const struct hd_decode_limits *from)
{
    *to = from ? *from : defaults;
    to->max_record_bytes = to->max_record_bytes ? to->max_record_bytes : defaults.max_record_bytes;
    to->max_body_bytes = to->max_body_bytes ? to->max_body_bytes : defaults.max_body_bytes;
    to->max_depth = to->max_depth ? to->max_depth : defaults.max_depth;
    to->max_fields = to->max_fields ? to->max_fields : defaults.max_fields;
    if (to->max_depth > JSON_MAX_DEPTH) {
        to->max_depth = JSON_MAX_DEPTH;
    }
}

int hd_decoder_new(const struct hd_decode_limits *limits, struct hd_decoder **ret)
{
    struct hd_decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder) {
        return -ENOMEM;
    }
    set_limits(&decoder->limits, limits);
    /* A record takes at most text_left (record_reset). Blocks double and small ones are passed
     * over: eight times that is never reached. */
    decoder->arena = hd_arena_new(8 * (4 * (size_t)decoder->limits.max_record_bytes + 65536));
    decoder->wrapper_arena = hd_arena_new(8 * (size_t)decoder->limits.max_body_bytes);
    decoder->open = calloc(decoder->limits.max_depth, sizeof(*decoder->open));
    if (!decoder->arena || !decoder->wrapper_arena || !decoder->open ||
        inflater_new(&decoder->inflater)) {
        hd_decoder_free(decoder);
        return -ENOMEM;
    }
    columns_init(decoder);
    *ret = decoder;
    return 0;
}

void hd_decoder_free(struct hd_decoder *decoder)
{
    if (!decoder) {
        return;
    }
    inflater_free(decoder->inflater);
    hd_arena_free(decoder->arena);
    hd_arena_free(decoder->wrapper_arena);
    hd_buffer_deinit(&decoder->path);
    hd_buffer_deinit(&decoder->plain);
    free(decoder->fields.items);
    free(decoder->envelope.items);
    free(decoder->columns);
    free(decoder->open);
    free(decoder);
}

int hd_decode(struct hd_decoder *decoder, struct hd_slice body,
              const struct hd_decode_handler *handler, void *context)
{
    struct body_source source = {.text = body};
    bool big_endian;
    int r = 0;
    if (inflate_likely(body)) {
        r = inflate_body(decoder->inflater, body, decoder->limits.max_body_bytes, &decoder->plain);
        if (r > 0) {
            source.lost = (enum hd_dead_reason)r;
            r = 0;
        }
        source.original = body;
        source.text = hd_buffer_slice(&decoder->plain);
    } else if (utf16_likely(body, &big_endian)) {
        r = utf16_to_utf8(body, big_endian, &decoder->plain);
        source.text = hd_buffer_slice(&decoder->plain);
    }
    return r ? r : body_decode(decoder, &source, handler, context);
}

int hd_decode_xml(struct hd_decoder *decoder, struct hd_slice xml, struct hd_event *event)
{
    size_t used;
    decoder->base_columns = 0;
    record_reset(decoder);
    int r = xml.len > decoder->limits.max_record_bytes ? HD_DEAD_TOO_LARGE
                                                       : winevent_parse(decoder, xml, &used);
    if (r == 0 && !xml_is_blank(hd_slice(xml.data + used, xml.len - used))) {
        r = HD_DEAD_MALFORMED_XML;
    }
    decoder->event.envelope = HD_ENVELOPE_XML;
    decoder->event.record = xml;
    *event = decoder->event;
    return r;
}
