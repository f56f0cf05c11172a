/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: what Windows and forwarders write, not all of XML. One token at a time, no copies; the
 * caller keeps the nesting. Comments, processing instructions and the XML declaration are passed
 * over; prefixes are cut off. Any byte is accepted in text, because Windows writes control
 * characters that an XML parser by the book refuses. A DOCTYPE is refused: it never belongs here
 * and entity declarations are an attack.
 *
 * The end of the input is a token of its own (XML_CUT): events that were cut on their way are
 * routine, and what was complete before the cut is worth keeping.
 */
#include "xml.h"

#include "scan.h"

bool xml_is_blank(struct hd_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!xml_is_space(text.data[i]) && text.data[i] != '\0') {
            return false;
        }
    }
    return true;
}

static enum xml_token cut(struct xml *xml)
{
    xml->p = xml->end;
    xml->amp = false;
    xml->text = hd_slice(xml->end, 0);
    return XML_CUT;
}

static enum xml_token bad(struct xml *xml, const char *at)
{
    xml->p = at;
    return XML_BAD;
}

static bool starts(const struct xml *xml, const char *p, const char *what, size_t len)
{
    return (size_t)(xml->end - p) >= len && memcmp(p, what, len) == 0;
}

/* Ends of a name: white space, '>', '/', '=', and what can never be in one. */
static const char *name_end(const char *p, const char *end)
{
    // clang-format off
    static const bool stops[256] = {
        ['\0'] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true, [' '] = true, ['"'] = true,
        ['&'] = true, ['\''] = true, ['/'] = true, ['<'] = true, ['='] = true, ['>'] = true,
    };
    // clang-format on
    while (p < end && !stops[(unsigned char)*p]) {
        p++;
    }
    return p;
}

static struct hd_slice local_name(const char *start, const char *end, bool *ret_prefixed)
{
    const char *colon = memchr(start, ':', (size_t)(end - start));
    *ret_prefixed = colon != NULL;
    return colon ? hd_slice(colon + 1, (size_t)(end - colon - 1))
                 : hd_slice(start, (size_t)(end - start));
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && xml_is_space(*p)) {
        p++;
    }
    return p;
}

/* One attribute at p. Returns XML_TEXT when it is there. */
static enum xml_token attribute(struct xml *xml, const char *p)
{
    const char *end = xml->end, *start = p;
    p = name_end(p, end);
    const char *stop = p;
    p = skip_space(p, end);
    if (p == end) {
        return cut(xml);
    }
    if (stop == start || *p != '=') {
        return bad(xml, p);
    }
    p = skip_space(p + 1, end);
    if (p == end) {
        return cut(xml);
    }
    char quote = *p;
    if (quote != '\'' && quote != '"') {
        return bad(xml, p);
    }
    const char *value = ++p;
    bool amp = false;
    for (;;) {
        p = scan_either(p, end, quote, '&');
        if (p == end) {
            return cut(xml);
        }
        if (*p == quote) {
            break;
        }
        amp = true;
        p++;
    }
    if (xml->n_attributes == XML_MAX_ATTRIBUTES) {
        xml->too_many = true;
        return bad(xml, start);
    }
    struct xml_attribute *a = &xml->attributes[xml->n_attributes++];
    bool prefixed;
    a->name = local_name(start, stop, &prefixed);
    a->value = hd_slice(value, (size_t)(p - value));
    a->amp = amp;
    a->namespace = prefixed ? a->name.data - start == 6 && memcmp(start, "xmlns", 5) == 0
                            : hd_slice_is(a->name, "xmlns");
    xml->p = p + 1;
    return XML_TEXT;
}

/* Is the start tag that was just read that of an event? */
static bool is_event(const struct xml *xml)
{
    static const struct hd_slice event = HD_SLICE("Event");
    static const struct hd_slice uri =
        HD_SLICE("http://schemas.microsoft.com/win/2004/08/events/event");
    if (!hd_slice_eq(xml->name, event)) {
        return false;
    }
    for (uint32_t i = 0; i < xml->n_attributes; i++) {
        if (xml->attributes[i].namespace && hd_slice_eq(xml->attributes[i].value, uri)) {
            return true;
        }
    }
    return false;
}

/* Events that run together: where the next one begins, the one before it is over. */
static enum xml_token next_event(struct xml *xml, const char *less, bool in_markup)
{
    xml->end = less;
    xml->in_markup = in_markup;
    return cut(xml);
}

/* p is behind '<'. */
static enum xml_token start_tag(struct xml *xml, const char *p)
{
    const char *end = xml->end, *start = p;
    bool prefixed;
    p = name_end(p, end);
    if (p == end) {
        return cut(xml);
    }
    if (p == start) {
        return bad(xml, p);
    }
    xml->name = local_name(start, p, &prefixed);
    xml->tag = start - 1;
    xml->n_attributes = 0;
    for (;;) {
        if (*p == '>') {
            xml->p = p + 1;
            xml->empty = false;
            return XML_START;
        }
        if (*p == '/') {
            if (p + 1 == end) {
                return cut(xml);
            }
            if (p[1] != '>') {
                return bad(xml, p);
            }
            xml->p = p + 2;
            xml->empty = true;
            return XML_START;
        }
        const char *next = skip_space(p, end);
        if (next == end) {
            return cut(xml);
        }
        if (*next != '>' && *next != '/') {
            enum xml_token token = attribute(xml, next);
            if (token != XML_TEXT) {
                return token;
            }
            next = xml->p;
            if (next == end) {
                return cut(xml);
            }
        }
        p = next;
    }
}

/* p is behind "</". */
static enum xml_token end_tag(struct xml *xml, const char *p)
{
    const char *end = xml->end, *start = p;
    bool prefixed;
    p = name_end(p, end);
    const char *stop = p;
    p = skip_space(p, end);
    if (p == end) {
        return cut(xml);
    }
    if (stop == start || *p != '>') {
        return bad(xml, p);
    }
    xml->name = local_name(start, stop, &prefixed);
    xml->p = p + 1;
    return XML_END;
}

static const char *find(const char *p, const char *end, const char *what, size_t len)
{
    return p < end ? memmem(p, (size_t)(end - p), what, len) : NULL;
}

/* Is what is left of the input a beginning of `what`? Then the cut hides which it is. */
static bool cut_inside(const struct xml *xml, const char *p, const char *what)
{
    size_t left = (size_t)(xml->end - p);
    return left < strlen(what) && memcmp(p, what, left) == 0;
}

/* p is at "<!" or "<?". XML_TEXT: passed over. */
static enum xml_token declaration(struct xml *xml, const char *p)
{
    const char *close;
    if (p[1] == '?') {
        close = find(p + 2, xml->end, "?>", 2);
        xml->p = close ? close + 2 : xml->end;
        return close ? XML_TEXT : cut(xml);
    }
    if (starts(xml, p, "<!--", 4)) {
        close = find(p + 4, xml->end, "-->", 3);
        xml->p = close ? close + 3 : xml->end;
        return close ? XML_TEXT : cut(xml);
    }
    if (starts(xml, p, "<![CDATA[", 9)) {
        close = find(p + 9, xml->end, "]]>", 3);
        xml->text = hd_slice(p + 9, (size_t)((close ? close : xml->end) - p - 9));
        xml->amp = xml->in_markup = false;
        xml->p = close ? close + 3 : xml->end;
        return close ? XML_CDATA : XML_CUT;
    }
    if (cut_inside(xml, p, "<!--") || cut_inside(xml, p, "<![CDATA[")) {
        return cut(xml);
    }
    return bad(xml, p);
}

enum xml_token xml_next(struct xml *xml)
{
    for (;;) {
        const char *p = xml->p;
        xml->in_markup = p < xml->end && *p == '<';
        if (p >= xml->end) {
            return cut(xml);
        }
        if (*p != '<') {
            const char *stop = scan_text(p, xml->end, &xml->amp);
            xml->text = hd_slice(p, (size_t)(stop - p));
            xml->p = stop;
            return stop == xml->end ? XML_CUT : XML_TEXT;
        }
        if (p + 1 == xml->end) {
            return cut(xml);
        }
        if (p[1] == '/') {
            return end_tag(xml, p + 2);
        }
        if (p[1] != '!' && p[1] != '?') {
            enum xml_token token = start_tag(xml, p + 1);
            if (xml->in_event && token == XML_START && is_event(xml)) {
                return next_event(xml, p, false);
            }
            if (xml->in_event && token == XML_BAD && starts(xml, xml->p, "<Event ", 7)) {
                return next_event(xml, xml->p, true); /* cut inside the tag */
            }
            return token;
        }
        enum xml_token token = declaration(xml, p);
        if (token != XML_TEXT) {
            return token;
        }
    }
}
