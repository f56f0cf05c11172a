/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: bodies in UTF-16 are rare: converted as a whole, then read like any other. What is no
 * character becomes U+FFFD. */
#include "decoder.h"

bool utf16_likely(struct hd_slice body, bool *ret_big_endian)
{
    const unsigned char *u = (const unsigned char *)body.data;
    if (body.len < 4) {
        return false;
    }
    if ((u[0] == 0xff && u[1] == 0xfe) || (u[0] == 0xfe && u[1] == 0xff)) {
        *ret_big_endian = u[0] == 0xfe;
        return true;
    }
    /* without a mark: the first two characters are ASCII and one of them opens a record */
    bool little = u[0] && !u[1] && u[2] && !u[3], big = !u[0] && u[1] && !u[2] && u[3];
    *ret_big_endian = big;
    return (little || big) && strchr("{[<", big ? u[1] : u[0]);
}

int utf16_to_utf8(struct hd_slice body, bool big_endian, struct hd_buffer *to)
{
    const unsigned char *u = (const unsigned char *)body.data;
    size_t high = big_endian ? 0 : 1, low = 1 - high, i = 0;
    to->len = 0;
    int r = hd_buffer_reserve(to, body.len / 2 * 3 + 4);
    if (r) {
        return r;
    }
    while (i + 1 < body.len) {
        uint32_t code = (uint32_t)u[i + high] << 8 | u[i + low];
        i += 2;
        if (code >= 0xd800 && code <= 0xdbff && i + 1 < body.len) {
            uint32_t second = (uint32_t)u[i + high] << 8 | u[i + low];
            if (second >= 0xdc00 && second <= 0xdfff) {
                code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
                i += 2;
            }
        }
        to->len += utf8_put(code, to->data + to->len);
    }
    if (i < body.len) {
        to->len += utf8_put(0xfffd, to->data + to->len);
    }
    return 0;
}
