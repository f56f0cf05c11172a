/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a body is a stream of records with something around them: nothing, arrays, wrappers
 * ({"records":[...]}) or XML's <Events>. What is around is a small stack; each record is read by
 * the code for its kind and handed over before the next one is looked at, so that damage further on
 * never costs a record that was whole. What comes of it goes through report.c.
 *
 * Every byte belongs to an event, a dead letter or a separator. After damage the next record is
 * looked for (resync.c); what lies between is one dead letter. Looking for it may read the same
 * bytes more than once, which an attacker could turn into quadratic time: past an allowance the
 * rest of the body is one dead letter.
 */
#include "body.h"

static int dead(struct body *b, enum hd_dead_reason reason, const char *from, const char *to,
                const char *at)
{
    return report_dead(&b->report, reason, from, to, at);
}

/* What record_event or winevent_parse made of [from, b->p). */
static int finish(struct body *b, int r, const char *from)
{
    struct hd_decoder *d = b->decoder;
    if (r == RECORD_SKIP) {
        return report_skip(&b->report);
    }
    if (r == 0 && (size_t)(b->p - from) > d->limits.max_record_bytes) {
        r = HD_DEAD_TOO_LARGE;
    }
    if (r == 0) {
        for (uint32_t i = 0; i < b->n_frames; i++) {
            b->frames[i].carried |= d->event.envelope != HD_ENVELOPE_UNKNOWN;
        }
        return report_event(&b->report, &d->event, b->p);
    }
    return r < 0 ? r : dead(b, (enum hd_dead_reason)r, from, b->p, d->fault ? d->fault : from);
}

/* Leaves what is open on top. What a wrapper says besides its records goes with them; when there
 * was no event to carry it, it is a dead letter. */
static int pop(struct body *b)
{
    const struct frame *frame = &b->frames[--b->n_frames];
    if (!frame->wrapper) {
        return 0;
    }
    b->decoder->base_columns = frame->base_columns;
    return frame->carried || !frame->has_head
               ? 0
               : dead(b, HD_DEAD_NOT_AN_EVENT, frame->start, frame->bracket + 1, frame->start);
}

/* Has more been read again than anything but an attack would need? */
static bool exhausted(const struct body *b)
{
    return b->wasted > 4 * (size_t)(b->end - b->start) + b->decoder->limits.max_record_bytes;
}

/* [from, ...) is damaged: a dead letter up to where the next record may begin. */
static int damaged(struct body *b, int reason, const char *from, const char *fault)
{
    struct resync next = {.to = b->end, .resume = b->end};
    if (!exhausted(b) && *from == '{' &&
        (reason == HD_DEAD_TOO_DEEP || reason == HD_DEAD_TOO_MANY_FIELDS ||
         reason == HD_DEAD_TOO_LARGE)) {
        /* it may be whole all the same */
        struct json json = {from, b->end, JSON_MAX_DEPTH, false};
        struct json_value value;
        if (json_value(&json, &value) == 0) {
            b->p = json.p;
            return dead(b, (enum hd_dead_reason)reason, from, b->p, fault);
        }
        b->wasted += (size_t)(json.p - from);
    }
    b->wasted += (size_t)(fault > from ? fault - from : 0);
    if (!exhausted(b)) {
        next = resync(b, from);
    }
    if (next.resume < b->end && reason == HD_DEAD_TRUNCATED) {
        reason = HD_DEAD_MALFORMED_JSON;
    }
    b->p = next.resume;
    int r = dead(b, (enum hd_dead_reason)reason, from, next.to, fault);
    while (r == 0 && !next.in_array && b->n_frames) {
        r = pop(b);
    }
    return r;
}

/* ---- wrappers ---- */

static bool push(struct body *b, bool wrapper)
{
    if (b->n_frames == BODY_MAX_FRAMES || b->n_frames >= b->decoder->limits.max_depth) {
        return false;
    }
    b->frames[b->n_frames++] =
        (struct frame){.wrapper = wrapper, .base_columns = b->decoder->base_columns};
    return true;
}

/* The members of a wrapper behind its records, up to behind the '}'. */
static int wrapper_tail(struct hd_decoder *d, struct json *json, bool keep)
{
    for (;;) {
        struct json_value key, value;
        bool comma = false;
        json_space(json);
        if (json->p < json->end && *json->p == ',') {
            comma = true;
            json->p++;
            json_space(json);
        }
        if (json->p == json->end) {
            return HD_DEAD_TRUNCATED;
        }
        if (*json->p == '}') {
            json->p++;
            return 0;
        }
        int r = comma ? json_key(json, &key) : HD_DEAD_MALFORMED_JSON;
        r = r ? r : json_value(json, &value);
        if (r == 0 && keep) {
            r = record_add_column(d, key.text, key.escaped, &value, false);
        }
        if (r) {
            return r;
        }
    }
}

/* Most wrappers end with their records. Where one does not, what follows them is read before them,
 * so that every record can carry it. */
static bool look_ahead(struct body *b, const char *bracket)
{
    struct hd_decoder *d = b->decoder;
    const char *p = b->end;
    while (p > bracket && json_is_space(p[-1])) {
        p--;
    }
    if (p - bracket < 2 || p[-1] != '}' || exhausted(b)) {
        return false;
    }
    for (p--; p > bracket && json_is_space(p[-1]);) {
        p--;
    }
    if (p[-1] == ']') {
        return false;
    }
    uint32_t before = d->n_columns;
    struct json json = {bracket, b->end, d->limits.max_depth, false};
    struct json_value records;
    int r = json_value(&json, &records);
    b->wasted += (size_t)(json.p - bracket);
    r = r ? r : wrapper_tail(d, &json, true);
    if (r) {
        d->n_columns = before;
    }
    return r == 0;
}

/* Names that were unescaped live in the record's arena: the wrapper's must outlive its records. */
static int keep_columns(struct body *b)
{
    struct hd_decoder *d = b->decoder;
    for (uint32_t i = d->base_columns; i < d->n_columns; i++) {
        struct hd_slice *name = &d->columns[i].name;
        if (name->len && (name->data < b->start || name->data >= b->end)) {
            *name = hd_arena_copy(d->wrapper_arena, *name);
            if (!name->data) {
                return HD_DEAD_TOO_LARGE;
            }
        }
    }
    d->base_columns = d->n_columns;
    return 0;
}

/* bracket: the '[' of the records of the wrapper at `from`. */
static int enter_wrapper(struct body *b, const char *from, const char *bracket)
{
    if (!push(b, true)) {
        return damaged(b, HD_DEAD_TOO_DEEP, from, bracket);
    }
    struct frame *frame = &b->frames[b->n_frames - 1];
    frame->start = from;
    frame->bracket = bracket;
    frame->has_head = b->decoder->n_columns > b->decoder->base_columns;
    frame->tail_known = look_ahead(b, bracket);
    int r = keep_columns(b);
    if (r == 0 && push(b, false)) {
        b->p = bracket + 1;
        return 0;
    }
    frame->carried = true; /* the head is part of the damage */
    pop(b);
    return damaged(b, r ? r : HD_DEAD_TOO_DEEP, from, bracket);
}

/* b->p is behind the records of the wrapper on top, not at its end. */
static int leave_wrapper(struct body *b)
{
    const char *from = b->p;
    const struct frame *frame = &b->frames[b->n_frames - 1];
    bool known = frame->tail_known && frame->carried;
    struct json json = {b->p, b->end, b->decoder->limits.max_depth, false};
    int r = wrapper_tail(b->decoder, &json, false);
    if (r) {
        return damaged(b, r, from, json.p);
    }
    b->p = json.p;
    r = pop(b);
    return r || known ? r : dead(b, HD_DEAD_NOT_AN_EVENT, from, json.p - 1, from);
}

/* ---- records ---- */

static bool holds_records(const char *bracket, const char *end)
{
    const char *p = bracket + 1;
    while (p < end && json_is_space(*p)) {
        p++;
    }
    return p == end || (*p && strchr("{[n\"", *p));
}

static int object(struct body *b)
{
    struct hd_decoder *d = b->decoder;
    const char *from = b->p;
    struct json json = {from, b->end, 0, false};
    record_reset(d);
    int r = record_columns(d, &json, true);
    if (r == RECORD_WRAPPER) {
        if (holds_records(json.p, json.end)) {
            return enter_wrapper(b, from, json.p);
        }
        if (d->n_columns == d->base_columns && json.end - json.p > 2 && json.p[1] == ']' &&
            json.p[2] == '}') {
            b->p = json.p + 3;
            return report_skip(&b->report);
        }
        json.p = from;
        record_reset(d);
        r = record_columns(d, &json, false);
    }
    if (r) {
        return r < 0 ? r : damaged(b, r, from, json.p);
    }
    b->p = json.p;
    if (d->n_columns == d->base_columns) { /* an empty object says nothing */
        return dead(b, HD_DEAD_NOT_AN_EVENT, from, b->p, from);
    }
    remember_element(b, from);
    if ((size_t)(b->p - from) > d->limits.max_record_bytes) {
        return dead(b, HD_DEAD_TOO_LARGE, from, b->p, from);
    }
    return finish(b, record_event(d, hd_slice(from, (size_t)(b->p - from))), from);
}

/* A string that holds a record: event XML or JSON. */
static int string(struct body *b)
{
    struct hd_decoder *d = b->decoder;
    const char *from = b->p;
    struct json json = {from, b->end, 1, false};
    struct json_value value;
    struct hd_slice text;
    record_reset(d);
    int r = json_string(&json, &value);
    r = r ? r : text_json(d, &value, &text);
    if (r) {
        return r < 0 ? r : damaged(b, r, from, json.p);
    }
    b->p = json.p;
    text = hd_slice_trim(text);
    struct hd_slice record = {from, (size_t)(b->p - from)};
    if (winevent_likely(text)) {
        size_t used;
        r = winevent_parse(d, text, &used);
        if (r == 0 && !xml_is_blank(hd_slice(text.data + used, text.len - used))) {
            r = HD_DEAD_MALFORMED_XML;
        }
        d->event.envelope = HD_ENVELOPE_JSON_XML;
        d->event.record = record;
        return finish(b, r, from);
    }
    if (text.len == 0 || text.data[0] != '{') {
        return dead(b, HD_DEAD_NOT_AN_EVENT, from, b->p, from);
    }
    json = (struct json){text.data, text.data + text.len, 0, false};
    r = record_columns(d, &json, false);
    if (r == 0 && json.p != json.end) {
        r = HD_DEAD_MALFORMED_JSON;
    }
    r = r ? r : record_event(d, record);
    if (r == 0 && d->event.envelope == HD_ENVELOPE_UNKNOWN) {
        r = HD_DEAD_NOT_AN_EVENT;
    }
    return finish(b, r, from);
}

static int word(struct body *b)
{
    const char *from = b->p;
    struct json json = {from, b->end, 1, false};
    struct json_value value;
    int r = json_value(&json, &value);
    bool whole = r == 0 &&
                 (json.p == json.end || json_is_space(*json.p) || *json.p == ',' || *json.p == ']');
    if (!whole) {
        return damaged(b, HD_DEAD_NOT_AN_EVENT, from, from);
    }
    b->p = json.p;
    if (value.kind == JSON_NULL) {
        return report_skip(&b->report);
    }
    return dead(b, HD_DEAD_NOT_AN_EVENT, from, b->p, from);
}

/* What may stand around events in XML. Returns its end, or NULL when there is none of it here. */
static const char *xml_around(const char *p, const char *end)
{
    // clang-format off
    static const struct { struct hd_slice open, close; } around[] = {
        {HD_SLICE("<?"), HD_SLICE("?>")}, {HD_SLICE("<!--"), HD_SLICE("-->")},
        {HD_SLICE("<Events"), HD_SLICE(">")}, {HD_SLICE("</Events"), HD_SLICE(">")},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        const struct hd_slice *open = &around[i].open, *close = &around[i].close;
        if ((size_t)(end - p) > open->len && memcmp(p, open->data, open->len) == 0) {
            const char *stop =
                memmem(p + open->len, (size_t)(end - p) - open->len, close->data, close->len);
            return stop ? stop + close->len : NULL;
        }
    }
    return NULL;
}

static int xml(struct body *b)
{
    struct hd_decoder *d = b->decoder;
    const char *from = b->p, *after = b->n_frames ? NULL : xml_around(from, b->end);
    size_t used;
    if (after) {
        b->p = after;
        return 0;
    }
    record_reset(d);
    if (b->n_frames) {
        return damaged(b, HD_DEAD_MALFORMED_JSON, from, from);
    }
    int r = winevent_parse(d, hd_slice(from, (size_t)(b->end - from)), &used);
    if (r) {
        return r < 0 ? r : damaged(b, r, from, d->fault);
    }
    b->p = from + used;
    d->event.envelope = HD_ENVELOPE_XML;
    d->event.record = hd_slice(from, used);
    return finish(b, 0, from);
}

static int step(struct body *b)
{
    bool in_array = b->n_frames && !b->frames[b->n_frames - 1].wrapper;
    if (b->n_frames && !in_array && *b->p != '}') {
        return leave_wrapper(b);
    }
    switch (*b->p) {
    case '{':
        return object(b);
    case '[':
        if (!push(b, false)) {
            return damaged(b, HD_DEAD_TOO_DEEP, b->p, b->p);
        }
        b->p++;
        return 0;
    case ']':
    case '}':
        if (b->n_frames == 0 || (*b->p == ']') != in_array) {
            return damaged(b, HD_DEAD_MALFORMED_JSON, b->p, b->p);
        }
        b->p++;
        return pop(b);
    case '<':
        return xml(b);
    case '"':
        return string(b);
    default:
        return word(b);
    }
}

/* Blanks, NULs that somebody padded with, and the commas of arrays. */
static void separators(struct body *b)
{
    bool comma = b->n_frames == 0 || !b->frames[b->n_frames - 1].wrapper;
    while (b->p < b->end && (json_is_space(*b->p) || *b->p == '\0' || (comma && *b->p == ','))) {
        b->p++;
    }
    if (b->n_frames == 0 && b->end - b->p >= 3 && memcmp(b->p, "\xef\xbb\xbf", 3) == 0) {
        b->p += 3;
        separators(b);
    }
}

/* What is left becomes one dead letter; so do the heads of the wrappers that stand open. */
static int give_up(struct body *b)
{
    int r = 0;
    const char *from = b->p;
    while (r == 0 && b->n_frames) {
        r = pop(b);
    }
    b->p = b->end;
    return r ? r : dead(b, HD_DEAD_NOT_AN_EVENT, from, b->end, from);
}

int body_decode(struct hd_decoder *decoder, const struct body_source *source,
                const struct hd_decode_handler *handler, void *context)
{
    const struct hd_slice text = source->text;
    struct body b = {.decoder = decoder,
                     .report = {.handler = handler, .context = context},
                     .start = text.data,
                     .end = text.data + text.len,
                     .p = text.data};
    hd_arena_reset(decoder->wrapper_arena);
    decoder->base_columns = 0;
    report_init(&b.report, text, source->original, source->lost);
    for (;;) {
        separators(&b);
        if (b.p == b.end) {
            break;
        }
        int r = report_full(&b.report) ? give_up(&b) : step(&b);
        if (r) {
            return r;
        }
    }
    return report_end(&b.report);
}
