/* SPDX-License-Identifier: Apache-2.0 */
#include "../options.h"
#include "test.h"

#define HEAD                                                                                       \
    "{\"UserConfig\":{\"NamespaceConfig\":[{\"Type\":\"EventHub\",\"Name\":\"emulatorNs1\","
#define TAIL           "}],\"LoggingConfig\":{\"Type\":\"File\"}}}"
#define WITH(entities) HEAD "\"Entities\":" entities TAIL

static int parse(const char *text, struct emu_options *options, struct hd_diag *diag)
{
    *options = (struct emu_options){0};
    *diag = (struct hd_diag){0};
    return emu_config_parse(hd_slice_cstr(text), options, diag);
}

static void reads_the_official_file(void)
{
    struct emu_options options;
    struct hd_diag diag;
    int r = parse(
        WITH("[{\"Name\":\"eh1\",\"PartitionCount\":2,\"ConsumerGroups\":[{\"Name\":\"cg1\"}]},"
             "{\"Name\":\"eh-2\",\"PartitionCount\":\"32\"}]"),
        &options, &diag);
    CHECK_INT(r, 0);
    CHECK_STR(diag.text, "");
    REQUIRE(options.hubs != NULL && options.hubs->next != NULL);
    CHECK_STR(options.hubs->name, "eh1");
    CHECK_INT(options.hubs->partitions, 2);
    CHECK_STR(options.hubs->groups->name, "cg1");
    CHECK_STR(options.hubs->next->name, "eh-2");
    CHECK_INT(options.hubs->next->partitions, 32);
    CHECK(options.hubs->next->groups == NULL);
    emu_options_deinit(&options);
}

static void tells_every_broken_rule(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"[]", "UserConfig"},
        {"{\"UserConfig\":{}}", "NamespaceConfig: an array of 1 to 1"},
        {"{\"UserConfig\":{\"NamespaceConfig\":[{},{}]}}", "NamespaceConfig: an array of 1 to 1"},
        {"{\"UserConfig\":{\"NamespaceConfig\":[{\"Type\":\"ServiceBus\"}]}}", ".Type"},
        {"{\"UserConfig\":{\"NamespaceConfig\":[{\"Type\":\"EventHub\",\"Name\":\"x\"}]}}",
         "emulatorNs1"},
        {WITH("[]"), "Entities: an array of 1 to 10"},
        {WITH("[{\"PartitionCount\":1}]"), "Entities[0].Name"},
        {WITH("[{\"Name\":\"a/b\",\"PartitionCount\":1}]"), "letters"},
        {WITH("[{\"Name\":\"..\",\"PartitionCount\":1}]"), "letters"},
        {WITH("[{\"Name\":\".\",\"PartitionCount\":1}]"), "letters"},
        {WITH("[{\"Name\":\"-a\",\"PartitionCount\":1}]"), "letters"},
        {WITH("[{\"Name\":\"a$b\",\"PartitionCount\":1}]"), "letters"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":1,\"ConsumerGroups\":[{\"Name\":\"../g\"}]}]"),
         "ConsumerGroups[0].Name: \"../g\" may hold letters"},
        {WITH("[{\"Name\":\"a\"}]"), "PartitionCount: a whole number from 1 to 32"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":0}]"), "PartitionCount"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":33}]"), "PartitionCount"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":1.5}]"), "PartitionCount"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":\"2x\"}]"), "PartitionCount"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":1},{\"Name\":\"A\",\"PartitionCount\":1}]"),
         "there twice"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":1,\"ConsumerGroups\":[{\"Name\":\"$Default\"}]}"
              "]"),
         "$default"},
        {WITH("[{\"Name\":\"a\",\"PartitionCount\":1,\"ConsumerGroups\":[]}]"),
         "ConsumerGroups: an array of 1 to 20"},
        {HEAD "\"Entities\":[{\"Name\":\"a\",\"PartitionCount\":1}]}]}}", "LoggingConfig.Type"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct emu_options options;
        struct hd_diag diag;
        CHECK_INT(parse(bad[i].text, &options, &diag), EMU_CONFIG_E_INVALID);
        bool told = strstr(diag.text, bad[i].says) != NULL;
        CHECK(told);
        if (!told) {
            printf("# row %zu: \"%s\"\n", i, diag.text);
        }
        emu_options_deinit(&options);
    }
}

static void knows_a_name(void)
{
    static const char *const good[] = {"a", "9", "A.b-c_d", "a..b", "logs-", "123"};
    static const char *const bad[] = {"",   ".",   "..",  "../x", "a/b", "-a",       "_a",
                                      ".a", "a b", "a\n", "$a",   "a$",  "\xc3\xbc", "abcdef"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(emu_name_is_valid(good[i], 7));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!emu_name_is_valid(bad[i], 5));
    }
}

HD_TEST_MAIN({"names of hubs and consumer groups", knows_a_name},
             {"the official emulator's file", reads_the_official_file},
             {"each broken rule is told", tells_every_broken_rule})
