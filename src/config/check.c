/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: what no single value shows: keys that contradict each other, strings that are not what
 * they should be, numbers that do not fit together. Each function is one such rule. A rule whose
 * values were already reported as unusable keeps quiet, so that one mistake is told once.
 *
 * Messages say what is wrong, where, and what to do; they are placed at the value that is easier to
 * change.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "full.h"
#include "hubdrain/clock.h"
#include "hubdrain/storage.h"
#include "value.h"

#define PATH(key)    (config_schema_rows[key].path)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct hd_where *where(const struct hd_draft *draft, enum hd_key key)
{
    return draft->given[key] ? &draft->given[key]->where : NULL;
}

static bool any_bad(const struct hd_draft *draft, enum hd_key a, enum hd_key b)
{
    return draft->bad[a] || draft->bad[b];
}

static void check_hub_name(struct hd_draft *draft)
{
    const char *name = draft->full->hub_name;
    char quoted[HD_QUOTE_SIZE];

    if (!name || draft->bad[HD_KEY_EVENTHUB_NAME]) {
        return;
    }
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (name[good] || strlen(name) > 256) {
        config_report_mistake(
            &draft->report, where(draft, HD_KEY_EVENTHUB_NAME),
            "%s: %s is no event hub's name: at most 256 letters, digits, '.', '-' "
            "and '_'",
            PATH(HD_KEY_EVENTHUB_NAME), config_quote(name, quoted));
        draft->bad[HD_KEY_EVENTHUB_NAME] = true;
    }
}

/* The string and the name are parsed together first; which of them is to blame then comes from
 * parsing the string alone. */
static void check_connection_string(struct hd_draft *draft)
{
    const enum hd_key key = HD_KEY_EVENTHUB_CONNECTION_STRING, name_key = HD_KEY_EVENTHUB_NAME;
    struct hd_eventhub_address *address = &draft->full->config.address;
    const char *string = draft->full->connection_string, *name = draft->full->hub_name;
    struct hd_eventhub_address alone;
    struct hd_diag diag = {0};
    char one[HD_QUOTE_SIZE], two[HD_QUOTE_SIZE];

    if (any_bad(draft, key, name_key)) {
        return;
    }
    if (!string) {
        config_report_mistake(&draft->report, where(draft, key),
                              "%s: missing; set it, or the environment variable %s", PATH(key),
                              config_schema_rows[key].environment);
        return;
    }
    if (hd_eventhub_address_parse(string, name, address, &diag) == 0) {
        draft->full->config.store.namespace_name = address->host;
        draft->full->config.store.hub = address->hub;
        return;
    }
    if (name && hd_eventhub_address_parse(string, NULL, &alone, NULL) == 0) {
        config_report_mistake(
            &draft->report, where(draft, name_key),
            "%s is %s, but the connection string's EntityPath is %s; remove one of "
            "them",
            PATH(name_key), config_quote(name, one), config_quote(alone.hub, two));
    } else if (!name && hd_eventhub_address_parse(string, "any", &alone, NULL) == 0) {
        config_report_mistake(
            &draft->report, where(draft, key),
            "%s: the connection string is a namespace's (no EntityPath); name the "
            "event hub in %s",
            PATH(key), PATH(name_key));
    } else {
        config_report_mistake(&draft->report, where(draft, key), "%s: %s", PATH(key), diag.text);
    }
    explicit_bzero(&alone, sizeof(alone));
    draft->bad[key] = true;
}

static void check_file(struct hd_draft *draft, enum hd_key key, const char *path)
{
    char shown[HD_PATH_SIZE];

    if (!path || draft->bad[key]) {
        return;
    }
    if (access(path, R_OK) != 0) {
        config_report_mistake(&draft->report, where(draft, key), "%s: cannot read %s: %s",
                              PATH(key), config_show_path(path, shown), strerror(errno));
    }
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "localhost", 9) == 0 || strncmp(host, "::1", 3) == 0 ||
           strncmp(host, "[::1]", 5) == 0 || strncmp(host, "127.", 4) == 0;
}

static void check_tls(struct hd_draft *draft)
{
    const struct hd_config *config = &draft->full->config;

    check_file(draft, HD_KEY_EVENTHUB_CA_FILE, config->eventhub_ca_file);
    check_file(draft, HD_KEY_CHECKPOINT_CA_FILE, config->store.ca_file);
    if (config->eventhub_ca_file && *config->address.host && !config->address.tls) {
        config_report_mistake(
            &draft->report, where(draft, HD_KEY_EVENTHUB_CA_FILE),
            "%s has no effect: the connection string %s, and that is without TLS; "
            "remove one of them",
            PATH(HD_KEY_EVENTHUB_CA_FILE),
            config->address.emulator ? "has UseDevelopmentEmulator=true" : "begins with amqp://");
    } else if (*config->address.host && !config->address.tls &&
               !is_loopback(config->address.host)) {
        config_report_warning(&draft->report, where(draft, HD_KEY_EVENTHUB_CONNECTION_STRING),
                              "%s: no TLS to %s: events and tokens travel in the clear",
                              PATH(HD_KEY_EVENTHUB_CONNECTION_STRING), config->address.host);
    }
}

static void check_group(struct hd_draft *draft)
{
    const enum hd_key key = HD_KEY_EVENTHUB_CONSUMER_GROUP;
    const char *group = draft->full->config.consumer_group;
    char quoted[HD_QUOTE_SIZE];

    if (strlen(group) > 50 || strpbrk(group, "/?# \t\\")) {
        config_report_mistake(
            &draft->report, where(draft, key),
            "%s: %s is no consumer group's name: at most 50 characters, no blanks, "
            "no / \\ ? #",
            PATH(key), config_quote(group, quoted));
    }
}

/* It becomes the container-id and the receiver's name. */
static void check_client_id(struct hd_draft *draft)
{
    const enum hd_key key = HD_KEY_EVENTHUB_CLIENT_ID;
    const char *id = draft->full->config.client_id;
    char quoted[HD_QUOTE_SIZE];
    size_t n = 0;

    while (id[n] > ' ' && id[n] < 0x7F) {
        n++;
    }
    if (id[n] || n > 128) {
        config_report_mistake(&draft->report, where(draft, key),
                              "%s: %s: at most 128 characters of ASCII, no blanks", PATH(key),
                              config_quote(id, quoted));
    }
}

static void check_backoff(struct hd_draft *draft)
{
    const enum hd_key min = HD_KEY_EVENTHUB_BACKOFF_MIN, max = HD_KEY_EVENTHUB_BACKOFF_MAX;
    const struct hd_config *config = &draft->full->config;
    char a[HD_CONFIG_TEXT_SIZE], b[HD_CONFIG_TEXT_SIZE];

    if (!any_bad(draft, min, max) && config->backoff_min_ms > config->backoff_max_ms) {
        config_report_mistake(&draft->report, where(draft, draft->given[min] ? min : max),
                              "%s (%s) is longer than %s (%s)", PATH(min),
                              hd_config_format_duration(config->backoff_min_ms, a), PATH(max),
                              hd_config_format_duration(config->backoff_max_ms, b));
    }
}

static void check_starts(struct hd_draft *draft)
{
    const struct hd_start *start = &draft->full->start;
    char text[HD_TIME_TEXT_SIZE];

    if (start->kind == HD_START_TIME && start->enqueued_ms > hd_clock_realtime_ms()) {
        hd_clock_format_ms(start->enqueued_ms, text);
        config_report_warning(&draft->report, where(draft, HD_KEY_EVENTHUB_START),
                              "%s: %s lies in the future; nothing is read until then",
                              PATH(HD_KEY_EVENTHUB_START), text);
    }
}

/* With the store's own parser, so that nothing passes here that it refuses later. */
static void check_storage_string(struct hd_draft *draft)
{
    const enum hd_key key = HD_KEY_CHECKPOINT_CONNECTION_STRING;
    struct hd_storage_account account;
    struct hd_diag diag = {0};

    int r = hd_storage_account_parse(draft->full->config.store.connection_string, &account, &diag);
    if (r == -ENOMEM) {
        draft->report.no_memory = true;
    } else if (r < 0) {
        config_report_mistake(&draft->report, where(draft, key), "%s: %s", PATH(key), diag.text);
    } else if (strncmp(account.endpoint, "http://", 7) == 0 && !is_loopback(account.endpoint + 7)) {
        config_report_warning(&draft->report, where(draft, key),
                              "%s: no TLS to %s: checkpoints travel in the clear", PATH(key),
                              account.endpoint);
    }
    hd_storage_account_wipe(&account);
}

/* Azure: 3 to 63 lower-case letters, digits and single hyphens, no hyphen at either end. */
static bool good_container(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len >= 3 && len <= 63 && !name[len] && name[0] != '-' && name[len - 1] != '-' &&
           !strstr(name, "--");
}

static void check_blob(struct hd_draft *draft)
{
    const enum hd_key string = HD_KEY_CHECKPOINT_CONNECTION_STRING;
    const struct hd_store_options *store = &draft->full->config.store;
    char quoted[HD_QUOTE_SIZE];

    if (draft->bad[HD_KEY_CHECKPOINT_STORE]) {
        return;
    }
    if (store->kind != HD_STORE_BLOB) {
        if (store->connection_string && draft->given[string]->where.rank != HD_RANK_ENVIRONMENT) {
            config_report_warning(&draft->report, where(draft, string),
                                  "%s is not used: %s is not blob", PATH(string),
                                  PATH(HD_KEY_CHECKPOINT_STORE));
        }
        return;
    }
    if (!draft->bad[string]) {
        if (store->connection_string) {
            check_storage_string(draft);
        } else {
            config_report_mistake(&draft->report, where(draft, HD_KEY_CHECKPOINT_STORE),
                                  "%s: blob needs %s, or the environment variable %s",
                                  PATH(HD_KEY_CHECKPOINT_STORE), PATH(string),
                                  config_schema_rows[string].environment);
        }
    }
    if (!good_container(store->container)) {
        config_report_mistake(
            &draft->report, where(draft, HD_KEY_CHECKPOINT_CONTAINER),
            "%s: %s is no container's name: 3 to 63 small letters, digits and single "
            "hyphens",
            PATH(HD_KEY_CHECKPOINT_CONTAINER), config_quote(store->container, quoted));
    }
}

static void check_store(struct hd_draft *draft)
{
    const struct hd_store_options *store = &draft->full->config.store;
    char shown[HD_PATH_SIZE];
    struct stat status;

    check_blob(draft);
    if (draft->bad[HD_KEY_CHECKPOINT_STORE]) {
        return;
    }
    if (store->kind == HD_STORE_MEMORY) {
        config_report_warning(
            &draft->report, where(draft, HD_KEY_CHECKPOINT_STORE),
            "%s: memory forgets at the end of the process; everything is read again "
            "after a restart",
            PATH(HD_KEY_CHECKPOINT_STORE));
    }
    if (store->kind == HD_STORE_FILE && stat(store->directory, &status) == 0 &&
        !S_ISDIR(status.st_mode)) {
        config_report_mistake(&draft->report, where(draft, HD_KEY_CHECKPOINT_DIRECTORY),
                              "%s: %s is no directory", PATH(HD_KEY_CHECKPOINT_DIRECTORY),
                              config_show_path(store->directory, shown));
    }
}

/* A size that must not exceed another one. */
static void check_fits(struct hd_draft *draft, enum hd_key key, uint64_t bytes, enum hd_key in_key,
                       uint64_t in_bytes, const char *part)
{
    char a[HD_CONFIG_TEXT_SIZE], b[HD_CONFIG_TEXT_SIZE];

    if (!any_bad(draft, key, in_key) && bytes > in_bytes) {
        config_report_mistake(&draft->report, where(draft, draft->given[key] ? key : in_key),
                              "%s (%s) is larger than %s%s (%s); lower it, or raise %s", PATH(key),
                              hd_config_format_size(bytes, a), part, PATH(in_key),
                              hd_config_format_size(in_bytes, b), PATH(in_key));
    }
}

static void check_sizes(struct hd_draft *draft)
{
    const struct hd_config *config = &draft->full->config;
    uint64_t limit = config->memory_limit_bytes;

    check_fits(draft, HD_KEY_LIMITS_MESSAGE_SIZE, config->max_message_bytes, HD_KEY_MEMORY_LIMIT,
               limit, "");
    check_fits(draft, HD_KEY_LIMITS_BODY_SIZE, config->limits.max_body_bytes, HD_KEY_MEMORY_LIMIT,
               limit, "");
    check_fits(draft, HD_KEY_LIMITS_RECORD_SIZE, config->limits.max_record_bytes,
               HD_KEY_LIMITS_BODY_SIZE, config->limits.max_body_bytes, "");
    check_fits(draft, HD_KEY_PIPELINE_BATCH_BYTES, config->batch_bytes, HD_KEY_MEMORY_LIMIT,
               limit / 4, "a quarter of ");
    check_fits(draft, HD_KEY_DEAD_LETTER_ROTATE_SIZE, config->deadletter.rotate_bytes,
               HD_KEY_DEAD_LETTER_MAX_SIZE, config->deadletter.max_bytes, "");
}

int config_check(struct hd_draft *draft)
{
    static void (*const rules[])(struct hd_draft * draft) = {
        check_hub_name,  check_connection_string, check_tls,    check_group,
        check_client_id, check_backoff,           check_starts, check_store,
        check_sizes,
    };

    for (size_t i = 0; i < COUNT(rules); i++) {
        rules[i](draft);
    }
    return config_check_outputs(draft);
}
