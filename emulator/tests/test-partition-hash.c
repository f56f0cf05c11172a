/* SPDX-License-Identifier: Apache-2.0 */
#include "../partition-hash.h"
#include "test.h"

// clang-format off
static const struct {
    const char *key;
    int hash;
    uint32_t of_2, of_4, of_8, of_32;
} vectors[] = {
    {"",                      0,      0, 0, 0, 0},
    {"a",                     -16220, 0, 0, 4, 28},
    {"pk1",                   13741,  1, 1, 5, 13},
    {"alphabet",              -23478, 0, 2, 6, 22},
    {"TestKey",               11417,  1, 1, 1, 25},
    {"host-01.corp.example",  6020,   0, 0, 4, 4},
    {"S-1-5-18",              27312,  0, 0, 0, 16},
    {"0123456789ab",          -17054, 0, 2, 6, 30},
    {"0123456789abc",         -4167,  1, 3, 7, 7},
    {"日本語",                -23353, 1, 1, 1, 25},
    {"7",                     -15263, 1, 3, 7, 31},
    {"131",                   30562,  0, 2, 2, 2},
    {"7149583486996073602",   12977,  1, 1, 1, 17},
};
// clang-format on

static void matches_the_sdks(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct hd_slice key = hd_slice_cstr(vectors[i].key);
        CHECK_INT(emu_partition_hash(key), vectors[i].hash);
        CHECK_INT(emu_partition_of_key(key, 2), vectors[i].of_2);
        CHECK_INT(emu_partition_of_key(key, 4), vectors[i].of_4);
        CHECK_INT(emu_partition_of_key(key, 8), vectors[i].of_8);
        CHECK_INT(emu_partition_of_key(key, 32), vectors[i].of_32);
    }
}

static void stays_in_range(void)
{
    for (uint32_t n = 1; n <= 100; n++) {
        for (char c = ' '; c < 127; c++) {
            CHECK(emu_partition_of_key(hd_slice(&c, 1), n) < n);
        }
    }
}

HD_TEST_MAIN({"every vector of the SDKs", matches_the_sdks},
             {"always below the number of partitions", stays_in_range})
