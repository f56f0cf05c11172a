/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, its example, its documents and the other modules' tables must not drift apart. */
#include <ctype.h>

#include "load.h"
#include "src/config/full.h"

static char *read_source(const char *name)
{
    const char *root = getenv("HUBDRAIN_SOURCE");
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", root ? root : ".", name);
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    if (!file || !text) {
        printf("# cannot read %s\n", path);
        hd_test_failed = true;
        if (file) {
            fclose(file);
        }
        return text;
    }
    size_t n = fread(text, 1, (1 << 20) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

/* The example with every key that is commented out: "#key:" and "#  key:", but not "# text". */
static void uncomment(char *text)
{
    for (char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (line[0] == '#' && (line[1] != ' ' || line[2] == ' ')) {
            memmove(line, line + 1, strlen(line));
        }
    }
}

static void replace(char *text, const char *what, const char *with)
{
    for (char *at; (at = strstr(text, what)) != NULL;) {
        memmove(at + strlen(with), at + strlen(what), strlen(at + strlen(what)) + 1);
        memcpy(at, with, strlen(with));
    }
}

static void loads_the_example(void)
{
    static const char *const environment[] = {EVENTHUB, "STATE_DIRECTORY=/tmp", NULL};
    char *text = read_source("etc/hubdrain.yaml");
    struct load result = load(text, environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    CHECK(result.config);
    unload(&result);
    free(text);
}

/* Which rows the text gives a value to. */
static void find_given(const char *text, bool ret_given[HD_KEY_COUNT])
{
    static const char *const environment[] = {"A=" NS, "B=" STORAGE, NULL};
    struct hd_config_full full = {0};
    struct hd_draft draft = {.full = &full, .environment = environment};
    struct hd_node *root = NULL;

    CHECK_INT(config_yaml_read(&draft.tree, hd_slice_cstr(text), "c", &draft.report, &root), 0);
    CHECK_INT(config_apply_tree(&draft, root), 0);
    CHECK_INT(draft.report.mistakes, 0);
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        ret_given[i] = draft.given[i] != NULL;
        for (size_t j = 0; j < draft.n_outputs; j++) {
            ret_given[i] = ret_given[i] || draft.outputs[j].given[i];
        }
    }
    config_report_deinit(&draft.report);
    config_pool_deinit(&draft.tree);
    config_pool_deinit(&full.pool);
}

/* Every row has its place in the example; that it holds nothing else, the loader sees to. */
static void loads_the_example_with_every_key(void)
{
    static const char *const environment[] = {"A=" NS, "B=" STORAGE, "STATE_DIRECTORY=/tmp", NULL};
    bool given[HD_KEY_COUNT];
    char *text = read_source("etc/hubdrain.yaml");

    uncomment(text);
    replace(text, "{credential: eventhub}", "{env: A}");
    replace(text, "{credential: storage}", "{env: B}");
    replace(text, "/etc/hubdrain/ca.pem", "/dev/null");
    replace(text, "/var/lib/hubdrain/", "/tmp/");
    replace(text, "/var/log/hubdrain/", "/tmp/");
    struct load result = load(text, environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    CHECK_INT(result.config ? result.config->n_outputs : 0, 2);
    unload(&result);

    find_given(text, given);
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        if (!given[i]) {
            hd_test_fail(__FILE__, __LINE__, config_schema_rows[i].path);
        }
    }
    free(text);
}

static void shows_the_defaults_in_the_example(void)
{
    char *text = read_source("etc/hubdrain.yaml");
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        const char *last = strrchr(row->path, '.') + 1;
        char line[160];
        if (!row->initial || strncmp(row->path, "outputs.", 8) == 0 ||
            strstr(row->path, "rotate")) {
            continue; /* an output shows what one may want, on one line each */
        }
        snprintf(line, sizeof(line), "\n#  %s: %s\n", last, row->initial);
        if (!strstr(text, line)) {
            hd_test_fail(__FILE__, __LINE__, line);
        }
    }
    free(text);
}

/* scripts/config-docs writes both anew. */
static void documents_hold_the_schema(void)
{
    static const struct {
        const char *path;
        int (*describe)(struct hd_buffer *out);
    } documents[] = {{"docs/configuration.md", hd_config_describe_markdown},
                     {"docs/man/hubdrain.yaml.5.scd", hd_config_describe_man}};
    for (size_t i = 0; i < 2; i++) {
        struct hd_buffer tables = {0};
        char *text = read_source(documents[i].path);
        CHECK_INT(documents[i].describe(&tables), 0);
        CHECK(tables.len > 1000);
        if (!strstr(text, hd_buffer_cstr(&tables))) {
            hd_test_fail(__FILE__, __LINE__, documents[i].path);
        }
        hd_buffer_deinit(&tables);
        free(text);
    }
}

static void rows_are_well_formed(void)
{
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        REQUIRE(row->path);
        bool good =
            row->help && (row->initial || row->initial_words) && row->min <= row->max &&
            strlen(row->help) > 10 &&
            (row->words != NULL) == (row->type == HD_TYPE_ENUM || row->type == HD_TYPE_WORD) &&
            strspn(row->path, "abcdefghijklmnopqrstuvwxyz_.*") == strlen(row->path);
        if (!good) {
            hd_test_fail(__FILE__, __LINE__, row->path);
        }
        for (size_t j = 0; j < i; j++) {
            CHECK(strcmp(row->path, config_schema_rows[j].path) != 0);
        }
    }
}

/* Rows take a 4- or an 8-byte field by its size; anything else would be written over. */
static void fields_have_their_sizes(void)
{
    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        bool good = false;
        switch (row->type) {
        case HD_TYPE_STRING:
        case HD_TYPE_PATH:
        case HD_TYPE_SECRET:
        case HD_TYPE_WORD:
            good = row->size == sizeof(char *);
            break;
        case HD_TYPE_BOOL:
            good = row->size == sizeof(bool);
            break;
        case HD_TYPE_INTEGER:
        case HD_TYPE_SIZE:
            good = row->size == 8 || (row->size == 4 && row->max <= UINT32_MAX);
            break;
        case HD_TYPE_DURATION:
            good = row->size == 8;
            break;
        case HD_TYPE_ENUM:
            good = row->size == 4;
            break;
        case HD_TYPE_START:
            good = row->size == 0 || row->size == sizeof(struct hd_start);
            break;
        }
        if (!good) {
            hd_test_fail(__FILE__, __LINE__, row->path);
        }
    }
}

static size_t count(const char *const *words)
{
    size_t n = 0;
    while (words[n]) {
        n++;
    }
    return n;
}

/* The words of enums are spelt in the schema; those who own the enums must agree. */
static void words_are_those_of_their_owners(void)
{
    const char *const *kinds = hd_output_kinds(),
                      *const *types = config_schema_rows[HD_KEY_OUTPUT_TYPE].words,
                      *const *schemas = config_schema_rows[HD_KEY_NORMALISE_SCHEMA].words;
    CHECK_INT(count(kinds), count(types));
    for (size_t i = 0; kinds[i]; i++) {
        bool there = false;
        for (size_t j = 0; types[j]; j++) {
            there = there || strcmp(kinds[i], types[j]) == 0;
        }
        if (!there) {
            hd_test_fail(__FILE__, __LINE__, kinds[i]);
        }
    }
    CHECK_INT(count(schemas), HD_SCHEMA_COUNT);
    for (int i = 0; i < HD_SCHEMA_COUNT; i++) {
        CHECK_STR(hd_schema_name((enum hd_schema)i), schemas[i]);
    }
    CHECK_INT(count(config_schema_rows[HD_KEY_LOG_LEVEL].words), HD_LOG_TRACE + 1);
    CHECK_STR(config_schema_rows[HD_KEY_LOG_LEVEL].words[HD_LOG_NOTICE], "notice");
    CHECK_INT(count(config_schema_rows[HD_KEY_LOG_FORMAT].words), HD_LOG_JSON + 1);
    CHECK_STR(config_schema_rows[HD_KEY_LOG_FORMAT].words[HD_LOG_JOURNAL], "journal");
    CHECK_STR(config_schema_rows[HD_KEY_CHECKPOINT_STORE].words[HD_STORE_BLOB], "blob");
    CHECK_STR(config_schema_rows[HD_KEY_CHECKPOINT_STORE].words[HD_STORE_FILE], "file");
    CHECK_STR(config_schema_rows[HD_KEY_OUTPUT_FSYNC].words[HD_FSYNC_INTERVAL], "interval");
    CHECK_STR(config_schema_rows[HD_KEY_CHECKPOINT_ON_INVALID].words[HD_ON_INVALID_LATEST],
              "latest");
}

HD_TEST_MAIN({"loads the example", loads_the_example},
             {"loads the example with every key", loads_the_example_with_every_key},
             {"shows the defaults in the example", shows_the_defaults_in_the_example},
             {"documents hold the schema", documents_hold_the_schema},
             {"rows are well formed", rows_are_well_formed},
             {"fields have their sizes", fields_have_their_sizes},
             {"words are those of their owners", words_are_those_of_their_owners})
