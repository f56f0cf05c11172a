/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings of storage accounts, and SharedKey against signatures that a blob service has
 * accepted. */
#include <errno.h>

#include "hubdrain/hmac.h"
#include "hubdrain/storage.h"
#include "test.h"

static const char development_key[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/* ---- connection strings ---- */

static void good_strings(void)
{
    static const struct {
        const char *text, *endpoint, *account, *sas;
        size_t key_len;
    } rows[] = {
        {"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5a2V5;"
         "EndpointSuffix=core.windows.net",
         "https://acme.blob.core.windows.net", "acme", "", 6},
        {"accountname=acme;ACCOUNTKEY=a2V5a2V5", "https://acme.blob.core.windows.net", "acme", "",
         6},
        {" AccountName = acme ; AccountKey = a2V5a2V5 ;; EndpointSuffix=core.usgovcloudapi.net;",
         "https://acme.blob.core.usgovcloudapi.net", "acme", "", 6},
        {"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=eA==;Later=yes;"
         "BlobEndpoint=http://127.0.0.1:10000/a/;QueueEndpoint=http://127.0.0.1:10001/a",
         "http://127.0.0.1:10000/a", "a", "", 1},
        {"BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=?sv=2021-12-02&"
         "sp=rcwl&sig=abc%3D",
         "https://acme.blob.core.windows.net", "", "sv=2021-12-02&sp=rcwl&sig=abc%3D", 0},
        {"AccountName=acme;SharedAccessSignature=sig=abc%3D&sv=1",
         "https://acme.blob.core.windows.net", "acme", "sig=abc%3D&sv=1", 0},
        {"UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1",
         "devstoreaccount1", "", 64},
        {"usedevelopmentstorage=TRUE;DevelopmentStorageProxyUri=http://azurite/",
         "http://azurite:10000/devstoreaccount1", "devstoreaccount1", "", 64},
        {"BlobEndpoint=https://[::1]:10000/x;AccountName=x;AccountKey=eA==",
         "https://[::1]:10000/x", "x", "", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_storage_account account;
        struct hd_diag diag = {0};
        CHECK_INT(hd_storage_account_parse(rows[i].text, &account, &diag), 0);
        CHECK_STR(diag.text, "");
        CHECK_STR(account.endpoint, rows[i].endpoint);
        CHECK_STR(account.account, rows[i].account);
        CHECK_STR(account.sas, rows[i].sas);
        CHECK_INT(account.key_len, rows[i].key_len);
        hd_storage_account_wipe(&account);
        CHECK_INT(account.key_len, 0);
    }
}

static void bad_strings(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "neither AccountKey nor SharedAccessSignature"},
        {"secret", "part 1 has no '='"},
        {"AccountName=acme;secret", "part 2 has no '='"},
        {"AccountName=acme", "neither AccountKey nor SharedAccessSignature"},
        {"AccountKey=c2VjcmV0", "without AccountName"},
        {"BlobEndpoint=https://x/;AccountKey=c2VjcmV0", "without AccountName"},
        {"AccountName=acme;AccountKey=secret", "AccountKey is not base64"},
        {"AccountName=acme;AccountKey=\"c2VjcmV0\"", "AccountKey is not base64"},
        {"AccountName=acme;AccountKey=c2VjcmV0;AccountKey=c2VjcmV0", "AccountKey is given twice"},
        {"AccountName=acme;AccountKey=c2VjcmV0;SharedAccessSignature=sig=secret", "both there"},
        {"SharedAccessSignature=sig=secret", "neither AccountName nor BlobEndpoint"},
        {"AccountName=acme;SharedAccessSignature=sv=secret", "has no sig="},
        {"AccountName=acme;SharedAccessSignature=sig=secret\r\nx-evil: 1", "cannot be in it"},
        {"AccountName=ac/me;AccountKey=c2VjcmV0", "AccountName holds a character"},
        {"DefaultEndpointsProtocol=ftp;AccountName=acme;AccountKey=c2VjcmV0", "https or http"},
        {"BlobEndpoint=acme.blob.core.windows.net;AccountName=acme;AccountKey=c2VjcmV0",
         "must be a URL"},
        {"BlobEndpoint=https:///x;AccountName=acme;AccountKey=c2VjcmV0", "must be a URL"},
        {"BlobEndpoint=https://x/?sv=1&sig=secret;AccountName=acme;AccountKey=c2VjcmV0",
         "BlobEndpoint holds a character"},
        {"EndpointSuffix=x/y;AccountName=acme;AccountKey=c2VjcmV0", "EndpointSuffix holds"},
        {"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=x;SharedAccessKey=secret",
         "string of an Event Hubs namespace"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_storage_account account;
        struct hd_diag diag = {0};
        CHECK_INT(hd_storage_account_parse(rows[i].text, &account, &diag), -EINVAL);
        CHECK(strstr(diag.text, rows[i].says));
        CHECK(!strstr(diag.text, "secret") && !strstr(diag.text, "c2VjcmV0"));
        if (!strstr(diag.text, rows[i].says)) {
            printf("#   %s\n#   %s\n", rows[i].text, diag.text);
        }
    }
    static char text[4096];
    snprintf(text, sizeof(text), "AccountName=%0200d;AccountKey=eA==", 1);
    struct hd_storage_account account;
    struct hd_diag diag = {0};
    CHECK_INT(hd_storage_account_parse(text, &account, &diag), -EINVAL);
    CHECK(strstr(diag.text, "too long"));
}

/* ---- SharedKey ---- */

#define DATE                                                                                       \
    {                                                                                              \
        "x-ms-date", "Sun, 22 Nov 2026 03:00:00 GMT"                                               \
    }
#define VERSION                                                                                    \
    {                                                                                              \
        "x-ms-version", "2021-12-02"                                                               \
    }
#define BLOB "/ns.servicebus.windows.net/hub1/%24default/ownership/0"
#define BASE "/devstoreaccount1/checkpoints" BLOB

static const struct hd_http_header list_headers[] = {VERSION, DATE};
static const struct hd_http_header claim_new[] = {{"If-None-Match", "*"},
                                                  DATE,
                                                  VERSION,
                                                  {"x-ms-blob-type", "BlockBlob"},
                                                  {"X-Ms-Meta-OwnerId", "owner-a"},
                                                  {"Content-Type", NULL},
                                                  {"User-Agent", "any"}};
static const struct hd_http_header claim[] = {DATE, VERSION, {"x-ms-meta-ownerid", "owner-b"}};
static const struct hd_http_header claim_stale[] = {
    DATE, VERSION, {"x-ms-meta-ownerid", " owner-b "}, {"If-Match", "\"0x8DE000000000000\""}};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void shared_key(void)
{
    static const struct {
        struct hd_storage_request request;
        const char *account, *signature;
    } rows[] = {
        {{"GET", "/devstoreaccount1/checkpoints",
          "restype=container&comp=list&prefix=ns.servicebus.windows.net%2Fhub1%2F%24default%2F"
          "ownership%2F&include=metadata",
          0, list_headers, N(list_headers)},
         "devstoreaccount1",
         "UqI+6oySKUB3D5o8DDV5RJa7bcKdguMUjTDZ9v+EaM0="},
        {{"PUT", BASE, "", 0, claim_new, N(claim_new)},
         "devstoreaccount1",
         "3grYJPdbDwm3WCU7i2jz3cSLPKAZ52EaVyKsENEiF1c="},
        {{"PUT", BASE, "comp=metadata", 0, claim, N(claim)},
         "devstoreaccount1",
         "Z/WJvpToedinLrXfja5Dg4C4NTpDrc6aw+PGh/8WMJA="},
        {{"PUT", BASE, "comp=metadata", 0, claim_stale, N(claim_stale)},
         "devstoreaccount1",
         "N2Z96pxp9sGXpMwYwO+/ctKip6FrEjaOr8b5ExWhXWQ="},
        {{"PUT", "/checkpoints" BLOB, "comp=metadata", 0, claim_stale, N(claim_stale)},
         "contosostore",
         "wZLr2YQ1/2wXj9SoU0J+M9pNXhUHDsDI9s1JbJ3tzMs="},
    };
    for (size_t i = 0; i < N(rows); i++) {
        struct hd_storage_account account = {0};
        struct hd_buffer key = {0}, out = {0};
        bool host_style = strcmp(rows[i].account, "contosostore") == 0;
        for (int k = 0; host_style && k < 4; k++) {
            hd_buffer_append_cstr(&key, "0123456789abcdef");
        }
        if (!host_style) {
            CHECK_INT(hd_base64_decode(&key, hd_slice_cstr(development_key)), 0);
        }
        REQUIRE(key.len == 64);
        memcpy(account.key, key.data, 64);
        account.key_len = 64;
        snprintf(account.account, sizeof(account.account), "%s", rows[i].account);
        CHECK_INT(hd_storage_authorization(&account, &rows[i].request, &out), 0);
        char want[128];
        snprintf(want, sizeof(want), "SharedKey %s:%s", rows[i].account, rows[i].signature);
        CHECK_STR(hd_buffer_cstr(&out), want);
        hd_buffer_deinit(&key);
        hd_buffer_deinit(&out);
    }
}

static void string_to_sign(void)
{
    struct hd_storage_account account = {.account = "devstoreaccount1"};
    struct hd_buffer out = {0};
    struct hd_storage_request request = {"PUT", BASE,        "comp=metadata",
                                         0,     claim_stale, N(claim_stale)};
    CHECK_INT(hd_storage_string_to_sign(&account, &request, &out), 0);
    CHECK_STR(hd_buffer_cstr(&out),
              "PUT\n\n\n\n\n\n\n\n\"0x8DE000000000000\"\n\n\n\nx-ms-date:Sun, 22 Nov 2026 "
              "03:00:00 GMT\nx-ms-meta-ownerid:owner-b\nx-ms-version:2021-12-02\n"
              "/devstoreaccount1" BASE "\ncomp:metadata");
    /* Parameters sorted, names in lower case, values decoded, several of one name joined. */
    static const struct hd_http_header headers[] = {{"x-ms-date", ""},
                                                    {"Content-Type", "text/plain"},
                                                    {"x-ms-", "not one"},
                                                    {"Content-Encoding", "gzip"}};
    request = (struct hd_storage_request){"GET", "/c",    "b=2&&A=%2f+x&empty=&flag&b=1&ab=0",
                                          5,     headers, N(headers)};
    out.len = 0;
    CHECK_INT(hd_storage_string_to_sign(&account, &request, &out), 0);
    CHECK_STR(hd_buffer_cstr(&out), "GET\ngzip\n\n5\n\ntext/plain\n\n\n\n\n\n\nx-ms-date:\n"
                                    "/devstoreaccount1/c\na:/+x\nab:0\nb:1,2\nempty:\nflag:");
    hd_buffer_deinit(&out);
}

static void endpoint_path(void)
{
    struct hd_storage_account account = {.endpoint = "http://127.0.0.1:10000/devstoreaccount1"};
    CHECK_STR(hd_storage_endpoint_path(&account), "/devstoreaccount1");
    snprintf(account.endpoint, sizeof(account.endpoint), "https://a.blob.core.windows.net");
    CHECK_STR(hd_storage_endpoint_path(&account), "");
}

HD_TEST_MAIN({"connection strings that work", good_strings},
             {"connection strings that do not, and no secret is told", bad_strings},
             {"SharedKey signatures that were accepted", shared_key},
             {"the string to sign", string_to_sign}, {"the endpoint's path", endpoint_path})
