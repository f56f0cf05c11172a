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

const char *hd_environment_get(const struct hd_draft *draft, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *entry = draft->environment; *entry; entry++) {
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=') {
            return *entry + len + 1;
        }
    }
    return NULL;
}

static int put(struct hd_draft *draft, struct hd_node **root, const struct hd_where *where,
               const char *path, const char *value)
{
    struct hd_node *node = hd_node_new_text(&draft->tree, value, strlen(value), where);
    if (!node) {
        return -ENOMEM;
    }
    node->plain = true;
    node->literal = true;
    int r = hd_node_put(&draft->tree, root, path, node);
    if (r == -EINVAL) {
        hd_report_mistake(&draft->report, where, "not a key: a part of its name is empty");
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
        const struct hd_schema_row *row = &hd_schema_rows[i];
        const char *value = row->environment ? hd_environment_get(draft, row->environment) : NULL;
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
        if (hd_schema_rows[i].environment) {
            names[n++] = hd_schema_rows[i].environment;
        }
    }
    const char *meant = hd_suggest(name, names, n);
    if (meant && strcmp(meant, name) != 0) {
        struct hd_where where = {HD_RANK_ENVIRONMENT, hd_pool_copy(&draft->tree, name, len), 0, 0};
        hd_report_warning(&draft->report, &where, "this variable is not used; did you mean %s?",
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
        const char *label = hd_pool_copy(&draft->tree, entries[i], len);
        if (!label) {
            return -ENOMEM;
        }
        struct hd_where where = {HD_RANK_ENVIRONMENT, label, 0, 0};
        if (!path_of(entries[i] + strlen(PREFIX), len - strlen(PREFIX), path)) {
            hd_report_mistake(&draft->report, &where, "not a key: the name is too long");
            continue;
        }
        int r = put(draft, root, &where, path, entries[i] + len + 1);
        if (r) {
            return r;
        }
    }
    return 0;
}

int hd_environment_overlay(struct hd_draft *draft, struct hd_node **root)
{
    size_t all = 0, n = 0;

    for (const char *const *entry = draft->environment; *entry; entry++) {
        all++;
    }
    const char **entries = hd_pool_alloc(&draft->tree, (all + 1) * sizeof(*entries));
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

int hd_overrides_overlay(struct hd_draft *draft, struct hd_node **root,
                         const struct hd_config_override *overrides, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *assignment = overrides[i].assignment;
        size_t len = strcspn(assignment, "=");
        struct hd_where where = {HD_RANK_SET, "--set", 0, 0};
        if (!assignment[len] || len == 0) {
            char quoted[HD_QUOTE_SIZE];
            hd_report_mistake(&draft->report, &where,
                              "expected KEY=VALUE, such as "
                              "log.level=debug, got %s",
                              hd_quote(assignment, quoted));
            continue;
        }
        const char *path = hd_pool_copy(&draft->tree, assignment, len);
        where.source = overrides[i].label ? overrides[i].label
                       : path             ? hd_pool_printf(&draft->tree, "--set %s", path)
                                          : NULL;
        if (!path || !where.source) {
            return -ENOMEM;
        }
        int r = put(draft, root, &where, path, assignment + len + 1);
        if (r) {
            return r;
        }
    }
    return 0;
}
