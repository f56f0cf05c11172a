/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#define NS          "xmlns='http://schemas.microsoft.com/win/2004/08/events/event'"
#define SYSTEM      "<System><Provider Name='P'/><EventID>1</EventID></System>"
#define EVENT(rest) "<Event " NS ">" SYSTEM rest "</Event>"
#define DATA(rest)  EVENT("<EventData>" rest "</EventData>")

static struct collected c;

static const struct hd_event *parse(const char *xml)
{
    CHECK_INT(collect_xml(&c, xml), 0);
    return &c.items[0].event;
}

static void system_part(void)
{
    const struct hd_event *e = parse(
        "<Event " NS "><System>"
        "<Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385F-C22A-43E0-BF4C-06F5698FFBD9}'/>"
        "<EventID>3</EventID><Version>5</Version><Level>4</Level><Task>3</Task><Opcode>0</Opcode>"
        "<Keywords>0x8000000000000000</Keywords>"
        "<TimeCreated SystemTime='2024-05-02T08:15:30.123456700Z'/>"
        "<EventRecordID>18446744073709551615</EventRecordID>"
        "<Correlation ActivityID='{a}' RelatedActivityID='{b}'/>"
        "<Execution ProcessID='3000' ThreadID='4000' ProcessorID='1'/>"
        "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>vm.example</Computer>"
        "<Security UserID='S-1-5-18'/></System><EventData/></Event>");
    CHECK_SLICE(e->provider_name, "Microsoft-Windows-Sysmon");
    CHECK_SLICE(e->provider_guid, "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}");
    CHECK_INT(e->event_id, 3);
    CHECK_INT(e->version, 5);
    CHECK_INT(e->level, 4);
    CHECK_INT(e->task, 3);
    CHECK_INT(e->opcode, 0);
    CHECK(e->keywords == 0x8000000000000000u);
    CHECK(e->record_id == UINT64_MAX);
    CHECK_SLICE(e->time_created, "2024-05-02T08:15:30.123456700Z");
    CHECK_SLICE(e->activity_id, "{a}");
    CHECK_SLICE(e->related_activity_id, "{b}");
    CHECK_INT(e->pid, 3000);
    CHECK_INT(e->tid, 4000);
    CHECK_ENVELOPE(e, "Execution.ProcessorID", "1");
    CHECK_SLICE(e->channel, "Microsoft-Windows-Sysmon/Operational");
    CHECK_SLICE(e->computer, "vm.example");
    CHECK_SLICE(e->user_id, "S-1-5-18");
    CHECK_INT(e->has, (HD_HAS_TID << 1) - 1 - HD_HAS_QUALIFIERS);
    CHECK_INT(e->section, HD_SECTION_EVENT_DATA);
    CHECK_INT(e->n_fields, 0);
    CHECK_INT(e->envelope, HD_ENVELOPE_XML);
    CHECK(!e->cut);
}

/* Double quotes, indentation, another order, prefixes: the same event. */
static void other_ways_to_write(void)
{
    const struct hd_event *e = parse(
        "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- c -->\n"
        "<e:Event xmlns:e=\"http://schemas.microsoft.com/win/2004/08/events/event\">\r\n"
        "  <e:System>\r\n    <e:EventID Qualifiers=\"16384\"> 7036 </e:EventID>\r\n"
        "    <e:Provider EventSourceName = \"S\" Name=\"A &amp; B\" />\r\n    <e:Level >4</e:Level "
        ">\r\n"
        "    <e:Security UserId='S-1-5-19'></e:Security>\r\n"
        "    <e:Channel><![CDATA[Sys<tem]]></e:Channel>\r\n    <Correlation/>\r\n  </e:System>\r\n"
        "  <e:EventData>\r\n    <e:Data Name=\"x\">1</e:Data>\r\n    <e:Data\n\tName = 'y' "
        ">2</e:Data>"
        "\r\n  </e:EventData>\r\n</e:Event>\r\n");
    CHECK_INT(e->event_id, 7036);
    CHECK_INT(e->qualifiers, 16384);
    CHECK_SLICE(e->provider_name, "A & B");
    CHECK_SLICE(e->event_source_name, "S");
    CHECK_INT(e->level, 4);
    CHECK_SLICE(e->user_id, "S-1-5-19");
    CHECK_SLICE(e->channel, "Sys<tem");
    CHECK_INT(e->has, HD_HAS_EVENT_ID | HD_HAS_QUALIFIERS | HD_HAS_LEVEL);
    CHECK_INT(e->n_fields, 2);
    CHECK_FIELD(e, "x", "1");
    CHECK_FIELD(e, "y", "2");
    CHECK(hd_slice_starts(e->xml, "<e:Event"));
}

static void system_oddities(void)
{
    const struct hd_event *e =
        parse("<Event " NS "><System><Provider Name='P'/><Provider Name='Q'/><EventID>1</EventID>"
              "<Level>high</Level><Task>99999999999</Task><New a='1'>x</New><Computer/>"
              "<Execution ProcessID='1' ThreadID='x'/></System></Event>");
    CHECK_SLICE(e->provider_name, "P");
    CHECK_ENVELOPE(e, "Provider.Name", "Q");
    CHECK(!(e->has & (HD_HAS_LEVEL | HD_HAS_TASK | HD_HAS_TID)));
    CHECK_ENVELOPE(e, "Level", "high");
    CHECK_ENVELOPE(e, "Task", "99999999999");
    CHECK_ENVELOPE(e, "New", "x");
    CHECK_ENVELOPE(e, "New.a", "1");
    CHECK_INT(e->pid, 1);
    CHECK_ENVELOPE(e, "Execution.ThreadID", "x");
    CHECK(envelope_field(e, "Execution.ProcessID") == NULL);
    CHECK_INT(e->section, HD_SECTION_NONE);
}

static void event_data_forms(void)
{
    const struct hd_event *e = parse(
        EVENT("<EventData Name='T'><Data Name='A'>x</Data><Data Name='B'></Data><Data Name='C'/>"
              "<Data>first</Data><Data/><Data Name='A'>again</Data><Data Name='param1'>named</Data>"
              "<Binary>0A0B</Binary><Data Name='D' Type='t'>v</Data>"
              "<ComplexData Name='E'><k>1</k><k>2</k></ComplexData><Data>l<b>m</b>n</Data>"
              "</EventData>"));
    CHECK_SLICE(e->section_name, "T");
    CHECK_INT(e->section, HD_SECTION_EVENT_DATA);
    CHECK_FIELD(e, "A", "x");
    CHECK_FIELD(e, "B", "");
    CHECK_FIELD(e, "C", "");
    CHECK_SLICE(find_nth(e->fields, e->n_fields, "A", 1)->value, "again");
    CHECK_FIELD(e, "param1", "first");
    CHECK_INT(field(e, "param1")->flags, HD_FIELD_UNNAMED);
    CHECK_FIELD(e, "param2", "");
    CHECK_SLICE(find_nth(e->fields, e->n_fields, "param1", 1)->value, "named");
    CHECK_INT(find_nth(e->fields, e->n_fields, "param1", 1)->flags, 0);
    CHECK_FIELD(e, "Binary", "0A0B");
    CHECK_FIELD(e, "D", "v");
    CHECK_FIELD(e, "D.Type", "t");
    CHECK_FIELD(e, "E.k", "1");
    CHECK_SLICE(find_nth(e->fields, e->n_fields, "E.k", 1)->value, "2");
    CHECK_FIELD(e, "param3.b", "m");
    CHECK_FIELD(e, "param3", "ln");
    CHECK_INT(e->n_fields, 14);
}

static void user_data(void)
{
    const struct hd_event *e = parse(EVENT(
        "<UserData><LogFileCleared xmlns:auto-ns3='http://schemas' "
        "xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'>"
        "<SubjectUserSid>S-1</SubjectUserSid><A b='1'><C>x</C><D><E/></D></A></LogFileCleared>"
        "</UserData>"));
    CHECK_INT(e->section, HD_SECTION_USER_DATA);
    CHECK_SLICE(e->section_name, "LogFileCleared");
    CHECK_FIELD(e, "SubjectUserSid", "S-1");
    CHECK_FIELD(e, "A.b", "1");
    CHECK_FIELD(e, "A.C", "x");
    CHECK_FIELD(e, "A.D.E", "");
    CHECK_INT(e->n_fields, 4);
}

static void other_sections(void)
{
    const struct hd_event *e = parse(
        EVENT("<ProcessingErrorData><ErrorCode>15003</ErrorCode><DataItemName>x</DataItemName>"
              "<EventPayload>0A</EventPayload></ProcessingErrorData>"));
    CHECK_INT(e->section, HD_SECTION_PROCESSING);
    CHECK_FIELD(e, "ErrorCode", "15003");
    CHECK_FIELD(e, "EventPayload", "0A");
    e = parse(
        EVENT("<DebugData><SequenceNumber>7</SequenceNumber><Message>m</Message></DebugData>"));
    CHECK_INT(e->section, HD_SECTION_DEBUG);
    CHECK_FIELD(e, "SequenceNumber", "7");
    e = parse(EVENT("<BinaryEventData>0A0B</BinaryEventData>"));
    CHECK_INT(e->section, HD_SECTION_BINARY);
    CHECK_FIELD(e, "BinaryEventData", "0A0B");
    e = parse(EVENT("<Other><A>1</A></Other>"));
    CHECK_FIELD(e, "Other.A", "1");
}

static void rendering_info(void)
{
    const struct hd_event *e = parse(
        EVENT("<RenderingInfo Culture='de-DE'><Message>Prozess &amp; beendet\r\n</Message>"
              "<Level>Informationen</Level><Task>T</Task><Opcode>Info</Opcode><Channel>K</Channel>"
              "<Provider>R</Provider><Keywords><Keyword>a</Keyword><Keyword>b</Keyword></Keywords>"
              "</RenderingInfo>"));
    CHECK_SLICE(e->culture, "de-DE");
    CHECK_SLICE(e->message, "Prozess & beendet\r\n");
    CHECK_SLICE(e->level_text, "Informationen");
    CHECK_SLICE(e->task_text, "T");
    CHECK_SLICE(e->opcode_text, "Info");
    CHECK_SLICE(e->channel_text, "K");
    CHECK_SLICE(e->keywords_text, "a, b");
    CHECK_ENVELOPE(e, "RenderingInfo.Provider", "R");
    CHECK_SLICE(e->channel, "");
}

static void entities(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"&lt;&gt;&amp;&quot;&apos;", "<>&\"'"},
        {"&amp;lt;", "&lt;"}, /* decoded once */
        {"a&#13;&#xA;&#x9;b", "a\r\n\tb"},
        {"&#233;&#x20AC;&#128512;", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"&#xD83D;&#xDE00;", "\xf0\x9f\x98\x80"},
        {"&#xD83D;x&#xDE00;", "\xef\xbf\xbdx\xef\xbf\xbd"},
        {"&#0;&#x110000;&#99999999999;", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"&#1;&#xFFFE;", "\x01\xef\xbf\xbe"},
        {"&bogus; & &; &# &#; &#x; &#xg; &lt", "&bogus; & &; &# &#; &#x; &#xg; &lt"},
        {"raw \x02\x94\xff \r\n \" ' >", "raw \x02\x94\xff \r\n \" ' >"},
        {"C:\\a\\\"b\" %%1936", "C:\\a\\\"b\" %%1936"},
        {"<![CDATA[<x>&amp;]]>", "<x>&amp;"},
        {"a<!-- > -->b<?pi ?>c<![CDATA[d]]>&amp;e", "abcd&e"},
        {"&amp;<!-- -->&lt;", "&<"},
        {"]]>", "]]>"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char xml[1024];
        snprintf(xml, sizeof(xml), "%s%s%s", "<Event " NS ">" SYSTEM "<EventData><Data Name='a'>",
                 cases[i].in, "</Data><Data Name='b'>1</Data></EventData></Event>");
        const struct hd_event *e = parse(xml);
        CHECK_FIELD(e, "a", cases[i].out);
        CHECK_FIELD(e, "b", "1");
    }
    const struct hd_event *e = parse(DATA("<Data Name='a&lt;&#65;'>1</Data>"));
    CHECK_FIELD(e, "a<A", "1");
}

static void nul_bytes(void)
{
    static const char xml[] =
        "<Event " NS ">" SYSTEM "<EventData><Data Name='a'>x\0y</Data></EventData></Event>\0\0";
    CHECK_INT(collect_xml_n(&c, NULL, xml, sizeof(xml) - 1), 0);
    CHECK_INT(field(&c.items[0].event, "a")->value.len, 3);
}

static void refused(void)
{
    static const struct {
        const char *xml;
        int reason;
    } cases[] = {
        {"<!DOCTYPE Event [<!ENTITY a 'b'>]>" DATA(""), HD_DEAD_MALFORMED_XML},
        {DATA("<!ENTITY a 'b'>"), HD_DEAD_MALFORMED_XML},
        {DATA("<Data Name='a'>x</Dat>"), HD_DEAD_MALFORMED_XML},
        {DATA("<Data Name=a>x</Data>"), HD_DEAD_MALFORMED_XML},
        {DATA("<Data Name>x</Data>"), HD_DEAD_MALFORMED_XML},
        {DATA("< Data>x</Data>"), HD_DEAD_MALFORMED_XML},
        {DATA("<Data/ >"), HD_DEAD_MALFORMED_XML},
        {EVENT("</System>"), HD_DEAD_MALFORMED_XML},
        {DATA("") "tail", HD_DEAD_MALFORMED_XML},
        {DATA("") DATA(""), HD_DEAD_MALFORMED_XML},
        {"<Other/>", HD_DEAD_NOT_AN_EVENT},
        {"<Event/>", HD_DEAD_NOT_AN_EVENT},
        {"<Event " NS "><EventData/></Event>", HD_DEAD_NOT_AN_EVENT},
        {"text", HD_DEAD_NOT_AN_EVENT},
        {"", HD_DEAD_NOT_AN_EVENT},
        {"<Event", HD_DEAD_TRUNCATED},
        {"<Event " NS "><System>", HD_DEAD_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_INT(collect_xml(&c, cases[i].xml), cases[i].reason);
        if (hd_test_failed) {
            printf("# %s\n", cases[i].xml);
            return;
        }
    }
}

/* Wherever the XML ends: what was complete before is there, and nothing is made up. */
static void cut_anywhere(void)
{
    static const char xml[] = EVENT(
        "<EventData><Data Name='A'>one &amp; two</Data><Data Name='B'>three</Data></EventData>");
    const char *after_system = strstr(xml, "<EventData>"), *b = strstr(xml, "<Data Name='B'>");
    for (size_t n = (size_t)(after_system - xml); n < sizeof(xml) - 1; n++) {
        CHECK_INT(collect_xml_n(&c, NULL, xml, n), 0);
        const struct hd_event *e = &c.items[0].event;
        CHECK(e->cut);
        CHECK_INT(e->event_id, 1);
        for (uint32_t i = 0; i < e->n_fields; i++) {
            const char *whole = i == 0 ? "one & two" : "three";
            const struct hd_field *f = &e->fields[i];
            CHECK(i < 2);
            CHECK((f->flags & HD_FIELD_CUT) || hd_slice_is(f->value, whole));
        }
        CHECK(n <= (size_t)(b - xml) || field(e, "A"));
        if (n > (size_t)(b - xml)) {
            CHECK_INT(field(e, "A")->flags, 0);
        }
    }
    collect_xml(&c, "<Event " NS ">" SYSTEM "<EventData><Data Name='A'>x &am");
    CHECK_FIELD(&c.items[0].event, "A", "x &am");
    CHECK_INT(field(&c.items[0].event, "A")->flags, HD_FIELD_CUT);
    collect_xml(&c, "<Event " NS ">" SYSTEM "<EventData><Data Name='A'>x</Da");
    CHECK_FIELD(&c.items[0].event, "A", "x");
    CHECK_INT(field(&c.items[0].event, "A")->flags, 0);
    collect_xml(&c, "<Event " NS "><System><Provider Name='P'/><EventID>1</EventID><Computer>vm");
    CHECK_SLICE(c.items[0].event.computer, "");
    CHECK(c.items[0].event.cut);
}

static void limits(void)
{
    static char xml[600000];
    const struct hd_decode_limits small = {
        .max_depth = 8, .max_fields = 10, .max_record_bytes = 500000};
    size_t n = (size_t)sprintf(xml, "<Event " NS ">" SYSTEM "<UserData><W>");
    size_t start = n;
    for (int i = 0; i < 9; i++) {
        n += (size_t)sprintf(xml + n, "<a>");
    }
    CHECK_INT(collect_xml_n(&c, &small, xml, n), HD_DEAD_TOO_DEEP);
    n = start;
    for (int i = 0; i < 11; i++) {
        n += (size_t)sprintf(xml + n, "<a/>");
    }
    CHECK_INT(collect_xml_n(&c, &small, xml, n), HD_DEAD_TOO_MANY_FIELDS);
    n = start + (size_t)sprintf(xml + start, "<a");
    for (int i = 0; i < 40; i++) {
        n += (size_t)sprintf(xml + n, " a%d='1'", i);
    }
    CHECK_INT(collect_xml_n(&c, NULL, xml, n + (size_t)sprintf(xml + n, "/>")),
              HD_DEAD_TOO_MANY_FIELDS);
    CHECK_INT(collect_xml_n(&c, &small, xml, sizeof(xml)), HD_DEAD_TOO_LARGE);

    /* Names joined from deep nesting grow without end: an outcome, not an error of ours. */
    n = start;
    for (int i = 0; i < 20; i++) {
        memset(xml + n, 'n', 10000);
        xml[n] = '<';
        xml[n + 9999] = '>';
        n += 10000;
    }
    for (int i = 0; i < 4000; i++) {
        n += (size_t)sprintf(xml + n, "<a/>");
    }
    CHECK_INT(collect_xml_n(&c, NULL, xml, n), HD_DEAD_TOO_LARGE);
}

static void large_value(void)
{
    size_t len = 300000;
    char *xml = malloc(len + 1000);
    size_t n = (size_t)sprintf(xml, "<Event " NS ">" SYSTEM "<EventData><Data Name='a'>");
    size_t start = n;
    for (; n < len; n += 5) {
        memcpy(xml + n, "&lt;x", 5);
    }
    size_t want = (n - start) / 5 * 2;
    n += (size_t)sprintf(xml + n, "</Data></EventData></Event>");
    CHECK_INT(collect_xml_n(&c, NULL, xml, n), 0);
    CHECK_INT(field(&c.items[0].event, "a")->value.len, want);
    free(xml);
}

HD_TEST_MAIN({"the System part", system_part}, {"quotes, order, prefixes", other_ways_to_write},
             {"what System's table does not know", system_oddities},
             {"EventData in all its forms", event_data_forms}, {"UserData is flattened", user_data},
             {"the other sections", other_sections}, {"RenderingInfo", rendering_info},
             {"entities are decoded once", entities}, {"NUL bytes", nul_bytes},
             {"what is refused", refused}, {"cut XML keeps what was complete", cut_anywhere},
             {"limits", limits}, {"a large value", large_value})
