/* SPDX-License-Identifier: Apache-2.0 */
/* Any body: every byte is accounted for, and the padding behind it changes nothing. */
#include <stdio.h>

#include "account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hd_decode_limits limits = {64 * 1024, 256 * 1024, 32, 256, false};
    static struct hd_decoder *decoder;
    struct account a = {0}, b = {0};
    if (!decoder && hd_decoder_new(&limits, &decoder)) {
        abort();
    }
    if (account_decode(decoder, data, size, 'x', &a) ||
        account_decode(decoder, data, size, '"', &b)) {
        abort();
    }
    if (a.fault || a.sum != b.sum || a.events != b.events || a.dead != b.dead) {
        fprintf(stderr, "%s\n", a.fault ? a.fault : "the padding matters");
        abort();
    }
    return 0;
}
