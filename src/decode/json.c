/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: one pass over the text, no tree, no copies. The caller walks the objects that it knows
 * (json_key, json_value) and whatever it does not know is skipped as a whole, with its structure
 * checked: that is the only way to know where a record ends. Nesting lives in a bit stack (1:
 * object, 0: array), never on the C stack.
 *
 * Tolerant: raw control characters in strings, any bytes, a trailing comma. With `strict` set,
 * none of it: what we hand on as JSON text must be JSON for everybody.
 */
#include "json.h"

#include "hubdrain/decode.h"
#include "scan.h"

size_t utf8_length(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (u[0] < 0x80) {
        return 1;
    }
    if (u[0] >= 0xc2 && u[0] <= 0xdf) {
        return left >= 2 && (u[1] & 0xc0) == 0x80 ? 2 : 0;
    }
    if ((u[0] & 0xf0) == 0xe0) {
        if (left < 3 || (u[1] & 0xc0) != 0x80 || (u[2] & 0xc0) != 0x80) {
            return 0;
        }
        bool overlong = u[0] == 0xe0 && u[1] < 0xa0, surrogate = u[0] == 0xed && u[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (u[0] >= 0xf0 && u[0] <= 0xf4) {
        if (left < 4 || (u[1] & 0xc0) != 0x80 || (u[2] & 0xc0) != 0x80 || (u[3] & 0xc0) != 0x80) {
            return 0;
        }
        bool overlong = u[0] == 0xf0 && u[1] < 0x90, beyond = u[0] == 0xf4 && u[1] > 0x8f;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

static bool strict_escape(const char *p, const char *end)
{
    if (p == end) {
        return false;
    }
    if (*p != 'u') {
        return *p && strchr("\"\\/bfnrt", *p);
    }
    for (int i = 1; i <= 4; i++) {
        bool hex = p + i < end && ((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f') ||
                                   (p[i] >= 'A' && p[i] <= 'F'));
        if (!hex) {
            return false;
        }
    }
    return true;
}

static const char *strict_string(struct hd_slice text)
{
    const char *p = text.data, *end = text.data + text.len;
    while (p < end) {
        if ((unsigned char)*p < 0x20) {
            return p;
        }
        if (*p == '\\') {
            if (!strict_escape(p + 1, end)) {
                return p;
            }
            p += 2;
            continue;
        }
        size_t n = utf8_length(p, end);
        if (n == 0) {
            return p;
        }
        p += n;
    }
    return NULL;
}

int json_string(struct json *json, struct json_value *ret)
{
    const char *start = json->p + 1;
    const char *quote = scan_string(start, json->end, &ret->escaped);
    if (quote == json->end) {
        json->p = json->end;
        return HD_DEAD_TRUNCATED;
    }
    ret->kind = JSON_STRING;
    ret->text = hd_slice(start, (size_t)(quote - start));
    if (json->strict) {
        const char *fault = strict_string(ret->text);
        if (fault) {
            json->p = fault;
            return HD_DEAD_MALFORMED_JSON;
        }
    }
    json->p = quote + 1;
    return 0;
}

static int fault(const struct json *json)
{
    return json->p < json->end ? HD_DEAD_MALFORMED_JSON : HD_DEAD_TRUNCATED;
}

static bool digits(struct json *json)
{
    const char *start = json->p;
    while (json->p < json->end && *json->p >= '0' && *json->p <= '9') {
        json->p++;
    }
    return json->p > start;
}

static int number(struct json *json, struct json_value *ret)
{
    const char *start = json->p;
    if (*json->p == '-') {
        json->p++;
    }
    bool zero = json->p < json->end && *json->p == '0';
    const char *whole = json->p;
    if (!digits(json) || (zero && json->p - whole > 1)) {
        return fault(json);
    }
    if (json->p < json->end && *json->p == '.') {
        json->p++;
        if (!digits(json)) {
            return fault(json);
        }
    }
    if (json->p < json->end && (*json->p == 'e' || *json->p == 'E')) {
        json->p++;
        if (json->p < json->end && (*json->p == '+' || *json->p == '-')) {
            json->p++;
        }
        if (!digits(json)) {
            return fault(json);
        }
    }
    ret->kind = JSON_NUMBER;
    ret->escaped = false;
    ret->text = hd_slice(start, (size_t)(json->p - start));
    return 0;
}

static int literal(struct json *json, const char *word, enum json_kind kind, struct json_value *ret)
{
    const char *start = json->p;
    for (; *word; word++, json->p++) {
        if (json->p == json->end || *json->p != *word) {
            return fault(json);
        }
    }
    ret->kind = kind;
    ret->escaped = false;
    ret->text = hd_slice(start, (size_t)(json->p - start));
    return 0;
}

static int scalar(struct json *json, struct json_value *ret)
{
    if (json->p == json->end) {
        return HD_DEAD_TRUNCATED;
    }
    switch (*json->p) {
    case '"':
        return json_string(json, ret);
    case 't':
        return literal(json, "true", JSON_TRUE, ret);
    case 'f':
        return literal(json, "false", JSON_FALSE, ret);
    case 'n':
        return literal(json, "null", JSON_NULL, ret);
    default:
        if (*json->p == '-' || (*json->p >= '0' && *json->p <= '9')) {
            return number(json, ret);
        }
        return HD_DEAD_MALFORMED_JSON;
    }
}

int json_key(struct json *json, struct json_value *ret)
{
    if (json->p == json->end || *json->p != '"') {
        return fault(json);
    }
    int r = json_string(json, ret);
    if (r) {
        return r;
    }
    json_space(json);
    if (json->p == json->end || *json->p != ':') {
        return fault(json);
    }
    json->p++;
    json_space(json);
    return 0;
}

struct nesting {
    uint64_t bits[JSON_MAX_DEPTH / 64];
    uint32_t depth;
};

static inline void nesting_push(struct nesting *nesting, bool object)
{
    uint64_t bit = 1ULL << (nesting->depth % 64), *word = &nesting->bits[nesting->depth / 64];
    if (nesting->depth % 64 == 0) {
        *word = 0;
    }
    *word = object ? *word | bit : *word & ~bit;
    nesting->depth++;
}

static inline bool nesting_in_object(const struct nesting *nesting)
{
    uint32_t top = nesting->depth - 1;
    return nesting->bits[top / 64] >> (top % 64) & 1;
}

/* Closes what ends at p, then takes the comma. Sets *ret_more when a value must follow. */
static int after_value(struct json *json, struct nesting *nesting, bool fresh, bool *ret_more)
{
    bool comma = fresh; /* an empty container may close without one */
    for (;;) {
        json_space(json);
        if (json->p == json->end) {
            return HD_DEAD_TRUNCATED;
        }
        char close = nesting_in_object(nesting) ? '}' : ']';
        if (*json->p == close) {
            if (comma && !fresh && json->strict) {
                return HD_DEAD_MALFORMED_JSON;
            }
            json->p++;
            fresh = comma = false;
            if (--nesting->depth == 0) {
                *ret_more = false;
                return 0;
            }
        } else if (*json->p == ',' && !comma) {
            json->p++;
            comma = true;
        } else {
            *ret_more = true;
            return comma ? 0 : HD_DEAD_MALFORMED_JSON;
        }
    }
}

static int container(struct json *json, struct json_value *ret)
{
    struct nesting nesting;
    const char *start = json->p;
    enum json_kind kind = *start == '{' ? JSON_OBJECT : JSON_ARRAY;
    bool fresh = false, more = true;
    nesting.depth = 0;
    do {
        struct json_value value;
        if (nesting.depth && nesting_in_object(&nesting)) {
            int r = json_key(json, &value);
            if (r) {
                return r;
            }
        }
        fresh = json->p < json->end && (*json->p == '{' || *json->p == '[');
        if (fresh) {
            if (nesting.depth >= json->max_depth || nesting.depth >= JSON_MAX_DEPTH) {
                return HD_DEAD_TOO_DEEP;
            }
            nesting_push(&nesting, *json->p == '{');
            json->p++;
        } else {
            int r = scalar(json, &value);
            if (r) {
                return r;
            }
        }
        int r = after_value(json, &nesting, fresh, &more);
        if (r) {
            return r;
        }
    } while (more);
    ret->kind = kind;
    ret->escaped = false;
    ret->text = hd_slice(start, (size_t)(json->p - start));
    return 0;
}

int json_value(struct json *json, struct json_value *ret)
{
    if (json->p < json->end && (*json->p == '{' || *json->p == '[')) {
        return container(json, ret);
    }
    return scalar(json, ret);
}

bool json_strict(struct hd_slice text)
{
    struct json json = {text.data, text.data + text.len, JSON_MAX_DEPTH, true};
    struct json_value value;
    json_space(&json);
    if (json_value(&json, &value)) {
        return false;
    }
    json_space(&json);
    return json.p == json.end;
}
