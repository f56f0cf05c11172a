/* SPDX-License-Identifier: Apache-2.0 */
/* Start positions as filter expressions. */
#include <errno.h>

#include "src/hub/filter.h"
#include "test.h"

static const struct hd_position nowhere = {.sequence_number = -1};

static const char *format(struct hd_start start, struct hd_position last)
{
    static char text[256];
    snprintf(text, sizeof(text), "refused");
    int r = hd_filter_format(&start, &last, text, sizeof(text));
    CHECK(r == 0 || r == -EINVAL);
    return text;
}

static void kinds(void)
{
    struct hd_start start = {.kind = HD_START_EARLIEST};
    CHECK_STR(format(start, nowhere), "amqp.annotation.x-opt-offset > '-1'");
    start.kind = HD_START_LATEST;
    CHECK_STR(format(start, nowhere), "amqp.annotation.x-opt-offset > '@latest'");
    start = (struct hd_start){.kind = HD_START_TIME, .enqueued_ms = 1700000000123};
    CHECK_STR(format(start, nowhere), "amqp.annotation.x-opt-enqueued-time > '1700000000123'");
}

static void positions(void)
{
    struct hd_start start = {.kind = HD_START_POSITION,
                             .position = {.sequence_number = 7, .offset = "2:1234:567"}};
    CHECK_STR(format(start, nowhere), "amqp.annotation.x-opt-offset > '2:1234:567'");
    start.position.offset[0] = 0;
    CHECK_STR(format(start, nowhere), "amqp.annotation.x-opt-sequence-number > '7'");
    start.position.sequence_number = 0;
    CHECK_STR(format(start, nowhere), "amqp.annotation.x-opt-sequence-number > '0'");
    start.position.sequence_number = -1;
    CHECK_STR(format(start, nowhere), "refused");
}

static void last_wins(void)
{
    struct hd_start start = {.kind = HD_START_LATEST};
    struct hd_position last = {.sequence_number = 9, .offset = "900"};
    CHECK_STR(format(start, last), "amqp.annotation.x-opt-offset > '900'");
    last.offset[0] = 0;
    CHECK_STR(format(start, last), "amqp.annotation.x-opt-sequence-number > '9'");
}

static void quotes(void)
{
    static const char *const bad[] = {"1' or '1", "a\nb", "\xc3\xa9", "a\\b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hd_start start = {.kind = HD_START_POSITION, .position = {.sequence_number = 3}};
        snprintf(start.position.offset, sizeof(start.position.offset), "%s", bad[i]);
        CHECK_STR(format(start, nowhere), "amqp.annotation.x-opt-sequence-number > '3'");
        start.position.sequence_number = -1;
        CHECK_STR(format(start, nowhere), "refused");
    }
}

HD_TEST_MAIN({"kinds of start", kinds}, {"positions", positions},
             {"what was received wins", last_wins}, {"offsets that no hub gives", quotes})
