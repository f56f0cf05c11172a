/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * expat does the XML. What stands in an element is collected as text; when an element ends, its
 * name and its parent's decide where the text goes. Documents are known to be shallow, so the path
 * is a small array and anything deeper is refused. A document type declaration is refused too: the
 * service sends none, and it is what entity bombs are made of.
 *
 * Texts of one blob are offsets into one buffer, because the buffer moves while it grows.
 */
#include "blob_xml.h"

#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "hubdrain/hmac.h"

enum { MAX_DEPTH = 16, MAX_NAME = 64, MAX_TEXT = 64 * 1024 };

/* 0 is no text: the buffer of texts begins with a NUL. */
struct blob_texts {
    size_t name, etag, last_modified;
    struct {
        size_t name, value;
    } metadata[HD_BLOB_MAX_METADATA];
    size_t n_metadata;
    bool encoded; /* the name is percent-encoded */
};

struct page {
    XML_Parser parser;
    char path[MAX_DEPTH][MAX_NAME];
    size_t depth;
    struct hd_buffer text;  /* of the element that is open */
    struct hd_buffer texts; /* of the blob that is open */
    struct blob_texts blob;
    bool is_list; /* the root element is the right one */

    hd_blob_fn *fn;
    void *context;
    struct hd_buffer *marker;
    int result; /* not 0: stopped */
    const char *reason;
};

static void stop(struct page *page, int result, const char *reason)
{
    if (page->result == 0) {
        page->result = result;
        page->reason = reason;
        XML_StopParser(page->parser, XML_FALSE);
    }
}

static bool parent_is(const struct page *page, const char *name)
{
    return page->depth >= 2 && strcmp(page->path[page->depth - 2], name) == 0;
}

static size_t keep(struct page *page, const char *text, size_t len)
{
    size_t at = page->texts.len;
    if (hd_buffer_append(&page->texts, text, len) < 0 ||
        hd_buffer_append(&page->texts, "", 1) < 0) {
        stop(page, -ENOMEM, "");
        return 0;
    }
    return at;
}

static void begin_blob(struct page *page)
{
    page->blob = (struct blob_texts){0};
    page->texts.len = 0;
    keep(page, "", 0);
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct page *page = user;
    size_t len = strlen(name);
    if (page->depth == MAX_DEPTH || len >= MAX_NAME) {
        stop(page, HD_BLOB_XML_E_BROKEN, "it is nested too deep, or a name is too long");
        return;
    }
    memcpy(page->path[page->depth++], name, len + 1);
    page->text.len = 0;
    if (page->depth == 1) {
        page->is_list = strcmp(name, "EnumerationResults") == 0;
        if (!page->is_list) {
            stop(page, HD_BLOB_XML_E_BROKEN, "it is another document");
        }
    } else if (strcmp(name, "Blob") == 0 && parent_is(page, "Blobs")) {
        begin_blob(page);
    } else if (strcmp(name, "Name") == 0 && parent_is(page, "Blob")) {
        for (; attributes[0]; attributes += 2) {
            page->blob.encoded |=
                strcmp(attributes[0], "Encoded") == 0 && strcmp(attributes[1], "true") == 0;
        }
    }
}

static void on_text(void *user, const XML_Char *text, int len)
{
    struct page *page = user;
    if (page->text.len + (size_t)len > MAX_TEXT) {
        stop(page, HD_BLOB_XML_E_BROKEN, "a value is too long");
    } else if (hd_buffer_append(&page->text, text, (size_t)len) < 0) {
        stop(page, -ENOMEM, "");
    }
}

static void end_metadata(struct page *page, const char *name)
{
    struct blob_texts *blob = &page->blob;
    if (blob->n_metadata == HD_BLOB_MAX_METADATA) {
        return; /* ours are two; what a blob that is not ours holds beyond this does not matter */
    }
    char lower[MAX_NAME];
    size_t len = strlen(name);
    for (size_t i = 0; i <= len; i++) {
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
    }
    blob->metadata[blob->n_metadata].name = keep(page, lower, len);
    blob->metadata[blob->n_metadata++].value = keep(page, page->text.data, page->text.len);
}

static void end_blob(struct page *page)
{
    const char *texts = page->texts.data;
    const struct blob_texts *blob = &page->blob;
    struct hd_blob_metadata metadata[HD_BLOB_MAX_METADATA];
    for (size_t i = 0; i < blob->n_metadata; i++) {
        metadata[i].name = texts + blob->metadata[i].name;
        metadata[i].value = texts + blob->metadata[i].value;
    }
    struct hd_blob told = {.name = texts + blob->name,
                           .etag = texts + blob->etag,
                           .last_modified = texts + blob->last_modified,
                           .metadata = metadata,
                           .n_metadata = blob->n_metadata};
    int r = page->fn(page->context, &told);
    if (r != 0) {
        stop(page, r, "");
    }
}

static void end_name(struct page *page)
{
    if (!page->blob.encoded) {
        page->blob.name = keep(page, page->text.data, page->text.len);
        return;
    }
    struct hd_buffer plain = {0};
    if (hd_url_decode(&plain, hd_buffer_slice(&page->text)) < 0) {
        stop(page, -ENOMEM, "");
    } else {
        page->blob.name = keep(page, plain.data, plain.len);
    }
    hd_buffer_deinit(&plain);
}

static void on_end(void *user, const XML_Char *name)
{
    struct page *page = user;
    if (page->result != 0) {
        return;
    }
    if (strcmp(name, "Blob") == 0 && parent_is(page, "Blobs")) {
        end_blob(page);
    } else if (strcmp(name, "Name") == 0 && parent_is(page, "Blob")) {
        end_name(page);
    } else if (strcmp(name, "Etag") == 0 && parent_is(page, "Properties")) {
        page->blob.etag = keep(page, page->text.data, page->text.len);
    } else if (strcmp(name, "Last-Modified") == 0 && parent_is(page, "Properties")) {
        page->blob.last_modified = keep(page, page->text.data, page->text.len);
    } else if (parent_is(page, "Metadata")) {
        end_metadata(page, name);
    } else if (strcmp(name, "NextMarker") == 0 && page->depth == 2) {
        struct hd_slice marker = hd_slice_trim(hd_buffer_slice(&page->text));
        page->marker->len = 0;
        if (hd_buffer_append(page->marker, marker.data, marker.len) < 0) {
            stop(page, -ENOMEM, "");
        }
    }
    page->depth--;
    page->text.len = 0;
}

static void on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    stop(user, HD_BLOB_XML_E_BROKEN, "it has a document type declaration");
}

int hd_blob_list_parse(struct hd_slice xml, hd_blob_fn *fn, void *context,
                       struct hd_buffer *ret_marker, struct hd_diag *diag)
{
    struct page page = {.fn = fn, .context = context, .marker = ret_marker};
    ret_marker->len = 0;
    if (xml.len > INT_MAX) {
        return hd_fail(diag, HD_BLOB_XML_E_BROKEN, "it is too long");
    }
    page.parser = XML_ParserCreate(NULL);
    if (!page.parser) {
        return -ENOMEM;
    }
    XML_SetUserData(page.parser, &page);
    XML_SetElementHandler(page.parser, on_start, on_end);
    XML_SetCharacterDataHandler(page.parser, on_text);
    XML_SetStartDoctypeDeclHandler(page.parser, on_doctype);
    begin_blob(&page);
    enum XML_Status status = XML_Parse(page.parser, xml.len ? xml.data : "", (int)xml.len, 1);
    int r = page.result;
    if (r == HD_BLOB_XML_E_BROKEN) {
        hd_fail(diag, r, "%s", page.reason);
    } else if (r == 0 && status != XML_STATUS_OK) {
        enum XML_Error error = XML_GetErrorCode(page.parser);
        r = error == XML_ERROR_NO_MEMORY
                ? -ENOMEM
                : hd_fail(diag, HD_BLOB_XML_E_BROKEN, "line %lu: %s",
                          (unsigned long)XML_GetCurrentLineNumber(page.parser),
                          XML_ErrorString(error));
    }
    XML_ParserFree(page.parser);
    hd_buffer_deinit(&page.text);
    hd_buffer_deinit(&page.texts);
    return r;
}

const char *hd_blob_metadata_find(const struct hd_blob *blob, const char *lower_name)
{
    for (size_t i = 0; i < blob->n_metadata; i++) {
        if (strcmp(blob->metadata[i].name, lower_name) == 0) {
            return blob->metadata[i].value;
        }
    }
    return NULL;
}

/* ---- errors: only for a text, so cutting it out is enough ---- */

static void cut_out(struct hd_slice xml, const char *open, const char *close, char *ret,
                    size_t size)
{
    ret[0] = '\0';
    const char *from = xml.len ? memmem(xml.data, xml.len, open, strlen(open)) : NULL;
    if (!from) {
        return;
    }
    from += strlen(open);
    size_t left = xml.len - (size_t)(from - xml.data);
    const char *to = memmem(from, left, close, strlen(close));
    size_t len = to ? (size_t)(to - from) : 0;
    size_t n = 0;
    for (; n < len && n + 1 < size && from[n] != '\n' && from[n] != '\r'; n++) {
        ret[n] = from[n] >= 0x20 && from[n] <= 0x7e ? from[n] : '?';
    }
    ret[n] = '\0';
}

void hd_blob_error_parse(struct hd_slice xml, char *ret_code, size_t code_size, char *ret_message,
                         size_t message_size)
{
    cut_out(xml, "<Code>", "</Code>", ret_code, code_size);
    cut_out(xml, "<Message>", "</Message>", ret_message, message_size);
}
