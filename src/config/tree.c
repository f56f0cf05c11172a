/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: one walk over the tree, guided by the schema: a key is a row (its value goes to the row's
 * field), a section (rows lie below it) or unknown. The walk goes no deeper than the schema does,
 * so a fixed stack holds it; what lies below an unknown key is not looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "full.h"
#include "hubdrain/suggest.h"

#define PATTERN_SIZE 128
#define LEVELS_MAX   8
#define WHY_SIZE     320

struct frame {
    const struct hd_node *mapping;
    size_t next;
    char pattern[PATTERN_SIZE]; /* "outputs.*": where we are in the schema */
    char path[PATTERN_SIZE];    /* "outputs.siem": the same in the user's words */
    size_t output;              /* which one we are in; SIZE_MAX: none */
};

struct walk {
    struct hd_draft *draft;
    struct frame stack[LEVELS_MAX];
    size_t depth;
};

/* What `pattern` is to the schema: a row, the beginning of rows, or nothing. */
static enum hd_key find_row(const char *pattern, bool *ret_section)
{
    size_t len = strlen(pattern);
    *ret_section = false;
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const char *path = config_schema_rows[i].path;
        if (strncmp(path, pattern, len) == 0 && (!path[len] || path[len] == '.')) {
            if (!path[len]) {
                return (enum hd_key)i;
            }
            *ret_section = true;
        }
    }
    return HD_KEY_COUNT;
}

static void join(char ret[PATTERN_SIZE], const char *parent, const char *key)
{
    snprintf(ret, PATTERN_SIZE, "%s%s%s", parent, *parent ? "." : "", key);
}

/* The names below a pattern, each once. */
static size_t children(const char *pattern, const char *ret[HD_KEY_COUNT],
                       char store[HD_KEY_COUNT][PATTERN_SIZE])
{
    size_t len = strlen(pattern), n = 0;

    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const char *path = config_schema_rows[i].path;
        if (len && (strncmp(path, pattern, len) != 0 || path[len] != '.')) {
            continue;
        }
        const char *rest = path + (len ? len + 1 : 0);
        snprintf(store[n], PATTERN_SIZE, "%.*s", (int)strcspn(rest, "."), rest);
        bool seen = false;
        for (size_t j = 0; j < n && !seen; j++) {
            seen = strcmp(ret[j], store[n]) == 0;
        }
        if (!seen) {
            ret[n] = store[n];
            n++;
        }
    }
    return n;
}

/* The same last name somewhere else in the schema: a key in the wrong section. */
static const char *elsewhere(const char *key)
{
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const char *path = config_schema_rows[i].path, *last = strrchr(path, '.');
        if (last && strcmp(last + 1, key) == 0 && strcmp(key, HD_SCHEMA_WILDCARD) != 0) {
            return path;
        }
    }
    return NULL;
}

static void unknown_key(struct walk *walk, const struct frame *frame, const struct hd_node *key)
{
    const char *names[HD_KEY_COUNT];
    char store[HD_KEY_COUNT][PATTERN_SIZE];
    char quoted[HD_QUOTE_SIZE], hint[WHY_SIZE] = "";
    size_t n = children(frame->pattern, names, store);
    const char *meant = hd_suggest(key->text, names, n);
    const char *other = meant ? NULL : elsewhere(key->text);

    if (meant) {
        snprintf(hint, sizeof(hint), "did you mean %s?", meant);
    } else if (other) {
        snprintf(hint, sizeof(hint), "did you mean %s?", other);
    } else {
        size_t used = (size_t)snprintf(hint, sizeof(hint), "known are ");
        for (size_t i = 0; i < n && used < sizeof(hint); i++) {
            used +=
                (size_t)snprintf(hint + used, sizeof(hint) - used, "%s%s", i ? ", " : "", names[i]);
        }
    }
    config_report_mistake(&walk->draft->report, &key->where, "unknown key %s%s%s; %s",
                          config_quote(key->text, quoted), *frame->path ? " in " : "", frame->path,
                          hint);
}

/* An output's or a partition's name: it ends up in paths, logs and metrics. */
static bool good_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 63 && !name[n];
}

static int begin_output(struct walk *walk, const struct hd_node *key, size_t *ret)
{
    struct hd_draft *draft = walk->draft;
    struct hd_config *config = &draft->full->config;
    char quoted[HD_QUOTE_SIZE];

    if (!good_name(key->text)) {
        config_report_mistake(&draft->report, &key->where,
                              "the output's name %s: 1 to 63 letters, digits, - and _",
                              config_quote(key->text, quoted));
        return 1;
    }
    if (draft->n_outputs == HD_OUTPUTS_MAX) {
        config_report_mistake(&draft->report, &key->where, "more than %d outputs", HD_OUTPUTS_MAX);
        return 1;
    }
    struct hd_draft_output *outputs = config_pool_grow(
        &draft->tree, draft->outputs, draft->n_outputs, &draft->cap_outputs, sizeof(*outputs));
    struct hd_output_options *options =
        config_pool_grow(&draft->full->pool, config->outputs, config->n_outputs,
                         &draft->cap_options, sizeof(*options));
    const char *name = config_pool_copy(&draft->full->pool, key->text, strlen(key->text));
    if (!outputs || !options || !name) {
        return -ENOMEM;
    }
    draft->outputs = outputs;
    config->outputs = options;
    *ret = config->n_outputs++;
    outputs[draft->n_outputs++] = (struct hd_draft_output){.name = key};
    options[*ret] = (struct hd_output_options){.name = name};
    return config_output_defaults(draft, &options[*ret]);
}

static int add_start(struct hd_draft *draft, const struct hd_node *key,
                     const struct hd_start *start)
{
    struct hd_config *config = &draft->full->config;
    char quoted[HD_QUOTE_SIZE];

    if (!*key->text || key->text[strspn(key->text, "0123456789")] || strlen(key->text) > 10) {
        config_report_mistake(&draft->report, &key->where,
                              "a partition is named by its number, such as \"0\", not %s",
                              config_quote(key->text, quoted));
        return 1;
    }
    if (config->n_starts == HD_STARTS_MAX) {
        config_report_mistake(&draft->report, &key->where, "more than %d partitions",
                              HD_STARTS_MAX);
        return 1;
    }
    struct hd_config_start *starts = config_pool_grow(
        &draft->full->pool, config->starts, config->n_starts, &draft->cap_starts, sizeof(*starts));
    const char *partition = config_pool_copy(&draft->full->pool, key->text, strlen(key->text));
    if (!starts || !partition) {
        return -ENOMEM;
    }
    config->starts = starts;
    starts[config->n_starts++] = (struct hd_config_start){partition, *start};
    return 0;
}

static void bad_value(struct hd_draft *draft, const char *path, const struct hd_node *value,
                      const char *text, bool expanded, const char *why)
{
    char quoted[HD_QUOTE_SIZE];

    /* What a variable held may be a secret in the wrong place: show the variable, not its value. */
    config_report_mistake(&draft->report, &value->where, "%s: %s%s: %s", path,
                          config_quote(expanded ? value->text : text, quoted),
                          expanded ? ", with its variables put in" : "", why);
}

/* 0: stored, or left at its default; 1: reported; -ENOMEM. */
static int set_value(struct hd_draft *draft, const struct hd_schema_row *row, const char *path,
                     const struct hd_node_pair *pair, void *base)
{
    const struct hd_node *value = pair->value;
    struct hd_start start;
    const char *text = NULL;
    char why[WHY_SIZE] = "";
    bool expanded = false;

    if (row->type == HD_TYPE_SECRET) {
        int r = config_secret_read(draft, path, value, &text);
        if (r == 0 && text) {
            memcpy((char *)base + row->offset, &text, sizeof(text));
        }
        return r;
    }
    if (value->kind != HD_NODE_SCALAR) {
        config_report_mistake(&draft->report, &value->where, "%s: expected a single value, not %s",
                              path, config_node_kind_name(value));
        return 1;
    }
    int r = config_expand(draft, value, &text, &expanded);
    if (r || !*text) {
        return r;
    }
    bool listed = row->type == HD_TYPE_START && !row->size;
    r = config_field_set(draft, row, listed ? (void *)&start : base, text, why, sizeof(why));
    if (r == -EINVAL) {
        bad_value(draft, path, value, text, expanded, why);
        return 1;
    }
    return r == 0 && listed ? add_start(draft, pair->key, &start) : r;
}

static int take_row(struct walk *walk, const struct frame *frame, enum hd_key key, const char *path,
                    const struct hd_node_pair *pair)
{
    struct hd_draft *draft = walk->draft;
    bool in_output = frame->output != SIZE_MAX;
    struct hd_draft_output *output = in_output ? &draft->outputs[frame->output] : NULL;
    void *base = in_output ? (void *)&draft->full->config.outputs[frame->output] : draft->full;

    if (config_node_is_null(pair->value)) {
        return 0;
    }
    int r = set_value(draft, &config_schema_rows[key], path, pair, base);
    *(in_output ? &output->given[key] : &draft->given[key]) = pair->value;
    if (r > 0) {
        *(in_output ? &output->bad[key] : &draft->bad[key]) = true;
        return 0;
    }
    return r;
}

static int enter(struct walk *walk, const char *pattern, const char *path,
                 const struct hd_node_pair *pair, size_t output)
{
    struct hd_draft *draft = walk->draft;
    bool named = strcmp(pattern, "outputs.*") == 0;

    if (named) {
        int r = begin_output(walk, pair->key, &output);
        if (r) {
            return r < 0 ? r : 0;
        }
    }
    if (config_node_is_null(pair->value)) {
        return 0;
    }
    if (pair->value->kind != HD_NODE_MAPPING) {
        config_report_mistake(
            &draft->report, &pair->value->where, "%s: expected keys below it, not %s%s", path,
            config_node_kind_name(pair->value),
            strcmp(pattern, "outputs") == 0 ? "; each output has a name of your choice as its key"
                                            : "");
        if (named) {
            draft->outputs[output].bad[HD_KEY_OUTPUT_TYPE] = true;
        }
        return 0;
    }
    if (walk->depth == LEVELS_MAX) {
        return 0; /* deeper than any row: cannot happen, find_row has seen a row below */
    }
    struct frame *frame = &walk->stack[walk->depth++];
    *frame = (struct frame){.mapping = pair->value, .output = output};
    snprintf(frame->pattern, sizeof(frame->pattern), "%s", pattern);
    snprintf(frame->path, sizeof(frame->path), "%s", path);
    return 0;
}

static int take_pair(struct walk *walk, struct frame *frame, const struct hd_node_pair *pair)
{
    char pattern[PATTERN_SIZE], path[PATTERN_SIZE], quoted[HD_QUOTE_SIZE];
    bool section = false;

    join(path, frame->path, pair->key->text);
    join(pattern, frame->pattern, pair->key->text);
    enum hd_key key = strcmp(pair->key->text, HD_SCHEMA_WILDCARD) == 0
                          ? HD_KEY_COUNT
                          : find_row(pattern, &section);
    if (key == HD_KEY_COUNT && !section) {
        join(pattern, frame->pattern, HD_SCHEMA_WILDCARD);
        key = find_row(pattern, &section);
        /* The name is the user's: it may hold anything. */
        config_quote(pair->key->text, quoted);
        if (!good_name(pair->key->text)) {
            join(path, frame->path, quoted);
        }
    }
    if (key != HD_KEY_COUNT) {
        return take_row(walk, frame, key, path, pair);
    }
    if (section) {
        return enter(walk, pattern, path, pair, frame->output);
    }
    unknown_key(walk, frame, pair->key);
    return 0;
}

int config_apply_tree(struct hd_draft *draft, const struct hd_node *root)
{
    struct walk walk = {.draft = draft};

    if (!root) {
        return 0;
    }
    if (root->kind != HD_NODE_MAPPING) {
        config_report_mistake(&draft->report, &root->where,
                              "expected keys such as eventhub:, not %s",
                              config_node_kind_name(root));
        return 0;
    }
    walk.stack[walk.depth++] = (struct frame){.mapping = root, .output = SIZE_MAX};
    while (walk.depth) {
        struct frame *frame = &walk.stack[walk.depth - 1];
        if (frame->next == frame->mapping->n) {
            walk.depth--;
            continue;
        }
        int r = take_pair(&walk, frame, &frame->mapping->pairs[frame->next++]);
        if (r) {
            return r;
        }
    }
    return 0;
}
