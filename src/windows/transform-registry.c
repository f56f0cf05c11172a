/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: what a path of the registry means depends on what was done: only a value that is set or
 * deleted has its name at the end of the path; when a key is created, deleted or renamed the whole
 * path is the key.
 */
#include <stdio.h>

#include "transforms.h"

enum { PATH, HIVE, KEY, VALUE };

static const struct {
    struct hd_slice prefix, hive;
} hives[] = {
    {HD_SLICE("HKLM"), HD_SLICE("HKLM")},
    {HD_SLICE("HKU"), HD_SLICE("HKU")},
    {HD_SLICE("HKCR"), HD_SLICE("HKCR")},
    {HD_SLICE("HKCU"), HD_SLICE("HKCU")},
    {HD_SLICE("HKCC"), HD_SLICE("HKCC")},
    {HD_SLICE("HKPD"), HD_SLICE("HKPD")},
    {HD_SLICE("HKDD"), HD_SLICE("HKDD")},
    {HD_SLICE("HKEY_LOCAL_MACHINE"), HD_SLICE("HKLM")},
    {HD_SLICE("HKEY_USERS"), HD_SLICE("HKU")},
    {HD_SLICE("HKEY_CLASSES_ROOT"), HD_SLICE("HKCR")},
    {HD_SLICE("HKEY_CURRENT_USER"), HD_SLICE("HKCU")},
    {HD_SLICE("HKEY_CURRENT_CONFIG"), HD_SLICE("HKCC")},
    {HD_SLICE("HKEY_PERFORMANCE_DATA"), HD_SLICE("HKPD")},
    {HD_SLICE("HKEY_DYN_DATA"), HD_SLICE("HKDD")},
    {HD_SLICE("\\REGISTRY\\MACHINE"), HD_SLICE("HKLM")},
    {HD_SLICE("\\REGISTRY\\USER"), HD_SLICE("HKU")},
};

/* What follows the hive, or the leading backslash of a hive without an abbreviation (\REGISTRY\A
 * is an application's own). */
static struct hd_slice cut_hive(struct hd_slice path, struct hd_slice *ret_hive)
{
    for (size_t i = 0; i < sizeof(hives) / sizeof(hives[0]); i++) {
        size_t n = hives[i].prefix.len;
        if (path.len >= n && (path.len == n || path.data[n] == '\\') &&
            hd_slice_ieq(hd_slice(path.data, n), hives[i].prefix)) {
            *ret_hive = hives[i].hive;
            n += path.len > n;
            return hd_slice(path.data + n, path.len - n);
        }
    }
    *ret_hive = (struct hd_slice){NULL, 0};
    size_t skip = path.len > 0 && path.data[0] == '\\';
    return hd_slice(path.data + skip, path.len - skip);
}

static bool names_a_value(struct hd_slice action)
{
    static const char *const actions[] = {"SetValue", "DeleteValue", "CreateValue"};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (hd_slice_is(action, actions[i])) {
            return true;
        }
    }
    return false;
}

static bool run_object(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    struct hd_slice hive, key = cut_hive(value, &hive);
    struct hd_slice action = hd_work_peer(work, "EventType");

    hd_values_string(&work->values, row->targets[PATH], value);
    hd_values_clean(&work->values, row->targets[HIVE], hive);
    /* Some shippers overwrite EventType; data that was set says what it was. */
    if (names_a_value(action) || hd_work_peer(work, "Details").len > 0) {
        const char *cut = key.len ? memrchr(key.data, '\\', key.len) : NULL;
        size_t len = cut ? (size_t)(cut - key.data) : 0;
        size_t skip = cut ? len + 1 : 0;
        hd_values_string(&work->values, row->targets[VALUE],
                         hd_slice(key.data + skip, key.len - skip));
        key.len = len;
    }
    hd_values_string(&work->values, row->targets[KEY], key);
    return true;
}
const struct hd_transform hd_t_registry_object = {
    "registry object",
    "the path; its hive, abbreviated; the key below the hive; the value's name where one is set or "
    "deleted",
    run_object};

static void put_type(struct hd_work *work, const struct hd_row *row, const char *type)
{
    hd_values_clean(&work->values, row->targets[0], hd_slice_cstr(type));
}

static void put_decimal(struct hd_work *work, const struct hd_row *row, uint64_t number)
{
    char *text = hd_work_alloc(work, 24);
    int n = text ? snprintf(text, 24, "%llu", (unsigned long long)number) : 0;
    if (n > 0) {
        hd_values_add(&work->values, row->targets[1], hd_slice(text, (size_t)n));
    }
}

/* "DWORD (0x0000000a)" */
static bool parse_dword(struct hd_slice text, uint64_t *ret)
{
    static const struct hd_slice head = HD_SLICE("DWORD (");
    return text.len > head.len + 1 && memcmp(text.data, head.data, head.len) == 0 &&
           text.data[text.len - 1] == ')' &&
           hd_number_parse(hd_slice(text.data + head.len, text.len - head.len - 1), ret) &&
           *ret <= UINT32_MAX;
}

/* "QWORD (0x00000001-0x0000000a)": the high word first. */
static bool parse_qword(struct hd_slice text, uint64_t *ret)
{
    static const struct hd_slice head = HD_SLICE("QWORD (");
    uint64_t high, low;
    if (text.len <= head.len + 1 || memcmp(text.data, head.data, head.len) != 0 ||
        text.data[text.len - 1] != ')') {
        return false;
    }
    struct hd_slice pair = hd_slice(text.data + head.len, text.len - head.len - 1);
    const char *dash = memchr(pair.data, '-', pair.len);
    size_t n = dash ? (size_t)(dash - pair.data) : 0;
    if (!dash || !hd_number_parse(hd_slice(pair.data, n), &high) ||
        !hd_number_parse(hd_slice(dash + 1, pair.len - n - 1), &low) || high > UINT32_MAX ||
        low > UINT32_MAX) {
        return false;
    }
    *ret = high << 32 | low;
    return true;
}

static bool run_details(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    uint64_t number;
    if (parse_dword(value, &number)) {
        put_type(work, row, "REG_DWORD");
        put_decimal(work, row, number);
    } else if (parse_qword(value, &number)) {
        put_type(work, row, "REG_QWORD");
        put_decimal(work, row, number);
    } else if (hd_slice_is(value, "Binary Data")) {
        put_type(work, row, "REG_BINARY"); /* the bytes are not in the event */
    } else {
        bool empty = hd_slice_is(value, "(Empty)");
        put_type(work, row, "REG_SZ");
        hd_values_add(&work->values, row->targets[1], hd_slice(value.data, empty ? 0 : value.len));
    }
    return true;
}
const struct hd_transform hd_t_registry_details = {
    "registry data",
    "type and text; `DWORD (0x..)` and `QWORD (0x..-0x..)` as decimal text, `Binary Data` without",
    run_details};

static bool run_action(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    static const struct {
        const char *action, *type;
    } types[] = {{"CreateKey", "[\"creation\"]"},
                 {"CreateValue", "[\"creation\"]"},
                 {"DeleteKey", "[\"deletion\"]"},
                 {"DeleteValue", "[\"deletion\"]"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (hd_slice_is(value, types[i].action)) {
            hd_values_raw(&work->values, row->targets[0], types[i].type);
        }
    }
    return true;
}
const struct hd_transform hd_t_registry_action = {
    "registry action", "`creation` or `deletion` where the action says so", run_action};
