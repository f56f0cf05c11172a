/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoder: what the files of decode/ share. Private to decode/.
 *
 * Return values, where not said otherwise: 0, -ENOMEM, or an enum hd_dead_reason.
 */
#ifndef HUBDRAIN_DECODE_DECODER_H
#define HUBDRAIN_DECODE_DECODER_H

#include "hubdrain/arena.h"
#include "hubdrain/buffer.h"
#include "hubdrain/decode.h"
#include "json.h"
#include "xml.h"

/* A list that grows and is never shrunk. */
struct field_list {
    struct hd_field *items;
    uint32_t n, cap;
};

/* A member of the record's object, or of one of the objects that are opened (properties, winlog).
 */
struct column {
    struct hd_slice name;
    struct json_value value;
    const struct column_rule *rule; /* NULL: nobody knows it */
    bool in_properties;
};

#define COLUMN_SLOTS   512
#define COLUMN_GUESSES 64

/* An element that is being flattened. */
struct xml_open {
    struct hd_slice name; /* local */
    struct hd_slice text;
    size_t path_len; /* of the path up to and with this element */
    uint32_t flags;
    bool owned; /* the text is the arena's */
    bool has_child;
};

struct inflater;

struct hd_decoder {
    struct hd_decode_limits limits;
    struct hd_arena *arena;         /* emptied for every record */
    struct hd_arena *wrapper_arena; /* emptied for every body */
    size_t text_left;               /* what this record may still take from it */

    struct hd_event event;
    struct field_list fields, envelope;
    uint32_t n_unnamed; /* Data without a name so far */

    struct column *columns;
    uint32_t n_columns, cap_columns;
    uint32_t base_columns;       /* those of the wrapper around the record */
    uint32_t seen;               /* kinds of columns, as bits */
    uint32_t first_xml;          /* the first column that may hold event XML, or UINT32_MAX */
    uint8_t slots[COLUMN_SLOTS]; /* hash of a name -> rule, from 1 */
    const struct column_rule *guesses[COLUMN_GUESSES]; /* by place in the record */

    struct xml xml;
    uint32_t system_hint;  /* which row of System comes next */
    struct xml_open *open; /* limits.max_depth of them */
    struct hd_buffer path; /* names of the open elements, joined */

    struct hd_buffer plain; /* a body that was compressed or in UTF-16 */
    struct inflater *inflater;

    const char *fault; /* where the last positive outcome arose */
};

/* ---- text.c: memory of the record ---- */
int text_alloc(struct hd_decoder *decoder, size_t len, char **ret);
/* Gives back what text_alloc gave too much; the latest allocation only. */
void text_trim(struct hd_decoder *decoder, char *data, size_t len, size_t used);
int text_join(struct hd_decoder *decoder, struct hd_slice a, const char *between, struct hd_slice b,
              struct hd_slice *ret);
int text_json(struct hd_decoder *decoder, const struct json_value *value, struct hd_slice *ret);
/* *text grows by a piece; *owned: it is the arena's already. */
int text_append(struct hd_decoder *decoder, struct hd_slice *text, bool *owned,
                struct hd_slice piece, bool amp);
int text_xml(struct hd_decoder *decoder, struct hd_slice text, bool amp, struct hd_slice *ret);

/* Equal but for the case of ASCII letters. */
bool text_same(struct hd_slice a, struct hd_slice b);

/* ---- text.c: numbers; false when the text is none or does not fit ---- */
bool number_u64(struct hd_slice text, uint64_t *ret); /* decimal, hex with 0x */
bool number_u32(struct hd_slice text, uint32_t *ret);
bool number_keywords(struct hd_slice text, uint64_t *ret); /* negative ones too */

/* ---- text.c: fields ---- */
int field_grow(struct hd_decoder *decoder, struct field_list *list);

static inline int field_add(struct hd_decoder *decoder, struct field_list *list,
                            struct hd_slice name, struct hd_slice value, uint32_t flags)
{
    if (list->n == list->cap) {
        int r = field_grow(decoder, list);
        if (r) {
            return r;
        }
    }
    list->items[list->n++] = (struct hd_field){name, value, flags};
    return 0;
}

/* The next of param1, param2, ... */
int field_unnamed(struct hd_decoder *decoder, struct hd_slice *ret_name);

/* ---- flatten.c ---- */
/* The element whose start tag was read last -> fields of `list`. Their names begin with `name`;
 * `flags` are added to the field of the element itself. *ret_cut is set when the input ends inside.
 */
struct flatten_options {
    struct hd_slice name;
    uint32_t flags;
    bool skip_name; /* the attribute Name is where `name` comes from */
};
int xml_flatten(struct hd_decoder *decoder, struct field_list *list,
                const struct flatten_options *options, bool *ret_cut);

/* ---- winevent.c ---- */
/* Event XML -> decoder->event. *ret_used is how much of it was one event. */
int winevent_parse(struct hd_decoder *decoder, struct hd_slice xml, size_t *ret_used);
/* EventData or parts of it alone (<EventData>, <DataItem>, <Data>.., <Param>..) -> fields. */
int winevent_parse_data(struct hd_decoder *decoder, struct hd_slice xml);
/* Does it start as event XML does? */
bool winevent_likely(struct hd_slice text);
bool winevent_is_event_tag(const char *p, const char *end);

/* ---- record.c ---- */
enum { RECORD_WRAPPER = 1000, RECORD_SKIP };
/* The object at json->p -> columns. RECORD_WRAPPER, only with `unwrap`: json->p is at the '[' of
 * its records. */
int record_columns(struct hd_decoder *decoder, struct json *json, bool unwrap);
/* event.c: the columns -> decoder->event; RECORD_SKIP: not worth an event (a heartbeat). */
int record_event(struct hd_decoder *decoder, struct hd_slice record);
/* Everything empty, for a new record. */
void record_reset(struct hd_decoder *decoder);
int record_add_column(struct hd_decoder *decoder, struct hd_slice name, bool name_escaped,
                      const struct json_value *value, bool in_properties);

/* ---- columns.c ---- */
void columns_init(struct hd_decoder *decoder);
const struct column_rule *columns_find(struct hd_decoder *decoder, struct hd_slice name,
                                       bool in_properties);

/* ---- body.c ---- */
struct body_source {
    struct hd_slice text;     /* UTF-8 */
    struct hd_slice original; /* where it was compressed; else empty */
    enum hd_dead_reason lost; /* not NONE: the text is not all of it */
};
int body_decode(struct hd_decoder *decoder, const struct body_source *source,
                const struct hd_decode_handler *handler, void *context);

/* ---- inflate.c, utf16.c ---- */
int inflater_new(struct inflater **ret);
void inflater_free(struct inflater *inflater); /* accepts NULL */
bool inflate_likely(struct hd_slice body);
/* HD_DEAD_DECOMPRESS: `to` is what can be trusted all the same. */
int inflate_body(struct inflater *inflater, struct hd_slice body, size_t max_bytes,
                 struct hd_buffer *to);
bool utf16_likely(struct hd_slice body, bool *ret_big_endian);
int utf16_to_utf8(struct hd_slice body, bool big_endian, struct hd_buffer *to);

#endif
