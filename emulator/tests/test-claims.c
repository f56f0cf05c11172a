/* SPDX-License-Identifier: Apache-2.0 */
#include "../address.h"
#include "../claims.h"
#include "test.h"

#define BEFORE 1767225000000
#define AFTER  1767225600000

static const struct emu_options options = {
    .keys = {{"RootManageSharedAccessKey", "SAS_KEY_VALUE"}, {"listen only+key", "p+q/r=="}},
    .n_keys = 2,
};

static int verify(const char *token, int64_t now_ms, const char *want_path)
{
    struct hd_diag diag = {0};
    char *path;
    int64_t expires_ms;
    int status =
        emu_claims_verify(&options, hd_slice_cstr(token), now_ms, &path, &expires_ms, &diag);
    if (status == 0) {
        CHECK_STR(path, want_path);
        CHECK_INT(expires_ms, AFTER);
    } else {
        CHECK(diag.text[0] != 0);
        CHECK(path == NULL);
    }
    free(path);
    return status;
}

#define SIG_A "PPq53sXzzAhON1gprC2fVj5OGqazDdQGTQFrpeycKbQ%3D"
#define SIG_C "LHJiIi5OUN3FOc%2Fi8gkN2TDkEPC1lltcNnq5OZl2Tfk%3D"

static void takes_the_sdks_signatures(void)
{
    CHECK_INT(verify("SharedAccessSignature sr=sb%3A%2F%2Flocalhost%2Feh1&sig=" SIG_A
                     "&se=1767225600&skn=RootManageSharedAccessKey",
                     BEFORE, "eh1"),
              0);
    /* any order; the key name escaped twice */
    CHECK_INT(verify("SharedAccessSignature skn=listen%2Bonly%252Bkey&se=1767225600&sig=" SIG_C
                     "&sr=amqps%3A%2F%2Fcontoso.servicebus.windows.net%2Fhub1",
                     BEFORE, "hub1"),
              0);
}

static void refuses_others(void)
{
    CHECK_INT(verify("SharedAccessSignature sr=sb%3A%2F%2Flocalhost%2Feh1&sig=" SIG_A
                     "&se=1767225600&skn=RootManageSharedAccessKey",
                     AFTER, ""),
              401);
    CHECK_INT(verify("SharedAccessSignature sr=sb%3A%2F%2Flocalhost%2Feh2&sig=" SIG_A
                     "&se=1767225600&skn=RootManageSharedAccessKey",
                     BEFORE, ""),
              401);
    CHECK_INT(verify("SharedAccessSignature sr=sb%3A%2F%2Flocalhost%2Feh1&sig=" SIG_A
                     "&se=1767225601&skn=RootManageSharedAccessKey",
                     BEFORE, ""),
              401);
    CHECK_INT(
        verify("SharedAccessSignature sr=sb%3A%2F%2Flocalhost%2Feh1&se=1767225600", BEFORE, ""),
        400);
    CHECK_INT(verify("SharedAccessSignature ", BEFORE, ""), 400);
    CHECK_INT(verify("", BEFORE, ""), 401);
    CHECK_INT(verify("aaa.bbb.ccc", BEFORE, ""), 401); /* jwt without --accept-jwt */
}

static void a_claim_covers_what_is_below(void)
{
    struct emu_claims claims = {0};
    CHECK(!emu_claims_allow(&claims, NULL, 0));
    CHECK_INT(emu_claims_put(&claims, "hub/consumergroups/$default", 100), 0);
    CHECK(emu_claims_allow(&claims, "hub/consumergroups/$default/partitions/0", 99));
    CHECK(!emu_claims_allow(&claims, "hub/consumergroups/$default/partitions/0", 100));
    CHECK(!emu_claims_allow(&claims, "hub/consumergroups/$default2/partitions/0", 99));
    CHECK(!emu_claims_allow(&claims, "hub", 99));
    CHECK(emu_claims_allow(&claims, NULL, 99));
    CHECK_INT(emu_claims_put(&claims, "hub/consumergroups/$default", 200), 0);
    CHECK(emu_claims_allow(&claims, "hub/consumergroups/$default", 199));
    CHECK_INT(emu_claims_put(&claims, "", 300), 0);
    CHECK(emu_claims_allow(&claims, "anything", 299));
    emu_claims_deinit(&claims);
}

static void reads_paths(void)
{
    static const char *const paths[][2] = {
        {"sb://localhost:25672/Eh1/", "eh1"},
        {"amqps://host/hub/ConsumerGroups/$Default/Partitions/0",
         "hub/consumergroups/$default/partitions/0"},
        {"hub", "hub"},
        {"/hub", "hub"},
        {"sb://host/", ""},
        {"sb://host", ""},
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char *path = emu_claims_path(hd_slice_cstr(paths[i][0]));
        CHECK_STR(path, paths[i][1]);
        free(path);
    }
}

static void reads_addresses(void)
{
    static const struct {
        const char *text;
        enum emu_node node;
        const char *hub, *group, *partition;
    } rows[] = {
        {"$cbs", EMU_NODE_CBS, "$cbs", "", ""},
        {"$management", EMU_NODE_MANAGEMENT, "$management", "", ""},
        {"hub/$management", EMU_NODE_MANAGEMENT, "hub", "", ""},
        {"hub", EMU_NODE_HUB, "hub", "", ""},
        {"/hub", EMU_NODE_HUB, "hub", "", ""},
        {"amqps://host:5671/hub/Partitions/7", EMU_NODE_HUB, "hub", "", "7"},
        {"hub/ConsumerGroups/$Default/Partitions/0", EMU_NODE_PARTITION, "hub", "$Default", "0"},
        {"sb://h/hub/consumergroups/g/partitions/1", EMU_NODE_PARTITION, "hub", "g", "1"},
        {"", EMU_NODE_UNKNOWN, "", "", ""},
        {"hub/x", EMU_NODE_UNKNOWN, "hub", "", ""},
        {"a/b/c/d/e/f/g/h", EMU_NODE_UNKNOWN, "", "", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct emu_address a = emu_address_parse(rows[i].text);
        CHECK_INT(a.node, rows[i].node);
        CHECK_SLICE(a.hub, rows[i].hub);
        CHECK_SLICE(a.group, rows[i].group);
        CHECK_SLICE(a.partition, rows[i].partition);
    }
}

HD_TEST_MAIN({"signatures that the SDKs made", takes_the_sdks_signatures},
             {"expired, forged, incomplete, unknown", refuses_others},
             {"a claim covers what lies below it until it expires", a_claim_covers_what_is_below},
             {"paths of resources", reads_paths}, {"addresses of links", reads_addresses})
