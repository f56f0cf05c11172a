/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a partition: positions, retention, and what survives in a directory. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../storage.h"
#include "hex.h"

static void ignore(void *context, struct emu_partition *partition)
{
    (void)context;
    (void)partition;
}

static struct emu_partition *open_hub(struct emu_namespace *ns, uint64_t retain, const char *dir)
{
    struct emu_hub *hub;
    struct hd_diag diag = {0};
    *ns = (struct emu_namespace){.retain_bytes = retain, .appended = ignore};
    CHECK_INT(emu_hub_add(ns, hd_slice_cstr("hub"), 1, &hub), 0);
    if (dir != NULL) {
        CHECK_INT(emu_storage_open(dir, &hub->partitions[0], &hub->partitions[0].storage, &diag),
                  0);
        CHECK_STR(diag.text, "");
    }
    return &hub->partitions[0];
}

static void append(struct emu_partition *p, const char *text)
{
    CHECK_INT(emu_hub_append_body(p->hub, p, hd_slice(NULL, 0), hd_slice_cstr(text)), 0);
}

static int seek(const struct emu_partition *p, const char *expression, int64_t *ret,
                struct hd_diag *diag)
{
    struct emu_filter filter;
    CHECK(emu_filter_parse(hd_slice_cstr(expression), &filter));
    return emu_partition_seek(p, &filter, ret, diag);
}

static void check_body(const struct emu_partition *p, int64_t seq, const char *want)
{
    const struct emu_event *event = emu_partition_event(p, seq);
    struct emu_message message;
    struct emu_value value;
    CHECK(emu_message_parse(hd_slice(event->data, event->len), &message));
    CHECK_SLICE(message.body.bytes, want);
    CHECK(emu_map_find(&message.annotations, "x-opt-sequence-number", &value));
    CHECK_INT(value.i, seq);
    CHECK(emu_map_find(&message.annotations, "x-opt-offset", &value));
    CHECK_INT(value.kind, EMU_STRING);
    CHECK_INT(strtoll(value.bytes.data, NULL, 10), event->offset);
    CHECK(emu_map_find(&message.annotations, "x-opt-enqueued-time", &value));
    CHECK_INT(value.i, event->enqueued_ms);
}

static void finds_positions(void)
{
    struct emu_namespace ns;
    struct emu_partition *p = open_hub(&ns, 1 << 20, NULL);
    struct hd_diag diag = {0};
    char text[128];
    int64_t seq;
    CHECK_INT(seek(p, "amqp.annotation.x-opt-offset > '-1'", &seq, &diag), 0);
    CHECK_INT(seq, 0);
    CHECK_INT(seek(p, "amqp.annotation.x-opt-offset > '0'", &seq, &diag), EMU_HUB_E_AHEAD);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "event %d", i);
        append(p, text);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "event %d", i);
        check_body(p, i, text);
        snprintf(text, sizeof(text), "amqp.annotation.x-opt-offset > '%lld'",
                 (long long)emu_partition_event(p, i)->offset);
        CHECK_INT(seek(p, text, &seq, &diag), 0);
        CHECK_INT(seq, i + 1);
        snprintf(text, sizeof(text), "amqp.annotation.x-opt-offset >= '%lld'",
                 (long long)emu_partition_event(p, i)->offset);
        CHECK_INT(seek(p, text, &seq, &diag), 0);
        CHECK_INT(seq, i);
        CHECK(emu_partition_event(p, i)->offset != i);
    }
    CHECK_INT(seek(p, "amqp.annotation.x-opt-sequence-number > '98'", &seq, &diag), 0);
    CHECK_INT(seq, 99);
    CHECK_INT(seek(p, "amqp.annotation.x-opt-sequence-number > '99'", &seq, &diag), 0);
    CHECK_INT(seq, 100);
    CHECK_INT(seek(p, "amqp.annotation.x-opt-sequence-number > '100'", &seq, &diag),
              EMU_HUB_E_AHEAD);
    CHECK_STR(diag.text, "The supplied sequence number '100' is invalid. The last sequence number "
                         "in the system is '99'");
    CHECK_INT(seek(p, "amqp.annotation.x-opt-offset > '99999999'", &seq, &diag), EMU_HUB_E_AHEAD);
    snprintf(text, sizeof(text),
             "The supplied offset '99999999' is invalid. The last offset in the "
             "system is '%lld'",
             (long long)p->last_offset);
    CHECK_STR(diag.text, text);
    CHECK_INT(seek(p, "amqp.annotation.x-opt-enqueued-time > '0'", &seq, &diag), 0);
    CHECK_INT(seq, 0);
    CHECK_INT(seek(p, "amqp.annotation.x-opt-enqueued-time > '99999999999999'", &seq, &diag), 0);
    CHECK_INT(seq, 100);
    emu_namespace_deinit(&ns);
}

static void drops_the_oldest(void)
{
    struct emu_namespace ns;
    static char body[1000];
    memset(body, 'x', sizeof(body) - 1);
    struct emu_partition *p = open_hub(&ns, 10000, NULL);
    for (int i = 0; i < 5000; i++) {
        append(p, body);
        CHECK(ns.bytes <= 10000);
    }
    CHECK_INT(p->next_seq, 5000);
    CHECK(p->begin_seq > 4980 && p->begin_seq < 5000);
    check_body(p, p->begin_seq, body);
    struct hd_diag diag;
    int64_t seq;
    CHECK_INT(seek(p, "amqp.annotation.x-opt-sequence-number > '3'", &seq, &diag), 0);
    CHECK_INT(seq, p->begin_seq); /* older than retention: the oldest there is */
    emu_namespace_deinit(&ns);
    /* one event larger than everything that may be kept is kept all the same */
    p = open_hub(&ns, 10, NULL);
    append(p, body);
    CHECK_INT(p->next_seq - p->begin_seq, 1);
    emu_namespace_deinit(&ns);
}

static void appends_all_or_nothing(void)
{
    struct emu_namespace ns;
    struct emu_partition *p = open_hub(&ns, 1 << 20, NULL);
    struct hd_buffer bytes = {0};
    put_hex(&bytes, "005375a00c 005375a0077b2262223a327d 005375a002 6869");
    CHECK_INT(emu_hub_append(p->hub, NULL, hd_buffer_slice(&bytes), EMU_MESSAGE_FORMAT_BATCH),
              EMU_HUB_E_MALFORMED);
    CHECK_INT(p->next_seq, 0);
    CHECK_INT(emu_hub_append(p->hub, NULL, hd_slice(bytes.data, 17), EMU_MESSAGE_FORMAT_BATCH), 0);
    CHECK_INT(p->next_seq, 1);
    hd_buffer_deinit(&bytes);
    emu_namespace_deinit(&ns);
}

static void keeps_what_the_sender_wrote(void)
{
    struct emu_namespace ns;
    struct emu_partition *p = open_hub(&ns, 1 << 20, NULL);
    struct hd_buffer bytes = {0};
    struct emu_message message;
    struct emu_value value;
    /* header, annotations {x-opt-partition-key: pk1, a: 1}, application properties, body */
    put_hex(&bytes, "005370d0000000050000000141"
                    "005372c12004a313782d6f70742d706172746974696f6e2d6b6579a103706b31a301615401"
                    "005374c10702a10178a10179 005375a0026869");
    CHECK_INT(emu_hub_append(p->hub, NULL, hd_buffer_slice(&bytes), 0), 0);
    REQUIRE(p->next_seq == 1);
    const struct emu_event *event = emu_partition_event(p, 0);
    REQUIRE(emu_message_parse(hd_slice(event->data, event->len), &message));
    CHECK_INT(message.header.len, 13);
    CHECK_INT(event->header_len, 13);
    CHECK_SLICE(message.partition_key, "pk1");
    CHECK(emu_map_find(&message.annotations, "a", &value));
    CHECK_INT(value.i, 1);
    CHECK(emu_map_find(&message.application, "x", &value));
    CHECK_SLICE(value.bytes, "y");
    CHECK_SLICE(message.body.bytes, "hi");
    hd_buffer_deinit(&bytes);
    emu_namespace_deinit(&ns);
}

/* ---- with a directory ---- */

static char directory[] = "/tmp/hubdrain-storage-XXXXXX";

static void make_directory(void)
{
    strcpy(directory + sizeof(directory) - 7, "XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
}

static char *only_segment(char *path, size_t size)
{
    char dir[64];
    snprintf(dir, sizeof(dir), "%s/hub/0", directory);
    DIR *d = opendir(dir);
    path[0] = 0;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.') {
            snprintf(path, size, "%s/%s", dir, e->d_name);
        }
    }
    closedir(d);
    return path;
}

static void remove_directory(void)
{
    char path[512];
    while (*only_segment(path, sizeof(path)) != 0) {
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/hub/0", directory);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/hub", directory);
    rmdir(path);
    CHECK_INT(rmdir(directory), 0);
}

static void goes_on_after_a_restart(void)
{
    struct emu_namespace ns;
    make_directory();
    struct emu_partition *p = open_hub(&ns, 1 << 20, directory);
    append(p, "one");
    append(p, "two");
    int64_t offset = p->last_offset, next = p->next_offset;
    emu_namespace_deinit(&ns);
    p = open_hub(&ns, 1 << 20, directory);
    CHECK_INT(p->begin_seq, 0);
    CHECK_INT(p->next_seq, 2);
    CHECK_INT(p->last_offset, offset);
    CHECK_INT(p->next_offset, next);
    check_body(p, 1, "two");
    append(p, "three");
    emu_namespace_deinit(&ns);
    p = open_hub(&ns, 1 << 20, directory);
    CHECK_INT(p->next_seq, 3);
    check_body(p, 2, "three");
    CHECK_INT(emu_hub_recreate(p->hub, NULL), 0);
    append(p, "again");
    CHECK_INT(p->next_seq, 1);
    emu_namespace_deinit(&ns);
    p = open_hub(&ns, 1 << 20, directory);
    CHECK_INT(p->next_seq, 1);
    check_body(p, 0, "again");
    emu_namespace_deinit(&ns);
    remove_directory();
}

static void cuts_a_torn_tail(void)
{
    struct emu_namespace ns;
    char path[512];
    make_directory();
    struct emu_partition *p = open_hub(&ns, 1 << 20, directory);
    append(p, "one");
    append(p, "two");
    emu_namespace_deinit(&ns);
    struct stat st;
    REQUIRE(stat(only_segment(path, sizeof(path)), &st) == 0);
    /* every length of a torn last record */
    off_t whole = st.st_size, half = whole / 2;
    for (off_t size = whole - 1; size >= half; size -= 7) {
        CHECK_INT(truncate(path, size), 0);
        p = open_hub(&ns, 1 << 20, directory);
        CHECK_INT(p->next_seq, 1);
        CHECK_INT(stat(path, &st), 0);
        CHECK_INT(st.st_size, half);
        append(p, "two");
        CHECK_INT(p->next_seq, 2);
        check_body(p, 1, "two");
        emu_namespace_deinit(&ns);
    }
    /* a flipped bit in the second record */
    int fd = open(path, O_RDWR);
    char byte;
    CHECK(pread(fd, &byte, 1, half + 60) == 1);
    byte ^= 1;
    CHECK(pwrite(fd, &byte, 1, half + 60) == 1);
    close(fd);
    p = open_hub(&ns, 1 << 20, directory);
    CHECK_INT(p->next_seq, 1);
    emu_namespace_deinit(&ns);
    remove_directory();
}

static void keeps_its_numbers_when_all_is_old(void)
{
    struct emu_namespace ns;
    make_directory();
    struct emu_partition *p = open_hub(&ns, 2000, directory);
    for (int i = 0; i < 200; i++) {
        append(p, "some event of a few bytes");
    }
    int64_t begin = p->begin_seq;
    CHECK(begin > 150);
    emu_namespace_deinit(&ns);
    p = open_hub(&ns, 2000, directory);
    CHECK_INT(p->next_seq, 200);
    CHECK_INT(p->begin_seq, begin);
    emu_namespace_deinit(&ns);
    remove_directory();
}

static void takes_back_what_the_disk_refused(void)
{
    struct emu_namespace ns;
    struct hd_buffer bytes = {0};
    struct rlimit before, tight;
    struct stat st;
    char path[512];
    put_hex(&bytes, "005375a00c 005375a0077b2262223a327d 005375a00c 005375a0077b2262223a327d"
                    "005375a00c 005375a0077b2262223a327d");
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    for (int first = 0; first < 2; first++) { /* into an empty log, behind an event */
        make_directory();
        struct emu_partition *p = open_hub(&ns, 1 << 20, directory);
        off_t size = 0;
        if (first > 0) {
            append(p, "one");
            REQUIRE(stat(only_segment(path, sizeof(path)), &st) == 0);
            size = st.st_size;
        }
        uint64_t kept = ns.bytes;
        int64_t offset = p->last_offset, next = p->next_offset;
        tight = before;
        tight.rlim_cur = (rlim_t)size + 400; /* one of the three goes in, or two */
        REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
        CHECK(emu_hub_append(p->hub, p, hd_buffer_slice(&bytes), EMU_MESSAGE_FORMAT_BATCH) < 0);
        REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
        CHECK_INT(p->next_seq, first);
        CHECK_INT(p->last_offset, offset);
        CHECK_INT(p->next_offset, next);
        CHECK_INT(ns.bytes, kept);
        CHECK(first == 0 || (stat(path, &st) == 0 && st.st_size == size));
        CHECK(first > 0 || *only_segment(path, sizeof(path)) == 0);
        CHECK_INT(emu_hub_append(p->hub, p, hd_buffer_slice(&bytes), EMU_MESSAGE_FORMAT_BATCH), 0);
        emu_namespace_deinit(&ns);
        p = open_hub(&ns, 1 << 20, directory);
        CHECK_INT(p->next_seq, first + 3);
        check_body(p, first + 2, "{\"b\":2}");
        emu_namespace_deinit(&ns);
        remove_directory();
    }
    hd_buffer_deinit(&bytes);
}

HD_TEST_MAIN({"offset, sequence number and time find their event", finds_positions},
             {"retention drops the oldest, numbers go on", drops_the_oldest},
             {"a batch is stored as a whole or not at all", appends_all_or_nothing},
             {"a batch that the disk refuses half of was never there",
              takes_back_what_the_disk_refused},
             {"sections of the sender are kept", keeps_what_the_sender_wrote},
             {"storage goes on after a restart", goes_on_after_a_restart},
             {"a torn or damaged tail is cut", cuts_a_torn_tail},
             {"numbers survive retention and a restart", keeps_its_numbers_when_all_is_old})
