/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <cjson/cJSON.h>
#include <unistd.h>

#include "hubdrain/log.h"

static int fds[2];
static char text[8192];

static const char *read_line(void)
{
    ssize_t n = read(fds[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void logfmt_quotes(void)
{
    hd_log_init(HD_LOG_INFO, HD_LOG_JOURNAL);
    hd_log(HD_LOG_WARNING, "a.b", "it \"happened\"", HD_STR("key", "two words"),
           HD_STR("plain", "x"), HD_INT("n", -5), HD_STR("absent", NULL));
    CHECK_STR(read_line(),
              "<4>event=a.b msg=\"it \\\"happened\\\"\" key=\"two words\" plain=x n=-5\n");
    hd_log(HD_LOG_DEBUG, "a.b", "below the level");
    hd_log(HD_LOG_INFO, "c", "no fields");
    CHECK_STR(read_line(), "<6>event=c msg=\"no fields\"\n");
}

static void json_stays_json(void)
{
    hd_log_init(HD_LOG_INFO, HD_LOG_JSON);
    static char big[6000];
    memset(big, '"', sizeof(big) - 1);
    hd_log(HD_LOG_ERROR, "e", "line\nbreak \x01", HD_STR("a", big), HD_STR("b", big),
           HD_STR("c", "end"), HD_INT("n", INT64_MIN));
    cJSON *line = cJSON_Parse(read_line());
    REQUIRE(line);
    CHECK_STR(cJSON_GetObjectItem(line, "message")->valuestring, "line\nbreak \x01");
    CHECK_STR(cJSON_GetObjectItem(line, "level")->valuestring, "error");
    CHECK(cJSON_GetObjectItem(line, "a"));
    cJSON_Delete(line);
    CHECK(text[strlen(text) - 1] == '\n');
}

static void repeats_are_counted(void)
{
    hd_log_init(HD_LOG_INFO, HD_LOG_LOGFMT);
    for (int i = 0; i < 1000; i++) {
        hd_log_limited(HD_LOG_WARNING, "again", "again and again", HD_INT("i", i));
    }
    const char *line = read_line();
    CHECK(strstr(line, "i=0\n"));
    CHECK(!strstr(line, "i=1\n"));
    struct hd_log_limit limit = {.since_ms = -20000, .suppressed = 41};
    uint64_t suppressed = 0;
    CHECK(hd_log_limit_pass(&limit, &suppressed));
    CHECK_INT(suppressed, 41);
    CHECK(!hd_log_limit_pass(&limit, &suppressed));
}

static const struct hd_test_case cases[] = {
    {"logfmt quotes what needs it", logfmt_quotes},
    {"JSON lines stay JSON when cut", json_stays_json},
    {"repeats are suppressed and counted", repeats_are_counted}};

int main(void)
{
    if (pipe(fds) < 0) {
        return 1;
    }
    hd_log_set_fd(fds[1]);
    return hd_test_run(cases, sizeof(cases) / sizeof(cases[0]));
}
