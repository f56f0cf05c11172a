/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: what outputs owe each other and the dead letters: every file has one writer. Two paths
 * are the same when they name the same file today (device and inode, through any link), or would
 * name it once created (the same directory and last name).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "full.h"

#define SMALLEST_ROTATION 4096

static const char *row_name(enum hd_key key)
{
    return config_schema_rows[key].path + strlen("outputs.*.");
}

/* One file that something writes. */
struct target {
    const char *what; /* "output siem", or the dead letters' key */
    const char *path;
    struct hd_where where;
    const char *real; /* resolved directory + name, or the path as it stands */
    bool exists;
    dev_t device;
    ino_t inode;
};

static int resolve(struct hd_draft *draft, struct target *target)
{
    struct stat status;
    const char *slash = strrchr(target->path, '/');
    const char *last = slash ? slash + 1 : target->path;
    const char *directory =
        slash ? config_pool_copy(&draft->tree, target->path,
                                 slash == target->path ? 1 : (size_t)(slash - target->path))
              : ".";

    if (!directory) {
        return -ENOMEM;
    }
    target->exists = stat(target->path, &status) == 0 && S_ISREG(status.st_mode);
    if (target->exists) {
        target->device = status.st_dev;
        target->inode = status.st_ino;
    }
    char *real = realpath(directory, NULL);
    target->real =
        real ? config_pool_printf(&draft->tree, "%s/%s", strcmp(real, "/") ? real : "", last)
             : target->path;
    free(real);
    return target->real ? 0 : -ENOMEM;
}

static bool same(const struct target *a, const struct target *b)
{
    if (a->exists && b->exists) {
        return a->device == b->device && a->inode == b->inode;
    }
    return strcmp(a->real, b->real) == 0;
}

static void check_path(struct hd_draft *draft, const struct target *target)
{
    const char *slash = strrchr(target->path, '/');
    char shown[HD_PATH_SIZE];
    struct stat status;

    if (stat(target->path, &status) == 0 && S_ISDIR(status.st_mode)) {
        config_report_mistake(&draft->report, &target->where,
                              "%s: %s is a directory; add a file name", target->what,
                              config_show_path(target->path, shown));
        return;
    }
    if (slash && !slash[1]) {
        config_report_mistake(&draft->report, &target->where,
                              "%s: the path ends in /; add a file name", target->what);
        return;
    }
    char *directory =
        slash ? strndup(target->path, slash == target->path ? 1 : (size_t)(slash - target->path))
              : strdup(".");
    if (directory && access(directory, W_OK | X_OK) != 0) {
        bool missing = errno == ENOENT, chosen = target->where.rank != HD_RANK_DEFAULT;
        config_report_warning(
            &draft->report, &target->where, "%s: the directory %s %s%s", target->what,
            config_show_path(directory, shown),
            missing ? "does not exist; create it, hubdrain waits until it is there"
                    : "cannot be written by this user",
            missing || chosen ? "" : "; choose another, or set STATE_DIRECTORY to one that can");
    }
    free(directory);
}

static int check_files(struct hd_draft *draft)
{
    const struct hd_config *config = &draft->full->config;
    struct target *targets =
        config_pool_alloc(&draft->tree, (config->n_outputs + 1) * sizeof(*targets));
    char shown[HD_PATH_SIZE];
    size_t n = 0;

    if (!targets) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < config->n_outputs; i++) {
        const struct hd_node *given = draft->outputs[i].given[HD_KEY_OUTPUT_PATH];
        if (config->outputs[i].file.path && given) {
            const char *what =
                config_pool_printf(&draft->tree, "output %s", config->outputs[i].name);
            targets[n++] = (struct target){.what = what ? what : "output",
                                           .path = config->outputs[i].file.path,
                                           .where = given->where};
        }
    }
    if (config->deadletter.path && !draft->bad[HD_KEY_DEAD_LETTER_PATH]) {
        const struct hd_node *given = draft->given[HD_KEY_DEAD_LETTER_PATH];
        targets[n++] = (struct target){.what = config_schema_rows[HD_KEY_DEAD_LETTER_PATH].path,
                                       .path = config->deadletter.path,
                                       .where = given ? given->where : (struct hd_where){0}};
    }
    for (size_t i = 0; i < n; i++) {
        int r = resolve(draft, &targets[i]);
        if (r) {
            return r;
        }
        check_path(draft, &targets[i]);
        for (size_t j = 0; j < i; j++) {
            if (same(&targets[i], &targets[j])) {
                bool placed = targets[i].where.rank != HD_RANK_DEFAULT;
                config_report_mistake(
                    &draft->report, placed ? &targets[i].where : &targets[j].where,
                    "%s writes to the same file as %s (%s); give each its own", targets[i].what,
                    targets[j].what, config_show_path(targets[i].path, shown));
                break;
            }
        }
    }
    return 0;
}

/* Keys that another type has, and keys that this type must have. */
static void check_keys(struct hd_draft *draft, size_t number)
{
    const struct hd_output_options *options = &draft->full->config.outputs[number];
    const struct hd_draft_output *output = &draft->outputs[number];

    for (size_t i = 0; i < HD_KEY_COUNT; i++) {
        const struct hd_schema_row *row = &config_schema_rows[i];
        if (output->given[i] && row->only && strcmp(row->only, options->kind) != 0) {
            config_report_mistake(
                &draft->report, &output->given[i]->where,
                "outputs.%s.%s: only outputs of type %s have this key, this is %s", options->name,
                row_name((enum hd_key)i), row->only, options->kind);
        }
    }
    if (strcmp(options->kind, "file") == 0 && !options->file.path &&
        !output->bad[HD_KEY_OUTPUT_PATH]) {
        config_report_mistake(&draft->report, output->name ? &output->name->where : NULL,
                              "outputs.%s: %s is missing: the file to append to", options->name,
                              row_name(HD_KEY_OUTPUT_PATH));
    }
    if (options->file.rotate_bytes && options->file.rotate_bytes < SMALLEST_ROTATION) {
        config_report_mistake(&draft->report, &output->given[HD_KEY_OUTPUT_ROTATE_SIZE]->where,
                              "outputs.%s.%s: must be at least 4KiB, or 0 for never", options->name,
                              row_name(HD_KEY_OUTPUT_ROTATE_SIZE));
    }
    if (options->file.rotate_interval_ms && options->file.rotate_interval_ms < 1000) {
        config_report_mistake(&draft->report, &output->given[HD_KEY_OUTPUT_ROTATE_INTERVAL]->where,
                              "outputs.%s.%s: must be at least 1s, or 0 for never", options->name,
                              row_name(HD_KEY_OUTPUT_ROTATE_INTERVAL));
    }
    if (output->given[HD_KEY_OUTPUT_FSYNC_INTERVAL] && !output->bad[HD_KEY_OUTPUT_FSYNC] &&
        options->file.fsync != HD_FSYNC_INTERVAL) {
        config_report_warning(&draft->report, &output->given[HD_KEY_OUTPUT_FSYNC_INTERVAL]->where,
                              "outputs.%s.%s is not used: %s is not interval", options->name,
                              row_name(HD_KEY_OUTPUT_FSYNC_INTERVAL),
                              row_name(HD_KEY_OUTPUT_FSYNC));
    }
}

int config_check_outputs(struct hd_draft *draft)
{
    const struct hd_config *config = &draft->full->config;
    const char *first_stdout = NULL;

    for (size_t i = 0; i < config->n_outputs; i++) {
        const struct hd_output_options *options = &config->outputs[i];
        const struct hd_draft_output *output = &draft->outputs[i];
        const struct hd_where *where = output->name ? &output->name->where : NULL;
        if (output->bad[HD_KEY_OUTPUT_TYPE]) {
            continue;
        }
        if (!options->kind) {
            config_report_mistake(&draft->report, where,
                                  "outputs.%s: %s is missing: file or stdout", options->name,
                                  row_name(HD_KEY_OUTPUT_TYPE));
            continue;
        }
        check_keys(draft, i);
        if (strcmp(options->kind, "stdout") == 0) {
            if (first_stdout) {
                config_report_mistake(
                    &draft->report, where,
                    "outputs.%s: the output %s writes to standard output already; "
                    "remove one of them",
                    options->name, first_stdout);
            }
            first_stdout = first_stdout ? first_stdout : options->name;
        }
    }
    return check_files(draft);
}
