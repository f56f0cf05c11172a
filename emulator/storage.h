/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage: the log of one partition in a directory, so that a restart keeps it (--data).
 *
 * Files:   <dir>/<hub>/<partition>/<first sequence number, 20 digits>.log, append only.
 *          Records: see storage.c. A record reaches the kernel before the append returns (it
 *          survives kill -9 of this process); the disk when the segment is closed.
 * Owner:   its partition. Threads: the loop's.
 * Errors:  -errno with a diag. A torn or damaged tail is cut off at start and is no error.
 */
#ifndef EMULATOR_STORAGE_H
#define EMULATOR_STORAGE_H

#include "hub.h"

/*
 * Creates the data directory and keeps other emulators out of it for as long as *ret_fd is open
 * (a lock of the kernel's: it ends with the process, however that ends).
 */
int emu_storage_lock(const char *dir, int *ret_fd, struct hd_diag *diag);

/* Opens (creates) the directory and restores its events into the partition. */
int emu_storage_open(const char *dir, struct emu_partition *partition, struct emu_storage **ret,
                     struct hd_diag *diag);
void emu_storage_free(struct emu_storage *storage); /* accepts NULL; syncs */

int emu_storage_append(struct emu_storage *storage, int64_t seq, const struct emu_event *event);
/* Where the log ends now, and back to there: only while nothing was trimmed in between. */
struct segment;
struct emu_storage_mark {
    struct segment *last;
    uint64_t size;
};
struct emu_storage_mark emu_storage_mark(const struct emu_storage *storage);
int emu_storage_take_back(struct emu_storage *storage, struct emu_storage_mark mark);
/* Deletes the segments that hold nothing from `begin_seq` on; never the last one. */
void emu_storage_trim(struct emu_storage *storage, int64_t begin_seq);
int emu_storage_clear(struct emu_storage *storage, struct hd_diag *diag);

#endif
