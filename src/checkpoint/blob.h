/* SPDX-License-Identifier: Apache-2.0 */
/* What tests set in a blob store. Private to checkpoint/. */
#ifndef HUBDRAIN_CHECKPOINT_BLOB_H
#define HUBDRAIN_CHECKPOINT_BLOB_H

#include "store_ops.h"

/* Blobs a page of the list; 0: the service's own number (5000). */
void hd_store_blob_set_page_size(struct hd_store *store, unsigned blobs);

#endif
