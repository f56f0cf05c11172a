/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "src/pipeline/start.h"

static const struct hd_config_start starts[] = {
    {"3", {.kind = HD_START_TIME, .enqueued_ms = 42}},
    {NULL, {.kind = HD_START_LATEST}},
};

static struct hd_start start;
static bool invalid;

static enum start_result decide(const char *partition, const struct hd_checkpoint *checkpoint,
                                enum hd_on_invalid on_invalid)
{
    return start_decide(starts, 2, partition, checkpoint, on_invalid, &start, &invalid);
}

static void without_a_checkpoint_the_configuration_decides(void)
{
    CHECK_INT(decide("3", NULL, HD_ON_INVALID_FAIL), START_OK);
    CHECK_INT(start.kind, HD_START_TIME);
    CHECK_INT(start.enqueued_ms, 42);
    CHECK_INT(decide("0", NULL, HD_ON_INVALID_FAIL), START_OK);
    CHECK_INT(start.kind, HD_START_LATEST);
}

static void a_checkpoint_wins(void)
{
    struct hd_checkpoint checkpoint = {.partition = "3", .position = {17, "1234"}};
    CHECK_INT(decide("3", &checkpoint, HD_ON_INVALID_FAIL), START_OK);
    CHECK_INT(start.kind, HD_START_POSITION);
    CHECK_INT(start.position.sequence_number, 17);
    CHECK_STR(start.position.offset, "1234");
    checkpoint.position = (struct hd_position){-1, "2:1:1"};
    CHECK_INT(decide("3", &checkpoint, HD_ON_INVALID_FAIL), START_OK);
    CHECK_INT(start.kind, HD_START_POSITION);
    CHECK(!invalid);
}

static void an_unreadable_one_follows_the_policy(void)
{
    struct hd_checkpoint checkpoint = {.partition = "3", .position = {-1, ""}};
    CHECK_INT(decide("3", &checkpoint, HD_ON_INVALID_FAIL), START_INVALID_FAIL);
    CHECK(invalid);
    CHECK_INT(decide("3", &checkpoint, HD_ON_INVALID_EARLIEST), START_OK);
    CHECK_INT(start.kind, HD_START_EARLIEST);
    CHECK_INT(decide("3", &checkpoint, HD_ON_INVALID_LATEST), START_OK);
    CHECK_INT(start.kind, HD_START_LATEST);
    CHECK(invalid);
}

HD_TEST_MAIN({"without a checkpoint the configuration decides",
              without_a_checkpoint_the_configuration_decides},
             {"a checkpoint wins", a_checkpoint_wins},
             {"an unreadable one follows on_invalid_checkpoint",
              an_unreadable_one_follows_the_policy})
