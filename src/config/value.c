/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a number without its unit is refused. "30" has meant seconds, milliseconds and minutes in
 * the programs people come from, and a wrong guess shows months later. The message says what to
 * write. Units are tables; KiB and kB both exist and mean what they say.
 */
#include "value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hubdrain/clock.h"
#include "hubdrain/config.h"

struct unit {
    const char *name;
    uint64_t factor;
};

// clang-format off
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit size_units[] = {
    {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1},
    {"GB", 1000000000}, {"MB", 1000000}, {"kB", 1000}, {"KB", 1000},
};
/* What people write instead, and what they most likely mean. */
static const struct { const char *wrong, *right; } unit_slips[] = {
    {"sec", "s"}, {"secs", "s"}, {"second", "s"}, {"seconds", "s"}, {"S", "s"},
    {"min", "m"}, {"mins", "m"}, {"minute", "m"}, {"minutes", "m"}, {"M", "m"},
    {"hr", "h"}, {"hrs", "h"}, {"hour", "h"}, {"hours", "h"}, {"H", "h"},
    {"day", "d"}, {"days", "d"}, {"D", "d"},
    {"msec", "ms"}, {"millis", "ms"}, {"milliseconds", "ms"},
};
static const struct { const char *wrong, *right; } size_slips[] = {
    {"K", "KiB"}, {"M", "MiB"}, {"G", "GiB"}, {"k", "KiB"}, {"m", "MiB"}, {"g", "GiB"},
    {"Ki", "KiB"}, {"Mi", "MiB"}, {"Gi", "GiB"}, {"kb", "kB"}, {"mb", "MB"}, {"gb", "GB"},
    {"Mb", "MB"}, {"Gb", "GB"}, {"kib", "KiB"}, {"mib", "MiB"}, {"gib", "GiB"}, {"kiB", "KiB"},
    {"b", "B"}, {"byte", "B"}, {"bytes", "B"},
};
// clang-format on

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int why(char ret_why[HD_WHY_SIZE], const char *text)
{
    snprintf(ret_why, HD_WHY_SIZE, "%s", text);
    return -EINVAL;
}

int config_value_bool(const char *text, bool *ret, char ret_why[HD_WHY_SIZE])
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};

    for (size_t i = 0; i < COUNT(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *ret = strcasecmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return why(ret_why, "expected true or false");
}

/* Digits at *text; moves behind them. */
static int digits(const char **text, uint64_t *ret, char ret_why[HD_WHY_SIZE])
{
    uint64_t value = 0;
    const char *p = *text;

    if (*p < '0' || *p > '9') {
        return -ENOENT;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return why(ret_why, "the number is too large");
        }
        value = value * 10 + digit;
    }
    *text = p;
    *ret = value;
    return 0;
}

int config_value_integer(const char *text, uint64_t *ret, char ret_why[HD_WHY_SIZE])
{
    const char *p = text;
    uint64_t value = 0;
    int r = digits(&p, &value, ret_why);

    if (r == -EINVAL) {
        return r;
    }
    if (r || *p) {
        return why(ret_why, *p == '-' ? "expected a whole number, not a negative one"
                                      : "expected a whole number");
    }
    *ret = value;
    return 0;
}

static const struct unit *find_unit(const struct unit *units, size_t n, const char *name,
                                    size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, name, len) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

static size_t letters(const char *text)
{
    size_t n = 0;
    while ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z')) {
        n++;
    }
    return n;
}

static int times_plus(uint64_t *total, uint64_t number, uint64_t factor, uint64_t max,
                      char ret_why[HD_WHY_SIZE])
{
    uint64_t product, sum;
    if (__builtin_mul_overflow(number, factor, &product) ||
        __builtin_add_overflow(*total, product, &sum) || sum > max) {
        return why(ret_why, "the number is too large");
    }
    *total = sum;
    return 0;
}

int config_value_duration(const char *text, int64_t *ret_ms, char ret_why[HD_WHY_SIZE])
{
    uint64_t total = 0;
    const char *p = text;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return 0;
    }
    do {
        uint64_t number = 0;
        int r = digits(&p, &number, ret_why);
        if (r) {
            return r == -EINVAL ? r : why(ret_why, "expected a duration such as 30s, 5m or 1h30m");
        }
        if (!*p) {
            snprintf(ret_why, HD_WHY_SIZE, "needs a unit: %" PRIu64 "s?", number);
            return -EINVAL;
        }
        size_t len = letters(p);
        const struct unit *unit = find_unit(duration_units, COUNT(duration_units), p, len);
        if (!unit) {
            for (size_t i = 0; i < COUNT(unit_slips); i++) {
                if (strlen(unit_slips[i].wrong) == len &&
                    memcmp(unit_slips[i].wrong, p, len) == 0) {
                    snprintf(ret_why, HD_WHY_SIZE, "unknown unit: %" PRIu64 "%s? (ms, s, m, h, d)",
                             number, unit_slips[i].right);
                    return -EINVAL;
                }
            }
            return why(ret_why, *p == '.' ? "only whole numbers: 1500ms, not 1.5s"
                                          : "unknown unit; known are ms, s, m, h, d");
        }
        r = times_plus(&total, number, unit->factor, INT64_MAX, ret_why);
        if (r) {
            return r;
        }
        p += len;
    } while (*p);
    *ret_ms = (int64_t)total;
    return 0;
}

int config_value_size(const char *text, uint64_t *ret_bytes, char ret_why[HD_WHY_SIZE])
{
    uint64_t number = 0, total = 0;
    const char *p = text;
    int r = digits(&p, &number, ret_why);

    if (r) {
        return r == -EINVAL ? r : why(ret_why, "expected a size such as 512KiB, 5MiB or 1GiB");
    }
    if (!*p && number) {
        snprintf(ret_why, HD_WHY_SIZE, "needs a unit: %" PRIu64 "MiB? %" PRIu64 "B?", number,
                 number);
        return -EINVAL;
    }
    const char *name = *p == ' ' ? p + 1 : p;
    const struct unit *unit =
        *p ? find_unit(size_units, COUNT(size_units), name, strlen(name)) : &size_units[3];
    if (!unit) {
        for (size_t i = 0; i < COUNT(size_slips); i++) {
            if (strcmp(size_slips[i].wrong, name) == 0) {
                snprintf(ret_why, HD_WHY_SIZE, "unknown unit: %" PRIu64 "%s?", number,
                         size_slips[i].right);
                return -EINVAL;
            }
        }
        return why(ret_why, *p == '.' ? "only whole numbers: 1536KiB, not 1.5MiB"
                                      : "unknown unit; known are B, KiB, MiB, GiB, kB, MB, GB");
    }
    r = times_plus(&total, number, unit->factor, INT64_MAX, ret_why);
    if (!r) {
        *ret_bytes = total;
    }
    return r;
}

/* Exactly n digits. */
static bool fixed(const char **text, int n, unsigned *ret)
{
    unsigned value = 0;
    for (int i = 0; i < n; i++, (*text)++) {
        if (**text < '0' || **text > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(**text - '0');
    }
    *ret = value;
    return true;
}

static bool literal(const char **text, char lower)
{
    if ((**text | 0x20) != (lower | 0x20)) {
        return false;
    }
    (*text)++;
    return true;
}

static bool valid_date(unsigned year, unsigned month, unsigned day)
{
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
           (month != 2 || day < 29 || leap);
}

/* 'Z' or +hh:mm at *text, in minutes east. */
static bool zone(const char **text, int *ret_minutes)
{
    unsigned hour = 0, minute = 0;
    char sign = **text;

    *ret_minutes = 0;
    if (literal(text, 'z')) {
        return true;
    }
    if (sign != '+' && sign != '-') {
        return false;
    }
    (*text)++;
    if (!fixed(text, 2, &hour) || *(*text)++ != ':' || !fixed(text, 2, &minute) || hour > 23 ||
        minute > 59) {
        return false;
    }
    *ret_minutes = (int)(hour * 60 + minute) * (sign == '-' ? -1 : 1);
    return true;
}

int config_value_time(const char *text, int64_t *ret_ms, char ret_why[HD_WHY_SIZE])
{
    static const char expected[] = "expected a time with its zone, such as 2024-05-02T08:15:30Z";
    unsigned year, month, day, hour, minute, second, ms = 0;
    const char *p = text;
    int east = 0;

    if (!fixed(&p, 4, &year) || *p++ != '-' || !fixed(&p, 2, &month) || *p++ != '-' ||
        !fixed(&p, 2, &day) || (*p != ' ' && (*p | 0x20) != 't') || !*p++ || !fixed(&p, 2, &hour) ||
        *p++ != ':' || !fixed(&p, 2, &minute) || *p++ != ':' || !fixed(&p, 2, &second)) {
        return why(ret_why, expected);
    }
    if (*p == '.') {
        unsigned scale = 100;
        for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10) {
            ms += (unsigned)(*p - '0') * scale;
        }
    }
    if (!*p) {
        return why(ret_why, "the time needs its zone: add Z for UTC, or +hh:mm");
    }
    if (!zone(&p, &east) || *p) {
        return why(ret_why, expected);
    }
    if (!valid_date(year, month, day) || hour > 23 || minute > 59 || second > 60) {
        return why(ret_why, "there is no such time");
    }
    int64_t days = hd_clock_days_from_civil((int)year, month, day);
    *ret_ms = ((days * 24 + hour) * 60 + minute - east) * 60000 + (int64_t)second * 1000 + ms;
    return 0;
}

const char *hd_config_format_duration(int64_t ms, char ret[HD_CONFIG_TEXT_SIZE])
{
    int n = 0;

    if (ms <= 0) {
        snprintf(ret, HD_CONFIG_TEXT_SIZE, "0s");
        return ret;
    }
    for (size_t i = 0; i < COUNT(duration_units); i++) {
        int64_t factor = (int64_t)duration_units[i].factor;
        if (ms >= factor) {
            n += snprintf(ret + n, (size_t)(HD_CONFIG_TEXT_SIZE - n), "%" PRId64 "%s", ms / factor,
                          duration_units[i].name);
            ms %= factor;
        }
    }
    return ret;
}

const char *hd_config_format_size(uint64_t bytes, char ret[HD_CONFIG_TEXT_SIZE])
{
    size_t i = 0;
    while (i < 3 && (bytes < size_units[i].factor || bytes % size_units[i].factor)) {
        i++;
    }
    snprintf(ret, HD_CONFIG_TEXT_SIZE, "%" PRIu64 "%s", bytes / size_units[i].factor,
             size_units[i].name);
    return ret;
}
