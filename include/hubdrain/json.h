/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text: the pieces that a writer needs. No tree is ever built.
 *
 * Owner:   the caller owns the buffer. Threads: none.
 * Limits:  none; text is written in steps, so that a buffer never grows by the worst case at once.
 * Errors:  -ENOMEM; the buffer then ends where it did before.
 * Output:  valid JSON and valid UTF-8 whatever the bytes are: control characters are escaped, each
 *          ill-formed UTF-8 sequence becomes one U+FFFD.
 */
#ifndef HUBDRAIN_JSON_H
#define HUBDRAIN_JSON_H

#include <stdint.h>

#include "hubdrain/buffer.h"

/* The text in quotes. */
int hd_json_string(struct hd_buffer *out, struct hd_slice text);

/* One JSON value as it stands, without the blanks between its tokens. In strings raw control
 * characters are escaped, bad UTF-8, lone surrogates and unknown escapes are repaired; numbers keep
 * every digit. HD_JSON_E_INVALID: the bytes are no JSON value, the buffer is as before. */
enum { HD_JSON_E_INVALID = 1 };
int hd_json_copy(struct hd_buffer *out, struct hd_slice json);

/* Digits at `at` (room for 20); returns how many. */
size_t hd_json_uint(char *at, uint64_t value);

/* The length of the well-formed UTF-8 sequence at the start of the bytes, or minus the length of
 * the ill-formed run (at least 1) that one U+FFFD stands for. len is at least 1. */
int hd_utf8_step(const char *bytes, size_t len);

#endif
