/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * One easy handle a request, thrown away after it; the multi handle keeps the connections, so that
 * the next request to the same host finds one open. URLs go out exactly as they are given
 * (CURLOPT_PATH_AS_IS), because signatures cover them byte for byte. libcurl's own ideas about
 * headers (Expect, a Content-Type for every body) are switched off for the same reason.
 *
 * A finished request leaves curl first and calls back from a timer of its own: the callback may
 * then cancel others, send more, or free the whole client.
 */
#include "hubdrain/http.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "curl_loop.h"
#include "hubdrain/buffer.h"
#include "hubdrain/loop.h"

enum {
    DEFAULT_TIMEOUT_MS = 30000,
    DEFAULT_BODY_BYTES = 1024 * 1024,
    MAX_HEADER_BYTES = 64 * 1024,
    MAX_HEADERS = 256,
    MAX_RETRY_AFTER_S = 24 * 3600,
};

struct hd_http {
    struct hd_loop *loop;
    struct hd_curl *curl;
    struct hd_http_request_handle *requests; /* under way or about to call back */
};

struct hd_http_request_handle {
    struct hd_http *http;
    struct hd_http_request_handle *prev, *next;
    struct hd_curl_transfer transfer;
    struct hd_timer answer;
    struct curl_slist *sent_headers;
    size_t max_body_bytes;

    CURLcode result;
    const char *too_large; /* what was, or NULL */
    char error[CURL_ERROR_SIZE];
    struct hd_buffer body;
    struct hd_buffer header_text; /* name NUL value NUL ... */
    size_t n_headers;

    hd_http_done_fn *done;
    void *context;
};

/* ---- the response as it comes ---- */

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct hd_http_request_handle *request = user;
    size_t len = size * n;
    if (len > request->max_body_bytes - request->body.len) {
        request->too_large = "the response is larger than was asked for";
        return 0;
    }
    return hd_buffer_append(&request->body, data, len) == 0 ? len : 0;
}

static int keep_header(struct hd_http_request_handle *request, struct hd_slice line)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (!colon || memchr(line.data, '\0', line.len)) {
        return 0;
    }
    struct hd_slice name = hd_slice_trim(hd_slice(line.data, (size_t)(colon - line.data)));
    struct hd_slice value =
        hd_slice_trim(hd_slice(colon + 1, line.len - (size_t)(colon + 1 - line.data)));
    struct hd_buffer *text = &request->header_text;
    size_t start = text->len;
    if (hd_buffer_append(text, name.data, name.len) < 0 || hd_buffer_append(text, "", 1) < 0 ||
        hd_buffer_append(text, value.data, value.len) < 0 || hd_buffer_append(text, "", 1) < 0) {
        return -ENOMEM;
    }
    for (size_t i = start; i < start + name.len; i++) {
        char c = text->data[i];
        text->data[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    request->n_headers++;
    return 0;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
    struct hd_http_request_handle *request = user;
    size_t len = size * n;
    if (hd_slice_starts(hd_slice(data, len), "HTTP/")) {
        /* What came before was a provisional response (1xx). */
        request->header_text.len = 0;
        request->n_headers = 0;
        return len;
    }
    if (request->n_headers >= MAX_HEADERS || request->header_text.len + len > MAX_HEADER_BYTES) {
        request->too_large = "the response has too many headers";
        return 0;
    }
    return keep_header(request, hd_slice(data, len)) == 0 ? len : 0;
}

/* ---- the end of a request ---- */

static void free_request(struct hd_http_request_handle *request)
{
    if (request->transfer.easy) {
        curl_easy_cleanup(request->transfer.easy);
    }
    curl_slist_free_all(request->sent_headers);
    hd_buffer_deinit(&request->body);
    hd_buffer_deinit(&request->header_text);
    free(request);
}

/* Out of curl and out of the list: nothing of the client refers to it any more. */
static void detach(struct hd_http_request_handle *request)
{
    hd_curl_remove(request->http->curl, &request->transfer);
    hd_timer_stop(&request->answer);
    if (request->prev) {
        request->prev->next = request->next;
    } else {
        request->http->requests = request->next;
    }
    if (request->next) {
        request->next->prev = request->prev;
    }
}

static const char *error_text(const struct hd_http_request_handle *request)
{
    if (request->too_large) {
        return request->too_large;
    }
    return request->error[0] ? request->error : curl_easy_strerror(request->result);
}

static void fill_response(struct hd_http_request_handle *request, struct hd_http_header *headers,
                          struct hd_http_response *ret)
{
    if (request->result != CURLE_OK) {
        ret->error = error_text(request);
        return;
    }
    long status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(request->transfer.easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (retry_after_s > MAX_RETRY_AFTER_S) {
        retry_after_s = MAX_RETRY_AFTER_S;
    }
    const char *text = request->header_text.data;
    for (size_t i = 0; i < request->n_headers; i++) {
        headers[i].name = text;
        text += strlen(text) + 1;
        headers[i].value = text;
        text += strlen(text) + 1;
    }
    ret->status = (int)status;
    ret->headers = headers;
    ret->n_headers = request->n_headers;
    ret->body = hd_buffer_slice(&request->body);
    ret->retry_after_ms = retry_after_s > 0 ? (int64_t)retry_after_s * 1000 : 0;
}

static void on_answer(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_http_request_handle *request = data;
    struct hd_http_header headers[MAX_HEADERS];
    struct hd_http_response response = {.error = ""};
    detach(request);
    fill_response(request, headers, &response);
    request->done(request->context, &response);
    free_request(request);
}

static void on_transfer_done(struct hd_curl_transfer *transfer, CURLcode result, void *data)
{
    (void)transfer;
    struct hd_http_request_handle *request = data;
    request->result = result;
    hd_timer_start(&request->answer, 0);
}

/* ---- the start of a request ---- */

static bool plain_header(const struct hd_http_header *header)
{
    return header->name[0] && !strpbrk(header->name, "\r\n:; ") &&
           (!header->value || !strpbrk(header->value, "\r\n"));
}

static int append_header(struct hd_http_request_handle *request, struct hd_buffer *line,
                         const struct hd_http_header *header)
{
    if (!plain_header(header)) {
        return -EINVAL;
    }
    const char *separator = !header->value ? ":" : header->value[0] ? ": " : ";";
    line->len = 0;
    int r = hd_buffer_printf(line, "%s%s%s", header->name, separator,
                             header->value ? header->value : "");
    if (r < 0) {
        return r;
    }
    struct curl_slist *list = curl_slist_append(request->sent_headers, hd_buffer_cstr(line));
    if (!list) {
        return -ENOMEM;
    }
    request->sent_headers = list;
    return 0;
}

static bool has_header(const struct hd_http_request *from, const char *name)
{
    for (size_t i = 0; i < from->n_headers; i++) {
        if (hd_slice_iis(hd_slice_cstr(from->headers[i].name), name)) {
            return true;
        }
    }
    return false;
}

static int set_headers(struct hd_http_request_handle *request, const struct hd_http_request *from)
{
    /* What libcurl would add on its own. */
    static const char *const unwanted[] = {"Expect", "Content-Type", "Accept"};
    struct hd_buffer line = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        if (!has_header(from, unwanted[i])) {
            r = append_header(request, &line, &(struct hd_http_header){unwanted[i], NULL});
        }
    }
    for (size_t i = 0; r == 0 && i < from->n_headers; i++) {
        r = append_header(request, &line, &from->headers[i]);
    }
    hd_buffer_deinit(&line);
    if (r == 0 &&
        curl_easy_setopt(request->transfer.easy, CURLOPT_HTTPHEADER, request->sent_headers)) {
        r = -ENOMEM;
    }
    return r;
}

static CURLcode set_method(CURL *easy, const struct hd_http_request *from)
{
    const char *method = from->method ? from->method : "GET";
    CURLcode r;
    if (strcmp(method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    bool sends = from->body.len > 0 || strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;
    if (sends &&
        ((r = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)from->body.len)) ||
         (r = curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                               from->body.len ? from->body.data : "")))) {
        return r;
    }
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static int set_options(struct hd_http_request_handle *request, const struct hd_http_request *from)
{
    CURL *easy = request->transfer.easy;
    int64_t timeout_ms = from->timeout_ms > 0 ? from->timeout_ms : DEFAULT_TIMEOUT_MS;
    long timeout = timeout_ms < INT_MAX ? (long)timeout_ms : INT_MAX;
    if (curl_easy_setopt(easy, CURLOPT_URL, from->url) ||
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") ||
        curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) ||
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) ||
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout) ||
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error) ||
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) ||
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, request) ||
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) ||
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, request) || set_method(easy, from)) {
        return -ENOMEM;
    }
    return set_headers(request, from);
}

int hd_http_send(struct hd_http *http, const struct hd_http_request *from, hd_http_done_fn *done,
                 void *context, struct hd_http_request_handle **ret_handle)
{
    struct hd_http_request_handle *request = calloc(1, sizeof(*request));
    if (!request) {
        return -ENOMEM;
    }
    request->http = http;
    request->max_body_bytes = from->max_body_bytes ? from->max_body_bytes : DEFAULT_BODY_BYTES;
    request->done = done;
    request->context = context;
    hd_timer_init(&request->answer, http->loop, on_answer, request);
    request->transfer = (struct hd_curl_transfer){
        .easy = hd_curl_defaults(from->ca_file), .done = on_transfer_done, .data = request};
    int r = request->transfer.easy ? set_options(request, from) : -ENOMEM;
    if (r == 0) {
        r = hd_curl_add(http->curl, &request->transfer);
    }
    if (r < 0) {
        free_request(request);
        return r;
    }
    request->next = http->requests;
    if (request->next) {
        request->next->prev = request;
    }
    http->requests = request;
    if (ret_handle) {
        *ret_handle = request;
    }
    return 0;
}

/* ---- public ---- */

void hd_http_cancel(struct hd_http *http, struct hd_http_request_handle *handle)
{
    (void)http;
    detach(handle);
    free_request(handle);
}

int hd_http_new(struct hd_loop *loop, struct hd_http **ret)
{
    struct hd_http *http = calloc(1, sizeof(*http));
    if (!http) {
        return -ENOMEM;
    }
    http->loop = loop;
    int r = hd_curl_new(loop, &http->curl);
    if (r < 0) {
        free(http);
        return r;
    }
    *ret = http;
    return 0;
}

void hd_http_free(struct hd_http *http)
{
    if (!http) {
        return;
    }
    while (http->requests) {
        hd_http_cancel(http, http->requests);
    }
    hd_curl_free(http->curl);
    free(http);
}

const char *hd_http_response_header(const struct hd_http_response *response, const char *name)
{
    for (size_t i = 0; i < response->n_headers; i++) {
        if (strcmp(response->headers[i].name, name) == 0) {
            return response->headers[i].value;
        }
    }
    return NULL;
}
