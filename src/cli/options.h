/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: the command line of every sub-command is a table, from which parsing and --help follow.
 *
 *     --name VALUE, --name=VALUE, -n VALUE, -nVALUE; options and operands in any order; "--" ends
 *     the options; "-" alone is an operand. --help and --version are everywhere.
 *
 * Owner: the tables are static; values point into argv. Threads: the main one.
 */
#ifndef HD_CLI_OPTIONS_H
#define HD_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "hubdrain/cli.h"
#include "hubdrain/config.h"

enum cli_option_kind {
    CLI_FLAG, /* bool */
    CLI_TEXT, /* const char * */
    CLI_SET,  /* an override of struct cli_common; `key` NULL: the value is KEY=VALUE */
};

struct cli_option {
    const char *name;
    char letter; /* 0: none */
    enum cli_option_kind kind;
    const char *value; /* its name in --help: "FILE" */
    const char *help;
    size_t offset;            /* in the command's values */
    const char *key;          /* CLI_SET */
    const char *const *words; /* CLI_TEXT: the values there are, NULL-terminated; NULL: any */
};

struct cli_command {
    const char *name, *alias; /* alias NULL: none */
    int (*run)(int argc, char **argv);
    const char *operands; /* "[FILE...]"; NULL: takes none */
    const char *summary;  /* one line */
    const char *text;     /* paragraphs behind the options; NULL: none */
    const struct cli_option *options;
    size_t n_options;
};

/* The values of every command that reads the configuration begin with this. */
#define CLI_SETS_MAX 64
struct cli_common {
    const char *config_path;
    struct hd_config_override sets[CLI_SETS_MAX];
    size_t n_sets;
};

// clang-format off
#define CLI_COMMON_OPTIONS                                                                         \
    {"config", 'c', CLI_TEXT, "FILE", "configuration; by default /etc/hubdrain/hubdrain.yaml where " \
     "that exists", offsetof(struct cli_common, config_path), NULL, NULL},                          \
    {"set", 0, CLI_SET, "KEY=VALUE", "set one key, over file and environment; may be repeated",     \
     0, NULL, NULL},                                                                                \
    {"log-level", 0, CLI_SET, "LEVEL", "error, warning, notice, info, debug or trace",              \
     0, "log.level", NULL},                                                                         \
    {"log-format", 0, CLI_SET, "FORMAT", "auto, text, journal, logfmt or json",                     \
     0, "log.format", NULL}
// clang-format on

extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;
const struct cli_command *cli_command_find(const char *name);

#define CLI_GO_ON (-1)

/* Fills *values. CLI_GO_ON, or the exit code (help was asked for, or the usage is wrong, which has
 * been said). The operands are moved to argv[1..*ret_operands]. */
int cli_parse(const struct cli_command *command, int argc, char **argv, void *values,
              int *ret_operands);

/* Texts on standard output; an exit code. */
int cli_help(const struct cli_command *command); /* NULL: of the program */
int cli_version(void);
int cli_flush(void); /* HD_EXIT_OK, or HD_EXIT_IO when standard output did not take everything */

/* For a person: "hubdrain: text", on standard error. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- configuration ---- */

/* Where --config points, or the usual place where it exists; NULL: neither. */
const char *cli_config_path(const struct cli_common *common);
void cli_config_source(const struct cli_common *common, struct hd_config_source *ret);

/* "file:line:column: warning: text" in one line of standard error; context is unused. */
hd_config_report_fn cli_print_report;

/* Loads, telling mistakes and warnings on standard error. HD_EXIT_OK, CONFIG or OS. */
int cli_load_config(const struct cli_common *common, struct hd_config **ret);

/* The same for the daemon: initialises the log, and warnings of a good configuration go there. */
int cli_load_and_log(const struct cli_common *common, struct hd_config **ret);

/* run.c: the daemon; an exit code. The log is initialised. */
int cli_run_daemon(const struct hd_config *config);
void cli_run_hold_signals(void); /* first thing */

#endif
