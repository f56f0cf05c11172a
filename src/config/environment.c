/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the environment and --set become nodes of the same tree, put over what the file said, so
 * that there is one way to check a value, whoever gave it. Values from here are taken literally:
 * the shell, or whoever filled the environment, has had its turn with ${} already.
 *
 *     HUBDRAIN_EVENTHUB_CONNECTION_STRING, HUBDRAIN_STORAGE_CONNECTION_STRING   rows of the schema
 *     HUBDRAIN__EVENTHUB__NAME=x                                               any key; __ is a
 * level
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "full.h"
#include "hubdrain/suggest.h"

#define PREFIX    "HUBDRAIN__"
#define PATH_SIZE 256

const char *config_environment_get(const struct hd_draft *draft, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *entry = draft->environment; *entry; entry++) {
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=') {
            return *entry + len + 1;
        }
    }
    return NULL;
}

/* A source of a secret replaces the one that was there: {file: x} and then .env=Y is not both. */
static int clear_secret(struct hd_draft *draft, struct hd_node **root, const char *path,
                        struct hd_node *node)
{
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        size_t len = strlen(row->path);
        if (row->type == HD_TYPE_SECRET && strncmp(path, row->path, len) == 0 && path[len] == '.') {
            return config_node_put(&draft->tree, root, row->path, node);
        }
    }
    return 0;
}

static int put(struct hd_draft *draft, struct hd_node **root, const struct hd_where *where,
               const char *path, const char *value)
{
    struct hd_node *node = config_node_new_text(&draft->tree, value, strlen(value), where);
    if (!node) {
        return -ENOMEM;
    }
    node->plain = true;
    node->literal = true;
    int r = clear_secret(draft, root, path, node);
    r = r ? r : config_node_put(&draft->tree, root, path, node);
    if (r == -EINVAL) {
        config_report_mistake(&draft->report, where, "not a key: a part of its name is empty");
        return 0;
    }
    return r;
}

/* HUBDRAIN__A__B_C -> a.b_c; false when it does not fit. */
static bool path_of(const char *name, size_t len, char ret[PATH_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (n + 1 >= PATH_SIZE) {
            return false;
        }
        if (name[i] == '_' && i + 1 < len && name[i + 1] == '_') {
            ret[n++] = '.';
            i++;
        } else {
            ret[n++] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
        }
    }
    ret[n] = '\0';
    return true;
}

static int overlay_rows(struct hd_draft *draft, struct hd_node **root)
{
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        const char *value =
            row->environment ? config_environment_get(draft, row->environment) : NULL;
        if (!value || !*value) {
            continue; /* compose files and the like pass unset variables as empty ones */
        }
        struct hd_where where = {HD_RANK_ENVIRONMENT, row->environment, 0, 0};
        int r = put(draft, root, &where, row->path, value);
        if (r) {
            return r;
        }
    }
    return 0;
}

/* A variable that is nearly one of ours is a slip that would else pass in silence. */
static void warn_of_slip(struct hd_draft *draft, const char *entry, size_t len)
{
    const char *names[HD_KEY_COUNT];
    char name[PATH_SIZE];
    size_t n = 0;

    if (len >= sizeof(name)) {
        return;
    }
    memcpy(name, entry, len);
    name[len] = '\0';
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        if (config_schema_rows[i].environment) {
            names[n++] = config_schema_rows[i].environment;
        }
    }
    const char *meant = hd_suggest(name, names, n);
    if (meant && strcmp(meant, name) != 0) {
        struct hd_where where = {HD_RANK_ENVIRONMENT, config_pool_copy(&draft->tree, name, len), 0,
                                 0};
        config_report_warning(&draft->report, &where, "this variable is not used; did you mean %s?",
                              meant);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The environment has no order of its own; with one, outputs made from it always come alike. */
static int overlay_sorted(struct hd_draft *draft, struct hd_node **root, const char **entries,
                          size_t n)
{
    char path[PATH_SIZE];

    if (n > 1) {
        qsort(entries, n, sizeof(*entries), compare);
    }
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(entries[i], "=");
        const char *label = config_pool_copy(&draft->tree, entries[i], len);
        if (!label) {
            return -ENOMEM;
        }
        struct hd_where where = {HD_RANK_ENVIRONMENT, label, 0, 0};
        if (!path_of(entries[i] + strlen(PREFIX), len - strlen(PREFIX), path)) {
            config_report_mistake(&draft->report, &where, "not a key: the name is too long");
            continue;
        }
        int r = put(draft, root, &where, path, entries[i] + len + 1);
        if (r) {
            return r;
        }
    }
    return 0;
}

int config_environment_overlay(struct hd_draft *draft, struct hd_node **root)
{
    size_t all = 0, n = 0;

    for (const char *const *entry = draft->environment; *entry; entry++) {
        all++;
    }
    const char **entries = config_pool_alloc(&draft->tree, (all + 1) * sizeof(*entries));
    if (!entries) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < all; i++) {
        const char *entry = draft->environment[i];
        size_t len = strcspn(entry, "=");
        if (!entry[len]) {
            continue;
        }
        if (strncmp(entry, PREFIX, strlen(PREFIX)) == 0) {
            entries[n++] = entry;
        } else if (strncmp(entry, "HUBDRAIN_", 9) == 0) {
            warn_of_slip(draft, entry, len);
        }
    }
    int r = overlay_rows(draft, root);
    return r ? r : overlay_sorted(draft, root, entries, n);
}

static int overlay_one(struct hd_draft *draft, struct hd_node **root,
                       const struct hd_config_override *override)
{
    struct hd_where where = {HD_RANK_SET, override->label ? override->label : "--set", 0, 0};
    const char *key = override->key, *value = override->value;
    char quoted[HD_QUOTE_SIZE];

    if (!key) {
        size_t len = strcspn(value, "=");
        if (!value[len] || len == 0) {
            config_report_mistake(&draft->report, &where,
                                  "expected KEY=VALUE, such as log.level=debug, got %s",
                                  config_quote(value, quoted));
            return 0;
        }
        key = config_pool_copy(&draft->tree, value, len);
        value += len + 1;
    }
    if (key && !override->label) {
        where.source = config_pool_printf(&draft->tree, "--set %s", key);
    }
    return key && where.source ? put(draft, root, &where, key, value) : -ENOMEM;
}

int config_overrides_overlay(struct hd_draft *draft, struct hd_node **root,
                             const struct hd_config_override *overrides, size_t n)
{
    int r = 0;
    for (size_t i = 0; i < n && !r; i++) {
        r = overlay_one(draft, root, &overrides[i]);
    }
    return r;
}
