/* SPDX-License-Identifier: Apache-2.0 */
/* Credit: AMQP counts messages, memory counts bytes. Pure. */
#ifndef HUBDRAIN_PIPELINE_CREDIT_H
#define HUBDRAIN_PIPELINE_CREDIT_H

#include <stdint.h>

/* The running mean of message sizes: quick to rise, slow to fall, since an underestimate is what
 * overshoots the budget. */
uint64_t credit_mean(uint64_t mean_bytes, uint64_t size_bytes);

/* What one of n partitions may have outstanding when left_bytes of limit_bytes are free. */
uint32_t credit_for(uint64_t limit_bytes, uint64_t left_bytes, uint32_t n_partitions,
                    uint64_t mean_bytes);

#define CREDIT_FIRST_MEAN_BYTES 16384 /* before anything was received */
#define CREDIT_MAX              5000  /* what Microsoft's Go SDK caps it at */

#endif
