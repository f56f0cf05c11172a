/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"

static void die(const char *what, const char *path)
{
    fprintf(stderr, "hubdrain-bench: %s: %s\n", path, what);
    exit(66);
}

static void add_line(struct corpus *corpus, const char *line, size_t len)
{
    static const char padding[HD_PADDING];
    struct hd_slice *grown = realloc(corpus->records, (corpus->n + 1) * sizeof(*grown));
    if (!grown) {
        die("out of memory", "corpus");
    }
    corpus->records = grown;
    /* Offsets for now: the text still moves. */
    corpus->records[corpus->n++] = hd_slice((const char *)(uintptr_t)corpus->text.len, len);
    if (hd_buffer_append(&corpus->text, line, len) < 0 ||
        hd_buffer_append(&corpus->text, padding, sizeof(padding)) < 0) {
        die("out of memory", "corpus");
    }
}

static void add_file(struct corpus *corpus, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        die("cannot be opened", path);
    }
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n; (n = getline(&line, &size, file)) > 0;) {
        size_t len = (size_t)n - (line[n - 1] == '\n');
        if (len > 0) {
            add_line(corpus, line, len);
        }
    }
    free(line);
    fclose(file);
}

static int only_jsonl(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 6 && strcmp(entry->d_name + len - 6, ".jsonl") == 0;
}

static int only_sysmon(const struct dirent *entry)
{
    return only_jsonl(entry) && strncmp(entry->d_name, "sysmon", 6) == 0;
}

static void add_folder(struct corpus *corpus, const char *path)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, only_sysmon, alphasort);
    if (n == 0) {
        n = scandir(path, &names, only_jsonl, alphasort);
    }
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        add_file(corpus, file);
        free(names[i]);
    }
    free(names);
}

void corpus_load(const char *path, struct corpus *ret)
{
    struct stat st;
    *ret = (struct corpus){0};
    if (stat(path, &st) < 0) {
        die("cannot be read (--corpus)", path);
    }
    if (S_ISDIR(st.st_mode)) {
        add_folder(ret, path);
    } else {
        add_file(ret, path);
    }
    if (ret->n == 0) {
        die("no records in it", path);
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < ret->n; i++) {
        ret->records[i].data = ret->text.data + (uintptr_t)ret->records[i].data;
        bytes += ret->records[i].len;
    }
    ret->mean_bytes = (double)bytes / (double)ret->n;
}

void corpus_free(struct corpus *corpus)
{
    hd_buffer_deinit(&corpus->text);
    free(corpus->records);
}
