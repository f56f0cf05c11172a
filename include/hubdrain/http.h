/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP: requests on the loop (curl multi).
 *
 * Owner:   hd_http owns the connections. A request's strings are copied before hd_http_send
 * returns. Threads: the loop's. The callback runs once, never inside hd_http_send. Limits:  a
 * response body past max_body_bytes is an error. Redirects are not followed. Errors:  status 0 in
 * the response means that there was none; error says why (curl's words).
 */
#ifndef HUBDRAIN_HTTP_H
#define HUBDRAIN_HTTP_H

#include <stdint.h>

#include "hubdrain/slice.h"

struct hd_loop;
struct hd_http;
struct hd_http_request_handle;

struct hd_http_header {
    const char *name,
        *value; /* value "": sent empty; value NULL: libcurl's own header is removed */
};

struct hd_http_request {
    const char *method; /* NULL: "GET" */
    const char *url;    /* sent exactly like this; http or https */
    const struct hd_http_header *headers;
    size_t n_headers;
    struct hd_slice body;
    int64_t timeout_ms;    /* for the whole request; 0: 30 s */
    size_t max_body_bytes; /* 0: 1 MiB */
    const char *ca_file;   /* NULL: the system's */
};

struct hd_http_response {
    int status;                           /* 0: none */
    const char *error;                    /* "" or why there is none; no secrets, no query string */
    const struct hd_http_header *headers; /* names in lower case */
    size_t n_headers;
    struct hd_slice body;
    int64_t retry_after_ms; /* of Retry-After, seconds or a date; at most a day; 0: not said */
};

typedef void hd_http_done_fn(void *context, const struct hd_http_response *response);

int hd_http_new(struct hd_loop *loop, struct hd_http **ret);
void hd_http_free(
    struct hd_http *http); /* accepts NULL; requests under way are dropped unanswered */

int hd_http_send(struct hd_http *http, const struct hd_http_request *request, hd_http_done_fn *done,
                 void *context, struct hd_http_request_handle **ret_handle /* may be NULL */);

/* The callback is not called. Not after it was called: the handle is gone then. */
void hd_http_cancel(struct hd_http *http, struct hd_http_request_handle *handle);

/* The first header of that name (lower case), or NULL. */
const char *hd_http_response_header(const struct hd_http_response *response, const char *name);

#endif
