/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: 32 links with 300 credits each of 93 KB messages once held 916 MB in a client. So a
 * link's credit is its share of the free budget divided by what a message costs: its mean size,
 * twice, because its documents are about as long as itself. When messages turn out larger than the
 * mean, reading pauses (hd_pipeline_handlers.pause), which is the hard limit behind this soft one.
 */
#include "credit.h"

uint64_t credit_mean(uint64_t mean_bytes, uint64_t size_bytes)
{
    return size_bytes > mean_bytes ? mean_bytes + (size_bytes - mean_bytes + 3) / 4
                                   : mean_bytes - (mean_bytes - size_bytes) / 16;
}

uint32_t credit_for(uint64_t limit_bytes, uint64_t left_bytes, uint32_t n_partitions,
                    uint64_t mean_bytes)
{
    uint64_t share = left_bytes / (n_partitions ? n_partitions : 1) / 2;
    uint64_t credit = share / (mean_bytes ? mean_bytes : 1);
    /* Large messages and many partitions: as long as a good part of the budget is free, everyone
     * may have one, else nobody would ever move. */
    if (credit == 0 && left_bytes >= limit_bytes / 4) {
        credit = 1;
    }
    return credit > CREDIT_MAX ? CREDIT_MAX : (uint32_t)credit;
}
