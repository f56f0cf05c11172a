/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: times stay text. What is checked is every digit and every range, so that no consumer ever
 * refuses one; what is changed is the separator, the zone, and zeros at the end of the fraction:
 * the same moment comes as .121, .1210000 and .121000000, depending on who wrote it, and must give
 * the same field. Only an offset other than zero costs arithmetic.
 */
#include "transforms.h"

#include "hubdrain/clock.h"

static int two(const char *p)
{
    unsigned a = (unsigned char)p[0] - '0', b = (unsigned char)p[1] - '0';
    return a > 9 || b > 9 ? -1 : (int)(a * 10 + b);
}

static int days_in(int year, int month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* "Z", nothing, "+02:00" or "-0530": minutes east of UTC; false for anything else. */
static bool parse_zone(struct hd_slice zone, int *ret_minutes)
{
    *ret_minutes = 0;
    if (zone.len == 0 || (zone.len == 1 && (zone.data[0] | 0x20) == 'z')) {
        return true;
    }
    bool colon = zone.len == 6 && zone.data[3] == ':';
    if ((zone.len != 5 && !colon) || (zone.data[0] != '+' && zone.data[0] != '-')) {
        return false;
    }
    int hours = two(zone.data + 1), minutes = two(zone.data + (colon ? 4 : 3));
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return false;
    }
    *ret_minutes = (hours * 60 + minutes) * (zone.data[0] == '-' ? -1 : 1);
    return true;
}

static void put_two(char *at, int value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

/* Rewrites the date and the minutes of `text` in UTC; false when that leaves years 0 to 9999. */
static bool to_utc(char *text, int offset_minutes)
{
    int year = two(text) * 100 + two(text + 2);
    int64_t days = hd_clock_days_from_civil(year, (unsigned)two(text + 5), (unsigned)two(text + 8));
    int64_t minutes = days * 1440 + two(text + 11) * 60 + two(text + 14) - offset_minutes;
    int64_t day = minutes / 1440 - (minutes % 1440 < 0);
    int rest = (int)(minutes - day * 1440);
    unsigned month, mday;
    hd_clock_civil_from_days(day, &year, &month, &mday);
    if (year < 0 || year > 9999) {
        return false;
    }
    put_two(text, year / 100);
    put_two(text + 2, year % 100);
    put_two(text + 5, (int)month);
    put_two(text + 8, (int)mday);
    put_two(text + 11, rest / 60);
    put_two(text + 14, rest % 60);
    return true;
}

static bool in_range(const char *p)
{
    int century = two(p), year = two(p + 2), month = two(p + 5), day = two(p + 8);
    int hour = two(p + 11), minute = two(p + 14), second = two(p + 17);
    return century >= 0 && year >= 0 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_in(century * 100 + year, month) && hour >= 0 && hour <= 23 && minute >= 0 &&
           minute <= 59 && second >= 0 && second <= 59;
}

size_t hd_time_parse(struct hd_slice text, char ret_text[HD_TIME_MAX])
{
    const char *p = text.data;
    if (text.len < 19 || p[4] != '-' || p[7] != '-' || p[13] != ':' || p[16] != ':' ||
        (p[10] != ' ' && p[10] != 'T' && p[10] != 't') || !in_range(p)) {
        return 0;
    }
    memcpy(ret_text, p, 19);
    ret_text[10] = 'T';
    size_t at = 19, len = 19;
    if (at < text.len && p[at] == '.') {
        size_t digits = 0;
        while (at + 1 + digits < text.len && p[at + 1 + digits] >= '0' &&
               p[at + 1 + digits] <= '9') {
            digits++;
        }
        size_t kept = digits > 9 ? 9 : digits;
        while (kept > 3 && p[at + kept] == '0') {
            kept--;
        }
        if (kept > 0) {
            memcpy(ret_text + len, p + at, kept + 1);
            len += kept + 1;
        }
        at += 1 + digits;
    }
    int offset_minutes;
    if (!parse_zone(hd_slice(p + at, text.len - at), &offset_minutes) ||
        (offset_minutes != 0 && !to_utc(ret_text, offset_minutes))) {
        return 0;
    }
    ret_text[len] = 'Z';
    return len + 1;
}
