/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: columns -> event. Where there is event XML it is the truth: a column that says the same
 * is dropped, one that says something else is kept as a field of the envelope, one that the XML has
 * nothing for fills the gap. Where there is none, the same rules fill the event from nothing; it is
 * an event when it then has an ID and a provider or a channel.
 *
 * What no rule names is event data in flat rows (there is no other place for it), and the
 * envelope's everywhere else.
 */
#include "columns.h"

struct filling {
    struct hd_decoder *decoder;
    const struct column *xml; /* the column that held the event XML */
    bool rest_is_data;
};

static const uint32_t data_kinds =
    1u << COLUMN_DATA | 1u << COLUMN_USER_DATA | 1u << COLUMN_INSERTS;

/* ---- values ---- */

static int value_field(struct hd_decoder *d, struct field_list *list, struct hd_slice name,
                       const struct json_value *value, uint32_t flags)
{
    struct hd_slice text = value->text;
    switch (value->kind) {
    case JSON_NULL:
        return 0;
    case JSON_STRING: {
        int r = text_json(d, value, &text);
        if (r) {
            return r;
        }
        break;
    }
    case JSON_NUMBER:
    case JSON_TRUE:
    case JSON_FALSE:
        flags |= HD_FIELD_JSON;
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        /* what was tolerated in it must not get into anybody's JSON */
        flags |= json_strict(text) ? HD_FIELD_JSON : 0;
        break;
    }
    return field_add(d, list, name, text, flags);
}

static int to_envelope(struct filling *f, const struct column *column)
{
    return value_field(f->decoder, &f->decoder->envelope, column->name, &column->value, 0);
}

static int to_rest(struct filling *f, const struct column *column)
{
    struct hd_decoder *d = f->decoder;
    if (!f->rest_is_data) {
        return to_envelope(f, column);
    }
    if (d->event.section == HD_SECTION_NONE) {
        d->event.section = HD_SECTION_EVENT_DATA;
    }
    uint32_t before = d->fields.n;
    int r = value_field(d, &d->fields, column->name, &column->value, 0);
    /* rows of SecurityEvent have some data as columns and all of it as EventData */
    for (uint32_t i = 0; r == 0 && (d->seen & data_kinds) && i < before; i++) {
        if (d->fields.n > before && hd_slice_eq(d->fields.items[i].name, column->name) &&
            hd_slice_eq(d->fields.items[i].value, d->fields.items[before].value)) {
            d->fields.n = before;
        }
    }
    return r;
}

/* ---- event data ---- */

static int data_object(struct hd_decoder *d, struct hd_slice text)
{
    struct json json = {text.data + 1, text.data + text.len, d->limits.max_depth, false};
    for (;;) {
        struct json_value key, value;
        json_space(&json);
        if (json.p < json.end && *json.p == ',') {
            json.p++;
            continue;
        }
        if (json.p == json.end || *json.p == '}') {
            return 0;
        }
        int r = json_key(&json, &key);
        r = r ? r : json_value(&json, &value);
        r = r ? r : text_json(d, &key, &key.text);
        if (r == 0 && d->event.section == HD_SECTION_USER_DATA && d->event.section_name.len == 0 &&
            hd_slice_is(key.text, "xml_name") && value.kind == JSON_STRING) {
            r = text_json(d, &value, &d->event.section_name);
        } else {
            r = r ? r : value_field(d, &d->fields, key.text, &value, 0);
        }
        if (r) {
            return r;
        }
    }
}

static int data_array(struct hd_decoder *d, struct hd_slice text)
{
    struct json json = {text.data + 1, text.data + text.len, d->limits.max_depth, false};
    for (;;) {
        struct json_value value;
        struct hd_slice name;
        json_space(&json);
        if (json.p < json.end && *json.p == ',') {
            json.p++;
            continue;
        }
        if (json.p == json.end || *json.p == ']') {
            return 0;
        }
        int r = json_value(&json, &value);
        r = r ? r : field_unnamed(d, &name);
        if (value.kind == JSON_NULL) {
            value = (struct json_value){hd_slice("", 0), JSON_STRING, false};
        }
        r = r ? r : value_field(d, &d->fields, name, &value, HD_FIELD_UNNAMED);
        if (r) {
            return r;
        }
    }
}

/* JSON or XML inside a string. Positive: it is not what it looks like. */
static int data_text(struct hd_decoder *d, struct hd_slice text)
{
    if (text.data[0] == '<') {
        return winevent_parse_data(d, text);
    }
    struct json json = {text.data, text.data + text.len, d->limits.max_depth, false};
    struct json_value value;
    int r = json_value(&json, &value);
    if (r || json.p != json.end) {
        return r ? r : HD_DEAD_MALFORMED_JSON;
    }
    return value.kind == JSON_OBJECT ? data_object(d, value.text) : data_array(d, value.text);
}

static int event_data(struct filling *f, const struct column *column, enum hd_section section)
{
    struct hd_decoder *d = f->decoder;
    const struct json_value *value = &column->value;
    struct hd_slice text = value->text;
    int r = 0;
    if (f->xml || ((column->rule->flags & RULE_LATE) && d->fields.n)) {
        return to_envelope(f, column);
    }
    if (d->event.section == HD_SECTION_NONE) {
        d->event.section = section;
    }
    if (value->kind == JSON_OBJECT) {
        return data_object(d, text);
    }
    if (value->kind == JSON_ARRAY) {
        return data_array(d, text);
    }
    if (value->kind == JSON_STRING) {
        r = text_json(d, value, &text);
        text = hd_slice_trim(text);
        if (r == 0 && text.len && strchr("<{[", text.data[0]) && text.data[0]) {
            uint32_t before = d->fields.n, unnamed = d->n_unnamed;
            r = data_text(d, text);
            if (r <= 0) {
                return r;
            }
            d->fields.n = before; /* not XML or JSON after all: text */
            d->n_unnamed = unnamed;
        }
    }
    return value_field(d, &d->fields, column->name, value, 0);
}

/* ---- System ---- */

static int set_text(struct filling *f, const struct column *column, uint16_t offset)
{
    struct hd_decoder *d = f->decoder;
    struct hd_slice *slot = (struct hd_slice *)(void *)((char *)&d->event + offset);
    struct hd_slice text;
    if (column->value.kind == JSON_OBJECT || column->value.kind == JSON_ARRAY) {
        return to_envelope(f, column);
    }
    int r = column->value.kind == JSON_STRING ? text_json(d, &column->value, &text)
                                              : (text = column->value.text, 0);
    if (r || text.len == 0) {
        return r;
    }
    if (slot->len == 0) {
        *slot = text;
        return 0;
    }
    return text_same(*slot, text) ? 0 : to_envelope(f, column);
}

static int set_number(struct filling *f, const struct column *column)
{
    const struct column_rule *rule = column->rule;
    struct hd_event *event = &f->decoder->event;
    char *at = (char *)event + rule->offset;
    uint64_t number, now;
    if (rule->kind == COLUMN_KEYWORDS ? !number_keywords(column->value.text, &number)
                                      : !number_u64(column->value.text, &number)) {
        return rule->text_offset             ? set_text(f, column, rule->text_offset)
               : column->value.text.len == 0 ? 0
                                             : to_envelope(f, column);
    }
    bool narrow = rule->kind == COLUMN_U32;
    if (narrow && number > UINT32_MAX) {
        return to_envelope(f, column);
    }
    if (event->has & rule->has) {
        now = narrow ? *(uint32_t *)(void *)at : *(uint64_t *)(void *)at;
        return now == number ? 0 : to_envelope(f, column);
    }
    if (narrow) {
        *(uint32_t *)(void *)at = (uint32_t)number;
    } else {
        *(uint64_t *)(void *)at = number;
    }
    event->has |= rule->has;
    return 0;
}

/* A time without a zone is local time of who knows where: no time of the event. */
static int set_time(struct filling *f, const struct column *column)
{
    struct hd_slice text = column->value.text;
    bool zone = false;
    if (column->value.kind == JSON_STRING && text.len > 10) {
        const char *tail = text.data + 10;
        zone = text.data[text.len - 1] == 'Z' || memchr(tail, '+', text.len - 10) ||
               memchr(tail, '-', text.len - 10);
    }
    return zone ? set_text(f, column, offsetof(struct hd_event, time_created))
                : to_envelope(f, column);
}

static int set_message(struct filling *f, const struct column *column)
{
    struct hd_decoder *d = f->decoder;
    if (d->limits.skip_message && f->xml && !d->event.cut) {
        return 0; /* without the event itself the text is all there is */
    }
    return set_text(f, column, offsetof(struct hd_event, message));
}

/* ---- all of them ---- */

static bool nxlog_word(struct hd_slice text)
{
    static const char *const words[] = {"INFO",     "WARNING",       "ERROR",        "VERBOSE",
                                        "CRITICAL", "AUDIT_SUCCESS", "AUDIT_FAILURE"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (hd_slice_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* Does the column's rule hold in this shape? */
static bool rule_holds(const struct filling *f, const struct column *column)
{
    const struct hd_decoder *d = f->decoder;
    const struct column_rule *rule = column->rule;
    bool nxlog = d->seen >> COLUMN_NXLOG & 1;
    if (!rule || ((rule->flags & RULE_NXLOG) && !nxlog)) {
        return false;
    }
    if ((rule->flags & RULE_DATA) && !(d->seen & data_kinds)) {
        /* NXLog's own numbers are numbers, the event's are strings */
        return nxlog && column->value.kind == JSON_NUMBER;
    }
    return rule->kind != COLUMN_NXLOG_TYPE || (nxlog && nxlog_word(column->value.text));
}

static int fill_one(struct filling *f, const struct column *column)
{
    const struct column_rule *rule = column->rule;
    if (column == f->xml || column->value.kind == JSON_NULL) {
        return 0;
    }
    if (!rule_holds(f, column)) {
        return to_rest(f, column);
    }
    switch ((enum column_kind)rule->kind) {
    case COLUMN_TEXT:
        return set_text(f, column, rule->offset);
    case COLUMN_U32:
    case COLUMN_U64:
    case COLUMN_KEYWORDS:
        return set_number(f, column);
    case COLUMN_TIME:
        return set_time(f, column);
    case COLUMN_ENVELOPE_TIME:
        return set_text(f, column, offsetof(struct hd_event, envelope_time));
    case COLUMN_MESSAGE:
        return set_message(f, column);
    case COLUMN_DATA:
    case COLUMN_INSERTS:
        return event_data(f, column, HD_SECTION_EVENT_DATA);
    case COLUMN_USER_DATA:
        return event_data(f, column, HD_SECTION_USER_DATA);
    case COLUMN_XML: /* a second one, or not XML */
        return column->value.text.len == 0 ? 0 : to_rest(f, column);
    case COLUMN_OPEN:
    case COLUMN_ENVELOPE:
    case COLUMN_NXLOG:
    case COLUMN_NXLOG_TYPE:
    case COLUMN_TYPE:
        return to_envelope(f, column);
    }
    return 0;
}

static int fill(struct filling *f)
{
    struct hd_decoder *d = f->decoder;
    bool late_ones = false;
    for (uint32_t i = 0; i < d->n_columns; i++) {
        const struct column *column = &d->columns[i];
        if (column->rule && (column->rule->flags & RULE_LATE)) {
            late_ones = true;
            continue;
        }
        int r = i < d->base_columns ? to_envelope(f, column) : fill_one(f, column);
        if (r) {
            return r;
        }
    }
    for (uint32_t i = 0; late_ones && i < d->n_columns; i++) {
        const struct column *column = &d->columns[i];
        if (column->rule && (column->rule->flags & RULE_LATE)) {
            int r = i < d->base_columns ? to_envelope(f, column) : fill_one(f, column);
            if (r) {
                return r;
            }
        }
    }
    return 0;
}

/* ---- the XML ---- */

/* Finds the event XML among the columns and parses it. 0 with *ret NULL: there is none. */
static int find_xml(struct hd_decoder *d, const struct column **ret)
{
    *ret = NULL;
    for (uint32_t i = d->first_xml; i < d->n_columns; i++) {
        const struct column *column = &d->columns[i];
        if (!column_may_be_xml(column)) {
            continue;
        }
        struct hd_slice text;
        size_t used;
        int r = text_json(d, &column->value, &text);
        if (r || !winevent_likely(text)) {
            if (r) {
                return r;
            }
            continue;
        }
        r = winevent_parse(d, text, &used);
        if (r == 0 && !xml_is_blank(hd_slice(text.data + used, text.len - used))) {
            r = HD_DEAD_MALFORMED_XML;
        }
        d->fault = r ? column->value.text.data : NULL;
        *ret = column;
        return r;
    }
    return 0;
}

static bool is_heartbeat(const struct hd_decoder *d)
{
    for (uint32_t i = d->base_columns; i < d->n_columns; i++) {
        const struct column *column = &d->columns[i];
        if (column->rule && column->rule->kind == COLUMN_TYPE) {
            return hd_slice_is(column->value.text, "heartbeat") &&
                   d->n_columns - d->base_columns <= 3;
        }
    }
    return false;
}

static bool any_in_properties(const struct hd_decoder *d)
{
    for (uint32_t i = d->base_columns; i < d->n_columns; i++) {
        if (d->columns[i].in_properties) {
            return true;
        }
    }
    return false;
}

/* Rows of this table have the event data as columns even when they have EventData too. */
static bool is_security_event(const struct hd_decoder *d)
{
    for (uint32_t i = d->base_columns; i < d->n_columns; i++) {
        if (hd_slice_is(d->columns[i].name, "Type")) {
            return hd_slice_is(d->columns[i].value.text, "SecurityEvent");
        }
    }
    return false;
}

int record_event(struct hd_decoder *d, struct hd_slice record)
{
    struct filling f = {.decoder = d};
    struct hd_event *event = &d->event;
    int r = find_xml(d, &f.xml);
    if (r) {
        return r;
    }
    bool in_properties = f.xml ? f.xml->in_properties : any_in_properties(d);
    f.rest_is_data = !f.xml && !in_properties && (!(d->seen & data_kinds) || is_security_event(d));
    r = fill(&f);
    if (r) {
        return r;
    }
    event->record = record;
    if (!f.xml &&
        (!(event->has & HD_HAS_EVENT_ID) || !(event->provider_name.len || event->channel.len))) {
        if (is_heartbeat(d)) {
            return RECORD_SKIP;
        }
        *event = (struct hd_event){.envelope = HD_ENVELOPE_UNKNOWN, .record = record};
        d->fault = record.data;
        return json_strict(record) ? 0 : HD_DEAD_MALFORMED_JSON;
    }
    event->envelope = in_properties ? HD_ENVELOPE_WAD
                      : f.xml       ? HD_ENVELOPE_JSON_XML
                                    : HD_ENVELOPE_COLUMNS;
    event->fields = d->fields.items;
    event->n_fields = d->fields.n;
    event->envelope_fields = d->envelope.items;
    event->n_envelope_fields = d->envelope.n;
    return 0;
}
