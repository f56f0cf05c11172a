/* SPDX-License-Identifier: Apache-2.0 */
/* Body: the stream of records of one message. Private to decode/. */
#ifndef HUBDRAIN_DECODE_BODY_H
#define HUBDRAIN_DECODE_BODY_H

#include "decoder.h"
#include "report.h"

#define BODY_MAX_FRAMES  64
#define ELEMENT_HINT_MAX 64

struct frame {
    bool wrapper; /* else an array */
    /* of a wrapper: */
    bool has_head;   /* there are members before its records */
    bool tail_known; /* the members behind the records have been read already */
    bool carried;    /* an event has taken them along */
    const char *start, *bracket;
    uint32_t base_columns; /* before this wrapper */
};

struct body {
    struct hd_decoder *decoder;
    struct report report;
    const char *start, *end, *p;
    size_t wasted;        /* bytes read more than once */
    struct hd_slice hint; /* how a whole element of an array began: {"time" */
    /* the last search for a record that stands alone, from where and what it found */
    const char *searched_from, *searched_to; /* searched_to NULL: none to the end */
    bool searched_json, searched_in_frame;
    uint32_t n_frames;
    struct frame frames[BODY_MAX_FRAMES];
};

/* ---- resync.c ---- */
/* Where reading goes on after a damaged record. */
struct resync {
    const char *to;     /* the damage ends here */
    const char *resume; /* the next record or separator */
    bool in_array;      /* still inside the same array */
};
struct resync resync(struct body *body, const char *from);

/* A whole object begins at `from`: damaged neighbours are told by it. */
void remember_element(struct body *body, const char *from);

#endif
