/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: gzip (one member or several) and zlib bodies. The state lives with the decoder and the
 * output grows in steps up to a cap, so a bomb costs max_body_bytes and no more. Whatever is wrong,
 * the caller still has the original bytes.
 *
 * Of a damaged body stays what can be trusted: members whose checksum was right, and what came
 * before the end of one whose rest is missing. A member with anything else wrong is not looked at:
 * nobody can tell where in it the damage began.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "decoder.h"

struct inflater {
    z_stream stream;
};

#define STEP_BYTES  ((size_t)64 * 1024)
#define AUTO_DETECT (15 + 32) /* zlib's way to ask for gzip or zlib, told by the header */

int inflater_new(struct inflater **ret)
{
    struct inflater *inflater = calloc(1, sizeof(*inflater));
    if (!inflater) {
        return -ENOMEM;
    }
    if (inflateInit2(&inflater->stream, AUTO_DETECT) != Z_OK) {
        free(inflater);
        return -ENOMEM;
    }
    *ret = inflater;
    return 0;
}

void inflater_free(struct inflater *inflater)
{
    if (inflater) {
        inflateEnd(&inflater->stream);
        free(inflater);
    }
}

bool inflate_likely(struct hd_slice body)
{
    const unsigned char *u = (const unsigned char *)body.data;
    if (body.len < 3) {
        return false;
    }
    return (u[0] == 0x1f && u[1] == 0x8b) ||
           (u[0] == 0x78 && (u[1] == 0x01 || u[1] == 0x9c || u[1] == 0xda));
}

/* One member. */
static int member(z_stream *stream, size_t max_bytes, struct hd_buffer *to)
{
    const size_t before = to->len;
    for (;;) {
        if (to->len >= max_bytes) {
            to->len = before;
            return HD_DEAD_DECOMPRESS;
        }
        size_t room = max_bytes - to->len < STEP_BYTES ? max_bytes - to->len : STEP_BYTES;
        if (hd_buffer_reserve(to, room)) {
            return -ENOMEM;
        }
        stream->next_out = (Bytef *)to->data + to->len;
        stream->avail_out = (uInt)room;
        int r = inflate(stream, Z_NO_FLUSH);
        to->len += room - stream->avail_out;
        if (r == Z_STREAM_END) {
            return 0;
        }
        if (r == Z_MEM_ERROR) {
            return -ENOMEM;
        }
        if (r == Z_BUF_ERROR || (r == Z_OK && stream->avail_in == 0 && stream->avail_out > 0)) {
            return HD_DEAD_DECOMPRESS; /* the rest is missing */
        }
        if (r != Z_OK) {
            to->len = before;
            return HD_DEAD_DECOMPRESS;
        }
    }
}

int inflate_body(struct inflater *inflater, struct hd_slice body, size_t max_bytes,
                 struct hd_buffer *to)
{
    z_stream *stream = &inflater->stream;
    to->len = 0;
    if (body.len > UINT_MAX) {
        return HD_DEAD_DECOMPRESS;
    }
    stream->next_in = (Bytef *)(uintptr_t)body.data;
    stream->avail_in = (uInt)body.len;
    do {
        if (inflateReset2(stream, AUTO_DETECT) != Z_OK) {
            return HD_DEAD_DECOMPRESS;
        }
        int r = member(stream, max_bytes, to);
        if (r) {
            return r;
        }
        while (stream->avail_in && *stream->next_in == 0) {
            stream->next_in++; /* some writers pad to a block */
            stream->avail_in--;
        }
    } while (stream->avail_in);
    return 0;
}
