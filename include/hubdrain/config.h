/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: a YAML file (optional), the environment and the command line -> one immutable
 * struct.
 *
 * src/config/schema.c is the only place where a key is spelt. Unknown keys are errors; every
 * mistake is reported, with file, line, column and a suggestion.
 *
 * Owner:   the caller; everything inside lives until hd_config_free. Threads: read by any.
 */
#ifndef HUBDRAIN_CONFIG_H
#define HUBDRAIN_CONFIG_H

#include "hubdrain/error.h"
#include "hubdrain/hub.h"
#include "hubdrain/log.h"
#include "hubdrain/normalise.h"
#include "hubdrain/output.h"
#include "hubdrain/store.h"

enum hd_on_invalid { HD_ON_INVALID_FAIL, HD_ON_INVALID_EARLIEST, HD_ON_INVALID_LATEST };

struct hd_config_start {
    const char *partition; /* NULL: all the others */
    struct hd_start start;
};

/* Strings that nobody set are NULL unless a default stands beside them. */
struct hd_config {
    /* eventhub: */
    struct hd_eventhub_address address;
    const char *consumer_group; /* "$Default" */
    const char *eventhub_ca_file;
    uint32_t connections;
    struct hd_config_start *starts; /* the one with partition NULL is last and always there */
    size_t n_starts;
    int64_t connect_timeout_ms;
    int64_t token_lifetime_ms;
    int64_t backoff_min_ms, backoff_max_ms;
    const char *client_id; /* "hubdrain-<host name>" */

    /* checkpoint: */
    struct hd_store_options store;  /* namespace_name, hub, consumer_group filled in */
    int64_t checkpoint_interval_ms; /* 30 s */
    uint64_t checkpoint_events;     /* 0: by time only */
    enum hd_on_invalid on_invalid_checkpoint;

    /* memory: */
    uint64_t memory_limit_bytes; /* 128 MiB */

    /* pipeline: */
    uint32_t workers; /* cores - 1, at least 1; never 0 */
    uint64_t batch_bytes;
    uint32_t batch_messages;
    int64_t batch_age_ms;
    int64_t shutdown_timeout_ms; /* 25 s */

    /* limits: */
    uint32_t max_message_bytes; /* of an AMQP message */
    struct hd_decode_limits limits;

    /* normalise: */
    enum hd_schema schema;
    struct hd_normalise_options normalise;

    /* outputs: */
    struct hd_output_options *outputs; /* at least one; stdout when none is configured */
    size_t n_outputs;
    struct hd_deadletter_options deadletter;

    /* log: */
    enum hd_log_level log_level;
    enum hd_log_format log_format;
};

/* One value given on the command line. */
struct hd_config_override {
    const char *key; /* "log.level"; NULL: value is "KEY=VALUE" */
    const char *value;
    const char *label; /* how a message calls it, "--log-level"; NULL: "--set KEY" */
};

/* Where a configuration comes from; later ones win: defaults, file, environment, overrides. */
struct hd_config_source {
    const char *path;     /* NULL: no file */
    struct hd_slice text; /* .data not NULL: the file's text; path is then only its name */
    const char *const *environment; /* "NAME=value", NULL-terminated; NULL: the process's own */
    const struct hd_config_override *overrides;
    size_t n_overrides;
};

/* One mistake or warning. diag->file may name an environment variable or an option instead. */
typedef void hd_config_report_fn(void *context, bool warning, const struct hd_diag *diag);

/* Returns 0, -ENOMEM, or the number of mistakes (all of them reported; *ret is NULL then). */
int hd_config_load(const struct hd_config_source *source, hd_config_report_fn *report,
                   void *context, struct hd_config **ret);
void hd_config_free(struct hd_config *config); /* accepts NULL; wipes secrets */

/* "1m30s", "5MiB": the shortest exact text, as it would be written in the file. */
#define HD_CONFIG_TEXT_SIZE 48
const char *hd_config_format_duration(int64_t ms, char ret[HD_CONFIG_TEXT_SIZE]);
const char *hd_config_format_size(uint64_t bytes, char ret[HD_CONFIG_TEXT_SIZE]);

/* The schema as text, for documents, editors and tests: Markdown tables, scdoc paragraphs, JSON
 * Schema. -ENOMEM. */
int hd_config_describe_markdown(struct hd_buffer *out);
int hd_config_describe_man(struct hd_buffer *out);
int hd_config_describe_json(struct hd_buffer *out);

#endif
