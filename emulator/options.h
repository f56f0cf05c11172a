/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: the command line and Config.json as plain data.
 * Owner: main. Strings point into argv or are freed by emu_options_deinit.
 */
#ifndef EMULATOR_OPTIONS_H
#define EMULATOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hubdrain/error.h"
#include "hubdrain/slice.h"

struct emu_key {
    const char *name, *key;
};

struct emu_group_option {
    char *name;
    struct emu_group_option *next;
};

struct emu_hub_option {
    char *name;
    uint32_t partitions;
    struct emu_group_option *groups;
    struct emu_hub_option *next;
};

struct emu_load_option {
    const char *file;
    int32_t partition; /* -1: round robin */
};

#define EMU_KEYS_MAX  64
#define EMU_LOADS_MAX 256

struct emu_options {
    const char *listen;     /* NULL: not */
    const char *tls_listen; /* NULL: not */
    const char *tls_cert, *tls_key;
    const char *admin; /* NULL: not */
    const char *config;
    const char *data;
    const char *ready_file;
    struct emu_hub_option *hubs;
    uint64_t retain_bytes;
    struct emu_load_option loads[EMU_LOADS_MAX];
    size_t n_loads;
    double rate; /* events a second; 0: at once, at start */
    bool loop;
    uint32_t batch; /* lines in one {"records":[...]}; 0: one line a message */
    struct emu_key keys[EMU_KEYS_MAX];
    size_t n_keys;
    bool accept_jwt;
    bool verbose;
    uint32_t max_message_bytes;
};

/* 0: run; 1: said what was asked for (help, version), end well; 2: wrong usage, diag says why. */
int emu_options_parse(int argc, char **argv, struct emu_options *ret, struct hd_diag *diag);
void emu_options_deinit(struct emu_options *options);

/* Letters, digits, '.', '-' and '_', first a letter or digit: never a path out of --data. */
#define EMU_HUB_NAME_MAX   256
#define EMU_GROUP_NAME_MAX 50
bool emu_name_is_valid(const char *name, size_t max);

int emu_options_add_hub(struct emu_options *options, struct hd_slice name,
                        struct emu_hub_option **ret);
int emu_hub_option_add_group(struct emu_hub_option *hub, struct hd_slice name);

/* config-json.c: the official emulator's file. EMU_CONFIG_E_INVALID: diag says what. */
#define EMU_CONFIG_E_INVALID 1
int emu_config_parse(struct hd_slice text, struct emu_options *options, struct hd_diag *diag);
int emu_config_read(const char *file, struct emu_options *options, struct hd_diag *diag);

#endif
