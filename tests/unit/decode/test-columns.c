/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#define XML                                                                                        \
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"                \
    "<Provider Name='P' Guid='{AB}'/><EventID>5</EventID><Level>4</Level><Task>5</Task>"           \
    "<Opcode>0</Opcode><Execution ProcessID='10' ThreadID='11'/><Channel>Security</Channel>"       \
    "<Computer>vm</Computer></System><EventData><Data Name='Path'>C:\\\\a</Data></EventData>"      \
    "</Event>"

static struct collected c;

static const struct hd_event *one(const char *body)
{
    collect(&c, body);
    CHECK_INT(c.result, 0);
    CHECK_INT(c.n, 1);
    CHECK_INT(c.n_events, 1);
    return &c.items[0].event;
}

/* The XML is the truth; what only repeats it is gone, what differs or is new is kept. */
static void wad(void)
{
    const struct hd_event *e = one(
        "{\"time\":\"2024-05-02T08:15:30.1234567Z\",\"category\":\"WindowsEventLogsTable\","
        "\"level\":\"Informational\",\"properties\":{\"DeploymentId\":\"d\",\"Role\":\"IaaS\","
        "\"RoleInstance\":\"_VM\",\"ProviderGuid\":\"{ab}\",\"ProviderName\":\"P\",\"EventId\":5,"
        "\"Level\":3,\"Pid\":10,\"Tid\":11,\"Opcode\":0,\"Task\":5,\"Channel\":\"security\","
        "\"Description\":\"line\\r\\n\\tline\",\"RawXml\":\"" XML "\"}}");
    CHECK_INT(e->envelope, HD_ENVELOPE_WAD);
    CHECK_FIELD(e, "Path", "C:\\a");
    CHECK_INT(e->level, 4);
    CHECK_SLICE(e->envelope_time, "2024-05-02T08:15:30.1234567Z");
    CHECK_SLICE(e->message, "line\r\n\tline");
    CHECK_SLICE(e->channel, "Security");
    CHECK_ENVELOPE(e, "category", "WindowsEventLogsTable");
    CHECK_ENVELOPE(e, "level", "Informational");
    CHECK_ENVELOPE(e, "DeploymentId", "d");
    CHECK_ENVELOPE(e, "Role", "IaaS");
    CHECK_ENVELOPE(e, "RoleInstance", "_VM");
    CHECK_ENVELOPE(e, "Level", "3");
    CHECK_INT(e->n_envelope_fields, 6);
}

static void key_order(void)
{
    const struct hd_event *e =
        one("{ \"properties\" : { \"RawXml\" : \"" XML "\" , \"Channel\" :"
            " \"Security\" , \"DeploymentId\" : \"d\" } , \"time\" : \"t\" }");
    CHECK_INT(e->event_id, 5);
    CHECK_ENVELOPE(e, "DeploymentId", "d");
    CHECK_INT(e->n_envelope_fields, 1);
    CHECK_SLICE(e->envelope_time, "t");
}

static void wad_without_xml(void)
{
    const struct hd_event *e = one(
        "{\"time\":\"t\",\"properties\":{\"ProviderName\":\"P\",\"ProviderGuid\":\"{g}\","
        "\"EventId\":6,"
        "\"Level\":4,\"Pid\":1,\"Tid\":2,\"Channel\":\"C\",\"Description\":\"m\",\"Role\":\"r\","
        "\"RawXml\":\"\",\"Opcode\":null}}");
    CHECK_INT(e->envelope, HD_ENVELOPE_WAD);
    CHECK_SLICE(e->provider_name, "P");
    CHECK_SLICE(e->provider_guid, "{g}");
    CHECK_INT(e->event_id, 6);
    CHECK_INT(e->pid, 1);
    CHECK_INT(e->tid, 2);
    CHECK(!(e->has & HD_HAS_OPCODE));
    CHECK_SLICE(e->message, "m");
    CHECK_ENVELOPE(e, "Role", "r");
    CHECK_INT(e->n_fields, 0);
    CHECK_INT(e->section, HD_SECTION_NONE);
    CHECK_SLICE(e->xml, "");
}

static void xml_elsewhere(void)
{
    static const char *const bodies[] = {
        "{\"RawXml\":\"" XML "\",\"x\":1}",
        "{\"x\":1,\"xml\":\" \\n" XML "\"}",
        "{\"event\":{\"original\":\"" XML "\"},\"x\":1}",
        "{\"event.original\":\"" XML "\",\"x\":1}",
        "{\"x\":1,\"Event\":\"\\u003c?xml version='1.0'?>" XML "\"}",
        "{\"x\":1,\"message\":\"" XML "\"}",
        "{\"x\":1,\"EventData\":null,\"RawEventData\":\"" XML "\"}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct hd_event *e = one(bodies[i]);
        CHECK_INT(e->envelope, HD_ENVELOPE_JSON_XML);
        CHECK_INT(e->event_id, 5);
        CHECK_ENVELOPE(e, "x", "1");
        CHECK_INT(envelope_field(e, "x")->flags, HD_FIELD_JSON);
        CHECK(hd_slice_starts(e->xml, "<Event "));
    }
}

static void bad_xml_in_json(void)
{
    collect(&c, "{\"a\":1,\"properties\":{\"RawXml\":\"<Event><System></Sys></Event>\"}}\n");
    CHECK_INT(c.n_dead, 1);
    CHECK_INT(c.items[0].reason, HD_DEAD_MALFORMED_XML);
    CHECK_INT(c.items[0].at, 31);
    CHECK_INT(c.items[0].bytes.len, 63);
}

static void cut_xml_in_json(void)
{
    const struct hd_event *e =
        one("{\"properties\":{\"Channel\":\"C\",\"RawXml\":\"<Event><System><Provider Name='P'/>"
            "<EventID>5</EventID></System><EventData><Data Name='A'>1</Data><Data Name='B'>2\"}}");
    CHECK(e->cut);
    CHECK_SLICE(e->channel, "C"); /* the column fills what the XML has lost */
    CHECK_FIELD(e, "A", "1");
    CHECK_FIELD(e, "B", "2");
    CHECK_INT(field(e, "B")->flags, HD_FIELD_CUT);
}

static void log_analytics(void)
{
    const struct hd_event *e =
        one("{\"TenantId\":\"t\",\"TimeGenerated\":\"2024-05-02T08:15:30.123Z\",\"Provider\":\"P\","
            "\"Channel\":\"C\",\"Computer\":\"VM01\",\"Task\":1,\"EventLevel\":4,"
            "\"EventLevelName\":\"Information\",\"EventData\":\"{\\\"RuleName\\\":\\\"-\\\","
            "\\\"Image\\\":\\\"C:\\\\\\\\a\\\",\\\"n\\\":1}\",\"EventID\":5,\"Type\":"
            "\"WindowsEvent\"}");
    CHECK_INT(e->envelope, HD_ENVELOPE_COLUMNS);
    CHECK_INT(e->section, HD_SECTION_EVENT_DATA);
    CHECK_FIELD(e, "RuleName", "-");
    CHECK_FIELD(e, "Image", "C:\\a");
    CHECK_FIELD(e, "n", "1");
    CHECK_INT(field(e, "n")->flags, HD_FIELD_JSON);
    CHECK_INT(e->n_fields, 3);
    CHECK_SLICE(e->computer, "VM01");
    CHECK_SLICE(e->level_text, "Information");
    CHECK_INT(e->level, 4);
    CHECK_SLICE(e->envelope_time, "2024-05-02T08:15:30.123Z");
    CHECK_ENVELOPE(e, "TenantId", "t");
    CHECK_ENVELOPE(e, "Type", "WindowsEvent");
}

static void event_data_in_other_forms(void)
{
    const struct hd_event *e =
        one("{\"EventID\":5,\"Source\":\"P\",\"EventLog\":\"C\",\"x\":1,\"EventData\":"
            "\"<DataItem type=\\\"System.XmlData\\\"><EventData xmlns=\\\"u\\\">\\r\\n"
            "  <Data Name=\\\"A\\\">1&amp;</Data></EventData></DataItem>\"}");
    CHECK_SLICE(e->provider_name, "P");
    CHECK_SLICE(e->channel, "C");
    CHECK_FIELD(e, "A", "1&");
    CHECK_ENVELOPE(e, "x", "1");
    e = one("{\"EventID\":5,\"Channel\":\"C\",\"EventData\":{\"A\":\"1\\n\",\"B\":{\"c\":[1]}}}");
    CHECK_FIELD(e, "A", "1\n");
    CHECK_FIELD(e, "B", "{\"c\":[1]}");
    CHECK_INT(field(e, "B")->flags, HD_FIELD_JSON);
    e = one(
        "{\"EventID\":5,\"Channel\":\"C\",\"ParameterXml\":\"<Param>a</Param><Param>b</Param>\"}");
    CHECK_FIELD(e, "param1", "a");
    CHECK_FIELD(e, "param2", "b");
    e = one("{\"EventID\":5,\"Channel\":\"C\",\"ParameterXml\":\"<Param>a</"
            "Param>\",\"EventData\":{\"A\":1}}");
    CHECK_INT(e->n_fields, 1);
    CHECK_ENVELOPE(e, "ParameterXml", "<Param>a</Param>");
    e = one("{\"EventID\":5,\"Channel\":\"C\",\"EventData\":\"{not json\"}");
    CHECK_FIELD(e, "EventData", "{not json");
    e = one("{\"EventID\":5,\"Channel\":\"C\",\"EventData\":\"<Data>x</Dat>\"}");
    CHECK_FIELD(e, "EventData", "<Data>x</Dat>");
    CHECK_INT(e->n_fields, 1);
    e = one("{\"event_id\":1102,\"log_name\":\"Security\",\"user_data\":{\"xml_name\":"
            "\"LogFileCleared\","
            "\"SubjectUserName\":\"u\"},\"keywords\":[\"Audit Success\"],\"event_data\":null}");
    CHECK_INT(e->section, HD_SECTION_USER_DATA);
    CHECK_SLICE(e->section_name, "LogFileCleared");
    CHECK_FIELD(e, "SubjectUserName", "u");
    CHECK_ENVELOPE(e, "keywords", "[\"Audit Success\"]");
}

static void security_event(void)
{
    const struct hd_event *e =
        one("{\"Computer\":\"V\",\"EventSourceName\":\"P\",\"Channel\":\"Security\",\"Level\":"
            "\"0\",\"EventID\":4688,"
            "\"Activity\":\"4688 - "
            "x\",\"NewProcessId\":\"0x1\",\"Account\":\"D\\\\u\",\"Type\":\"SecurityEvent\","
            "\"EventData\":\"<EventData><Data Name=\\\"NewProcessId\\\">0x1</Data></EventData>\"}");
    CHECK_SLICE(e->provider_name, "P");
    CHECK_INT(e->level, 0);
    CHECK(e->has & HD_HAS_LEVEL);
    CHECK_FIELD(e, "Account", "D\\u");
    CHECK_FIELD(e, "NewProcessId", "0x1");
    CHECK_FIELD(e, "Activity", "4688 - x");
    CHECK_ENVELOPE(e, "Type", "SecurityEvent");
}

static void nxlog(void)
{
    const struct hd_event *e =
        one("{\"EventTime\":\"2024-05-02 "
            "10:15:30\",\"Hostname\":\"vm01\",\"Keywords\":-9223372036854775808,"
            "\"EventType\":\"INFO\",\"SeverityValue\":2,\"Severity\":\"INFO\",\"EventID\":3,"
            "\"SourceName\":\"P\","
            "\"Version\":5,\"Task\":3,\"OpcodeValue\":0,\"RecordNumber\":464652,"
            "\"ExecutionProcessID\":3520,"
            "\"ThreadID\":4168,\"Channel\":\"C\",\"Domain\":\"D\",\"UserID\":\"S-1-5-18\","
            "\"Message\":\"m\","
            "\"Category\":\"cat\",\"Opcode\":\"Info\",\"UtcTime\":\"u\",\"ProcessId\":\"3548\","
            "\"ProcessID\":\"7\","
            "\"Description\":\"text\",\"SourceModuleName\":\"eventlog\"}");
    CHECK_SLICE(e->time_created, ""); /* no zone: no time */
    CHECK_ENVELOPE(e, "EventTime", "2024-05-02 10:15:30");
    CHECK(e->keywords == 0x8000000000000000u);
    CHECK_ENVELOPE(e, "EventType", "INFO");
    CHECK_ENVELOPE(e, "Domain", "D");
    CHECK_SLICE(e->task_text, "cat");
    CHECK_SLICE(e->opcode_text, "Info");
    CHECK_SLICE(e->level_text, "INFO");
    CHECK_INT(e->record_id, 464652);
    CHECK_INT(e->pid, 3520);
    CHECK_INT(e->tid, 4168);
    CHECK_SLICE(e->user_id, "S-1-5-18");
    CHECK_FIELD(e, "UtcTime", "u");
    CHECK_FIELD(e, "ProcessId", "3548");
    CHECK_FIELD(e, "ProcessID", "7");
    CHECK_FIELD(e, "Description", "text");
    CHECK_INT(e->n_fields, 4);
    e = one("{\"EventID\":12,\"SourceName\":\"P\",\"EventType\":\"CreateKey\",\"SourceModuleName\":"
            "\"e\"}");
    CHECK_FIELD(e, "EventType", "CreateKey");
    e = one("{\"EventID\":12,\"SourceName\":\"P\",\"ProcessID\":7,\"SourceModuleName\":\"e\"}");
    CHECK_INT(e->pid, 7);
    CHECK_INT(e->n_fields, 0);
    e = one("{\"EventTime\":\"2024-05-02T10:15:30+02:00\",\"EventID\":12,\"SourceName\":\"P\"}");
    CHECK_SLICE(e->time_created, "2024-05-02T10:15:30+02:00");
}

static void beats(void)
{
    const struct hd_event *e = one(
        "{\"@timestamp\":\"2024-05-02T08:15:30.1Z\",\"event\":{\"code\":\"9\",\"provider\":\"Q\","
        "\"kind\":\"event\"},\"host\":{\"name\":\"h\"},\"message\":\"m\",\"winlog\":{\"channel\":"
        "\"C\","
        "\"event_id\":\"1\",\"provider_name\":\"P\",\"record_id\":9007199254740993,\"task\":\"T\","
        "\"process\":{\"pid\":1,\"thread\":{\"id\":2}},\"user\":{\"identifier\":\"S-1\"},\"api\":"
        "\"x\","
        "\"event_data\":{\"A\":\"b\",\"param1\":\"c\"}}}");
    CHECK_INT(e->envelope, HD_ENVELOPE_COLUMNS);
    CHECK_SLICE(e->time_created, "2024-05-02T08:15:30.1Z");
    CHECK_INT(e->event_id, 1);
    CHECK_SLICE(e->provider_name, "P");
    CHECK_INT(e->record_id, 9007199254740993);
    CHECK_INT(e->pid, 1);
    CHECK_INT(e->tid, 2);
    CHECK_SLICE(e->user_id, "S-1");
    CHECK_SLICE(e->task_text, "T");
    CHECK_SLICE(e->message, "m");
    CHECK_FIELD(e, "A", "b");
    CHECK_INT(e->n_fields, 2);
    CHECK_ENVELOPE(e, "winlog.api", "x");
    CHECK_ENVELOPE(e, "event.kind", "event");
    CHECK_ENVELOPE(e, "event.provider", "Q"); /* says something else */
    CHECK_ENVELOPE(e, "host", "{\"name\":\"h\"}");
}

static void fluent_bit(void)
{
    const struct hd_event *e = one(
        "{\"ProviderName\":\"P\",\"EventID\":1,\"Channel\":\"C\",\"ProcessID\":7,\"ThreadID\":8,"
        "\"StringInserts\":[\"a\\n\",1,null,true],\"Extra\":\"x\"}");
    CHECK_INT(e->pid, 7);
    CHECK_FIELD(e, "param1", "a\n");
    CHECK_INT(field(e, "param1")->flags, HD_FIELD_UNNAMED);
    CHECK_INT(field(e, "param2")->flags, HD_FIELD_UNNAMED | HD_FIELD_JSON);
    CHECK_FIELD(e, "param3", "");
    CHECK_FIELD(e, "param4", "true");
    CHECK_ENVELOPE(e, "Extra", "x");
}

static void duplicates_and_escaped_names(void)
{
    const struct hd_event *e =
        one("{\"EventID\":1,\"EventID\":2,\"Channel\":\"C\",\"Channel\":\"D\","
            "\"A\":1,\"A\":2,\"\\u0042\":\"3\"}");
    CHECK_INT(e->event_id, 1);
    CHECK_SLICE(e->channel, "C");
    CHECK_ENVELOPE(e, "EventID", "2");
    CHECK_ENVELOPE(e, "Channel", "D");
    CHECK_FIELD(e, "A", "1");
    CHECK_SLICE(find_nth(e->fields, e->n_fields, "A", 1)->value, "2");
    CHECK_FIELD(e, "B", "3");
}

/* What was tolerated inside a value is never passed off as JSON. */
static void tolerated_values(void)
{
    const struct hd_event *e = one("{\"EventID\":1,\"Channel\":\"C\",\"A\":[1,],\"B\":[1],\"C\":"
                                   "\"\n\x01\",\"D\":{\"x\":\"\n\"}}");
    CHECK_INT(field(e, "A")->flags, 0);
    CHECK_INT(field(e, "B")->flags, HD_FIELD_JSON);
    CHECK_FIELD(e, "C", "\n\x01");
    CHECK_INT(field(e, "D")->flags, 0);
}

static void not_windows(void)
{
    static const char *const bodies[] = {
        "{\"time\":\"t\",\"metricName\":\"m\",\"total\":1}",
        "{\"EventID\":5}",
        "{\"Channel\":\"C\",\"ProviderName\":\"P\"}",
        "{\"EventID\":\"five\",\"Channel\":\"C\"}",
        "{\"EventID\":99999999999,\"Channel\":\"C\"}",
        "{\"properties\":{\"RawXml\":\"<Eventful/>\"}}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct hd_event *e = one(bodies[i]);
        CHECK_INT(e->envelope, HD_ENVELOPE_UNKNOWN);
        CHECK_SLICE(e->record, bodies[i]);
        CHECK_INT(e->n_fields + e->n_envelope_fields, 0);
    }
}

static void without_message(void)
{
    const struct hd_decode_limits limits = {.skip_message = true};
    static const char with_xml[] =
        "{\"properties\":{\"Description\":\"m\",\"RawXml\":\"" XML "\"}}";
    static const char alone[] = "{\"EventID\":1,\"Channel\":\"C\",\"Message\":\"m\"}";
    collect_n(&c, &limits, with_xml, strlen(with_xml));
    CHECK_INT(c.n_events, 1);
    CHECK_SLICE(c.items[0].event.message, "");
    collect_n(&c, NULL, with_xml, strlen(with_xml));
    CHECK_SLICE(c.items[0].event.message, "m");
    /* where it is all there is of the data it stays */
    collect_n(&c, &limits, alone, strlen(alone));
    CHECK_INT(c.n_events, 1);
    CHECK_SLICE(c.items[0].event.message, "m");
    CHECK_INT(c.items[0].event.n_fields, 0);
}

HD_TEST_MAIN({"WAD", wad}, {"any order of keys", key_order}, {"WAD without XML", wad_without_xml},
             {"event XML in other columns", xml_elsewhere}, {"bad XML in JSON", bad_xml_in_json},
             {"cut XML in JSON", cut_xml_in_json}, {"rows of WindowsEvent", log_analytics},
             {"event data as JSON, XML, array", event_data_in_other_forms},
             {"rows of SecurityEvent", security_event}, {"NXLog", nxlog}, {"Winlogbeat", beats},
             {"Fluent Bit", fluent_bit}, {"duplicates", duplicates_and_escaped_names},
             {"values that are no JSON", tolerated_values},
             {"what is no Windows event", not_windows},
             {"the message can be left out", without_message})
