/* SPDX-License-Identifier: Apache-2.0 */
#include "../filter.h"
#include "test.h"

#define A "amqp.annotation.x-opt-"

// clang-format off
static const struct {
    const char *text;
    enum emu_filter_field field;
    bool inclusive;
    int64_t value;
} good[] = {
    {A "offset > '-1'",                     EMU_FILTER_EARLIEST, false, -1},
    {A "offset > -1",                       EMU_FILTER_EARLIEST, false, -1},
    {A "offset > '@latest'",                EMU_FILTER_LATEST,   false, 0},
    {A "offset > @latest",                  EMU_FILTER_LATEST,   false, 0},
    {A "offset > '123456789012'",           EMU_FILTER_OFFSET,   false, 123456789012},
    {A "offset >= '8'",                     EMU_FILTER_OFFSET,   true,  8},
    {A "offset >= 8",                       EMU_FILTER_OFFSET,   true,  8},
    {A "sequence-number > '0'",             EMU_FILTER_SEQUENCE, false, 0},
    {A "sequence-number > '-1'",            EMU_FILTER_SEQUENCE, false, -1},
    {A "sequence-number >= 42",             EMU_FILTER_SEQUENCE, true,  42},
    {A "enqueued-time > '1767225600000'",   EMU_FILTER_TIME,     false, 1767225600000},
    {A "enqueued-time >= 1767225600000",    EMU_FILTER_TIME,     true,  1767225600000},
    {A "enqueuedtimeutc > '5'",             EMU_FILTER_TIME,     false, 5},
    {"  " A "offset>'7'  ",                 EMU_FILTER_OFFSET,   false, 7},
    {"AMQP.Annotation.X-Opt-Offset > '7'",  EMU_FILTER_OFFSET,   false, 7},
};

static const char *const bad[] = {
    "", " ", ">", A "offset", A "offset >", A "offset = '1'", A "offset < '1'",
    A "offset > ''", A "offset > 'x'", A "offset > '1", A "offset > 1'", A "offset > '2:1:1'",
    A "unknown > '1'", A "sequence-number > '@latest'", A "enqueued-time > '9223372036854775808'",
    A "offset > '1' AND " A "offset > '2'", "offset > '1'",
};
// clang-format on

static void reads_what_clients_write(void)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct emu_filter filter;
        CHECK(emu_filter_parse(hd_slice_cstr(good[i].text), &filter));
        CHECK_INT(filter.field, good[i].field);
        CHECK_INT(filter.inclusive, good[i].inclusive);
        CHECK_INT(filter.value, good[i].value);
    }
}

static void refuses_the_rest(void)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct emu_filter filter;
        bool accepted = emu_filter_parse(hd_slice_cstr(bad[i]), &filter);
        if (accepted) {
            printf("# accepted: %s\n", bad[i]);
        }
        CHECK(!accepted);
    }
}

HD_TEST_MAIN({"quoted and unquoted, both operators, every field", reads_what_clients_write},
             {"refuses what the service refuses", refuses_the_rest})
