/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/clock.h"

#include <string.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t hd_clock_realtime_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t hd_clock_monotonic_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t hd_clock_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Both directions after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
int64_t hd_clock_days_from_civil(int year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

void hd_clock_civil_from_days(int64_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *ret_day = doy - (153 * mp + 2) / 5 + 1;
    *ret_month = mp < 10 ? mp + 3 : mp - 9;
    *ret_year = (int)((int64_t)yoe + era * 400 + (*ret_month <= 2));
}

static void put_digits(char *at, unsigned width, unsigned value)
{
    for (unsigned i = width; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void hd_clock_format_ms(int64_t realtime_ms, char ret_text[HD_TIME_TEXT_SIZE])
{
    const int64_t day_ms = 86400000;
    const int64_t min = hd_clock_days_from_civil(0, 1, 1) * day_ms;
    const int64_t max = hd_clock_days_from_civil(10000, 1, 1) * day_ms - 1;
    realtime_ms = realtime_ms < min ? min : realtime_ms > max ? max : realtime_ms;

    int64_t days = realtime_ms / day_ms;
    int64_t rest = realtime_ms % day_ms;
    if (rest < 0) {
        rest += day_ms;
        days--;
    }
    int year;
    unsigned month, day, ms = (unsigned)rest;
    hd_clock_civil_from_days(days, &year, &month, &day);

    memcpy(ret_text, "0000-00-00T00:00:00.000Z", HD_TIME_TEXT_SIZE);
    put_digits(ret_text, 4, (unsigned)year);
    put_digits(ret_text + 5, 2, month);
    put_digits(ret_text + 8, 2, day);
    put_digits(ret_text + 11, 2, ms / 3600000);
    put_digits(ret_text + 14, 2, ms / 60000 % 60);
    put_digits(ret_text + 17, 2, ms / 1000 % 60);
    put_digits(ret_text + 20, 3, ms % 1000);
}
