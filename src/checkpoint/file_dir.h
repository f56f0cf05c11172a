/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of checkpoints: DIRECTORY/namespace/hub/consumer-group, one small file a partition.
 * Private to checkpoint/.
 *
 * Everything here blocks. Threads: open and close from one; read and write from any, for different
 * partitions also at once.
 */
#ifndef HUBDRAIN_CHECKPOINT_FILE_DIR_H
#define HUBDRAIN_CHECKPOINT_FILE_DIR_H

#include "store_ops.h"

struct hd_file_dir {
    int fd;
    int lock_fd;
    struct hd_buffer path; /* for people */
};

/* Makes the directories that are missing and takes the lock, which holds until close. -EBUSY: some
 * other process has it. */
int hd_file_dir_open(struct hd_file_dir *dir, const struct hd_store_options *options,
                     struct hd_diag *diag);
void hd_file_dir_close(struct hd_file_dir *dir);

enum hd_store_result hd_file_dir_read(const struct hd_file_dir *dir,
                                      struct hd_checkpoint_list *list, struct hd_diag *diag);
enum hd_store_result hd_file_dir_write(const struct hd_file_dir *dir, const char *partition,
                                       const struct hd_position *position, struct hd_diag *diag);

#endif
