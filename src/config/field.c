/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: text -> the field of a row, by the row's type. Defaults come through here too, so a
 * default that its own row would refuse cannot exist (a test loads them all).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "full.h"
#include "hubdrain/suggest.h"
#include "value.h"

static void store(void *field, size_t size, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;
    if (size == sizeof(narrow)) {
        memcpy(field, &narrow, sizeof(narrow));
    } else {
        memcpy(field, &value, sizeof(value));
    }
}

static int store_text(struct hd_draft *draft, void *field, const char *text)
{
    const char *copy = config_pool_copy(&draft->full->pool, text, strlen(text));
    memcpy(field, &copy, sizeof(copy));
    return copy ? 0 : -ENOMEM;
}

/* "between 1s and 10m", in the row's unit. */
static int out_of_range(const struct hd_schema_row *row, char *ret_why, size_t why_size)
{
    char min[HD_CONFIG_TEXT_SIZE], max[HD_CONFIG_TEXT_SIZE];

    if (row->type == HD_TYPE_DURATION) {
        hd_config_format_duration((int64_t)row->min, min);
        hd_config_format_duration((int64_t)row->max, max);
    } else if (row->type == HD_TYPE_SIZE) {
        hd_config_format_size(row->min, min);
        hd_config_format_size(row->max, max);
    } else {
        snprintf(min, sizeof(min), "%" PRIu64, row->min);
        snprintf(max, sizeof(max), "%" PRIu64, row->max);
    }
    snprintf(ret_why, why_size, "must be between %s and %s", min, max);
    return -EINVAL;
}

static int set_number(const struct hd_schema_row *row, void *field, const char *text, char *ret_why,
                      size_t why_size)
{
    char why[HD_WHY_SIZE] = "";
    uint64_t number = 0;
    int64_t ms = 0;
    int r;

    if (row->type == HD_TYPE_DURATION) {
        r = config_value_duration(text, &ms, why);
        number = (uint64_t)ms;
    } else if (row->type == HD_TYPE_SIZE) {
        r = config_value_size(text, &number, why);
    } else {
        r = config_value_integer(text, &number, why);
    }
    if (r) {
        snprintf(ret_why, why_size, "%s", why);
        return r;
    }
    if (row->max && (number < row->min || number > row->max)) {
        return out_of_range(row, ret_why, why_size);
    }
    store(field, row->size, number);
    return 0;
}

static int set_word(struct hd_draft *draft, const struct hd_schema_row *row, void *field,
                    const char *text, char *ret_why, size_t why_size)
{
    size_t n = 0, used = 0;

    for (; row->words[n]; n++) {
        if (strcmp(row->words[n], text) == 0) {
            if (row->type == HD_TYPE_WORD) {
                return store_text(draft, field, text);
            }
            store(field, row->size, n);
            return 0;
        }
    }
    used = (size_t)snprintf(ret_why, why_size, "expected ");
    for (size_t i = 0; i < n && used < why_size; i++) {
        used += (size_t)snprintf(ret_why + used, why_size - used, "%s%s",
                                 i == 0       ? ""
                                 : i + 1 == n ? " or "
                                              : ", ",
                                 row->words[i]);
    }
    const char *meant = hd_suggest(text, row->words, n);
    if (meant && used < why_size) {
        snprintf(ret_why + used, why_size - used, "; did you mean %s?", meant);
    }
    return -EINVAL;
}

static int set_start(void *field, const char *text, char *ret_why, size_t why_size)
{
    struct hd_start start = {.position = {.sequence_number = -1}};
    static const char *const words[] = {"earliest", "latest"};
    char why[HD_WHY_SIZE] = "";

    if (strcmp(text, "earliest") == 0) {
        start.kind = HD_START_EARLIEST;
    } else if (strcmp(text, "latest") == 0) {
        start.kind = HD_START_LATEST;
    } else if (*text >= '0' && *text <= '9') {
        if (config_value_time(text, &start.enqueued_ms, why)) {
            snprintf(ret_why, why_size, "%s", why);
            return -EINVAL;
        }
        start.kind = HD_START_TIME;
    } else {
        const char *meant = hd_suggest(text, words, 2);
        snprintf(ret_why, why_size,
                 "expected earliest, latest or a time such as 2024-05-02T08:15:30Z%s%s%s",
                 meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
        return -EINVAL;
    }
    memcpy(field, &start, sizeof(start));
    return 0;
}

int config_field_set(struct hd_draft *draft, const struct hd_schema_row *row, void *base,
                     const char *text, char *ret_why, size_t why_size)
{
    void *field = (char *)base + row->offset;
    char why[HD_WHY_SIZE] = "";
    bool truth = false;

    switch (row->type) {
    case HD_TYPE_STRING:
    case HD_TYPE_PATH:
    case HD_TYPE_SECRET:
        return store_text(draft, field, text);
    case HD_TYPE_BOOL:
        if (config_value_bool(text, &truth, why)) {
            snprintf(ret_why, why_size, "%s", why);
            return -EINVAL;
        }
        memcpy(field, &truth, sizeof(truth));
        return 0;
    case HD_TYPE_INTEGER:
    case HD_TYPE_DURATION:
    case HD_TYPE_SIZE:
        return set_number(row, field, text, ret_why, why_size);
    case HD_TYPE_ENUM:
    case HD_TYPE_WORD:
        return set_word(draft, row, field, text, ret_why, why_size);
    case HD_TYPE_START:
        return set_start(field, text, ret_why, why_size);
    }
    return -EINVAL;
}
