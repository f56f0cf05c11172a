/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP sections: positions stay within the bytes, and what is bad keeps its bytes. */
#include <stdlib.h>
#include <string.h>

#include "src/hub/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1); /* exactly: no padding to read into */
    if (!bytes || size > UINT32_MAX) {
        abort();
    }
    memcpy(bytes, data, size);
    struct hd_message message;
    hd_message_decode(bytes, (uint32_t)size, &message);
    if ((size_t)message.body + message.body_len > size ||
        (size_t)message.offset + message.offset_len > size ||
        (message.bad && (message.body_len != size || memcmp(bytes, data, size) != 0))) {
        abort();
    }
    free(bytes);
    return 0;
}
