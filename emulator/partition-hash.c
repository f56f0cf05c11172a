/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: Bob Jenkins' lookup3 hashlittle2 over the UTF-8 bytes with both seeds 0; the low 16 bits
 * of c ^ b as a signed number; the remainder truncates as C's does, and its sign is dropped.
 */
#include "partition-hash.h"

#include <stdlib.h>

static uint32_t rot(uint32_t x, int k)
{
    return x << k | x >> (32 - k);
}

/* Up to four bytes, little-endian; missing ones count as zero. */
static uint32_t word(const uint8_t *at, size_t left)
{
    uint32_t v = 0;
    for (size_t i = 0; i < 4 && i < left; i++) {
        v |= (uint32_t)at[i] << 8 * i;
    }
    return v;
}

int16_t emu_partition_hash(struct hd_slice key)
{
    const uint8_t *at = (const uint8_t *)key.data;
    size_t left = key.len;
    uint32_t a = 0xdeadbeef + (uint32_t)key.len, b = a, c = a;

    while (left > 12) {
        a += word(at, 4);
        b += word(at + 4, 4);
        c += word(at + 8, 4);
        a -= c, a ^= rot(c, 4), c += b;
        b -= a, b ^= rot(a, 6), a += c;
        c -= b, c ^= rot(b, 8), b += a;
        a -= c, a ^= rot(c, 16), c += b;
        b -= a, b ^= rot(a, 19), a += c;
        c -= b, c ^= rot(b, 4), b += a;
        at += 12;
        left -= 12;
    }
    if (left > 0) {
        a += word(at, left);
        b += left > 4 ? word(at + 4, left - 4) : 0;
        c += left > 8 ? word(at + 8, left - 8) : 0;
        c ^= b, c -= rot(b, 14);
        a ^= c, a -= rot(c, 11);
        b ^= a, b -= rot(a, 25);
        c ^= b, c -= rot(b, 16);
        a ^= c, a -= rot(c, 4);
        b ^= a, b -= rot(a, 14);
        c ^= b, c -= rot(b, 24);
    }
    return (int16_t)((c ^ b) & 0xffff);
}

uint32_t emu_partition_of_key(struct hd_slice key, uint32_t partitions)
{
    return (uint32_t)abs(emu_partition_hash(key) % (int32_t)partitions);
}
