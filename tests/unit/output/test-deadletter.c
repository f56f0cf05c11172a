/* SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "hubdrain/normalise.h"
#include "src/output/deadletter.h"
#include "support.h"

static int failing_syncs, syncs;

int fdatasync(int fd)
{
    syncs++;
    if (failing_syncs > 0) {
        failing_syncs--;
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static struct hd_deadletter *dead;
static struct hd_diag diag;

static int open_it(uint64_t rotate_bytes, uint64_t max_bytes)
{
    struct hd_deadletter_options options = {
        .path = path_of("dead.ndjson"), .rotate_bytes = rotate_bytes, .max_bytes = max_bytes};
    return hd_deadletter_new(&options, &dead, &diag);
}

static struct hd_dead_record record_of(struct hd_slice bytes)
{
    return (struct hd_dead_record){
        .reason = HD_DEAD_MALFORMED_XML,
        .text = "an element is not closed",
        .origin = {.namespace_name = HD_SLICE("ns.example"),
                   .hub = HD_SLICE("hub"),
                   .consumer_group = HD_SLICE("$Default"),
                   .partition = HD_SLICE("3"),
                   .offset = HD_SLICE("8589934592"),
                   .sequence_number = 8812345,
                   .enqueued_ms = 1795316400123,
                   .index = 2},
        .at = 17,
        .attempts = 1,
        .bytes = bytes,
    };
}

static int write_one(struct hd_slice bytes)
{
    struct hd_dead_record record = record_of(bytes);
    return hd_deadletter_write(dead, &record, 1, &diag);
}

/* The line of a record, parsed by somebody else's parser. */
static cJSON *line_of(const struct hd_dead_record *record)
{
    struct hd_buffer line = {0};
    CHECK_INT(hd_deadletter_encode(record, 1795316500456, &line), 0);
    CHECK(line.len > 0 && memchr(line.data, '\n', line.len) == line.data + line.len - 1);
    cJSON *json = cJSON_ParseWithLength(line.data, line.len);
    CHECK(json);
    hd_buffer_deinit(&line);
    return json;
}

static const char *text_of(const cJSON *json, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    return text ? text : "(none)";
}

static void fields(void)
{
    struct hd_dead_record record = record_of(hd_slice_cstr("<Event>\t\"half\xc3\xa9\n"));
    cJSON *json = line_of(&record);
    CHECK_STR(text_of(json, "time"), "2026-11-22T03:01:40.456Z");
    CHECK_STR(text_of(json, "output"), "decode");
    CHECK_STR(text_of(json, "reason"), hd_dead_reason_name(HD_DEAD_MALFORMED_XML));
    CHECK_STR(text_of(json, "text"), "an element is not closed");
    CHECK_STR(text_of(json, "namespace"), "ns.example");
    CHECK_STR(text_of(json, "hub"), "hub");
    CHECK_STR(text_of(json, "consumer_group"), "$Default");
    CHECK_STR(text_of(json, "partition"), "3");
    CHECK_STR(text_of(json, "offset"), "8589934592");
    CHECK_STR(text_of(json, "enqueued_time"), "2026-11-22T03:00:00.123Z");
    char id[HD_EVENT_ID_SIZE];
    hd_event_id(&record.origin, id);
    CHECK_STR(text_of(json, "event_id"), id);
    CHECK_STR(text_of(json, "body"), "<Event>\t\"half\xc3\xa9\n");
    CHECK_STR(text_of(json, "body_base64"), "(none)");
    CHECK_INT(cJSON_GetObjectItem(json, "sequence_number")->valuedouble, 8812345);
    CHECK_INT(cJSON_GetObjectItem(json, "index")->valuedouble, 2);
    CHECK_INT(cJSON_GetObjectItem(json, "at")->valuedouble, 17);
    CHECK_INT(cJSON_GetObjectItem(json, "attempts")->valuedouble, 1);
    CHECK_INT(cJSON_GetArraySize(json), 16);
    cJSON_Delete(json);
    record.output = "siem";
    record.reason = HD_DEAD_REJECTED;
    json = line_of(&record);
    CHECK_STR(text_of(json, "output"), "siem");
    CHECK_STR(text_of(json, "reason"), hd_dead_reason_name(HD_DEAD_REJECTED));
    cJSON_Delete(json);
}

static void any_bytes(void)
{
    static const struct {
        struct hd_slice bytes;
        const char *base64; /* NULL: it is UTF-8 */
    } rows[] = {
        // clang-format off
        {HD_SLICE(""), NULL},
        {HD_SLICE("{\"a\":1}"), NULL},
        {HD_SLICE("\xef\xbb\xbf{}"), NULL},
        {HD_SLICE("\xf0\x9f\x92\xa3"), NULL},
        {HD_SLICE("\xff"), "/w=="},
        {HD_SLICE("\xff\xfe"), "//4="},
        {HD_SLICE("\x1f\x8b\x08\x00"), "H4sIAA=="},
        {HD_SLICE("abc\xc3"), "YWJjww=="},
        {HD_SLICE("\xed\xa0\x80"), "7aCA"},     /* a surrogate */
        {HD_SLICE("\xc0\x80"), "wIA="},         /* overlong */
        {HD_SLICE("\xf4\x90\x80\x80"), "9JCAgA=="},
        // clang-format on
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_dead_record record = record_of(rows[i].bytes);
        cJSON *json = line_of(&record);
        CHECK_STR(text_of(json, "body_base64"), rows[i].base64 ? rows[i].base64 : "(none)");
        if (!rows[i].base64) {
            CHECK_SLICE(rows[i].bytes, text_of(json, "body"));
        }
        cJSON_Delete(json);
    }
    struct hd_dead_record record = record_of(hd_slice("a\0b", 3));
    struct hd_buffer line = {0};
    hd_deadletter_encode(&record, 0, &line);
    CHECK(strstr(hd_buffer_cstr(&line), "\"body\":\"a\\u0000b\""));
    hd_buffer_deinit(&line);
}

static void strange_origins(void)
{
    char text[3000];
    memset(text, 'x', sizeof(text));
    memcpy(text + 1023, "\xc3\xa9", 2); /* half of it is past the limit */
    text[sizeof(text) - 1] = '\0';
    struct hd_dead_record record = {.text = text, .origin.offset = HD_SLICE("\xff\"\\")};
    cJSON *json = line_of(&record);
    CHECK_INT(strlen(text_of(json, "text")), 1023);
    CHECK_STR(text_of(json, "offset"), "\xef\xbf\xbd\"\\");
    CHECK_STR(text_of(json, "partition"), "");
    cJSON_Delete(json);
    record.text = NULL;
    record.origin.enqueued_ms = INT64_MIN;
    record.origin.sequence_number = INT64_MIN;
    cJSON_Delete(line_of(&record));
}

static unsigned count_lines(const char *path)
{
    size_t len;
    char *data = read_whole(path, &len);
    unsigned n = 0;
    for (char *at = data, *end; at && (end = memchr(at, '\n', len - (size_t)(at - data)));
         at = end + 1) {
        cJSON *json = cJSON_ParseWithLength(at, (size_t)(end - at));
        CHECK(json);
        cJSON_Delete(json);
        n++;
    }
    CHECK(!data || len == 0 || data[len - 1] == '\n');
    free(data);
    return n;
}

static void count_into(const char *path, void *data)
{
    *(unsigned *)data += count_lines(path);
}

static void durable(void)
{
    enter_folder();
    REQUIRE(open_it(0, 0) == 0);
    syncs = 0;
    struct hd_dead_record records[3];
    for (int i = 0; i < 3; i++) {
        records[i] = record_of(hd_slice_cstr("body"));
    }
    CHECK_INT(hd_deadletter_write(dead, records, 3, &diag), 0);
    CHECK_INT(syncs, 1);
    CHECK_INT(hd_deadletter_write(dead, NULL, 0, &diag), 0);
    CHECK_INT(count_lines(path_of("dead.ndjson")), 3);
    struct stat st;
    CHECK(stat(path_of("dead.ndjson"), &st) == 0 && (st.st_mode & 0777) == 0600);
    int64_t before = size_of(path_of("dead.ndjson"));
    failing_syncs = 1;
    CHECK_INT(hd_deadletter_write(dead, records, 3, &diag), HD_OUTPUT_RETRY);
    CHECK_INT(size_of(path_of("dead.ndjson")), before); /* none */
    CHECK_INT(hd_deadletter_write(dead, records, 3, &diag), 0);
    CHECK_INT(count_lines(path_of("dead.ndjson")), 6);
    hd_deadletter_free(dead);

    FILE *file = fopen(path_of("dead.ndjson"), "ab");
    fputs("{\"to", file); /* a crash */
    fclose(file);
    REQUIRE(open_it(0, 0) == 0);
    CHECK_INT(write_one(hd_slice_cstr("after")), 0);
    hd_deadletter_free(dead);
    char *data = read_whole(path_of("dead.ndjson"), NULL);
    CHECK(strstr(data, "}\n{\"to\n{\"time\""));
    free(data);
}

static void all_or_none(void)
{
    enter_folder();
    if (!mount_small("1m")) {
        SKIP("may not mount (needs root)");
    }
    REQUIRE(open_it(0, 0) == 0);
    CHECK_INT(write_one(hd_slice_cstr("first")), 0);
    int64_t before = size_of(path_of("dead.ndjson"));
    static char body[200000]; /* nine of them: several blocks, and the disk is full in the third */
    memset(body, 'x', sizeof(body));
    struct hd_dead_record records[9];
    for (int i = 0; i < 9; i++) {
        records[i] = record_of(hd_slice(body, sizeof(body)));
    }
    CHECK_INT(hd_deadletter_write(dead, records, 9, &diag), HD_OUTPUT_RETRY);
    CHECK(strstr(diag.text, "No space left"));
    CHECK_INT(size_of(path_of("dead.ndjson")), before);
    CHECK_INT(hd_deadletter_write(dead, records, 4, &diag), 0);
    CHECK_INT(count_lines(path_of("dead.ndjson")), 5);
    hd_deadletter_free(dead);
    unmount_small();
}

static void full(void)
{
    enter_folder();
    REQUIRE(open_it(1500, 4000) == 0);
    unsigned written = 0;
    while (write_one(hd_slice_cstr("one more")) == 0 && written < 100) {
        written++;
    }
    CHECK(written >= 8 && written <= 11); /* about 400 bytes each */
    CHECK_INT(write_one(hd_slice_cstr("no")), HD_OUTPUT_BLOCK);
    CHECK(strstr(diag.text, "have reached their limit of 4000 bytes; move some away"));
    unsigned files = each_file("dead", NULL, NULL), lines = 0;
    CHECK(files >= 3);
    each_file("dead", count_into, &lines);
    CHECK_INT(lines, written);
    hd_deadletter_free(dead);

    REQUIRE(open_it(1500, 4000) == 0); /* a restart makes no room */
    CHECK_INT(write_one(hd_slice_cstr("no")), HD_OUTPUT_BLOCK);
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0, gone = 0; i < n; i++) {
        if (!gone && strncmp(entries[i]->d_name, "dead-", 5) == 0) {
            gone = unlink(path_of(entries[i]->d_name)) == 0;
        }
        free(entries[i]);
    }
    free(entries);
    CHECK_INT(write_one(hd_slice_cstr("yes")), 0);
    hd_deadletter_free(dead);
}

/* One call is one file, and begins a new one where all of it does not fit. */
static void group_begins_file(void)
{
    enter_folder();
    REQUIRE(open_it(1000000, 0) == 0);
    static char body[100000];
    memset(body, 'x', sizeof(body));
    struct hd_dead_record records[8];
    for (int i = 0; i < 8; i++) {
        records[i] = record_of(hd_slice(body, sizeof(body)));
    }
    CHECK_INT(hd_deadletter_write(dead, records, 3, &diag), 0);
    CHECK_INT(each_file("dead", NULL, NULL), 1);
    CHECK_INT(hd_deadletter_write(dead, records, 8, &diag), 0);
    CHECK_INT(each_file("dead", NULL, NULL), 2);
    CHECK_INT(count_lines(path_of("dead.ndjson")), 8);
    hd_deadletter_free(dead);
}

static void lengths(void)
{
    static const char *const bodies[] = {
        "",       "plain",        "\"\"\"\"\"\"",         "\x01\x02\x1f\x7f",
        "\t\n\r", "\xff\xfe\xfd", "\xc3\xa9\xe2\x82\xac", "\\\\\\"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct hd_buffer body = {0}, line = {0};
        for (int j = 0; j < 1000; j++) {
            hd_buffer_append_cstr(&body, bodies[i]);
        }
        struct hd_dead_record record = record_of(hd_buffer_slice(&body));
        CHECK_INT(hd_deadletter_encode(&record, 0, &line), 0);
        CHECK(hd_deadletter_line_bytes(&record) >= line.len);
        CHECK(hd_deadletter_line_bytes(&record) < 3 * line.len + 1024);
        hd_buffer_deinit(&body);
        hd_buffer_deinit(&line);
    }
}

static void reopen(void)
{
    enter_folder();
    REQUIRE(open_it(0, 0) == 0);
    CHECK_INT(write_one(hd_slice_cstr("one")), 0);
    rename(path_of("dead.ndjson"), path_of("moved"));
    CHECK_INT(hd_deadletter_reopen(dead, &diag), 0);
    CHECK_INT(write_one(hd_slice_cstr("two")), 0);
    unlink(path_of("dead.ndjson")); /* and nobody says so */
    CHECK_INT(write_one(hd_slice_cstr("three")), 0);
    CHECK_INT(count_lines(path_of("moved")), 1);
    CHECK_INT(count_lines(path_of("dead.ndjson")), 1);
    hd_deadletter_free(dead);
}

static void *write_many(void *data)
{
    (void)data;
    struct hd_diag own;
    unsigned failed = 0;
    for (int i = 0; i < 100; i++) {
        struct hd_dead_record records[2] = {record_of(hd_slice_cstr("left")),
                                            record_of(hd_slice_cstr("right"))};
        failed += hd_deadletter_write(dead, records, 2, &own) != 0;
    }
    return (void *)(uintptr_t)failed;
}

static void threads(void)
{
    enter_folder();
    REQUIRE(open_it(20000, 0) == 0);
    pthread_t workers[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&workers[i], NULL, write_many, NULL);
    }
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(workers[i], &failed);
        CHECK_INT((uintptr_t)failed, 0);
    }
    unsigned lines = 0;
    CHECK(each_file("dead", count_into, &lines) > 5);
    CHECK_INT(lines, 600);
    hd_deadletter_free(dead);
}

static void wrong_paths(void)
{
    enter_folder();
    struct hd_deadletter_options options = {.path = path_of("nowhere/dead")};
    CHECK_INT(hd_deadletter_new(&options, &dead, &diag), -ENOENT);
    CHECK(strstr(diag.text, "create the directory"));
    options.path = NULL;
    CHECK_INT(hd_deadletter_new(&options, &dead, &diag), -EINVAL);
    hd_deadletter_free(NULL);
}

HD_TEST_MAIN({"fields of a line", fields}, {"any bytes come back", any_bytes},
             {"strange origins are valid JSON", strange_origins},
             {"durable, and torn tails", durable}, {"all or none on a full disk", all_or_none},
             {"max_bytes over all files", full}, {"a group begins a file", group_begins_file},
             {"lengths of lines", lengths}, {"reopen and deleted file", reopen},
             {"many threads", threads}, {"wrong paths", wrong_paths})
