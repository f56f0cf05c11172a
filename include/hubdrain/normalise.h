/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalise: an event -> one JSON object of a schema, as text behind the end of a buffer (no line
 * feed). Tables decide; see src/windows/.
 *
 * Owner:   a normaliser owns its scratch memory and belongs to one worker.
 * Threads: one at a time. Limits: none of its own; decode/ bounds the event.
 * Errors:  -ENOMEM; the buffer then ends where it did before.
 * Output:  valid JSON and valid UTF-8, whatever the event holds; the same bytes for the same event,
 *          origin and options.
 */
#ifndef HUBDRAIN_NORMALISE_H
#define HUBDRAIN_NORMALISE_H

#include "hubdrain/buffer.h"
#include "hubdrain/event.h"

enum hd_schema { HD_SCHEMA_ECS, HD_SCHEMA_COUNT };
const char *hd_schema_name(enum hd_schema schema);

struct hd_normalise_options {
    bool keep_original;      /* event.original: the XML, or the record's text */
    bool keep_message;       /* message: the text rendered on the host, which repeats the data */
    struct hd_slice dataset; /* event.dataset, copied; empty: by channel, as Elastic names them */
};

struct hd_normaliser;

int hd_normaliser_new(enum hd_schema schema, const struct hd_normalise_options *options,
                      struct hd_normaliser **ret);
void hd_normaliser_free(struct hd_normaliser *normaliser); /* accepts NULL */

int hd_normalise(struct hd_normaliser *normaliser, const struct hd_event *event,
                 const struct hd_origin *origin, struct hd_buffer *out);

#endif
