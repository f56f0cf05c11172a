/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Report: the mistakes and warnings of one load, told at the end in order of the file.
 *
 * Owner: the load; config_report_deinit. Threads: none. Limits: HD_REPORT_MAX are kept, the rest
 * counted.
 */
#ifndef HD_CONFIG_REPORT_H
#define HD_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "hubdrain/config.h"

#define HD_REPORT_MAX 100

/* What a value or a mistake comes from. Ranks are the order of precedence. */
enum hd_rank { HD_RANK_DEFAULT, HD_RANK_FILE, HD_RANK_ENVIRONMENT, HD_RANK_SET };
struct hd_where {
    enum hd_rank rank;
    const char *source; /* file name, "HUBDRAIN__A__B", "--set a.b"; NULL: none in particular */
    int line, column;   /* from 1; 0: none */
};

struct hd_report_item {
    bool warning;
    enum hd_rank rank;
    size_t order;
    struct hd_diag diag;
};

struct hd_report {
    struct hd_report_item *items;
    size_t n, cap;
    size_t mistakes, warnings;
    bool no_memory;
};

void config_report_mistake(struct hd_report *report, const struct hd_where *where,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));
void config_report_warning(struct hd_report *report, const struct hd_where *where,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sorts and tells all of them. */
void config_report_tell(struct hd_report *report, hd_config_report_fn *fn, void *context);
void config_report_deinit(struct hd_report *report);

/* A value for a message: in quotes, cut, without control characters, and hidden when it looks like
 * something secret that ended up in the wrong place. */
#define HD_QUOTE_SIZE 72
const char *config_quote(const char *text, char ret[HD_QUOTE_SIZE]);

/* The same for a path: longer, and without the quotes. */
#define HD_PATH_SIZE 240
const char *config_show_path(const char *path, char ret[HD_PATH_SIZE]);

#endif
