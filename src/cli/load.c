/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: how every command finds and loads the configuration, and how it tells what is wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hubdrain/log.h"
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

static int answer(int r)
{
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

int cli_load_config(const struct cli_common *common, struct hd_config **ret)
{
    struct hd_config_source source;

    cli_config_source(common, &source);
    return answer(hd_config_load(&source, cli_print_report, NULL, ret));
}

/* ---- for the daemon ---- */

struct kept_report {
    bool warning;
    struct hd_diag diag;
};

struct kept {
    struct kept_report *reports;
    size_t n, cap;
};

static void keep(void *context, bool warning, const struct hd_diag *diag)
{
    struct kept *kept = context;

    if (kept->n == kept->cap) {
        size_t cap = kept->cap ? 2 * kept->cap : 16;
        struct kept_report *reports = realloc(kept->reports, cap * sizeof(*reports));
        if (!reports) {
            cli_print_report(NULL, warning, diag); /* told early is better than not at all */
            return;
        }
        kept->reports = reports;
        kept->cap = cap;
    }
    kept->reports[kept->n++] = (struct kept_report){warning, *diag};
}

/* The log's format is not known before the configuration is: warnings of a good one wait for it,
 * so that whoever reads the log finds nothing but log lines. */
int cli_load_and_log(const struct cli_common *common, struct hd_config **ret)
{
    struct hd_config_source source;
    struct kept kept = {0};

    cli_config_source(common, &source);
    int r = hd_config_load(&source, keep, &kept, ret);
    if (r == 0) {
        hd_log_init((*ret)->log_level, (*ret)->log_format);
    }
    for (size_t i = 0; i < kept.n; i++) {
        const struct hd_diag *diag = &kept.reports[i].diag;
        if (r) {
            cli_print_report(NULL, kept.reports[i].warning, diag);
        } else {
            hd_log(HD_LOG_WARNING, "config.warning", diag->text,
                   HD_STR("source", *diag->file ? diag->file : NULL), HD_INT("line", diag->line),
                   HD_INT("column", diag->column));
        }
    }
    free(kept.reports);
    return answer(r);
}
