/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: where the next record begins after a damaged one. Quotes and braces cannot be trusted any
 * more, so it is told by what stands around it. In an array: "}," and then the same first key as
 * its neighbours have. In a stream: a line that begins with a record, or an object right behind
 * another's end, or <Event. A wrong guess costs another dead letter, never a byte.
 */
#include "body.h"
#include "scan.h"

/* {"key" at p, or empty. */
static struct hd_slice first_key(const char *p, const char *end)
{
    const char *limit = end - p > ELEMENT_HINT_MAX ? p + ELEMENT_HINT_MAX : end;
    if (limit - p < 3 || p[0] != '{' || p[1] != '"') {
        return hd_slice("", 0);
    }
    const char *quote = memchr(p + 2, '"', (size_t)(limit - p - 2));
    return quote ? hd_slice(p, (size_t)(quote + 1 - p)) : hd_slice("", 0);
}

void remember_element(struct body *b, const char *from)
{
    if (b->n_frames) {
        b->hint = first_key(from, b->end);
    }
}

/* The last byte in [start, p) that is no white space, or NULL. */
static const char *before(const char *start, const char *p)
{
    while (p > start && json_is_space(p[-1])) {
        p--;
    }
    return p > start ? p - 1 : NULL;
}

/* "}," and then the hint. */
static bool next_element(const char *from, const char *end, struct hd_slice hint,
                         struct resync *ret)
{
    const char *p = from + 1;
    while (hint.len && p < end) {
        p = memmem(p, (size_t)(end - p), hint.data, hint.len);
        if (!p) {
            return false;
        }
        const char *comma = before(from, p);
        const char *brace = comma && *comma == ',' ? before(from, comma) : NULL;
        if (brace && *brace == '}') {
            *ret = (struct resync){brace + 1, brace + 1, true};
            return true;
        }
        p++;
    }
    return false;
}

static bool starts_record(const char *p, const char *end)
{
    return p < end && (*p == '{' || *p == '[' || winevent_is_event_tag(p, end) ||
                       (end - p >= 6 && memcmp(p, "<?xml ", 6) == 0));
}

/* Inside an array a line that begins with '{' is mostly its next element. */
static bool stands_alone(const struct body *b, const char *from, const char *newline)
{
    const char *last = before(from, newline);
    return b->n_frames == 0 || (last && (!*last || !strchr(",[:{", *last)));
}

static const char *search_record(const struct body *b, const char *from, bool json)
{
    for (const char *p = from + 1; p < b->end; p++) {
        p = scan_either(p, b->end, '\n', json ? '{' : '<');
        if (p == b->end) {
            break;
        }
        if (*p == '\n') {
            if (starts_record(p + 1, b->end) && stands_alone(b, from, p)) {
                return p + 1;
            }
        } else if (*p == '{') {
            const char *brace = before(from, p);
            if (b->n_frames == 0 && brace && *brace == '}') {
                return p;
            }
        } else if (p[-1] != '"' && winevent_is_event_tag(p, b->end)) { /* not XML inside JSON */
            return p;
        }
    }
    return NULL;
}

/* What an earlier search found, or did not find, still holds for every place before that. */
static const char *next_record(struct body *b, const char *from)
{
    const bool json = *from && strchr("{[\"}]", *from), in_frame = b->n_frames > 0;
    const char *found = b->searched_to;
    if (!b->searched_from || b->searched_json != json || b->searched_in_frame != in_frame ||
        (found && found <= from)) {
        b->searched_from = from;
        b->searched_json = json;
        b->searched_in_frame = in_frame;
        b->searched_to = found = search_record(b, from, json);
    }
    return found;
}

struct resync resync(struct body *b, const char *from)
{
    const char *record = next_record(b, from), *end = record ? record : b->end;
    struct resync ret = {end, end, false};
    bool in_array = b->n_frames && !b->frames[b->n_frames - 1].wrapper;
    if (in_array && !next_element(from, end, b->hint, &ret)) {
        next_element(from, end, first_key(from, end), &ret);
    }
    return ret;
}
