/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: every source, every mistake, never in a message. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

static char directory[] = "/tmp/hubdrain-secret-XXXXXX";

static void write_secret(const char *name, const char *text, size_t len, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    CHECK_INT(write(fd, text, len), len);
    CHECK_INT(fchmod(fd, mode), 0);
    close(fd);
}

/* Loads `eventhub: {connection_string: VALUE}`; @ in the texts stands for the directory. */
static void check(const char *value, const char *want_report, const char *want_hub)
{
    static char credentials[256];
    const char *const environment[] = {credentials, "STATE_DIRECTORY=/tmp", "HUB=" HUB,
                                       "EMPTY=", NULL};
    char text[1024], want[1024];
    const char *at = strchr(value, '@');

    snprintf(credentials, sizeof(credentials), "CREDENTIALS_DIRECTORY=%s", directory);
    snprintf(text, sizeof(text), "eventhub:\n  connection_string: %.*s%s%s\n",
             (int)(at ? at - value : (int)strlen(value)), value, at ? directory : "",
             at ? at + 1 : "");
    at = strchr(want_report, '@');
    snprintf(want, sizeof(want), "%.*s%s%s",
             (int)(at ? at - want_report : (int)strlen(want_report)), want_report,
             at ? directory : "", at ? at + 1 : "");
    struct load result = load(text, environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), want);
    CHECK_STR(result.config ? result.config->address.hub : "(none)",
              want_hub ? want_hub : "(none)");
    CHECK_STR(result.config ? result.config->address.key : "c2VjcmV0", "c2VjcmV0");
    CHECK(!strstr(hd_buffer_cstr(&result.report), "c2Vj"));
    unload(&result);
}

static void reads_every_source(void)
{
    write_secret("good", HUB "\r\n\n", strlen(HUB) + 3, 0600);
    check("{env: HUB}", "", "hub");
    check("{file: @/good}", "", "hub");
    check("{file: \"${NOPE:-@}/good\"}", "", "hub");
    check("{credential: good}", "", "hub");
    check("\"${HUB}\"", "", "hub");
    check("\"" HUB "\"",
          "c:2:22: warning: eventhub.connection_string: the secret stands in the file; better is "
          "{env: NAME}, {file: path} or {credential: name}\n",
          "hub");
}

static void warns_of_open_files(void)
{
    write_secret("group", HUB, strlen(HUB), 0640);
    check("{file: @/group}",
          "c:2:29: warning: the secret file @/group is open to others (mode 0640): chmod 600 it\n",
          "hub");
    /* Credentials are made by systemd and belong to the service alone. */
    check("{credential: group}", "", "hub");
}

static void tells_bad_sources(void)
{
    check("{env: NOPE}", "c:2:28: the environment variable \"NOPE\" is not set\n", NULL);
    check("{env: EMPTY}", "c:2:28: the environment variable \"EMPTY\" is empty\n", NULL);
    check("{env: }", "c:2:28: eventhub.connection_string.env: expected a name\n", NULL);
    check("{env: [A]}", "c:2:28: eventhub.connection_string.env: expected a name\n", NULL);
    check("{fil: x}",
          "c:2:23: eventhub.connection_string: unknown source of a secret \"fil\"; did you mean "
          "file?\n",
          NULL);
    check(
        "{value: x}",
        "c:2:23: eventhub.connection_string: unknown source of a secret \"value\"; known are env, "
        "file, credential\n",
        NULL);
    check("{env: HUB, file: x}",
          "c:2:22: eventhub.connection_string: expected exactly one of env, file, credential\n",
          NULL);
    check("{}",
          "c:2:22: eventhub.connection_string: expected exactly one of env, file, credential\n",
          NULL);
    check("[x]",
          "c:2:22: eventhub.connection_string: expected text, {env: NAME}, {file: path} or "
          "{credential: name}\n",
          NULL);
    check("{credential: ../x}",
          "c:2:35: a credential is a name without a directory, not \"../x\"\n", NULL);
}

static void tells_bad_files(void)
{
    char large[70000];
    memset(large, 'x', sizeof(large));
    write_secret("empty", "\n", 1, 0600);
    write_secret("nul", "a\0b", 3, 0600);
    write_secret("large", large, sizeof(large), 0600);
    check("{file: @/none}",
          "c:2:29: cannot open the secret file @/none: No such file or directory\n", NULL);
    check("{credential: none}",
          "c:2:35: cannot open the secret file @/none: No such file or directory\n", NULL);
    check("{file: @/empty}", "c:2:29: the secret file @/empty is empty\n", NULL);
    check("{file: @/nul}", "c:2:29: the secret file @/nul holds a NUL byte: it is no text\n", NULL);
    check("{file: @/large}", "c:2:29: the secret file @/large is larger than 64 KiB\n", NULL);
    check("{file: @}", "c:2:29: cannot read the secret file @: Is a directory\n", NULL);
}

static void needs_the_credentials_directory(void)
{
    static const char *const environment[] = {"STATE_DIRECTORY=/tmp", NULL};
    struct load result =
        load("eventhub:\n  connection_string: {credential: eventhub}\n", environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report),
              "c:2:35: credential \"eventhub\": $CREDENTIALS_DIRECTORY is not set; systemd sets it "
              "for units with LoadCredential=eventhub:/path\n");
    unload(&result);
}

static void warns_of_the_command_line(void)
{
    static const char *const environment[] = {"STATE_DIRECTORY=/tmp", "HUB=" HUB, NULL};
    static const char *const plain[] = {"eventhub.connection_string=" HUB, NULL};
    static const char *const named[] = {"eventhub.connection_string.env=HUB", NULL};

    struct load result = load(NULL, environment, plain);
    CHECK_STR(
        hd_buffer_cstr(&result.report),
        "--set eventhub.connection_string: warning: eventhub.connection_string: every user of "
        "this machine can read a command line; use the environment, or --set "
        "eventhub.connection_string.file=PATH\n");
    CHECK(result.config);
    unload(&result);

    /* It replaces the source that the file names. */
    result = load("eventhub: {connection_string: {file: /nowhere}}\n", environment, named);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    CHECK(result.config);
    unload(&result);

    result = load(NULL, environment, named);
    CHECK_STR(hd_buffer_cstr(&result.report), "");
    CHECK(result.config);
    unload(&result);
}

/* Pasted into the wrong place, it is hidden all the same. */
static void hides_misplaced_secrets(void)
{
    check_report("log: {level: \"" HUB "\"}\n",
                 "c:1:14: log.level: \"...\" (not shown): expected error, warning, notice, info, "
                 "debug or trace\n");
    check_report("\"AccountKey=c2VjcmV0\": x\n",
                 "c:1:1: unknown key \"...\" (not shown); known are eventhub, checkpoint, memory, "
                 "pipeline, limits, normalise, outputs, dead_letter, log\n");
    check_report("eventhub: {name: \"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0/+==\"}\n",
                 "c:1:18: eventhub.name: \"...\" (not shown) is no event hub's name: at most 256 "
                 "letters, digits, '.', '-' and '_'\n");
}

static void run_in_directory(void)
{
    REQUIRE(mkdtemp(directory));
}

static void clean(void)
{
    static const char *const names[] = {"good", "group", "empty", "nul", "large"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        CHECK_INT(unlink(path), 0);
    }
    CHECK_INT(rmdir(directory), 0);
}

HD_TEST_MAIN({"has a directory", run_in_directory}, {"reads every source", reads_every_source},
             {"warns of open files", warns_of_open_files}, {"tells bad sources", tells_bad_sources},
             {"tells bad files", tells_bad_files},
             {"needs the credentials directory", needs_the_credentials_directory},
             {"warns of the command line", warns_of_the_command_line},
             {"hides misplaced secrets", hides_misplaced_secrets}, {"cleans up", clean})
