/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each sample of tests/data/sysmon gives, byte for byte, the document of the same name in
 * tests/golden. With HUBDRAIN_REGENERATE set the documents are written instead
 * (scripts/regenerate); look at what changed before it is committed.
 */
#include "support.h"

static int append(void *context, const struct hd_event *event, uint32_t index)
{
    struct hd_buffer *out = context;
    struct hd_normalise_options options = {0};
    struct hd_normaliser *normaliser;
    struct hd_origin origin = test_origin;
    origin.index = index;
    int r = hd_normaliser_new(HD_SCHEMA_ECS, &options, &normaliser);
    if (r == 0) {
        r = hd_normalise(normaliser, event, &origin, out);
        hd_normaliser_free(normaliser);
    }
    return r < 0 ? r : hd_buffer_append_cstr(out, "\n");
}

static int dead(void *context, enum hd_dead_reason reason, struct hd_slice bytes, size_t at,
                uint32_t index)
{
    (void)bytes, (void)at, (void)index;
    return hd_buffer_printf(context, "dead letter: %s\n", hd_dead_reason_name(reason));
}

static void skip(void *context, uint32_t index)
{
    (void)context, (void)index;
}

/* The document of one sample. */
static struct hd_buffer document(const char *sample)
{
    static const struct hd_decode_handler handler = {append, dead, skip};
    struct hd_decoder *decoder;
    struct hd_buffer out = {0}, body = test_read(test_source(), sample);
    if (body.data && hd_decoder_new(NULL, &decoder) == 0) {
        hd_decode(decoder, hd_buffer_slice(&body), &handler, &out);
        hd_decoder_free(decoder);
    }
    hd_buffer_deinit(&body);
    return out;
}

static int is_json(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
}

static void write_golden(const char *path, const struct hd_buffer *text)
{
    char name[4096];
    snprintf(name, sizeof(name), "%s/%s", test_source(), path);
    FILE *file = fopen(name, "wb");
    REQUIRE(file);
    CHECK(fwrite(text->data, 1, text->len, file) == text->len);
    CHECK(fclose(file) == 0);
}

static void check_golden(const char *name)
{
    char path[600];
    snprintf(path, sizeof(path), "tests/data/sysmon/%s", name);
    struct hd_buffer got = document(path);
    snprintf(path, sizeof(path), "tests/golden/%s", name);
    if (getenv("HUBDRAIN_REGENERATE")) {
        write_golden(path, &got);
    }
    struct hd_buffer want = test_read(test_source(), path);
    bool same = got.len > 0 && got.len == want.len && memcmp(got.data, want.data, got.len) == 0;
    if (!same) {
        printf("# %s\n#   got  %s#   want %s", name, hd_buffer_cstr(&got), hd_buffer_cstr(&want));
    }
    CHECK(same);
    hd_buffer_deinit(&got);
    hd_buffer_deinit(&want);
}

static void documents(void)
{
    char directory[4096];
    struct dirent **names;
    bool seen[256] = {false};
    snprintf(directory, sizeof(directory), "%s/tests/data/sysmon", test_source());
    int n = scandir(directory, &names, is_json, alphasort);
    REQUIRE(n > 0);
    for (int i = 0; i < n; i++) {
        unsigned id;
        CHECK(sscanf(names[i]->d_name, "event-%3u", &id) == 1 && id < 256);
        seen[id & 255] = true;
        check_golden(names[i]->d_name);
        free(names[i]);
    }
    free(names);
    for (unsigned id = 1; id <= 29; id++) {
        CHECK(seen[id]);
    }
    CHECK(seen[255]);
}

static void no_more_than_samples(void)
{
    char path[4096];
    struct dirent **names;
    snprintf(path, sizeof(path), "%s/tests/golden", test_source());
    int n = scandir(path, &names, is_json, alphasort);
    REQUIRE(n > 0);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "tests/data/sysmon/%s", names[i]->d_name);
        struct hd_buffer sample = test_read(test_source(), path);
        CHECK(sample.len > 0);
        hd_buffer_deinit(&sample);
        free(names[i]);
    }
    free(names);
}

/* The lines of sysmon.jsonl: an event each, of every id, with record ids of their own. */
static void lines_are_events(void)
{
    struct hd_buffer out = document("tests/data/sysmon.jsonl");
    const char *line = hd_buffer_cstr(&out);
    bool seen[256] = {false};
    long long last_record = 0;
    int n = 0;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, n++) {
        cJSON *json = cJSON_ParseWithLength(line, (size_t)(end - line));
        const cJSON *code = test_item(json, "event.code");
        const cJSON *record = test_item(json, "winlog.record_id");
        REQUIRE(cJSON_IsString(code) && cJSON_IsString(record));
        CHECK(atoll(record->valuestring) > last_record);
        last_record = atoll(record->valuestring);
        seen[atoi(code->valuestring) & 255] = true;
        cJSON_Delete(json);
    }
    CHECK(n >= 600);
    for (unsigned id = 1; id <= 29; id++) {
        CHECK(seen[id]);
    }
    CHECK(seen[255]);
    hd_buffer_deinit(&out);
}

HD_TEST_MAIN({"each sample gives its document", documents},
             {"each document has a sample", no_more_than_samples},
             {"each line of sysmon.jsonl is an event", lines_are_events})
