/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "hubdrain/config.h"
#include "src/config/value.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void reads_durations(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"0", 0},
                {"0s", 0},
                {"1ms", 1},
                {"30s", 30000},
                {"5m", 300000},
                {"1h30m", 5400000},
                {"2d", 172800000},
                {"1d2h3m4s5ms", 93784005},
                {"9223372036854775807ms", INT64_MAX}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[HD_WHY_SIZE] = "";
        int64_t ms = -1;
        CHECK_INT(config_value_duration(rows[i].text, &ms, why), 0);
        CHECK_INT(ms, rows[i].ms);
        CHECK_STR(why, "");
    }
}

static void refuses_durations(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"30", "needs a unit: 30s?"},
        {"1h30", "needs a unit: 30s?"},
        {"", "expected a duration such as 30s, 5m or 1h30m"},
        {"-5s", "expected a duration such as 30s, 5m or 1h30m"},
        {"s", "expected a duration such as 30s, 5m or 1h30m"},
        {"5 s", "unknown unit; known are ms, s, m, h, d"},
        {"5sec", "unknown unit: 5s? (ms, s, m, h, d)"},
        {"10min", "unknown unit: 10m? (ms, s, m, h, d)"},
        {"3w", "unknown unit; known are ms, s, m, h, d"},
        {"1.5s", "only whole numbers: 1500ms, not 1.5s"},
        {"18446744073709551616s", "the number is too large"},
        {"9223372036854775807s", "the number is too large"},
        {"9223372036854775807ms1ms", "the number is too large"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[HD_WHY_SIZE] = "";
        int64_t ms = -1;
        CHECK_INT(config_value_duration(rows[i].text, &ms, why), -EINVAL);
        CHECK_STR(why, rows[i].why);
        CHECK_INT(ms, -1);
    }
}

static void reads_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {{"0", 0},           {"1B", 1},          {"512KiB", 524288},
                {"5MiB", 5242880},  {"5 MiB", 5242880}, {"2GiB", 2147483648},
                {"1kB", 1000},      {"1KB", 1000},      {"3MB", 3000000},
                {"1GB", 1000000000}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[HD_WHY_SIZE] = "";
        uint64_t bytes = 77;
        CHECK_INT(config_value_size(rows[i].text, &bytes, why), 0);
        CHECK_INT(bytes, rows[i].bytes);
    }
}

static void refuses_sizes(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"30", "needs a unit: 30MiB? 30B?"},
        {"5M", "unknown unit: 5MiB?"},
        {"5k", "unknown unit: 5KiB?"},
        {"5mb", "unknown unit: 5MB?"},
        {"5TiB", "unknown unit; known are B, KiB, MiB, GiB, kB, MB, GB"},
        {"1.5MiB", "only whole numbers: 1536KiB, not 1.5MiB"},
        {"MiB", "expected a size such as 512KiB, 5MiB or 1GiB"},
        {"", "expected a size such as 512KiB, 5MiB or 1GiB"},
        {"-1B", "expected a size such as 512KiB, 5MiB or 1GiB"},
        {"99999999999GiB", "the number is too large"},
        {"99999999999999999999B", "the number is too large"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[HD_WHY_SIZE] = "";
        uint64_t bytes = 77;
        CHECK_INT(config_value_size(rows[i].text, &bytes, why), -EINVAL);
        CHECK_STR(why, rows[i].why);
        CHECK_INT(bytes, 77);
    }
}

static void reads_and_refuses_integers(void)
{
    char why[HD_WHY_SIZE] = "";
    uint64_t value = 7;

    CHECK_INT(config_value_integer("18446744073709551615", &value, why), 0);
    CHECK(value == UINT64_MAX);
    CHECK_INT(config_value_integer("18446744073709551616", &value, why), -EINVAL);
    CHECK_STR(why, "the number is too large");
    CHECK_INT(config_value_integer("-1", &value, why), -EINVAL);
    CHECK_STR(why, "expected a whole number, not a negative one");
    CHECK_INT(config_value_integer("two", &value, why), -EINVAL);
    CHECK_STR(why, "expected a whole number");
    CHECK_INT(config_value_integer("1.5", &value, why), -EINVAL);
    CHECK_INT(config_value_integer("", &value, why), -EINVAL);
    CHECK_INT(config_value_integer("0x10", &value, why), -EINVAL);
}

static void reads_and_refuses_truth(void)
{
    char why[HD_WHY_SIZE] = "";
    bool value = false;

    CHECK_INT(config_value_bool("true", &value, why), 0);
    CHECK(value);
    CHECK_INT(config_value_bool("No", &value, why), 0);
    CHECK(!value);
    CHECK_INT(config_value_bool("on", &value, why), 0);
    CHECK(value);
    CHECK_INT(config_value_bool("1", &value, why), -EINVAL);
    CHECK_STR(why, "expected true or false");
}

static void reads_times(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2024-05-02T08:15:30Z", 1714637730000},
        {"2024-05-02t08:15:30z", 1714637730000},
        {"2024-05-02 08:15:30Z", 1714637730000},
        {"2024-05-02T10:15:30+02:00", 1714637730000},
        {"2024-05-02T02:45:30.25-05:30", 1714637730250},
        {"2024-02-29T00:00:00.123456789Z", 1709164800123},
        {"1969-12-31T23:59:59.999Z", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[HD_WHY_SIZE] = "";
        int64_t ms = 7;
        CHECK_INT(config_value_time(rows[i].text, &ms, why), 0);
        CHECK_INT(ms, rows[i].ms);
    }
}

static void refuses_times(void)
{
    static const char expected[] = "expected a time with its zone, such as 2024-05-02T08:15:30Z";
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"2024-05-02", expected},
        {"2024-05-02T08:15Z", expected},
        {"24-05-02T08:15:30Z", expected},
        {"2024-05-02T08:15:30Zulu", expected},
        {"2024-05-02T08:15:30+2", expected},
        {"2024-05-02T08:15:30+25:00", expected},
        {"2024-05-02T08:15:30", "the time needs its zone: add Z for UTC, or +hh:mm"},
        {"2023-02-29T00:00:00Z", "there is no such time"},
        {"2024-13-01T00:00:00Z", "there is no such time"},
        {"2024-00-01T00:00:00Z", "there is no such time"},
        {"2024-04-31T00:00:00Z", "there is no such time"},
        {"2024-04-30T24:00:00Z", "there is no such time"},
        {"2100-02-29T00:00:00Z", "there is no such time"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[HD_WHY_SIZE] = "";
        int64_t ms = 7;
        CHECK_INT(config_value_time(rows[i].text, &ms, why), -EINVAL);
        CHECK_STR(why, rows[i].why);
        CHECK_INT(ms, 7);
    }
}

static void formats_what_it_reads(void)
{
    static const char *const durations[] = {"0s", "1ms", "30s", "1m30s", "1h", "1d2h3m4s5ms"};
    static const char *const sizes[] = {"0B", "1B", "1000B", "4KiB", "1536KiB", "5MiB", "1GiB"};
    char text[HD_CONFIG_TEXT_SIZE], why[HD_WHY_SIZE];

    for (size_t i = 0; i < COUNT(durations); i++) {
        int64_t ms = -1;
        CHECK_INT(config_value_duration(durations[i], &ms, why), 0);
        CHECK_STR(hd_config_format_duration(ms, text), durations[i]);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t bytes = 77;
        CHECK_INT(config_value_size(sizes[i], &bytes, why), 0);
        CHECK_STR(hd_config_format_size(bytes, text), sizes[i]);
    }
    CHECK_STR(hd_config_format_duration(INT64_MAX, text), "106751991167d7h12m55s807ms");
}

HD_TEST_MAIN({"reads durations", reads_durations}, {"refuses durations", refuses_durations},
             {"reads sizes", reads_sizes}, {"refuses sizes", refuses_sizes},
             {"reads and refuses integers", reads_and_refuses_integers},
             {"reads and refuses truth", reads_and_refuses_truth}, {"reads times", reads_times},
             {"refuses times", refuses_times}, {"formats what it reads", formats_what_it_reads})
