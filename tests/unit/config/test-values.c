/* SPDX-License-Identifier: Apache-2.0 */
/* Where values come from: file, variables in it, environment, command line; in which order. */
#include "load.h"

#define ENV EVENTHUB, "STATE_DIRECTORY=/tmp"

/* The consumer group that this configuration ends with; the report must be empty. */
static void check_group(const char *text, const char *const *environment, const char *const *sets,
                        const char *want)
{
    struct load result = load(text, environment, sets);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    CHECK_STR(result.config ? result.config->consumer_group : NULL, want);
    unload(&result);
}

static void tells_bad_values(void)
{
    check_report("eventhub:\n  connect_timeout: 30\n",
                 "c:2:20: eventhub.connect_timeout: \"30\": needs a unit: 30s?\n");
    check_report("eventhub:\n  connect_timeout: 1h\n",
                 "c:2:20: eventhub.connect_timeout: \"1h\": must be between 1s and 10m\n");
    check_report("memory: {limit: 1MiB}\n",
                 "c:1:17: memory.limit: \"1MiB\": must be between 8MiB and 1024GiB\n");
    check_report("pipeline: {workers: many}\n",
                 "c:1:21: pipeline.workers: \"many\": expected a whole number\n");
    check_report("checkpoint: {create_container: maybe}\n",
                 "c:1:32: checkpoint.create_container: \"maybe\": expected true or false\n");
    check_report("checkpoint: {store: blobs}\n",
                 "c:1:21: checkpoint.store: \"blobs\": expected memory, file or blob; did you mean "
                 "blob?\n");
    check_report(
        "eventhub: {start: earlyest}\n",
        "c:1:19: eventhub.start: \"earlyest\": expected earliest, latest or a time such as "
        "2024-05-02T08:15:30Z; did you mean earliest?\n");
    check_report("eventhub: {start: 2024-05-02T08:15:30}\n",
                 "c:1:19: eventhub.start: \"2024-05-02T08:15:30\": the time needs its zone: add Z "
                 "for UTC, or +hh:mm\n");
    check_report("eventhub:\n  start_by_partition: {p1: latest, \"1\": soon}\n",
                 "c:2:24: a partition is named by its number, such as \"0\", not \"p1\"\n"
                 "c:2:41: eventhub.start_by_partition.1: \"soon\": expected earliest, latest or a "
                 "time such as 2024-05-02T08:15:30Z\n");
    check_report("log: {level: \"a\\nb\\tc\"}\n",
                 "c:1:14: log.level: \"a?b?c\": expected error, warning, notice, info, debug or "
                 "trace\n");
}

static void takes_empty_for_unset(void)
{
    static const char *const environment[] = {ENV, "EMPTY=", NULL};
    check_group("eventhub: {consumer_group: }\n", environment, NULL, "$Default");
    check_group("eventhub: {consumer_group: \"\"}\n", environment, NULL, "$Default");
    check_group("eventhub: {consumer_group: ~}\n", environment, NULL, "$Default");
    check_group("eventhub: {consumer_group: \"${EMPTY}\"}\n", environment, NULL, "$Default");
    check_group("eventhub: {consumer_group: \"null\"}\n", environment, NULL, "null");
}

static void puts_variables_in(void)
{
    static const char *const environment[] = {
        ENV, "GROUP=blue", "EMPTY=", "TWO=a b", "DOLLAR=${GROUP}", NULL};
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"${GROUP}", "blue"},
        {"a-${GROUP}-z", "a-blue-z"},
        {"${GROUP}${GROUP}", "blueblue"},
        {"${NOPE:-green}", "green"},
        {"${EMPTY:-green}", "green"},
        {"${GROUP:-green}", "blue"},
        {"x${NOPE:-}", "x"},
        {"${GROUP:?must be set}", "blue"},
        {"$${GROUP}", "${GROUP}"},
        {"$Default", "$Default"},
        {"$$", "$$"},
        {"${DOLLAR}", "${GROUP}"}, /* put in once, not looked at again */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "eventhub: {consumer_group: \"%s\"}\n", rows[i].value);
        check_group(text, environment, NULL, rows[i].want);
    }
    struct load result = load("pipeline: {workers: \"${N:-7}\"}\n", environment, NULL);
    REQUIRE(result.config);
    CHECK_INT(result.config->workers, 7);
    unload(&result);
}

/* A value can change a value, and nothing else. */
static void never_adds_keys(void)
{
    static const char *const environment[] = {ENV, "EVIL=a}, memory: {limit: 1GiB", NULL};
    struct load result = load("normalise:\n  dataset: ${EVIL}\n", environment, NULL);
    REQUIRE(result.config);
    CHECK_SLICE(result.config->normalise.dataset, "a}, memory: {limit: 1GiB");
    CHECK_INT(result.config->memory_limit_bytes, 128 << 20);
    unload(&result);
}

static void tells_bad_variables(void)
{
    check_report("log: {level: \"${NOPE}\"}\n",
                 "c:1:14: ${NOPE} is not set; set the variable, or write ${NOPE:-default}\n");
    check_report("log: {level: \"${NOPE:?ask the team}\"}\n",
                 "c:1:14: ${NOPE} is not set: \"ask the team\"\n");
    check_report("log: {level: \"${NOPE:?}\"}\n", "c:1:14: ${NOPE} is not set: it is required\n");
    check_report("log: {level: \"${NOPE\"}\n",
                 "c:1:14: ${ without its }; write $${ for a plain ${\n");
    static const char *const malformed[] = {"${}", "${1A}", "${A B}", "${A:x}", "${A-b}"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "log: {level: \"%s\"}\n", malformed[i]);
        check_report(text, "c:1:14: malformed variable; write ${NAME}, ${NAME:-default} or "
                           "${NAME:?message}, and $${ for a plain ${\n");
    }
}

/* What a variable holds may be a secret in the wrong place. */
static void never_shows_what_a_variable_holds(void)
{
    static const char *const environment[] = {ENV, "HIDDEN=marker-4711", NULL};
    struct load result = load("log: {level: \"${HIDDEN}\"}\n", environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report),
              "c:1:14: log.level: \"${HIDDEN}\", with its variables put in: expected error, "
              "warning, notice, info, debug or trace\n");
    unload(&result);
}

static void later_sources_win(void)
{
    static const char *const environment[] = {ENV, "HUBDRAIN__EVENTHUB__CONSUMER_GROUP=env", NULL};
    static const char *const plain[] = {ENV, NULL};
    static const char *const sets[] = {"eventhub.consumer_group=a=b", "eventhub.consumer_group=set",
                                       NULL};
    static const char *const equals[] = {"eventhub.consumer_group=a=b", NULL};
    static const char *const reset[] = {"eventhub.consumer_group=", NULL};
    const char *file = "eventhub: {consumer_group: file}\n";

    check_group(NULL, plain, NULL, "$Default");
    check_group(file, plain, NULL, "file");
    check_group(file, environment, NULL, "env");
    check_group(file, environment, sets, "set");
    check_group(file, plain, equals, "a=b");
    check_group(file, plain, reset, "$Default");
}

static void names_keys_of_every_level(void)
{
    static const char *const environment[] = {ENV,
                                              "HUBDRAIN__OUTPUTS__SIEM__TYPE=file",
                                              "HUBDRAIN__OUTPUTS__SIEM__PATH=/tmp/siem",
                                              "HUBDRAIN__OUTPUTS__SIEM__ROTATE__SIZE=1MiB",
                                              "HUBDRAIN__EVENTHUB__START_BY_PARTITION__3=latest",
                                              NULL};
    static const char *const sets[] = {"outputs.two.type=stdout", "outputs.siem.path=/tmp/other",
                                       NULL};
    struct load result = load(NULL, environment, sets);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    REQUIRE(result.config);
    CHECK_INT(result.config->n_outputs, 2);
    CHECK_STR(result.config->outputs[0].name, "siem");
    CHECK_STR(result.config->outputs[0].kind, "file");
    CHECK_STR(result.config->outputs[0].file.path, "/tmp/other");
    CHECK_INT(result.config->outputs[0].file.rotate_bytes, 1 << 20);
    CHECK_STR(result.config->outputs[1].kind, "stdout");
    CHECK_INT(result.config->n_starts, 2);
    CHECK_STR(result.config->starts[0].partition, "3");
    CHECK_INT(result.config->starts[0].start.kind, HD_START_LATEST);
    CHECK(result.config->starts[1].partition == NULL);
    unload(&result);
}

static void tells_bad_overrides(void)
{
    static const char *const environment[] = {ENV,
                                              "HUBDRAIN__LOG__LVEL=debug",
                                              "HUBDRAIN__MEMORY__LIMIT=30",
                                              "HUBDRAIN____X=1",
                                              "HUBDRAIN_STORAGE_CONECTION_STRING=x",
                                              "HUBDRAIN_CORPUS=/somewhere",
                                              NULL};
    static const char *const sets[] = {"log.level", "=x", "log..level=x", "log.level=x", NULL};
    struct load result = load("{}", environment, sets);
    CHECK_STR(hd_buffer_cstr(&result.report),
              "HUBDRAIN_STORAGE_CONECTION_STRING: warning: this variable is not used; did you mean "
              "HUBDRAIN_STORAGE_CONNECTION_STRING?\n"
              "HUBDRAIN____X: not a key: a part of its name is empty\n"
              "HUBDRAIN__LOG__LVEL: unknown key \"lvel\" in log; did you mean level?\n"
              "HUBDRAIN__MEMORY__LIMIT: memory.limit: \"30\": needs a unit: 30MiB? 30B?\n"
              "--set: expected KEY=VALUE, such as log.level=debug, got \"log.level\"\n"
              "--set: expected KEY=VALUE, such as log.level=debug, got \"=x\"\n"
              "--set log..level: not a key: a part of its name is empty\n"
              "--set log.level: log.level: \"x\": expected error, warning, notice, info, debug or "
              "trace\n");
    unload(&result);
}

static void takes_overrides_literally(void)
{
    static const char *const environment[] = {ENV, "HUBDRAIN__EVENTHUB__CONSUMER_GROUP=${NOPE}",
                                              NULL};
    check_group(NULL, environment, NULL, "${NOPE}");
}

static void labels_options(void)
{
    static const char *const environment[] = {ENV, NULL};
    static const struct hd_config_override overrides[] = {{"log.level", "loud", "--log-level"}};
    struct load result = {0};
    struct hd_config_source source = {
        .environment = environment, .overrides = overrides, .n_overrides = 1};
    result.result = hd_config_load(&source, load_report, &result, &result.config);
    CHECK_INT(result.result, 1);
    CHECK_STR(hd_buffer_cstr(&result.report),
              "--log-level: log.level: \"loud\": expected error, warning, notice, info, debug or "
              "trace\n");
    unload(&result);
}

HD_TEST_MAIN({"tells bad values", tells_bad_values},
             {"takes empty for unset", takes_empty_for_unset},
             {"puts variables in", puts_variables_in}, {"never adds keys", never_adds_keys},
             {"tells bad variables", tells_bad_variables},
             {"never shows what a variable holds", never_shows_what_a_variable_holds},
             {"later sources win", later_sources_win},
             {"names keys of every level", names_keys_of_every_level},
             {"tells bad overrides", tells_bad_overrides},
             {"takes overrides literally", takes_overrides_literally},
             {"labels options", labels_options})
