/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: how every command finds and loads the configuration, and how it tells what is wrong. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define USUAL_PATH "/etc/hubdrain/hubdrain.yaml"

const char *cli_config_path(const struct cli_common *common)
{
    if (common->config_path) {
        return strcmp(common->config_path, "-") == 0 ? "/dev/stdin" : common->config_path;
    }
    return access(USUAL_PATH, F_OK) == 0 ? USUAL_PATH : NULL;
}

void cli_config_source(const struct cli_common *common, struct hd_config_source *ret)
{
    *ret = (struct hd_config_source){
        .path = cli_config_path(common),
        .overrides = common->sets,
        .n_overrides = common->n_sets,
    };
}

void cli_print_report(void *context, bool warning, const struct hd_diag *diag)
{
    const char *kind = warning ? "warning: " : "";

    (void)context;
    if (diag->line) {
        fprintf(stderr, "%s:%d:%d: %s%s\n", diag->file, diag->line, diag->column, kind, diag->text);
    } else if (*diag->file) {
        fprintf(stderr, "%s: %s%s\n", diag->file, kind, diag->text);
    } else {
        fprintf(stderr, "hubdrain: %s%s\n", kind, diag->text);
    }
}

int cli_load_config(const struct cli_common *common, struct hd_config **ret)
{
    struct hd_config_source source;

    cli_config_source(common, &source);
    int r = hd_config_load(&source, cli_print_report, NULL, ret);
    if (r < 0) {
        cli_error("cannot load the configuration: %s", strerror(-r));
        return HD_EXIT_OS;
    }
    if (r > 0) {
        cli_error("%d mistake%s in the configuration; see above", r, r == 1 ? "" : "s");
        return HD_EXIT_CONFIG;
    }
    return HD_EXIT_OK;
}
