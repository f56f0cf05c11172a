/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: a scanner that hands out slices of the text. Private to decode/. */
#ifndef HUBDRAIN_DECODE_JSON_H
#define HUBDRAIN_DECODE_JSON_H

#include <stdint.h>

#include "hubdrain/slice.h"

#define JSON_MAX_DEPTH 1024

enum json_kind {
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_OBJECT,
    JSON_ARRAY,
};

struct json_value {
    struct hd_slice
        text; /* a string without its quotes, escapes as they are; else the whole value */
    enum json_kind kind;
    bool escaped; /* a string with a backslash in it */
};

struct json {
    const char *p, *end;
    uint32_t max_depth; /* of what a value may hold; at most JSON_MAX_DEPTH */
    bool strict;        /* refuse what RFC 8259 and UTF-8 refuse */
};

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline void json_space(struct json *json)
{
    while (json->p < json->end && json_is_space(*json->p)) {
        json->p++;
    }
}

/* The value at p, a container as a whole. 0, or an enum hd_dead_reason with p at the fault. */
int json_value(struct json *json, struct json_value *ret);

/* The string at p (which is its opening quote). */
int json_string(struct json *json, struct json_value *ret);

/* A key and its colon, p then at the value. */
int json_key(struct json *json, struct json_value *ret);

/* Is this one JSON value by the book, in UTF-8, and nothing else? */
bool json_strict(struct hd_slice text);

/* Undoes the escapes of a string. `to` has JSON_UNESCAPED_MAX(len) bytes; returns what is used. */
#define JSON_UNESCAPED_MAX(len) ((len) + (len) / 2 + 16)
size_t json_unescape(struct hd_slice text, char *to);

/* The length of the UTF-8 sequence at p, or 0 when it is none. */
size_t utf8_length(const char *p, const char *end);

/* Writes up to 4 bytes; what is no scalar value becomes U+FFFD. */
size_t utf8_put(uint32_t code, char *to);

#endif
