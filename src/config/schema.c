/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the only place where a key is spelt. A row says how a value is read, where it goes, what
 * it is when nobody sets it, and what a person must know about it; everything else (loading, "did
 * you mean", environment overrides, the printed schema, the documents' tables) follows from here.
 * Some code finds its row by enum hd_key, so the rows are designated.
 *
 * Batch and memory defaults: a batch is large enough that its fixed cost (a queue turn, an fsync)
 * vanishes, and small enough that 32 partitions with one open batch each fit in a fraction of the
 * budget.
 */
#include "schema.h"

#include <string.h>

#include "full.h"

#define FULL(member)                                                                               \
    offsetof(struct hd_config_full, member), sizeof(((struct hd_config_full *)0)->member)
#define CONF(member) FULL(config.member)
#define OUT(member)                                                                                \
    offsetof(struct hd_output_options, member), sizeof(((struct hd_output_options *)0)->member)
#define NOWHERE 0, 0

#define SECOND 1000ull
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    1024ull
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

// clang-format off
static const char *const store_words[] = {"memory", "file", "blob", NULL};
static const char *const invalid_words[] = {"fail", "earliest", "latest", NULL};
static const char *const schema_words[] = {"ecs", NULL};
static const char *const output_words[] = {"file", "stdout", NULL};
static const char *const fsync_words[] = {"batch", "interval", "never", NULL};
static const char *const level_words[] = {"error", "warning", "notice", "info", "debug", "trace", NULL};
static const char *const format_words[] = {"auto", "text", "journal", "logfmt", "json", NULL};

const struct hd_schema_section config_schema_sections[] = {
    {"eventhub", "The event hub to drain."},
    {"checkpoint", "Where hubdrain notes how far it got."},
    {"memory", "How much may be in flight."},
    {"pipeline", "How work is cut up."},
    {"limits", "What is too much to be an event; beyond it is a dead letter."},
    {"normalise", "What an event becomes."},
    {"outputs", "Where events go: a name of your choice for each. None at all means one called "
                "stdout, of type stdout."},
    {"dead_letter", "Where goes what cannot be understood, with the reason and the original bytes."},
    {"log", "What hubdrain says about itself, on standard error."},
};
const size_t config_schema_n_sections = sizeof(config_schema_sections) / sizeof(config_schema_sections[0]);

const struct hd_schema_row config_schema_rows[HD_KEY_COUNT] = {
    /* path, type, default, default in words, min, max, words, reload, environment, only, field, help */

    [HD_KEY_EVENTHUB_CONNECTION_STRING] = {"eventhub.connection_string", HD_TYPE_SECRET, NULL, "required",
        0, 0, NULL, HD_RELOAD_RESTART, "HUBDRAIN_EVENTHUB_CONNECTION_STRING", NULL, FULL(connection_string),
        "Connection string of the namespace or of the hub, as the Azure portal shows it. It needs the Listen claim."},
    [HD_KEY_EVENTHUB_NAME] = {"eventhub.name", HD_TYPE_STRING, NULL, "the connection string's EntityPath",
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, FULL(hub_name),
        "The event hub's name, where the connection string has no EntityPath."},
    [HD_KEY_EVENTHUB_CONSUMER_GROUP] = {"eventhub.consumer_group", HD_TYPE_STRING, "$Default", NULL,
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(consumer_group),
        "Consumer group. Give hubdrain one of its own: another reader of the same group would take its partitions."},
    [HD_KEY_EVENTHUB_START] = {"eventhub.start", HD_TYPE_START, "earliest", NULL,
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, FULL(start),
        "Where a partition without a checkpoint begins: earliest, latest, or a time such as 2024-05-02T08:15:30Z."},
    [HD_KEY_EVENTHUB_START_BY_PARTITION] = {"eventhub.start_by_partition.*", HD_TYPE_START, NULL, "eventhub.start",
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, NOWHERE,
        "The same for single partitions, by their id."},
    [HD_KEY_EVENTHUB_CONNECTIONS] = {"eventhub.connections", HD_TYPE_INTEGER, "1", NULL,
        1, 64, NULL, HD_RELOAD_RECONNECT, NULL, NULL, CONF(connections),
        "AMQP connections that the partitions are spread over."},
    [HD_KEY_EVENTHUB_CA_FILE] = {"eventhub.ca_file", HD_TYPE_PATH, NULL, "the system's certificates",
        0, 0, NULL, HD_RELOAD_RECONNECT, NULL, NULL, CONF(eventhub_ca_file),
        "PEM file with the certificate authorities to trust, for a private one."},
    [HD_KEY_EVENTHUB_CLIENT_ID] = {"eventhub.client_id", HD_TYPE_STRING, NULL, "hubdrain-HOST",
        0, 0, NULL, HD_RELOAD_RECONNECT, NULL, NULL, CONF(client_id),
        "What this instance calls itself at the hub. Stable, and different from other instances."},
    [HD_KEY_EVENTHUB_CONNECT_TIMEOUT] = {"eventhub.connect_timeout", HD_TYPE_DURATION, "30s", NULL,
        SECOND, 10 * MINUTE, NULL, HD_RELOAD_RECONNECT, NULL, NULL, CONF(connect_timeout_ms),
        "How long a connection may take until it is open."},
    [HD_KEY_EVENTHUB_TOKEN_LIFETIME] = {"eventhub.token_lifetime", HD_TYPE_DURATION, "1h", NULL,
        MINUTE, DAY, NULL, HD_RELOAD_RECONNECT, NULL, NULL, CONF(token_lifetime_ms),
        "Lifetime of the tokens made from the key; each is renewed well before its end."},
    [HD_KEY_EVENTHUB_BACKOFF_MIN] = {"eventhub.backoff_min", HD_TYPE_DURATION, "1s", NULL,
        10, 10 * MINUTE, NULL, HD_RELOAD_RECONNECT, NULL, NULL, CONF(backoff_min_ms),
        "First wait before connecting again; it doubles, with jitter."},
    [HD_KEY_EVENTHUB_BACKOFF_MAX] = {"eventhub.backoff_max", HD_TYPE_DURATION, "1m", NULL,
        100, HOUR, NULL, HD_RELOAD_RECONNECT, NULL, NULL, CONF(backoff_max_ms),
        "Longest wait before connecting again."},

    [HD_KEY_CHECKPOINT_STORE] = {"checkpoint.store", HD_TYPE_ENUM, NULL,
        "blob with a storage connection string, else file",
        0, 0, store_words, HD_RELOAD_RESTART, NULL, NULL, CONF(store.kind),
        "Kind of store: blob (as Microsoft's SDKs write it), file (a directory), memory (lost at the end)."},
    [HD_KEY_CHECKPOINT_CONNECTION_STRING] = {"checkpoint.connection_string", HD_TYPE_SECRET, NULL, "none",
        0, 0, NULL, HD_RELOAD_RESTART, "HUBDRAIN_STORAGE_CONNECTION_STRING", NULL, CONF(store.connection_string),
        "Connection string of the storage account, with its key or with a shared access signature."},
    [HD_KEY_CHECKPOINT_CONTAINER] = {"checkpoint.container", HD_TYPE_STRING, "hubdrain", NULL,
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(store.container),
        "Blob container. Several hubs and groups may share one: their names are part of the blobs' names."},
    [HD_KEY_CHECKPOINT_CREATE_CONTAINER] = {"checkpoint.create_container", HD_TYPE_BOOL, "true", NULL,
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(store.create_container),
        "Create the container if it is missing."},
    [HD_KEY_CHECKPOINT_CA_FILE] = {"checkpoint.ca_file", HD_TYPE_PATH, NULL, "the system's certificates",
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(store.ca_file),
        "PEM file with the certificate authorities to trust for the storage account."},
    [HD_KEY_CHECKPOINT_TIMEOUT] = {"checkpoint.timeout", HD_TYPE_DURATION, "30s", NULL,
        SECOND, 10 * MINUTE, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(store.timeout_ms),
        "How long one request to the storage account may take."},
    [HD_KEY_CHECKPOINT_DIRECTORY] = {"checkpoint.directory", HD_TYPE_PATH, NULL, "checkpoints in the state directory",
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(store.directory),
        "Directory of the file store."},
    [HD_KEY_CHECKPOINT_INTERVAL] = {"checkpoint.interval", HD_TYPE_DURATION, "30s", NULL,
        100, HOUR, NULL, HD_RELOAD_LIVE, NULL, NULL, CONF(checkpoint_interval_ms),
        "How often what moved is written. After a crash at most this much is delivered again."},
    [HD_KEY_CHECKPOINT_EVENTS] = {"checkpoint.events", HD_TYPE_INTEGER, "0", NULL,
        0, 1000000000000ull, NULL, HD_RELOAD_LIVE, NULL, NULL, CONF(checkpoint_events),
        "Write also after this many events, of all partitions together; 0 means by time alone."},
    [HD_KEY_CHECKPOINT_ON_INVALID] = {"checkpoint.on_invalid_checkpoint", HD_TYPE_ENUM, "fail", NULL,
        0, 0, invalid_words, HD_RELOAD_RESTART, NULL, NULL, CONF(on_invalid_checkpoint),
        "When a checkpoint cannot be read or is not in the hub (made anew, or expired): stop, or begin at one end."},

    [HD_KEY_MEMORY_LIMIT] = {"memory.limit", HD_TYPE_SIZE, "128MiB", NULL,
        8 * MIB, 1024 * GIB, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(memory_limit_bytes),
        "Bytes in flight over all partitions; the hub is asked for no more than fits."},

    [HD_KEY_PIPELINE_WORKERS] = {"pipeline.workers", HD_TYPE_INTEGER, NULL, "cores - 1, at least 1",
        1, 256, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(workers),
        "Threads that decode and normalise."},
    [HD_KEY_PIPELINE_BATCH_BYTES] = {"pipeline.batch_bytes", HD_TYPE_SIZE, "256KiB", NULL,
        4 * KIB, GIB, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(batch_bytes),
        "A batch is closed at this size,"},
    [HD_KEY_PIPELINE_BATCH_MESSAGES] = {"pipeline.batch_messages", HD_TYPE_INTEGER, "1024", NULL,
        1, 1000000, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(batch_messages),
        "at this many messages,"},
    [HD_KEY_PIPELINE_BATCH_AGE] = {"pipeline.batch_age", HD_TYPE_DURATION, "200ms", NULL,
        1, MINUTE, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(batch_age_ms),
        "or this long after its first message."},
    [HD_KEY_PIPELINE_SHUTDOWN_TIMEOUT] = {"pipeline.shutdown_timeout", HD_TYPE_DURATION, "25s", NULL,
        SECOND, HOUR, NULL, HD_RELOAD_LIVE, NULL, NULL, CONF(shutdown_timeout_ms),
        "How long the end may take: deliver what is in flight, write checkpoints."},

    /* A batch places bytes by 32 bits, and text may be six times as long as what it was made of. */
    [HD_KEY_LIMITS_MESSAGE_SIZE] = {"limits.message_size", HD_TYPE_SIZE, "20MiB", NULL,
        64 * KIB, 512 * MIB, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(max_message_bytes),
        "An AMQP message. Event Hubs' own limit is 1 MB, or 20 MB where that was asked for."},
    [HD_KEY_LIMITS_BODY_SIZE] = {"limits.body_size", HD_TYPE_SIZE, "32MiB", NULL,
        64 * KIB, 512 * MIB, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(limits.max_body_bytes),
        "A message's body after decompression."},
    [HD_KEY_LIMITS_RECORD_SIZE] = {"limits.record_size", HD_TYPE_SIZE, "1MiB", NULL,
        16 * KIB, 64 * MIB, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(limits.max_record_bytes),
        "One record of a body."},
    [HD_KEY_LIMITS_DEPTH] = {"limits.depth", HD_TYPE_INTEGER, "64", NULL,
        8, 1024, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(limits.max_depth),
        "Nesting of JSON and XML."},
    [HD_KEY_LIMITS_FIELDS] = {"limits.fields", HD_TYPE_INTEGER, "4096", NULL,
        64, 1000000, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(limits.max_fields),
        "Fields of one record."},

    [HD_KEY_NORMALISE_SCHEMA] = {"normalise.schema", HD_TYPE_ENUM, "ecs", NULL,
        0, 0, schema_words, HD_RELOAD_RESTART, NULL, NULL, CONF(schema),
        "Names and shapes of the fields: ecs, the Elastic Common Schema."},
    [HD_KEY_NORMALISE_KEEP_ORIGINAL] = {"normalise.keep_original", HD_TYPE_BOOL, "false", NULL,
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(normalise.keep_original),
        "Keep the event as it came, in event.original. Roughly doubles its size."},
    [HD_KEY_NORMALISE_KEEP_MESSAGE] = {"normalise.keep_message", HD_TYPE_BOOL, "false", NULL,
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(normalise.keep_message),
        "Keep the text that the host rendered, in message. It repeats the event's data in the host's language."},
    [HD_KEY_NORMALISE_DATASET] = {"normalise.dataset", HD_TYPE_STRING, NULL, "from the event's channel",
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, FULL(dataset),
        "What event.dataset says, for all events."},

    [HD_KEY_OUTPUT_TYPE] = {"outputs.*.type", HD_TYPE_WORD, NULL, "required",
        0, 0, output_words, HD_RELOAD_RESTART, NULL, NULL, OUT(kind),
        "Kind of output: file, or stdout (one JSON object a line)."},
    [HD_KEY_OUTPUT_PATH] = {"outputs.*.path", HD_TYPE_PATH, NULL, "required",
        0, 0, NULL, HD_RELOAD_RESTART, NULL, "file", OUT(file.path),
        "File to append to."},
    [HD_KEY_OUTPUT_ROTATE_SIZE] = {"outputs.*.rotate.size", HD_TYPE_SIZE, "0", "never",
        0, 1024 * GIB, NULL, HD_RELOAD_RESTART, NULL, "file", OUT(file.rotate_bytes),
        "Begin a new file at this size; 0 means never."},
    [HD_KEY_OUTPUT_ROTATE_INTERVAL] = {"outputs.*.rotate.interval", HD_TYPE_DURATION, "0", "never",
        0, 366 * DAY, NULL, HD_RELOAD_RESTART, NULL, "file", OUT(file.rotate_interval_ms),
        "Begin a new file at multiples of this since midnight UTC; 0 means never."},
    [HD_KEY_OUTPUT_FSYNC] = {"outputs.*.fsync", HD_TYPE_ENUM, "batch", NULL,
        0, 0, fsync_words, HD_RELOAD_RESTART, NULL, "file", OUT(file.fsync),
        "When data is forced to the disk: with every batch, in an interval, or never (the system decides; a power "
        "cut then loses events that are checkpointed)."},
    [HD_KEY_OUTPUT_FSYNC_INTERVAL] = {"outputs.*.fsync_interval", HD_TYPE_DURATION, "1s", NULL,
        10, HOUR, NULL, HD_RELOAD_RESTART, NULL, "file", OUT(file.fsync_interval_ms),
        "The interval, for fsync: interval."},

    [HD_KEY_DEAD_LETTER_PATH] = {"dead_letter.path", HD_TYPE_PATH, NULL, "dead-letters.ndjson in the state directory",
        0, 0, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(deadletter.path),
        "File of the dead letters, one JSON object a line."},
    [HD_KEY_DEAD_LETTER_ROTATE_SIZE] = {"dead_letter.rotate.size", HD_TYPE_SIZE, "64MiB", NULL,
        64 * KIB, 1024 * GIB, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(deadletter.rotate_bytes),
        "Begin a new file at this size."},
    [HD_KEY_DEAD_LETTER_MAX_SIZE] = {"dead_letter.max_size", HD_TYPE_SIZE, "1GiB", NULL,
        64 * KIB, 1024 * GIB, NULL, HD_RELOAD_RESTART, NULL, NULL, CONF(deadletter.max_bytes),
        "All its files together. When they are full, hubdrain waits until someone makes room; it never throws one away."},

    [HD_KEY_LOG_LEVEL] = {"log.level", HD_TYPE_ENUM, "info", NULL,
        0, 0, level_words, HD_RELOAD_LIVE, NULL, NULL, CONF(log_level),
        "From which level on."},
    [HD_KEY_LOG_FORMAT] = {"log.format", HD_TYPE_ENUM, "auto", NULL,
        0, 0, format_words, HD_RELOAD_LIVE, NULL, NULL, CONF(log_format),
        "auto is text on a terminal, journal under systemd, and json elsewhere."},
};
// clang-format on

const char *config_type_name(enum hd_type type)
{
    switch (type) {
    case HD_TYPE_STRING:
        return "string";
    case HD_TYPE_PATH:
        return "path";
    case HD_TYPE_SECRET:
        return "secret";
    case HD_TYPE_BOOL:
        return "true or false";
    case HD_TYPE_INTEGER:
        return "number";
    case HD_TYPE_DURATION:
        return "duration";
    case HD_TYPE_SIZE:
        return "size";
    case HD_TYPE_ENUM:
    case HD_TYPE_WORD:
        return "one of";
    case HD_TYPE_START:
        return "start position";
    }
    return "";
}

const char *config_reload_name(enum hd_reload reload)
{
    switch (reload) {
    case HD_RELOAD_LIVE:
        return "live";
    case HD_RELOAD_RECONNECT:
        return "reconnect";
    case HD_RELOAD_RESTART:
        return "restart";
    }
    return "";
}

int config_schema_is_output(const struct hd_schema_row *row)
{
    return strncmp(row->path, "outputs.", 8) == 0;
}
