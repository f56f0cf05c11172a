/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. What its functions return are exit codes. */
#ifndef HUBDRAIN_CLI_H
#define HUBDRAIN_CLI_H

#include "hubdrain/exit.h"

int hd_cli_main(int argc, char **argv);

/* One file per sub-command in src/cli/; argv[0] is the sub-command. */
int hd_cli_run(int argc, char **argv);
int hd_cli_check(int argc, char **argv);
int hd_cli_normalise(int argc, char **argv);
int hd_cli_schema(int argc, char **argv);
int hd_cli_version(int argc, char **argv);
int hd_cli_help(int argc, char **argv);

#endif
