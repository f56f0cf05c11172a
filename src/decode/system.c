/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the System part is a table of where each text and each attribute goes. Windows always
 * writes the elements in the order of the table, so the search starts behind the last hit and
 * mostly ends at once. What no row names, what comes twice, and numbers that are none are kept as
 * fields of the envelope, by their XML names.
 */
#include "scan.h"
#include "winevent.h"

enum slot_kind { SLOT_TEXT, SLOT_U32, SLOT_U64, SLOT_HEX };

struct slot {
    struct hd_slice element;
    struct hd_slice attribute; /* empty: the element's text */
    uint16_t offset;           /* in struct hd_event */
    uint16_t has;
    enum slot_kind kind;
};

#define AT(member) offsetof(struct hd_event, member)

// clang-format off
static const struct slot slots[] = {
    /* element                     attribute                        member                  has                kind */
    {HD_SLICE("Provider"),      HD_SLICE("Name"),              AT(provider_name),       0,                 SLOT_TEXT},
    {HD_SLICE("Provider"),      HD_SLICE("Guid"),              AT(provider_guid),       0,                 SLOT_TEXT},
    {HD_SLICE("Provider"),      HD_SLICE("EventSourceName"),   AT(event_source_name),   0,                 SLOT_TEXT},
    {HD_SLICE("EventID"),       HD_SLICE(""),                  AT(event_id),            HD_HAS_EVENT_ID,   SLOT_U32},
    {HD_SLICE("EventID"),       HD_SLICE("Qualifiers"),        AT(qualifiers),          HD_HAS_QUALIFIERS, SLOT_U32},
    {HD_SLICE("Version"),       HD_SLICE(""),                  AT(version),             HD_HAS_VERSION,    SLOT_U32},
    {HD_SLICE("Level"),         HD_SLICE(""),                  AT(level),               HD_HAS_LEVEL,      SLOT_U32},
    {HD_SLICE("Task"),          HD_SLICE(""),                  AT(task),                HD_HAS_TASK,       SLOT_U32},
    {HD_SLICE("Opcode"),        HD_SLICE(""),                  AT(opcode),              HD_HAS_OPCODE,     SLOT_U32},
    {HD_SLICE("Keywords"),      HD_SLICE(""),                  AT(keywords),            HD_HAS_KEYWORDS,   SLOT_HEX},
    {HD_SLICE("TimeCreated"),   HD_SLICE("SystemTime"),        AT(time_created),        0,                 SLOT_TEXT},
    {HD_SLICE("EventRecordID"), HD_SLICE(""),                  AT(record_id),           HD_HAS_RECORD_ID,  SLOT_U64},
    {HD_SLICE("Correlation"),   HD_SLICE("ActivityID"),        AT(activity_id),         0,                 SLOT_TEXT},
    {HD_SLICE("Correlation"),   HD_SLICE("RelatedActivityID"), AT(related_activity_id), 0,                 SLOT_TEXT},
    {HD_SLICE("Execution"),     HD_SLICE("ProcessID"),         AT(pid),                 HD_HAS_PID,        SLOT_U64},
    {HD_SLICE("Execution"),     HD_SLICE("ThreadID"),          AT(tid),                 HD_HAS_TID,        SLOT_U64},
    {HD_SLICE("Channel"),       HD_SLICE(""),                  AT(channel),             0,                 SLOT_TEXT},
    {HD_SLICE("Computer"),      HD_SLICE(""),                  AT(computer),            0,                 SLOT_TEXT},
    {HD_SLICE("Security"),      HD_SLICE("UserID"),            AT(user_id),             0,                 SLOT_TEXT},
    {HD_SLICE("Security"),      HD_SLICE("UserId"),            AT(user_id),             0,                 SLOT_TEXT},
};
// clang-format on
#define N_SLOTS (sizeof(slots) / sizeof(slots[0]))

/* false: taken already, or not a number. */
static bool slot_set(struct hd_event *event, const struct slot *slot, struct hd_slice value)
{
    char *at = (char *)event + slot->offset;
    if (event->has & slot->has) {
        return false;
    }
    switch (slot->kind) {
    case SLOT_TEXT: {
        struct hd_slice *text = (struct hd_slice *)(void *)at;
        if (text->len) {
            return false;
        }
        *text = value;
        return true;
    }
    case SLOT_U32:
        if (!number_u32(value, (uint32_t *)(void *)at)) {
            return false;
        }
        break;
    case SLOT_U64:
        if (!number_u64(value, (uint64_t *)(void *)at)) {
            return false;
        }
        break;
    case SLOT_HEX:
        if (!number_keywords(value, (uint64_t *)(void *)at)) {
            return false;
        }
        break;
    }
    event->has |= slot->has;
    return true;
}

// clang-format off
/* The elements as Windows writes them: literal text and the row whose value stands behind it. */
#define MAX_PIECES 3
struct pattern {
    struct { struct hd_slice before; uint8_t slot; bool optional; } pieces[MAX_PIECES];
    struct hd_slice after;
    char stop; /* ends a value */
};
#define ELEMENT(name, row) {{{HD_SLICE("<" name ">"), row, false}}, HD_SLICE("</" name ">"), '<'}
static const struct pattern patterns[] = {
    {{{HD_SLICE("<Provider Name='"), 0, false}, {HD_SLICE("' Guid='"), 1, true},
      {HD_SLICE("' EventSourceName='"), 2, true}}, HD_SLICE("'/>"), '\''},
    ELEMENT("EventID", 3), ELEMENT("Version", 5), ELEMENT("Level", 6), ELEMENT("Task", 7),
    ELEMENT("Opcode", 8), ELEMENT("Keywords", 9),
    {{{HD_SLICE("<TimeCreated SystemTime='"), 10, false}}, HD_SLICE("'/>"), '\''},
    ELEMENT("EventRecordID", 11),
    {{{HD_SLICE(""), 0, false}}, HD_SLICE("<Correlation/>"), 0},
    {{{HD_SLICE("<Execution ProcessID='"), 14, false}, {HD_SLICE("' ThreadID='"), 15, false}},
     HD_SLICE("'/>"), '\''},
    ELEMENT("Channel", 16), ELEMENT("Computer", 17),
    {{{HD_SLICE("<Security UserID='"), 18, false}}, HD_SLICE("'/>"), '\''},
};
// clang-format on

static inline bool literal(const char *p, const char *end, struct hd_slice text)
{
    return (size_t)(end - p) >= text.len && scan_same(p, text.data, text.len);
}

/* The element at p if it is of this pattern: sets its rows and returns its end, else NULL. */
static const char *match(struct hd_decoder *d, const struct pattern *pattern, const char *p)
{
    const char *end = d->xml.end;
    struct hd_slice values[MAX_PIECES] = {{NULL, 0}};
    bool amp = false;
    for (int i = 0; i < MAX_PIECES && pattern->pieces[i].before.len; i++) {
        if (!literal(p, end, pattern->pieces[i].before)) {
            if (!pattern->pieces[i].optional) {
                return NULL;
            }
            continue;
        }
        p += pattern->pieces[i].before.len;
        const char *stop = pattern->stop == '<' ? scan_text(p, end, &amp)
                                                : scan_either(p, end, pattern->stop, '&');
        if (stop == end || *stop == '&' || (pattern->stop == '<' && amp)) {
            return NULL;
        }
        values[i] = hd_slice(p, (size_t)(stop - p));
        p = stop;
    }
    if (!literal(p, end, pattern->after)) {
        return NULL;
    }
    const uint32_t has = d->event.has;
    for (int i = 0; i < MAX_PIECES && pattern->pieces[i].before.len; i++) {
        if (values[i].data && !slot_set(&d->event, &slots[pattern->pieces[i].slot], values[i])) {
            /* not a number, or there already: the general way says what becomes of it */
            d->event.has = has;
            return NULL;
        }
    }
    return p + pattern->after.len;
}

void system_patterns(struct hd_decoder *d)
{
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *after = match(d, &patterns[i], d->xml.p);
        if (after) {
            d->xml.p = after;
        }
    }
}

/* The first row of this element, or NULL. */
static const struct slot *find_element(struct hd_decoder *d, struct hd_slice name)
{
    for (size_t n = 0; n < N_SLOTS; n++) {
        size_t i = (d->system_hint + n) % N_SLOTS;
        if (hd_slice_eq(slots[i].element, name)) {
            while (i > 0 && hd_slice_eq(slots[i - 1].element, name)) {
                i--;
            }
            return &slots[i];
        }
    }
    return NULL;
}

static int keep(struct hd_decoder *d, struct hd_slice element, struct hd_slice attribute,
                struct hd_slice value)
{
    struct hd_slice name = element;
    int r = attribute.len ? text_join(d, element, ".", attribute, &name) : 0;
    return r ? r : field_add(d, &d->envelope, name, value, 0);
}

static int attribute(struct hd_decoder *d, const struct slot *first, struct hd_slice element,
                     const struct xml_attribute *a)
{
    struct hd_slice value;
    int r = text_xml(d, a->value, a->amp, &value);
    if (r) {
        return r;
    }
    for (const struct slot *slot = first;
         slot && slot < slots + N_SLOTS && hd_slice_eq(slot->element, element); slot++) {
        if (slot->attribute.len && hd_slice_eq(slot->attribute, a->name)) {
            if (slot_set(&d->event, slot, value)) {
                return 0;
            }
            break;
        }
    }
    return value.len ? keep(d, element, a->name, value) : 0;
}

int system_element(struct hd_decoder *d, bool *ret_cut)
{
    const struct hd_slice element = d->xml.name;
    const struct slot *slot = find_element(d, element);
    if (!slot) {
        return xml_flatten(d, &d->envelope, &(struct flatten_options){.name = element}, ret_cut);
    }
    d->system_hint = (uint32_t)(slot - slots);
    for (uint32_t i = 0; i < d->xml.n_attributes; i++) {
        if (!d->xml.attributes[i].namespace) {
            int r = attribute(d, slot, element, &d->xml.attributes[i]);
            if (r) {
                return r;
            }
        }
    }
    d->system_hint++;
    struct hd_slice text;
    int r = winevent_text(d, &text, ret_cut);
    if (r || text.len == 0 || (slot->attribute.len && xml_is_blank(text))) {
        return r;
    }
    if (slot->attribute.len == 0 &&
        slot_set(&d->event, slot, slot->kind == SLOT_TEXT ? text : hd_slice_trim(text))) {
        return 0;
    }
    return keep(d, element, hd_slice("", 0), text);
}

int rendering_attributes(struct hd_decoder *d)
{
    for (uint32_t i = 0; i < d->xml.n_attributes; i++) {
        const struct xml_attribute *a = &d->xml.attributes[i];
        if (!a->namespace && hd_slice_is(a->name, "Culture")) {
            int r = text_xml(d, a->value, a->amp, &d->event.culture);
            if (r) {
                return r;
            }
        }
    }
    return 0;
}

static int keyword(struct hd_decoder *d, bool *ret_cut)
{
    struct hd_slice text, *all = &d->event.keywords_text;
    int r = winevent_text(d, &text, ret_cut);
    if (r || text.len == 0) {
        return r;
    }
    if (all->len == 0) {
        *all = text;
        return 0;
    }
    return text_join(d, *all, ", ", text, all);
}

int rendering_element(struct hd_decoder *d, bool *ret_cut)
{
    // clang-format off
    static const struct { struct hd_slice name; size_t offset; } texts[] = {
        {HD_SLICE("Message"), AT(message)},       {HD_SLICE("Level"), AT(level_text)},
        {HD_SLICE("Task"), AT(task_text)},        {HD_SLICE("Opcode"), AT(opcode_text)},
        {HD_SLICE("Channel"), AT(channel_text)},
    };
    // clang-format on
    const struct hd_slice name = d->xml.name;
    if (hd_slice_is(name, "Keywords")) {
        return winevent_children(d, keyword, ret_cut);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hd_slice *slot = (struct hd_slice *)(void *)((char *)&d->event + texts[i].offset);
        if (hd_slice_eq(name, texts[i].name) && slot->len == 0) {
            return winevent_text(d, slot, ret_cut);
        }
    }
    static const char prefix[] = "RenderingInfo";
    struct flatten_options options = {.name = name};
    struct hd_slice joined;
    int r = text_join(d, hd_slice(prefix, sizeof(prefix) - 1), ".", name, &joined);
    options.name = joined;
    return r ? r : xml_flatten(d, &d->envelope, &options, ret_cut);
}
