/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. The active file keeps its configured name and is renamed when it is full, rather than
 * being written under a ".partial" name: tail -F, filebeat and logrotate all expect a stable path.
 * What they must not see is a name that changes its content, hence RENAME_NOREPLACE, and link() or
 * a look first on file systems that do not know it.
 *
 * Intervals are counted from 1970-01-01T00:00Z, so that hours and days begin where UTC has them.
 */
#include "src/output/rotation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hubdrain/clock.h"

#define STAMP_SIZE 17 /* 20261122T030000Z and the NUL */

int hd_rotation_init(struct hd_rotation *rotation, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    if (!dot || dot == base) {
        dot = base + strlen(base);
    }
    *rotation = (struct hd_rotation){
        .directory = !slash          ? strdup(".")
                     : slash == path ? strdup("/")
                                     : strndup(path, (size_t)(slash - path)),
        .stem = strndup(base, (size_t)(dot - base)),
        .extension = strdup(dot),
    };
    if (!rotation->directory || !rotation->stem || !rotation->extension) {
        hd_rotation_deinit(rotation);
        return -ENOMEM;
    }
    return 0;
}

void hd_rotation_deinit(struct hd_rotation *rotation)
{
    free(rotation->directory);
    free(rotation->stem);
    free(rotation->extension);
    *rotation = (struct hd_rotation){0};
}

/* "2026-11-22T03:00:00.123Z" without the punctuation and the fraction. */
static void stamp(int64_t realtime_ms, char ret_text[STAMP_SIZE])
{
    char text[HD_TIME_TEXT_SIZE];
    hd_clock_format_ms(realtime_ms, text);
    size_t n = 0;
    for (const char *p = text; *p && *p != '.' && n < STAMP_SIZE - 2; p++) {
        if (*p != '-' && *p != ':') {
            ret_text[n++] = *p;
        }
    }
    ret_text[n++] = 'Z';
    ret_text[n] = '\0';
}

static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    if (link(from, to) == 0) {
        return unlink(from) < 0 ? -errno : 0;
    }
    if (errno == EEXIST || access(to, F_OK) == 0) {
        return -EEXIST;
    }
    return rename(from, to) < 0 ? -errno : 0; /* no hard links either */
}

int hd_rotation_rename(struct hd_rotation *rotation, const char *path, int64_t realtime_ms)
{
    int64_t second_ms = realtime_ms - realtime_ms % 1000;
    if (second_ms > rotation->last_ms) {
        rotation->last_ms = second_ms;
        rotation->next_number = 0;
    }
    char time[STAMP_SIZE];
    stamp(rotation->last_ms, time);
    for (;;) {
        char *name = NULL;
        if (asprintf(&name, "%s/%s-%s-%04u%s", rotation->directory, rotation->stem, time,
                     rotation->next_number, rotation->extension) < 0) {
            return -ENOMEM;
        }
        int r = rename_new(path, name);
        free(name);
        if (r == 0) {
            rotation->next_number++;
        }
        if (r != -EEXIST) {
            return r;
        }
        rotation->next_number++;
    }
}

int hd_rotation_sync_directory(const struct hd_rotation *rotation)
{
    int fd = open(rotation->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        /* A directory that may be written and not read cannot be synced by anyone. */
        return errno == EACCES ? 0 : -errno;
    }
    int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r == -EINVAL || r == -EROFS ? 0 : r; /* file systems without such a thing */
}

/* stem-YYYYMMDDTHHMMSSZ-NNNN.extension */
static bool is_rotated_name(const struct hd_rotation *rotation, const char *name)
{
    static const char shape[] = "-ddddddddTddddddZ-d"; /* d: a digit */
    size_t stem = strlen(rotation->stem), extension = strlen(rotation->extension);
    size_t len = strlen(name);
    if (len < stem + sizeof(shape) - 1 + extension || strncmp(name, rotation->stem, stem) != 0 ||
        strcmp(name + len - extension, rotation->extension) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        char c = name[stem + i];
        if (shape[i] == 'd' ? c < '0' || c > '9' : c != shape[i]) {
            return false;
        }
    }
    return true;
}

int hd_rotation_total(const struct hd_rotation *rotation, const char *path, uint64_t *ret_bytes)
{
    struct stat st;
    *ret_bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    DIR *dir = opendir(rotation->directory);
    if (!dir) {
        return -errno;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (is_rotated_name(rotation, entry->d_name) &&
            fstatat(dirfd(dir), entry->d_name, &st, 0) == 0) {
            *ret_bytes += (uint64_t)st.st_size;
        }
    }
    closedir(dir);
    return 0;
}

int64_t hd_rotation_period(int64_t realtime_ms, int64_t interval_ms)
{
    int64_t period = realtime_ms / interval_ms;
    return realtime_ms % interval_ms < 0 ? period - 1 : period;
}
