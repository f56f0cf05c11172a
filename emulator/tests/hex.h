/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a test, written as hex; blanks are skipped. */
#ifndef EMULATOR_TESTS_HEX_H
#define EMULATOR_TESTS_HEX_H

#include <ctype.h>

#include "hubdrain/buffer.h"
#include "test.h"

static inline void put_hex(struct hd_buffer *out, const char *hex)
{
    while (*hex != 0) {
        if (isspace((unsigned char)*hex)) {
            hex++;
            continue;
        }
        char pair[3] = {hex[0], hex[1], 0};
        char byte = (char)strtoul(pair, NULL, 16);
        hd_buffer_append(out, &byte, 1);
        hex += 2;
    }
}

static inline const char *to_hex(struct hd_slice bytes, struct hd_buffer *out)
{
    out->len = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        hd_buffer_printf(out, "%02x", (unsigned char)bytes.data[i]);
    }
    return hd_buffer_cstr(out);
}

#endif
