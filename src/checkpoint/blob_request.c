/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: path and query are encoded once and then used twice, for the signature and for the URL:
 * the service signs what it receives, so the two must be the same bytes. A SAS goes behind the
 * query and replaces the signature.
 */
#include "blob_request.h"

#include <errno.h>

#include "blob_answer.h"
#include "config.h"

void hd_blob_request_header(struct hd_blob_request *request, const char *name, const char *value)
{
    if (request->n_headers < HD_BLOB_REQUEST_HEADERS) {
        request->headers[request->n_headers] = (struct hd_http_header){name, value};
    }
    request->n_headers++;
}

static int authorize(struct hd_blob_request *request, const struct hd_storage_account *account,
                     struct hd_buffer *authorization)
{
    if (account->key_len == 0) {
        return hd_buffer_printf(&request->query, "%s%s", request->query.len > 0 ? "&" : "",
                                account->sas);
    }
    struct hd_storage_request signed_request = {.method = request->method,
                                                .path = hd_buffer_cstr(&request->path),
                                                .query = hd_buffer_cstr(&request->query),
                                                .headers = request->headers,
                                                .n_headers = request->n_headers};
    int r = hd_storage_authorization(account, &signed_request, authorization);
    hd_blob_request_header(request, "Authorization", hd_buffer_cstr(authorization));
    return r;
}

static int append_url(struct hd_blob_request *request, const struct hd_storage_account *account,
                      struct hd_buffer *url)
{
    size_t host_len = (size_t)(hd_storage_endpoint_path(account) - account->endpoint);
    return hd_buffer_printf(url, "%.*s%s%s%s", (int)host_len, account->endpoint,
                            hd_buffer_cstr(&request->path), request->query.len > 0 ? "?" : "",
                            hd_buffer_cstr(&request->query));
}

static void wipe(struct hd_buffer *buffer)
{
    if (buffer->data) {
        explicit_bzero(buffer->data, buffer->len);
    }
    hd_buffer_deinit(buffer);
}

int hd_blob_request_send(struct hd_blob_request *request, struct hd_http *http,
                         const struct hd_storage_account *account, hd_http_done_fn *done,
                         void *context, struct hd_http_request_handle **ret_handle)
{
    char date[HD_BLOB_DATE_SIZE];
    struct hd_buffer authorization = {0}, url = {0};
    hd_blob_date(request->realtime_ms, date);
    hd_blob_request_header(request, "x-ms-version", "2021-12-02");
    hd_blob_request_header(request, "x-ms-date", date);
    hd_blob_request_header(request, "User-Agent", "hubdrain/" HD_VERSION);
    int r = request->n_headers < HD_BLOB_REQUEST_HEADERS ? 0 : -E2BIG;
    if (r == 0) {
        r = authorize(request, account, &authorization);
    }
    if (r == 0) {
        r = append_url(request, account, &url);
    }
    if (r == 0) {
        struct hd_http_request sent = {
            .method = request->method,
            .url = hd_buffer_cstr(&url),
            .headers = request->headers,
            .n_headers = request->n_headers,
            .timeout_ms = request->timeout_ms,
            .max_body_bytes = request->max_body_bytes,
            .ca_file = request->ca_file,
        };
        r = hd_http_send(http, &sent, done, context, ret_handle);
    }
    wipe(&authorization);
    wipe(&url);
    return r;
}

void hd_blob_request_deinit(struct hd_blob_request *request)
{
    wipe(&request->path);
    wipe(&request->query);
}
