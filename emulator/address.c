/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: the path is split at its slashes; the shape of the pieces decides, in any case. */
#include "address.h"

#define PIECES_MAX 6

static size_t split(const char *text, struct hd_slice pieces[PIECES_MAX])
{
    const char *scheme = strstr(text, "://");
    if (scheme != NULL) {
        text = scheme + 3 + strcspn(scheme + 3, "/");
    }
    size_t n = 0;
    while (*text != 0) {
        size_t len = strcspn(text, "/");
        if (len > 0) {
            if (n == PIECES_MAX) {
                return 0;
            }
            pieces[n++] = hd_slice(text, len);
        }
        text += len + (text[len] == '/');
    }
    return n;
}

struct emu_address emu_address_parse(const char *text)
{
    struct hd_slice p[PIECES_MAX];
    size_t n = split(text, p);
    const struct hd_slice none = hd_slice("", 0);
    struct emu_address a = {.hub = n > 0 ? p[0] : none, .group = none, .partition = none};
    if (n == 1 && hd_slice_iis(p[0], "$cbs")) {
        a.node = EMU_NODE_CBS;
    } else if (n > 0 && hd_slice_iis(p[n - 1], "$management")) {
        a.node = n <= 2 ? EMU_NODE_MANAGEMENT : EMU_NODE_UNKNOWN;
    } else if (n == 1) {
        a.node = EMU_NODE_HUB;
    } else if (n == 3 && hd_slice_iis(p[1], "Partitions")) {
        a.node = EMU_NODE_HUB;
        a.partition = p[2];
    } else if (n == 5 && hd_slice_iis(p[1], "ConsumerGroups") && hd_slice_iis(p[3], "Partitions")) {
        a.node = EMU_NODE_PARTITION;
        a.group = p[2];
        a.partition = p[4];
    }
    return a;
}
