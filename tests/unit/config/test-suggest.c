/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/suggest.h"
#include "test.h"

static const char *const keys[] = {"connection_string", "name", "consumer_group", "start",
                                   "connections"};

static const char *suggest(const char *word)
{
    const char *meant = hd_suggest(word, keys, sizeof(keys) / sizeof(keys[0]));
    return meant ? meant : "(none)";
}

static void finds_slips(void)
{
    CHECK_STR(suggest("nmae"), "name"); /* swapped */
    CHECK_STR(suggest("nam"), "name");
    CHECK_STR(suggest("names"), "name");
    CHECK_STR(suggest("nane"), "name");
    CHECK_STR(suggest("Name"), "name");
    CHECK_STR(suggest("connection-string"), "connection_string");
    CHECK_STR(suggest("connectionString"), "connection_string");
    CHECK_STR(suggest("conection"), "connections");
    CHECK_STR(suggest("consumergroup"), "consumer_group");
}

static void finds_nothing_far_away(void)
{
    CHECK_STR(suggest("memory"), "(none)");
    CHECK_STR(suggest("x"), "(none)");
    CHECK_STR(suggest(""), "(none)");
    CHECK(hd_suggest("name", keys, 0) == NULL);
}

static void bears_long_words(void)
{
    char word[4096];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    CHECK_STR(suggest(word), "(none)");
}

HD_TEST_MAIN({"finds slips of the keyboard", finds_slips},
             {"finds nothing far away", finds_nothing_far_away},
             {"bears long words", bears_long_words})
