/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "src/pipeline/credit.h"

#define MIB ((uint64_t)1024 * 1024)

static void the_mean_rises_fast_and_falls_slowly(void)
{
    uint64_t mean = 3000;
    for (int i = 0; i < 8; i++) {
        mean = credit_mean(mean, 90000);
    }
    CHECK(mean > 80000);
    for (int i = 0; i < 8; i++) {
        mean = credit_mean(mean, 3000);
    }
    CHECK(mean > 45000);
    for (int i = 0; i < 200; i++) {
        mean = credit_mean(mean, 3000);
    }
    CHECK(mean < 3100);
    CHECK_INT(credit_mean(5, 5), 5);
}

static void credit_is_a_share_in_messages(void)
{
    CHECK_INT(credit_for(32 * MIB, 32 * MIB, 32, 3000), MIB / 2 / 3000);
    CHECK_INT(credit_for(32 * MIB, 16 * MIB, 32, 3000), MIB / 4 / 3000);
    CHECK_INT(credit_for(1024 * MIB, 1024 * MIB, 1, 100), CREDIT_MAX);
    CHECK_INT(credit_for(32 * MIB, 0, 32, 3000), 0);
    CHECK_INT(credit_for(32 * MIB, 32 * MIB, 0, 0), CREDIT_MAX);
}

static void large_messages_still_move(void)
{
    CHECK_INT(credit_for(32 * MIB, 32 * MIB, 32, MIB), 1);
    CHECK_INT(credit_for(32 * MIB, 8 * MIB, 1024, MIB), 1);
    CHECK_INT(credit_for(32 * MIB, 7 * MIB, 1024, MIB), 0);
}

/* What all links together may have outstanding never costs more than what is free. */
static void all_credit_together_fits(void)
{
    for (uint32_t n = 1; n <= 1024; n *= 2) {
        for (uint64_t mean = 100; mean < 100000; mean *= 3) {
            for (uint64_t left = 0; left <= 256 * MIB; left += 16 * MIB) {
                uint64_t credit = credit_for(256 * MIB, left, n, mean);
                CHECK(credit <= 1 || credit * mean * 2 * n <= left);
            }
        }
    }
}

HD_TEST_MAIN({"the mean rises fast and falls slowly", the_mean_rises_fast_and_falls_slowly},
             {"credit is a share of the free bytes, in messages", credit_is_a_share_in_messages},
             {"large messages still move", large_messages_still_move},
             {"all credit together fits into what is free", all_credit_together_fits})
