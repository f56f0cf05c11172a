/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "hubdrain/clock.h"
#include "hubdrain/error.h"
#include "hubdrain/slice.h"

static void compares(void)
{
    CHECK(hd_slice_iis(hd_slice_cstr("Content-TYPE"), "content-type"));
    CHECK(!hd_slice_iis(hd_slice_cstr("a"), "ab"));
    CHECK(!hd_slice_iis(hd_slice_cstr("[" /* not a letter */), "{"));
    CHECK(hd_slice_eq(hd_slice(NULL, 0), hd_slice_cstr("")));
    CHECK(hd_slice_starts(hd_slice_cstr("abc"), "ab"));
    CHECK(!hd_slice_starts(hd_slice_cstr("a"), "ab"));
    CHECK_SLICE(hd_slice_trim(hd_slice_cstr(" \t\r\n a b \n")), "a b");
    CHECK_SLICE(hd_slice_trim(hd_slice_cstr(" \n ")), "");
}

static void formats_times(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1714637730123, "2024-05-02T08:15:30.123Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-62135596800000, "0001-01-01T00:00:00.000Z"}, /* .NET's DateTime.MinValue */
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[HD_TIME_TEXT_SIZE];
        hd_clock_format_ms(rows[i].ms, text);
        CHECK_STR(text, rows[i].text);
    }
}

static void days_go_there_and_back(void)
{
    for (int64_t days = -800000; days < 3000000; days += 37) {
        int year;
        unsigned month, day;
        hd_clock_civil_from_days(days, &year, &month, &day);
        CHECK_INT(hd_clock_days_from_civil(year, month, day), days);
    }
}

static void fail_returns_its_code(void)
{
    struct hd_diag diag = {0};
    CHECK_INT(hd_fail(&diag, -5, "cannot open %s", "x"), -5);
    CHECK_STR(diag.text, "cannot open x");
    CHECK_INT(hd_fail(NULL, 7, "nobody asks"), 7);
}

HD_TEST_MAIN({"slices compare and trim", compares}, {"times are RFC 3339", formats_times},
             {"dates convert there and back", days_go_there_and_back},
             {"hd_fail fills and returns", fail_returns_its_code})
