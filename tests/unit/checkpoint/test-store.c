/* SPDX-License-Identifier: Apache-2.0 */
/* The memory and file stores through their contract, and what lies on the disk. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hubdrain/loop.h"
#include "src/checkpoint/store_ops.h"
#include "test.h"

static char base[64];

/* What the callbacks got. */
struct heard {
    int lists, writes;
    enum hd_store_result result;
    struct hd_checkpoint items[64];
    size_t n;
    char text[512];
};

static void on_list(void *context, enum hd_store_result result,
                    const struct hd_checkpoint *checkpoints, size_t n, const struct hd_diag *diag)
{
    struct heard *heard = context;
    heard->lists++;
    heard->result = result;
    heard->n = n < 64 ? n : 64;
    if (heard->n > 0) {
        memcpy(heard->items, checkpoints, heard->n * sizeof(*checkpoints));
    }
    snprintf(heard->text, sizeof(heard->text), "%s", diag ? diag->text : "");
}

static void on_write(void *context, enum hd_store_result result, const struct hd_diag *diag)
{
    struct heard *heard = context;
    heard->writes++;
    heard->result = result;
    snprintf(heard->text, sizeof(heard->text), "%s", diag ? diag->text : "");
}

static const struct hd_checkpoint *find(const struct heard *heard, const char *partition)
{
    for (size_t i = 0; i < heard->n; i++) {
        if (strcmp(heard->items[i].partition, partition) == 0) {
            return &heard->items[i];
        }
    }
    return NULL;
}

static struct hd_position at(int64_t sequence_number, const char *offset)
{
    struct hd_position position = {.sequence_number = sequence_number};
    snprintf(position.offset, sizeof(position.offset), "%s", offset);
    return position;
}

static struct hd_store_options options_for(enum hd_store_kind kind)
{
    return (struct hd_store_options){.kind = kind,
                                     .namespace_name = "NS.ServiceBus.Windows.net",
                                     .hub = "Hub/..",
                                     .consumer_group = "$Default",
                                     .directory = base};
}

static void write_and_run(struct hd_loop *loop, struct hd_store *store, const char *partition,
                          struct hd_position position, struct heard *heard)
{
    int before = heard->writes;
    CHECK_INT(hd_store_write(store, partition, &position, on_write, heard), 0);
    CHECK_INT(heard->writes, before); /* never inside the call */
    hd_loop_advance(loop, 0);
    CHECK_INT(heard->writes, before + 1);
}

static void list_and_run(struct hd_loop *loop, struct hd_store *store, struct heard *heard)
{
    int before = heard->lists;
    CHECK_INT(hd_store_list(store, on_list, heard), 0);
    CHECK_INT(heard->lists, before);
    hd_loop_advance(loop, 0);
    CHECK_INT(heard->lists, before + 1);
}

/* Refused arguments; many at once; cancelled ones. */
static void contract_of_answers(struct hd_loop *loop, struct hd_store *store)
{
    static struct heard heard, other;
    heard = other = (struct heard){0};
    struct hd_position bad = at(-1, "5"), good = at(5, "5");
    char long_name[HD_PARTITION_ID_SIZE + 1];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    CHECK_INT(hd_store_write(store, "0", &bad, on_write, &heard), -EINVAL);
    CHECK_INT(hd_store_write(store, "", &good, on_write, &heard), -EINVAL);
    CHECK_INT(hd_store_write(store, long_name, &good, on_write, &heard), -EINVAL);

    /* Many at once. */
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof(name), "p%d", i);
        CHECK_INT(hd_store_write(store, name, &good, on_write, &heard), 0);
    }
    int before = heard.writes;
    hd_loop_advance(loop, 0);
    CHECK_INT(heard.writes, before + 50);
    /* Cancelled: nobody hears of it, and the others do. */
    CHECK_INT(hd_store_write(store, "0", &good, on_write, &heard), 0);
    CHECK_INT(hd_store_write(store, "1", &good, on_write, &other), 0);
    CHECK_INT(hd_store_list(store, on_list, &heard), 0);
    hd_store_cancel(store, &heard);
    before = heard.writes + heard.lists;
    hd_loop_advance(loop, 10);
    CHECK_INT(heard.writes + heard.lists, before);
    CHECK_INT(other.writes, 1);
}

static void contract(enum hd_store_kind kind)
{
    struct hd_loop *loop;
    struct hd_store *store;
    struct hd_diag diag = {0};
    static struct heard heard;
    heard = (struct heard){0};
    struct hd_store_options options = options_for(kind);
    REQUIRE(hd_loop_new_virtual(0, &loop) == 0);
    CHECK_INT(hd_store_new(loop, NULL, &options, &store, &diag), 0);
    CHECK_STR(diag.text, "");
    list_and_run(loop, store, &heard);
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(heard.n, 0);

    write_and_run(loop, store, "0", at(41, "1000"), &heard);
    write_and_run(loop, store, "0", at(INT64_MAX, "2:1234:567"), &heard);
    write_and_run(loop, store, "31", at(0, ""), &heard);
    write_and_run(loop, store, "../Odd %", at(7, "7"), &heard);
    write_and_run(loop, store, "9", at(8, "two words\r\nx-evil: 1"), &heard);
    CHECK_INT(heard.result, HD_STORE_OK);
    list_and_run(loop, store, &heard);
    CHECK_INT(heard.n, 4);
    const struct hd_checkpoint *found = find(&heard, "0");
    REQUIRE(found);
    CHECK_INT(found->position.sequence_number, INT64_MAX);
    CHECK_STR(found->position.offset, "2:1234:567");
    CHECK_STR(found->text, "");
    found = find(&heard, "31");
    REQUIRE(found);
    CHECK_INT(found->position.sequence_number, 0);
    CHECK_STR(found->position.offset, "");
    CHECK(find(&heard, "../Odd %"));
    found = find(&heard, "9");
    REQUIRE(found);
    CHECK_STR(found->position.offset, ""); /* no blanks, no line feeds in a header or a line */

    contract_of_answers(loop, store);
    /* Freed with answers still due. */
    struct hd_position good = at(5, "5");
    CHECK_INT(hd_store_write(store, "0", &good, on_write, &heard), 0);
    CHECK_INT(hd_store_list(store, on_list, &heard), 0);
    int before = heard.writes + heard.lists;
    hd_store_free(store);
    hd_loop_advance(loop, 10);
    CHECK_INT(heard.writes + heard.lists, before);
    hd_loop_free(loop);
    hd_store_free(NULL);
}

static void memory_contract(void)
{
    contract(HD_STORE_MEMORY);
}

/* Everything below path, files first. */
static void remove_tree(const char *path)
{
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    CHECK_INT(system(command), 0);
}

static bool fresh_base(void)
{
    snprintf(base, sizeof(base), "/tmp/hubdrain-store-XXXXXX");
    if (!mkdtemp(base)) {
        return false;
    }
    strcat(base, "/a/b"); /* to be made by the store */
    return true;
}

static void drop_base(void)
{
    base[strlen(base) - 4] = '\0';
    remove_tree(base);
}

static void file_contract(void)
{
    REQUIRE(fresh_base());
    contract(HD_STORE_FILE);
    drop_base();
}

/* ---- what lies on the disk ---- */

static const char group[] = "/ns.servicebus.windows.net/hub%2F../%24default/";

static void put(const char *name, const char *text, size_t len)
{
    char path[256];
    snprintf(path, sizeof(path), "%s%s%s", base, group, name);
    FILE *file = fopen(path, "w");
    REQUIRE(file);
    CHECK_INT(fwrite(text, 1, len, file), len);
    CHECK_INT(fclose(file), 0);
}

static size_t get(const char *name, char *text, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s%s%s", base, group, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        return 0;
    }
    size_t n = fread(text, 1, size - 1, file);
    text[n] = '\0';
    fclose(file);
    return n;
}

static void file_layout(void)
{
    struct hd_loop *loop;
    struct hd_store *store;
    static struct heard heard;
    heard = (struct heard){0};
    char text[512];
    REQUIRE(fresh_base());
    struct hd_store_options options = options_for(HD_STORE_FILE);
    REQUIRE(hd_loop_new_virtual(0, &loop) == 0);
    REQUIRE(hd_store_new(loop, NULL, &options, &store, NULL) == 0);
    snprintf(text, sizeof(text), "file %s/ns.servicebus.windows.net/hub%%2F../%%24default", base);
    CHECK_STR(hd_store_describe(store), text);
    write_and_run(loop, store, "0", at(41, "1000"), &heard);
    CHECK(get("0.checkpoint", text, sizeof(text)) > 0);
    CHECK_STR(text, "hubdrain-checkpoint 1\nsequencenumber=41\noffset=1000\nend\n");
    CHECK_INT(get(".0.tmp", text, sizeof(text)), 0);
    write_and_run(loop, store, "..", at(1, "1"), &heard);
    CHECK(get("%2E..checkpoint", text, sizeof(text)) > 0);
    hd_store_free(store);

    /* Another process starts on the same directory. */
    REQUIRE(hd_store_new(loop, NULL, &options, &store, NULL) == 0);
    list_and_run(loop, store, &heard);
    CHECK_INT(heard.n, 2);
    CHECK(find(&heard, ".."));
    hd_store_free(store);
    hd_loop_free(loop);
    drop_base();
}

static void file_unreadable(void)
{
    static const struct {
        const char *name, *content;
        int64_t sequence_number; /* -2: unreadable */
        const char *offset, *text;
    } rows[] = {
        {"0", "", -2, "", "empty file: "},
        {"1", "hubdrain-checkpoint 1\nsequencenumber=5\noffset=6\n", -2, "",
         "not a whole checkpoint file: hubdrain-checkpoint 1?sequencenumber=5?offset=6?"},
        {"2", "hubdrain-checkpoint 1\nsequencenumber=5\noffset=6\nend", -2, "", NULL},
        {"3", "hubdrain-checkpoint 2\nsequencenumber=5\noffset=6\nend\n", -2, "", NULL},
        {"4", "{\"PartitionId\":\"0\"}", -2, "",
         "not a whole checkpoint file: {\"PartitionId\":\"0\"}"},
        {"5", "hubdrain-checkpoint 1\nsequencenumber=\noffset=\nend\n", -2, "",
         "no position: sequencenumber \"\", offset \"\""},
        {"6", "hubdrain-checkpoint 1\nsequencenumber=5x\noffset=6\nend\n", -2, "",
         "no position: sequencenumber \"5x\", offset \"6\""},
        {"7", "hubdrain-checkpoint 1\nsequencenumber=9223372036854775808\noffset=\nend\n", -2, "",
         NULL},
        {"8", "hubdrain-checkpoint 1\nsequencenumber=5\noffset=6\nfuture=1\nend\n", 5, "6", ""},
        {"9", "hubdrain-checkpoint 1\noffset=6\nend\n", -1, "6", ""},
        {"10", "hubdrain-checkpoint 1\nsequencenumber=-1\noffset=6\nend\n", -1, "6", ""},
        {"11", "hubdrain-checkpoint 1\nsequencenumber=5\noffset=no offset\nend\n", 5, "", ""},
        {"12", "hubdrain-checkpoint 1\nsequencenumber=-9223372036854775808\noffset=-1\nend\n", -2,
         "", NULL},
    };
    enum { N = sizeof(rows) / sizeof(rows[0]) };
    struct hd_loop *loop;
    struct hd_store *store;
    static struct heard heard;
    heard = (struct heard){0};
    static char large[10000];
    memset(large, 'A', sizeof(large));
    REQUIRE(fresh_base());
    struct hd_store_options options = options_for(HD_STORE_FILE);
    REQUIRE(hd_loop_new_virtual(0, &loop) == 0);
    REQUIRE(hd_store_new(loop, NULL, &options, &store, NULL) == 0);
    for (size_t i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%s.checkpoint", rows[i].name);
        put(name, rows[i].content, strlen(rows[i].content));
    }
    put("nul.checkpoint", "hubdrain-checkpoint 1\nend\0\n", 27);
    put("large.checkpoint", large, sizeof(large));
    put("notes.txt", "x", 1); /* not ours */
    put(".x.tmp", "x", 1);
    list_and_run(loop, store, &heard);
    CHECK_INT(heard.result, HD_STORE_OK);
    CHECK_INT(heard.n, N + 2);
    for (size_t i = 0; i < N; i++) {
        const struct hd_checkpoint *found = find(&heard, rows[i].name);
        REQUIRE(found);
        bool unreadable = rows[i].sequence_number == -2;
        CHECK_INT(found->position.sequence_number, unreadable ? -1 : rows[i].sequence_number);
        CHECK_STR(found->position.offset, rows[i].offset);
        CHECK_INT(found->text[0] != '\0', unreadable);
        if (rows[i].text) {
            CHECK_STR(found->text, rows[i].text);
        }
    }
    const struct hd_checkpoint *found = find(&heard, "large");
    REQUIRE(found);
    CHECK_INT(strlen(found->text), sizeof(found->text) - 1);
    /* Written over, it is good again. */
    write_and_run(loop, store, "large", at(3, "3"), &heard);
    list_and_run(loop, store, &heard);
    found = find(&heard, "large");
    REQUIRE(found);
    CHECK_INT(found->position.sequence_number, 3);
    hd_store_free(store);
    hd_loop_free(loop);
    drop_base();
}

static void file_lock(void)
{
    struct hd_loop *loop;
    struct hd_store *store, *second;
    struct hd_diag diag;
    int ready[2], stop[2];
    char byte;
    REQUIRE(fresh_base());
    struct hd_store_options options = options_for(HD_STORE_FILE);
    REQUIRE(pipe(ready) == 0 && pipe(stop) == 0);
    fflush(stdout);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        close(stop[1]);
        if (hd_loop_new_virtual(0, &loop) == 0 &&
            hd_store_new(loop, NULL, &options, &store, NULL) == 0 && write(ready[1], "x", 1) == 1) {
            (void)!read(stop[0], &byte, 1);
        }
        _exit(0); /* without freeing: the kernel gives the lock back */
    }
    close(ready[1]);
    REQUIRE(read(ready[0], &byte, 1) == 1);
    REQUIRE(hd_loop_new_virtual(0, &loop) == 0);
    CHECK_INT(hd_store_new(loop, NULL, &options, &store, &diag), -EBUSY);
    char expected[32];
    snprintf(expected, sizeof(expected), "(pid %ld)", (long)pid);
    CHECK(strstr(diag.text, expected));
    CHECK(strstr(diag.text, "in use"));
    CHECK(strstr(diag.text, base));
    /* Another consumer group is nobody's business. */
    struct hd_store_options other = options;
    other.consumer_group = "siem";
    CHECK_INT(hd_store_new(loop, NULL, &other, &second, &diag), 0);
    hd_store_free(second);
    close(stop[1]);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
    CHECK_INT(hd_store_new(loop, NULL, &options, &store, &diag), 0);
    hd_store_free(store);
    close(ready[0]);
    close(stop[0]);
    hd_loop_free(loop);
    drop_base();
}

static void file_refused(void)
{
    struct hd_loop *loop;
    struct hd_store *store = NULL;
    struct hd_diag diag;
    static struct heard heard;
    heard = (struct heard){0};
    REQUIRE(fresh_base());
    struct hd_store_options options = options_for(HD_STORE_FILE);
    REQUIRE(hd_loop_new_virtual(0, &loop) == 0);
    options.directory = "";
    CHECK_INT(hd_store_new(loop, NULL, &options, &store, &diag), -EINVAL);
    options.directory = "/dev/null/x";
    CHECK_INT(hd_store_new(loop, NULL, &options, &store, &diag), -ENOTDIR);
    CHECK(strstr(diag.text, "/dev/null/x"));
    char long_name[300];
    memset(long_name, 'h', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    options.directory = base;
    options.hub = long_name;
    CHECK_INT(hd_store_new(loop, NULL, &options, &store, &diag), -ENAMETOOLONG);

    /* Taken away while in use: said, not made anew without its lock. */
    options.hub = "Hub/..";
    REQUIRE(hd_store_new(loop, NULL, &options, &store, &diag) == 0);
    remove_tree(base);
    write_and_run(loop, store, "0", at(1, "1"), &heard);
    CHECK_INT(heard.result, HD_STORE_DENIED);
    CHECK(strstr(heard.text, "removed"));
    hd_store_free(store);
    hd_loop_free(loop);
    drop_base();
}

/* Like the shell's ulimit -f. */
static int limit_file_size(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    signal(SIGXFSZ, SIG_IGN);
    return setrlimit(RLIMIT_FSIZE, &limit);
}

/* A full disk: /dev/full cannot be a directory, so a file system limit of the process stands in. */
static void file_full(void)
{
    REQUIRE(fresh_base());
    fflush(stdout);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct hd_loop *loop;
        struct hd_store *store;
        static struct heard heard;
        struct hd_store_options options = options_for(HD_STORE_FILE);
        bool ok = hd_loop_new_virtual(0, &loop) == 0 &&
                  hd_store_new(loop, NULL, &options, &store, NULL) == 0;
        struct hd_position first = at(1, "1"), second = at(2, "2");
        ok = ok && hd_store_write(store, "0", &first, on_write, &heard) == 0;
        hd_loop_advance(loop, 0);
        ok = ok && heard.result == HD_STORE_OK;
        ok = ok && limit_file_size(10) == 0;
        ok = ok && hd_store_write(store, "0", &second, on_write, &heard) == 0;
        hd_loop_advance(loop, 0);
        ok = ok && heard.result == HD_STORE_UNAVAILABLE && strstr(heard.text, "0.checkpoint");
        ok = ok && hd_store_list(store, on_list, &heard) == 0;
        hd_loop_advance(loop, 0);
        ok = ok && heard.n == 1 && heard.items[0].position.sequence_number == 1;
        _exit(ok ? 0 : 1);
    }
    int status;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    drop_base();
}

static void stop_on_write(void *context, enum hd_store_result result, const struct hd_diag *diag)
{
    (void)diag;
    CHECK_INT(result, HD_STORE_OK);
    hd_loop_stop(context);
}

/* On the real loop, with its pool; then freed while a write is under way. */
static void file_on_real_loop(void)
{
    struct hd_loop *loop;
    struct hd_store *store;
    struct hd_position position = at(77, "770");
    REQUIRE(fresh_base());
    struct hd_store_options options = options_for(HD_STORE_FILE);
    REQUIRE(hd_loop_new(&loop) == 0);
    REQUIRE(hd_store_new(loop, NULL, &options, &store, NULL) == 0);
    CHECK_INT(hd_store_write(store, "0", &position, stop_on_write, loop), 0);
    hd_loop_run(loop);
    position.sequence_number = 78;
    CHECK_INT(hd_store_write(store, "0", &position, stop_on_write, loop), 0);
    hd_store_free(store);
    hd_loop_free(loop); /* waits for the write */
    char text[512];
    CHECK(get("0.checkpoint", text, sizeof(text)) > 0);
    CHECK(strstr(text, "sequencenumber=78\n"));
    drop_base();
}

HD_TEST_MAIN({"memory: the contract", memory_contract}, {"file: the contract", file_contract},
             {"file: names and content", file_layout},
             {"file: content that cannot be read", file_unreadable},
             {"file: a second process is told who holds it", file_lock},
             {"file: directories that cannot be used", file_refused},
             {"file: no room leaves the old checkpoint", file_full},
             {"file: on the real loop", file_on_real_loop})
