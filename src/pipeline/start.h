/* SPDX-License-Identifier: Apache-2.0 */
/* Start: where a partition begins. Pure. */
#ifndef HUBDRAIN_PIPELINE_START_H
#define HUBDRAIN_PIPELINE_START_H

#include "hubdrain/config.h"
#include "hubdrain/store.h"

enum start_result {
    START_OK,
    START_INVALID_FAIL, /* the checkpoint cannot be used and the configuration says: fail */
};

/* The checkpoint wins; without one (NULL) the configuration decides. ret_invalid: the checkpoint
 * was there but could not be used. */
enum start_result start_decide(const struct hd_config_start *starts, size_t n_starts,
                               const char *partition, const struct hd_checkpoint *checkpoint,
                               enum hd_on_invalid on_invalid, struct hd_start *ret,
                               bool *ret_invalid);

/* What on_invalid puts in the place of a position that the hub refused. */
enum start_result start_after_refusal(enum hd_on_invalid on_invalid, struct hd_start *ret);

#endif
