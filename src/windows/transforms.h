/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transforms: what a row of a mapping does with a value. Small functions without a schema in them:
 * the row names the targets, in the order that stands behind each. A target of 0 is left out.
 *
 * Threads: none; they write into the work they are given.
 */
#ifndef HUBDRAIN_WINDOWS_TRANSFORMS_H
#define HUBDRAIN_WINDOWS_TRANSFORMS_H

#include "mapping.h"

/* transform-basic.c */
extern const struct hd_transform hd_t_text;     /* the text */
extern const struct hd_transform hd_t_lower;    /* the text; not over one that is there */
extern const struct hd_transform hd_t_integer;  /* the number */
extern const struct hd_transform hd_t_port;     /* the number */
extern const struct hd_transform hd_t_boolean;  /* the boolean */
extern const struct hd_transform hd_t_archived; /* the boolean */
extern const struct hd_transform hd_t_time;     /* the time */
extern const struct hd_transform hd_t_hashes;   /* md5, sha1, sha256, sha512, imphash, related */

/* transform-path.c */
extern const struct hd_transform hd_t_executable; /* path, name */
extern const struct hd_transform hd_t_path; /* path, name, directory, extension, drive, fork */

/* transform-user.c */
extern const struct hd_transform hd_t_user;        /* domain, name, id, related */
extern const struct hd_transform hd_t_client_info; /* ip, address, host, related ip, hosts, user */

/* transform-command.c */
extern const struct hd_transform hd_t_command; /* command line, arguments, their number */

/* transform-rule.c */
extern const struct hd_transform hd_t_rule; /* name, framework, tactic id and name, technique id
                                               and name, subtechnique id and name */

/* transform-network.c */
extern const struct hd_transform hd_t_ip;        /* ip, address, related */
extern const struct hd_transform hd_t_host;      /* name, related */
extern const struct hd_transform hd_t_ipv6;      /* network type */
extern const struct hd_transform hd_t_direction; /* direction */
extern const struct hd_transform hd_t_community; /* community id */

/* transform-registry.c */
extern const struct hd_transform hd_t_registry_object;  /* path, hive, key, value */
extern const struct hd_transform hd_t_registry_details; /* type, strings */
extern const struct hd_transform hd_t_registry_action;  /* event type */

/* transform-dns.c */
extern const struct hd_transform hd_t_dns_status;  /* status, response code, outcome */
extern const struct hd_transform hd_t_dns_results; /* answers, addresses, related ip, hosts */

/* transform-signature.c */
extern const struct hd_transform hd_t_signed;           /* exists */
extern const struct hd_transform hd_t_signature_status; /* status, valid */

/* ---- helpers ---- */

/* "2024-05-02 08:15:30.121", "2024-05-02T08:15:30.1210000Z", also with an offset -> RFC 3339 in UTC
 * with the digits that say something, at least three where there are that many. Its length, or 0.
 */
#define HD_TIME_MAX 32
size_t hd_time_parse(struct hd_slice text, char ret_text[HD_TIME_MAX]);

/* Decimal, or hexadecimal after 0x; false for anything else, also past 64 bits. */
bool hd_number_parse(struct hd_slice text, uint64_t *ret);

/* An address of either family; IPv4 in IPv6 becomes IPv4. */
struct hd_ip {
    unsigned char bytes[16];
    unsigned len; /* 4 or 16 */
};
#define HD_IP_TEXT 48
/* A zone (%12) is passed over. False: no address. */
bool hd_ip_parse(struct hd_slice text, struct hd_ip *ret);
size_t hd_ip_format(const struct hd_ip *ip, char ret_text[HD_IP_TEXT]);
/* The canonical text in the work's memory; empty without memory. */
struct hd_slice hd_ip_text(struct hd_work *work, const struct hd_ip *ip);

/* community-id.c: version 1, seed 0; protocol is the IANA number. ret_text is not terminated. */
#define HD_COMMUNITY_ID_SIZE 30
void hd_community_id(const struct hd_ip *source, uint16_t source_port,
                     const struct hd_ip *destination, uint16_t destination_port, uint8_t protocol,
                     char ret_text[HD_COMMUNITY_ID_SIZE]);

/* The name part of a path: behind the last separator, or all of it. */
struct hd_slice hd_path_name(const struct hd_work *work, struct hd_slice path);

#endif
