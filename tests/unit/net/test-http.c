/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client on the real loop against a server that answers as a case wants. */
#include <errno.h>

#include "hubdrain/buffer.h"
#include "hubdrain/http.h"
#include "hubdrain/loop.h"
#include "integration/http-stub.h"
#include "test.h"

static struct hd_loop *loop;
static struct hd_http *http;
static struct stub *stub;
static struct hd_timer guard;

/* What the server saw last, and how often it was asked. */
static struct {
    char method[16], target[256], headers[2048];
    char body[256];
    int requests;
    unsigned connection;
} seen;

static unsigned kept_connection;

/* What the last callback got. */
static struct {
    int calls, expected;
    int status;
    char error[256], body[256], header[256];
    size_t body_len, n_headers;
    int64_t retry_after_ms;
} heard;

static void reply_with(void *context, const struct stub_request *request, struct stub_reply *reply)
{
    (void)context;
    const char *path = request->target;
    snprintf(seen.method, sizeof(seen.method), "%s", request->method);
    snprintf(seen.target, sizeof(seen.target), "%s", path);
    snprintf(seen.headers, sizeof(seen.headers), "%s", request->headers);
    snprintf(seen.body, sizeof(seen.body), "%.*s", (int)request->body_len, request->body);
    seen.connection = request->connection;
    seen.requests++;
    if (strncmp(path, "/hang", 5) == 0) {
        reply->hang = true;
    } else if (strcmp(path, "/half") == 0) {
        stub_answer(reply, 200, "", "0123456789");
        reply->bytes.len -= 5;
        reply->close = true;
    } else if (strcmp(path, "/nothing") == 0) {
        reply->close = true;
    } else if (strcmp(path, "/rubbish") == 0) {
        hd_buffer_append_cstr(&reply->bytes, "SSH-2.0-OpenSSH_9.2\r\n");
        reply->close = true;
    } else if (strcmp(path, "/drip") == 0) {
        stub_answer(reply, 201, "ETag:   \"0x1\"  \r\nX-Empty:\r\n", "drop by drop");
        reply->drip = true;
    } else if (strcmp(path, "/early") == 0) {
        hd_buffer_append_cstr(&reply->bytes, "HTTP/1.1 103 Early Hints\r\nETag: early\r\n\r\n");
        stub_answer(reply, 200, "", "");
    } else if (strcmp(path, "/busy") == 0) {
        stub_answer(reply, 503, "Retry-After: 7\r\n", "");
    } else if (strcmp(path, "/busy-long") == 0) {
        stub_answer(reply, 429, "Retry-After: 99999999\r\n", "");
    } else if (strcmp(path, "/busy-odd") == 0) {
        stub_answer(reply, 429, "Retry-After: soon\r\n", "");
    } else if (strcmp(path, "/moved") == 0) {
        stub_answer(reply, 307, "Location: /elsewhere\r\n", "");
    } else if (strcmp(path, "/then-gone") == 0) {
        stub_answer(reply, 200, "", "hello");
        reply->close = true;
    } else if (strcmp(path, "/stale") == 0 && request->connection == kept_connection) {
        reply->close = true; /* the server ended the kept connection as the request came */
    } else if (strcmp(path, "/chunks") == 0) {
        hd_buffer_append_cstr(&reply->bytes, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                             "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    } else if (strcmp(path, "/many-headers") == 0) {
        struct hd_buffer many = {0};
        for (int i = 0; i < 300; i++) {
            hd_buffer_printf(&many, "X-%d: y\r\n", i);
        }
        stub_answer(reply, 200, hd_buffer_cstr(&many), "");
        hd_buffer_deinit(&many);
    } else {
        stub_answer(reply, 200, "", "hello");
    }
}

static void on_guard(struct hd_timer *timer, void *data)
{
    (void)timer;
    (void)data;
    CHECK(!"answered before the deadline");
    hd_loop_stop(loop);
}

static void set_up(void)
{
    memset(&seen, 0, sizeof(seen));
    memset(&heard, 0, sizeof(heard));
    if (hd_loop_new(&loop) < 0 || hd_http_new(loop, &http) < 0 ||
        stub_start(0, reply_with, NULL, &stub) < 0) {
        abort();
    }
    hd_timer_init(&guard, loop, on_guard, NULL);
}

static void tear_down(void)
{
    hd_http_free(http);
    hd_loop_free(loop);
    stub_stop(stub);
    stub = NULL;
}

static void on_done(void *context, const struct hd_http_response *response)
{
    heard.calls++;
    heard.status = response->status;
    snprintf(heard.error, sizeof(heard.error), "%s", response->error);
    snprintf(heard.body, sizeof(heard.body), "%.*s", (int)response->body.len,
             response->body.len ? response->body.data : "");
    heard.body_len = response->body.len;
    heard.n_headers = response->n_headers;
    heard.retry_after_ms = response->retry_after_ms;
    const char *etag = hd_http_response_header(response, "etag");
    snprintf(heard.header, sizeof(heard.header), "%s", etag ? etag : "(none)");
    CHECK(response->status != 0 || response->error[0]);
    if (context) {
        CHECK_STR(hd_http_response_header(response, "x-empty"), "");
    }
    if (heard.calls >= heard.expected) {
        hd_loop_stop(loop);
    }
}

static const char *url_of(const char *path)
{
    static char url[256];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", stub_port(stub), path);
    return url;
}

static void run(int calls)
{
    heard.expected = heard.calls + calls;
    hd_timer_start(&guard, 20000);
    hd_loop_run(loop);
    hd_timer_stop(&guard);
}

static void get(const char *path, struct hd_http_request request)
{
    request.url = url_of(path);
    int before = heard.calls;
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    CHECK_INT(heard.calls, before); /* never inside the call */
    run(1);
}

static bool saw_header(const char *line)
{
    return strstr(seen.headers, line) != NULL;
}

/* ---- cases ---- */

static void what_is_sent(void)
{
    set_up();
    const struct hd_http_header headers[] = {{"x-ms-meta-ownerid", ""},
                                             {"X-Value", "a b; c"},
                                             {"If-None-Match", "*"},
                                             {"User-Agent", NULL}};
    get("/a%2Fb/./../%24c?x=%2f&y=$",
        (struct hd_http_request){.method = "PUT", .headers = headers, .n_headers = 4});
    CHECK_STR(seen.method, "PUT");
    CHECK_STR(seen.target, "/a%2Fb/./../%24c?x=%2f&y=$");
    CHECK(saw_header("x-ms-meta-ownerid:\r\n"));
    CHECK(saw_header("X-Value: a b; c\r\n"));
    CHECK(saw_header("If-None-Match: *\r\n"));
    CHECK(saw_header("Content-Length: 0\r\n"));
    /* Nothing that nobody asked for: signatures cover it. */
    CHECK(!saw_header("Content-Type"));
    CHECK(!saw_header("Accept"));
    CHECK(!saw_header("Expect"));
    CHECK(!saw_header("User-Agent"));
    CHECK_INT(heard.status, 200);
    CHECK_STR(heard.body, "hello");
    CHECK_STR(heard.error, "");

    static char large[100000];
    memset(large, 'x', sizeof(large));
    get("/post", (struct hd_http_request){
                     .method = "POST",
                     .headers = &(struct hd_http_header){"Content-Type", "application/json"},
                     .n_headers = 1,
                     .body = {large, sizeof(large)}});
    CHECK_STR(seen.method, "POST");
    CHECK(saw_header("Content-Length: 100000\r\n"));
    CHECK(saw_header("Content-Type: application/json\r\n"));
    CHECK(!saw_header("Expect"));
    CHECK_INT(heard.status, 200);

    get("/del", (struct hd_http_request){.method = "DELETE"});
    CHECK_STR(seen.method, "DELETE");
    get("/head", (struct hd_http_request){.method = "HEAD"});
    CHECK_STR(seen.method, "HEAD");
    CHECK_INT(heard.status, 200);
    CHECK_INT(heard.body_len, 0);
    get("/get", (struct hd_http_request){0});
    CHECK_STR(seen.method, "GET");
    CHECK(!saw_header("Content-Length"));
    tear_down();
}

static void refused_arguments(void)
{
    static const struct hd_http_header rows[] = {
        {"X-A", "1\r\nX-Evil: 2"}, {"X-A\r\nX-Evil", "2"}, {"", "1"}, {"X A", "1"}, {"X;", "1"}};
    set_up();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_http_request request = {.url = url_of("/"), .headers = &rows[i], .n_headers = 1};
        CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), -EINVAL);
    }
    get("/", (struct hd_http_request){0});
    CHECK_INT(seen.requests, 1);
    tear_down();
}

static void what_comes_back(void)
{
    set_up();
    struct hd_http_request request = {.url = url_of("/drip")};
    CHECK_INT(hd_http_send(http, &request, on_done, &heard, NULL), 0);
    run(1);
    CHECK_INT(heard.status, 201);
    CHECK_STR(heard.header, "\"0x1\"");
    CHECK_STR(heard.body, "drop by drop");
    get("/early", (struct hd_http_request){0});
    CHECK_INT(heard.status, 200);
    CHECK_STR(heard.header, "(none)"); /* the provisional response does not count */
    get("/chunks", (struct hd_http_request){0});
    CHECK_STR(heard.body, "abcdefg");
    get("/busy", (struct hd_http_request){0});
    CHECK_INT(heard.status, 503);
    CHECK_INT(heard.retry_after_ms, 7000);
    get("/busy-long", (struct hd_http_request){0});
    CHECK_INT(heard.retry_after_ms, 24 * 3600 * 1000);
    get("/busy-odd", (struct hd_http_request){0});
    CHECK_INT(heard.retry_after_ms, 0);
    get("/moved", (struct hd_http_request){0});
    CHECK_INT(heard.status, 307); /* not followed */
    tear_down();
}

static void bounds(void)
{
    set_up();
    get("/chunks", (struct hd_http_request){.max_body_bytes = 7});
    CHECK_INT(heard.status, 200);
    get("/chunks", (struct hd_http_request){.max_body_bytes = 6});
    CHECK_INT(heard.status, 0);
    CHECK_STR(heard.error, "the response is larger than was asked for");
    CHECK_INT(heard.n_headers, 0);
    get("/many-headers", (struct hd_http_request){0});
    CHECK_INT(heard.status, 0);
    CHECK_STR(heard.error, "the response has too many headers");
    get("/", (struct hd_http_request){0}); /* and it goes on */
    CHECK_INT(heard.status, 200);
    tear_down();
}

static void no_answer(void)
{
    set_up();
    get("/hang?sig=secret", (struct hd_http_request){.timeout_ms = 100});
    CHECK_INT(heard.status, 0);
    CHECK(strstr(heard.error, "timed out"));
    CHECK(!strstr(heard.error, "secret"));
    get("/half", (struct hd_http_request){0});
    CHECK_INT(heard.status, 0);
    get("/nothing", (struct hd_http_request){0});
    CHECK_INT(heard.status, 0);
    get("/rubbish", (struct hd_http_request){0});
    CHECK_INT(heard.status, 0);

    struct hd_http_request request = {.url = "ftp://127.0.0.1/x?sig=secret"};
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    run(1);
    CHECK_INT(heard.status, 0);
    CHECK(!strstr(heard.error, "secret"));
    request.url = "http://host with blanks/?sig=secret";
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    run(1);
    CHECK_INT(heard.status, 0);
    CHECK(!strstr(heard.error, "secret"));
    request.url = "https://127.0.0.1:1/?sig=secret";
    request.ca_file = "/nonexistent/ca.pem";
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    run(1);
    CHECK_INT(heard.status, 0);
    CHECK(!strstr(heard.error, "secret"));

    uint16_t port = stub_port(stub);
    stub_stop(stub);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/?sig=secret", port);
    request = (struct hd_http_request){.url = url};
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    run(1);
    CHECK_INT(heard.status, 0);
    CHECK(strstr(heard.error, "connect"));
    CHECK(!strstr(heard.error, "secret"));
    CHECK_INT(stub_start(port, reply_with, NULL, &stub), 0); /* and it comes back */
    get("/", (struct hd_http_request){0});
    CHECK_INT(heard.status, 200);
    tear_down();
}

static void keep_alive(void)
{
    set_up();
    for (int i = 0; i < 5; i++) {
        get("/", (struct hd_http_request){0});
        CHECK_INT(seen.connection, 1);
    }
    for (int i = 0; i < 8; i++) {
        struct hd_http_request request = {.url = url_of("/")};
        CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    }
    run(8);
    CHECK_INT(seen.requests, 13);
    CHECK_INT(heard.calls, 13);
    /* A server that has closed a kept connection costs nothing. */
    get("/then-gone", (struct hd_http_request){0});
    get("/", (struct hd_http_request){.method = "PUT"});
    CHECK_INT(heard.status, 200);
    stub_lock(stub);
    kept_connection = seen.connection;
    stub_unlock(stub);
    get("/stale", (struct hd_http_request){.method = "PUT"});
    CHECK_INT(heard.status, 200);
    tear_down();
}

static struct hd_http_request_handle *victim;

static void cancel_other(void *context, const struct hd_http_response *response)
{
    if (victim) {
        hd_http_cancel(http, victim);
        victim = NULL;
    }
    on_done(context, response);
}

static void cancelled(void)
{
    set_up();
    struct hd_http_request request = {.url = url_of("/hang")};
    struct hd_http_request_handle *handle;
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, &handle), 0);
    hd_http_cancel(http, handle); /* before it began */
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, &handle), 0);
    get("/", (struct hd_http_request){0});
    CHECK_INT(heard.calls, 1);
    hd_http_cancel(http, handle); /* in the middle */
    /* Each of two answers cancels the other: one of them is heard. */
    request.url = url_of("/");
    CHECK_INT(hd_http_send(http, &request, cancel_other, NULL, NULL), 0);
    request.url = url_of("/hang");
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, &victim), 0);
    run(1);
    CHECK_INT(heard.calls, 2);
    CHECK(!victim);
    request.url = url_of("/hang");
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    get("/", (struct hd_http_request){0});
    CHECK_INT(heard.calls, 3);
    tear_down(); /* one is still under way */
    CHECK_INT(heard.calls, 3);
}

static void free_client(void *context, const struct hd_http_response *response)
{
    hd_http_free(http);
    http = NULL;
    on_done(context, response);
}

static void freed_from_the_callback(void)
{
    set_up();
    struct hd_http_request request = {.url = url_of("/hang")};
    CHECK_INT(hd_http_send(http, &request, on_done, NULL, NULL), 0);
    request.url = url_of("/");
    CHECK_INT(hd_http_send(http, &request, free_client, NULL, NULL), 0);
    run(1);
    CHECK_INT(heard.status, 200);
    CHECK_STR(heard.body, "hello");
    tear_down();
    hd_http_free(NULL);
}

HD_TEST_MAIN({"what is sent is what was asked for", what_is_sent},
             {"headers that would break out are refused", refused_arguments},
             {"what comes back", what_comes_back}, {"responses are bounded", bounds},
             {"no answer has a reason without secrets", no_answer},
             {"connections are kept", keep_alive}, {"cancelled requests", cancelled},
             {"freed from its own callback", freed_from_the_callback})
