/* SPDX-License-Identifier: Apache-2.0 */
/* What no single value shows: rules over several keys, and what is worked out from them. */
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

#define STATE "STATE_DIRECTORY=/tmp"

/* As check_report, with this event hub's connection string. */
static void check_with(const char *connection_string, const char *text, const char *want)
{
    char variable[512];
    const char *const environment[] = {variable, STATE, NULL};
    snprintf(variable, sizeof(variable), "HUBDRAIN_EVENTHUB_CONNECTION_STRING=%s",
             connection_string);
    struct load result = load(text, environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), want);
    unload(&result);
}

static void needs_a_hub(void)
{
    static const char *const environment[] = {STATE, NULL};
    struct load result = load(NULL, environment, NULL);
    CHECK_INT(result.result, 1);
    CHECK_STR(hd_buffer_cstr(&result.report),
              ": eventhub.connection_string: missing; set it, or the environment variable "
              "HUBDRAIN_EVENTHUB_CONNECTION_STRING\n");
    unload(&result);

    check_with(NS, NULL,
               "HUBDRAIN_EVENTHUB_CONNECTION_STRING: eventhub.connection_string: the connection "
               "string is a namespace's (no EntityPath); name the event hub in eventhub.name\n");
    check_with(NS, "eventhub: {name: hub}\n", "");
    check_with(HUB, "eventhub: {name: hub}\n", "");
    check_with(HUB, "eventhub:\n  name: other\n",
               "c:2:9: eventhub.name is \"other\", but the connection string's EntityPath is "
               "\"hub\"; remove one of them\n");
    check_with(
        HUB, "eventhub: {name: \"a/b\"}\n",
        "c:1:18: eventhub.name: \"a/b\" is no event hub's name: at most 256 letters, digits, "
        "'.', '-' and '_'\n");
}

static void tells_strings_that_were_swapped(void)
{
    struct load result;
    static const char *const swapped[] = {"HUBDRAIN_EVENTHUB_CONNECTION_STRING=" STORAGE,
                                          "HUBDRAIN_STORAGE_CONNECTION_STRING=" HUB, STATE, NULL};
    result = load(NULL, swapped, NULL);
    const char *report = hd_buffer_cstr(&result.report);
    CHECK_INT(result.result, 2);
    CHECK(strstr(report, "HUBDRAIN_EVENTHUB_CONNECTION_STRING: eventhub.connection_string: "));
    CHECK(strstr(report, "storage account"));
    CHECK(strstr(report,
                 "HUBDRAIN_STORAGE_CONNECTION_STRING: checkpoint.connection_string: storage "
                 "connection string: this is the string of an Event Hubs namespace (it has "
                 "Endpoint); give that of the storage account here\n"));
    CHECK(!strstr(report, "c2Vj"));
    unload(&result);
}

static void checks_names(void)
{
    check_report(
        "eventhub: {client_id: \"a b\"}\n",
        "c:1:23: eventhub.client_id: \"a b\": at most 128 characters of ASCII, no blanks\n");
    check_report("eventhub: {client_id: \"b\xC3\xA4r\"}\n",
                 "c:1:23: eventhub.client_id: \"b\xC3\xA4r\": at most 128 characters of ASCII, no "
                 "blanks\n");
    check_report("eventhub: {consumer_group: \"a b\"}\n",
                 "c:1:28: eventhub.consumer_group: \"a b\" is no consumer group's name: at most 50 "
                 "characters, no blanks, no / \\ ? #\n");
}

static void checks_tls(void)
{
    const char *file = "eventhub:\n  ca_file: /dev/null\n";
    check_with(HUB, file, "");
    check_with(HUB ";UseDevelopmentEmulator=true", file,
               "c:2:12: eventhub.ca_file has no effect: the connection string has "
               "UseDevelopmentEmulator=true, and that is without TLS; remove one of them\n");
    check_with("Endpoint=amqp://h/;" KEY ";EntityPath=hub", file,
               "c:2:12: eventhub.ca_file has no effect: the connection string begins with amqp://, "
               "and that is without TLS; remove one of them\n");
    check_with(
        "Endpoint=amqp://h/;" KEY ";EntityPath=hub", NULL,
        "HUBDRAIN_EVENTHUB_CONNECTION_STRING: warning: eventhub.connection_string: no TLS to "
        "h: events and tokens travel in the clear\n");
    check_with("Endpoint=sb://localhost/;" KEY ";EntityPath=hub;UseDevelopmentEmulator=true", NULL,
               "");
    check_report("checkpoint:\n  connection_string: " STORAGE
                 ";BlobEndpoint=http://azurite:10000/acc\n",
                 "c:2:22: warning: checkpoint.connection_string: the secret stands in the file; "
                 "better is {env: NAME}, {file: path} or {credential: name}\n"
                 "c:2:22: warning: checkpoint.connection_string: no TLS to "
                 "http://azurite:10000/acc: checkpoints travel in the clear\n");
    check_report("eventhub:\n  ca_file: /nowhere.pem\n",
                 "c:2:12: eventhub.ca_file: cannot read /nowhere.pem: No such file or directory\n");
    check_report("checkpoint:\n  ca_file: /nowhere.pem\n",
                 "c:2:12: checkpoint.ca_file: cannot read /nowhere.pem: No such file or "
                 "directory\n");
}

static void checks_times(void)
{
    check_report("eventhub:\n  backoff_min: 5m\n",
                 "c:2:16: eventhub.backoff_min (5m) is longer than eventhub.backoff_max (1m)\n");
    check_report("eventhub:\n  backoff_max: 100ms\n",
                 "c:2:16: eventhub.backoff_min (1s) is longer than eventhub.backoff_max (100ms)\n");
    check_report("eventhub:\n  start: 9998-01-01T00:00:00Z\n",
                 "c:2:10: warning: eventhub.start: 9998-01-01T00:00:00.000Z lies in the future; "
                 "nothing is read until then\n");
}

static void checks_sizes(void)
{
    check_report("memory: {limit: 32MiB}\nlimits: {body_size: 64MiB}\n",
                 "c:2:21: limits.body_size (64MiB) is larger than memory.limit (32MiB); lower it, "
                 "or raise memory.limit\n");
    check_report("memory: {limit: 32MiB}\nlimits: {message_size: 33MiB}\n",
                 "c:2:24: limits.message_size (33MiB) is larger than memory.limit (32MiB); lower "
                 "it, or raise memory.limit\n");
    check_report("limits: {body_size: 1MiB, record_size: 2MiB}\n",
                 "c:1:40: limits.record_size (2MiB) is larger than limits.body_size (1MiB); lower "
                 "it, or raise limits.body_size\n");
    check_report("memory: {limit: 32MiB}\npipeline: {batch_bytes: 16MiB}\n",
                 "c:2:25: pipeline.batch_bytes (16MiB) is larger than a quarter of memory.limit "
                 "(8MiB); lower it, or raise memory.limit\n");
    check_report("dead_letter: {max_size: 1MiB}\n",
                 "c:1:25: dead_letter.rotate.size (64MiB) is larger than dead_letter.max_size "
                 "(1MiB); lower it, or raise dead_letter.max_size\n");
    /* A batch places bytes by 32 bits. */
    check_report("memory: {limit: 4GiB}\nlimits: {body_size: 512MiB, message_size: 512MiB, "
                 "record_size: 64MiB}\n",
                 "");
    check_report("memory: {limit: 4GiB}\nlimits:\n  body_size: 513MiB\n  message_size: 513MiB\n"
                 "  record_size: 65MiB\n",
                 "c:3:14: limits.body_size: \"513MiB\": must be between 64KiB and 512MiB\n"
                 "c:4:17: limits.message_size: \"513MiB\": must be between 64KiB and 512MiB\n"
                 "c:5:16: limits.record_size: \"65MiB\": must be between 16KiB and 64MiB\n");
    /* One mistake is told once. */
    check_report("memory: {limit: 1}\nlimits: {body_size: 512MiB}\n",
                 "c:1:17: memory.limit: \"1\": needs a unit: 1MiB? 1B?\n");
}

static void fits_unset_limits_to_a_small_memory(void)
{
    static const char *const environment[] = {EVENTHUB, STATE, NULL};
    struct load result = load("memory: {limit: 8MiB}\n", environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    REQUIRE(result.config);
    CHECK_INT(result.config->max_message_bytes, 8 << 20);
    CHECK_INT(result.config->limits.max_body_bytes, 8 << 20);
    CHECK_INT(result.config->limits.max_record_bytes, 1 << 20);
    CHECK_INT(result.config->batch_bytes, 128 << 10);
    unload(&result);
}

static void checks_the_store(void)
{
    check_report("checkpoint:\n  store: blob\n",
                 "c:2:10: checkpoint.store: blob needs checkpoint.connection_string, or the "
                 "environment variable HUBDRAIN_STORAGE_CONNECTION_STRING\n");
    check_report("checkpoint:\n  store: memory\n",
                 "c:2:10: warning: checkpoint.store: memory forgets at the end of the process; "
                 "everything is read again after a restart\n");
    check_report("checkpoint: {store: file, directory: /dev/null}\n",
                 "c:1:38: checkpoint.directory: /dev/null is no directory\n");
    check_report("checkpoint: {store: file, connection_string: \"${X:-" STORAGE "}\"}\n",
                 "c:1:46: warning: checkpoint.connection_string is not used: checkpoint.store is "
                 "not blob\n");
    static const char *const bad[] = {"ab", "Upper", "two--hyphens", "-x-", "under_score"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256], want[256];
        snprintf(text, sizeof(text),
                 "checkpoint: {connection_string: \"${X:-" STORAGE "}\", container: %s}\n", bad[i]);
        snprintf(want, sizeof(want),
                 "c:1:120: checkpoint.container: \"%s\" is no container's name: 3 to 63 small "
                 "letters, digits and single hyphens\n",
                 bad[i]);
        check_report(text, want);
    }
}

/* Whatever the store would refuse at the start is refused here, at the same text and without the
 * secret. */
static void checks_the_storage_string(void)
{
    static const char *const good[] = {
        "UseDevelopmentStorage=true",
        "AccountName=acc;SharedAccessSignature=sv=2021-12-02&sig=c2VjcmV0",
        "BlobEndpoint=https://acc.blob.core.windows.net;SharedAccessSignature=sig=c2VjcmV0",
        STORAGE ";QueueEndpoint=https://acc.queue.core.windows.net",
    };
    static const struct {
        const char *string, *says;
    } bad[] = {
        {"a=b", "neither AccountKey nor SharedAccessSignature is there"},
        {"SharedAccessSignature=sig=c2VjcmV0", "neither AccountName nor BlobEndpoint is there"},
        {"AccountName=acc;SharedAccessSignature=c2VjcmV0", "SharedAccessSignature has no sig="},
        {"AccountName=acc;AccountKey=c2VjcmV0!", "AccountKey is not base64"},
        {STORAGE ";c2VjcmV0", "part 4 has no '='"},
        {STORAGE ";BlobEndpoint=acc", "BlobEndpoint must be a URL"},
        {NS, "this is the string of an Event Hubs namespace"},
    };
    char text[512], want[256];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "checkpoint:\n  connection_string: \"${X:-%s}\"\n", good[i]);
        check_report(text, "");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        static const char *const environment[] = {EVENTHUB, STATE, NULL};
        snprintf(text, sizeof(text), "checkpoint:\n  connection_string: \"${X:-%s}\"\n",
                 bad[i].string);
        snprintf(want, sizeof(want),
                 "c:2:22: checkpoint.connection_string: storage connection string: %s",
                 bad[i].says);
        struct load result = load(text, environment, NULL);
        const char *report = hd_buffer_cstr(&result.report);
        CHECK_INT(result.result, 1);
        CHECK(strncmp(report, want, strlen(want)) == 0);
        CHECK(!strstr(report, "c2Vj"));
        if (strncmp(report, want, strlen(want)) != 0) {
            printf("# %s\n# %s\n", want, report);
        }
        unload(&result);
    }
}

static void checks_outputs(void)
{
    check_report("outputs: {a: {path: /tmp/x}}\n",
                 "c:1:11: outputs.a: type is missing: file or stdout\n");
    check_report("outputs: {a: }\n", "c:1:11: outputs.a: type is missing: file or stdout\n");
    check_report("outputs: {a: {type: file}}\n",
                 "c:1:11: outputs.a: path is missing: the file to append to\n");
    check_report("outputs: {a: {type: fil}}\n",
                 "c:1:21: outputs.a.type: \"fil\": expected file or stdout; did you mean file?\n");
    check_report("outputs: {a: {type: stdout, path: /tmp/x}}\n",
                 "c:1:35: outputs.a.path: only outputs of type file have this key, this is "
                 "stdout\n");
    check_report("outputs: {a: {type: stdout}, b: {type: stdout}}\n",
                 "c:1:30: outputs.b: the output a writes to standard output already; remove one of "
                 "them\n");
    check_report("outputs: {a: {type: file, path: /tmp/x, rotate: {size: 1B, interval: 1ms}}}\n",
                 "c:1:56: outputs.a.rotate.size: must be at least 4KiB, or 0 for never\n"
                 "c:1:70: outputs.a.rotate.interval: must be at least 1s, or 0 for never\n");
    check_report("outputs: {a: {type: file, path: /tmp/x, fsync_interval: 5s}}\n",
                 "c:1:57: warning: outputs.a.fsync_interval is not used: fsync is not interval\n");
    check_report("outputs: {a: {type: file, path: /tmp/x, fsync: interval, fsync_interval: 5s}}\n",
                 "");
}

static void checks_paths(void)
{
    char directory[] = "/tmp/hubdrain-check-XXXXXX", text[512], want[1024];
    REQUIRE(mkdtemp(directory));

    check_report("outputs: {a: {type: file, path: /tmp/hd-x}, b: {type: file, path: /tmp/hd-x}}\n",
                 "c:1:67: output b writes to the same file as output a (/tmp/hd-x); give each its "
                 "own\n");
    check_report("outputs: {a: {type: file, path: /tmp/hd-x}}\ndead_letter:\n  path: "
                 "/tmp/../tmp//hd-x\n",
                 "c:3:9: dead_letter.path writes to the same file as output a (/tmp/../tmp//hd-x); "
                 "give each its own\n");
    check_report("outputs: {a: {type: file, path: /tmp/dead-letters.ndjson}}\n",
                 "c:1:33: dead_letter.path writes to the same file as output a "
                 "(/tmp/dead-letters.ndjson); give each its own\n");

    /* The same file under two names. */
    char one[128], two[128];
    snprintf(one, sizeof(one), "%s/one", directory);
    snprintf(two, sizeof(two), "%s/two", directory);
    FILE *file = fopen(one, "w");
    REQUIRE(file);
    fclose(file);
    CHECK_INT(symlink("one", two), 0);
    snprintf(text, sizeof(text),
             "outputs:\n  a: {type: file, path: %s}\n  b: {type: file, path: %s}\n", one, two);
    snprintf(want, sizeof(want),
             "c:3:25: output b writes to the same file as output a (%s); give each its own\n", two);
    check_report(text, want);
    unlink(one);
    unlink(two);

    snprintf(text, sizeof(text), "outputs: {a: {type: file, path: %s}}\n", directory);
    snprintf(want, sizeof(want), "c:1:33: output a: %s is a directory; add a file name\n",
             directory);
    check_report(text, want);
    CHECK_INT(rmdir(directory), 0);

    snprintf(text, sizeof(text), "outputs: {a: {type: file, path: %s/}}\n", directory);
    check_report(text, "c:1:33: output a: the path ends in /; add a file name\n");
    snprintf(text, sizeof(text), "outputs: {a: {type: file, path: %s/x}}\n", directory);
    snprintf(
        want, sizeof(want),
        "c:1:33: warning: output a: the directory %s does not exist; create it, hubdrain waits "
        "until it is there\n",
        directory);
    check_report(text, want);
}

/* Paths are shown, but in one line, and not when a secret went into one. */
static void shows_paths_with_care(void)
{
    static const char *const environment[] = {EVENTHUB, STATE,
                                              "KEY=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", NULL};
    check_report("eventhub: {ca_file: \"/nowhere/\\n\\e[31m\"}\n",
                 "c:1:21: eventhub.ca_file: cannot read /nowhere/??[31m: No such file or "
                 "directory\n");
    struct load result = load("eventhub:\n  ca_file: \"${KEY}\"\n", environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report),
              "c:2:12: eventhub.ca_file: cannot read ... (not shown): No such file or directory\n");
    unload(&result);
}

static void works_with_two_variables(void)
{
    static const char *const environment[] = {EVENTHUB,
                                              "HUBDRAIN_STORAGE_CONNECTION_STRING=" STORAGE,
                                              "STATE_DIRECTORY=/tmp:/var/tmp", NULL};
    struct load result = load(NULL, environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    const struct hd_config *config = result.config;
    REQUIRE(config);
    CHECK_STR(config->address.host, "ns.servicebus.windows.net");
    CHECK_STR(config->address.hub, "hub");
    CHECK_STR(config->consumer_group, "$Default");
    CHECK(config->eventhub_ca_file == NULL);
    CHECK_INT(config->connections, 1);
    CHECK_INT(config->n_starts, 1);
    CHECK(config->starts[0].partition == NULL);
    CHECK_INT(config->starts[0].start.kind, HD_START_EARLIEST);
    CHECK_INT(config->connect_timeout_ms, 30000);
    CHECK_INT(config->token_lifetime_ms, 3600000);
    CHECK_INT(config->backoff_min_ms, 1000);
    CHECK_INT(config->backoff_max_ms, 60000);
    CHECK(strncmp(config->client_id, "hubdrain-", 9) == 0 && config->client_id[9]);
    CHECK_INT(config->store.kind, HD_STORE_BLOB);
    CHECK_STR(config->store.connection_string, STORAGE);
    CHECK_STR(config->store.container, "hubdrain");
    CHECK(config->store.create_container);
    CHECK_STR(config->store.namespace_name, "ns.servicebus.windows.net");
    CHECK_STR(config->store.hub, "hub");
    CHECK_STR(config->store.consumer_group, "$Default");
    CHECK_INT(config->checkpoint_interval_ms, 30000);
    CHECK_INT(config->checkpoint_events, 0);
    CHECK_INT(config->on_invalid_checkpoint, HD_ON_INVALID_FAIL);
    CHECK_INT(config->memory_limit_bytes, 128 << 20);
    CHECK(config->workers >= 1);
    CHECK_INT(config->shutdown_timeout_ms, 25000);
    CHECK_INT(config->limits.max_record_bytes, 1 << 20);
    CHECK_INT(config->limits.max_body_bytes, 32 << 20);
    CHECK_INT(config->limits.max_depth, 64);
    CHECK_INT(config->limits.max_fields, 4096);
    CHECK_INT(config->n_outputs, 1);
    CHECK_STR(config->outputs[0].name, "stdout");
    CHECK_STR(config->outputs[0].kind, "stdout");
    CHECK_STR(config->deadletter.path, "/tmp/dead-letters.ndjson");
    CHECK_INT(config->deadletter.rotate_bytes, 64 << 20);
    CHECK_INT(config->deadletter.max_bytes, 1 << 30);
    CHECK_INT(config->log_level, HD_LOG_INFO);
    CHECK_INT(config->log_format, HD_LOG_AUTO);
    unload(&result);
}

static void stores_in_files_without_storage(void)
{
    static const char *const environment[] = {EVENTHUB, STATE, NULL};
    struct load result = load(NULL, environment, NULL);
    REQUIRE(result.config);
    CHECK_INT(result.config->store.kind, HD_STORE_FILE);
    CHECK_STR(result.config->store.directory, "/tmp/checkpoints");
    unload(&result);
}

static void finds_a_place_without_a_state_directory(void)
{
    static const char *const environment[] = {EVENTHUB, NULL};
    bool usual = access("/var/lib/hubdrain", W_OK | X_OK) == 0;
    struct load result = load(NULL, environment, NULL);
    REQUIRE(result.config);
    CHECK_STR(result.config->deadletter.path,
              usual ? "/var/lib/hubdrain/dead-letters.ndjson" : "./dead-letters.ndjson");
    unload(&result);
}

static void warns_of_a_state_directory_that_cannot_be_written(void)
{
    static const char *const environment[] = {EVENTHUB, "STATE_DIRECTORY=/proc", NULL};
    if (access("/proc", W_OK) == 0) {
        SKIP("this user may write everywhere, says access(2)");
    }
    struct load result = load(NULL, environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report),
              ": warning: dead_letter.path: the directory /proc cannot be written by this user; "
              "choose another, or set STATE_DIRECTORY to one that can\n");
    unload(&result);
}

static void tells_files_that_cannot_be_read(void)
{
    struct load result = {0};
    struct hd_config_source source = {.path = "/nowhere/hubdrain.yaml"};
    result.result = hd_config_load(&source, load_report, &result, &result.config);
    CHECK_INT(result.result, 1);
    CHECK_STR(hd_buffer_cstr(&result.report),
              "/nowhere/hubdrain.yaml: cannot open the configuration: No such file or directory\n");
    unload(&result);

    result = (struct load){0};
    source.path = "/dev/zero";
    result.result = hd_config_load(&source, load_report, &result, &result.config);
    CHECK_STR(hd_buffer_cstr(&result.report),
              "/dev/zero: the configuration is larger than 1 MiB\n");
    unload(&result);

    result = (struct load){0};
    source.path = "/";
    result.result = hd_config_load(&source, load_report, &result, &result.config);
    CHECK_STR(hd_buffer_cstr(&result.report), "/: cannot read the configuration: Is a directory\n");
    unload(&result);
    hd_config_free(NULL);
}

HD_TEST_MAIN({"needs a hub", needs_a_hub},
             {"tells strings that were swapped", tells_strings_that_were_swapped},
             {"checks names", checks_names}, {"checks TLS", checks_tls},
             {"checks times", checks_times}, {"checks sizes", checks_sizes},
             {"fits unset limits to a small memory", fits_unset_limits_to_a_small_memory},
             {"checks the store", checks_the_store},
             {"checks the storage string", checks_the_storage_string},
             {"checks outputs", checks_outputs}, {"checks paths", checks_paths},
             {"shows paths with care", shows_paths_with_care},
             {"works with two variables", works_with_two_variables},
             {"stores in files without storage", stores_in_files_without_storage},
             {"finds a place without a state directory", finds_a_place_without_a_state_directory},
             {"warns of a state directory that cannot be written",
              warns_of_a_state_directory_that_cannot_be_written},
             {"tells files that cannot be read", tells_files_that_cannot_be_read})
