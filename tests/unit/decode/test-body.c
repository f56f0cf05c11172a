/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <zlib.h>

#include "../../fuzz/account.h"
#include "collect.h"

#define XML(id)                                                                                    \
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"                \
    "<Provider Name='P'/><EventID>" id "</EventID><Channel>C</Channel></System>"                   \
    "<EventData><Data Name='A'>v</Data></EventData></Event>"
#define WAD(id)                                                                                    \
    "{\"time\":\"2024-05-02T08:15:30.1234567Z\",\"properties\":{\"Role\":\"IaaS\","                \
    "\"EventId\":" id ",\"RawXml\":\"" XML(id) "\"}}"

static struct collected c;

/* What came of a body: "1" an event and its ID, "?" an unknown one, "!reason", "-" skipped. */
static const char *outcome(void)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    CHECK_INT(c.result, 0);
    CHECK(c.indexes_ok);
    for (uint32_t i = 0; i < c.n && n < 4000; i++) {
        const struct item *item = &c.items[i];
        const char *space = i ? " " : "";
        if (item->kind == SKIPPED) {
            n += (size_t)sprintf(text + n, "%s-", space);
        } else if (item->kind == DEAD) {
            n += (size_t)sprintf(text + n, "%s!%s", space, hd_dead_reason_name(item->reason));
        } else if (item->event.envelope == HD_ENVELOPE_UNKNOWN) {
            n += (size_t)sprintf(text + n, "%s?", space);
        } else {
            n += (size_t)sprintf(text + n, "%s%u%s", space, item->event.event_id,
                                 item->event.cut ? "cut" : "");
        }
    }
    return text;
}

static const char *of(const char *body)
{
    collect(&c, body);
    return outcome();
}

static void envelopes(void)
{
    CHECK_STR(of(WAD("1")), "1");
    CHECK_INT(c.items[0].event.envelope, HD_ENVELOPE_WAD);
    CHECK_SLICE(c.items[0].event.record, WAD("1"));
    CHECK_SLICE(c.items[0].event.xml, XML("1"));
    CHECK_STR(of("\xef\xbb\xbf \r\n" WAD("1") "\r\n\n"), "1");
    CHECK_STR(of("{\"records\":[" WAD("1") "," WAD("2") "]}"), "1 2");
    CHECK_SLICE(c.items[1].event.record, WAD("2"));
    CHECK_STR(of("{ \"records\" : [\n" WAD("1") " ,\n" WAD("2") "\n]\n}\n"), "1 2");
    CHECK_STR(of("[" WAD("1") "," WAD("2") "]"), "1 2");
    CHECK_STR(of("[[" WAD("1") "],[" WAD("2") "]]"), "1 2");
    CHECK_STR(of(WAD("1") "\n" WAD("2") "\r\n" WAD("3")), "1 2 3");
    CHECK_STR(of(WAD("1") WAD("2") WAD("3")), "1 2 3");
    CHECK_STR(of(WAD("1") "," WAD("2")), "1 2");
    CHECK_STR(of("{\"records\":[" WAD("1") "]}\n{\"records\":[" WAD("2") "]}"), "1 2");
    CHECK_STR(of("[{\"records\":[" WAD("1") "]}," WAD("2") "]"), "1 2");
    CHECK_STR(of("{\"x\":{\"y\":1}}"), "?");
    CHECK_SLICE(c.items[0].event.record, "{\"x\":{\"y\":1}}");
    CHECK_STR(of("[\"" XML("4") "\"]"), "4");
    CHECK_INT(c.items[0].event.envelope, HD_ENVELOPE_JSON_XML);
    CHECK_STR(of("[\"{\\\"EventID\\\":7,\\\"Channel\\\":\\\"C\\\"}\"]"), "7");
}

static void xml_bodies(void)
{
    CHECK_STR(of(XML("1")), "1");
    CHECK_INT(c.items[0].event.envelope, HD_ENVELOPE_XML);
    CHECK_SLICE(c.items[0].event.record, XML("1"));
    CHECK_STR(of(XML("1") XML("2") "\r\n" XML("3")), "1 2 3");
    CHECK_STR(of("<?xml version='1.0'?>\n<Events>" XML("1") "<!-- c -->" XML("2") "</Events>\n"),
              "1 2");
    CHECK_STR(of("\xef\xbb\xbf" XML("1") "\n" WAD("2")), "1 2");
    CHECK_STR(of("<Events/>"), "-");
}

static void cut_xml_bodies(void)
{
    char body[2048];
    snprintf(body, sizeof(body), "%.*s%s", (int)sizeof(XML("1")) - 40, XML("1"), XML("2"));
    CHECK_STR(of(body), "1cut 2");
    CHECK_INT(c.items[0].event.record.len + c.items[1].event.record.len, strlen(body));
    snprintf(body, sizeof(body), "%s%.*s", XML("1"), (int)sizeof(XML("2")) - 40, XML("2"));
    CHECK_STR(of(body), "1 2cut");
    CHECK_STR(of(XML("1") "<Event xmln"), "1 !truncated");
    CHECK_STR(of(XML("1") "<Event x=y>" XML("2")), "1 !malformed_xml 2");
    CHECK_STR(of(XML("1") "</Event>" XML("2")), "1 !malformed_xml 2");
    CHECK_SLICE(c.items[1].bytes, "</Event>");
    CHECK_INT(c.items[1].at, strlen(XML("1") "</Event>"));
}

static void nothing_there(void)
{
    CHECK_STR(of(""), "-");
    CHECK_STR(of(" \r\n\t"), "-");
    CHECK_STR(of("[]"), "-");
    CHECK_STR(of("{\"records\":[]}"), "-");
    CHECK_STR(of("null"), "-");
    CHECK_STR(of("[null," WAD("1") ",null]"), "- 1 -");
    CHECK_STR(of("{\"records\":[{\"type\":\"heartbeat\"}," WAD("1") "]}"), "- 1");
    CHECK_STR(of("{\"type\":\"heartbeat\",\"time\":\"t\"}"), "-");
    CHECK_STR(of("{\"type\":\"heartbeat\",\"a\":1,\"b\":2,\"c\":3}"), "?");
    collect_n(&c, NULL, "\0\0" WAD("1") "\0\0", sizeof(WAD("1")) + 3);
    CHECK_STR(outcome(), "1");
}

static void wrapper_columns(void)
{
    CHECK_STR(of("{\"hub\":\"h\\n\",\"n\\u0061me\":1,\"records\":[" WAD("1") "," WAD("2") "]}"),
              "1 2");
    for (int i = 0; i < 2; i++) {
        CHECK_ENVELOPE(&c.items[i].event, "hub", "h\n");
        CHECK_ENVELOPE(&c.items[i].event, "name", "1");
    }
    CHECK_STR(of("{\"records\":[" WAD("1") "],\"count\":1}"), "1");
    CHECK_ENVELOPE(&c.items[0].event, "count", "1");
    /* nobody to carry them */
    CHECK_STR(of("{\"hub\":\"h\",\"records\":[null]}"), "- !not_an_event");
    CHECK_SLICE(c.items[1].bytes, "{\"hub\":\"h\",\"records\":[");
    CHECK_STR(of("{\"records\":[" WAD("1") "],\"n\":1}\n[" WAD("2") "]}"),
              "1 !not_an_event 2 !malformed_json");
    CHECK_SLICE(c.items[1].bytes, ",\"n\":1");
    CHECK_STR(of("{\"hub\":\"h\",\"records\":[]}"), "?");
    CHECK_STR(of("{\"records\":[1,2]}"), "?");
}

static void not_events(void)
{
    CHECK_STR(of("plain text"), "!not_an_event");
    CHECK_SLICE(c.items[0].bytes, "plain text");
    CHECK_STR(of("plain text\n" WAD("1")), "!not_an_event 1");
    CHECK_STR(of("<14>May 2 host sysmon: " XML("1")), "!not_an_event 1");
    CHECK_STR(of("<14>May 2 host agent: " WAD("1")), "!not_an_event"); /* never XML still escaped */
    CHECK_STR(of("{}"), "!not_an_event");
    CHECK_STR(of("<html><body/></html>"), "!not_an_event");
    CHECK_STR(of("{\"a\":[1,]}"), "!malformed_json"); /* neither an event nor JSON for others */
    CHECK_STR(of("{\"a\":\"\n\"}"), "!malformed_json");
}

/* What follows one another and is no event is one dead letter, from its first byte to its last. */
static void runs(void)
{
    CHECK_STR(of("[ 1, true,\"x\" ,{} ," WAD("1") "]"), "!not_an_event 1");
    CHECK_SLICE(c.items[0].bytes, "1, true,\"x\" ,{}");
    CHECK_INT(c.items[0].at, 2);
    CHECK_STR(of("[1,2," WAD("1") ",3,[4,{}]]\n\"x\"\n" WAD("2")),
              "!not_an_event 1 !not_an_event 2");
    CHECK_SLICE(c.items[2].bytes, "3,[4,{}]]\n\"x\"");
    CHECK_STR(of("[1,null,2,3]"), "!not_an_event - !not_an_event");
    CHECK_SLICE(c.items[2].bytes, "2,3");
    /* the head of a wrapper belongs to what follows it */
    CHECK_STR(of("{\"hub\":\"h\",\"records\":[\"x\",\"y\"]}\n" WAD("1")), "!not_an_event 1");
    CHECK_SLICE(c.items[0].bytes, "{\"hub\":\"h\",\"records\":[\"x\",\"y\"");
    CHECK_STR(of("{\"hub\":\"h\",\"records\":[\"x\",null,\"y\"]}"),
              "!not_an_event - !not_an_event !not_an_event");
    CHECK_SLICE(c.items[3].bytes, "{\"hub\":\"h\",\"records\":[");
    CHECK_STR(of("{\"hub\":\"h\",\"records\":[{\"a\":[1,]}],\"n\":2}"),
              "!malformed_json !not_an_event !not_an_event");
    CHECK_SLICE(c.items[2].bytes, ",\"n\":2");
}

/* 900 KB of one thing over and over; the rest is in the account. */
static const struct {
    const char *start, *unit;
    bool alone; /* one dead letter */
} floods[] = {
    // clang-format off
    {"[", "1,", true},           {"", "\"a\" ", true},        {"", "{} ", true},
    {"", "no event\n", true},    {"[", "{},", true},          {"{\"records\":[", "\"a\",", true},
    {"", "1\n\"a\"\n{}\n", true}, {"", "{\"a\":oops}\n", false}, {"[", "1,null,", false},
    {"[", "1,{\"a\":1},", false}, {"", "]", false},            {"", "{\"a\":1,\"records\":[null]}", false},
    {"", "{\"a\":1,\"records\":[", false}, {"[", "{\"a\":[1,]},1,", false}, {"", "<Event>\n", false},
    {"", "{\"records\":[{}],\"n\":1}", false},
    // clang-format on
};

static void flood(size_t i, size_t size, struct account *ret)
{
    size_t len = strlen(floods[i].unit), n = strlen(floods[i].start);
    struct hd_decoder *decoder;
    char *body = malloc(size + n + 1);
    REQUIRE(body && hd_decoder_new(NULL, &decoder) == 0);
    memcpy(body, floods[i].start, n);
    for (; n + len < size; n += len) {
        memcpy(body + n, floods[i].unit, len);
    }
    *ret = (struct account){0};
    CHECK_INT(account_decode(decoder, body, n, ' ', ret), 0);
    hd_decoder_free(decoder);
    free(body);
}

static void floods_are_few_letters(void)
{
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct account a;
        flood(i, 900000, &a);
        CHECK(!a.fault);
        CHECK(a.dead >= 1);
        if (floods[i].alone) {
            CHECK_INT(a.dead, 1);
        }
        if (hd_test_failed) {
            printf("# %s%s: %u events, %u dead letters\n", floods[i].start, floods[i].unit,
                   a.events, a.dead);
            return;
        }
    }
}

static void damage_in_lines(void)
{
    const char *body = WAD("1") "\n{\"time\":oops}\n" WAD("2") "\n";
    CHECK_STR(of(body), "1 !malformed_json 2");
    CHECK_SLICE(c.items[1].bytes, "{\"time\":oops}\n");
    CHECK_INT(c.items[1].at, strstr(body, "oops") - body);
    /* a lost quote does not take the next line along */
    CHECK_STR(of("{\"a\":\"b}\n" WAD("1") "\n" WAD("2")), "!malformed_json 1 2");
    CHECK_STR(of(WAD("1") "}}]}" WAD("2")), "1 !malformed_json 2");
    CHECK_SLICE(c.items[1].bytes, "}}]}");
    CHECK_STR(of("{\"a\":1" WAD("1")), "!malformed_json");
}

static void damage_in_arrays(void)
{
    CHECK_STR(of("{\"records\":[" WAD("1") ",{\"time\":oops}," WAD("2") "]}"),
              "1 !malformed_json 2");
    CHECK_SLICE(c.items[1].bytes, "{\"time\":oops}");
    CHECK_STR(of("{\"records\":[{\"time\":oops}," WAD("1") "," WAD("2") "]}"),
              "!malformed_json 1 2");
    CHECK_STR(of("[" WAD("1") ",{time:1,\"x\":[{\"a\":1},{\"b\":2}]}," WAD("2") "]"),
              "1 !malformed_json 2");
    CHECK_STR(of("[" WAD("1") ",{\"time\":\"x}," WAD("2") "," WAD("3") "]"),
              "1 !malformed_json 2 3");
    /* the last one: its end cannot be told */
    CHECK_STR(of("[" WAD("1") ",{\"time\":oops}]"), "1 !malformed_json");
    CHECK_SLICE(c.items[1].bytes, "{\"time\":oops}]");
    CHECK_STR(of("{\"records\":[" WAD("1") ",{\"time\":oops}]}\n{\"records\":[" WAD("2") "]}\n"),
              "1 !malformed_json 2");
    CHECK_STR(of("[" WAD("1") ",}," WAD("2") "]"), "1 !malformed_json 2");
    CHECK_STR(of("[" WAD("1") "," WAD("2") ",]"), "1 2");
    CHECK_STR(of("[" WAD("1") " " WAD("2") "]"), "1 2");
    CHECK_STR(of("[" WAD("1") "}" WAD("2")), "1 !malformed_json");
}

/* Wherever a body ends: complete records are delivered, the cut one is dead, all bytes are there.
 */
static void truncated_anywhere(void)
{
    const char *body = "{\"records\":[" WAD("1") "," WAD("2") "]}";
    size_t first = strlen("{\"records\":[" WAD("1")), second = first + 1 + strlen(WAD("2"));
    for (size_t n = 1; n < strlen(body); n++) {
        collect_n(&c, NULL, body, n);
        CHECK_INT(c.result, 0);
        CHECK_INT(c.n_events, (n >= first) + (n >= second));
        bool inside = n < first ? n != 12 : n > first + 1 && n < second;
        CHECK_INT(c.n_dead, inside);
        if (inside) {
            CHECK_INT(c.items[c.n - 1].reason, HD_DEAD_TRUNCATED);
            CHECK_INT(c.items[c.n - 1].at, n);
        }
        if (hd_test_failed) {
            printf("# %zu: %s\n", n, outcome());
            return;
        }
    }
}

static void limits(void)
{
    const struct hd_decode_limits small = {
        .max_record_bytes = 1024, .max_body_bytes = 4096, .max_depth = 8, .max_fields = 16};
    static char body[20000];
    char big[1200] = "", deep[64] = "[[[[[[[[[[[[[]]]]]]]]]]]]]", many[400] = "";
    memset(big, 'x', 1100);
    for (int i = 0; i < 20; i++) {
        sprintf(many + strlen(many), "%s\"k%d\":%d", i ? "," : "", i, i);
    }
    snprintf(body, sizeof(body), "[{\"a\":\"%s\"},{\"a\":%s},{%s}," WAD("1") "]", big, deep, many);
    collect_n(&c, &small, body, strlen(body));
    CHECK_STR(outcome(), "!too_large !too_deep !too_many_fields 1");
    CHECK_INT(c.items[0].bytes.len, 1108);
    snprintf(body, sizeof(body), "{\"EventID\":1,\"Channel\":\"C\",\"EventData\":{%s}}", many);
    collect_n(&c, &small, body, strlen(body));
    CHECK_STR(outcome(), "!too_many_fields");
    memset(body, '[', 200);
    collect_n(&c, &small, body, 200);
    CHECK_STR(outcome(), "!too_deep");
    memset(body, '<', sizeof(body));
    collect_n(&c, &small, body, sizeof(body));
    CHECK_STR(outcome(), "!malformed_xml");
}

/* Nothing that can be sent takes more than linear time: each line would be scanned to the end. */
static void no_quadratic_time(void)
{
    static const char *const units[] = {"{\"a\":[\n",
                                        "[\n",
                                        "{\"\n",
                                        "{\"a\":\"b\",\n",
                                        "\"\n",
                                        "<Event>\n",
                                        "[{\"a\":1},\n{",
                                        "\n{\":\":1,\"",
                                        "}{\"",
                                        "{\"records\":[",
                                        "\n{\"records\":[{},",
                                        "<!--\n",
                                        "{\"a\":1"};
    size_t size = (size_t)1 << 20;
    char *body = malloc(size);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t len = strlen(units[i]), n = 0;
        for (; n + len < size; n += len) {
            memcpy(body + n, units[i], len);
        }
        collect_n(&c, NULL, body, n);
        CHECK_INT(c.result, 0);
    }
    free(body);
}

static int code_of_handler(void *context, const struct hd_event *event, uint32_t index)
{
    (void)event;
    (void)index;
    return *(int *)context;
}

static void handler_ends_it(void)
{
    c.stop_at = 2;
    collect(&c, WAD("1") WAD("2") WAD("3"));
    CHECK_INT(c.result, 77);
    CHECK_INT(c.n_events, 2);
    c.stop_at = 0;
    struct hd_decoder *decoder;
    int code = -EIO;
    const struct hd_decode_handler handler = {code_of_handler, NULL, NULL};
    static const char body[sizeof(WAD("1")) + HD_PADDING] = WAD("1");
    REQUIRE(hd_decoder_new(NULL, &decoder) == 0);
    CHECK_INT(hd_decode(decoder, hd_slice(body, sizeof(WAD("1")) - 1), &handler, &code), -EIO);
    hd_decoder_free(decoder);
    hd_decoder_free(NULL);
}

static size_t gzip(const void *bytes, size_t len, int window, unsigned char *to, size_t size)
{
    z_stream stream = {0};
    deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)len;
    stream.next_out = to;
    stream.avail_out = (uInt)size;
    deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return size - stream.avail_out;
}

static void compressed(void)
{
    static unsigned char body[8192];
    const char *text = WAD("1") "\n" WAD("2");
    size_t n = gzip(text, strlen(text), 15 + 16, body, sizeof(body));
    collect_n(&c, NULL, body, n);
    CHECK_STR(outcome(), "1 2");
    size_t more = gzip(WAD("3"), strlen(WAD("3")), 15 + 16, body + n, sizeof(body) - n);
    collect_n(&c, NULL, body, n + more); /* several members */
    CHECK_STR(outcome(), "1 2 3");
    memset(body + n + more, 0, 100);
    collect_n(&c, NULL, body, n + more + 100);
    CHECK_STR(outcome(), "1 2 3");
    for (size_t cut = 3; cut < n; cut += 7) { /* what had come is delivered, and all is kept */
        collect_n(&c, NULL, body, cut);
        const char *got = outcome(), *tail = strchr(got, '!');
        CHECK_STR(tail, "!decompress");
        CHECK(tail == got || strncmp(got, "1 ", 2) == 0);
        CHECK(cut < n - 9 || strcmp(got, "1 2 !decompress") == 0);
        CHECK_INT(c.items[c.n - 1].bytes.len, cut);
    }
    collect_n(&c, NULL, body, n - 1); /* the checksum alone is cut off */
    CHECK_STR(outcome(), "1 2 !decompress");
    memcpy(body + n + more, "garbage", 7);
    collect_n(&c, NULL, body, n + more + 7);
    CHECK_STR(outcome(), "1 2 3 !decompress");
    CHECK_INT(c.items[3].bytes.len, n + more + 7);
    body[n + more - 1] ^= 0xff; /* the checksum of the last member: nobody knows what is wrong */
    collect_n(&c, NULL, body, n + more);
    CHECK_STR(outcome(), "1 2 !decompress");
    body[n / 2] ^= 0xff;
    collect_n(&c, NULL, body, n);
    CHECK_STR(outcome(), "!decompress");
    n = gzip(text, strlen(text), 15, body, sizeof(body)); /* zlib */
    collect_n(&c, NULL, body, n);
    CHECK_STR(outcome(), "1 2");
}

static void bomb(void)
{
    const struct hd_decode_limits small = {.max_body_bytes = 1000000};
    static unsigned char body[65536];
    char *blank = calloc(1, 2000000);
    memset(blank, ' ', 2000000);
    size_t n = gzip(blank, 2000000, 15 + 16, body, sizeof(body));
    collect_n(&c, &small, body, n);
    CHECK_STR(outcome(), "!decompress");
    n = gzip(blank, 999000, 15 + 16, body, sizeof(body));
    collect_n(&c, &small, body, n);
    CHECK_STR(outcome(), "-");
    free(blank);
}

/* Megabytes of junk in a few KiB: what is kept is the body as it came. */
static void small_bomb(void)
{
    static unsigned char body[65536];
    static char junk[2000000];
    static const char unit[] = "{\"a\":oops}\n";
    for (size_t i = 0; i < sizeof(junk); i++) {
        junk[i] = unit[i % (sizeof(unit) - 1)];
    }
    memcpy(junk + sizeof(junk) - sizeof(WAD("1")), "\n" WAD("1"), sizeof(WAD("1")));
    for (int i = 0; i < 2; i++) {
        size_t n = gzip(junk, sizeof(junk), 15 + 16, body, sizeof(body)), dead = 0;
        collect_n(&c, NULL, body, n);
        CHECK_INT(c.n_events, 1);
        for (uint32_t j = 0; j < c.n; j++) {
            dead += c.items[j].bytes.len;
        }
        CHECK(c.n < 64 && dead <= 5 * n);
        CHECK_INT(c.items[c.n - 1].bytes.len, n);
        memset(junk, 'x', sizeof(junk) - sizeof(WAD("1")));
    }
}

static void utf16(void)
{
    static const char text[] = "{\"EventID\":5,\"Channel\":\"C\",\"a\":\"\xe9\"}";
    unsigned char body[256];
    for (int big = 0; big < 2; big++) {
        for (int mark = 0; mark < 2; mark++) {
            size_t n = 0;
            memset(body, 0, sizeof(body));
            if (mark) {
                body[n++] = big ? 0xfe : 0xff;
                body[n++] = big ? 0xff : 0xfe;
            }
            for (size_t i = 0; text[i]; i++, n += 2) {
                body[n + (size_t)big] = (unsigned char)text[i];
            }
            memcpy(body + n, big ? "\xd8\x3d" : "\x3d\xd8", 2); /* half a character at the end */
            collect_n(&c, NULL, body, n);
            CHECK_STR(outcome(), "5");
            CHECK_FIELD(&c.items[0].event, "a", "\xc3\xa9");
            collect_n(&c, NULL, body, n + 2);
            CHECK_STR(outcome(), "5 !not_an_event");
            CHECK_SLICE(c.items[1].bytes, "\xef\xbf\xbd");
        }
    }
}

static void names(void)
{
    for (int i = HD_DEAD_NONE; i <= HD_DEAD_REJECTED; i++) {
        CHECK(strcmp(hd_dead_reason_name((enum hd_dead_reason)i), "unknown") != 0);
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(hd_dead_reason_name((enum hd_dead_reason)i),
                         hd_dead_reason_name((enum hd_dead_reason)j)) != 0);
        }
    }
}

HD_TEST_MAIN({"JSON envelopes", envelopes}, {"XML bodies", xml_bodies},
             {"XML bodies with damage", cut_xml_bodies}, {"nothing there", nothing_there},
             {"members of the wrapper", wrapper_columns}, {"what is no event", not_events},
             {"runs of what is no event", runs}, {"floods", floods_are_few_letters},
             {"damage in lines", damage_in_lines}, {"damage in arrays", damage_in_arrays},
             {"truncated anywhere", truncated_anywhere}, {"limits", limits},
             {"no quadratic time", no_quadratic_time}, {"a handler ends it", handler_ends_it},
             {"gzip and zlib", compressed}, {"a bomb", bomb}, {"a small bomb", small_bomb},
             {"UTF-16", utf16}, {"reasons have names", names})
