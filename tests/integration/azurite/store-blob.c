/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blob store against Azurite: the layout that other clients see, SharedKey and SAS as a service
 * checks them, refusals in its own words, outages, TLS. What the service answers to one request is
 * tested with a stub in tests/unit/checkpoint/test-blob.c.
 *
 * With arguments it is a small tool for tests in other languages:
 *     store-blob list  CONNECTION_STRING CONTAINER NAMESPACE HUB GROUP
 *     store-blob write CONNECTION_STRING CONTAINER NAMESPACE HUB GROUP PARTITION SEQUENCE OFFSET
 * list prints "partition sequence offset" a line, or "partition unreadable text".
 */
#include <unistd.h>

#include "azurite.h"
#include "hubdrain/checkpointer.h"
#include "hubdrain/hmac.h"
#include "hubdrain/http.h"
#include "hubdrain/log.h"
#include "hubdrain/loop.h"
#include "hubdrain/storage.h"
#include "src/checkpoint/blob.h"
#include "src/checkpoint/blob_answer.h"
#include "test.h"

static struct azurite azurite;
static char directory[] = "/tmp/hubdrain-azurite-XXXXXX";
static struct hd_loop *loop;
static struct hd_http *http;
static struct hd_timer guard;

/* ---- the loop until an answer ---- */

static struct {
    int calls;
    enum hd_store_result result;
    char text[512];
    struct hd_checkpoint items[64];
    size_t n;
} heard;

static void hear(enum hd_store_result result, const struct hd_diag *diag)
{
    heard.calls++;
    heard.result = result;
    snprintf(heard.text, sizeof(heard.text), "%s", diag ? diag->text : "");
    hd_loop_stop(loop);
}

static void on_list(void *context, enum hd_store_result result,
                    const struct hd_checkpoint *checkpoints, size_t n, const struct hd_diag *diag)
{
    (void)context;
    heard.n = n < 64 ? n : 64;
    if (heard.n > 0) {
        memcpy(heard.items, checkpoints, heard.n * sizeof(*checkpoints));
    }
    hear(result, diag);
}

static void on_write(void *context, enum hd_store_result result, const struct hd_diag *diag)
{
    (void)context;
    hear(result, diag);
}

static void on_guard(struct hd_timer *timer, void *data)
{
    (void)timer;
    (void)data;
    CHECK(!"answered before the deadline");
    snprintf(heard.text, sizeof(heard.text), "no answer");
    heard.result = HD_STORE_INVALID;
    hd_loop_stop(loop);
}

static void run(void)
{
    hd_timer_start(&guard, 60000);
    hd_loop_run(loop);
    hd_timer_stop(&guard);
}

static void list(struct hd_store *store)
{
    CHECK_INT(hd_store_list(store, on_list, NULL), 0);
    run();
}

static enum hd_store_result write_one(struct hd_store *store, const char *partition,
                                      int64_t sequence_number, const char *offset)
{
    struct hd_position position = {.sequence_number = sequence_number};
    snprintf(position.offset, sizeof(position.offset), "%s", offset);
    CHECK_INT(hd_store_write(store, partition, &position, on_write, NULL), 0);
    run();
    return heard.result;
}

static const struct hd_checkpoint *find(const char *partition)
{
    for (size_t i = 0; i < heard.n; i++) {
        if (strcmp(heard.items[i].partition, partition) == 0) {
            return &heard.items[i];
        }
    }
    return NULL;
}

static bool start_loop(void)
{
    if (hd_loop_new(&loop) < 0 || hd_http_new(loop, &http) < 0) {
        return false;
    }
    hd_timer_init(&guard, loop, on_guard, NULL);
    return true;
}

static void stop_loop(void)
{
    hd_http_free(http);
    hd_loop_free(loop);
}

/* ---- the account ---- */

static const char *connection_string(const char *key)
{
    static char text[1024];
    snprintf(text, sizeof(text), "AccountName=%s;AccountKey=%s;BlobEndpoint=%s://127.0.0.1:%d/%s",
             AZURITE_ACCOUNT, key, azurite.tls ? "https" : "http", azurite.port, AZURITE_ACCOUNT);
    return text;
}

static struct hd_store_options options_for(const char *string, const char *container)
{
    return (struct hd_store_options){.kind = HD_STORE_BLOB,
                                     .namespace_name = "NS.servicebus.windows.net",
                                     .hub = "Hub1",
                                     .consumer_group = "$Default",
                                     .connection_string = string,
                                     .container = container,
                                     .create_container = true,
                                     .timeout_ms = 20000};
}

static struct hd_store *open_store(const char *string, const char *container)
{
    struct hd_store *store = NULL;
    struct hd_store_options options = options_for(string, container);
    struct hd_diag diag = {0};
    CHECK_INT(hd_store_new(loop, http, &options, &store, &diag), 0);
    CHECK_STR(diag.text, "");
    return store;
}

/* What HEAD says of a blob of ours. */
static struct {
    int status;
    char etag[64], created[64], sequence_number[32], offset[64], type[32], length[16];
} properties;

static void copy_header(const struct hd_http_response *response, const char *name, char *to,
                        size_t size)
{
    const char *value = hd_http_response_header(response, name);
    snprintf(to, size, "%s", value ? value : "(none)");
}

static void on_head(void *context, const struct hd_http_response *response)
{
    (void)context;
    properties.status = response->status;
    copy_header(response, "etag", properties.etag, sizeof(properties.etag));
    copy_header(response, "x-ms-creation-time", properties.created, sizeof(properties.created));
    copy_header(response, "x-ms-meta-sequencenumber", properties.sequence_number,
                sizeof(properties.sequence_number));
    copy_header(response, "x-ms-meta-offset", properties.offset, sizeof(properties.offset));
    copy_header(response, "x-ms-blob-type", properties.type, sizeof(properties.type));
    copy_header(response, "content-length", properties.length, sizeof(properties.length));
    hd_loop_stop(loop);
}

static void head(const char *path)
{
    struct hd_storage_account account;
    char date[HD_BLOB_DATE_SIZE], full[256], url[1024];
    struct hd_buffer authorization = {0};
    REQUIRE(hd_storage_account_parse(connection_string(AZURITE_KEY), &account, NULL) == 0);
    hd_blob_date(hd_loop_realtime_ms(loop), date);
    struct hd_http_header headers[3] = {{"x-ms-date", date}, {"x-ms-version", "2021-12-02"}};
    snprintf(full, sizeof(full), "/%s/%s", AZURITE_ACCOUNT, path);
    struct hd_storage_request request = {
        .method = "HEAD", .path = full, .query = "", .headers = headers, .n_headers = 2};
    CHECK_INT(hd_storage_authorization(&account, &request, &authorization), 0);
    headers[2] = (struct hd_http_header){"Authorization", hd_buffer_cstr(&authorization)};
    snprintf(url, sizeof(url), "%s/%s", account.endpoint, path);
    struct hd_http_request sent = {
        .method = "HEAD", .url = url, .headers = headers, .n_headers = 3};
    memset(&properties, 0, sizeof(properties));
    CHECK_INT(hd_http_send(http, &sent, on_head, NULL, NULL), 0);
    run();
    hd_buffer_deinit(&authorization);
}

/* A service SAS for a container (version 2021-12-02). */
static const char *sas_string(const char *container, const char *rights, const char *expiry)
{
    static char text[1024];
    struct hd_buffer key = {0}, to_sign = {0}, sig = {0}, encoded = {0};
    uint8_t mac[HD_SHA256_SIZE];
    hd_base64_decode(&key, hd_slice_cstr(AZURITE_KEY));
    hd_buffer_printf(&to_sign, "%s\n\n%s\n/blob/%s/%s\n\n\n\n2021-12-02\nc\n\n\n\n\n\n\n", rights,
                     expiry, AZURITE_ACCOUNT, container);
    hd_hmac_sha256(hd_buffer_slice(&key), hd_buffer_slice(&to_sign), mac);
    hd_base64_encode(&sig, hd_slice((const char *)mac, sizeof(mac)));
    hd_url_encode(&encoded, hd_buffer_slice(&sig), NULL);
    snprintf(text, sizeof(text),
             "BlobEndpoint=http://127.0.0.1:%d/%s;SharedAccessSignature=sv=2021-12-02&sr=c&sp=%s&"
             "se=%s&sig=%s",
             azurite.port, AZURITE_ACCOUNT, rights, expiry, hd_buffer_cstr(&encoded));
    hd_buffer_deinit(&key);
    hd_buffer_deinit(&to_sign);
    hd_buffer_deinit(&sig);
    hd_buffer_deinit(&encoded);
    return text;
}

#define NEED_AZURITE()                                                                             \
    do {                                                                                           \
        if (azurite_missing()) {                                                                   \
            SKIP(azurite_missing());                                                               \
        }                                                                                          \
        REQUIRE(azurite.pid > 0 || azurite_start(&azurite, directory, 0, NULL, NULL));             \
        REQUIRE(start_loop());                                                                     \
    } while (0)

/* ---- cases ---- */

#define BLOB_0 "checkpoints/ns.servicebus.windows.net/hub1/%24default/checkpoint/0"

static void writes_and_lists(void)
{
    NEED_AZURITE();
    struct hd_store *store = open_store(connection_string(AZURITE_KEY), "checkpoints");
    REQUIRE(store);
    list(store); /* makes the container */
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_STR(heard.text, "");
    CHECK_INT(heard.n, 0);
    CHECK_INT(write_one(store, "0", 41, "1000"), HD_STORE_OK);
    CHECK_STR(heard.text, "");

    char etag[64], created[64];
    head(BLOB_0);
    CHECK_INT(properties.status, 200);
    CHECK_STR(properties.sequence_number, "41");
    CHECK_STR(properties.offset, "1000");
    CHECK_STR(properties.type, "BlockBlob");
    CHECK_STR(properties.length, "0");
    snprintf(etag, sizeof(etag), "%s", properties.etag);
    snprintf(created, sizeof(created), "%s", properties.created);
    CHECK_INT(write_one(store, "0", 42, "2:1040:9"), HD_STORE_OK);
    head(BLOB_0);
    CHECK_STR(properties.sequence_number, "42");
    CHECK_STR(properties.offset, "2:1040:9");
    CHECK(strcmp(properties.etag, etag) != 0);
    CHECK_STR(properties.created, created); /* changed in place, not uploaded again */

    CHECK_INT(write_one(store, "1", INT64_MAX, ""), HD_STORE_OK);
    list(store);
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(heard.n, 2);
    const struct hd_checkpoint *found = find("0");
    REQUIRE(found);
    CHECK_INT(found->position.sequence_number, 42);
    CHECK_STR(found->position.offset, "2:1040:9");
    found = find("1");
    REQUIRE(found);
    CHECK_INT(found->position.sequence_number, INT64_MAX);
    CHECK_STR(found->position.offset, "");
    CHECK_STR(found->text, "");
    hd_store_free(store);
    stop_loop();
}

static void pages(void)
{
    NEED_AZURITE();
    struct hd_store *store = open_store(connection_string(AZURITE_KEY), "paged");
    struct hd_store_options options = options_for(connection_string(AZURITE_KEY), "paged");
    struct hd_store *other;
    options.consumer_group = "$default2"; /* a name that begins alike */
    REQUIRE(store && hd_store_new(loop, http, &options, &other, NULL) == 0);
    /* The first write makes the container, several at a time. */
    struct hd_position position = {.offset = "10"};
    heard.calls = 0;
    for (int i = 0; i < 11; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        position.sequence_number = i;
        CHECK_INT(hd_store_write(store, name, &position, on_write, NULL), 0);
    }
    while (heard.calls < 11 && !hd_test_failed) {
        run();
        CHECK_INT(heard.result, HD_STORE_OK);
    }
    CHECK_INT(write_one(other, "0", 5, "5"), HD_STORE_OK);
    for (unsigned size = 1; size < 13; size++) {
        hd_store_blob_set_page_size(store, size);
        list(store);
        CHECK_INT(heard.result, HD_STORE_OK);
        CHECK_INT(heard.n, 11);
        for (int i = 0; i < 11; i++) {
            char name[16];
            snprintf(name, sizeof(name), "%d", i);
            const struct hd_checkpoint *found = find(name);
            REQUIRE(found);
            CHECK_INT(found->position.sequence_number, i);
        }
    }
    hd_store_free(store);
    hd_store_free(other);
    stop_loop();
}

static void shared_access_signature(void)
{
    NEED_AZURITE();
    struct hd_store *store = open_store(connection_string(AZURITE_KEY), "signed");
    list(store);
    hd_store_free(store);

    store = open_store(sas_string("signed", "rcwl", "2099-01-01T00%3A00%3A00Z"), "signed");
    REQUIRE(store);
    /* The signature is over the decoded time. */
    list(store);
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK(strstr(heard.text, "AuthorizationFailure"));
    CHECK(!strstr(heard.text, "sig="));
    hd_store_free(store);

    store = open_store(sas_string("signed", "rcwl", "2099-01-01T00:00:00Z"), "signed");
    REQUIRE(store);
    list(store);
    CHECK_STR(heard.text, "");
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(write_one(store, "0", 1, "10"), HD_STORE_OK);
    CHECK_INT(write_one(store, "0", 2, "20"), HD_STORE_OK);
    list(store);
    CHECK_INT(heard.n, 1);
    CHECK_INT(heard.items[0].position.sequence_number, 2);
    CHECK(!strstr(hd_store_describe(store), "sig="));
    hd_store_free(store);

    store = open_store(sas_string("signed", "rl", "2099-01-01T00:00:00Z"), "signed");
    REQUIRE(store);
    list(store);
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(write_one(store, "0", 3, "30"), HD_STORE_DENIED);
    CHECK(strstr(heard.text, "sp=rcwl"));
    hd_store_free(store);

    store = open_store(sas_string("signed", "rcwl", "2020-01-01T00:00:00Z"), "signed");
    REQUIRE(store);
    list(store);
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK(strstr(heard.text, "the SAS expired at 2020-01-01T00:00:00"));
    hd_store_free(store);
    stop_loop();
}

static void refusals(void)
{
    NEED_AZURITE();
    struct hd_store *store = open_store(connection_string("d3Jvbmcga2V5"), "checkpoints");
    REQUIRE(store);
    list(store);
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK(strstr(heard.text, "cannot list checkpoints"));
    CHECK(strstr(heard.text, "check the account key"));
    CHECK(!strstr(heard.text, "d3Jvbmcga2V5") && !strstr(heard.text, "SharedKey"));
    CHECK_INT(write_one(store, "0", 1, "1"), HD_STORE_DENIED);
    hd_store_free(store);

    struct hd_store_options options = options_for(connection_string(AZURITE_KEY), "missing");
    options.create_container = false;
    REQUIRE(hd_store_new(loop, http, &options, &store, NULL) == 0);
    list(store);
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK(strstr(heard.text, "checkpoint.create_container"));
    CHECK_INT(write_one(store, "0", 1, "1"), HD_STORE_DENIED);
    CHECK(strstr(heard.text, "ContainerNotFound"));
    hd_store_free(store);

    store = open_store(connection_string(AZURITE_KEY), "x");
    list(store);
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK(strstr(heard.text, "container's name is not allowed"));
    hd_store_free(store);
    stop_loop();
}

/* ---- an outage, through the checkpointer ---- */

static struct hd_checkpointer *checkpointer;
static struct hd_timer poll_timer;
static int64_t polls_left;
static bool (*reached)(const struct hd_checkpointer_status *status);

static void on_poll(struct hd_timer *timer, void *data)
{
    struct hd_checkpointer_status status;
    (void)data;
    bool known = hd_checkpointer_status(checkpointer, "0", &status);
    CHECK(known);
    if (!known || reached(&status) || --polls_left == 0) {
        CHECK(polls_left > 0);
        hd_loop_stop(loop);
    } else {
        hd_timer_start(timer, 10);
    }
}

static void wait_until(bool (*condition)(const struct hd_checkpointer_status *status))
{
    reached = condition;
    polls_left = 6000;
    hd_timer_init(&poll_timer, loop, on_poll, NULL);
    hd_timer_start(&poll_timer, 0);
    run();
}

static bool is_failing(const struct hd_checkpointer_status *status)
{
    return status->failing_since_ms != 0;
}

static bool is_written(const struct hd_checkpointer_status *status)
{
    return status->written.sequence_number == status->watermark.sequence_number;
}

static void stop_the_loop(void *context)
{
    hd_loop_stop(context);
}

static void outage(void)
{
    NEED_AZURITE();
    struct hd_checkpointer_options options = {
        .interval_ms = 20, .backoff_min_ms = 20, .backoff_max_ms = 200};
    struct hd_window *window;
    struct hd_checkpointer_status status;
    struct hd_store *store = open_store(connection_string(AZURITE_KEY), "outage");
    REQUIRE(store && hd_window_new(&window) == 0);
    REQUIRE(hd_checkpointer_new(loop, store, &options, &checkpointer) == 0);
    CHECK_INT(hd_checkpointer_add(checkpointer, "0", window, NULL), 0);
    CHECK_INT(hd_window_push(window, 1, hd_slice_cstr("10"), 0), 0);
    wait_until(is_written);

    uint16_t port = azurite.port;
    azurite_stop(&azurite);
    CHECK_INT(hd_window_push(window, 2, hd_slice_cstr("20"), 0), 0);
    wait_until(is_failing);
    REQUIRE(hd_checkpointer_status(checkpointer, "0", &status));
    CHECK_INT(status.result, HD_STORE_UNAVAILABLE);
    CHECK(strstr(status.reason, "no answer from blob http://127.0.0.1:"));
    CHECK_INT(status.written.sequence_number, 1);

    REQUIRE(azurite_start(&azurite, directory, port, NULL, NULL));
    CHECK_INT(hd_window_push(window, 3, hd_slice_cstr("30"), 0), 0);
    wait_until(is_written);
    CHECK_INT(hd_window_push(window, 4, hd_slice_cstr("40"), 0), 0);
    hd_checkpointer_flush(checkpointer, 20000, stop_the_loop, loop);
    run();
    list(store);
    CHECK_INT(heard.n, 1);
    CHECK_INT(heard.items[0].position.sequence_number, 4);
    CHECK_STR(heard.items[0].position.offset, "40");
    hd_checkpointer_free(checkpointer);
    hd_store_free(store);
    hd_window_free(window);
    stop_loop();
}

/* ---- TLS ---- */

static int make_certificates(void)
{
    char command[2048];
    snprintf(
        command, sizeof(command),
        "cd '%s' && { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-days 2 -subj '/CN=test CA' -keyout ca.key -out ca.pem && openssl req -newkey ec "
        "-pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -addext "
        "subjectAltName=IP:127.0.0.1 -keyout server.key -out server.csr && openssl x509 -req "
        "-in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy "
        "-out server.pem; } >openssl.log 2>&1",
        directory);
    return system(command);
}

static void tls(void)
{
    char ca[128], cert[128], key[128];
    NEED_AZURITE();
    azurite_stop(&azurite);
    REQUIRE(make_certificates() == 0);
    snprintf(ca, sizeof(ca), "%s/ca.pem", directory);
    snprintf(cert, sizeof(cert), "%s/server.pem", directory);
    snprintf(key, sizeof(key), "%s/server.key", directory);
    REQUIRE(azurite_start(&azurite, directory, 0, cert, key));

    struct hd_store *store = open_store(connection_string(AZURITE_KEY), "over-tls");
    REQUIRE(store);
    list(store); /* nobody trusts this authority */
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK(strstr(heard.text, "certificate") && strstr(heard.text, "checkpoint.ca_file"));
    hd_store_free(store);

    struct hd_store_options options = options_for(connection_string(AZURITE_KEY), "over-tls");
    options.ca_file = ca;
    REQUIRE(hd_store_new(loop, http, &options, &store, NULL) == 0);
    list(store);
    CHECK_STR(heard.text, "");
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(write_one(store, "0", 1, "1"), HD_STORE_OK);
    hd_store_free(store);
    stop_loop();
    azurite_stop(&azurite);
}

/* ---- the tool ---- */

static int tool(int argc, char **argv)
{
    bool writes = strcmp(argv[1], "write") == 0;
    if (argc != (writes ? 10 : 7) || !start_loop()) {
        fprintf(stderr, "store-blob: see the top of its source\n");
        return 64;
    }
    struct hd_store_options options = options_for(argv[2], argv[3]);
    options.namespace_name = argv[4];
    options.hub = argv[5];
    options.consumer_group = argv[6];
    struct hd_store *store;
    struct hd_diag diag = {0};
    if (hd_store_new(loop, http, &options, &store, &diag) < 0) {
        fprintf(stderr, "%s\n", diag.text);
        return 78;
    }
    if (writes) {
        write_one(store, argv[7], strtoll(argv[8], NULL, 10), argv[9]);
    } else {
        list(store);
    }
    for (size_t i = 0; !writes && i < heard.n; i++) {
        const struct hd_checkpoint *item = &heard.items[i];
        if (item->text[0]) {
            printf("%s unreadable %s\n", item->partition, item->text);
        } else {
            printf("%s %" PRId64 " %s\n", item->partition, item->position.sequence_number,
                   item->position.offset);
        }
    }
    fprintf(stderr, "%s", heard.text);
    hd_store_free(store);
    stop_loop();
    return heard.result == HD_STORE_OK ? 0 : 69;
}

int main(int argc, char **argv)
{
    static const struct hd_test_case cases[] = {
        {"a first write, a second one, a list", writes_and_lists},
        {"pages of every size", pages},
        {"a shared access signature", shared_access_signature},
        {"refusals say what to do", refusals},
        {"an outage and its end", outage},
        {"TLS with a private authority", tls},
    };
    hd_log_init(HD_LOG_ERROR, HD_LOG_LOGFMT);
    if (argc > 1) {
        return tool(argc, argv);
    }
    if (!mkdtemp(directory)) {
        return 1;
    }
    int r = hd_test_run(cases, sizeof(cases) / sizeof(cases[0]));
    azurite_stop(&azurite);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    return system(command) == 0 ? r : 1;
}
