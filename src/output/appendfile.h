/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Append file: whole lines at the end of one file, under a stable name.
 *
 * What it promises: the file never holds half a line that we could take back (a failed write is cut
 * off again; what a crash tore is closed with a line feed at the next open), nothing is
 * overwritten, and after a sync that returned 0 everything written is durable, names included.
 *
 * Owner:   file.c and deadletter.c, one each. Threads: one at a time.
 * Errors:  0, or HD_OUTPUT_RETRY or HD_OUTPUT_BLOCK by a table of errno values; diag says what
 *          happened to which file and what to do. error is the errno behind it.
 */
#ifndef HUBDRAIN_OUTPUT_APPENDFILE_H
#define HUBDRAIN_OUTPUT_APPENDFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hubdrain/error.h"
#include "src/output/rotation.h"

struct hd_appendfile {
    char *path;
    const char *name; /* of the output, for the log */
    struct hd_rotation rotation;
    int64_t interval_ms; /* rotation by time; 0: none */

    int fd;       /* -1: not open */
    bool regular; /* false: a character device such as /dev/null: nothing to lock, cut or sync */
    bool torn;    /* behind `size` stands half a line that must go first */
    bool suspect; /* an error that a fresh descriptor may cure: open again before the next write */
    bool names_due;  /* the directory has to be synced */
    int error;       /* errno of the latest failure */
    uint64_t size;   /* of whole lines */
    uint64_t end;    /* where the file ends as far as we know: size, or behind half a line */
    uint64_t synced; /* up to here durable */
    dev_t device;
    ino_t inode;
    int64_t period;           /* of the content, where interval_ms is set */
    int64_t missing_since_ms; /* the name is gone while the file lives on; 0: it is there */

    uint64_t torn_tails, rotations, opened; /* counters */
};

int hd_appendfile_init(struct hd_appendfile *file, const char *path, const char *name,
                       int64_t interval_ms);           /* -ENOMEM */
void hd_appendfile_deinit(struct hd_appendfile *file); /* closes; does not sync */

/* Brings the file in order for the next byte: opens it where it is not open or not trusted, cuts
 * off half a line that is still there. Writing begins with this. */
int hd_appendfile_open(struct hd_appendfile *file, struct hd_diag *diag);

/* Appends whole lines. On failure *ret_kept bytes (whole lines) are in the file and the rest is
 * not. */
int hd_appendfile_write(struct hd_appendfile *file, const char *data, size_t len, size_t *ret_kept,
                        struct hd_diag *diag);

/* fdatasync, and the directory where names have changed. Not 0: what stands behind `synced` may not
 * have reached the disk, and a second sync would not tell. Roll back what is not acknowledged yet;
 * the file is opened again by the next call. */
int hd_appendfile_sync(struct hd_appendfile *file, struct hd_diag *diag);

/* Takes back what was written behind `size`. */
void hd_appendfile_rollback(struct hd_appendfile *file, uint64_t size);

/* Renames the file and opens a new one. Sync first where that matters. Not 0: as far as it came;
 * the next write goes on with what stands under the name then. */
int hd_appendfile_rotate(struct hd_appendfile *file, int64_t realtime_ms, struct hd_diag *diag);

/* true when content of an earlier interval is waiting to be rotated away; its boundary is where
 * the name should say that it ended. */
bool hd_appendfile_due(const struct hd_appendfile *file, int64_t realtime_ms,
                       int64_t *ret_boundary_ms);

/* Looks whether the name still leads to our file: deleted, replaced and (after a while) renamed
 * files are left for a new one under the name. */
int hd_appendfile_check(struct hd_appendfile *file, int64_t realtime_ms, struct hd_diag *diag);

int hd_appendfile_reopen(struct hd_appendfile *file, struct hd_diag *diag);

#endif
