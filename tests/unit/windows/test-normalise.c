/* SPDX-License-Identifier: Apache-2.0 */
/* What every event gets, whoever its provider is; nothing is lost; the output is valid whatever the
 * event holds. */
#include "support.h"

#include "hubdrain/json.h"

static void system_part(void)
{
    struct test_event test;
    test_event_init(&test, 5);
    test.event.has = 0xFFFFFFFF;
    test.event.provider_guid = hd_slice_cstr("{5770385f-c22a-43e0-bf4c-06f5698ffbd9}");
    test.event.event_source_name = hd_slice_cstr("Old name");
    test.event.activity_id = hd_slice_cstr("{a}");
    test.event.related_activity_id = hd_slice_cstr("{b}");
    test.event.user_id = hd_slice_cstr("S-1-5-18");
    test.event.qualifiers = 16384;
    test.event.version = 3;
    test.event.task = 5;
    test.event.opcode = 0;
    test.event.pid = 4294967296;
    test.event.tid = 4711;
    test_field(&test, "UtcTime", "2024-05-02 08:15:29.001");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "@timestamp"), "\"2024-05-02T08:15:29.001Z\"");
    CHECK_STR(
        test_get(&test, "event"),
        "{\"action\":\"Process terminated\",\"category\":[\"process\"],\"code\":\"5\",\"created\":"
        "\"2024-05-02T08:15:30.1234567Z\",\"dataset\":\"windows.sysmon_operational\",\"id\":"
        "\"018f385f74b8-3-4711-0\","
        "\"ingested\":\"2024-05-02T08:15:32.500Z\",\"kind\":\"event\",\"module\":\"sysmon\","
        "\"provider\":"
        "\"Microsoft-Windows-Sysmon\",\"type\":[\"end\"]}");
    CHECK(strstr(test.out.data, "\"record_id\":\"18446744073709551615\""));
    CHECK(strstr(test.out.data, "\"keywords_mask\":\"0x8000000000000000\""));
    CHECK(strstr(test.out.data, "\"process\":{\"pid\":4294967296,\"thread\":{\"id\":4711}}"));
    CHECK_STR(test_get(&test, "winlog.qualifiers"), "16384");
    CHECK_STR(test_get(&test, "winlog.event_source_name"), "\"Old name\"");
    CHECK_STR(test_get(&test, "winlog.activity_id"), "\"{a}\"");
    CHECK_STR(test_get(&test, "winlog.related_activity_id"), "\"{b}\"");
    CHECK_STR(test_get(&test, "winlog.user.identifier"), "\"S-1-5-18\"");
    CHECK_STR(test_get(&test, "winlog.opcode"), "\"Info\"");
    CHECK_STR(test_get(&test, "winlog.task"), "\"5\"");
    CHECK_STR(test_get(&test, "winlog.event_data"), "");
    CHECK_STR(test_get(&test, "user"), ""); /* the service that logs is not who did it */
    CHECK_STR(test_get(&test, "host"), "{\"hostname\":\"VM01.corp.example\",\"name\":\"VM01.corp."
                                       "example\",\"os\":{\"type\":\"windows\"}}");
    CHECK_STR(test_get(&test, "log.level"), "\"information\"");
    CHECK_STR(test_get(&test, "hubdrain"),
              "{\"envelope\":\"xml\",\"eventhub\":{\"consumer_group\":\"$Default\",\"enqueued_"
              "time\":\"2024-05-02T08:15:31.000Z\","
              "\"name\":\"sysmon\",\"namespace\":\"example.servicebus.windows.net\",\"offset\":"
              "\"8590125056\",\"partition\":\"3\","
              "\"sequence_number\":4711}}");
    test_event_deinit(&test);
}

static void times_fall_back(void)
{
    struct test_event test;
    test_event_init(&test, 5);
    test_field(&test, "UtcTime", "soon");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "@timestamp"), "\"2024-05-02T08:15:30.1234567Z\"");
    CHECK_STR(test_get(&test, "winlog.event_data.UtcTime"), "\"soon\"");
    test.event.time_created = hd_slice_cstr("never");
    test.event.envelope_time = hd_slice_cstr("2024-05-02T08:15:30.7654321Z");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "@timestamp"), "\"2024-05-02T08:15:30.7654321Z\"");
    CHECK_STR(test_get(&test, "winlog.time_created"), "\"never\"");
    test.event.envelope_time = hd_slice_cstr("");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "@timestamp"), "\"2024-05-02T08:15:31.000Z\"");
    CHECK_STR(test_get(&test, "event.created"), "");
    test.origin.enqueued_ms = 0; /* a body that came from no hub */
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "@timestamp"), "\"2024-05-02T08:15:32.500Z\"");
    CHECK_STR(test_get(&test, "event.id"), "\"000000000000-3-4711-0\"");
    test_event_deinit(&test);
}

static void other_providers(void)
{
    struct test_event test;
    test_event_init(&test, 4625);
    test.event.provider_name = hd_slice_cstr("Microsoft-Windows-Security-Auditing");
    test.event.channel = hd_slice_cstr("security");
    test.event.keywords = UINT64_C(0x8010000000000000);
    test.event.level = 0;
    test_field(&test, "ProcessId", "0x1f4");
    test_field(&test, "TargetUserName", "-");
    test_field(&test, "Empty", "");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "event.outcome"), "\"failure\"");
    CHECK_STR(test_get(&test, "event.dataset"), "\"system.security\"");
    CHECK_STR(test_get(&test, "event.module"), "\"security\"");
    CHECK_STR(test_get(&test, "log.level"), "\"information\"");
    CHECK_STR(test_get(&test, "winlog.level"), "0");
    CHECK_STR(test_get(&test, "winlog.keywords"), "[\"Audit Failure\"]");
    CHECK_STR(test_get(&test, "winlog.event_data"),
              "{\"ProcessId\":\"0x1f4\",\"TargetUserName\":\"-\",\"Empty\":\"\"}");
    CHECK_STR(test_get(&test, "process"), "");
    test.event.keywords = UINT64_C(0x8020000000000000);
    test.event.channel = hd_slice_cstr("Microsoft-Windows-Windows Defender/Operational");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "event.outcome"), "\"success\"");
    CHECK_STR(test_get(&test, "event.dataset"), "\"windows.windows_defender_operational\"");
    test.options.dataset = hd_slice_cstr("my.dataset");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "event.dataset"), "\"my.dataset\"");
    test_event_deinit(&test);
}

static void nothing_is_lost(void)
{
    struct test_event test;
    test_event_init(&test, 5);
    test_field(&test, "Image", "C:\\a.exe");
    test_field(&test, "New", "1");
    test_field(&test, "Image", "C:\\b.exe");
    test_field(&test, "New", "2");
    test_field(&test, "Image", "");
    test_field(&test, "New", "3");
    test_field(&test, "param1", "x");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "process.executable"), "\"C:\\\\a.exe\"");
    CHECK_STR(test_get(&test, "winlog.event_data"),
              "{\"New\":[\"1\",\"2\",\"3\"],\"Image\":[\"C:\\\\a.exe\",\"C:\\\\b.exe\",\"\"],"
              "\"param1\":\"x\"}");
    test_event_deinit(&test);

    /* an event id that Sysmon does not have yet: what is common is mapped, the rest kept */
    test_event_init(&test, 77);
    test_field(&test, "RuleName", "T1060");
    test_field(&test, "ProcessId", "12");
    test_field(&test, "Colour", "blue");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "process.pid"), "12");
    CHECK_STR(test_get(&test, "threat.technique.id"), "[\"T1060\"]");
    CHECK_STR(test_get(&test, "winlog.event_data"), "{\"Colour\":\"blue\"}");
    CHECK_STR(test_get(&test, "event.action"), "");
    test_event_deinit(&test);
}

static void sections(void)
{
    static const struct {
        enum hd_section section;
        const char *path;
    } rows[] = {{HD_SECTION_BINARY, "winlog.binary_event_data"},
                {HD_SECTION_DEBUG, "winlog.debug_data"},
                {HD_SECTION_PROCESSING, "winlog.processing_error"}};
    struct test_event test;
    test_event_init(&test, 1102);
    test.event.section = HD_SECTION_USER_DATA;
    test.event.section_name = hd_slice_cstr("LogFileCleared");
    test_field(&test, "SubjectUserName", "anna");
    test_field(&test, "Outer.Inner", "1");
    REQUIRE(test_normalise(&test));
    CHECK_STR(
        test_get(&test, "winlog.user_data"),
        "{\"xml_name\":\"LogFileCleared\",\"SubjectUserName\":\"anna\",\"Outer.Inner\":\"1\"}");
    CHECK_STR(test_get(&test, "winlog.event_data"), "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test.event.section = rows[i].section;
        REQUIRE(test_normalise(&test));
        CHECK(*test_get(&test, rows[i].path));
    }
    test.event.section = HD_SECTION_EVENT_DATA;
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "winlog.event_data_name"), "\"LogFileCleared\"");
    test_event_deinit(&test);
}

static void envelope(void)
{
    static const struct hd_field columns[] = {
        {HD_SLICE("Role"), HD_SLICE("IaaS"), 0},
        {HD_SLICE("Count"), HD_SLICE("18446744073709551615"), HD_FIELD_JSON},
        {HD_SLICE("Tree"), HD_SLICE("{ \"a\" : [1, 2] }"), HD_FIELD_JSON},
        {HD_SLICE("Broken"), HD_SLICE("{\"a\":"), HD_FIELD_JSON},
        {HD_SLICE("Role"), HD_SLICE("null"), HD_FIELD_JSON},
    };
    struct test_event test;
    test_event_init(&test, 5);
    test.event.envelope = HD_ENVELOPE_WAD;
    test.event.envelope_fields = columns;
    test.event.n_envelope_fields = sizeof(columns) / sizeof(columns[0]);
    test_field(&test, "ProcessId", "12");
    test.fields[0].flags = HD_FIELD_JSON;
    test_field(&test, "Cut", "abc");
    test.fields[1].flags = HD_FIELD_CUT;
    test.event.cut = true;
    REQUIRE(test_normalise(&test));
    CHECK(strstr(test.out.data, "\"columns\":{\"Role\":[\"IaaS\",null],\"Count\":"
                                "18446744073709551615,\"Tree\":{\"a\":[1,2]},"
                                "\"Broken\":\"{\\\"a\\\":\"}"));
    CHECK_STR(test_get(&test, "process.pid"), "12");
    CHECK_STR(test_get(&test, "hubdrain.truncated"), "true");
    CHECK_STR(test_get(&test, "hubdrain.truncated_fields"), "[\"Cut\"]");
    test_event_deinit(&test);
}

static void texts(void)
{
    struct test_event test;
    test_event_init(&test, 5);
    test.event.message = hd_slice_cstr("Process terminated:\r\n...");
    test.event.record = hd_slice_cstr("{\"x\":\"<Event/>\"}");
    test_field(&test, "ProcessId", "12");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "message"), "");
    CHECK_STR(test_get(&test, "event.original"), "");
    test.options.keep_message = true;
    test.options.keep_original = true;
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "message"), "\"Process terminated:\\r\\n...\"");
    CHECK_STR(test_get(&test, "event.original"), "\"<Event/>\"");
    test.event.xml.len = 0;
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "event.original"), "\"{\\\"x\\\":\\\"<Event/>\\\"}\"");
    /* without data the text is all there is */
    test.options.keep_message = false;
    test.event.n_fields = 0;
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "message"), "\"Process terminated:\\r\\n...\"");
    /* rendered on another host */
    test.event.culture = hd_slice_cstr("de-DE");
    test.event.level_text = hd_slice_cstr("Informationen");
    test.event.task_text = hd_slice_cstr("Prozess beendet");
    test.event.opcode_text = hd_slice_cstr("Info");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "winlog.rendering"),
              "{\"culture\":\"de-DE\",\"level\":\"Informationen\"}");
    CHECK_STR(test_get(&test, "winlog.task"), "\"Prozess beendet\"");
    CHECK_STR(test_get(&test, "log.level"), "\"information\"");
    test_event_deinit(&test);
}

static void unknown_records(void)
{
    struct test_event test;
    test_event_init(&test, 0);
    test.event = (struct hd_event){
        .envelope = HD_ENVELOPE_UNKNOWN,
        .envelope_time = HD_SLICE("2024-05-02T08:15:30Z"),
        .record = HD_SLICE("{ \"metricName\":\"a\nb\", \"n\":18446744073709551615 }")};
    REQUIRE(test_normalise(&test));
    CHECK(strstr(test.out.data,
                 "\"record\":{\"metricName\":\"a\\u000ab\",\"n\":18446744073709551615}"));
    CHECK_STR(test_get(&test, "@timestamp"), "\"2024-05-02T08:15:30Z\"");
    CHECK_STR(test_get(&test, "hubdrain.envelope"), "\"unknown\"");
    CHECK_STR(test_get(&test, "winlog"), "");
    test.event.record = hd_slice_cstr("{'no': json}\xFF");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "hubdrain.record"), "\"{'no': json}\xEF\xBF\xBD\"");
    test_event_deinit(&test);
}

static void linux_sysmon(void)
{
    struct test_event test;
    test_event_init(&test, 11);
    test.event.provider_name = hd_slice_cstr("Linux-Sysmon");
    test_field(&test, "Image", "/usr/bin/a\\b");
    test_field(&test, "TargetFilename", "/tmp/x:y.tar.gz");
    test_field(&test, "User", "root\\x");
    REQUIRE(test_normalise(&test));
    CHECK_STR(test_get(&test, "process.name"), "\"a\\\\b\"");
    CHECK_STR(test_get(&test, "file"),
              "{\"directory\":\"/tmp\",\"extension\":\"gz\",\"name\":\"x:y.tar.gz\",\"path\":\"/"
              "tmp/x:y.tar.gz\"}");
    CHECK_STR(test_get(&test, "user"), "{\"name\":\"root\\\\x\"}");
    CHECK_STR(test_get(&test, "host.os.type"), "\"linux\"");
    test_event_deinit(&test);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const char *const names[] = {
    "RuleName",
    "UtcTime",
    "ProcessGuid",
    "ProcessId",
    "Image",
    "User",
    "Hashes",
    "Hash",
    "CommandLine",
    "ParentCommandLine",
    "TargetFilename",
    "CreationUtcTime",
    "SourceIp",
    "DestinationIp",
    "SourcePort",
    "DestinationPort",
    "Protocol",
    "SourceIsIpv6",
    "QueryName",
    "QueryStatus",
    "QueryResults",
    "EventType",
    "TargetObject",
    "Details",
    "ClientInfo",
    "Signed",
    "SignatureStatus",
    "Archived",
    "ImageLoaded",
    "Device",
    "PipeName",
    "ID",
    "Description",
    "x",
    "",
    "\xFF\"\\\n",
};

/* Fills the event with noise made of what transforms look for. */
static void fill(struct test_event *test, uint64_t *state, char *noise, size_t room)
{
    static const char *const parts[] = {"\\",
                                        "\"",
                                        " ",
                                        ",",
                                        "=",
                                        ";",
                                        "type:  5 ",
                                        "::ffff:1.2.3.4",
                                        "SHA1=",
                                        "0x",
                                        "technique_id=",
                                        "T1055.012",
                                        "\xC3",
                                        "\xED\xA0\x80",
                                        "\x01",
                                        "user: ",
                                        " ip:",
                                        " hostname:",
                                        "DWORD (",
                                        "QWORD (0x1-0x2)",
                                        "HKLM\\",
                                        "\\REGISTRY\\A\\",
                                        "-",
                                        "true",
                                        "%",
                                        ":",
                                        ".",
                                        "9",
                                        "2024-05-02 08:15:30.121",
                                        "failed:",
                                        "\n",
                                        "\xF0\x9F\x98\x80",
                                        "tcp"};
    size_t at = 0;
    test->event.n_fields = 0;
    for (uint64_t n = next_random(state) % 40; n > 0; n--) {
        char *start = noise + at;
        for (uint64_t m = next_random(state) % 9; m > 0 && at + 32 < room; m--) {
            const char *part = parts[next_random(state) % (sizeof(parts) / sizeof(parts[0]))];
            memcpy(noise + at, part, strlen(part));
            at += strlen(part);
        }
        const char *name = names[next_random(state) % (sizeof(names) / sizeof(names[0]))];
        test->fields[test->event.n_fields++] =
            (struct hd_field){hd_slice_cstr(name), hd_slice(start, (size_t)(noise + at - start)),
                              next_random(state) % 16 == 0 ? HD_FIELD_JSON : 0};
    }
}

static bool is_utf8(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        int step = hd_utf8_step(text + i, n - i);
        if (step <= 0) {
            return false;
        }
        i += (size_t)step;
    }
    return true;
}

static void noise_gives_valid_json(void)
{
    static char noise[40 * 9 * 32];
    uint64_t state = 2463534242U;
    for (int round = 0; round < 2500; round++) {
        struct test_event test;
        test_event_init(&test, (uint32_t)(next_random(&state) % 31));
        fill(&test, &state, noise, sizeof(noise));
        test.event.provider_name =
            next_random(&state) % 8 ? test.event.provider_name : hd_slice_cstr("Linux-Sysmon");
        bool ok = test_normalise(&test) && is_utf8(test.out.data, test.out.len) &&
                  !memchr(test.out.data, '\n', test.out.len);
        if (!ok) {
            printf("# %s\n", hd_buffer_cstr(&test.out));
        }
        test_event_deinit(&test);
        REQUIRE(ok);
    }
}

/* Shippers write fields in any order: the document must not show it. */
static void order_does_not_matter(void)
{
    static char noise[40 * 9 * 32];
    uint64_t state = 88172645463325252U;
    for (int round = 0; round < 1000; round++) {
        struct test_event test, other;
        test_event_init(&test, (uint32_t)(next_random(&state) % 30));
        fill(&test, &state, noise, sizeof(noise));
        uint32_t n = 0; /* each name once: the first of a repeated one is special by its place */
        for (uint32_t i = 0; i < test.event.n_fields; i++) {
            bool seen = false;
            for (uint32_t j = 0; j < n; j++) {
                seen |= hd_slice_eq(test.fields[j].name, test.fields[i].name);
            }
            if (!seen) {
                test.fields[n++] = test.fields[i];
            }
        }
        test.event.n_fields = n;
        other = test;
        other.event.fields = other.fields;
        for (uint32_t i = 0; i < n; i++) {
            other.fields[i] = test.fields[n - 1 - i];
        }
        bool ok = test_normalise(&test) && test_normalise(&other) &&
                  cJSON_Compare(test.json, other.json, true);
        test_event_deinit(&test);
        test_event_deinit(&other);
        REQUIRE(ok);
    }
}

static void many_values(void)
{
    /* twenty thousand different answers, each twice: not a comparison of all with all */
    struct hd_buffer results = {0};
    for (unsigned i = 0; i < 40000; i++) {
        unsigned n = i % 20000;
        hd_buffer_printf(&results, "10.%u.%u.%u;", n >> 16 & 255, n >> 8 & 255, n & 255);
    }
    struct test_event test;
    test_event_init(&test, 22);
    test.fields[test.event.n_fields++] =
        (struct hd_field){HD_SLICE("QueryResults"), hd_buffer_slice(&results), 0};
    REQUIRE(test_normalise(&test));
    CHECK_INT(cJSON_GetArraySize(test_item(test.json, "dns.answers")), 40000);
    CHECK_INT(cJSON_GetArraySize(test_item(test.json, "dns.resolved_ip")), 20000);
    CHECK_INT(cJSON_GetArraySize(test_item(test.json, "related.ip")), 20000);
    test_event_deinit(&test);
    hd_buffer_deinit(&results);
}

static void event_ids(void)
{
    char text[HD_EVENT_ID_SIZE];
    struct hd_origin origin = test_origin;
    origin.index = 12;
    CHECK_INT(hd_event_id(&origin, text), strlen("018f385f74b8-3-4711-12"));
    CHECK_STR(text, "018f385f74b8-3-4711-12");
    char partition[500];
    memset(partition, '"', sizeof(partition));
    origin.partition = hd_slice(partition, sizeof(partition));
    origin.sequence_number = INT64_MAX;
    origin.index = UINT32_MAX;
    size_t n = hd_event_id(&origin, text);
    CHECK(n < sizeof(text) && strlen(text) == n && !strchr(text, '"'));
}

HD_TEST_MAIN({"the System part", system_part}, {"times fall back", times_fall_back},
             {"other providers", other_providers}, {"nothing is lost", nothing_is_lost},
             {"sections", sections}, {"the envelope", envelope}, {"texts", texts},
             {"unknown records", unknown_records}, {"Sysmon for Linux", linux_sysmon},
             {"noise gives valid JSON", noise_gives_valid_json},
             {"the order of fields does not matter", order_does_not_matter},
             {"many values", many_values}, {"event ids", event_ids})
