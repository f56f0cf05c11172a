/* SPDX-License-Identifier: Apache-2.0 */
/* What the option tables take. What they print is tested with the program (integration/cli). */
#include <fcntl.h>
#include <unistd.h>

#include "src/cli/options.h"
#include "test.h"

struct values {
    struct cli_common common;
    const char *text, *word;
    bool flag;
};

static const char *const words[] = {"one", "two", NULL};
static const struct cli_option options[] = {
    CLI_COMMON_OPTIONS,
    {"text", 't', CLI_TEXT, "TEXT", "any text", offsetof(struct values, text), NULL, NULL},
    {"word", 0, CLI_TEXT, "WORD", "a word", offsetof(struct values, word), NULL, words},
    {"flag", 'f', CLI_FLAG, NULL, "a flag", offsetof(struct values, flag), NULL, NULL},
};
static const struct cli_command command = {
    "test", NULL, NULL, "[FILE...]", "a test", NULL, options, sizeof(options) / sizeof(options[0])};

#define ARGS_MAX 16
static char *args[ARGS_MAX];

/* Parses up to the NULL; complaints go nowhere. */
static int parse(struct values *values, int *ret_operands, const char *const *list)
{
    int argc = 1, saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    static char texts[ARGS_MAX][64];

    memset(values, 0, sizeof(*values));
    *ret_operands = -1;
    args[0] = texts[0];
    snprintf(texts[0], sizeof(texts[0]), "test");
    for (; list[argc - 1] && argc < ARGS_MAX; argc++) {
        snprintf(texts[argc], sizeof(texts[argc]), "%s", list[argc - 1]);
        args[argc] = texts[argc];
    }
    dup2(null, STDERR_FILENO);
    int r = cli_parse(&command, argc, args, values, ret_operands);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(null);
    return r;
}

#define PARSE(...) parse(&values, &operands, (const char *const[]){__VA_ARGS__, NULL})

static void takes_every_form(void)
{
    struct values values;
    int operands;

    CHECK_INT(PARSE("--text", "a", "--flag"), CLI_GO_ON);
    CHECK_STR(values.text, "a");
    CHECK(values.flag);
    CHECK_INT(PARSE("--text=a=b"), CLI_GO_ON);
    CHECK_STR(values.text, "a=b");
    CHECK(!values.flag);
    CHECK_INT(PARSE("--text="), CLI_GO_ON);
    CHECK_STR(values.text, "");
    CHECK_INT(PARSE("-t", "a"), CLI_GO_ON);
    CHECK_STR(values.text, "a");
    CHECK_INT(PARSE("-ta"), CLI_GO_ON);
    CHECK_STR(values.text, "a");
    CHECK_INT(PARSE("-ft", "-x"), CLI_GO_ON);
    CHECK(values.flag);
    CHECK_STR(values.text, "-x");
    CHECK_INT(PARSE("--text", "--flag"), CLI_GO_ON); /* what follows is the value */
    CHECK_STR(values.text, "--flag");
    CHECK(!values.flag);
    CHECK_INT(PARSE("-t", "a", "-t", "b"), CLI_GO_ON); /* the last one wins */
    CHECK_STR(values.text, "b");
}

static void gathers_operands(void)
{
    struct values values;
    int operands;

    CHECK_INT(PARSE("a", "--flag", "-", "--text", "x", "b"), CLI_GO_ON);
    CHECK_INT(operands, 3);
    CHECK_STR(args[1], "a");
    CHECK_STR(args[2], "-");
    CHECK_STR(args[3], "b");
    CHECK_INT(PARSE("--", "--flag", "--"), CLI_GO_ON);
    CHECK_INT(operands, 2);
    CHECK_STR(args[1], "--flag");
    CHECK_STR(args[2], "--");
    CHECK(!values.flag);
    CHECK_INT(PARSE("--flag"), CLI_GO_ON);
    CHECK_INT(operands, 0);
}

static void gathers_settings(void)
{
    struct values values;
    int operands;

    CHECK_INT(PARSE("--set", "a.b=c", "--log-level=debug", "--set=d=e"), CLI_GO_ON);
    CHECK_INT(values.common.n_sets, 3);
    CHECK(values.common.sets[0].key == NULL);
    CHECK_STR(values.common.sets[0].value, "a.b=c");
    CHECK(values.common.sets[0].label == NULL);
    CHECK_STR(values.common.sets[1].key, "log.level");
    CHECK_STR(values.common.sets[1].value, "debug");
    CHECK_STR(values.common.sets[1].label, "--log-level");
    CHECK_STR(values.common.sets[2].value, "d=e");
}

static void refuses_the_rest(void)
{
    struct values values;
    int operands;

    CHECK_INT(PARSE("--nothing"), HD_EXIT_USAGE);
    CHECK_INT(PARSE("--tex", "a"), HD_EXIT_USAGE); /* no abbreviations */
    CHECK_INT(PARSE("-x"), HD_EXIT_USAGE);
    CHECK_INT(PARSE("-fx"), HD_EXIT_USAGE);
    CHECK_INT(PARSE("--flag=yes"), HD_EXIT_USAGE);
    CHECK_INT(PARSE("--text"), HD_EXIT_USAGE);
    CHECK_INT(PARSE("-t"), HD_EXIT_USAGE);
    CHECK_INT(PARSE("--word", "three"), HD_EXIT_USAGE);
    CHECK_INT(PARSE("--word", "two"), CLI_GO_ON);
    CHECK_STR(values.word, "two");
    CHECK_INT(PARSE("--="), HD_EXIT_USAGE);
    CHECK_INT(PARSE("---"), HD_EXIT_USAGE);
}

static void knows_its_commands(void)
{
    CHECK(cli_n_commands >= 6);
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *row = &cli_commands[i];
        CHECK(row->run && row->summary && cli_command_find(row->name) == row);
        for (size_t j = 0; j < row->n_options; j++) {
            CHECK(row->options[j].help && strlen(row->options[j].name) < 16);
            CHECK((row->options[j].kind == CLI_FLAG) == (row->options[j].value == NULL));
        }
    }
    CHECK(cli_command_find("validate") == cli_command_find("check"));
    CHECK(cli_command_find("normalize") == cli_command_find("normalise"));
    CHECK(cli_command_find("nothing") == NULL);
}

HD_TEST_MAIN({"takes every form of an option", takes_every_form},
             {"gathers operands", gathers_operands}, {"gathers settings", gathers_settings},
             {"refuses the rest", refuses_the_rest}, {"knows its commands", knows_its_commands})
