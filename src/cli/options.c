/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: getopt_long knows neither "did you mean" nor tables that also print the help, and its
 * state is global; the rules are few enough to be written down here once. Wrong usage says what is
 * wrong, points to --help, and exits with 64.
 */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hubdrain/suggest.h"

#define OPTIONS_MAX 32

static const struct cli_option everywhere[] = {
    {"help", 'h', CLI_FLAG, NULL, "this text", 0, NULL, NULL},
    {"version", 'V', CLI_FLAG, NULL, "version and libraries", 0, NULL, NULL},
};

void cli_error(const char *format, ...)
{
    va_list args;

    fputs("hubdrain: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static int usage_error(const struct cli_command *command)
{
    fprintf(stderr, "Try 'hubdrain %s --help'.\n", command->name);
    return HD_EXIT_USAGE;
}

static const struct cli_option *find(const struct cli_command *command, const char *name,
                                     size_t len, char letter)
{
    for (size_t i = 0; i < command->n_options + 2; i++) {
        const struct cli_option *option =
            i < command->n_options ? &command->options[i] : &everywhere[i - command->n_options];
        if (letter ? option->letter == letter
                   : strlen(option->name) == len && memcmp(option->name, name, len) == 0) {
            return option;
        }
    }
    return NULL;
}

static int unknown(const struct cli_command *command, const char *argument, size_t len)
{
    const char *names[OPTIONS_MAX];
    char word[64];
    size_t n = 0;

    for (; n < command->n_options && n < OPTIONS_MAX - 2; n++) {
        names[n] = command->options[n].name;
    }
    names[n++] = everywhere[0].name;
    names[n++] = everywhere[1].name;
    snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60),
             argument + strspn(argument, "-"));
    const char *meant = hd_suggest(word, names, n);
    if (meant) {
        cli_error("%s: unknown option --%s; did you mean --%s?", command->name, word, meant);
    } else {
        cli_error("%s: unknown option %s%s", command->name, argument[1] == '-' ? "--" : "-", word);
    }
    return usage_error(command);
}

static int take_text(const struct cli_command *command, const struct cli_option *option,
                     const char *value, void *values)
{
    if (!option->words) {
        memcpy((char *)values + option->offset, &value, sizeof(value));
        return CLI_GO_ON;
    }
    size_t n = 0;
    for (; option->words[n]; n++) {
        if (strcmp(option->words[n], value) == 0) {
            memcpy((char *)values + option->offset, &option->words[n], sizeof(value));
            return CLI_GO_ON;
        }
    }
    fprintf(stderr, "hubdrain: %s: --%s is one of", command->name, option->name);
    for (size_t i = 0; i < n; i++) {
        fprintf(stderr, "%s %s", i ? "," : "", option->words[i]);
    }
    fputc('\n', stderr);
    return usage_error(command);
}

static int take_set(const struct cli_command *command, const struct cli_option *option,
                    const char *value, struct cli_common *common)
{
    static const char *const labels[][2] = {{"log-level", "--log-level"},
                                            {"log-format", "--log-format"}};
    const char *label = NULL;

    if (common->n_sets == CLI_SETS_MAX) {
        cli_error("%s: more than %d settings on the command line; use a file", command->name,
                  CLI_SETS_MAX);
        return usage_error(command);
    }
    for (size_t i = 0; i < 2; i++) {
        label = strcmp(option->name, labels[i][0]) == 0 ? labels[i][1] : label;
    }
    common->sets[common->n_sets++] = (struct hd_config_override){option->key, value, label};
    return CLI_GO_ON;
}

/* `value` NULL: none is attached; the next argument may be it. */
static int take(const struct cli_command *command, const struct cli_option *option,
                const char *value, int argc, char **argv, int *at, void *values)
{
    if (option->kind == CLI_FLAG) {
        if (value) {
            cli_error("%s: --%s takes no value", command->name, option->name);
            return usage_error(command);
        }
        if (option == &everywhere[0]) {
            return cli_help(command);
        }
        if (option == &everywhere[1]) {
            return cli_version();
        }
        const bool yes = true;
        memcpy((char *)values + option->offset, &yes, sizeof(yes));
        return CLI_GO_ON;
    }
    if (!value) {
        if (*at + 1 >= argc) {
            cli_error("%s: --%s needs a value: --%s %s", command->name, option->name, option->name,
                      option->value);
            return usage_error(command);
        }
        value = argv[++*at];
    }
    return option->kind == CLI_SET ? take_set(command, option, value, values)
                                   : take_text(command, option, value, values);
}

static int take_long(const struct cli_command *command, int argc, char **argv, int *at,
                     void *values)
{
    const char *argument = argv[*at], *name = argument + 2;
    size_t len = strcspn(name, "=");
    const struct cli_option *option = find(command, name, len, 0);

    return option ? take(command, option, name[len] ? name + len + 1 : NULL, argc, argv, at, values)
                  : unknown(command, argument, len + 2);
}

/* -c FILE, -cFILE, and flags in one word: -hV. */
static int take_short(const struct cli_command *command, int argc, char **argv, int *at,
                      void *values)
{
    const char *argument = argv[*at];

    for (const char *p = argument + 1; *p; p++) {
        const struct cli_option *option = find(command, NULL, 0, *p);
        if (!option) {
            return unknown(command, argument, strlen(argument));
        }
        bool flag = option->kind == CLI_FLAG;
        int r = take(command, option, flag || !p[1] ? NULL : p + 1, argc, argv, at, values);
        if (r != CLI_GO_ON || !flag) {
            return r;
        }
    }
    return CLI_GO_ON;
}

int cli_parse(const struct cli_command *command, int argc, char **argv, void *values,
              int *ret_operands)
{
    bool options = true;
    int n = 0;

    for (int i = 1; i < argc; i++) {
        int r = CLI_GO_ON;
        if (!options || argv[i][0] != '-' || !argv[i][1]) {
            argv[++n] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (argv[i][1] == '-') {
            r = take_long(command, argc, argv, &i, values);
        } else {
            r = take_short(command, argc, argv, &i, values);
        }
        if (r != CLI_GO_ON) {
            return r;
        }
    }
    if (n && !command->operands) {
        cli_error("%s: takes no arguments, got '%s'", command->name, argv[1]);
        return usage_error(command);
    }
    *ret_operands = n;
    return CLI_GO_ON;
}

/* ---- help ---- */

#define HELP_COLUMN 27
#define HELP_WIDTH  78

/* Words from `column` on, in lines of less than 80 columns. */
static void print_wrapped(const char *text, int column)
{
    int at = column;

    while (*text) {
        size_t len = strcspn(text, " ");
        if (at > column && at + 1 + (int)len > HELP_WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        }
        at += printf("%s%.*s", at > column ? " " : "", (int)len, text);
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

static void print_option(const struct cli_option *option)
{
    char left[64], letter[8] = "    ";

    if (option->letter) {
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    }
    snprintf(left, sizeof(left), "  %s--%s%s%s", letter, option->name, option->value ? " " : "",
             option->value ? option->value : "");
    printf("%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN - 1) {
        printf("\n%*s", HELP_COLUMN, "");
    }
    print_wrapped(option->help, HELP_COLUMN);
}

static void print_program(void)
{
    fputs("Usage: hubdrain COMMAND [OPTION...]\n\n"
          "Drains Windows events out of an Azure event hub, normalises them, delivers\n"
          "them, and checkpoints how far it got.\n\nCommands:\n",
          stdout);
    for (size_t i = 0; i < cli_n_commands; i++) {
        printf("  %-12s", cli_commands[i].name);
        print_wrapped(cli_commands[i].summary, 14);
    }
    fputs("\nOptions of every command:\n", stdout);
    print_option(&everywhere[0]);
    print_option(&everywhere[1]);
    fputs("\nQuick start, with nothing but two variables (events on standard output):\n"
          "  export HUBDRAIN_EVENTHUB_CONNECTION_STRING='Endpoint=sb://...;EntityPath=hub'\n"
          "  export HUBDRAIN_STORAGE_CONNECTION_STRING='DefaultEndpointsProtocol=...'\n"
          "  hubdrain check && hubdrain run\n\n"
          "Exit status: 0 good; 64 wrong usage; 65 bad input data; 66 no such input;\n"
          "69 service unavailable; 70 internal; 71 system; 73 cannot create; 74 I/O;\n"
          "75 try again; 77 permission; 78 configuration.\n\n"
          "'hubdrain COMMAND --help' says more about each.\n",
          stdout);
}

int cli_help(const struct cli_command *command)
{
    if (!command) {
        print_program();
        return cli_flush();
    }
    printf("Usage: hubdrain %s [OPTION...]%s%s\n\n", command->name, command->operands ? " " : "",
           command->operands ? command->operands : "");
    print_wrapped(command->summary, 0);
    puts("\nOptions:");
    for (size_t i = 0; i < command->n_options; i++) {
        print_option(&command->options[i]);
    }
    print_option(&everywhere[0]);
    print_option(&everywhere[1]);
    if (command->text) {
        printf("\n%s", command->text);
    }
    return cli_flush();
}

int cli_flush(void)
{
    if (fflush(stdout) || ferror(stdout)) {
        cli_error("cannot write to standard output: %s", strerror(errno));
        return HD_EXIT_IO;
    }
    return HD_EXIT_OK;
}
