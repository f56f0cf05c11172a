/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of windows/ share: files, one fixed origin, and a way to fill an event by hand and
 * look at single fields of what comes out.
 */
#ifndef HD_TEST_WINDOWS_SUPPORT_H
#define HD_TEST_WINDOWS_SUPPORT_H

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdarg.h>

#include "hubdrain/decode.h"
#include "hubdrain/normalise.h"
#include "test.h"

static const struct hd_origin test_origin = {
    .namespace_name = HD_SLICE("example.servicebus.windows.net"),
    .hub = HD_SLICE("sysmon"),
    .consumer_group = HD_SLICE("$Default"),
    .partition = HD_SLICE("3"),
    .offset = HD_SLICE("8590125056"),
    .sequence_number = 4711,
    .enqueued_ms = 1714637731000,
    .ingested_ms = 1714637732500,
};

/* A file below the source root, or below the corpus; .data is NULL when it is not there. */
static inline struct hd_buffer test_read(const char *root, const char *path)
{
    struct hd_buffer bytes = {0};
    char name[4096], part[65536];
    snprintf(name, sizeof(name), "%s/%s", root, path);
    FILE *file = fopen(name, "rb");
    for (size_t n; file && (n = fread(part, 1, sizeof(part), file)) > 0;) {
        hd_buffer_append(&bytes, part, n);
    }
    if (file) {
        fclose(file);
    }
    return bytes;
}

static inline const char *test_source(void)
{
    const char *root = getenv("HUBDRAIN_SOURCE");
    return root ? root : ".";
}

static inline const char *test_corpus(void)
{
    static char path[4096];
    const char *corpus = getenv("HUBDRAIN_CORPUS");
    snprintf(path, sizeof(path), "%s%s", corpus ? corpus : test_source(),
             corpus ? "" : "/../shared/corpus");
    return path;
}

/* ---- an event by hand ---- */

struct test_event {
    struct hd_event event;
    struct hd_origin origin;
    struct hd_field fields[64];
    struct hd_normalise_options options;
    struct hd_buffer out;
    cJSON *json;
};

static inline void test_event_init(struct test_event *test, uint32_t event_id)
{
    memset(test, 0, sizeof(*test));
    test->origin = test_origin;
    test->event = (struct hd_event){
        .envelope = HD_ENVELOPE_XML,
        .has = HD_HAS_EVENT_ID | HD_HAS_LEVEL | HD_HAS_RECORD_ID | HD_HAS_KEYWORDS,
        .event_id = event_id,
        .level = 4,
        .record_id = UINT64_MAX,
        .keywords = UINT64_C(0x8000000000000000),
        .provider_name = HD_SLICE("Microsoft-Windows-Sysmon"),
        .channel = HD_SLICE("Microsoft-Windows-Sysmon/Operational"),
        .computer = HD_SLICE("VM01.corp.example"),
        .time_created = HD_SLICE("2024-05-02T08:15:30.123456700Z"),
        .section = HD_SECTION_EVENT_DATA,
        .xml = HD_SLICE("<Event/>"),
        .fields = test->fields,
    };
}

static inline void test_event_deinit(struct test_event *test)
{
    cJSON_Delete(test->json);
    hd_buffer_deinit(&test->out);
}

static inline void test_field(struct test_event *test, const char *name, const char *value)
{
    test->fields[test->event.n_fields++] =
        (struct hd_field){hd_slice_cstr(name), hd_slice_cstr(value), 0};
}

/* Normalises; the text stands in out, terminated, the tree in json. */
static inline bool test_normalise(struct test_event *test)
{
    struct hd_normaliser *normaliser;
    if (hd_normaliser_new(HD_SCHEMA_ECS, &test->options, &normaliser) < 0) {
        return false;
    }
    cJSON_Delete(test->json);
    test->out.len = 0;
    int r = hd_normalise(normaliser, &test->event, &test->origin, &test->out);
    hd_normaliser_free(normaliser);
    test->json = r == 0 ? cJSON_Parse(hd_buffer_cstr(&test->out)) : NULL;
    return test->json != NULL;
}

static inline const cJSON *test_item(const cJSON *json, const char *path)
{
    char name[256];
    while (json && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        json = cJSON_GetObjectItemCaseSensitive(json, name);
        path += n + (path[n] == '.');
    }
    return json;
}

/* The JSON text of the field at the path, "" when there is none. Valid until the next call. */
static inline const char *test_get(const struct test_event *test, const char *path)
{
    static char text[65536];
    const cJSON *item = test_item(test->json, path);
    if (!item || !cJSON_PrintPreallocated((cJSON *)item, text, sizeof(text), false)) {
        return "";
    }
    return text;
}

/* One event with one to four fields, and what one path of it says. NULL ends the names. */
static inline const char *test_once(uint32_t event_id, const char *path, const char *name, ...)
{
    struct test_event test;
    static char text[65536];
    va_list args;
    test_event_init(&test, event_id);
    va_start(args, name);
    for (; name; name = va_arg(args, const char *)) {
        test_field(&test, name, va_arg(args, const char *));
    }
    va_end(args);
    snprintf(text, sizeof(text), "%s", test_normalise(&test) ? test_get(&test, path) : "no JSON");
    test_event_deinit(&test);
    return text;
}

#endif
