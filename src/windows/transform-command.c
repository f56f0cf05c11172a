/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: arguments are what the program saw: blanks and tabs outside quotes separate; 2n
 * backslashes and a quote are n backslashes and a quote that opens or closes, 2n+1 are n and a
 * quote mark itself; "" inside quotes is one quote mark and closes (the rule of the C runtime
 * before 2008, which the other shippers follow as well).
 *
 * Nearly every argument is a plain word or a word in quotes: these are slices of the command line.
 * Only the others are put together in the work's memory.
 */
#include "transforms.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* An argument that needs no copy, at p: its end in *ret_end. */
static bool plain_argument(const char *p, const char *end, struct hd_slice *ret,
                           const char **ret_end)
{
    bool quoted = *p == '"';
    const char *start = p + quoted, *stop = start;
    while (stop < end && *stop != '"' && (quoted || !is_blank(*stop))) {
        stop++;
    }
    if (!quoted && stop < end && !is_blank(*stop)) {
        return false;
    }
    if (quoted && (stop == end || (stop > start && stop[-1] == '\\') ||
                   (stop + 1 < end && !is_blank(stop[1])))) {
        return false;
    }
    *ret = hd_slice(start, (size_t)(stop - start));
    *ret_end = stop + quoted;
    return true;
}

static char *put_backslashes(char *at, size_t n)
{
    memset(at, '\\', n);
    return at + n;
}

/* The argument at p into `at`, which has room for all that is left. */
static const char *odd_argument(const char *p, const char *end, char *at, struct hd_slice *ret)
{
    char *start = at;
    size_t backslashes = 0;
    bool quoted = false;

    for (; p < end; p++) {
        if (*p == '\\') {
            backslashes++;
            continue;
        }
        if (*p != '"') {
            at = put_backslashes(at, backslashes);
            backslashes = 0;
            if (is_blank(*p) && !quoted) {
                break;
            }
            *at++ = *p;
            continue;
        }
        at = put_backslashes(at, backslashes / 2);
        if (backslashes % 2 == 1) {
            *at++ = '"';
        } else {
            if (quoted && p + 1 < end && p[1] == '"') {
                *at++ = '"';
                p++;
            }
            quoted = !quoted;
        }
        backslashes = 0;
    }
    at = put_backslashes(at, backslashes);
    *ret = hd_slice(start, (size_t)(at - start));
    return p;
}

static bool run_command(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    const char *p = value.data, *end = value.data + value.len;
    char *copy = NULL;
    uint64_t n = 0;

    hd_values_string(&work->values, row->targets[0], value);
    while (p < end) {
        struct hd_slice argument;
        if (is_blank(*p)) {
            p++;
            continue;
        }
        if (!plain_argument(p, end, &argument, &p)) {
            /* One copy has room for all odd arguments: none is longer than its source. */
            char *room = copy ? copy : hd_work_alloc(work, (size_t)(end - p));
            if (!room) {
                return false;
            }
            p = odd_argument(p, end, room, &argument);
            copy = room + argument.len;
        }
        hd_values_add(&work->values, row->targets[1], argument);
        n++;
    }
    if (n > 0) {
        hd_values_number(&work->values, row->targets[2], n);
    }
    return true;
}
const struct hd_transform hd_t_command = {
    "command line", "the text; its arguments by the rules of Windows; how many", run_command};
