/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of targets against ECS's own list of fields (beside the corpus; skipped where it is
 * not), and the golden documents against the table: what is written has the type that is promised.
 */
#include "src/windows/ecs.h"
#include "src/windows/transforms.h"

#include "support.h"

struct ecs_field {
    char name[200], type[40], array[20];
};

/* The first columns hold neither quotes nor commas. Continued lines of a description are no rows.
 */
static bool parse_row(const char *line, struct ecs_field *ret)
{
    char version[20], indexed[8], set[80], level[20];
    ret->array[0] = '\0';
    return sscanf(line, "%19[0-9.a-z-],%7[a-z],%79[^,\n],%199[^,\n],%39[^,\n],%19[^,\n],%19[^,\n]",
                  version, indexed, set, ret->name, ret->type, level, ret->array) >= 6;
}

static bool find_field(const char *csv, const char *name, struct ecs_field *ret)
{
    for (const char *line = csv; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (parse_row(line, ret) && strcmp(ret->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool same_type(enum hd_type type, const char *name)
{
    static const char *const names[][4] = {
        [HD_TYPE_KEYWORD] = {"keyword", "wildcard", "constant_keyword"},
        [HD_TYPE_TEXT] = {"match_only_text", "text"},
        [HD_TYPE_DATE] = {"date"},
        [HD_TYPE_LONG] = {"long"},
        [HD_TYPE_BOOLEAN] = {"boolean"},
        [HD_TYPE_IP] = {"ip"},
        [HD_TYPE_OBJECT] = {"object", "nested", "flattened"},
    };
    for (size_t i = 0; i < 4 && names[type][i]; i++) {
        if (strcmp(names[type][i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const char *path)
{
    return strncmp(path, "winlog.", 7) == 0 || strncmp(path, "hubdrain.", 9) == 0;
}

static void table_is_ecs(void)
{
    char path[4200];
    snprintf(path, sizeof(path), "%s/../facts", test_corpus());
    struct hd_buffer csv = test_read(path, "ecs-fields.csv");
    if (!csv.data) {
        SKIP("ecs-fields.csv is not beside the corpus");
    }
    int found = 0;
    for (size_t i = 1; i < hd_schema_ecs.n_targets; i++) {
        const struct hd_target *target = &hd_schema_ecs.targets[i];
        struct ecs_field field;
        if (is_ours(target->path)) {
            continue;
        }
        bool there = find_field(hd_buffer_cstr(&csv), target->path, &field);
        if (!there || !same_type(target->type, field.type) ||
            target->array != (strcmp(field.array, "array") == 0)) {
            printf("# %s: ECS says %s %s\n", target->path, there ? field.type : "nothing",
                   there ? field.array : "");
            CHECK(false);
        }
        found++;
    }
    CHECK(found > 80);
    hd_buffer_deinit(&csv);
}

static const struct hd_target *find_target(const char *path)
{
    for (size_t i = 1; i < hd_schema_ecs.n_targets; i++) {
        if (strcmp(hd_schema_ecs.targets[i].path, path) == 0) {
            return &hd_schema_ecs.targets[i];
        }
    }
    return NULL;
}

static bool fits(const struct hd_target *target, const cJSON *item)
{
    char time[HD_TIME_MAX];
    struct hd_ip ip;
    switch (target->type) {
    case HD_TYPE_KEYWORD:
    case HD_TYPE_TEXT:
        return cJSON_IsString(item);
    case HD_TYPE_DATE:
        return cJSON_IsString(item) &&
               hd_time_parse(hd_slice_cstr(item->valuestring), time) == strlen(item->valuestring) &&
               memcmp(time, item->valuestring, strlen(item->valuestring)) == 0;
    case HD_TYPE_LONG:
        return cJSON_IsNumber(item);
    case HD_TYPE_BOOLEAN:
        return cJSON_IsBool(item);
    case HD_TYPE_IP:
        return cJSON_IsString(item) && hd_ip_parse(hd_slice_cstr(item->valuestring), &ip) &&
               !strchr(item->valuestring, '%');
    case HD_TYPE_OBJECT:
        return cJSON_IsObject(item);
    }
    return false;
}

/* Every leaf below `json` is a target of the table, and as it says. */
static void check_tree(const cJSON *json, const char *parent)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        char path[300];
        snprintf(path, sizeof(path), "%s%s%s", parent, *parent ? "." : "", item->string);
        const struct hd_target *target = find_target(path);
        if (!target && cJSON_IsObject(item)) {
            check_tree(item, path);
            continue;
        }
        bool ok = target && target->array == (bool)cJSON_IsArray(item);
        if (ok && target->array) {
            const cJSON *member;
            cJSON_ArrayForEach(member, item)
            {
                ok = ok && fits(target, member);
            }
        } else {
            ok = ok && fits(target, item);
        }
        if (!ok) {
            printf("# %s\n", path);
        }
        CHECK(ok);
    }
}

/* The pairs that ECS allows, for the categories that are used. */
static bool pair_allowed(const char *category, const char *type)
{
    static const char *const pairs[] = {
        "process access change end info start",
        "file access change creation deletion info",
        "registry access change creation deletion",
        "configuration access change creation deletion info",
        "driver change end info start",
        "library start",
        "network access allowed connection denied end info protocol start",
        "host access change end info start",
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        size_t n = strlen(category);
        if (strncmp(pairs[i], category, n) == 0 && pairs[i][n] == ' ') {
            return strstr(pairs[i] + n, type) != NULL;
        }
    }
    return false;
}

static void check_pairs(const cJSON *json)
{
    const cJSON *category, *type;
    cJSON_ArrayForEach(category, test_item(json, "event.category"))
    {
        cJSON_ArrayForEach(type, test_item(json, "event.type"))
        {
            CHECK(pair_allowed(category->valuestring, type->valuestring));
        }
    }
}

static void documents_keep_the_types(void)
{
    char directory[4200];
    snprintf(directory, sizeof(directory), "%s/tests/golden", test_source());
    DIR *dir = opendir(directory);
    REQUIRE(dir);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        struct hd_buffer text = test_read(directory, entry->d_name);
        cJSON *json = cJSON_Parse(hd_buffer_cstr(&text));
        CHECK(json != NULL);
        check_tree(json, "");
        check_pairs(json);
        cJSON_Delete(json);
        hd_buffer_deinit(&text);
        n++;
    }
    closedir(dir);
    CHECK(n >= 30);
}

/* An object must not be closed and opened again, and no path may stand below another. */
static void table_is_a_tree(void)
{
    for (size_t i = 1; i < hd_schema_ecs.n_targets; i++) {
        const char *path = hd_schema_ecs.targets[i].path;
        for (size_t j = 1; j < hd_schema_ecs.n_targets; j++) {
            const char *other = hd_schema_ecs.targets[j].path;
            size_t n = strlen(other);
            CHECK(i == j || strncmp(path, other, n) != 0 || (path[n] != '.' && path[n] != '\0'));
        }
        for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
            size_t n = (size_t)(dot - path) + 1;
            bool left = false;
            for (size_t j = i + 1; j < hd_schema_ecs.n_targets; j++) {
                bool below = strncmp(hd_schema_ecs.targets[j].path, path, n) == 0;
                CHECK(!(below && left));
                left |= !below;
            }
        }
    }
}

HD_TEST_MAIN({"the table is ECS", table_is_ecs}, {"the table is a tree", table_is_a_tree},
             {"documents keep the types", documents_keep_the_types})
