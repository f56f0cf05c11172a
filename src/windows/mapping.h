/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapping: how the fields of a provider's events become fields of a schema. Data, and the engine
 * that runs it.
 *
 * A mapping is one table, a row a field: which events, the name in the event, the transform, where
 * the results go. Several rows may name the same source. A row runs whatever the order of the
 * fields in the event is: rows run in the order of the table.
 *
 * A schema is its targets (tree.h), its mappings, and what every event gets whoever its provider
 * is.
 *
 * To add a provider: a file with its rows and one line in its schema. To add a schema: its targets,
 * a `system` function and its mappings; nothing here changes.
 *
 * Owner: tables are constant; a plan (a table made ready for one event) is built once, shared and
 * read-only. struct hd_work belongs to one normaliser.
 */
#ifndef HUBDRAIN_WINDOWS_MAPPING_H
#define HUBDRAIN_WINDOWS_MAPPING_H

#include "hubdrain/arena.h"
#include "hubdrain/clock.h"
#include "hubdrain/normalise.h"
#include "tree.h"

struct hd_work;
struct hd_row;

/* Whether the value went where the row says. If not, the field stays in the event data. */
typedef bool hd_transform_fn(struct hd_work *work, const struct hd_row *row, struct hd_slice value);

/* What one kind of row does; the texts are for docs/fields.md. */
struct hd_transform {
    const char *name;
    const char *help;
    hd_transform_fn *run;
};

enum {
    HD_ROW_BLANK = 1, /* the source writes placeholders for "no value": these are no value */
    HD_ROW_KEEP = 2,  /* stays in the event data as well */
};

#define HD_ROW_TARGETS 8
struct hd_row {
    uint64_t events; /* bit i: event_ids[i] of the mapping */
    const char *source;
    const struct hd_transform *transform; /* NULL: the event data is where it belongs */
    unsigned flags;
    uint8_t targets[HD_ROW_TARGETS]; /* what each is, the transform says */
};

struct hd_mapping {
    const char *const *providers; /* NULL-terminated; compared without case */
    const char *title;            /* "Sysmon" */
    /* [0] stands for every other event of the provider. At most 64. */
    const uint32_t *event_ids;
    size_t n_events;
    const struct hd_row *rows;
    size_t n_rows;
    /* Before the rows: what depends on the event alone. index is into event_ids. */
    void (*begin)(struct hd_work *work, size_t index);
};

struct hd_schema_def {
    const char *name;
    const struct hd_target *targets; /* [0] is no field */
    size_t n_targets;
    /* Where what no row names goes, by the section of the event it comes from. */
    uint8_t event_data[HD_SECTION_PROCESSING + 1];
    const char *section_name; /* the member there that holds the name of UserData's wrapper */
    const struct hd_mapping *const *mappings; /* NULL-terminated */
    /* Everything but the event data, for any event. */
    void (*system)(struct hd_work *work);
};

extern const struct hd_schema_def hd_schema_ecs;

/* ---- plans ---- */

#define HD_PLAN_SOURCES 64

struct hd_plan_source {
    struct hd_slice name;
    uint64_t head, tail; /* first and last eight bytes; see plan.c */
    uint16_t first_row;  /* in hd_plan.rows */
    uint8_t n_rows;
    bool keep; /* some row says so, or has no transform */
};

struct hd_plan {
    uint64_t seed;
    unsigned shift;
    uint8_t slots[256]; /* source + 1 */
    size_t n_sources;
    struct hd_plan_source sources[HD_PLAN_SOURCES];
    const struct hd_row **rows;
};

int hd_plan_build(const struct hd_mapping *mapping, size_t event, struct hd_plan *plan);
void hd_plan_deinit(struct hd_plan *plan);
/* -1: no row names it. */
int hd_plan_find(const struct hd_plan *plan, struct hd_slice name);

/* ---- one event being normalised ---- */

struct hd_work {
    const struct hd_normalise_options *options;
    const struct hd_schema_def *schema;
    const struct hd_event *event;
    const struct hd_origin *origin;
    const struct hd_mapping *mapping; /* NULL: nobody maps this provider */
    const struct hd_plan *plan;       /* likewise */
    const struct hd_field *sources[HD_PLAN_SOURCES];
    uint64_t present; /* bit s: the event has source s of the plan */
    bool posix;       /* paths and users are written as on Linux */
    struct hd_values values;
    struct hd_members data, columns;
    struct hd_arena *scratch; /* until the event is written */
    char event_id[HD_EVENT_ID_SIZE];
    char created[HD_TIME_TEXT_SIZE + 8];
    char ingested[HD_TIME_TEXT_SIZE], enqueued[HD_TIME_TEXT_SIZE]; /* of these: */
    int64_t ingested_ms, enqueued_ms;
};

/* The value of another field of the event that some row names; empty when it is not there. */
struct hd_slice hd_work_peer(const struct hd_work *work, const char *source);

/* Memory until the event is written; NULL sets work->values.error. */
void *hd_work_alloc(struct hd_work *work, size_t size);

/* Runs the rows of the plan on the event's fields and leaves the rest to the event data. */
void hd_work_map(struct hd_work *work);

/* A placeholder for "no value" (data sheet of the sources: empty, -, ?, Unknown, zero GUID...). */
bool hd_is_blank(struct hd_slice value);

#endif
