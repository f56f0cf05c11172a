/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a community id is the SHA-1 of at most 40 bytes, so a whole SHA-1 is one block and its
 * padding. It is no secret and protects nothing; a library for it would be a dependency of the
 * wrong folder.
 */
#include <endian.h>

#include "transforms.h"

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* FIPS 180-4, 6.1, for messages of at most 55 bytes. */
static void sha1_block(const unsigned char *data, size_t len, unsigned char ret_digest[20])
{
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint32_t w[80], v[5];
    unsigned char block[64] = {0};
    uint64_t bits = htobe64((uint64_t)len * 8);

    memcpy(block, data, len);
    block[len] = 0x80;
    memcpy(block + 56, &bits, 8);
    for (unsigned i = 0; i < 16; i++) {
        uint32_t word;
        memcpy(&word, block + i * 4, 4);
        w[i] = be32toh(word);
    }
    for (unsigned i = 16; i < 80; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    memcpy(v, h, sizeof(v));
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) {
            f = (v[1] & v[2]) | (~v[1] & v[3]);
            k = 0x5A827999;
        } else if (i < 40) {
            f = v[1] ^ v[2] ^ v[3];
            k = 0x6ED9EBA1;
        } else if (i < 60) {
            f = (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]);
            k = 0x8F1BBCDC;
        } else {
            f = v[1] ^ v[2] ^ v[3];
            k = 0xCA62C1D6;
        }
        uint32_t t = rotate(v[0], 5) + f + v[4] + k + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate(v[1], 30);
        v[1] = v[0];
        v[0] = t;
    }
    for (unsigned i = 0; i < 5; i++) {
        uint32_t word = htobe32(h[i] + v[i]);
        memcpy(ret_digest + i * 4, &word, 4);
    }
}

/* 20 bytes: 28 characters. */
static void base64_digest(const unsigned char digest[20], char *at)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned i = 0; i < 21; i += 3) {
        uint32_t third = i + 2 < 20 ? digest[i + 2] : 0;
        uint32_t group = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | third;
        *at++ = alphabet[group >> 18 & 63];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = alphabet[group >> 6 & 63];
        *at++ = i + 2 < 20 ? alphabet[group & 63] : '=';
    }
}

void hd_community_id(const struct hd_ip *source, uint16_t source_port,
                     const struct hd_ip *destination, uint16_t destination_port, uint8_t protocol,
                     char ret_text[HD_COMMUNITY_ID_SIZE])
{
    /* Both directions of a flow have one id: the lesser end comes first. */
    int order = memcmp(source->bytes, destination->bytes, source->len);
    if (order > 0 || (order == 0 && source_port > destination_port)) {
        const struct hd_ip *ip = source;
        source = destination;
        destination = ip;
        uint16_t port = source_port;
        source_port = destination_port;
        destination_port = port;
    }
    unsigned char data[40] = {0}, digest[20]; /* two bytes of seed: 0 */
    size_t n = 2;
    memcpy(data + n, source->bytes, source->len);
    n += source->len;
    memcpy(data + n, destination->bytes, destination->len);
    n += destination->len;
    data[n++] = protocol;
    data[n++] = 0;
    data[n++] = (unsigned char)(source_port >> 8);
    data[n++] = (unsigned char)source_port;
    data[n++] = (unsigned char)(destination_port >> 8);
    data[n++] = (unsigned char)destination_port;
    sha1_block(data, n, digest);
    ret_text[0] = '1';
    ret_text[1] = ':';
    base64_digest(digest, ret_text + 2);
}
