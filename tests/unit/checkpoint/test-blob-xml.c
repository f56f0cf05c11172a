/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and errors as the services write them, and what is no list. */
#include "src/checkpoint/blob_xml.h"
#include "test.h"

struct told {
    char text[4096];
    int stop_at, n;
};

static int on_blob(void *context, const struct hd_blob *blob)
{
    struct told *told = context;
    size_t len = strlen(told->text);
    len += (size_t)snprintf(told->text + len, sizeof(told->text) - len, "[%s|%s|%s", blob->name,
                            blob->etag, blob->last_modified);
    for (size_t i = 0; i < blob->n_metadata && len < sizeof(told->text); i++) {
        len += (size_t)snprintf(told->text + len, sizeof(told->text) - len, "|%s=%s",
                                blob->metadata[i].name, blob->metadata[i].value);
    }
    if (len + 1 < sizeof(told->text)) {
        strcat(told->text, "]");
    }
    return ++told->n == told->stop_at ? 7 : 0;
}

static int parse(const char *xml, size_t len, struct told *told, struct hd_buffer *marker,
                 struct hd_diag *diag)
{
    /* On the heap and exactly as long, so that a read past its end is seen. */
    char *copy = malloc(len ? len : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, xml, len);
    int r = hd_blob_list_parse(hd_slice(copy, len), on_blob, told, marker, diag);
    free(copy);
    return r;
}

#define HEAD                                                                                       \
    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults "                   \
    "ServiceEndpoint=\"https://a.blob.core.windows.net/\" ContainerName=\"c\"><Prefix>p/</Prefix>" \
    "<MaxResults>2</MaxResults>"

static void pages(void)
{
    static const struct {
        const char *xml, *told, *marker;
    } rows[] = {
        {HEAD "<Blobs/><NextMarker/></EnumerationResults>", "", ""},
        {HEAD "<Blobs><Blob><Name>p/0</Name><Properties><Creation-Time>x</Creation-Time>"
              "<Last-Modified>Sun, 22 Nov 2026 03:00:00 GMT</Last-Modified><Etag>0x8DE</Etag>"
              "<Content-Length>0</Content-Length></Properties><Metadata><offset>10</offset>"
              "<SequenceNumber>1</SequenceNumber></Metadata><OrMetadata/></Blob>"
              "<Blob><Name>p/1</Name><Properties/><Metadata><ownerid/></Metadata></Blob></Blobs>"
              "<NextMarker>2!76!MDAw-</NextMarker></EnumerationResults>",
         "[p/0|0x8DE|Sun, 22 Nov 2026 03:00:00 GMT|offset=10|sequencenumber=1][p/1|||ownerid=]",
         "2!76!MDAw-"},
        {HEAD "<Blobs><Blob><Name Encoded=\"true\">p%2F%EF%BF%BE</Name></Blob><Blob><Name>a &amp; "
              "&#x62; %41</Name><Metadata/></Blob></Blobs><NextMarker> \n </NextMarker>"
              "</EnumerationResults>",
         "[p/\xef\xbf\xbe||][a & b %41||]", ""},
        /* A metadata key that is named like an element, and a blob prefix. */
        {HEAD "<Blobs><BlobPrefix><Name>p/x/</Name></BlobPrefix><Blob><Name>p/2</Name><Metadata>"
              "<Name>n</Name><Blob>b</Blob><Etag>e</Etag></Metadata></Blob></Blobs></"
              "EnumerationResults>",
         "[p/2|||name=n|blob=b|etag=e]", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct told told = {0};
        struct hd_buffer marker = {0};
        struct hd_diag diag = {0};
        CHECK_INT(parse(rows[i].xml, strlen(rows[i].xml), &told, &marker, &diag), 0);
        CHECK_STR(diag.text, "");
        CHECK_STR(told.text, rows[i].told);
        CHECK_STR(hd_buffer_cstr(&marker), rows[i].marker);
        hd_buffer_deinit(&marker);
    }
}

static void broken(void)
{
    static const char *const rows[] = {
        "",
        "<html><body>Please log in</body></html>",
        "not xml at all",
        "{\"error\": 1}",
        HEAD "<Blobs>",
        HEAD "<Blobs><Blob><Name>x</Blob></Name></Blobs></EnumerationResults>",
        HEAD "<Blobs>&unknown;</Blobs></EnumerationResults>",
        HEAD "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>"
             "</a></a></a></a></a></a></a></EnumerationResults>",
        HEAD "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/>"
             "</EnumerationResults>",
        HEAD "<Blobs><Blob><Name>\xff\xfe</Name></Blob></Blobs></EnumerationResults>",
        ("<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>"
         "<EnumerationResults><Prefix>&b;&b;</Prefix></EnumerationResults>"),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct told told = {0};
        struct hd_buffer marker = {0};
        struct hd_diag diag = {0};
        CHECK_INT(parse(rows[i], strlen(rows[i]), &told, &marker, &diag), HD_BLOB_XML_E_BROKEN);
        CHECK(diag.text[0]);
        hd_buffer_deinit(&marker);
    }
}

static void limits(void)
{
    struct hd_buffer xml = {0}, marker = {0};
    struct told told = {0};
    hd_buffer_append_cstr(&xml, HEAD "<Blobs><Blob><Name>x</Name><Metadata>");
    for (int i = 0; i < 100; i++) {
        hd_buffer_printf(&xml, "<k%d>v</k%d>", i, i);
    }
    hd_buffer_append_cstr(&xml, "</Metadata></Blob></Blobs></EnumerationResults>");
    CHECK_INT(parse(xml.data, xml.len, &told, &marker, NULL), 0);
    CHECK_INT(told.n, 1);
    xml.len = 0;
    hd_buffer_append_cstr(&xml, HEAD "<Blobs><Blob><Name>");
    for (int i = 0; i < 70000; i++) {
        hd_buffer_append_cstr(&xml, "n");
    }
    hd_buffer_append_cstr(&xml, "</Name></Blob></Blobs></EnumerationResults>");
    CHECK_INT(parse(xml.data, xml.len, &told, &marker, NULL), HD_BLOB_XML_E_BROKEN);
    hd_buffer_deinit(&xml);
    hd_buffer_deinit(&marker);
}

static const char two_blobs[] =
    HEAD "<Blobs><Blob><Name Encoded=\"true\">p%41</Name><Properties><Etag>1</Etag></Properties>"
         "<Metadata><offset>1</offset></Metadata></Blob><Blob><Name>&#65;</Name></Blob></Blobs>"
         "<NextMarker>m</NextMarker></EnumerationResults>";

static void stopped_by_the_callback(void)
{
    struct told told = {.stop_at = 1};
    struct hd_buffer marker = {0};
    CHECK_INT(parse(two_blobs, sizeof(two_blobs) - 1, &told, &marker, NULL), 7);
    CHECK_INT(told.n, 1);
    hd_buffer_deinit(&marker);
}

/* Every cut and every flipped byte: an outcome, never a crash. Sanitizers watch. */
static void mutated(void)
{
    char copy[sizeof(two_blobs)];
    size_t len = sizeof(two_blobs) - 1;
    for (size_t i = 0; i < len; i++) {
        struct told told = {0};
        struct hd_buffer marker = {0};
        CHECK_INT(parse(two_blobs, i, &told, &marker, NULL), HD_BLOB_XML_E_BROKEN);
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, two_blobs, len);
            copy[i] = (char)(copy[i] ^ (1 << bit));
            told = (struct told){0};
            int r = parse(copy, len, &told, &marker, NULL);
            CHECK(r == 0 || r == HD_BLOB_XML_E_BROKEN);
        }
        hd_buffer_deinit(&marker);
    }
}

static void errors(void)
{
    static const struct {
        const char *xml, *code, *message;
    } rows[] = {
        {"<?xml version=\"1.0\"?><Error><Code>ServerBusy</Code><Message>Slow down.\nRequestId:1\n"
         "Time:2</Message></Error>",
         "ServerBusy", "Slow down."},
        {"<Error><Code>Aver", "", ""},
        {"<Error><Code></Code><Message>\x01\xff</Message></Error>", "", "??"},
        {"", "", ""},
        {"<html>", "", ""},
        {"<Code>0123456789012345678901234567890123456789</Code>", "0123456789012345678", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char code[20], message[20];
        hd_blob_error_parse(hd_slice_cstr(rows[i].xml), code, sizeof(code), message,
                            sizeof(message));
        CHECK_STR(code, rows[i].code);
        CHECK_STR(message, rows[i].message);
    }
}

HD_TEST_MAIN({"pages of a list", pages}, {"what is no list", broken}, {"limits", limits},
             {"stopped by the callback", stopped_by_the_callback},
             {"cut and flipped anywhere", mutated}, {"errors", errors})
