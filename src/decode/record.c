/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: one object -> columns, in one pass over its text. The members of `properties` (WAD) are
 * walked in the same pass; the few other objects that are opened (winlog.*, event.*) come from
 * shippers that are not on the hot path and are walked again. Everything else stays a slice.
 *
 * Nothing is decided here: what the columns mean depends on which others there are (event.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "columns.h"

void record_reset(struct hd_decoder *d)
{
    hd_arena_reset(d->arena);
    d->text_left = 4 * (size_t)d->limits.max_record_bytes + 65536;
    memset(&d->event, 0, sizeof(d->event));
    d->fields.n = d->envelope.n = d->n_unnamed = 0;
    d->n_columns = d->base_columns;
    d->seen = 0;
    d->first_xml = UINT32_MAX;
    d->fault = NULL;
}

static int grow(struct hd_decoder *d)
{
    if (d->n_columns >= d->limits.max_fields) {
        return HD_DEAD_TOO_MANY_FIELDS;
    }
    uint32_t cap = d->cap_columns ? d->cap_columns * 2 : 64;
    struct column *columns = realloc(d->columns, cap * sizeof(*columns));
    if (!columns) {
        return -ENOMEM;
    }
    d->columns = columns;
    d->cap_columns = cap;
    return 0;
}

/* The members of an object that was scanned before, as columns below `name`. Goes as deep as the
 * names of the rules do, not as the input does. */
static int open_object(struct hd_decoder *d, struct hd_slice name, struct hd_slice text)
{
    struct json json = {text.data + 1, text.data + text.len, d->limits.max_depth, false};
    for (;;) {
        struct json_value key, value;
        struct hd_slice joined;
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
        r = r ? r : text_join(d, name, ".", key.text, &joined);
        r = r ? r : record_add_column(d, joined, false, &value, false);
        if (r) {
            return r;
        }
    }
}

int record_add_column(struct hd_decoder *d, struct hd_slice name, bool name_escaped,
                      const struct json_value *value, bool in_properties)
{
    if (name_escaped) {
        struct json_value key = {name, JSON_STRING, true};
        int r = text_json(d, &key, &name);
        if (r) {
            return r;
        }
    }
    const struct column_rule *rule = columns_find(d, name, in_properties);
    if (rule && rule->kind == COLUMN_OPEN && value->kind == JSON_OBJECT && !in_properties) {
        return open_object(d, name, value->text);
    }
    if (d->n_columns == d->cap_columns || d->n_columns >= d->limits.max_fields) {
        int r = grow(d);
        if (r) {
            return r;
        }
    }
    if (rule && value->kind != JSON_NULL) {
        d->seen |= 1u << rule->kind;
    }
    d->columns[d->n_columns] = (struct column){name, *value, rule, in_properties};
    if (d->first_xml == UINT32_MAX && column_may_be_xml(&d->columns[d->n_columns])) {
        d->first_xml = d->n_columns;
    }
    d->n_columns++;
    return 0;
}

static bool is_name(const struct json_value *key, const char *name, size_t len)
{
    return key->text.len == len && memcmp(key->text.data, name, len) == 0;
}

enum { MEMBER_OPENED = 2000, OBJECT_DONE };

/* The member at json->p. MEMBER_OPENED: it was `properties`, whose members come next. */
static int member(struct hd_decoder *d, struct json *json, bool unwrap, bool *in_properties)
{
    struct json_value key, value;
    int r = json_key(json, &key);
    if (r) {
        return r;
    }
    if (!*in_properties && json->p < json->end) {
        if (*json->p == '{' && is_name(&key, "properties", 10)) {
            json->p++;
            *in_properties = true;
            return MEMBER_OPENED;
        }
        if (unwrap && *json->p == '[' && is_name(&key, "records", 7)) {
            return RECORD_WRAPPER;
        }
    }
    r = json_value(json, &value);
    return r ? r : record_add_column(d, key.text, key.escaped, &value, *in_properties);
}

/* Closes what ends at json->p, then takes the comma. */
static int after_member(struct json *json, bool *in_properties)
{
    for (;;) {
        json_space(json);
        if (json->p == json->end) {
            return HD_DEAD_TRUNCATED;
        }
        if (*json->p == ',') {
            json->p++;
            return 0;
        }
        if (*json->p != '}') {
            return HD_DEAD_MALFORMED_JSON;
        }
        json->p++;
        if (!*in_properties) {
            return OBJECT_DONE;
        }
        *in_properties = false;
    }
}

int record_columns(struct hd_decoder *d, struct json *json, bool unwrap)
{
    bool in_properties = false;
    json->p++;
    json->max_depth = d->limits.max_depth > 2 ? d->limits.max_depth - 2 : 1;
    for (;;) {
        json_space(json);
        /* an object may be empty, or end behind a comma too many */
        int r =
            json->p < json->end && *json->p == '}' ? 0 : member(d, json, unwrap, &in_properties);
        if (r == MEMBER_OPENED) {
            continue;
        }
        r = r ? r : after_member(json, &in_properties);
        if (r) {
            return r == OBJECT_DONE ? 0 : r;
        }
    }
}
