/* SPDX-License-Identifier: Apache-2.0 */
/* hubdrain schema: every key of the configuration, from the very table that the loader uses. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

struct values {
    const char *format;
};

static const char *const formats[] = {"json", "markdown", "man", NULL};

const struct cli_option cli_schema_options[CLI_SCHEMA_OPTIONS] = {
    {"format", 0, CLI_TEXT, "FORMAT", "json (JSON Schema, the default), markdown or man (scdoc)",
     offsetof(struct values, format), NULL, formats},
};

const char cli_schema_text[] =
    "Editors with a YAML language server check and complete the file when its first\n"
    "line is:\n"
    "  # yaml-language-server: $schema=hubdrain.schema.json\n\n"
    "Example:\n"
    "  hubdrain schema > hubdrain.schema.json\n";

int hd_cli_schema(int argc, char **argv)
{
    struct values values = {.format = formats[0]};
    struct hd_buffer out = {0};
    int operands = 0;

    int code = cli_parse(cli_command_find("schema"), argc, argv, &values, &operands);
    if (code != CLI_GO_ON) {
        return code;
    }
    int r = strcmp(values.format, "json") == 0       ? hd_config_describe_json(&out)
            : strcmp(values.format, "markdown") == 0 ? hd_config_describe_markdown(&out)
                                                     : hd_config_describe_man(&out);
    if (r == 0) {
        fwrite(out.data, 1, out.len, stdout);
    }
    hd_buffer_deinit(&out);
    return r ? HD_EXIT_OS : cli_flush();
}
