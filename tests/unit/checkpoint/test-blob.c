/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blob store against a server that answers what a case wants: which requests it makes, in which
 * order, and what it says of every answer. The real service's behaviour is tested with Azurite
 * (tests/integration/store-blob.c).
 */
#include <errno.h>

#include "hubdrain/http.h"
#include "hubdrain/loop.h"
#include "integration/http-stub.h"
#include "src/checkpoint/blob.h"
#include "src/checkpoint/blob_answer.h"
#include "test.h"

static struct hd_loop *loop;
static struct hd_http *http;
static struct hd_store *store;
static struct stub *stub;
static struct hd_timer guard;
static char connection_string[512];

/* ---- the server: answers taken one by one from a list; the last one stays ---- */

struct scripted {
    const char *expect; /* the start of "METHOD target"; NULL: anything */
    int status;         /* 0: cut, -1: hang */
    const char *headers, *body;
};

static const struct scripted *script;
static size_t script_n, script_at;
static char mismatch[512];
static char seen[16384]; /* the last request's head */
static int requests;

static void serve(void *context, const struct stub_request *request, struct stub_reply *reply)
{
    (void)context;
    char line[1024];
    snprintf(line, sizeof(line), "%s %s", request->method, request->target);
    snprintf(seen, sizeof(seen), "%s\n%s", line, request->headers);
    requests++;
    const struct scripted *answer = &script[script_at];
    if (script_at + 1 < script_n) {
        script_at++;
    }
    if (answer->expect && strncmp(line, answer->expect, strlen(answer->expect)) != 0) {
        snprintf(mismatch, sizeof(mismatch), "%.200s instead of %.200s", line, answer->expect);
    }
    if (answer->status <= 0) {
        reply->hang = answer->status < 0;
        reply->close = true;
    } else {
        stub_answer(reply, answer->status, answer->headers ? answer->headers : "",
                    answer->body ? answer->body : "");
    }
}

static void play(const struct scripted *answers, size_t n)
{
    stub_lock(stub);
    script = answers;
    script_n = n;
    script_at = 0;
    requests = 0;
    stub_unlock(stub);
}

static int asked(void)
{
    stub_lock(stub);
    int n = requests;
    stub_unlock(stub);
    return n;
}

#define PLAY(...)                                                                                  \
    play((const struct scripted[]){__VA_ARGS__},                                                   \
         sizeof((const struct scripted[]){__VA_ARGS__}) / sizeof(struct scripted))

/* ---- what came of it ---- */

static struct {
    int calls;
    enum hd_store_result result;
    char text[512];
    struct hd_checkpoint items[16];
    size_t n;
} heard;

static void hear(enum hd_store_result result, const struct hd_diag *diag)
{
    heard.calls++;
    heard.result = result;
    CHECK_INT(diag != NULL, result != HD_STORE_OK);
    snprintf(heard.text, sizeof(heard.text), "%s", diag ? diag->text : "");
    CHECK(!strstr(heard.text, "secret") && !strstr(heard.text, "c2VjcmV0"));
    hd_loop_stop(loop);
}

static void on_list(void *context, enum hd_store_result result,
                    const struct hd_checkpoint *checkpoints, size_t n, const struct hd_diag *diag)
{
    (void)context;
    heard.n = n < 16 ? n : 16;
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
    hd_loop_stop(loop);
}

static void run(void)
{
    hd_timer_start(&guard, 20000);
    hd_loop_run(loop);
    hd_timer_stop(&guard);
    stub_lock(stub);
    CHECK_STR(mismatch, "");
    stub_unlock(stub);
}

static void list(void)
{
    int before = heard.calls;
    CHECK_INT(hd_store_list(store, on_list, NULL), 0);
    CHECK_INT(heard.calls, before);
    run();
}

static void write_one(const char *partition, int64_t sequence_number, const char *offset)
{
    struct hd_position position = {.sequence_number = sequence_number};
    snprintf(position.offset, sizeof(position.offset), "%s", offset);
    int before = heard.calls;
    CHECK_INT(hd_store_write(store, partition, &position, on_write, NULL), 0);
    CHECK_INT(heard.calls, before);
    run();
}

static void set_up(bool sas, bool create_container)
{
    memset(&heard, 0, sizeof(heard));
    mismatch[0] = '\0';
    if (hd_loop_new(&loop) < 0 || hd_http_new(loop, &http) < 0 ||
        stub_start(0, serve, NULL, &stub) < 0) {
        abort();
    }
    hd_timer_init(&guard, loop, on_guard, NULL);
    snprintf(connection_string, sizeof(connection_string),
             "BlobEndpoint=http://127.0.0.1:%d/acct;%s", stub_port(stub),
             sas ? "SharedAccessSignature=sv=2021&se=2020-01-01T00%3A00%3A00Z&sig=secret"
                 : "AccountName=acct;AccountKey=c2VjcmV0");
    struct hd_store_options options = {.kind = HD_STORE_BLOB,
                                       .namespace_name = "NS.ServiceBus.Windows.net",
                                       .hub = "Hub1",
                                       .consumer_group = "$Default",
                                       .connection_string = connection_string,
                                       .container = "checkpoints",
                                       .create_container = create_container,
                                       .timeout_ms = 5000};
    struct hd_diag diag = {0};
    CHECK_INT(hd_store_new(loop, http, &options, &store, &diag), 0);
    CHECK_STR(diag.text, "");
}

static void tear_down(void)
{
    hd_store_free(store);
    hd_http_free(http);
    hd_loop_free(loop);
    stub_stop(stub);
}

#define BLOBS      "/acct/checkpoints/ns.servicebus.windows.net/hub1/%24default/checkpoint/"
#define SET        "PUT " BLOBS "0?comp=metadata"
#define LIST       "GET /acct/checkpoints?restype=container&comp=list&include=metadata&prefix="
#define MAKE       "PUT /acct/checkpoints?restype=container"
#define CODE(code) "x-ms-error-code: " code "\r\n"

/* ---- cases ---- */

static void names(void)
{
    set_up(false, false);
    char want[256];
    snprintf(want, sizeof(want),
             "blob http://127.0.0.1:%d/acct/checkpoints/ns.servicebus.windows.net/hub1/$default",
             stub_port(stub));
    CHECK_STR(hd_store_describe(store), want);
    tear_down();
}

static void requests_of_a_write(void)
{
    set_up(false, false);
    PLAY({SET, 200, "ETag: \"1\"\r\n", NULL});
    write_one("0", 41, "2:10:1");
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(asked(), 1);
    CHECK(strstr(seen, "x-ms-meta-sequencenumber: 41\r\n"));
    CHECK(strstr(seen, "x-ms-meta-offset: 2:10:1\r\n"));
    CHECK(strstr(seen, "x-ms-version: 2021-12-02\r\n"));
    CHECK(strstr(seen, "Authorization: SharedKey acct:"));
    const char *date = strstr(seen, "x-ms-date: ");
    REQUIRE(date);
    int64_t sent_ms = hd_blob_date_parse(date + strlen("x-ms-date: "));
    CHECK(sent_ms > 0 && llabs(hd_loop_realtime_ms(loop) - sent_ms) < 60000);
    CHECK(strstr(seen, "Content-Length: 0\r\n"));
    CHECK(!strstr(seen, "If-"));

    PLAY({SET, 404, CODE("BlobNotFound"), NULL}, {"PUT " BLOBS "0", 201, NULL, NULL});
    write_one("0", 42, "");
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(asked(), 2);
    CHECK(!strstr(seen, "comp="));
    CHECK(strstr(seen, "x-ms-blob-type: BlockBlob\r\n"));
    CHECK(strstr(seen, "x-ms-meta-sequencenumber: 42\r\n"));
    CHECK(strstr(seen, "x-ms-meta-offset:\r\n"));
    CHECK(!strstr(seen, "If-"));
    tear_down();

    set_up(true, false);
    PLAY({SET "&sv=2021&se=", 200, NULL, NULL});
    write_one("0", 1, "1");
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK(!strstr(seen, "Authorization"));
    PLAY({LIST "ns.servicebus.windows.net%2Fhub1%2F%24default%2Fcheckpoint%2F&sv=2021", 200, NULL,
          "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"});
    list();
    CHECK_INT(heard.result, HD_STORE_OK);
    tear_down();
}

#define BLOB(name, metadata)                                                                       \
    "<Blob><Name>ns.servicebus.windows.net/hub1/$default/" name "</Name><Metadata>" metadata       \
    "</Metadata></Blob>"
#define LISTED(blobs, marker)                                                                      \
    "<EnumerationResults><Blobs>" blobs "</Blobs><NextMarker>" marker                              \
    "</NextMarker></EnumerationResults>"
#define BOTH(seq, offset) "<sequencenumber>" seq "</sequencenumber><offset>" offset "</offset>"

static void pages(void)
{
    set_up(false, false);
    hd_store_blob_set_page_size(store, 3);
    PLAY({LIST "ns.servicebus.windows.net%2Fhub1%2F%24default%2Fcheckpoint%2F&maxresults=3", 200,
          NULL,
          LISTED(BLOB("checkpoint/0", BOTH("5", "50"))
                     BLOB("checkpoint/1", "<SequenceNumber>6</SequenceNumber>")
                         BLOB("checkpoint/x/y", BOTH("1", "1")),
                 "a/b+c=")},
         {LIST "ns.servicebus.windows.net%2Fhub1%2F%24default%2Fcheckpoint%2F&marker=a%2Fb%2Bc%3D&"
               "maxresults=3",
          200, NULL, LISTED("", "second")}, /* an empty page is no end */
         {LIST "ns.servicebus.windows.net%2Fhub1%2F%24default%2Fcheckpoint%2F&marker=second", 200,
          NULL,
          LISTED(BLOB("checkpoint/2", BOTH("x", ""))
                     BLOB("checkpoint/dir", "<hdi_isfolder>true</hdi_isfolder>")
                         BLOB("checkpoint/", BOTH("1", "1")) BLOB("ownership/3", BOTH("1", "1")),
                 "")});
    list();
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(asked(), 3);
    CHECK_INT(heard.n, 3);
    CHECK_STR(heard.items[0].partition, "0");
    CHECK_INT(heard.items[0].position.sequence_number, 5);
    CHECK_STR(heard.items[0].position.offset, "50");
    CHECK_STR(heard.items[1].partition, "1");
    CHECK_INT(heard.items[1].position.sequence_number, 6);
    CHECK_STR(heard.items[1].position.offset, "");
    CHECK_STR(heard.items[2].partition, "2");
    CHECK_INT(heard.items[2].position.sequence_number, -1);
    CHECK_STR(heard.items[2].text, "no position: sequencenumber \"x\", offset \"\"");

    PLAY({LIST, 200, NULL, LISTED("", "again")});
    list();
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK(strstr(heard.text, "never end"));
    CHECK_INT(asked(), 2);
    tear_down();
}

static void containers(void)
{
    set_up(false, true);
    PLAY({LIST, 404, CODE("ContainerNotFound"), NULL}, {MAKE, 201, NULL, NULL},
         {LIST, 200, NULL, LISTED("", "")});
    list();
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(asked(), 3);

    PLAY({SET, 404, CODE("ContainerNotFound"), NULL},
         {MAKE, 409, CODE("ContainerAlreadyExists"), NULL}, {SET, 404, CODE("BlobNotFound"), NULL},
         {"PUT " BLOBS "0", 201, NULL, NULL});
    write_one("0", 1, "1");
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(asked(), 4);

    /* Without the service's word for it: a 404 for the blob first, then for the container. */
    PLAY({SET, 404, NULL, NULL}, {"PUT " BLOBS "0", 404, NULL, NULL}, {MAKE, 201, NULL, NULL},
         {"PUT " BLOBS "0", 201, NULL, NULL});
    write_one("0", 1, "1");
    CHECK_INT(heard.result, HD_STORE_OK);

    /* It stays away: no endless loop. */
    PLAY({LIST, 404, CODE("ContainerNotFound"), NULL}, {MAKE, 201, NULL, NULL},
         {LIST, 404, CODE("ContainerNotFound"), NULL});
    list();
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK_INT(asked(), 3);

    PLAY({LIST, 404, CODE("ContainerNotFound"), NULL},
         {MAKE, 409, CODE("ContainerBeingDeleted"), NULL});
    list();
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK(strstr(heard.text, "create the container"));
    CHECK(strstr(heard.text, "being deleted"));

    PLAY({LIST, 404, CODE("ContainerNotFound"), NULL},
         {MAKE, 403, CODE("AuthorizationPermissionMismatch"), NULL});
    list();
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK(strstr(heard.text, "create the container"));
    tear_down();

    set_up(false, false);
    PLAY({LIST, 404, CODE("ContainerNotFound"), NULL});
    list();
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK_INT(asked(), 1);
    CHECK(strstr(heard.text, "checkpoint.create_container"));
    PLAY({SET, 404, CODE("ContainerNotFound"), NULL});
    write_one("0", 1, "1");
    CHECK_INT(heard.result, HD_STORE_DENIED);
    tear_down();
}

static void bad_answers(void)
{
    static const struct {
        struct scripted answer;
        enum hd_store_result result;
        const char *says;
    } rows[] = {
        {{NULL, 400, CODE("OutOfRangeInput"), NULL}, HD_STORE_DENIED, "name is not allowed"},
        {{NULL, 401, NULL, NULL}, HD_STORE_DENIED, "check the storage connection string"},
        {{NULL, 403, CODE("AuthorizationFailure"), NULL}, HD_STORE_DENIED, "check the account key"},
        {{NULL, 403, NULL, "<Error><Code>AuthenticationFailed</Code></Error>"},
         HD_STORE_DENIED,
         "a key that was rotated"},
        {{NULL, 403, CODE("Odd"), "<Error><Message>Go away.\nNow</Message></Error>"},
         HD_STORE_DENIED,
         "403 Odd; check the storage connection string"},
        {{NULL, 403, CODE("AuthenticationFailed") "Date: Sun, 22 Nov 2009 03:00:00 GMT\r\n", NULL},
         HD_STORE_DENIED,
         "minutes ahead of the server's"},
        {{NULL, 403, CODE("AuthenticationFailed") "Date: Sun, 22 Nov 2099 03:00:00 GMT\r\n", NULL},
         HD_STORE_DENIED,
         "minutes behind the server's"},
        {{NULL, 409, CODE("BlobImmutableDueToPolicy"), NULL}, HD_STORE_DENIED, "immutability"},
        {{NULL, 409, NULL, NULL}, HD_STORE_UNAVAILABLE, "409"},
        {{NULL, 412, CODE("LeaseIdMissing"), NULL}, HD_STORE_DENIED, "lease"},
        {{NULL, 412, CODE("ConditionNotMet"), NULL}, HD_STORE_UNAVAILABLE, "same time"},
        {{NULL, 416, NULL, "<Error><Message>No such range.</Message></Error>"},
         HD_STORE_DENIED,
         "416: No such range."},
        {{NULL, 429, NULL, NULL}, HD_STORE_UNAVAILABLE, "429"},
        {{NULL, 500, CODE("InternalError"), NULL}, HD_STORE_UNAVAILABLE, "500 InternalError"},
        {{NULL, 503, CODE("ServerBusy"), NULL}, HD_STORE_UNAVAILABLE, "throttled"},
        {{NULL, 504, NULL, "<html>gateway</html>"}, HD_STORE_UNAVAILABLE, "504"},
        {{NULL, 302, "Location: http://login/\r\n", NULL}, HD_STORE_DENIED, "302"},
        {{NULL, 206, NULL, NULL}, HD_STORE_DENIED, "206"},
        {{NULL, 0, NULL, NULL}, HD_STORE_UNAVAILABLE, "no answer from blob http://127.0.0.1:"},
    };
    set_up(false, false);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int listing = 0; listing < 2; listing++) {
            play(&rows[i].answer, 1);
            if (listing) {
                list();
            } else {
                write_one("0", 1, "1");
            }
            CHECK_INT(heard.result, rows[i].result);
            CHECK(strstr(heard.text, listing ? "cannot list checkpoints"
                                             : "cannot write the checkpoint of partition 0"));
            CHECK(strstr(heard.text, rows[i].says));
            if (!strstr(heard.text, rows[i].says)) {
                printf("#   row %zu: %s\n", i, heard.text);
            }
        }
    }
    tear_down();
    set_up(true, false);
    PLAY({NULL, 403, CODE("AuthenticationFailed"), NULL});
    list();
    CHECK(strstr(heard.text, "the SAS expired at 2020-01-01T00:00:00.000Z"));
    tear_down();
}

static void no_list(void)
{
    set_up(false, false);
    PLAY({LIST, 200, NULL, "<html><body>Welcome to the hotel</body></html>"});
    list();
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK(strstr(heard.text, "no list of blobs"));
    PLAY({LIST, 200, NULL, LISTED(BLOB("checkpoint/0", BOTH("5", "50")), "m")},
         {LIST, 200, NULL, "<EnumerationResults><Blobs><Blob><Name>cut"});
    list();
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK_INT(heard.n, 0); /* half a list is none */
    tear_down();
}

static void on_pause(struct hd_timer *timer, void *data)
{
    (void)timer;
    hd_loop_stop(data);
}

static void pause_ms(int64_t ms)
{
    struct hd_timer timer;
    hd_timer_init(&timer, loop, on_pause, loop);
    hd_timer_start(&timer, ms);
    hd_loop_run(loop);
}

static void retry_after(void)
{
    set_up(false, false);
    PLAY({SET, 503, CODE("ServerBusy") "Retry-After: 1\r\n", NULL});
    write_one("0", 1, "1");
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK_INT(asked(), 1);
    write_one("0", 1, "1"); /* not sent */
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK(strstr(heard.text, "asked to wait"));
    list();
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK_INT(asked(), 1);
    PLAY({SET, 200, NULL, NULL});
    for (int i = 0; i < 400 && asked() == 0; i++) {
        pause_ms(50);
        write_one("0", 1, "1"); /* until the second is over */
    }
    CHECK_INT(heard.result, HD_STORE_OK);
    tear_down();
}

static void slow(void)
{
    set_up(false, false);
    hd_store_free(store);
    struct hd_store_options options = {.kind = HD_STORE_BLOB,
                                       .namespace_name = "ns",
                                       .hub = "h",
                                       .consumer_group = "c",
                                       .connection_string = connection_string,
                                       .container = "checkpoints",
                                       .timeout_ms = 100};
    CHECK_INT(hd_store_new(loop, http, &options, &store, NULL), 0);
    PLAY({NULL, -1, NULL, NULL});
    write_one("0", 1, "1");
    CHECK_INT(heard.result, HD_STORE_UNAVAILABLE);
    CHECK(strstr(heard.text, "timed out"));

    /* Cancelled and freed while under way. */
    struct hd_position position = {.sequence_number = 1};
    int before = heard.calls, context = 0;
    CHECK_INT(hd_store_write(store, "0", &position, on_write, &context), 0);
    CHECK_INT(hd_store_write(store, "1", &position, on_write, NULL), 0);
    hd_store_cancel(store, &context);
    run();
    CHECK_INT(heard.calls, before + 1);
    CHECK(strstr(heard.text, "partition 1"));
    CHECK_INT(hd_store_write(store, "0", &position, on_write, NULL), 0);
    CHECK_INT(hd_store_list(store, on_list, NULL), 0);
    tear_down();
    CHECK_INT(heard.calls, before + 1);
}

static void several_in_flight(void)
{
    struct hd_position position = {.sequence_number = 7, .offset = "70"};
    set_up(false, false);
    PLAY({NULL, 200, NULL, NULL});
    for (int i = 0; i < 30; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        CHECK_INT(hd_store_write(store, name, &position, on_write, NULL), 0);
    }
    while (heard.calls < 30 && !hd_test_failed) {
        run();
        CHECK_INT(heard.result, HD_STORE_OK);
    }
    CHECK_INT(asked(), 30);
    tear_down();
}

static void bad_options(void)
{
    struct hd_store_options options = {.kind = HD_STORE_BLOB,
                                       .namespace_name = "ns",
                                       .hub = "h",
                                       .consumer_group = "c",
                                       .container = "checkpoints"};
    struct hd_diag diag = {0};
    REQUIRE(hd_loop_new(&loop) == 0 && hd_http_new(loop, &http) == 0);
    CHECK_INT(hd_store_new(loop, http, &options, &store, &diag), -EINVAL);
    CHECK(strstr(diag.text, "connection string"));
    options.connection_string = "AccountName=x;AccountKey=secret";
    CHECK_INT(hd_store_new(loop, http, &options, &store, &diag), -EINVAL);
    CHECK(strstr(diag.text, "AccountKey is not base64") && !strstr(diag.text, "secret"));
    options.connection_string = "UseDevelopmentStorage=true";
    options.container = "";
    CHECK_INT(hd_store_new(loop, http, &options, &store, &diag), -EINVAL);
    options.container = "c";
    CHECK_INT(hd_store_new(loop, http, &options, &store, &diag), 0);
    hd_store_free(store);
    hd_http_free(http);
    hd_loop_free(loop);
}

static void dates(void)
{
    char text[HD_BLOB_DATE_SIZE];
    hd_blob_date(1795316400000, text);
    CHECK_STR(text, "Sun, 22 Nov 2026 03:00:00 GMT");
    CHECK_INT(hd_blob_date_parse(text), 1795316400000);
    hd_blob_date(951782399999, text);
    CHECK_STR(text, "Mon, 28 Feb 2000 23:59:59 GMT");
    CHECK_INT(hd_blob_date_parse("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    CHECK_INT(hd_blob_date_parse("Thu, 01 Xxx 1970 00:00:00 GMT"), -1);
    CHECK_INT(hd_blob_date_parse("Thu, 01 Jan 1970 00:00:00"), -1);
    CHECK_INT(hd_blob_date_parse("yesterday"), -1);
    CHECK_INT(hd_blob_date_parse(""), -1);
}

HD_TEST_MAIN({"names", names}, {"the requests of a write", requests_of_a_write},
             {"pages, keys in any case, foreign blobs", pages}, {"a missing container", containers},
             {"answers that are no success", bad_answers}, {"what is no list", no_list},
             {"Retry-After", retry_after}, {"slow answers, cancelled, freed", slow},
             {"several in flight", several_in_flight}, {"options that cannot work", bad_options},
             {"dates", dates})
