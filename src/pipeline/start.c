/* SPDX-License-Identifier: Apache-2.0 */
#include "start.h"

#include <string.h>

static const struct hd_start *configured(const struct hd_config_start *starts, size_t n_starts,
                                         const char *partition)
{
    for (size_t i = 0; i + 1 < n_starts; i++) {
        if (starts[i].partition && strcmp(starts[i].partition, partition) == 0) {
            return &starts[i].start;
        }
    }
    return &starts[n_starts - 1].start;
}

enum start_result start_after_refusal(enum hd_on_invalid on_invalid, struct hd_start *ret)
{
    *ret = (struct hd_start){
        .kind = on_invalid == HD_ON_INVALID_LATEST ? HD_START_LATEST : HD_START_EARLIEST,
    };
    return on_invalid == HD_ON_INVALID_FAIL ? START_INVALID_FAIL : START_OK;
}

enum start_result start_decide(const struct hd_config_start *starts, size_t n_starts,
                               const char *partition, const struct hd_checkpoint *checkpoint,
                               enum hd_on_invalid on_invalid, struct hd_start *ret,
                               bool *ret_invalid)
{
    *ret_invalid = false;
    if (!checkpoint) {
        *ret = *configured(starts, n_starts, partition);
        return START_OK;
    }
    const struct hd_position *position = &checkpoint->position;
    if (position->sequence_number < 0 && position->offset[0] == '\0') {
        *ret_invalid = true;
        return start_after_refusal(on_invalid, ret);
    }
    *ret = (struct hd_start){.kind = HD_START_POSITION, .position = *position};
    return START_OK;
}
