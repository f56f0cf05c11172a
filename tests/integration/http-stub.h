/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 server on 127.0.0.1 for tests of clients: a function answers each request, with
 * whatever bytes it likes, and may hang, drip or cut the connection.
 *
 * Threads: its own, one a connection; the function runs on them. stub_stop joins all of them, so
 * what the function wrote may be read after it without a lock, or under stub_lock before.
 */
#ifndef HUBDRAIN_TESTS_HTTP_STUB_H
#define HUBDRAIN_TESTS_HTTP_STUB_H

#include <stdint.h>

#include "hubdrain/buffer.h"

struct stub;

struct stub_request {
    const char *method, *target;
    const char *headers; /* lines, each with CR LF */
    const char *body;
    size_t body_len;
    unsigned connection; /* from 1, in order of accepting */
};

struct stub_reply {
    struct hd_buffer bytes; /* the whole response */
    bool hang;              /* sends the bytes, then nothing until the client goes */
    bool drip;              /* byte by byte */
    bool close;             /* cuts the connection after the bytes */
};

/* Runs under the lock, so one at a time. */
typedef void stub_fn(void *context, const struct stub_request *request, struct stub_reply *reply);

/* port 0: the system's choice. Returns 0 or -errno. */
int stub_start(uint16_t port, stub_fn *fn, void *context, struct stub **ret);
void stub_stop(struct stub *stub);
uint16_t stub_port(const struct stub *stub);
void stub_lock(struct stub *stub);
void stub_unlock(struct stub *stub);

/* A response with Content-Length; `headers` are lines with CR LF, or "". */
void stub_answer(struct stub_reply *reply, int status, const char *headers, const char *body);

/* The value of a header, or NULL; name in any case. Returns `to`. */
const char *stub_header(const struct stub_request *request, const char *name, char *to,
                        size_t size);

#endif
