/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: names are cut, never interpreted: domains and accounts are in the host's language. A SID
 * is given only for the accounts that have the same one on every machine; the SID in System is that
 * of the service that wrote the event and says nothing about its user.
 */
#include "transforms.h"

enum { DOMAIN, NAME, ID, RELATED };

/* The three accounts whose SID is the same everywhere; domain and name in the languages of Windows
 * that translate them. */
static const struct {
    struct hd_slice user, sid;
} well_known[] = {
    {HD_SLICE("NT AUTHORITY\\SYSTEM"), HD_SLICE("S-1-5-18")},
    {HD_SLICE("NT AUTHORITY\\LOCAL SERVICE"), HD_SLICE("S-1-5-19")},
    {HD_SLICE("NT AUTHORITY\\NETWORK SERVICE"), HD_SLICE("S-1-5-20")},
    {HD_SLICE("NT-AUTORIT\xC3\x84T\\SYSTEM"), HD_SLICE("S-1-5-18")},
    {HD_SLICE("NT-AUTORIT\xC3\x84T\\Lokaler Dienst"), HD_SLICE("S-1-5-19")},
    {HD_SLICE("NT-AUTORIT\xC3\x84T\\Netzwerkdienst"), HD_SLICE("S-1-5-20")},
    {HD_SLICE("AUTORITE NT\\Syst\xC3\xA8me"), HD_SLICE("S-1-5-18")},
    {HD_SLICE("AUTORITE NT\\SERVICE LOCAL"), HD_SLICE("S-1-5-19")},
    {HD_SLICE("AUTORITE NT\\SERVICE R\xC3\x89SEAU"), HD_SLICE("S-1-5-20")},
};

static void put_id(struct hd_work *work, uint8_t target, struct hd_slice user)
{
    for (size_t i = 0; i < sizeof(well_known) / sizeof(well_known[0]); i++) {
        if (hd_slice_ieq(user, well_known[i].user)) {
            hd_values_clean(&work->values, target, well_known[i].sid);
            return;
        }
    }
}

static bool run_user(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    /* At the first backslash: IIS APPPOOL\x\y. */
    const char *cut = work->posix ? NULL : memchr(value.data, '\\', value.len);
    struct hd_slice name = value;
    if (cut) {
        size_t len = (size_t)(cut - value.data);
        name = hd_slice(cut + 1, value.len - len - 1);
        if (row->targets[DOMAIN]) {
            hd_values_string(&work->values, row->targets[DOMAIN], hd_slice(value.data, len));
        }
        if (row->targets[ID]) {
            put_id(work, row->targets[ID], value);
        }
    }
    if (row->targets[NAME]) {
        hd_values_string(&work->values, row->targets[NAME], name);
    }
    if (row->targets[RELATED]) {
        hd_values_add_once(&work->values, row->targets[RELATED], name);
    }
    return true;
}
const struct hd_transform hd_t_user = {
    "user", "`DOMAIN\\name` split at the first backslash; the SID of the three service accounts",
    run_user};

/* ---- user: D\u ip: A hostname: H ---- */

enum { CLIENT_IP, CLIENT_ADDRESS, CLIENT_HOST, RELATED_IP, RELATED_HOSTS, RELATED_USER };

/* The text behind `key` up to the next key or the end; keys come in the order of the table. */
static struct hd_slice find_part(struct hd_slice text, size_t key)
{
    static const struct hd_slice keys[] = {HD_SLICE("user:"), HD_SLICE(" ip:"),
                                           HD_SLICE(" hostname:")};
    const char *start = memmem(text.data, text.len, keys[key].data, keys[key].len);
    if (!start) {
        return (struct hd_slice){NULL, 0};
    }
    start += keys[key].len;
    const char *end = text.data + text.len;
    for (size_t next = key + 1; next < sizeof(keys) / sizeof(keys[0]); next++) {
        const char *stop = memmem(start, (size_t)(end - start), keys[next].data, keys[next].len);
        end = stop ? stop : end;
    }
    return hd_slice_trim(hd_slice(start, (size_t)(end - start)));
}

static bool run_client_info(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    struct hd_slice user = find_part(value, 0), address = find_part(value, 1);
    struct hd_slice host = find_part(value, 2);
    struct hd_ip ip;

    if (!hd_is_blank(address)) {
        hd_values_string(&work->values, row->targets[CLIENT_ADDRESS], address);
        if (hd_ip_parse(address, &ip)) {
            struct hd_slice text = hd_ip_text(work, &ip);
            hd_values_clean(&work->values, row->targets[CLIENT_IP], text);
            hd_values_add_once(&work->values, row->targets[RELATED_IP], text);
        }
    }
    if (!hd_is_blank(host)) {
        hd_values_string(&work->values, row->targets[CLIENT_HOST], host);
        hd_values_add_once(&work->values, row->targets[RELATED_HOSTS], host);
    }
    if (!hd_is_blank(user)) {
        const struct hd_row related = {.targets = {[RELATED] = row->targets[RELATED_USER]}};
        run_user(work, &related, user);
    }
    return true;
}
const struct hd_transform hd_t_client_info = {
    "client info", "address and host name out of `user: D\\u ip: A hostname: H`", run_client_info};
