/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: what every event gets in ECS, whoever its provider is: the System part under winlog as
 * Winlogbeat names it, the fields of event.*, host and log, and where hubdrain found it. A provider
 * that has a mapping overwrites what it knows better (the time of a Sysmon event is its UtcTime).
 *
 * Numbers that are names (event and record ids) are strings there, as Elasticsearch's templates
 * have them; the 64-bit keywords are hexadecimal text, and by name where Windows gives the bit one.
 */
#include "ecs.h"

#include "hubdrain/clock.h"
#include "transforms.h"

// clang-format off
static const struct hd_target targets[] = {
    {"", HD_TYPE_KEYWORD, false},
#define HD_ECS_ROW(id, path, type, array) {path, HD_TYPE_##type, array},
    HD_ECS_TARGETS(HD_ECS_ROW)
#undef HD_ECS_ROW
};
// clang-format on

static const struct hd_mapping *const mappings[] = {&hd_ecs_sysmon, NULL};

#define PUT(id, text)       hd_values_string(&work->values, ECS_##id, text)
#define PUT_CLEAN(id, text) hd_values_clean(&work->values, ECS_##id, text)
#define PUT_LITERAL(id, text)                                                                      \
    hd_values_put(&work->values, ECS_##id, HD_VALUE_CLEAN, "" text, sizeof(text) - 1)

void hd_ecs_put_event(struct hd_work *work, const struct hd_ecs_event *event)
{
    hd_values_raw(&work->values, ECS_EVENT_CATEGORY, event->category);
    hd_values_raw(&work->values, ECS_EVENT_TYPE, event->type);
    PUT_CLEAN(EVENT_ACTION, hd_slice_cstr(event->action));
    PUT_CLEAN(EVENT_OUTCOME, hd_slice_cstr(event->outcome));
}

/* ---- event.module and event.dataset: as Elastic's integrations name these logs ---- */

static const struct {
    struct hd_slice channel, module, dataset;
} channels[] = {
    {HD_SLICE("Security"), HD_SLICE("security"), HD_SLICE("system.security")},
    {HD_SLICE("System"), HD_SLICE("system"), HD_SLICE("system.system")},
    {HD_SLICE("Application"), HD_SLICE("system"), HD_SLICE("system.application")},
    {HD_SLICE("Windows PowerShell"), HD_SLICE("powershell"), HD_SLICE("windows.powershell")},
    {HD_SLICE("Microsoft-Windows-PowerShell/Operational"), HD_SLICE("powershell"),
     HD_SLICE("windows.powershell_operational")},
};

/* "Microsoft-Windows-TaskScheduler/Operational" -> "windows.taskscheduler_operational" */
static void put_channel_dataset(struct hd_work *work, struct hd_slice channel)
{
    static const struct hd_slice vendor = HD_SLICE("Microsoft-Windows-");
    static const struct hd_slice head = HD_SLICE("windows.");
    if (channel.len > vendor.len && hd_slice_ieq(hd_slice(channel.data, vendor.len), vendor)) {
        channel = hd_slice(channel.data + vendor.len, channel.len - vendor.len);
    }
    char *text = hd_work_alloc(work, head.len + channel.len);
    if (!text) {
        return;
    }
    memcpy(text, head.data, head.len);
    for (size_t i = 0; i < channel.len; i++) {
        unsigned char c = (unsigned char)channel.data[i];
        c = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        text[head.len + i] = plain ? (char)c : '_';
    }
    PUT_CLEAN(EVENT_DATASET, hd_slice(text, head.len + channel.len));
}

static void put_dataset(struct hd_work *work)
{
    struct hd_slice channel = work->event->channel;
    bool chosen = work->options->dataset.len > 0;
    if (chosen) {
        PUT(EVENT_DATASET, work->options->dataset);
    }
    if (work->mapping == &hd_ecs_sysmon) {
        PUT_LITERAL(EVENT_MODULE, "sysmon");
        if (!chosen && work->posix) {
            PUT_LITERAL(EVENT_DATASET, "sysmon_linux.log");
        } else if (!chosen) {
            PUT_LITERAL(EVENT_DATASET, "windows.sysmon_operational");
        }
        return;
    }
    PUT_LITERAL(EVENT_MODULE, "windows");
    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
        if (hd_slice_ieq(channel, channels[i].channel)) {
            PUT_CLEAN(EVENT_MODULE, channels[i].module);
            if (!chosen) {
                PUT_CLEAN(EVENT_DATASET, channels[i].dataset);
            }
            return;
        }
    }
    if (!chosen && channel.len > 0) {
        put_channel_dataset(work, channel);
    }
}

/* ---- times ---- */

static void put_times(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    const struct hd_origin *origin = work->origin;

    /* The same for all records of a message, and often for more. */
    if (origin->ingested_ms != work->ingested_ms || !work->ingested[0]) {
        work->ingested_ms = origin->ingested_ms;
        hd_clock_format_ms(origin->ingested_ms, work->ingested);
    }
    if (origin->enqueued_ms != work->enqueued_ms || !work->enqueued[0]) {
        work->enqueued_ms = origin->enqueued_ms;
        hd_clock_format_ms(origin->enqueued_ms, work->enqueued);
    }
    struct hd_slice enqueued = {work->enqueued, HD_TIME_TEXT_SIZE - 1};
    struct hd_slice ingested = {work->ingested, HD_TIME_TEXT_SIZE - 1};
    PUT_CLEAN(EVENT_INGESTED, ingested);
    PUT_CLEAN(HUBDRAIN_ENQUEUED, enqueued);

    size_t len = hd_time_parse(event->time_created, work->created);
    if (len == 0) {
        PUT(WINLOG_TIME_CREATED, event->time_created); /* as it is, since nobody can read it */
        len = hd_time_parse(event->envelope_time, work->created);
    }
    struct hd_slice created = {work->created, len};
    PUT_CLEAN(EVENT_CREATED, created);
    /* Without an enqueued time (a file's bodies have none) the best guess is now, not 1970. */
    struct hd_slice received = origin->enqueued_ms > 0 ? enqueued : ingested;
    PUT_CLEAN(TIMESTAMP, len > 0 ? created : received);
}

/* ---- System ---- */

static void put_level(struct hd_work *work)
{
    static const struct hd_slice levels[] = {HD_SLICE("information"), HD_SLICE("critical"),
                                             HD_SLICE("error"),       HD_SLICE("warning"),
                                             HD_SLICE("information"), HD_SLICE("verbose")};
    const struct hd_event *event = work->event;
    if (!(event->has & HD_HAS_LEVEL)) {
        PUT(LOG_LEVEL, event->level_text);
        return;
    }
    hd_values_number(&work->values, ECS_WINLOG_LEVEL, event->level);
    if (event->level < sizeof(levels) / sizeof(levels[0])) {
        PUT_CLEAN(LOG_LEVEL, levels[event->level]);
    }
}

#define AUDIT_FAILURE ((uint64_t)1 << 52)
#define AUDIT_SUCCESS ((uint64_t)1 << 53)

static void put_keywords(struct hd_work *work)
{
    static const struct {
        uint64_t bit;
        struct hd_slice name;
    } names[] = {
        {(uint64_t)1 << 48, HD_SLICE("Response Time")},
        {(uint64_t)1 << 49, HD_SLICE("WDI Context")},
        {(uint64_t)1 << 50, HD_SLICE("WDI Diag")},
        {(uint64_t)1 << 51, HD_SLICE("SQM")},
        {AUDIT_FAILURE, HD_SLICE("Audit Failure")},
        {AUDIT_SUCCESS, HD_SLICE("Audit Success")},
        {(uint64_t)1 << 54, HD_SLICE("Correlation Hint")},
        {(uint64_t)1 << 55, HD_SLICE("Classic")},
    };
    const struct hd_event *event = work->event;
    if (!(event->has & HD_HAS_KEYWORDS)) {
        hd_values_add_once(&work->values, ECS_WINLOG_KEYWORDS, event->keywords_text);
        return;
    }
    uint64_t keywords = event->keywords;
    hd_values_put_number(&work->values, ECS_WINLOG_KEYWORDS_MASK, HD_VALUE_HEX, keywords, 0);
    if (!(keywords >> 48 & 0xFF)) {
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (keywords & names[i].bit) {
            hd_values_add(&work->values, ECS_WINLOG_KEYWORDS, names[i].name);
        }
    }
    /* What the audit says is decisive; a mapping may still know better. */
    if (keywords & AUDIT_FAILURE) {
        PUT_LITERAL(EVENT_OUTCOME, "failure");
    } else if (keywords & AUDIT_SUCCESS) {
        PUT_LITERAL(EVENT_OUTCOME, "success");
    }
}

static void put_opcode(struct hd_work *work)
{
    static const struct hd_slice names[] = {
        HD_SLICE("Info"),    HD_SLICE("Start"),     HD_SLICE("Stop"),  HD_SLICE("DCStart"),
        HD_SLICE("DCStop"),  HD_SLICE("Extension"), HD_SLICE("Reply"), HD_SLICE("Resume"),
        HD_SLICE("Suspend"), HD_SLICE("Send")};
    const struct hd_event *event = work->event;
    if (event->opcode_text.len > 0 || !(event->has & HD_HAS_OPCODE)) {
        PUT(WINLOG_OPCODE, event->opcode_text);
    } else if (event->opcode < sizeof(names) / sizeof(names[0])) {
        PUT_CLEAN(WINLOG_OPCODE, names[event->opcode]);
    } else {
        hd_values_put_number(&work->values, ECS_WINLOG_OPCODE, HD_VALUE_DECIMAL, event->opcode, 0);
    }
}

/* Numbers of System: which bit says that it is there, and where it goes. */
static void put_numbers(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    const struct {
        uint32_t bit;
        uint8_t target;
        enum hd_value_kind kind;
        uint64_t number;
    } numbers[] = {
        {HD_HAS_EVENT_ID, ECS_EVENT_CODE, HD_VALUE_DECIMAL, event->event_id},
        {HD_HAS_EVENT_ID, ECS_WINLOG_EVENT_ID, HD_VALUE_DECIMAL, event->event_id},
        {HD_HAS_QUALIFIERS, ECS_WINLOG_QUALIFIERS, HD_VALUE_NUMBER, event->qualifiers},
        {HD_HAS_RECORD_ID, ECS_WINLOG_RECORD_ID, HD_VALUE_DECIMAL, event->record_id},
        {HD_HAS_VERSION, ECS_WINLOG_VERSION, HD_VALUE_NUMBER, event->version},
        {HD_HAS_TASK, ECS_WINLOG_TASK, HD_VALUE_DECIMAL, event->task},
        {HD_HAS_PID, ECS_WINLOG_PID, HD_VALUE_NUMBER, event->pid},
        {HD_HAS_TID, ECS_WINLOG_TID, HD_VALUE_NUMBER, event->tid},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (event->has & numbers[i].bit) {
            hd_values_put_number(&work->values, numbers[i].target, numbers[i].kind,
                                 numbers[i].number, 0);
        }
    }
}

static void put_rendering(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    if (event->task_text.len > 0) {
        PUT(WINLOG_TASK, event->task_text);
    }
    PUT(RENDERED_CULTURE, event->culture);
    PUT(RENDERED_CHANNEL, event->channel_text);
    if (event->has & HD_HAS_KEYWORDS) { /* else it stands in winlog.keywords */
        PUT(RENDERED_KEYWORDS, event->keywords_text);
    }
    if (event->culture.len > 0) { /* else it is the envelope's word for the number */
        PUT(RENDERED_LEVEL, event->level_text);
    }
    /* The text repeats the data, less exactly and in the host's language; without data it is all
     * there is. */
    if (work->options->keep_message || (event->xml.len == 0 && event->n_fields == 0)) {
        PUT(MESSAGE, event->message);
    }
}

static void put_system(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    put_dataset(work);
    PUT(EVENT_PROVIDER, event->provider_name);
    PUT(WINLOG_PROVIDER, event->provider_name);
    PUT(WINLOG_PROVIDER_GUID, event->provider_guid);
    PUT(WINLOG_SOURCE_NAME, event->event_source_name);
    PUT(WINLOG_CHANNEL, event->channel);
    PUT(WINLOG_COMPUTER, event->computer);
    PUT(HOST_NAME, event->computer);
    PUT(HOST_HOSTNAME, event->computer);
    PUT(WINLOG_USER, event->user_id);
    PUT(WINLOG_ACTIVITY, event->activity_id);
    PUT(WINLOG_RELATED_ACTIVITY, event->related_activity_id);
    if (work->posix) {
        PUT_LITERAL(HOST_OS_TYPE, "linux");
    } else {
        PUT_LITERAL(HOST_OS_TYPE, "windows");
    }
    put_numbers(work);
    put_level(work);
    put_keywords(work);
    put_opcode(work);
    put_rendering(work);
}

/* ---- where it came from ---- */

static void put_cut(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    bool cut = event->cut;
    for (uint32_t i = 0; i < event->n_fields; i++) {
        if (event->fields[i].flags & HD_FIELD_CUT) {
            hd_values_add_once(&work->values, ECS_HUBDRAIN_CUT, event->fields[i].name);
            cut = true;
        }
    }
    if (cut) {
        hd_values_bool(&work->values, ECS_HUBDRAIN_TRUNCATED, true);
    }
}

static void put_columns(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    hd_members_clear(&work->columns);
    for (uint32_t i = 0; i < event->n_envelope_fields; i++) {
        const struct hd_field *field = &event->envelope_fields[i];
        int r =
            hd_members_add(&work->columns, field->name, field->value, field->flags & HD_FIELD_JSON);
        if (r < 0) {
            work->values.error = r;
        }
    }
    if (work->columns.n > 0) {
        hd_values_put(&work->values, ECS_HUBDRAIN_COLUMNS, HD_VALUE_MEMBERS, &work->columns, 0);
    }
}

static void put_origin(struct hd_work *work)
{
    const struct hd_origin *origin = work->origin;
    const char *envelope = hd_envelope_name(work->event->envelope);
    PUT_CLEAN(EVENT_ID, hd_slice(work->event_id, hd_event_id(origin, work->event_id)));
    PUT_CLEAN(HUBDRAIN_ENVELOPE, hd_slice_cstr(envelope));
    PUT(HUBDRAIN_NAMESPACE, origin->namespace_name);
    PUT(HUBDRAIN_HUB, origin->hub);
    PUT(HUBDRAIN_GROUP, origin->consumer_group);
    PUT(HUBDRAIN_PARTITION, origin->partition);
    PUT(HUBDRAIN_OFFSET, origin->offset);
    if (origin->sequence_number >= 0) {
        hd_values_number(&work->values, ECS_HUBDRAIN_SEQUENCE, (uint64_t)origin->sequence_number);
    }
}

static void system_part(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    PUT_LITERAL(ECS_VERSION, HD_ECS_VERSION);
    PUT_LITERAL(EVENT_KIND, "event");
    put_times(work);
    put_origin(work);
    put_columns(work);
    if (work->options->keep_original) {
        PUT(EVENT_ORIGINAL, event->xml.len > 0 ? event->xml : event->record);
    }
    if (event->envelope == HD_ENVELOPE_UNKNOWN) {
        if (work->options->dataset.len > 0) {
            PUT(EVENT_DATASET, work->options->dataset);
        }
        if (event->record.len > 0) {
            hd_values_put(&work->values, ECS_HUBDRAIN_RECORD, HD_VALUE_RECORD, event->record.data,
                          event->record.len);
        }
        return;
    }
    put_system(work);
    put_cut(work);
    if (event->section == HD_SECTION_EVENT_DATA) {
        PUT(WINLOG_DATA_NAME, event->section_name);
    }
}

const struct hd_schema_def hd_schema_ecs = {
    .name = "ecs",
    .targets = targets,
    .n_targets = ECS_COUNT,
    .event_data = {[HD_SECTION_NONE] = ECS_WINLOG_EVENT_DATA,
                   [HD_SECTION_EVENT_DATA] = ECS_WINLOG_EVENT_DATA,
                   [HD_SECTION_USER_DATA] = ECS_WINLOG_USER_DATA,
                   [HD_SECTION_BINARY] = ECS_WINLOG_BINARY,
                   [HD_SECTION_DEBUG] = ECS_WINLOG_DEBUG,
                   [HD_SECTION_PROCESSING] = ECS_WINLOG_PROCESSING},
    .section_name = "xml_name",
    .mappings = mappings,
    .system = system_part,
};
