/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: event XML -> hd_event, in one pass. Elements are told by their local names; order does
 * not matter. Nearly every byte of a real event lies in <Data Name='X'>value</Data>, which has a
 * path of its own (fast_data); everything else goes through the general scanner, which gives the
 * same fields.
 *
 * The depth of C calls is that of the sections (Event, EventData, Data), never that of the input:
 * what nests freely is flattened by a loop (flatten.c).
 *
 * An event whose XML ends early keeps what was complete. It needs a provider or an event ID to be
 * one at all.
 */
#include "winevent.h"

#include "scan.h"

bool winevent_is_event_tag(const char *p, const char *end)
{
    if (end - p < 7 || memcmp(p, "<Event", 6) != 0) {
        return false;
    }
    return xml_is_space(p[6]) || p[6] == '>' || p[6] == '/';
}

bool winevent_likely(struct hd_slice text)
{
    const char *p = text.data, *end = text.data + text.len;
    if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }
    while (p < end && xml_is_space(*p)) {
        p++;
    }
    return winevent_is_event_tag(p, end) || (end - p >= 6 && memcmp(p, "<?xml ", 6) == 0);
}

static int bad(struct hd_decoder *d)
{
    return d->xml.too_many ? HD_DEAD_TOO_MANY_FIELDS : HD_DEAD_MALFORMED_XML;
}

/* What stands between elements where only elements belong: kept, as a value without a name. */
static int stray_text(struct hd_decoder *d, uint32_t flags)
{
    struct hd_slice text, name;
    if (xml_is_blank(d->xml.text)) {
        return 0;
    }
    int r = text_xml(d, d->xml.text, d->xml.amp, &text);
    r = r ? r : field_unnamed(d, &name);
    return r ? r : field_add(d, &d->fields, name, text, HD_FIELD_UNNAMED | flags);
}

int winevent_children(struct hd_decoder *d, winevent_element_fn *element, bool *ret_cut)
{
    const struct hd_slice parent = d->xml.name;
    if (d->xml.empty) {
        return 0;
    }
    for (;;) {
        int r = 0;
        switch (xml_next(&d->xml)) {
        case XML_TEXT:
        case XML_CDATA:
            r = stray_text(d, 0);
            break;
        case XML_START:
            r = element(d, ret_cut);
            break;
        case XML_END:
            return hd_slice_eq(d->xml.name, parent) ? 0 : HD_DEAD_MALFORMED_XML;
        case XML_CUT:
            *ret_cut = true;
            return stray_text(d, d->xml.in_markup ? 0 : HD_FIELD_CUT);
        case XML_BAD:
            return bad(d);
        }
        if (r || *ret_cut) {
            return r;
        }
    }
}

int winevent_text(struct hd_decoder *d, struct hd_slice *ret, bool *ret_cut)
{
    const struct hd_slice parent = d->xml.name;
    bool owned = false;
    *ret = hd_slice("", 0);
    if (d->xml.empty) {
        return 0;
    }
    for (;;) {
        int r = 0;
        switch (xml_next(&d->xml)) {
        case XML_TEXT:
        case XML_CDATA:
            if (ret->len == 0 && !d->xml.amp) {
                *ret = d->xml.text;
            } else {
                r = text_append(d, ret, &owned, d->xml.text, d->xml.amp);
            }
            break;
        case XML_START:
            r = xml_flatten(d, &d->envelope, &(struct flatten_options){.name = d->xml.name},
                            ret_cut);
            break;
        case XML_END:
            return hd_slice_eq(d->xml.name, parent) ? 0 : HD_DEAD_MALFORMED_XML;
        case XML_CUT:
            *ret_cut = true;
            if (!d->xml.in_markup) {
                *ret = hd_slice("", 0);
            }
            return 0;
        case XML_BAD:
            return bad(d);
        }
        if (r || *ret_cut) {
            return r;
        }
    }
}

/* Takes the Data elements at p that are of the usual form. */
static int fast_data(struct hd_decoder *d)
{
    static const char open[] = "<Data Name='", close[] = "</Data>";
    const size_t open_len = sizeof(open) - 1, close_len = sizeof(close) - 1;
    const char *p = d->xml.p, *end = d->xml.end;
    while ((size_t)(end - p) > open_len && memcmp(p, open, open_len) == 0) {
        const char *name = p + open_len;
        const char *quote = scan_either(name, end, '\'', '&');
        if (end - quote < 2 || *quote != '\'' || quote[1] != '>') {
            break;
        }
        bool amp;
        const char *value = quote + 2, *less = scan_text(value, end, &amp);
        if ((size_t)(end - less) < close_len || memcmp(less, close, close_len) != 0) {
            break;
        }
        struct hd_slice text = {value, (size_t)(less - value)};
        int r = text_xml(d, text, amp, &text);
        r = r ? r : field_add(d, &d->fields, hd_slice(name, (size_t)(quote - name)), text, 0);
        if (r) {
            return r;
        }
        p = less + close_len;
        d->xml.p = p;
    }
    return 0;
}

/* One element of EventData: named by its attribute, else by its element unless that is Data. Takes
 * its neighbours of the usual form along. */
static int data_element(struct hd_decoder *d, bool *ret_cut)
{
    struct flatten_options options = {.name = d->xml.name};
    for (uint32_t i = 0; i < d->xml.n_attributes && !options.skip_name; i++) {
        const struct xml_attribute *a = &d->xml.attributes[i];
        if (!a->namespace && hd_slice_is(a->name, "Name")) {
            int r = text_xml(d, a->value, a->amp, &options.name);
            if (r) {
                return r;
            }
            options.skip_name = true;
        }
    }
    if (!options.skip_name &&
        (hd_slice_is(d->xml.name, "Data") || hd_slice_is(d->xml.name, "Param"))) {
        int r = field_unnamed(d, &options.name);
        if (r) {
            return r;
        }
        options.flags = HD_FIELD_UNNAMED;
    }
    int r = xml_flatten(d, &d->fields, &options, ret_cut);
    return r || *ret_cut ? r : fast_data(d);
}

static int plain_element(struct hd_decoder *d, bool *ret_cut)
{
    return xml_flatten(d, &d->fields, &(struct flatten_options){.name = d->xml.name}, ret_cut);
}

/* The attributes of EventData or of UserData's wrapper: Name names the section. */
static int section_attributes(struct hd_decoder *d)
{
    for (uint32_t i = 0; i < d->xml.n_attributes; i++) {
        const struct xml_attribute *a = &d->xml.attributes[i];
        struct hd_slice value;
        if (a->namespace) {
            continue;
        }
        int r = text_xml(d, a->value, a->amp, &value);
        if (r == 0 && hd_slice_is(a->name, "Name") && d->event.section_name.len == 0) {
            d->event.section_name = value;
        } else if (r == 0) {
            r = field_add(d, &d->fields, a->name, value, 0);
        }
        if (r) {
            return r;
        }
    }
    return 0;
}

static int event_data(struct hd_decoder *d, bool *ret_cut)
{
    int r = section_attributes(d);
    if (r == 0 && !d->xml.empty) {
        r = fast_data(d);
    }
    return r ? r : winevent_children(d, data_element, ret_cut);
}

/* The one child of UserData, whose name is the section's. */
static int wrapper(struct hd_decoder *d, bool *ret_cut)
{
    if (d->event.section_name.len) {
        return plain_element(d, ret_cut);
    }
    int r = section_attributes(d);
    d->event.section_name = d->xml.name;
    return r ? r : winevent_children(d, plain_element, ret_cut);
}

static int user_data(struct hd_decoder *d, bool *ret_cut)
{
    return winevent_children(d, wrapper, ret_cut);
}

static int section_children(struct hd_decoder *d, bool *ret_cut)
{
    int r = section_attributes(d);
    return r ? r : winevent_children(d, plain_element, ret_cut);
}

static int system_section(struct hd_decoder *d, bool *ret_cut)
{
    if (!d->xml.empty) {
        system_patterns(d);
    }
    return winevent_children(d, system_element, ret_cut);
}

static int rendering_section(struct hd_decoder *d, bool *ret_cut)
{
    int r = rendering_attributes(d);
    return r ? r : winevent_children(d, rendering_element, ret_cut);
}

static int event_element(struct hd_decoder *d, bool *ret_cut)
{
    // clang-format off
    static const struct {
        struct hd_slice name;
        enum hd_section section;
        winevent_element_fn *element;
    } sections[] = {
        {HD_SLICE("System"),              HD_SECTION_NONE,       system_section},
        {HD_SLICE("EventData"),           HD_SECTION_EVENT_DATA, event_data},
        {HD_SLICE("UserData"),            HD_SECTION_USER_DATA,  user_data},
        {HD_SLICE("RenderingInfo"),       HD_SECTION_NONE,       rendering_section},
        {HD_SLICE("BinaryEventData"),     HD_SECTION_BINARY,     plain_element},
        {HD_SLICE("DebugData"),           HD_SECTION_DEBUG,      section_children},
        {HD_SLICE("ProcessingErrorData"), HD_SECTION_PROCESSING, section_children},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (hd_slice_eq(d->xml.name, sections[i].name)) {
            if (d->event.section == HD_SECTION_NONE) {
                d->event.section = sections[i].section;
            }
            return sections[i].element(d, ret_cut);
        }
    }
    return plain_element(d, ret_cut);
}

static void publish(struct hd_decoder *d)
{
    d->event.fields = d->fields.items;
    d->event.n_fields = d->fields.n;
    d->event.envelope_fields = d->envelope.items;
    d->event.n_envelope_fields = d->envelope.n;
}

static void xml_begin(struct hd_decoder *d, struct hd_slice text)
{
    d->xml.p = text.data;
    d->xml.end = text.data + text.len;
    d->xml.too_many = d->xml.in_event = false;
    d->system_hint = 0;
}

/* To the first start tag. *ret_start is where it stands. */
static int root(struct hd_decoder *d, const char **ret_start)
{
    for (;;) {
        switch (xml_next(&d->xml)) {
        case XML_TEXT:
            if (xml_is_blank(d->xml.text)) {
                continue;
            }
            return HD_DEAD_NOT_AN_EVENT;
        case XML_START:
            *ret_start = d->xml.tag;
            return 0;
        case XML_CUT:
            return d->xml.in_markup ? HD_DEAD_TRUNCATED : HD_DEAD_NOT_AN_EVENT;
        case XML_CDATA:
        case XML_END:
        case XML_BAD:
            return bad(d);
        }
    }
}

int winevent_parse(struct hd_decoder *d, struct hd_slice xml, size_t *ret_used)
{
    const char *start = xml.data;
    bool cut = false;
    xml_begin(d, xml);
    if (xml.len >= 3 && memcmp(xml.data, "\xef\xbb\xbf", 3) == 0) {
        d->xml.p += 3;
    }
    int r = root(d, &start);
    if (r == 0 && !hd_slice_is(d->xml.name, "Event")) {
        r = HD_DEAD_NOT_AN_EVENT;
    }
    d->xml.in_event = true;
    r = r ? r : winevent_children(d, event_element, &cut);
    if (r == 0 && !d->event.provider_name.len && !(d->event.has & HD_HAS_EVENT_ID)) {
        r = cut ? HD_DEAD_TRUNCATED : HD_DEAD_NOT_AN_EVENT;
    }
    d->event.cut = cut;
    d->event.xml = hd_slice(start, (size_t)(d->xml.p - start));
    publish(d);
    if (r > 0) {
        d->fault = d->xml.p;
    }
    *ret_used = (size_t)(d->xml.p - xml.data);
    return r;
}

/* EventData alone is found under different roots; all that is not one of them is data itself. */
static int data_root(struct hd_decoder *d, bool *ret_cut)
{
    if (hd_slice_is(d->xml.name, "UserData")) {
        d->event.section = HD_SECTION_USER_DATA;
        return user_data(d, ret_cut);
    }
    if (hd_slice_is(d->xml.name, "EventData")) {
        return event_data(d, ret_cut);
    }
    return data_element(d, ret_cut);
}

static int data_item(struct hd_decoder *d, bool *ret_cut)
{
    if (hd_slice_is(d->xml.name, "DataItem")) {
        return winevent_children(d, data_root, ret_cut);
    }
    return data_root(d, ret_cut);
}

int winevent_parse_data(struct hd_decoder *d, struct hd_slice xml)
{
    bool cut = false;
    int r = 0;
    xml_begin(d, xml);
    d->event.section = HD_SECTION_EVENT_DATA;
    while (r == 0 && !cut && d->xml.p < d->xml.end) {
        switch (xml_next(&d->xml)) {
        case XML_TEXT:
        case XML_CDATA:
            r = stray_text(d, 0);
            break;
        case XML_START:
            r = data_item(d, &cut);
            break;
        case XML_CUT: /* the text behind the last element */
            cut = d->xml.in_markup;
            r = stray_text(d, 0);
            break;
        case XML_END:
        case XML_BAD:
            r = bad(d);
            break;
        }
    }
    d->event.cut = cut;
    publish(d);
    return r;
}
