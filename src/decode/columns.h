/* SPDX-License-Identifier: Apache-2.0 */
/* Columns: which member of a JSON object says what about the event. Private to decode/. */
#ifndef HUBDRAIN_DECODE_COLUMNS_H
#define HUBDRAIN_DECODE_COLUMNS_H

#include "decoder.h"

enum column_kind {
    COLUMN_TEXT, /* -> slice at offset */
    COLUMN_U32,  /* -> number at offset; words go to text_offset */
    COLUMN_U64,
    COLUMN_KEYWORDS,
    COLUMN_TIME, /* -> time_created when it names its zone */
    COLUMN_ENVELOPE_TIME,
    COLUMN_MESSAGE,
    COLUMN_XML,  /* event XML, when it starts like it */
    COLUMN_DATA, /* the event data: an object, JSON text or XML text */
    COLUMN_USER_DATA,
    COLUMN_INSERTS,  /* an array of values without names */
    COLUMN_OPEN,     /* an object whose members are columns themselves */
    COLUMN_ENVELOPE, /* never event data */
    COLUMN_NXLOG,    /* says that the shape is NXLog's */
    COLUMN_NXLOG_TYPE,
    COLUMN_TYPE, /* {"type":"heartbeat"} */
};

enum {
    RULE_PROPERTIES = 1, /* only inside properties */
    RULE_NXLOG = 2,      /* only in the NXLog shape; else nobody knows it */
    RULE_LATE = 4,       /* only what no other column says */
    RULE_DATA = 8,       /* only where the event data is a column of its own */
};

struct column_rule {
    struct hd_slice name;
    uint16_t offset, text_offset; /* in struct hd_event */
    uint16_t has;
    uint8_t kind, flags;
};

/* The cheap question; winevent_likely is the exact one. */
bool column_may_be_xml(const struct column *column);

#endif
