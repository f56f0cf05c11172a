/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hubdrain check: is the configuration right, and what would run?
 *
 * DESIGN: as text, mistakes go to standard error in the form that editors jump to, and what would
 * run to standard output. As JSON, one object holds both. Nothing is started or connected to, and
 * no secret is printed: the summary names hub, group, store and outputs only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "hubdrain/clock.h"
#include "hubdrain/json.h"

struct values {
    struct cli_common common; /* first */
    const char *format;
};

static const char *const formats[] = {"text", "json", NULL};

const struct cli_option cli_check_options[CLI_CHECK_OPTIONS] = {
    CLI_COMMON_OPTIONS,
    {"format", 0, CLI_TEXT, "FORMAT", "text (the default) or json", offsetof(struct values, format),
     NULL, formats},
};

const char cli_check_text[] =
    "Status 0: the configuration is good, perhaps with warnings; what would run is\n"
    "printed. Status 78: it is not, and every mistake is on standard error as\n"
    "file:line:column: what is wrong and what to do.\n\n"
    "Examples:\n"
    "  hubdrain check\n"
    "  hubdrain check -c hubdrain.yaml --format json | jq .messages\n";

/* ---- text ---- */

static void print_start(const struct hd_start *start)
{
    char time[HD_TIME_TEXT_SIZE];

    switch (start->kind) {
    case HD_START_EARLIEST:
        fputs("earliest", stdout);
        break;
    case HD_START_LATEST:
        fputs("latest", stdout);
        break;
    case HD_START_TIME:
        hd_clock_format_ms(start->enqueued_ms, time);
        fputs(time, stdout);
        break;
    case HD_START_POSITION:
        printf("after %" PRId64, start->position.sequence_number);
        break;
    }
}

static void print_starts(const struct hd_config *config)
{
    fputs("start        ", stdout);
    print_start(&config->starts[config->n_starts - 1].start);
    for (size_t i = 0; i + 1 < config->n_starts; i++) {
        printf("; partition %s ", config->starts[i].partition);
        print_start(&config->starts[i].start);
    }
    putchar('\n');
}

static void print_store(const struct hd_config *config)
{
    char interval[HD_CONFIG_TEXT_SIZE];

    fputs("checkpoints  ", stdout);
    switch (config->store.kind) {
    case HD_STORE_MEMORY:
        fputs("in memory only", stdout);
        break;
    case HD_STORE_FILE:
        printf("files in %s", config->store.directory);
        break;
    case HD_STORE_BLOB:
        printf("blobs in container %s", config->store.container);
        break;
    }
    printf(", every %s", hd_config_format_duration(config->checkpoint_interval_ms, interval));
    if (config->checkpoint_events) {
        printf(" or %" PRIu64 " events", config->checkpoint_events);
    }
    putchar('\n');
}

static void print_summary(const struct hd_config *config, const char *path)
{
    const struct hd_eventhub_address *address = &config->address;
    char size[HD_CONFIG_TEXT_SIZE];

    printf("file         %s\n", path ? path : "none; the environment alone");
    printf("event hub    %s at %s:%u%s\n", address->hub, address->host, (unsigned)address->port,
           address->tls ? "" : ", without TLS");
    printf("group        %s\n", config->consumer_group);
    print_starts(config);
    print_store(config);
    for (size_t i = 0; i < config->n_outputs; i++) {
        const struct hd_output_options *output = &config->outputs[i];
        printf("output       %s: %s%s%s\n", output->name, output->kind,
               output->file.path ? " " : "", output->file.path ? output->file.path : "");
    }
    printf("dead letters %s\n", config->deadletter.path);
    printf("memory       %s in flight, %" PRIu32 " worker%s\n",
           hd_config_format_size(config->memory_limit_bytes, size), config->workers,
           config->workers == 1 ? "" : "s");
}

/* ---- JSON ---- */

struct json {
    struct hd_buffer messages;
    size_t mistakes, warnings;
    bool no_memory;
};

static int json_pair(struct hd_buffer *out, const char *key, const char *value)
{
    int r = hd_buffer_printf(out, ", \"%s\": ", key);
    return r ? r : hd_json_string(out, hd_slice_cstr(value ? value : ""));
}

static void json_message(void *context, bool warning, const struct hd_diag *diag)
{
    struct json *json = context;
    struct hd_buffer *out = &json->messages;
    const char *kind = warning ? "warning" : "mistake";

    int r = hd_buffer_printf(out, "%s{\"kind\": \"%s\"", out->len ? ", " : "", kind);
    if (*diag->file) {
        r = r ? r : json_pair(out, "source", diag->file);
    }
    if (diag->line) {
        r = r ? r
              : hd_buffer_printf(out, ", \"line\": %d, \"column\": %d", diag->line, diag->column);
    }
    r = r ? r : json_pair(out, "message", diag->text);
    r = r ? r : hd_buffer_append_cstr(out, "}");
    json->no_memory = json->no_memory || r;
    *(warning ? &json->warnings : &json->mistakes) += 1;
}

static int json_outputs(struct hd_buffer *out, const struct hd_config *config)
{
    int r = hd_buffer_append_cstr(out, ", \"outputs\": [");
    for (size_t i = 0; i < config->n_outputs; i++) {
        const struct hd_output_options *output = &config->outputs[i];
        r = r ? r : hd_buffer_printf(out, "%s{\"type\": \"%s\"", i ? ", " : "", output->kind);
        r = r ? r : json_pair(out, "name", output->name);
        if (output->file.path) {
            r = r ? r : json_pair(out, "path", output->file.path);
        }
        r = r ? r : hd_buffer_append_cstr(out, "}");
    }
    return r ? r : hd_buffer_append_cstr(out, "]");
}

static int json_summary(struct hd_buffer *out, const struct hd_config *config)
{
    static const char *const stores[] = {"memory", "file", "blob"};
    const struct hd_eventhub_address *address = &config->address;

    int r = hd_buffer_printf(out, ", \"would_run\": {\"store\": \"%s\", \"port\": %u, \"tls\": %s",
                             stores[config->store.kind], (unsigned)address->port,
                             address->tls ? "true" : "false");
    r = r ? r : json_pair(out, "hub", address->hub);
    r = r ? r : json_pair(out, "namespace", address->host);
    r = r ? r : json_pair(out, "consumer_group", config->consumer_group);
    r = r ? r : json_pair(out, "dead_letters", config->deadletter.path);
    r = r ? r : json_outputs(out, config);
    return r ? r : hd_buffer_append_cstr(out, "}");
}

static int check_json(const struct hd_config_source *source)
{
    struct hd_config *config = NULL;
    struct hd_buffer out = {0};
    struct json json = {0};

    int mistakes = hd_config_load(source, json_message, &json, &config);
    int r = mistakes < 0 || json.no_memory ? -ENOMEM : 0;
    r = r ? r
          : hd_buffer_printf(&out, "{\"good\": %s, \"mistakes\": %d, \"warnings\": %zu",
                             mistakes ? "false" : "true", mistakes, json.warnings);
    r = r ? r : json_pair(&out, "file", source->path);
    r = r ? r : hd_buffer_printf(&out, ", \"messages\": [%s]", hd_buffer_cstr(&json.messages));
    if (config) {
        r = r ? r : json_summary(&out, config);
    }
    if (r == 0) {
        printf("%s}\n", hd_buffer_cstr(&out));
    } else {
        cli_error("cannot check: %s", strerror(-r));
    }
    hd_buffer_deinit(&out);
    hd_buffer_deinit(&json.messages);
    hd_config_free(config);
    int code = cli_flush();
    return r ? HD_EXIT_OS : mistakes ? HD_EXIT_CONFIG : code;
}

int hd_cli_check(int argc, char **argv)
{
    struct values values = {.format = formats[0]};
    struct hd_config_source source;
    struct hd_config *config = NULL;
    int operands = 0;

    int code = cli_parse(cli_command_find("check"), argc, argv, &values, &operands);
    if (code != CLI_GO_ON) {
        return code;
    }
    cli_config_source(&values.common, &source);
    if (strcmp(values.format, "json") == 0) {
        return check_json(&source);
    }
    code = cli_load_config(&values.common, &config);
    if (code == HD_EXIT_OK) {
        print_summary(config, source.path);
        code = cli_flush();
    }
    hd_config_free(config);
    return code;
}
