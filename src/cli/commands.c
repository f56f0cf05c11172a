/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: the commands that take no options of their own or only the common ones, and the table of
 * all. A command with options keeps their table beside its code. Texts stay below 80 columns. */
#include <stdio.h>

#include "commands.h"

static const struct cli_option common_options[] = {CLI_COMMON_OPTIONS};

static const char run_text[] =
    "SIGTERM and SIGINT deliver what is there, write the checkpoints and end with\n"
    "status 0; a second one does not wait for the outputs. SIGHUP opens files again,\n"
    "SIGUSR1 logs where things stand.\n\n"
    "Values: defaults, then the file, then the environment (log.level is also\n"
    "HUBDRAIN__LOG__LEVEL), then --set. Needed is only the hub's connection string,\n"
    "in HUBDRAIN_EVENTHUB_CONNECTION_STRING; with HUBDRAIN_STORAGE_CONNECTION_STRING\n"
    "checkpoints go to blobs, without it to files in the state directory.\n\n"
    "Examples:\n"
    "  hubdrain run\n"
    "  hubdrain run -c hubdrain.yaml --log-level debug\n"
    "  hubdrain run --set eventhub.start=latest --set memory.limit=64MiB\n";

const struct cli_command cli_commands[] = {
    {"run", NULL, hd_cli_run, NULL, "drain the event hub until told to stop", run_text,
     common_options, sizeof(common_options) / sizeof(common_options[0])},
    {"check", "validate", hd_cli_check, NULL,
     "check the configuration; print every mistake with its place", cli_check_text,
     cli_check_options, CLI_CHECK_OPTIONS},
    {"normalise", "normalize", hd_cli_normalise, "[FILE...]",
     "turn message bodies into events: a filter from input to output", cli_normalise_text,
     cli_normalise_options, CLI_NORMALISE_OPTIONS},
    {"schema", NULL, hd_cli_schema, NULL,
     "print all keys of the configuration, for editors and documents", cli_schema_text,
     cli_schema_options, CLI_SCHEMA_OPTIONS},
    {"version", NULL, hd_cli_version, NULL, "print the version and those of the libraries", NULL,
     NULL, 0},
    {"help", NULL, hd_cli_help, "[COMMAND]", "explain a command", NULL, NULL, 0},
};
const size_t cli_n_commands = sizeof(cli_commands) / sizeof(cli_commands[0]);

int hd_cli_run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct hd_config *config = NULL;
    int operands = 0;

    cli_run_hold_signals();
    int code = cli_parse(cli_command_find("run"), argc, argv, &common, &operands);
    if (code != CLI_GO_ON) {
        return code;
    }
    code = cli_load_and_log(&common, &config);
    if (code != HD_EXIT_OK) {
        return code;
    }
    code = cli_run_daemon(config);
    hd_config_free(config);
    return code;
}
