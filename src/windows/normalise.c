/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a schema is made ready once for the whole process (its tree, a plan for each event of
 * each mapping) and then only read. A normaliser is what one worker writes into while an event
 * passes: values, lists, scratch memory; all of it is kept, so that after warm-up nothing is
 * allocated.
 */
#include "hubdrain/normalise.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "hubdrain/json.h"
#include "mapping.h"

/* Scratch holds at most a few copies of an event's values, and decode/ bounds those. */
#define SCRATCH_BYTES ((size_t)256 * 1024 * 1024)

struct ready_mapping {
    const struct hd_mapping *mapping;
    struct hd_plan *plans; /* one for each of event_ids */
    uint8_t index[256];    /* by event id; larger ids are searched */
};

struct ready {
    const struct hd_schema_def *def;
    struct hd_tree *tree;
    struct ready_mapping *mappings;
    size_t n_mappings;
    int error;
};

static const struct hd_schema_def *const schemas[HD_SCHEMA_COUNT] = {
    [HD_SCHEMA_ECS] = &hd_schema_ecs,
};
static struct ready ready_schemas[HD_SCHEMA_COUNT];

struct hd_normaliser {
    const struct ready *ready;
    struct hd_normalise_options options;
    char *dataset; /* what options.dataset points to */
    struct hd_work work;
};

const char *hd_schema_name(enum hd_schema schema)
{
    return schemas[schema]->name;
}

/* ---- made once ---- */

static int ready_mapping_build(const struct hd_mapping *mapping, struct ready_mapping *ret)
{
    ret->mapping = mapping;
    ret->plans = calloc(mapping->n_events, sizeof(*ret->plans));
    if (!ret->plans) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < mapping->n_events; i++) {
        int r = hd_plan_build(mapping, i, &ret->plans[i]);
        if (r < 0) {
            return r;
        }
        if (mapping->event_ids[i] < sizeof(ret->index)) {
            ret->index[mapping->event_ids[i]] = (uint8_t)i;
        }
    }
    return 0;
}

static int ready_build(const struct hd_schema_def *def, struct ready *ret)
{
    ret->def = def;
    while (def->mappings[ret->n_mappings]) {
        ret->n_mappings++;
    }
    ret->mappings = calloc(ret->n_mappings + 1, sizeof(*ret->mappings));
    if (!ret->mappings) {
        return -ENOMEM;
    }
    int r = hd_tree_new(def->targets, def->n_targets, &ret->tree);
    for (size_t i = 0; i < ret->n_mappings && r == 0; i++) {
        r = ready_mapping_build(def->mappings[i], &ret->mappings[i]);
    }
    return r;
}

/* These live as long as the process: every worker reads them. */
static void build_all(void)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) == (ssize_t)sizeof(random)) {
        hd_set_seed(random);
    }
    for (size_t i = 0; i < HD_SCHEMA_COUNT; i++) {
        ready_schemas[i].error = ready_build(schemas[i], &ready_schemas[i]);
    }
}

int hd_normaliser_new(enum hd_schema schema, const struct hd_normalise_options *options,
                      struct hd_normaliser **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build_all);

    const struct ready *ready = &ready_schemas[schema];
    if (ready->error < 0) {
        return ready->error;
    }
    struct hd_normaliser *normaliser = calloc(1, sizeof(*normaliser));
    if (!normaliser) {
        return -ENOMEM;
    }
    normaliser->ready = ready;
    if (options) {
        normaliser->options = *options;
    }
    struct hd_slice *dataset = &normaliser->options.dataset;
    normaliser->dataset = strndup(dataset->len > 0 ? dataset->data : "", dataset->len);
    normaliser->work.scratch = hd_arena_new(SCRATCH_BYTES);
    int r = hd_values_init(&normaliser->work.values, ready->def->targets, ready->def->n_targets);
    if (r < 0 || !normaliser->dataset || !normaliser->work.scratch) {
        hd_normaliser_free(normaliser);
        return -ENOMEM;
    }
    dataset->data = normaliser->dataset;
    dataset->len = strlen(normaliser->dataset);
    normaliser->work.options = &normaliser->options;
    normaliser->work.schema = ready->def;
    *ret = normaliser;
    return 0;
}

void hd_normaliser_free(struct hd_normaliser *normaliser)
{
    if (!normaliser) {
        return;
    }
    hd_values_deinit(&normaliser->work.values);
    hd_members_deinit(&normaliser->work.data);
    hd_members_deinit(&normaliser->work.columns);
    hd_arena_free(normaliser->work.scratch);
    free(normaliser->dataset);
    free(normaliser);
}

/* ---- for every event ---- */

static const struct ready_mapping *find_mapping(const struct ready *ready, struct hd_slice provider)
{
    for (size_t i = 0; i < ready->n_mappings; i++) {
        const char *const *name = ready->mappings[i].mapping->providers;
        for (; *name; name++) {
            if (hd_slice_is(provider, *name) || hd_slice_iis(provider, *name)) {
                return &ready->mappings[i];
            }
        }
    }
    return NULL;
}

static size_t find_event(const struct ready_mapping *ready, uint32_t event_id)
{
    const struct hd_mapping *mapping = ready->mapping;
    if (event_id < sizeof(ready->index)) {
        return ready->index[event_id];
    }
    for (size_t i = 1; i < mapping->n_events; i++) {
        if (mapping->event_ids[i] == event_id) {
            return i;
        }
    }
    return 0;
}

int hd_normalise(struct hd_normaliser *normaliser, const struct hd_event *event,
                 const struct hd_origin *origin, struct hd_buffer *out)
{
    struct hd_work *work = &normaliser->work;
    const struct ready_mapping *mapping = find_mapping(normaliser->ready, event->provider_name);
    const size_t start = out->len;
    size_t index = 0;

    hd_values_clear(&work->values);
    hd_arena_reset(work->scratch);
    work->event = event;
    work->origin = origin;
    work->mapping = mapping ? mapping->mapping : NULL;
    work->plan = NULL;
    work->posix = hd_slice_is(event->provider_name, "Linux-Sysmon");
    if (mapping) {
        index = event->has & HD_HAS_EVENT_ID ? find_event(mapping, event->event_id) : 0;
        if (event->section <= HD_SECTION_EVENT_DATA) {
            work->plan = &mapping->plans[index];
        }
    }
    work->schema->system(work);
    if (mapping) {
        work->mapping->begin(work, index);
    }
    hd_work_map(work);

    int r = work->values.error;
    r = r < 0 ? r : hd_tree_write(normaliser->ready->tree, &work->values, out);
    if (r < 0) {
        out->len = start;
    }
    return r;
}
