/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema: one row a key. The loader, the checks, the documentation and the tests all read it.
 *
 * Adding a key: a name in enum hd_key, a row in schema.c, a line in etc/hubdrain.yaml.
 */
#ifndef HD_CONFIG_SCHEMA_H
#define HD_CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum hd_type {
    HD_TYPE_STRING,   /* const char * */
    HD_TYPE_PATH,     /* const char * */
    HD_TYPE_SECRET,   /* const char * */
    HD_TYPE_BOOL,     /* bool */
    HD_TYPE_INTEGER,  /* uint32_t or uint64_t */
    HD_TYPE_DURATION, /* int64_t, ms */
    HD_TYPE_SIZE,     /* uint32_t or uint64_t, bytes */
    HD_TYPE_ENUM,     /* an enum whose values count the words */
    HD_TYPE_WORD,     /* const char *, one of the words */
    HD_TYPE_START,    /* goes to the list of start positions */
};

/* What it takes for a changed value to count. */
enum hd_reload { HD_RELOAD_LIVE, HD_RELOAD_RECONNECT, HD_RELOAD_RESTART };

enum hd_key {
    HD_KEY_EVENTHUB_CONNECTION_STRING,
    HD_KEY_EVENTHUB_NAME,
    HD_KEY_EVENTHUB_CONSUMER_GROUP,
    HD_KEY_EVENTHUB_START,
    HD_KEY_EVENTHUB_START_BY_PARTITION,
    HD_KEY_EVENTHUB_CONNECTIONS,
    HD_KEY_EVENTHUB_CA_FILE,
    HD_KEY_EVENTHUB_CLIENT_ID,
    HD_KEY_EVENTHUB_CONNECT_TIMEOUT,
    HD_KEY_EVENTHUB_TOKEN_LIFETIME,
    HD_KEY_EVENTHUB_BACKOFF_MIN,
    HD_KEY_EVENTHUB_BACKOFF_MAX,

    HD_KEY_CHECKPOINT_STORE,
    HD_KEY_CHECKPOINT_CONNECTION_STRING,
    HD_KEY_CHECKPOINT_CONTAINER,
    HD_KEY_CHECKPOINT_CREATE_CONTAINER,
    HD_KEY_CHECKPOINT_CA_FILE,
    HD_KEY_CHECKPOINT_TIMEOUT,
    HD_KEY_CHECKPOINT_DIRECTORY,
    HD_KEY_CHECKPOINT_INTERVAL,
    HD_KEY_CHECKPOINT_EVENTS,
    HD_KEY_CHECKPOINT_ON_INVALID,

    HD_KEY_MEMORY_LIMIT,

    HD_KEY_PIPELINE_WORKERS,
    HD_KEY_PIPELINE_BATCH_BYTES,
    HD_KEY_PIPELINE_BATCH_MESSAGES,
    HD_KEY_PIPELINE_BATCH_AGE,
    HD_KEY_PIPELINE_SHUTDOWN_TIMEOUT,

    HD_KEY_LIMITS_MESSAGE_SIZE,
    HD_KEY_LIMITS_BODY_SIZE,
    HD_KEY_LIMITS_RECORD_SIZE,
    HD_KEY_LIMITS_DEPTH,
    HD_KEY_LIMITS_FIELDS,

    HD_KEY_NORMALISE_SCHEMA,
    HD_KEY_NORMALISE_KEEP_ORIGINAL,
    HD_KEY_NORMALISE_KEEP_MESSAGE,
    HD_KEY_NORMALISE_DATASET,

    HD_KEY_OUTPUT_TYPE,
    HD_KEY_OUTPUT_PATH,
    HD_KEY_OUTPUT_ROTATE_SIZE,
    HD_KEY_OUTPUT_ROTATE_INTERVAL,
    HD_KEY_OUTPUT_FSYNC,
    HD_KEY_OUTPUT_FSYNC_INTERVAL,

    HD_KEY_DEAD_LETTER_PATH,
    HD_KEY_DEAD_LETTER_ROTATE_SIZE,
    HD_KEY_DEAD_LETTER_MAX_SIZE,

    HD_KEY_LOG_LEVEL,
    HD_KEY_LOG_FORMAT,

    HD_KEY_COUNT,
};

#define HD_SCHEMA_WILDCARD "*"

struct hd_schema_row {
    const char *path; /* '*' stands for a name that the user chooses */
    enum hd_type type;
    const char *initial;       /* the default as it would be written; NULL: none, or worked out */
    const char *initial_words; /* the default in words, where it is worked out */
    uint64_t min, max;         /* of numbers, in the field's unit; max 0: no bounds */
    const char *const *words;  /* NULL-terminated */
    enum hd_reload reload;
    const char *environment; /* a variable of its own; NULL: none */
    const char *only;        /* outputs: the one type that has this key; NULL: all */
    size_t offset, size;     /* in struct hd_config_full; outputs: in struct hd_output_options */
    const char *help;
};

struct hd_schema_section {
    const char *path, *help;
};

extern const struct hd_schema_row config_schema_rows[HD_KEY_COUNT];
extern const struct hd_schema_section config_schema_sections[];
extern const size_t config_schema_n_sections;

const char *config_type_name(enum hd_type type);
const char *config_reload_name(enum hd_reload reload);

/* "outputs.*.path" and the like live once per output. */
int config_schema_is_output(const struct hd_schema_row *row);

#endif
