/* SPDX-License-Identifier: Apache-2.0 */
/* XML: a pull scanner for event XML that hands out slices of the text. Private to decode/. */
#ifndef HUBDRAIN_DECODE_XML_H
#define HUBDRAIN_DECODE_XML_H

#include <stdint.h>

#include "hubdrain/slice.h"

#define XML_MAX_ATTRIBUTES 32

enum xml_token {
    XML_START, /* name, attributes, empty (then no XML_END follows) */
    XML_END,   /* name */
    XML_TEXT,  /* text; amp: it has a '&' in it */
    XML_CDATA, /* text, as it is */
    XML_CUT,   /* the input is over; text is what stood there if it was text, else empty */
    XML_BAD,   /* not XML; p is at the fault */
};

struct xml_attribute {
    struct hd_slice name; /* local */
    struct hd_slice value;
    bool amp;
    bool namespace; /* xmlns or xmlns:... */
};

struct xml {
    const char *p, *end;
    struct hd_slice name; /* local: behind the prefix */
    const char *tag;      /* the '<' of the last start tag */
    struct hd_slice text;
    bool amp;       /* the text has a '&' */
    bool empty;     /* <x/> */
    bool in_markup; /* XML_CUT: the input ends inside a tag; what stood before it is complete */
    bool in_event;  /* a start tag of another event means that this one was cut */
    bool too_many;  /* XML_BAD because of the number of attributes */
    uint32_t n_attributes;
    struct xml_attribute attributes[XML_MAX_ATTRIBUTES];
};

enum xml_token xml_next(struct xml *xml);

/* Decodes entities and references; never longer than the text. What is no known entity stays as it
 * is; references to what is no character become U+FFFD. Returns the bytes written. */
size_t xml_decode(struct hd_slice text, char *to);

static inline bool xml_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Nothing but white space (and NULs, which some senders pad with). */
bool xml_is_blank(struct hd_slice text);

#endif
