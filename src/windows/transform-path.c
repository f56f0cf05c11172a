/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: Windows paths are cut at backslashes only, since a slash may be part of a name (a
 * registry of named pipes, Unix tools); events of Linux are cut at slashes. The extension belongs
 * to the name, not to the path, and not to the name of an alternate data stream behind it.
 */
#include "transforms.h"

static const char *last_separator(const struct hd_work *work, struct hd_slice path)
{
    return path.len ? memrchr(path.data, work->posix ? '/' : '\\', path.len) : NULL;
}

struct hd_slice hd_path_name(const struct hd_work *work, struct hd_slice path)
{
    const char *cut = last_separator(work, path);
    if (!cut) {
        return path;
    }
    return hd_slice(cut + 1, path.len - (size_t)(cut + 1 - path.data));
}

static bool run_executable(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    hd_values_string(&work->values, row->targets[0], value);
    hd_values_string(&work->values, row->targets[1], hd_path_name(work, value));
    return true;
}
const struct hd_transform hd_t_executable = {
    "executable",
    "the path, and the name behind its last backslash (all of it where there is none)",
    run_executable};

enum { PATH, NAME, DIRECTORY, EXTENSION, DRIVE, FORK };

static void put(struct hd_work *work, uint8_t target, struct hd_slice text)
{
    if (target) {
        hd_values_string(&work->values, target, text);
    }
}

static void put_drive(struct hd_work *work, uint8_t target, struct hd_slice path)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!target || work->posix || path.len < 2 || path.data[1] != ':') {
        return;
    }
    unsigned letter = ((unsigned char)path.data[0] | 0x20U) - 'a';
    if (letter < 26) {
        hd_values_clean(&work->values, target, hd_slice(letters + letter, 1));
    }
}

static bool run_path(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    struct hd_slice name = hd_path_name(work, value), stem = name;
    size_t before = value.len - name.len;

    put(work, row->targets[PATH], value);
    put(work, row->targets[NAME], name);
    if (before > 1) {
        put(work, row->targets[DIRECTORY], hd_slice(value.data, before - 1));
    }
    put_drive(work, row->targets[DRIVE], value);

    const char *colon = work->posix || before == 0 ? NULL : memchr(name.data, ':', name.len);
    if (colon) {
        stem.len = (size_t)(colon - name.data);
        put(work, row->targets[FORK], hd_slice(colon + 1, name.len - stem.len - 1));
    }
    const char *dot = stem.len ? memrchr(stem.data, '.', stem.len) : NULL;
    if (dot) {
        put(work, row->targets[EXTENSION],
            hd_slice(dot + 1, stem.len - (size_t)(dot + 1 - stem.data)));
    }
    return true;
}
const struct hd_transform hd_t_path = {
    "path", "the path and its parts: name, directory, extension, drive letter, data stream",
    run_path};
