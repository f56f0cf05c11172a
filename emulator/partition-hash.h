/* SPDX-License-Identifier: Apache-2.0 */
/* Which partition a key belongs to: the function that Microsoft's SDKs publish. Pure. */
#ifndef EMULATOR_PARTITION_HASH_H
#define EMULATOR_PARTITION_HASH_H

#include <stdint.h>

#include "hubdrain/slice.h"

int16_t emu_partition_hash(struct hd_slice key);
uint32_t emu_partition_of_key(struct hd_slice key, uint32_t partitions); /* partitions > 0 */

#endif
