/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as event XML: an outcome, and slices that can be read. */
#include "account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hd_decoder *decoder;
    struct account a = {0};
    struct hd_event event;
    char *xml = malloc(size + HD_PADDING);
    if (!xml || (!decoder && hd_decoder_new(NULL, &decoder))) {
        abort();
    }
    memcpy(xml, data, size);
    memset(xml + size, '<', HD_PADDING);
    int r = hd_decode_xml(decoder, hd_slice(xml, size), &event);
    if (r < 0) {
        abort();
    }
    account_fields(&a, event.fields, event.n_fields, false);
    account_fields(&a, event.envelope_fields, event.n_envelope_fields, false);
    free(xml);
    return 0;
}
