/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two documents that a blob service sends: a page of a list, and an error. Private to
 * checkpoint/.
 *
 * Threads: any. Errors: -ENOMEM; HD_BLOB_XML_E_BROKEN for what is no such document.
 */
#ifndef HUBDRAIN_CHECKPOINT_BLOB_XML_H
#define HUBDRAIN_CHECKPOINT_BLOB_XML_H

#include "hubdrain/buffer.h"
#include "hubdrain/error.h"

enum { HD_BLOB_XML_E_BROKEN = 1 };

#define HD_BLOB_MAX_METADATA 32

struct hd_blob_metadata {
    const char *name, *value; /* the name in lower case */
};

/* One blob of a list; valid during the call. Absent elements are "". */
struct hd_blob {
    const char *name, *etag, *last_modified;
    const struct hd_blob_metadata *metadata;
    size_t n_metadata;
};

/* Non-zero ends the parse, which returns it. */
typedef int hd_blob_fn(void *context, const struct hd_blob *blob);

/* Calls fn for each blob of the page. ret_marker: where the next page begins, "" on the last one.
 * After an error some blobs may have been told already. */
int hd_blob_list_parse(struct hd_slice xml, hd_blob_fn *fn, void *context,
                       struct hd_buffer *ret_marker, struct hd_diag *diag);

/* <Code> and the first line of <Message> of an error document; "" when it is none. */
void hd_blob_error_parse(struct hd_slice xml, char *ret_code, size_t code_size, char *ret_message,
                         size_t message_size);

const char *hd_blob_metadata_find(const struct hd_blob *blob, const char *lower_name); /* or NULL */

#endif
