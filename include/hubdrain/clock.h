/* SPDX-License-Identifier: Apache-2.0 */
/* Clock: the two clocks of the machine, in milliseconds. Code that must be driven by a fake clock
 * asks its loop (hubdrain/loop.h) instead. */
#ifndef HUBDRAIN_CLOCK_H
#define HUBDRAIN_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t hd_clock_realtime_ms(void); /* since 1970-01-01 UTC */
int64_t hd_clock_monotonic_ms(void);
int64_t hd_clock_cpu_ns(void); /* of the calling thread */

/* "2024-05-02T08:15:30.123Z" (24 characters and a NUL); years 0000 to 9999, clamped. */
#define HD_TIME_TEXT_SIZE 25
void hd_clock_format_ms(int64_t realtime_ms, char ret_text[HD_TIME_TEXT_SIZE]);

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar; and back. */
int64_t hd_clock_days_from_civil(int year, unsigned month, unsigned day);
void hd_clock_civil_from_days(int64_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day);

#endif
