/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of the blob service means, and what a person should do about it. Private to
 * checkpoint/. */
#ifndef HUBDRAIN_CHECKPOINT_BLOB_ANSWER_H
#define HUBDRAIN_CHECKPOINT_BLOB_ANSWER_H

#include "hubdrain/http.h"
#include "store_ops.h"

struct hd_blob_where {
    const char *doing;       /* "list checkpoints", "write checkpoint 3" */
    const char *description; /* of the store */
    const char *sas;         /* the query with the SAS, for its expiry only; "" */
    int64_t realtime_ms;     /* now */
};

/* The service's word for the error ("BlobNotFound"), from the header or the body; "" when there is
 * none. */
#define HD_BLOB_CODE_SIZE 64
void hd_blob_answer_code(const struct hd_http_response *response, char ret[HD_BLOB_CODE_SIZE]);

/* For an answer that is not the one hoped for. Never HD_STORE_OK. */
enum hd_store_result hd_blob_answer_judge(const struct hd_http_response *response,
                                          const struct hd_blob_where *where, struct hd_diag *diag);

/* RFC 1123 in GMT, as x-ms-date wants it. */
#define HD_BLOB_DATE_SIZE 40
void hd_blob_date(int64_t realtime_ms, char ret[HD_BLOB_DATE_SIZE]);
int64_t hd_blob_date_parse(const char *text); /* -1 when it is none */

#endif
