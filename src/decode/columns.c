/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: one table for all the shapes in which shippers send an event as columns (data sheet,
 * section 1): a row a name. Names of opened objects are joined with '.', which also reads senders
 * that write the dots themselves. Where a name means different things, the flags say in which shape
 * the row holds. A hash over the names is built once a decoder.
 */
#include "columns.h"
#include "scan.h"

#define AT(member) offsetof(struct hd_event, member)
#define TEXT(name, member, flags)                                                                  \
    {                                                                                              \
        HD_SLICE(name), AT(member), 0, 0, COLUMN_TEXT, flags                                       \
    }
#define U32(name, member, has, flags)                                                              \
    {                                                                                              \
        HD_SLICE(name), AT(member), 0, has, COLUMN_U32, flags                                      \
    }
#define U64(name, member, has, flags)                                                              \
    {                                                                                              \
        HD_SLICE(name), AT(member), 0, has, COLUMN_U64, flags                                      \
    }
#define WORD(name, member, text, has, flags)                                                       \
    {                                                                                              \
        HD_SLICE(name), AT(member), AT(text), has, COLUMN_U32, flags                               \
    }
#define KEYWORDS(name)                                                                             \
    {                                                                                              \
        HD_SLICE(name), AT(keywords), AT(keywords_text), HD_HAS_KEYWORDS, COLUMN_KEYWORDS, 0       \
    }
#define KIND(name, kind)                                                                           \
    {                                                                                              \
        HD_SLICE(name), 0, 0, 0, kind, 0                                                           \
    }
#define NXLOG(name)                                                                                \
    {                                                                                              \
        HD_SLICE(name), 0, 0, 0, COLUMN_ENVELOPE, RULE_NXLOG                                       \
    }

// clang-format off
static const struct column_rule rules[] = {
    /* the event XML */
    KIND("RawXml", COLUMN_XML), KIND("rawXml", COLUMN_XML), KIND("RawXML", COLUMN_XML),
    KIND("rawxml", COLUMN_XML), KIND("raw_xml", COLUMN_XML), KIND("EventXML", COLUMN_XML),
    KIND("EventXml", COLUMN_XML), KIND("eventXml", COLUMN_XML), KIND("xml", COLUMN_XML),
    KIND("XML", COLUMN_XML), KIND("Xml", COLUMN_XML), KIND("Event", COLUMN_XML),
    KIND("RawEventData", COLUMN_XML), KIND("event.original", COLUMN_XML), KIND("raw", COLUMN_XML),
    KIND("_raw", COLUMN_XML), KIND("body", COLUMN_XML), KIND("Body", COLUMN_XML),
    KIND("log", COLUMN_XML), KIND("payload", COLUMN_XML),

    /* event data */
    KIND("EventData", COLUMN_DATA), KIND("event_data", COLUMN_DATA),
    KIND("winlog.event_data", COLUMN_DATA), {HD_SLICE("ParameterXml"), 0, 0, 0, COLUMN_DATA, RULE_LATE},
    KIND("UserData", COLUMN_USER_DATA), KIND("user_data", COLUMN_USER_DATA),
    KIND("winlog.user_data", COLUMN_USER_DATA),
    KIND("StringInserts", COLUMN_INSERTS),

    /* opened */
    KIND("winlog", COLUMN_OPEN), KIND("event", COLUMN_OPEN), KIND("winlog.process", COLUMN_OPEN),
    KIND("winlog.process.thread", COLUMN_OPEN), KIND("winlog.user", COLUMN_OPEN),

    /* WAD; Log Analytics; Fluent Bit; NXLog; Winlogbeat 6; Winlogbeat 7 and later */
    TEXT("ProviderName", provider_name, 0), TEXT("Provider", provider_name, 0),
    TEXT("SourceName", provider_name, 0), TEXT("EventSourceName", provider_name, 0),
    TEXT("source_name", provider_name, 0), TEXT("winlog.provider_name", provider_name, 0),
    TEXT("Source", provider_name, RULE_LATE), TEXT("event.provider", provider_name, RULE_LATE),
    TEXT("ProviderGuid", provider_guid, 0), TEXT("provider_guid", provider_guid, 0),
    TEXT("winlog.provider_guid", provider_guid, 0),

    U32("EventId", event_id, HD_HAS_EVENT_ID, 0), U32("EventID", event_id, HD_HAS_EVENT_ID, 0),
    U32("event_id", event_id, HD_HAS_EVENT_ID, 0),
    U32("winlog.event_id", event_id, HD_HAS_EVENT_ID, 0),
    U32("event.code", event_id, HD_HAS_EVENT_ID, RULE_LATE),
    U32("Qualifiers", qualifiers, HD_HAS_QUALIFIERS, 0),
    U32("Version", version, HD_HAS_VERSION, 0), U32("version", version, HD_HAS_VERSION, 0),
    U32("winlog.version", version, HD_HAS_VERSION, 0),

    WORD("Level", level, level_text, HD_HAS_LEVEL, 0),
    WORD("EventLevel", level, level_text, HD_HAS_LEVEL, 0),
    TEXT("EventLevelName", level_text, 0), TEXT("Severity", level_text, RULE_NXLOG),
    WORD("Task", task, task_text, HD_HAS_TASK, 0), WORD("task", task, task_text, HD_HAS_TASK, 0),
    WORD("winlog.task", task, task_text, HD_HAS_TASK, 0), TEXT("Category", task_text, RULE_NXLOG),
    WORD("Opcode", opcode, opcode_text, HD_HAS_OPCODE, 0),
    WORD("opcode", opcode, opcode_text, HD_HAS_OPCODE, 0),
    WORD("winlog.opcode", opcode, opcode_text, HD_HAS_OPCODE, 0),
    U32("OpcodeValue", opcode, HD_HAS_OPCODE, 0),
    KEYWORDS("Keywords"), KEYWORDS("keywords"), KEYWORDS("winlog.keywords"),

    KIND("TimeCreated", COLUMN_TIME), KIND("EventTime", COLUMN_TIME),
    KIND("winlog.time_created", COLUMN_TIME),
    {HD_SLICE("@timestamp"), 0, 0, 0, COLUMN_TIME, RULE_LATE},
    KIND("time", COLUMN_ENVELOPE_TIME), KIND("TimeGenerated", COLUMN_ENVELOPE_TIME),

    U64("EventRecordID", record_id, HD_HAS_RECORD_ID, 0),
    U64("EventRecordId", record_id, HD_HAS_RECORD_ID, 0),
    U64("RecordNumber", record_id, HD_HAS_RECORD_ID, 0),
    U64("record_number", record_id, HD_HAS_RECORD_ID, 0),
    U64("record_id", record_id, HD_HAS_RECORD_ID, 0),
    U64("winlog.record_id", record_id, HD_HAS_RECORD_ID, 0),

    U64("Pid", pid, HD_HAS_PID, 0), U64("ExecutionProcessID", pid, HD_HAS_PID, 0),
    U64("SystemProcessId", pid, HD_HAS_PID, 0), U64("process_id", pid, HD_HAS_PID, 0),
    U64("winlog.process.pid", pid, HD_HAS_PID, 0), U64("ProcessID", pid, HD_HAS_PID, RULE_DATA),
    U64("Tid", tid, HD_HAS_TID, 0), U64("ThreadID", tid, HD_HAS_TID, 0),
    U64("SystemThreadId", tid, HD_HAS_TID, 0), U64("thread_id", tid, HD_HAS_TID, 0),
    U64("winlog.process.thread.id", tid, HD_HAS_TID, 0),

    TEXT("Channel", channel, 0), TEXT("log_name", channel, 0), TEXT("EventLog", channel, 0),
    TEXT("winlog.channel", channel, 0),
    TEXT("Computer", computer, 0), TEXT("Hostname", computer, 0),
    TEXT("computer_name", computer, 0), TEXT("winlog.computer_name", computer, 0),
    TEXT("UserID", user_id, 0), TEXT("SystemUserId", user_id, 0),
    TEXT("winlog.user.identifier", user_id, 0),
    TEXT("ActivityID", activity_id, 0), TEXT("activity_id", activity_id, 0),
    TEXT("winlog.activity_id", activity_id, 0),
    TEXT("RelatedActivityID", related_activity_id, 0),
    TEXT("related_activity_id", related_activity_id, 0),
    TEXT("winlog.related_activity_id", related_activity_id, 0),

    {HD_SLICE("Description"), 0, 0, 0, COLUMN_MESSAGE, RULE_PROPERTIES},
    KIND("RenderedDescription", COLUMN_MESSAGE),
    KIND("Message", COLUMN_MESSAGE), KIND("message", COLUMN_MESSAGE),

    /* never event data, though they stand beside it */
    KIND("SourceModuleName", COLUMN_NXLOG), KIND("EventType", COLUMN_NXLOG_TYPE),
    NXLOG("SourceModuleType"), NXLOG("EventReceivedTime"), NXLOG("SeverityValue"),
    NXLOG("Domain"), NXLOG("AccountName"), NXLOG("AccountType"),
    KIND("type", COLUMN_TYPE), KIND("Type", COLUMN_ENVELOPE), KIND("TenantId", COLUMN_ENVELOPE),
    KIND("SourceSystem", COLUMN_ENVELOPE), KIND("ManagementGroupName", COLUMN_ENVELOPE),
    KIND("MG", COLUMN_ENVELOPE), KIND("EventOriginId", COLUMN_ENVELOPE),
    KIND("SourceComputerId", COLUMN_ENVELOPE), KIND("_ResourceId", COLUMN_ENVELOPE),
    KIND("_SubscriptionId", COLUMN_ENVELOPE), KIND("_BilledSize", COLUMN_ENVELOPE),
    KIND("_IsBillable", COLUMN_ENVELOPE), KIND("_ItemId", COLUMN_ENVELOPE),
    KIND("@version", COLUMN_ENVELOPE), KIND("@metadata", COLUMN_ENVELOPE),
    KIND("tags", COLUMN_ENVELOPE), KIND("host", COLUMN_ENVELOPE), KIND("port", COLUMN_ENVELOPE),
    KIND("agent", COLUMN_ENVELOPE), KIND("beat", COLUMN_ENVELOPE), KIND("ecs", COLUMN_ENVELOPE),
};
// clang-format on
#define N_RULES (sizeof(rules) / sizeof(rules[0]))
_Static_assert(N_RULES < 255, "a slot is one byte");

static uint32_t hash(struct hd_slice name)
{
    if (name.len == 0) {
        return 0;
    }
    uint32_t h = (uint32_t)name.len * 167;
    h += (unsigned char)name.data[0] * 31u + (unsigned char)name.data[name.len - 1] * 131u;
    h += (unsigned char)name.data[name.len / 2] * 59u;
    return h ^ h >> 9;
}

void columns_init(struct hd_decoder *decoder)
{
    for (uint32_t i = 0; i < N_RULES; i++) {
        uint32_t slot = hash(rules[i].name) % COLUMN_SLOTS;
        while (decoder->slots[slot]) {
            slot = (slot + 1) % COLUMN_SLOTS;
        }
        decoder->slots[slot] = (uint8_t)(i + 1);
    }
}

static bool is_name(const struct column_rule *rule, struct hd_slice name)
{
    return rule->name.len == name.len && scan_same(rule->name.data, name.data, name.len);
}

static const struct column_rule *look_up(const struct hd_decoder *decoder, struct hd_slice name)
{
    uint32_t slot = hash(name) % COLUMN_SLOTS;
    for (; decoder->slots[slot]; slot = (slot + 1) % COLUMN_SLOTS) {
        const struct column_rule *rule = &rules[decoder->slots[slot] - 1];
        if (is_name(rule, name)) {
            return rule;
        }
    }
    return NULL;
}

/* A sender writes its columns in the same order every time: what stood at this place in the record
 * before is tried first. */
const struct column_rule *columns_find(struct hd_decoder *decoder, struct hd_slice name,
                                       bool in_properties)
{
    const struct column_rule **guess = &decoder->guesses[decoder->n_columns % COLUMN_GUESSES];
    const struct column_rule *rule = *guess;
    if (!rule || !is_name(rule, name)) {
        *guess = rule = look_up(decoder, name);
    }
    return rule && (rule->flags & RULE_PROPERTIES) && !in_properties ? NULL : rule;
}

bool column_may_be_xml(const struct column *column)
{
    const struct column_rule *rule = column->rule;
    if (!rule || (rule->kind != COLUMN_XML && rule->kind != COLUMN_MESSAGE) ||
        column->value.kind != JSON_STRING) {
        return false;
    }
    /* "<Event", perhaps behind white space or a mark, perhaps as "\u003cEvent" */
    struct hd_slice text = column->value.text;
    return text.len >= 6 && (text.data[0] == '<' || text.data[0] == '\\' ||
                             text.data[0] == '\xef' || json_is_space(text.data[0]));
}
