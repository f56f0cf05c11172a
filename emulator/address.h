/* SPDX-License-Identifier: Apache-2.0 */
/* Address: what the address of a link names. Scheme, host and a leading slash are ignored. */
#ifndef EMULATOR_ADDRESS_H
#define EMULATOR_ADDRESS_H

#include "hubdrain/slice.h"

enum emu_node {
    EMU_NODE_UNKNOWN,
    EMU_NODE_CBS,
    EMU_NODE_MANAGEMENT,
    EMU_NODE_HUB,       /* hub, hub/Partitions/p */
    EMU_NODE_PARTITION, /* hub/ConsumerGroups/g/Partitions/p */
};

struct emu_address {
    enum emu_node node;
    struct hd_slice hub, group, partition; /* point into the text; empty when not named */
};

struct emu_address emu_address_parse(const char *text);

#endif
