/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Report: hands over what became of a body, in order. Private to decode/.
 *
 * Return values: those of the handler.
 */
#ifndef HUBDRAIN_DECODE_REPORT_H
#define HUBDRAIN_DECODE_REPORT_H

#include "decoder.h"

struct report {
    const struct hd_decode_handler *handler;
    void *context;
    const char *start, *end;  /* of the body */
    struct hd_slice original; /* a compressed body as it came; else empty */
    uint32_t index;           /* of the next thing that is handed over */

    bool pending; /* a dead letter that may still grow */
    enum hd_dead_reason reason;
    const char *from, *to, *at;

    const char *reported; /* behind the last byte that was handed over */
    uint32_t n_dead;
    size_t dead_bytes;
    enum hd_dead_reason whole; /* not NONE: the original becomes a dead letter as a whole */
};

/* lost: not NONE where the original is a dead letter whatever comes of the text. */
void report_init(struct report *report, struct hd_slice text, struct hd_slice original,
                 enum hd_dead_reason lost);
int report_event(struct report *report, const struct hd_event *event, const char *to);
int report_dead(struct report *report, enum hd_dead_reason reason, const char *from, const char *to,
                const char *at);
int report_skip(struct report *report);
int report_end(struct report *report);

/* No more dead letters, please: the rest of the body should be one. */
bool report_full(const struct report *report);

#endif
