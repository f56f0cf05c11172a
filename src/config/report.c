/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: mistakes are found stage by stage (syntax, keys, values, cross checks), but a person
 * reads them from the top of the file to its end. So they are collected and sorted: file by line
 * and column, then the environment, then the command line, then what belongs to no place.
 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One line a message, whatever stands in the values that it names. */
static void clean(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) {
            *text = '?';
        }
    }
}

static void add(struct hd_report *report, bool warning, const struct hd_where *where,
                const char *format, va_list args)
{
    if (warning) {
        report->warnings++;
    } else {
        report->mistakes++;
    }
    if (report->n >= HD_REPORT_MAX) {
        return;
    }
    if (report->n == report->cap) {
        size_t cap = report->cap ? report->cap * 2 : 16;
        struct hd_report_item *items = realloc(report->items, cap * sizeof(*items));
        if (!items) {
            report->no_memory = true;
            return;
        }
        report->items = items;
        report->cap = cap;
    }
    struct hd_report_item *item = &report->items[report->n];
    memset(item, 0, sizeof(*item));
    item->warning = warning;
    item->order = report->n++;
    item->rank = where ? where->rank : HD_RANK_DEFAULT;
    vsnprintf(item->diag.text, sizeof(item->diag.text), format, args);
    clean(item->diag.text);
    if (where) {
        snprintf(item->diag.file, sizeof(item->diag.file), "%s",
                 where->source ? where->source : "");
        clean(item->diag.file);
        item->diag.line = where->line;
        item->diag.column = where->column;
    }
}

void config_report_mistake(struct hd_report *report, const struct hd_where *where,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(report, false, where, format, args);
    va_end(args);
}

void config_report_warning(struct hd_report *report, const struct hd_where *where,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(report, true, where, format, args);
    va_end(args);
}

static int rank_order(enum hd_rank rank)
{
    return rank == HD_RANK_DEFAULT ? HD_RANK_SET + 1 : (int)rank;
}

static int compare(const void *left, const void *right)
{
    const struct hd_report_item *a = left, *b = right;

    if (a->rank != b->rank) {
        return rank_order(a->rank) - rank_order(b->rank);
    }
    if (a->diag.line != b->diag.line) {
        return a->diag.line < b->diag.line ? -1 : 1;
    }
    if (a->diag.column != b->diag.column) {
        return a->diag.column < b->diag.column ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void config_report_tell(struct hd_report *report, hd_config_report_fn *fn, void *context)
{
    size_t all = report->mistakes + report->warnings;

    if (!fn) {
        return;
    }
    if (report->n > 1) {
        qsort(report->items, report->n, sizeof(*report->items), compare);
    }
    for (size_t i = 0; i < report->n; i++) {
        fn(context, report->items[i].warning, &report->items[i].diag);
    }
    if (all > report->n && !report->no_memory) {
        struct hd_diag diag = {0};
        snprintf(diag.text, sizeof(diag.text), "and %zu more; mend these first", all - report->n);
        fn(context, report->mistakes == 0, &diag);
    }
}

void config_report_deinit(struct hd_report *report)
{
    free(report->items);
    *report = (struct hd_report){0};
}

static bool looks_secret(const char *text)
{
    static const char *const marks[] = {
        "SharedAccess", "AccountKey", "sig=", "Password=", "Secret=", "Bearer ", "-----BEGIN"};
    size_t run = 0;

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strcasestr(text, marks[i])) {
            return true;
        }
    }
    /* A key without its name: 32 or more letters and digits of base64 in a row. */
    for (const char *p = text; *p; p++) {
        bool part = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || *p == '+' || *p == '=';
        run = part ? run + 1 : 0;
        if (run >= 32) {
            return true;
        }
    }
    return false;
}

/* Cuts at n bytes, never inside a UTF-8 character, and says so. */
static void cut(char *text, size_t n)
{
    if (strlen(text) <= n) {
        return;
    }
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) {
        n--;
    }
    memcpy(text + n, "...", 4);
}

const char *config_quote(const char *text, char ret[HD_QUOTE_SIZE])
{
    if (looks_secret(text)) {
        snprintf(ret, HD_QUOTE_SIZE, "\"...\" (not shown)");
        return ret;
    }
    char shown[HD_QUOTE_SIZE];
    snprintf(shown, sizeof(shown), "%s", text);
    cut(shown, HD_QUOTE_SIZE - 8);
    clean(shown);
    snprintf(ret, HD_QUOTE_SIZE, "\"%.*s\"", HD_QUOTE_SIZE - 3, shown);
    return ret;
}

const char *config_show_path(const char *path, char ret[HD_PATH_SIZE])
{
    if (looks_secret(path)) {
        snprintf(ret, HD_PATH_SIZE, "... (not shown)");
        return ret;
    }
    snprintf(ret, HD_PATH_SIZE, "%s", path);
    cut(ret, HD_PATH_SIZE - 4);
    return ret;
}
