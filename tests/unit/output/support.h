/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: a folder of their own, small file systems, batches of
 * numbered lines, and waiting with a deadline. */
#ifndef HUBDRAIN_TEST_OUTPUT_SUPPORT_H
#define HUBDRAIN_TEST_OUTPUT_SUPPORT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "hubdrain/output.h"
#include "test.h"

static char folder[64];

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void leave_folder(void)
{
    if (*folder) {
        nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    }
    *folder = '\0';
}

/* A new, empty folder for each case; the one before is removed. */
static inline void enter_folder(void)
{
    static bool registered;
    if (!registered) {
        registered = true;
        atexit(leave_folder);
    }
    leave_folder();
    snprintf(folder, sizeof(folder), "/tmp/hubdrain-test-XXXXXX");
    if (!mkdtemp(folder)) {
        perror("mkdtemp");
        exit(1);
    }
}

/* Paths live until the eighth next call. */
static inline const char *path_of(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* Mounts a file system of `size` over the folder, in a mount namespace of our own, so that nothing
 * stays behind whatever happens. false: not allowed to. */
static inline bool mount_small(const char *size)
{
    static bool unshared;
    if (!unshared &&
        (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)) {
        return false;
    }
    unshared = true;
    char options[64];
    snprintf(options, sizeof(options), "size=%s,mode=0777", size);
    return mount("tmpfs", folder, "tmpfs", 0, options) == 0;
}

static inline void unmount_small(void)
{
    umount2(folder, MNT_DETACH);
}

static inline char *read_whole(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    size_t len = 0;
    if (file) {
        fseek(file, 0, SEEK_END);
        len = (size_t)ftell(file);
        rewind(file);
        data = malloc(len + 1);
        len = data ? fread(data, 1, len, file) : 0;
        fclose(file);
    }
    if (data) {
        data[len] = '\0';
    }
    if (ret_len) {
        *ret_len = len;
    }
    return data;
}

static inline void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

static inline void check_file(const char *path, const char *want)
{
    char *data = read_whole(path, NULL);
    CHECK_STR(data, want);
    free(data);
}

static inline int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Calls fn for each entry of the folder that begins with the prefix, in order of name. */
static inline unsigned each_file(const char *prefix, void (*fn)(const char *path, void *data),
                                 void *data)
{
    struct dirent **entries = NULL;
    unsigned count = 0;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (strncmp(entries[i]->d_name, prefix, strlen(prefix)) == 0) {
            count++;
            if (fn) {
                fn(path_of(entries[i]->d_name), data);
            }
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

/* Fills the file system that the folder is on to the last byte. */
static inline void fill_disk(void)
{
    static char block[4096];
    int fd = open(path_of("ballast"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (size_t size = sizeof(block); size > 0;) {
        if (write(fd, block, size) <= 0) {
            size /= 2;
        }
    }
    close(fd);
}

static inline void free_disk(void)
{
    unlink(path_of("ballast"));
}

/* Waits for a condition, 20 s at most. */
#define WAIT_FOR(cond)                                                                             \
    do {                                                                                           \
        int64_t until_ = hd_clock_monotonic_ms() + 20000;                                          \
        while (!(cond) && hd_clock_monotonic_ms() < until_) {                                      \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
        }                                                                                          \
        CHECK(cond);                                                                               \
    } while (0)

static const struct hd_partition_info test_partition = {.namespace_name = "ns.example",
                                                        .hub = "hub",
                                                        .consumer_group = "$Default",
                                                        .id = "3",
                                                        .number = 3};

/* A batch of `n` messages with one document each: "line <first + i>" and, where that
 * is shorter than `len`, dots and a semicolon. The message bodies are "body <first + i>". */
static inline struct hd_batch *lines_batch(unsigned first, unsigned n, size_t len)
{
    struct hd_batch *batch = NULL;
    if (hd_batch_new(NULL, &batch)) {
        abort();
    }
    batch->partition = &test_partition;
    for (unsigned i = 0; i < n; i++) {
        struct hd_message *message = hd_batch_add_message(batch);
        message->sequence_number = first + i;
        message->enqueued_ms = 1795316400123;
        message->body = (uint32_t)batch->raw.len;
        hd_buffer_printf(&batch->raw, "body %u", first + i);
        message->body_len = (uint32_t)batch->raw.len - message->body;
        message->offset = (uint32_t)batch->raw.len;
        hd_buffer_printf(&batch->raw, "%u", 1000 + first + i);
        message->offset_len = (uint32_t)batch->raw.len - message->offset;

        struct hd_document *document = hd_batch_add_document(batch);
        document->message = i;
        document->start = (uint32_t)batch->text.len;
        hd_buffer_printf(&batch->text, "line %u", first + i);
        size_t have = batch->text.len - document->start;
        if (have < len && hd_buffer_reserve(&batch->text, len - have) == 0) {
            memset(batch->text.data + batch->text.len, '.', len - have);
            batch->text.len += len - have;
            batch->text.data[batch->text.len - 1] = ';'; /* half a line has none */
        }
        document->len = (uint32_t)batch->text.len - document->start;
        hd_buffer_append(&batch->text, "\n", 1);
    }
    return batch;
}

/* One record that decode gave up on. */
static inline void add_dead(struct hd_batch *batch, uint32_t message, const char *bytes, size_t len)
{
    struct hd_dead *dead = hd_batch_add_dead(batch);
    *dead = (struct hd_dead){.message = message,
                             .index = 2,
                             .reason = HD_DEAD_MALFORMED_JSON,
                             .at = 7,
                             .start = (uint32_t)batch->dead_bytes.len,
                             .len = (uint32_t)len};
    hd_buffer_append(&batch->dead_bytes, bytes, len);
}

/* What is in a file: each of lines 0 .. n-1 how often, and what is no such line. */
struct tally {
    unsigned *seen;
    unsigned n, strange;
};

static inline bool is_whole(const char *rest)
{
    size_t dots = strspn(rest, ".");
    return strcmp(rest + dots, ";\n") == 0 || strcmp(rest, "\n") == 0;
}

static inline void tally_file(const char *path, void *data)
{
    struct tally *tally = data;
    FILE *file = fopen(path, "rb");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while (file && (len = getline(&line, &cap, file)) > 0) {
        unsigned number;
        int end = 0;
        if (line[len - 1] == '\n' && sscanf(line, "line %u%n", &number, &end) == 1 &&
            number < tally->n && is_whole(line + end)) {
            tally->seen[number]++;
        } else {
            tally->strange++;
        }
    }
    free(line);
    if (file) {
        fclose(file);
    }
}

#endif
