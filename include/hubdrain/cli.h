/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. Exit codes are those of sysexits(3); see hubdrain --help. */
#ifndef HUBDRAIN_CLI_H
#define HUBDRAIN_CLI_H

int hd_cli_main(int argc, char **argv);

/* One file per sub-command in src/cli/; argv[0] is the sub-command. */
int hd_cli_run(int argc, char **argv);
int hd_cli_check(int argc, char **argv);
int hd_cli_normalise(int argc, char **argv);
int hd_cli_version(int argc, char **argv);

enum {
    HD_EXIT_OK = 0,
    HD_EXIT_USAGE = 64,
    HD_EXIT_DATA = 65,
    HD_EXIT_NO_INPUT = 66,
    HD_EXIT_UNAVAILABLE = 69,
    HD_EXIT_INTERNAL = 70,
    HD_EXIT_OS = 71,
    HD_EXIT_CANNOT_CREATE = 73,
    HD_EXIT_IO = 74,
    HD_EXIT_TEMPORARY = 75,
    HD_EXIT_PERMISSION = 77,
    HD_EXIT_CONFIG = 78,
};

#endif
