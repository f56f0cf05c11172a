/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream: bytes to and from a peer over TCP or TLS, without ever blocking.
 *
 * How the peer is reached is the business of the options: what speaks over a stream sees bytes.
 *
 * Owner:   who opened it; hd_stream_close frees it, from any of its callbacks too.
 * Threads: the loop's. No callback runs inside hd_stream_open.
 * Limits:  one transport block of HD_STREAM_BLOCK bytes a read.
 * Errors:  outcomes below; the text of a failure names the peer and the reason.
 */
#ifndef HUBDRAIN_STREAM_H
#define HUBDRAIN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hubdrain/error.h"
#include "hubdrain/loop.h"

#define HD_STREAM_BLOCK 65536

struct hd_stream;

struct hd_stream_options {
    const char *host; /* a name, an IPv4 or an IPv6 address (no brackets) */
    uint16_t port;
    bool tls;                   /* verified against the host's name */
    const char *ca_file;        /* NULL: the system's */
    int64_t connect_timeout_ms; /* name, TCP and TLS together */
};

struct hd_stream_handlers {
    /* diag NULL: connected. Else it could not be done; the stream is of no more use. */
    void (*connected)(void *context, const struct hd_diag *diag);
    /* What hd_stream_want asked for is possible (HD_LOOP_READ, HD_LOOP_WRITE). */
    void (*ready)(void *context, int events);
};

enum hd_stream_result {
    HD_STREAM_OK,
    HD_STREAM_AGAIN,  /* nothing now; ready() will tell */
    HD_STREAM_CLOSED, /* the peer ended it */
    HD_STREAM_FAILED, /* hd_stream_error says why */
};

/* Options are copied. -ENOMEM. */
int hd_stream_open(struct hd_loop *loop, const struct hd_stream_options *options,
                   const struct hd_stream_handlers *handlers, void *context,
                   struct hd_stream **ret);
void hd_stream_close(struct hd_stream *stream); /* accepts NULL; at once */

enum hd_stream_result hd_stream_read(struct hd_stream *stream, void *buffer, size_t size,
                                     size_t *ret_n);
/* The last read took all there was: the next one would say HD_STREAM_AGAIN. */
bool hd_stream_drained(const struct hd_stream *stream);

enum hd_stream_result hd_stream_write(struct hd_stream *stream, const void *data, size_t len,
                                      size_t *ret_n);

/* HD_LOOP_READ and HD_LOOP_WRITE, or 0 to leave the bytes where they are. A stream that was left
 * before HD_STREAM_AGAIN is readable: ready() comes for it without new bytes on the wire. */
void hd_stream_want(struct hd_stream *stream, int events);

const char *hd_stream_error(const struct hd_stream *stream); /* "" when there was none */

#endif
