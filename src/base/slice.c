/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/slice.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool hd_slice_ieq(struct hd_slice a, struct hd_slice b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool hd_slice_iis(struct hd_slice a, const char *text)
{
    return hd_slice_ieq(a, hd_slice_cstr(text));
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct hd_slice hd_slice_trim(struct hd_slice a)
{
    while (a.len > 0 && blank(a.data[0])) {
        a.data++;
        a.len--;
    }
    while (a.len > 0 && blank(a.data[a.len - 1])) {
        a.len--;
    }
    return a;
}
