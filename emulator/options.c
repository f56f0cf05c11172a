/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: one table of options; each row has its help and a function that takes the value.
 * --partitions and --consumer-group belong to the --hub before them; before any --hub they make
 * the hub "hub".
 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "faults-help.h"

#define PARTITIONS_MAX 1024

struct option {
    const char *name, *value, *help;
    int (*take)(struct emu_options *options, const char *value, struct hd_diag *diag);
};

/* ---- hubs ---- */

bool emu_name_is_valid(const char *name, size_t max)
{
    size_t len = 0;
    while (isalnum((unsigned char)name[len]) ||
           (len > 0 && name[len] != 0 && strchr(".-_", name[len]) != NULL)) {
        len++;
    }
    return name[len] == 0 && len >= 1 && len <= max;
}

int emu_options_add_hub(struct emu_options *options, struct hd_slice name,
                        struct emu_hub_option **ret)
{
    struct emu_hub_option *hub = calloc(1, sizeof(*hub));
    if (hub == NULL) {
        return -ENOMEM;
    }
    struct emu_hub_option **end = &options->hubs;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = hub;
    hub->partitions = 1;
    hub->name = strndup(name.data, name.len);
    *ret = hub;
    return hub->name != NULL ? 0 : -ENOMEM;
}

int emu_hub_option_add_group(struct emu_hub_option *hub, struct hd_slice name)
{
    struct emu_group_option *group = calloc(1, sizeof(*group));
    if (group == NULL) {
        return -ENOMEM;
    }
    group->next = hub->groups;
    hub->groups = group;
    group->name = strndup(name.data, name.len);
    return group->name != NULL ? 0 : -ENOMEM;
}

static struct emu_hub_option *last_hub(struct emu_options *options)
{
    struct emu_hub_option *hub = options->hubs;
    if (hub == NULL && emu_options_add_hub(options, hd_slice_cstr("hub"), &hub) != 0) {
        return NULL;
    }
    while (hub->next != NULL) {
        hub = hub->next;
    }
    return hub;
}

/* ---- values ---- */

static int take_size(const char *text, uint64_t *ret)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"KiB", 1ull << 10},
                 {"MiB", 1ull << 20},
                 {"GiB", 1ull << 30},
                 {"kB", 1000},
                 {"KB", 1000},
                 {"MB", 1000000},
                 {"GB", 1000000000},
                 {"K", 1ull << 10},
                 {"M", 1ull << 20},
                 {"G", 1ull << 30}};
    char *end;
    if (!isdigit((unsigned char)text[0])) {
        return -EINVAL;
    }
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (errno == 0 && strcmp(end, units[i].unit) == 0 && n <= UINT64_MAX / units[i].factor) {
            *ret = n * units[i].factor;
            return 0;
        }
    }
    return -EINVAL;
}

static int take_number(const char *option, const char *text, long min, long max, long *ret,
                       struct hd_diag *diag)
{
    char *end;
    errno = 0;
    *ret = strtol(text, &end, 10);
    if (errno != 0 || *text == 0 || *end != 0 || *ret < min || *ret > max) {
        return hd_fail(diag, 2, "%s: a whole number from %ld to %ld is needed, not \"%s\"", option,
                       min, max, text);
    }
    return 0;
}

static int take_listen(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)diag;
    o->listen = strcmp(value, "none") == 0 ? NULL : value;
    return 0;
}

static int take_tls_listen(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)diag;
    o->tls_listen = value;
    return 0;
}

static int take_tls_cert(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)diag;
    o->tls_cert = value;
    return 0;
}

static int take_tls_key(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)diag;
    o->tls_key = value;
    return 0;
}

static int take_admin(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)diag;
    o->admin = value;
    return 0;
}

static int take_hub(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    struct emu_hub_option *hub;
    if (!emu_name_is_valid(value, EMU_HUB_NAME_MAX)) {
        return hd_fail(diag, 2,
                       "--hub: \"%s\" is no name for a hub: 1 to %d letters, digits, '.', '-' and "
                       "'_', first a letter or digit",
                       value, EMU_HUB_NAME_MAX);
    }
    for (hub = o->hubs; hub != NULL; hub = hub->next) {
        if (hd_slice_iis(hd_slice_cstr(value), hub->name)) {
            return hd_fail(diag, 2, "--hub: \"%s\" is there twice", value);
        }
    }
    return emu_options_add_hub(o, hd_slice_cstr(value), &hub) == 0
               ? 0
               : hd_fail(diag, 2, "out of memory");
}

static int take_partitions(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    long n;
    int r = take_number("--partitions", value, 1, PARTITIONS_MAX, &n, diag);
    struct emu_hub_option *hub = last_hub(o);
    if (r == 0 && hub != NULL) {
        hub->partitions = (uint32_t)n;
    }
    return r;
}

static int take_group(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    struct emu_hub_option *hub = last_hub(o);
    if (!hd_slice_iis(hd_slice_cstr(value), "$Default") &&
        !emu_name_is_valid(value, EMU_GROUP_NAME_MAX)) {
        return hd_fail(diag, 2,
                       "--consumer-group: \"%s\" is no name for a consumer group: 1 to %d letters, "
                       "digits, '.', '-' and '_', first a letter or digit",
                       value, EMU_GROUP_NAME_MAX);
    }
    if (hub == NULL || emu_hub_option_add_group(hub, hd_slice_cstr(value)) != 0) {
        return hd_fail(diag, 2, "out of memory");
    }
    return 0;
}

static int take_config(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    o->config = value;
    return emu_config_read(value, o, diag) == 0 ? 0 : 2;
}

static int take_retain(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    return take_size(value, &o->retain_bytes) == 0
               ? 0
               : hd_fail(diag, 2, "--retain-bytes: \"%s\" is no size; write 64MiB or 1GiB", value);
}

static int take_max_message(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    uint64_t n;
    if (take_size(value, &n) != 0 || n < 1024 || n > 20u << 20) {
        return hd_fail(diag, 2, "--max-message-size: a size from 1KiB to 20MiB is needed");
    }
    o->max_message_bytes = (uint32_t)n;
    return 0;
}

static int take_data(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)diag;
    o->data = value;
    return 0;
}

static int take_load(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    if (o->n_loads == EMU_LOADS_MAX) {
        return hd_fail(diag, 2, "--load: at most %d files", EMU_LOADS_MAX);
    }
    struct emu_load_option *load = &o->loads[o->n_loads];
    *load = (struct emu_load_option){value, -1};
    /* FILE:3; a colon without digits behind it belongs to the name */
    char *colon = strrchr(value, ':');
    if (colon != NULL && colon[1] != 0 && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        long n;
        int r = take_number("--load", colon + 1, 0, PARTITIONS_MAX - 1, &n, diag);
        if (r != 0) {
            return r;
        }
        load->partition = (int32_t)n;
        *colon = 0; /* argv is ours */
    }
    o->n_loads++;
    return 0;
}

static int take_rate(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    char *end;
    o->rate = strtod(value, &end);
    return *value != 0 && *end == 0 && o->rate > 0 && o->rate < 1e9
               ? 0
               : hd_fail(diag, 2, "--rate: events a second are needed, not \"%s\"", value);
}

static int take_loop(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)value;
    (void)diag;
    o->loop = true;
    return 0;
}

static int take_batch(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    long n;
    int r = take_number("--batch", value, 1, 100000, &n, diag);
    o->batch = r == 0 ? (uint32_t)n : 0;
    return r;
}

static int take_key(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals[1] == 0 || o->n_keys == EMU_KEYS_MAX) {
        return hd_fail(diag, 2, "--key: NAME=KEY is needed, at most %d times", EMU_KEYS_MAX);
    }
    *equals = 0; /* argv is ours; the process title then shows no key either */
    o->keys[o->n_keys++] = (struct emu_key){value, equals + 1};
    return 0;
}

static int take_ready_file(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)diag;
    o->ready_file = value;
    return 0;
}

static int take_jwt(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)value;
    (void)diag;
    o->accept_jwt = true;
    return 0;
}

static int take_verbose(struct emu_options *o, const char *value, struct hd_diag *diag)
{
    (void)value;
    (void)diag;
    o->verbose = true;
    return 0;
}

// clang-format off
static const struct option table[] = {
    {"--listen",           "ADDR:PORT", "AMQP in the clear (127.0.0.1:5672; port 0: any; none: not)", take_listen},
    {"--tls-listen",       "ADDR:PORT", "AMQP over TLS, with --tls-cert and --tls-key", take_tls_listen},
    {"--tls-cert",         "FILE",      "certificate chain, PEM", take_tls_cert},
    {"--tls-key",          "FILE",      "private key, PEM", take_tls_key},
    {"--admin",            "ADDR:PORT", "HTTP: /health, /state, /faults, /append, /recreate", take_admin},
    {"--hub",              "NAME",      "an event hub; repeatable (default: hub)", take_hub},
    {"--partitions",       "N",         "of the hub before it (default 1)", take_partitions},
    {"--consumer-group",   "G",         "of the hub before it, besides $Default; repeatable", take_group},
    {"--config",           "FILE",      "hubs from the official emulator's Config.json", take_config},
    {"--retain-bytes",     "SIZE",      "all events together; the oldest are dropped (1GiB)", take_retain},
    {"--max-message-size", "SIZE",      "of a message or batch that is sent to a hub, appended or\n"
     "                                loaded; what is larger is refused (1MiB)", take_max_message},
    {"--data",             "DIR",       "keep the events in DIR over a restart", take_data},
    {"--load",             "FILE[:P]",  "append to the first hub, partition P or round robin; *.json and\n"
     "                                *.xml are one message, in other files each line is one;\n"
     "                                a hub that has events already (--data) gets none", take_load},
    {"--rate",             "N",         "load N messages a second (default: all at start)", take_rate},
    {"--loop",             NULL,        "with --rate: start again at the end", take_loop},
    {"--batch",            "N",         "wrap N lines as one {\"records\":[...]} message", take_batch},
    {"--key",              "NAME=KEY",  "accept this key; repeatable\n"
     "                                (default RootManageSharedAccessKey=SAS_KEY_VALUE)", take_key},
    {"--accept-jwt",       NULL,        "take any jwt for a valid token", take_jwt},
    {"--ready-file",       "FILE",      "write the ports as JSON when ready", take_ready_file},
    {"--verbose",          NULL,        "log links and tokens", take_verbose},
};
// clang-format on

#define N_OPTIONS (sizeof(table) / sizeof(table[0]))

static void print_help(void)
{
    printf("Usage: hubdrain-emulator [OPTION]...\n"
           "A local event hub that Azure SDKs work against unmodified.\n\n");
    for (size_t i = 0; i < N_OPTIONS; i++) {
        char left[40];
        snprintf(left, sizeof(left), "%s %s", table[i].name,
                 table[i].value != NULL ? table[i].value : "");
        printf("  %-29s %s\n", left, table[i].help);
    }
    printf("  %-29s %s\n  %-29s %s\n\n", "--help", "this text", "--version", "the version");
    printf("Connection string in the clear:\n"
           "  Endpoint=sb://127.0.0.1:PORT;SharedAccessKeyName=RootManageSharedAccessKey;"
           "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true\n\n");
    fputs(EMU_FAULTS_HELP, stdout);
}

/* 0, 1: asked for help or version, 2 */
static int take_argument(struct emu_options *options, int argc, char **argv, int *at,
                         struct hd_diag *diag)
{
    const char *name = argv[*at];
    size_t len = strcspn(name, "=");
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help();
        return 1;
    }
    if (strcmp(name, "--version") == 0) {
        printf("hubdrain-emulator %s\n", HD_VERSION);
        return 1;
    }
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strlen(table[i].name) != len || strncmp(table[i].name, name, len) != 0) {
            continue;
        }
        const char *value = name[len] == '=' ? name + len + 1 : NULL;
        if (table[i].value == NULL && value != NULL) {
            return hd_fail(diag, 2, "%s takes no value", table[i].name);
        }
        if (table[i].value != NULL && value == NULL) {
            if (*at + 1 >= argc) {
                return hd_fail(diag, 2, "%s needs a value: %s", table[i].name, table[i].value);
            }
            value = argv[++*at];
        }
        return table[i].take(options, value, diag);
    }
    return hd_fail(diag, 2, "unknown option \"%s\"; --help lists them", name);
}

int emu_options_parse(int argc, char **argv, struct emu_options *ret, struct hd_diag *diag)
{
    *ret = (struct emu_options){
        .listen = "127.0.0.1:5672", .retain_bytes = 1ull << 30, .max_message_bytes = 1u << 20};
    for (int i = 1; i < argc; i++) {
        int r = take_argument(ret, argc, argv, &i, diag);
        if (r != 0) {
            return r;
        }
    }
    if (ret->tls_listen != NULL && (ret->tls_cert == NULL || ret->tls_key == NULL)) {
        return hd_fail(diag, 2, "--tls-listen needs --tls-cert and --tls-key");
    }
    if (ret->listen == NULL && ret->tls_listen == NULL) {
        return hd_fail(diag, 2, "nothing to listen on: --listen none without --tls-listen");
    }
    if (ret->n_keys == 0) {
        ret->keys[ret->n_keys++] = (struct emu_key){"RootManageSharedAccessKey", "SAS_KEY_VALUE"};
    }
    return last_hub(ret) != NULL ? 0 : hd_fail(diag, 2, "out of memory");
}

void emu_options_deinit(struct emu_options *options)
{
    while (options->hubs != NULL) {
        struct emu_hub_option *hub = options->hubs;
        options->hubs = hub->next;
        while (hub->groups != NULL) {
            struct emu_group_option *next = hub->groups->next;
            free(hub->groups->name);
            free(hub->groups);
            hub->groups = next;
        }
        free(hub->name);
        free(hub);
    }
}
