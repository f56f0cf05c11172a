/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: what Sysmon wrote stays readable in .address; .ip is what a consumer can compare, so it
 * has one form only: the shortest one, without a zone, IPv4 where IPv6 merely carries it. The C
 * library reads and writes addresses: these events are few, and it has every corner right.
 */
#include <arpa/inet.h>

#include "transforms.h"

/* What stands in "[2001:db8::7]" or "[2001:db8::7]:443"; other text as it is. */
static struct hd_slice without_brackets(struct hd_slice text)
{
    const char *close = text.len ? memchr(text.data, ']', text.len) : NULL;
    if (!close || text.data[0] != '[') {
        return text;
    }
    const char *end = text.data + text.len;
    if (close + 1 < end && close[1] != ':') {
        return text;
    }
    return hd_slice(text.data + 1, (size_t)(close - text.data) - 1);
}

bool hd_ip_parse(struct hd_slice text, struct hd_ip *ret)
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    char copy[INET6_ADDRSTRLEN];
    text = without_brackets(text);
    const char *zone = text.len ? memchr(text.data, '%', text.len) : NULL;
    size_t len = zone ? (size_t)(zone - text.data) : text.len;

    if (len == 0 || len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, len);
    copy[len] = '\0';
    if (strlen(copy) != len) {
        return false; /* a NUL inside */
    }
    if (!memchr(copy, ':', len)) {
        ret->len = 4;
        return !zone && inet_pton(AF_INET, copy, ret->bytes) == 1;
    }
    ret->len = 16;
    if (inet_pton(AF_INET6, copy, ret->bytes) != 1) {
        return false;
    }
    if (memcmp(ret->bytes, mapped, sizeof(mapped)) == 0) {
        memmove(ret->bytes, ret->bytes + 12, 4);
        ret->len = 4;
    }
    return true;
}

size_t hd_ip_format(const struct hd_ip *ip, char ret_text[HD_IP_TEXT])
{
    inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->bytes, ret_text, HD_IP_TEXT);
    return strlen(ret_text);
}

struct hd_slice hd_ip_text(struct hd_work *work, const struct hd_ip *ip)
{
    char *text = hd_work_alloc(work, HD_IP_TEXT);
    return text ? hd_slice(text, hd_ip_format(ip, text)) : (struct hd_slice){NULL, 0};
}

/* 0.0.0.0 and ::, which stand for "no address" here. */
static bool is_unspecified(const struct hd_ip *ip)
{
    static const unsigned char zeros[16];
    return memcmp(ip->bytes, zeros, ip->len) == 0;
}

enum { IP, ADDRESS, RELATED };

static bool run_ip(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    struct hd_ip ip;
    hd_values_string(&work->values, row->targets[ADDRESS], value);
    if (hd_ip_parse(value, &ip) && !is_unspecified(&ip)) {
        struct hd_slice text = hd_ip_text(work, &ip);
        hd_values_clean(&work->values, row->targets[IP], text);
        hd_values_add_once(&work->values, row->targets[RELATED], text);
    }
    return true;
}
const struct hd_transform hd_t_ip = {
    "ip", "as written to the address; canonical, without zone, IPv4 out of IPv6, to the IP",
    run_ip};

static bool run_host(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    hd_values_string(&work->values, row->targets[0], value);
    hd_values_add_once(&work->values, row->targets[1], value);
    return true;
}
const struct hd_transform hd_t_host = {"host name", "the text", run_host};

/* Source and destination both say it; a contradiction stays visible. */
static bool run_ipv6(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    bool yes = hd_slice_iis(value, "true");
    if (!yes && !hd_slice_iis(value, "false")) {
        return false;
    }
    const char *type = yes ? "ipv6" : "ipv4";
    unsigned id = row->targets[0];
    if (hd_values_has(&work->values, id)) {
        return memcmp(work->values.value[id].data, type, 4) == 0;
    }
    hd_values_clean(&work->values, id, hd_slice_cstr(type));
    return true;
}
const struct hd_transform hd_t_ipv6 = {"ip version", "true `ipv6`, false `ipv4`", run_ipv6};

static bool run_direction(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    bool yes = hd_slice_iis(value, "true");
    if (!yes && !hd_slice_iis(value, "false")) {
        return false;
    }
    hd_values_clean(&work->values, row->targets[0], hd_slice_cstr(yes ? "egress" : "ingress"));
    return true;
}
const struct hd_transform hd_t_direction = {"direction", "true `egress`, false `ingress`",
                                            run_direction};

/* ---- community id: the row stands at the transport protocol ---- */

static bool peer_end(const struct hd_work *work, const char *ip_name, const char *port_name,
                     struct hd_ip *ret_ip, uint64_t *ret_port)
{
    return hd_ip_parse(hd_work_peer(work, ip_name), ret_ip) &&
           hd_number_parse(hd_work_peer(work, port_name), ret_port) && *ret_port <= UINT16_MAX;
}

static bool run_community(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    static const struct {
        const char *name;
        uint8_t number;
    } protocols[] = {{"tcp", 6}, {"udp", 17}, {"sctp", 132}};
    struct hd_ip source, destination;
    uint64_t source_port, destination_port;

    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (!hd_slice_iis(value, protocols[i].name)) {
            continue;
        }
        if (!peer_end(work, "SourceIp", "SourcePort", &source, &source_port) ||
            !peer_end(work, "DestinationIp", "DestinationPort", &destination, &destination_port) ||
            source.len != destination.len) {
            break;
        }
        char *text = hd_work_alloc(work, HD_COMMUNITY_ID_SIZE);
        if (text) {
            hd_community_id(&source, (uint16_t)source_port, &destination,
                            (uint16_t)destination_port, protocols[i].number, text);
            hd_values_clean(&work->values, row->targets[0], hd_slice(text, HD_COMMUNITY_ID_SIZE));
        }
        break;
    }
    return true;
}
const struct hd_transform hd_t_community = {
    "community id", "version 1, seed 0, over both addresses, ports and the protocol",
    run_community};
