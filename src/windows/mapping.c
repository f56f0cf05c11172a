/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: two passes. The first finds for each field of the event the rows that name it; the second
 * runs the rows in the order of the table. So a row may look at any other field, and the result
 * does not depend on the order in which a shipper wrote the fields.
 *
 * Nothing is lost: what no row names, what a transform could not make sense of, and a name that
 * comes twice (all its values) stay in the event data.
 */
#include "mapping.h"

#include <errno.h>

bool hd_is_blank(struct hd_slice value)
{
    static const char zero_guid[] = "{00000000-0000-0000-0000-000000000000}";
    switch (value.len) {
    case 0:
        return true;
    case 1:
        return value.data[0] == '-' || value.data[0] == '?';
    case 7:
        return memcmp(value.data, "Unknown", 7) == 0 || memcmp(value.data, "S-1-0-0", 7) == 0;
    case 17:
        return memcmp(value.data, "<unknown process>", 17) == 0;
    case 36:
        return memcmp(value.data, zero_guid + 1, 36) == 0;
    case 38:
        return memcmp(value.data, zero_guid, 38) == 0;
    default:
        return false;
    }
}

struct hd_slice hd_work_peer(const struct hd_work *work, const char *source)
{
    int s = hd_plan_find(work->plan, hd_slice_cstr(source));
    if (s < 0 || !(work->present >> s & 1)) {
        return (struct hd_slice){NULL, 0};
    }
    return work->sources[s]->value;
}

void *hd_work_alloc(struct hd_work *work, size_t size)
{
    void *data = hd_arena_alloc(work->scratch, size);
    if (!data) {
        work->values.error = -ENOMEM;
    }
    return data;
}

static void add_data(struct hd_work *work, const struct hd_field *field)
{
    /* Elasticsearch refuses a whole document for a member without a name. */
    struct hd_slice name = field->name.len > 0 ? field->name : hd_slice("_", 1);
    bool json = field->flags & HD_FIELD_JSON;
    if (hd_members_add(&work->data, name, field->value, json) < 0) {
        work->values.error = -ENOMEM;
    }
}

/* Each source is kept once, and what find_sources added bears other names. */
static void keep_source(struct hd_work *work, const struct hd_field *field)
{
    bool json = field->flags & HD_FIELD_JSON;
    if (hd_members_add_new(&work->data, field->name, field->value, json) < 0) {
        work->values.error = -ENOMEM;
    }
}

/* Returns the sources whose value already stands in the event data, because the name came again. */
static uint64_t find_sources(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    uint64_t repeated = 0;

    work->present = 0;
    for (uint32_t i = 0; i < event->n_fields; i++) {
        const struct hd_field *field = &event->fields[i];
        int s = hd_plan_find(work->plan, field->name);
        if (s < 0) {
            add_data(work, field);
            continue;
        }
        uint64_t bit = (uint64_t)1 << s;
        if (!(work->present & bit)) {
            work->present |= bit;
            work->sources[s] = field;
            continue;
        }
        if (!(repeated & bit)) {
            repeated |= bit;
            add_data(work, work->sources[s]);
        }
        add_data(work, field);
    }
    return repeated;
}

static bool is_null(const struct hd_field *field)
{
    return field->flags & HD_FIELD_JSON && hd_slice_is(field->value, "null");
}

/* Whether the event data must keep the field. */
static bool run_rows(struct hd_work *work, const struct hd_plan_source *source,
                     const struct hd_field *field)
{
    bool keep = source->keep, ran = false;
    if (field->value.len == 0) {
        return false;
    }
    for (unsigned i = 0; i < source->n_rows; i++) {
        const struct hd_row *row = work->plan->rows[source->first_row + i];
        if (row->flags & HD_ROW_BLANK && (hd_is_blank(field->value) || is_null(field))) {
            continue;
        }
        ran = true;
        if (row->transform && !row->transform->run(work, row, field->value)) {
            keep = true;
        }
    }
    return keep && ran;
}

/* Without a plan everything is event data; names of UserData are as decode/ joined them. */
static void keep_all(struct hd_work *work)
{
    const struct hd_event *event = work->event;
    if (event->section == HD_SECTION_USER_DATA && event->section_name.len > 0) {
        const struct hd_field wrapper = {hd_slice_cstr(work->schema->section_name),
                                         event->section_name, 0};
        add_data(work, &wrapper);
    }
    for (uint32_t i = 0; i < event->n_fields; i++) {
        add_data(work, &event->fields[i]);
    }
}

void hd_work_map(struct hd_work *work)
{
    hd_members_clear(&work->data);
    if (!work->plan) {
        keep_all(work);
    } else {
        uint64_t repeated = find_sources(work);
        for (uint64_t bits = work->present; bits; bits &= bits - 1) {
            unsigned s = (unsigned)__builtin_ctzll(bits);
            if (run_rows(work, &work->plan->sources[s], work->sources[s]) && !(repeated >> s & 1)) {
                keep_source(work, work->sources[s]);
            }
        }
    }
    if (work->data.n > 0) {
        unsigned id = work->schema->event_data[work->event->section];
        hd_values_put(&work->values, id, HD_VALUE_MEMBERS, &work->data, 0);
    }
}
