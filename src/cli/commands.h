/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: what the table of commands needs from each command's file. */
#ifndef HD_CLI_COMMANDS_H
#define HD_CLI_COMMANDS_H

#include "options.h"

#define CLI_CHECK_OPTIONS     5
#define CLI_NORMALISE_OPTIONS 6
#define CLI_SCHEMA_OPTIONS    1

extern const struct cli_option cli_check_options[CLI_CHECK_OPTIONS];
extern const struct cli_option cli_normalise_options[CLI_NORMALISE_OPTIONS];
extern const struct cli_option cli_schema_options[CLI_SCHEMA_OPTIONS];
extern const char cli_check_text[], cli_normalise_text[], cli_schema_text[];

#endif
