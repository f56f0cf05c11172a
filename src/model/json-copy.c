/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: records that are no Windows event, and values that are JSON of their own, go out as they
 * came. They are checked while they are copied, because what leaves hubdrain must be valid whatever
 * a tolerant reader let in. One loop and a stack of bits; no recursion.
 */
#include "hubdrain/json.h"

#include <errno.h>

#define MAX_DEPTH 1024

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* after [ */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* after { */
    EXPECT_COLON,
    EXPECT_NEXT, /* a comma or the end of what is open */
};

struct copier {
    const char *p, *end;
    struct hd_buffer *out;
    uint64_t object[MAX_DEPTH / 64]; /* bit d: level d is an object */
    unsigned depth;
};

static int put(struct copier *c, const char *data, size_t len)
{
    return hd_buffer_append(c->out, data, len);
}

static bool in_object(const struct copier *c)
{
    unsigned level = c->depth - 1;
    return c->object[level / 64] >> (level % 64) & 1;
}

static int open_level(struct copier *c, bool object)
{
    if (c->depth == MAX_DEPTH) {
        return HD_JSON_E_INVALID;
    }
    uint64_t bit = (uint64_t)1 << (c->depth % 64);
    uint64_t *word = &c->object[c->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    c->depth++;
    return put(c, c->p++, 1);
}

/* Four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = p[i] >= '0' && p[i] <= '9'   ? p[i] - '0'
                    : p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10
                    : p[i] >= 'A' && p[i] <= 'F' ? p[i] - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

/* p is at a backslash. */
static int copy_escape(struct copier *c)
{
    if (c->end - c->p < 2) {
        return HD_JSON_E_INVALID;
    }
    char kind = c->p[1];
    if (kind && strchr("\"\\/bfnrt", kind)) {
        c->p += 2;
        return put(c, c->p - 2, 2);
    }
    int unit = kind == 'u' ? hex4(c->p + 2, c->end) : -1;
    if (unit < 0) { /* no escape that JSON knows: the backslash was meant */
        c->p++;
        return put(c, "\\\\", 2);
    }
    size_t n = 6;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
        bool pair = unit <= 0xDBFF && c->end - c->p >= 12 && c->p[6] == '\\' && c->p[7] == 'u';
        int low = pair ? hex4(c->p + 8, c->end) : -1;
        if (low < 0xDC00 || low > 0xDFFF) {
            c->p += n;
            return put(c, "\\ufffd", 6);
        }
        n = 12;
    }
    c->p += n;
    return put(c, c->p - n, n);
}

static int copy_odd_byte(struct copier *c)
{
    unsigned char byte = (unsigned char)*c->p;
    if (byte < 0x20) {
        char text[8];
        static const char hex[] = "0123456789abcdef";
        memcpy(text, "\\u00", 4);
        text[4] = hex[byte >> 4];
        text[5] = hex[byte & 15];
        c->p++;
        return put(c, text, 6);
    }
    int n = hd_utf8_step(c->p, (size_t)(c->end - c->p));
    if (n < 0) {
        c->p += -n;
        return put(c, "\xEF\xBF\xBD", 3);
    }
    c->p += n;
    return put(c, c->p - n, (size_t)n);
}

/* p is at the opening quote. */
static int copy_string(struct copier *c)
{
    int r = put(c, c->p++, 1);
    while (r == 0) {
        const char *run = c->p;
        while (c->p < c->end && (unsigned char)*c->p >= 0x20 && (unsigned char)*c->p < 0x80 &&
               *c->p != '"' && *c->p != '\\') {
            c->p++;
        }
        r = put(c, run, (size_t)(c->p - run));
        if (r < 0) {
            return r;
        }
        if (c->p == c->end) {
            return HD_JSON_E_INVALID;
        }
        if (*c->p == '"') {
            return put(c, c->p++, 1);
        }
        r = *c->p == '\\' ? copy_escape(c) : copy_odd_byte(c);
    }
    return r;
}

static size_t digits(const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && p[n] >= '0' && p[n] <= '9') {
        n++;
    }
    return n;
}

static int copy_number(struct copier *c)
{
    const char *p = c->p + (*c->p == '-');
    size_t n = digits(p, c->end);
    if (n == 0 || (n > 1 && *p == '0')) {
        return HD_JSON_E_INVALID;
    }
    p += n;
    if (p < c->end && *p == '.') {
        n = digits(p + 1, c->end);
        if (n == 0) {
            return HD_JSON_E_INVALID;
        }
        p += n + 1;
    }
    if (p < c->end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < c->end && (*p == '+' || *p == '-');
        n = digits(p, c->end);
        if (n == 0) {
            return HD_JSON_E_INVALID;
        }
        p += n;
    }
    const char *start = c->p;
    c->p = p;
    return put(c, start, (size_t)(p - start));
}

static int copy_word(struct copier *c)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(c->end - c->p) >= n && memcmp(c->p, words[i], n) == 0) {
            c->p += n;
            return put(c, words[i], n);
        }
    }
    return HD_JSON_E_INVALID;
}

static int copy_value(struct copier *c, enum expect *ret_next)
{
    *ret_next = EXPECT_NEXT;
    switch (*c->p) {
    case '{':
        *ret_next = EXPECT_KEY_OR_END;
        return open_level(c, true);
    case '[':
        *ret_next = EXPECT_VALUE_OR_END;
        return open_level(c, false);
    case '"':
        return copy_string(c);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return copy_number(c);
    default:
        return copy_word(c);
    }
}

/* A comma, a colon or a closing bracket at p, as `expect` allows. */
static int copy_mark(struct copier *c, enum expect expect, enum expect *ret_next)
{
    char mark = *c->p;
    if (expect == EXPECT_COLON && mark == ':') {
        *ret_next = EXPECT_VALUE;
        return put(c, c->p++, 1);
    }
    if (expect == EXPECT_COLON || c->depth == 0) {
        return HD_JSON_E_INVALID;
    }
    if (expect == EXPECT_NEXT && mark == ',') {
        *ret_next = in_object(c) ? EXPECT_KEY : EXPECT_VALUE;
        return put(c, c->p++, 1);
    }
    if (mark != (in_object(c) ? '}' : ']')) {
        return HD_JSON_E_INVALID;
    }
    c->depth--;
    *ret_next = EXPECT_NEXT;
    return put(c, c->p++, 1);
}

static int copy_token(struct copier *c, enum expect *expect)
{
    char mark = *c->p;
    switch (*expect) {
    case EXPECT_VALUE:
        return copy_value(c, expect);
    case EXPECT_VALUE_OR_END:
        return mark == ']' ? copy_mark(c, *expect, expect) : copy_value(c, expect);
    case EXPECT_KEY_OR_END:
        if (mark == '}') {
            return copy_mark(c, *expect, expect);
        }
        /* fall through */
    case EXPECT_KEY:
        *expect = EXPECT_COLON;
        return mark == '"' ? copy_string(c) : HD_JSON_E_INVALID;
    case EXPECT_COLON:
    case EXPECT_NEXT:
        return copy_mark(c, *expect, expect);
    }
    return HD_JSON_E_INVALID;
}

int hd_json_copy(struct hd_buffer *out, struct hd_slice json)
{
    const size_t start = out->len;
    struct copier c = {.p = json.data, .end = json.data + json.len, .out = out};
    enum expect expect = EXPECT_VALUE;
    int r = 0;

    while (r == 0) {
        while (c.p < c.end && (*c.p == ' ' || *c.p == '\t' || *c.p == '\r' || *c.p == '\n')) {
            c.p++;
        }
        if (c.p == c.end) {
            r = c.depth == 0 && expect == EXPECT_NEXT ? 0 : HD_JSON_E_INVALID;
            break;
        }
        r = copy_token(&c, &expect);
    }
    if (r != 0) {
        out->len = start;
    }
    return r;
}
