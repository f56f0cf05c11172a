/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: two kinds of defaults. What the schema writes down goes into the struct before anything
 * else. What depends on the machine or on other keys (state directory, kind of store, host name,
 * cores) is worked out last, so that it can see what was set.
 *
 * The state directory is $STATE_DIRECTORY (systemd; the first of several), else /var/lib/hubdrain
 * where that can be written, else the current directory: a daemon that was only given two
 * variables must still find a place for what it must not lose.
 *
 * Limits that nobody set shrink with memory.limit, so that a small one is not refused because of
 * numbers its owner has never seen.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "full.h"

static int row_default(struct hd_draft *draft, const struct hd_schema_row *row, void *base)
{
    char why[160] = "";

    if (!row->initial || !row->size) {
        return 0;
    }
    int r = config_field_set(draft, row, base, row->initial, why, sizeof(why));
    if (r == -EINVAL) {
        config_report_mistake(&draft->report, NULL, "%s: the built-in default is wrong: %s",
                              row->path, why);
        return 0;
    }
    return r;
}

int config_defaults_apply(struct hd_draft *draft)
{
    int r = 0;
    for (size_t i = 0; i < HD_KEY_COUNT && !r; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        r = config_schema_is_output(row) ? 0 : row_default(draft, row, draft->full);
    }
    return r;
}

int config_output_defaults(struct hd_draft *draft, struct hd_output_options *options)
{
    int r = 0;
    for (size_t i = 0; i < HD_KEY_COUNT && !r; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        r = config_schema_is_output(row) ? row_default(draft, row, options) : 0;
    }
    return r;
}

static const char *state_directory(struct hd_draft *draft)
{
    const char *given = config_environment_get(draft, "STATE_DIRECTORY");

    if (given && *given) {
        return config_pool_copy(&draft->tree, given, strcspn(given, ":"));
    }
    return access("/var/lib/hubdrain", W_OK | X_OK) == 0 ? "/var/lib/hubdrain" : ".";
}

static int complete_paths(struct hd_draft *draft)
{
    struct hd_config *config = &draft->full->config;
    const char *state = state_directory(draft);

    if (!state) {
        return -ENOMEM;
    }
    if (!config->store.directory) {
        config->store.directory = config_pool_printf(&draft->full->pool, "%s/checkpoints", state);
    }
    if (!config->deadletter.path) {
        config->deadletter.path =
            config_pool_printf(&draft->full->pool, "%s/dead-letters.ndjson", state);
    }
    return config->store.directory && config->deadletter.path ? 0 : -ENOMEM;
}

static int complete_machine(struct hd_draft *draft)
{
    struct hd_config *config = &draft->full->config;
    char host[256] = "";

    if (!config->workers) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        config->workers = cores > 2 ? (uint32_t)(cores < 257 ? cores - 1 : 256) : 1;
    }
    if (!config->client_id) {
        if (gethostname(host, sizeof(host) - 1) || !*host) {
            snprintf(host, sizeof(host), "localhost");
        }
        config->client_id = config_pool_printf(&draft->full->pool, "hubdrain-%s", host);
    }
    return config->client_id ? 0 : -ENOMEM;
}

static void shrink(const struct hd_draft *draft, enum hd_key key, uint64_t most, uint32_t *field)
{
    if (!draft->given[key] && *field > most) {
        *field = (uint32_t)most;
    }
}

static void complete_limits(struct hd_draft *draft)
{
    struct hd_config *config = &draft->full->config;
    uint64_t limit = config->memory_limit_bytes;

    shrink(draft, HD_KEY_LIMITS_MESSAGE_SIZE, limit, &config->max_message_bytes);
    shrink(draft, HD_KEY_LIMITS_BODY_SIZE, limit, &config->limits.max_body_bytes);
    shrink(draft, HD_KEY_LIMITS_RECORD_SIZE, config->limits.max_body_bytes,
           &config->limits.max_record_bytes);
    if (!draft->given[HD_KEY_PIPELINE_BATCH_BYTES] && config->batch_bytes > limit / 64) {
        config->batch_bytes = limit / 64;
    }
}

static int complete_starts(struct hd_draft *draft)
{
    struct hd_config *config = &draft->full->config;
    struct hd_config_start *starts = config_pool_grow(
        &draft->full->pool, config->starts, config->n_starts, &draft->cap_starts, sizeof(*starts));

    if (!starts) {
        return -ENOMEM;
    }
    config->starts = starts;
    starts[config->n_starts++] = (struct hd_config_start){NULL, draft->full->start};
    return 0;
}

static int complete_outputs(struct hd_draft *draft)
{
    struct hd_config *config = &draft->full->config;

    if (config->n_outputs) {
        return 0;
    }
    config->outputs = config_pool_alloc(&draft->full->pool, sizeof(*config->outputs));
    draft->outputs = config_pool_alloc(&draft->tree, sizeof(*draft->outputs));
    if (!config->outputs || !draft->outputs) {
        return -ENOMEM;
    }
    config->n_outputs = draft->n_outputs = 1;
    int r = config_output_defaults(draft, &config->outputs[0]);
    config->outputs[0].name = "stdout";
    config->outputs[0].kind = "stdout";
    return r;
}

int config_defaults_complete(struct hd_draft *draft)
{
    struct hd_config *config = &draft->full->config;

    if (!draft->given[HD_KEY_CHECKPOINT_STORE]) {
        config->store.kind =
            draft->given[HD_KEY_CHECKPOINT_CONNECTION_STRING] ? HD_STORE_BLOB : HD_STORE_FILE;
    }
    if (draft->full->dataset) {
        config->normalise.dataset = hd_slice_cstr(draft->full->dataset);
    }
    config->store.consumer_group = config->consumer_group;
    complete_limits(draft);
    int r = complete_paths(draft);
    r = r ? r : complete_machine(draft);
    r = r ? r : complete_starts(draft);
    return r ? r : complete_outputs(draft);
}
