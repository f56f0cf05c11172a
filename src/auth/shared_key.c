/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the service rebuilds the string from what it received, so it must be made from exactly
 * what is sent: the path keeps its percent-encoding (unlike what the documentation says), the query
 * is decoded, an empty body has an empty length. Requests have a handful of headers and parameters,
 * so sorting is by insertion into small arrays.
 */
#include <errno.h>
#include <stdlib.h>

#include "hubdrain/hmac.h"
#include "hubdrain/storage.h"

enum { MAX_PARTS = 32 };

/* In the order of the string to sign, behind the method; the length stands between them. */
static const char *const before_length[] = {"Content-Encoding", "Content-Language"};
static const char *const behind_length[] = {"Content-MD5",         "Content-Type", "Date",
                                            "If-Modified-Since",   "If-Match",     "If-None-Match",
                                            "If-Unmodified-Since", "Range"};

static const char *find(const struct hd_storage_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct hd_http_header *header = &request->headers[i];
        if (header->value && hd_slice_iis(hd_slice_cstr(header->name), name)) {
            return header->value;
        }
    }
    return "";
}

static int append_headers(const struct hd_storage_request *request, const char *const *names,
                          size_t n, struct hd_buffer *out)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = hd_buffer_printf(out, "%s\n", find(request, names[i]));
    }
    return r;
}

static int append_lower(struct hd_buffer *out, struct hd_slice text)
{
    size_t start = out->len;
    int r = hd_buffer_append(out, text.data, text.len);
    for (size_t i = start; i < out->len; i++) {
        char c = out->data[i];
        out->data[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return r;
}

/* One header or parameter: where its lower-case name and its value are in a buffer. */
struct part {
    size_t name, name_len, value, value_len;
};

struct parts {
    struct hd_buffer text;
    struct part items[MAX_PARTS];
    size_t n;
};

static int compare(const struct parts *parts, const struct part *a, const struct part *b)
{
    size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(parts->text.data + a->name, parts->text.data + b->name, len);
    if (order == 0 && a->name_len != b->name_len) {
        return a->name_len < b->name_len ? -1 : 1;
    }
    if (order == 0) {
        len = a->value_len < b->value_len ? a->value_len : b->value_len;
        order = memcmp(parts->text.data + a->value, parts->text.data + b->value, len);
    }
    return order;
}

static int add_part(struct parts *parts, struct hd_slice name, struct hd_slice value, bool decode)
{
    if (parts->n == MAX_PARTS) {
        return -EINVAL;
    }
    struct part part = {.name = parts->text.len, .name_len = name.len};
    int r = append_lower(&parts->text, name);
    part.value = parts->text.len;
    if (r == 0) {
        r = decode ? hd_url_decode(&parts->text, value)
                   : hd_buffer_append(&parts->text, value.data, value.len);
    }
    if (r < 0) {
        return r;
    }
    part.value_len = parts->text.len - part.value;
    size_t at = parts->n++;
    while (at > 0 && compare(parts, &part, &parts->items[at - 1]) < 0) {
        parts->items[at] = parts->items[at - 1];
        at--;
    }
    parts->items[at] = part;
    return 0;
}

static struct hd_slice name_of(const struct parts *parts, size_t i)
{
    return hd_slice(parts->text.data + parts->items[i].name, parts->items[i].name_len);
}

static int append_canonical_headers(const struct hd_storage_request *request, struct hd_buffer *out)
{
    struct parts parts = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < request->n_headers; i++) {
        const struct hd_http_header *header = &request->headers[i];
        struct hd_slice name = hd_slice_cstr(header->name);
        if (header->value && name.len > 5 &&
            hd_slice_ieq(hd_slice(name.data, 5), hd_slice("x-ms-", 5))) {
            r = add_part(&parts, name, hd_slice_trim(hd_slice_cstr(header->value)), false);
        }
    }
    for (size_t i = 0; r == 0 && i < parts.n; i++) {
        struct hd_slice name = name_of(&parts, i);
        r = hd_buffer_printf(out, "%.*s:%.*s\n", (int)name.len, name.data,
                             (int)parts.items[i].value_len, parts.text.data + parts.items[i].value);
    }
    hd_buffer_deinit(&parts.text);
    return r;
}

static int append_canonical_query(const char *query, struct hd_buffer *out)
{
    struct parts parts = {0};
    int r = 0;
    for (const char *p = query; r == 0 && *p;) {
        size_t len = strcspn(p, "&");
        size_t name_len = strcspn(p, "=&");
        size_t value_at = name_len + (name_len < len);
        if (len > 0) {
            r = add_part(&parts, hd_slice(p, name_len), hd_slice(p + value_at, len - value_at),
                         true);
        }
        p += len + (p[len] == '&');
    }
    for (size_t i = 0; r == 0 && i < parts.n; i++) {
        struct hd_slice name = name_of(&parts, i);
        bool again = i > 0 && hd_slice_eq(name, name_of(&parts, i - 1));
        if (again) {
            r = hd_buffer_append_cstr(out, ",");
        } else {
            r = hd_buffer_printf(out, "\n%.*s:", (int)name.len, name.data);
        }
        if (r == 0) {
            r = hd_buffer_append(out, parts.text.data + parts.items[i].value,
                                 parts.items[i].value_len);
        }
    }
    hd_buffer_deinit(&parts.text);
    return r;
}

int hd_storage_string_to_sign(const struct hd_storage_account *account,
                              const struct hd_storage_request *request, struct hd_buffer *out)
{
    int r = hd_buffer_printf(out, "%s\n", request->method);
    if (r == 0) {
        r = append_headers(request, before_length, sizeof(before_length) / sizeof(before_length[0]),
                           out);
    }
    if (r == 0) {
        r = request->content_length > 0 ? hd_buffer_printf(out, "%zu\n", request->content_length)
                                        : hd_buffer_append_cstr(out, "\n");
    }
    if (r == 0) {
        r = append_headers(request, behind_length, sizeof(behind_length) / sizeof(behind_length[0]),
                           out);
    }
    if (r == 0) {
        r = append_canonical_headers(request, out);
    }
    if (r == 0) {
        r = hd_buffer_printf(out, "/%s%s", account->account, request->path);
    }
    return r < 0 ? r : append_canonical_query(request->query, out);
}

int hd_storage_authorization(const struct hd_storage_account *account,
                             const struct hd_storage_request *request, struct hd_buffer *out)
{
    struct hd_buffer to_sign = {0};
    uint8_t mac[HD_SHA256_SIZE];
    int r = hd_storage_string_to_sign(account, request, &to_sign);
    if (r == 0) {
        r = hd_hmac_sha256(hd_slice((const char *)account->key, account->key_len),
                           hd_buffer_slice(&to_sign), mac);
    }
    if (r == 0) {
        r = hd_buffer_printf(out, "SharedKey %s:", account->account);
    }
    if (r == 0) {
        r = hd_base64_encode(out, hd_slice((const char *)mac, sizeof(mac)));
    }
    hd_buffer_deinit(&to_sign);
    return r;
}
