/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a transform either puts the whole meaning of a value where the row says, or answers false
 * and the value stays in the event data: a port that is no port, a hash of a kind nobody knows. So
 * a typed field never holds anything else, and nothing is lost.
 */
#include "transforms.h"

bool hd_number_parse(struct hd_slice text, uint64_t *ret)
{
    uint64_t value = 0;
    bool hex = text.len > 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x';
    if (text.len == 0) {
        return false;
    }
    for (size_t i = hex ? 2 : 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        unsigned digit = c - '0';
        if (hex && digit > 9) {
            digit = (c | 0x20U) - 'a' + 10;
            digit = digit < 10 ? 16 : digit;
        }
        if (digit >= (hex ? 16U : 10U) || value > (UINT64_MAX - digit) / (hex ? 16 : 10)) {
            return false;
        }
        value = value * (hex ? 16 : 10) + digit;
    }
    *ret = value;
    return true;
}

static bool run_text(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    hd_values_string(&work->values, row->targets[0], value);
    return true;
}
const struct hd_transform hd_t_text = {"text", "the text as it is", run_text};

static bool run_lower(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    if (hd_values_has(&work->values, row->targets[0])) {
        return false;
    }
    char *text = hd_work_alloc(work, value.len);
    if (!text) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    hd_values_string(&work->values, row->targets[0], hd_slice(text, value.len));
    return true;
}
const struct hd_transform hd_t_lower = {"lower-case", "in lower case; an earlier row's value stays",
                                        run_lower};

static bool run_integer(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    uint64_t number;
    /* The consumer's type is a signed 64-bit one. */
    if (!hd_number_parse(value, &number) || number > INT64_MAX) {
        return false;
    }
    hd_values_number(&work->values, row->targets[0], number);
    return true;
}
const struct hd_transform hd_t_integer = {"integer", "decimal or 0x hexadecimal to an integer",
                                          run_integer};

static bool run_port(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    uint64_t number;
    if (!hd_number_parse(value, &number) || number > UINT16_MAX) {
        return false;
    }
    hd_values_number(&work->values, row->targets[0], number);
    return true;
}
const struct hd_transform hd_t_port = {"port", "an integer from 0 to 65535", run_port};

static bool run_boolean(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    bool yes = hd_slice_iis(value, "true");
    if (!yes && !hd_slice_iis(value, "false")) {
        return false;
    }
    hd_values_bool(&work->values, row->targets[0], yes);
    return true;
}
const struct hd_transform hd_t_boolean = {"boolean", "`true` or `false`", run_boolean};

/* "false - shredded file with pattern 0x...": false, and the text is worth keeping. */
static bool run_archived(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    if (run_boolean(work, row, value)) {
        return true;
    }
    if (value.len > 5 && hd_slice_iis(hd_slice(value.data, 5), "false")) {
        hd_values_bool(&work->values, row->targets[0], false);
    }
    return false;
}
const struct hd_transform hd_t_archived = {
    "archived", "boolean; a `false - reason` stays in the event data as well", run_archived};

static bool run_time(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    char *text = hd_work_alloc(work, HD_TIME_MAX);
    size_t len = text ? hd_time_parse(value, text) : 0;
    if (len == 0) {
        return false;
    }
    hd_values_clean(&work->values, row->targets[0], hd_slice(text, len));
    return true;
}
const struct hd_transform hd_t_time = {"time", "RFC 3339 in UTC, every digit kept", run_time};

/* ---- hashes ---- */

enum { MD5, SHA1, SHA256, SHA512, IMPHASH, HASH_KINDS, RELATED = HASH_KINDS };

static const struct {
    struct hd_slice name;
    size_t digits;
} hash_kinds[HASH_KINDS] = {[MD5] = {HD_SLICE("MD5"), 32},
                            [SHA1] = {HD_SLICE("SHA1"), 40},
                            [SHA256] = {HD_SLICE("SHA256"), 64},
                            [SHA512] = {HD_SLICE("SHA512"), 128},
                            [IMPHASH] = {HD_SLICE("IMPHASH"), 32}};

/* A bare value says its kind by its length. */
static int find_hash_kind(struct hd_slice name, size_t digits)
{
    for (int kind = 0; kind < HASH_KINDS; kind++) {
        if (name.len == 0 ? hash_kinds[kind].digits == digits
                          : hd_slice_ieq(name, hash_kinds[kind].name)) {
            return kind;
        }
    }
    return -1;
}

/* Lower case; the lower-case digits or'ed, less '0': 0 when all are zero. -1: not hexadecimal. */
static int hex_lower(struct hd_slice digits, char *at)
{
    static const char lower[256] = {
        ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5',
        ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b',
        ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['A'] = 'a', ['B'] = 'b',
        ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f'};
    unsigned any = 0, bad = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char c = lower[(unsigned char)digits.data[i]];
        at[i] = c;
        bad |= c == 0;
        any |= (unsigned)(c ^ '0');
    }
    return bad ? -1 : (int)any;
}

/* One KIND=DIGITS; false when it is neither a hash nor nothing. */
static bool put_hash(struct hd_work *work, const struct hd_row *row, struct hd_slice item, char *at)
{
    const char *equals = item.len ? memchr(item.data, '=', item.len) : NULL;
    struct hd_slice name = {item.data, equals ? (size_t)(equals - item.data) : 0};
    struct hd_slice digits = item;
    if (equals) {
        digits = hd_slice(equals + 1, item.len - name.len - 1);
    }
    if (hd_is_blank(digits)) {
        return true;
    }
    int kind = find_hash_kind(name, digits.len);
    int r = kind < 0 ? -1 : hex_lower(digits, at);
    if (r <= 0) {
        return r == 0; /* all zeros: the file has none */
    }
    struct hd_slice text = {at, digits.len};
    if (row->targets[kind]) {
        hd_values_clean(&work->values, row->targets[kind], text);
    }
    if (row->targets[RELATED]) {
        hd_values_add_once(&work->values, row->targets[RELATED], text);
    }
    return true;
}

static bool run_hashes(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    const char *p = value.data, *end = value.data + value.len;
    char *at = hd_work_alloc(work, value.len);
    bool all = at != NULL;
    while (at && p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        if (!put_hash(work, row, hd_slice(p, (size_t)(stop - p)), at + (p - value.data))) {
            all = false;
        }
        p = comma ? comma + 1 : end;
    }
    return all;
}
const struct hd_transform hd_t_hashes = {
    "hashes", "`SHA1=..,MD5=..` split by kind, lower case; zeros and unknown are none", run_hashes};
