/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC: what signatures of Azure are made of: HMAC-SHA256, base64, percent-encoding.
 *
 * Threads: any. Errors: -ENOMEM; -EINVAL for text that is no base64.
 */
#ifndef HUBDRAIN_HMAC_H
#define HUBDRAIN_HMAC_H

#include <stdint.h>

#include "hubdrain/buffer.h"

#define HD_SHA256_SIZE 32

int hd_hmac_sha256(struct hd_slice key, struct hd_slice message, uint8_t ret[HD_SHA256_SIZE]);

/* Appends. Decoding is strict: the alphabet of RFC 4648 section 4, padded, no blanks. */
int hd_base64_encode(struct hd_buffer *out, struct hd_slice bytes);
int hd_base64_decode(struct hd_buffer *out, struct hd_slice text);

/* Appends the text with every byte but A-Z a-z 0-9 - _ . ~ as %XX (upper case), and leaves what is
 * in `also_keep` (may be NULL) as it is. */
int hd_url_encode(struct hd_buffer *out, struct hd_slice text, const char *also_keep);

/* Appends the text with %XX taken apart; a % that is no escape stays. */
int hd_url_decode(struct hd_buffer *out, struct hd_slice text);

#endif
