/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage account: its connection string, and SharedKey signatures for the blob service.
 *
 * Owner:   plain data is the caller's; hd_storage_account_wipe when it is no longer needed.
 * Threads: any.
 * Errors:  -EINVAL with a text that names the key that is wrong and never shows a value that could
 *          be a secret; -ENOMEM.
 */
#ifndef HUBDRAIN_STORAGE_H
#define HUBDRAIN_STORAGE_H

#include <stdint.h>

#include "hubdrain/buffer.h"
#include "hubdrain/error.h"
#include "hubdrain/http.h"

struct hd_storage_account {
    char endpoint[512]; /* of blobs: scheme, host, port, perhaps a path; no slash at the end */
    char account[128];  /* "" when there is a SAS and no AccountName */
    uint8_t key[256];   /* secret, decoded */
    size_t key_len;     /* 0: there is a SAS */
    char sas[2048];     /* secret: a query without '?'; "" when there is a key */
};

int hd_storage_account_parse(const char *connection_string, struct hd_storage_account *ret,
                             struct hd_diag *diag);
void hd_storage_account_wipe(struct hd_storage_account *account);

/* Where the endpoint's path begins: "" or "/devstoreaccount1". */
const char *hd_storage_endpoint_path(const struct hd_storage_account *account);

struct hd_storage_request {
    const char *method;
    const char *path;  /* exactly as it goes out, with the endpoint's path in front */
    const char *query; /* exactly as it goes out, without '?'; may be "" */
    size_t content_length;
    const struct hd_http_header *headers; /* x-ms-date among them */
    size_t n_headers;
};

/* Appends the string that is signed. */
int hd_storage_string_to_sign(const struct hd_storage_account *account,
                              const struct hd_storage_request *request, struct hd_buffer *out);

/* Appends the value of the Authorization header: SharedKey <account>:<signature>. */
int hd_storage_authorization(const struct hd_storage_account *account,
                             const struct hd_storage_request *request, struct hd_buffer *out);

#endif
