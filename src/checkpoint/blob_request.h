/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the blob service, signed and sent. Private to checkpoint/.
 *
 * Owner:   the caller; zero-initialised with a method is empty. Header values must live until it is
 *          sent.
 */
#ifndef HUBDRAIN_CHECKPOINT_BLOB_REQUEST_H
#define HUBDRAIN_CHECKPOINT_BLOB_REQUEST_H

#include "hubdrain/buffer.h"
#include "hubdrain/http.h"
#include "hubdrain/storage.h"

#define HD_BLOB_REQUEST_HEADERS 12

struct hd_blob_request {
    const char *method;
    struct hd_buffer path;  /* encoded, with the endpoint's path in front: it is signed like this */
    struct hd_buffer query; /* encoded, without '?' */
    struct hd_http_header headers[HD_BLOB_REQUEST_HEADERS];
    size_t n_headers;
    int64_t realtime_ms; /* now */
    int64_t timeout_ms;
    size_t max_body_bytes;
    const char *ca_file;
};

/* One too many is left out, and the send says -E2BIG. */
void hd_blob_request_header(struct hd_blob_request *request, const char *name, const char *value);

/* Adds date, version and authorization. Once for each request. */
int hd_blob_request_send(struct hd_blob_request *request, struct hd_http *http,
                         const struct hd_storage_account *account, hd_http_done_fn *done,
                         void *context, struct hd_http_request_handle **ret_handle);

void hd_blob_request_deinit(struct hd_blob_request *request); /* wipes a SAS */

#endif
