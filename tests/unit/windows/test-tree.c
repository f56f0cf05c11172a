/* SPDX-License-Identifier: Apache-2.0 */
/* Every subset of a small tree is written as nested JSON. */
#include <cjson/cJSON.h>

#include "src/windows/mapping.h"
#include "src/windows/tree.h"
#include "test.h"

static const struct hd_target targets[] = {
    {"", HD_TYPE_KEYWORD, false},        {"a", HD_TYPE_KEYWORD, false},
    {"b.a", HD_TYPE_KEYWORD, false},     {"b.c.d.e", HD_TYPE_KEYWORD, true},
    {"b.c.d.f", HD_TYPE_LONG, false},    {"b.c.g", HD_TYPE_KEYWORD, false},
    {"b.h", HD_TYPE_KEYWORD, false},     {"bc", HD_TYPE_KEYWORD, false},
    {"bc2.c.d.e", HD_TYPE_LONG, false},  {"bc3.x", HD_TYPE_BOOLEAN, false},
    {"bc3.xy.z", HD_TYPE_OBJECT, false},
};
#define N_TARGETS (sizeof(targets) / sizeof(targets[0]))

static const cJSON *find(const cJSON *json, const char *path)
{
    char name[32];
    while (json && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        json = cJSON_GetObjectItemCaseSensitive(json, name);
        path += n + (path[n] == '.');
    }
    return json;
}

static int count_leaves(const cJSON *json)
{
    int n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        n += cJSON_IsObject(item) && item->child ? count_leaves(item) : 1;
    }
    return n;
}

static void every_subset(void)
{
    struct hd_tree *tree;
    struct hd_values values;
    struct hd_members members = {0};
    struct hd_buffer out = {0};
    REQUIRE(hd_tree_new(targets, N_TARGETS, &tree) == 0);
    REQUIRE(hd_values_init(&values, targets, N_TARGETS) == 0);
    for (unsigned subset = 0; subset < 1U << N_TARGETS; subset += 2) {
        hd_values_clear(&values);
        int n = 0;
        for (unsigned id = 1; id < N_TARGETS; id++) {
            if (!(subset >> id & 1)) {
                continue;
            }
            n++;
            if (targets[id].array) {
                hd_values_add(&values, id, hd_slice_cstr("x"));
                hd_values_add_once(&values, id, hd_slice_cstr("y\""));
            } else if (targets[id].type == HD_TYPE_LONG) {
                hd_values_number(&values, id, 17);
            } else if (targets[id].type == HD_TYPE_OBJECT) {
                hd_values_put(&values, id, HD_VALUE_MEMBERS, &members, 0);
            } else {
                hd_values_string(&values, id, hd_slice_cstr(targets[id].path));
            }
        }
        out.len = 0;
        REQUIRE(hd_tree_write(tree, &values, &out) == 0);
        cJSON *json = cJSON_Parse(hd_buffer_cstr(&out));
        REQUIRE(json);
        CHECK_INT(count_leaves(json), n);
        for (unsigned id = 1; id < N_TARGETS; id++) {
            CHECK((find(json, targets[id].path) != NULL) == (subset >> id & 1));
        }
        cJSON_Delete(json);
    }
    hd_buffer_deinit(&out);
    hd_values_deinit(&values);
    hd_tree_free(tree);
}

static void lists_and_members(void)
{
    struct hd_tree *tree;
    struct hd_values values;
    struct hd_members members = {0};
    struct hd_buffer out = {0};
    REQUIRE(hd_tree_new(targets, N_TARGETS, &tree) == 0);
    REQUIRE(hd_values_init(&values, targets, N_TARGETS) == 0);
    for (int round = 0; round < 2; round++) { /* cleared between two events */
        hd_values_clear(&values);
        hd_members_clear(&members);
        for (int i = 0; i < 3; i++) {
            hd_values_add_once(&values, 3, hd_slice_cstr("x"));
            hd_values_add_once(&values, 3, hd_slice_cstr(""));
        }
        hd_values_add(&values, 3, hd_slice_cstr("x"));
        CHECK_INT(hd_members_add(&members, hd_slice_cstr("n"), hd_slice_cstr("1"), false), 0);
        CHECK_INT(hd_members_add(&members, hd_slice_cstr("m"), hd_slice_cstr("[ 1 ]"), true), 0);
        CHECK_INT(hd_members_add(&members, hd_slice_cstr("n"), hd_slice_cstr("2"), true), 0);
        CHECK_INT(hd_members_add_new(&members, hd_slice_cstr("o"), hd_slice_cstr(""), false), 0);
        hd_values_put(&values, 10, HD_VALUE_MEMBERS, &members, 0);
        hd_values_put_number(&values, 1, HD_VALUE_DECIMAL, UINT64_MAX, 0);
        hd_values_put_number(&values, 2, HD_VALUE_HEX, 255, 0);
        hd_values_bool(&values, 9, true);
        hd_values_string(&values, 7, hd_slice_cstr("gone"));
        hd_values_remove(&values, 7);
        out.len = 0;
        REQUIRE(hd_tree_write(tree, &values, &out) == 0);
        CHECK_STR(hd_buffer_cstr(&out),
                  "{\"a\":\"18446744073709551615\",\"b\":{\"a\":\"0x00000000000000ff\",\"c\":{"
                  "\"d\":{\"e\":[\"x\",\"x\"]}}},"
                  "\"bc3\":{\"x\":true,\"xy\":{\"z\":{\"n\":[\"1\",2],\"m\":[1],\"o\":\"\"}}}}");
    }
    hd_buffer_deinit(&out);
    hd_members_deinit(&members);
    hd_values_deinit(&values);
    hd_tree_free(tree);
}

/* The plans of every Sysmon event find each of their names and no other. */
static void plans(void)
{
    for (const struct hd_mapping *const *mapping = hd_schema_ecs.mappings; *mapping; mapping++) {
        for (size_t event = 0; event < (*mapping)->n_events; event++) {
            struct hd_plan plan;
            REQUIRE(hd_plan_build(*mapping, event, &plan) == 0);
            for (size_t i = 0; i < (*mapping)->n_rows; i++) {
                const struct hd_row *row = &(*mapping)->rows[i];
                char wrong[64];
                int s = hd_plan_find(&plan, hd_slice_cstr(row->source));
                CHECK(s >= 0 || !(row->events >> event & 1));
                CHECK(s < 0 || hd_slice_is(plan.sources[s].name, row->source));
                for (size_t at = 0; at < strlen(row->source); at++) {
                    snprintf(wrong, sizeof(wrong), "%s", row->source);
                    wrong[at] ^= 1;
                    s = hd_plan_find(&plan, hd_slice_cstr(wrong));
                    CHECK(s < 0 || hd_slice_is(plan.sources[s].name, wrong));
                }
            }
            CHECK_INT(hd_plan_find(&plan, hd_slice_cstr("")), -1);
            hd_plan_deinit(&plan);
        }
    }
}

static void bad_tables(void)
{
    struct hd_tree *tree;
    static const struct hd_target deep[] = {{"a.b.c.d.e.f.g.h.i", HD_TYPE_LONG, false}};
    static const struct hd_target name[] = {{"a."
                                             "01234567890123456789012345678901234567890123456789012"
                                             "34567890123456789012345678901234567890123456789",
                                             HD_TYPE_LONG, false}};
    CHECK_INT(hd_tree_new(deep, 1, &tree), -22);
    CHECK_INT(hd_tree_new(name, 1, &tree), -22);
}

HD_TEST_MAIN({"every subset of a tree", every_subset}, {"lists and members", lists_and_members},
             {"plans", plans}, {"tables that are no tree", bad_tables})
