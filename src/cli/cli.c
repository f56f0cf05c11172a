/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the dispatcher. The table of commands is in commands.c, beside the texts of their help;
 * each command parses its own options, so this file knows nothing of them.
 */
#include <stdio.h>
#include <string.h>

#include "hubdrain/suggest.h"
#include "options.h"

#define COMMANDS_MAX 32

const struct cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (strcmp(command->name, name) == 0 ||
            (command->alias && strcmp(command->alias, name) == 0)) {
            return command;
        }
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS_MAX];
    size_t n = 0;

    for (; n < cli_n_commands && n < COMMANDS_MAX; n++) {
        names[n] = cli_commands[n].name;
    }
    const char *meant = hd_suggest(name, names, n);
    if (*name == '-') {
        cli_error("unknown option %s; the command comes first: hubdrain run %s", name, name);
    } else if (meant) {
        cli_error("there is no command '%s'; did you mean '%s'?", name, meant);
    } else {
        cli_error("there is no command '%s'", name);
    }
    fputs("Try 'hubdrain --help'.\n", stderr);
    return HD_EXIT_USAGE;
}

int hd_cli_help(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return cli_help(NULL);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        return cli_version();
    }
    const struct cli_command *command = cli_command_find(argv[1]);
    return command ? cli_help(command) : unknown_command(argv[1]);
}

int hd_cli_main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("Usage: hubdrain COMMAND [OPTION...]\nTry 'hubdrain --help'.\n", stderr);
        return HD_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return cli_help(NULL);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        return cli_version();
    }
    const struct cli_command *command = cli_command_find(name);
    return command ? command->run(argc - 1, argv + 1) : unknown_command(name);
}
