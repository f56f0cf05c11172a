/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: results are a list that ends each item with ';':
 *
 *     type:  5 edge.example.net;::ffff:203.0.113.7;2001:db8::7;
 *
 * The order is kept, as it is the chain the resolver followed. An item that is neither a record nor
 * an address leaves the whole text in the event data as well.
 */
#include "transforms.h"

#include <errno.h>

#include "hubdrain/json.h"

/* Status codes of Windows (winerror.h) that name lookups end with. `response` is the DNS code. */
static const struct {
    uint32_t status;
    const char *name, *response;
} statuses[] = {
    {0, "SUCCESS", "NOERROR"},
    {5, "ERROR_ACCESS_DENIED", NULL},
    {8, "ERROR_NOT_ENOUGH_MEMORY", NULL},
    {13, "ERROR_INVALID_DATA", NULL},
    {14, "ERROR_OUTOFMEMORY", NULL},
    {123, "ERROR_INVALID_NAME", NULL},
    {1214, "ERROR_INVALID_NETNAME", NULL},
    {1223, "ERROR_CANCELLED", NULL},
    {1460, "ERROR_TIMEOUT", NULL},
    {9001, "DNS_ERROR_RCODE_FORMAT_ERROR", "FORMERR"},
    {9002, "DNS_ERROR_RCODE_SERVER_FAILURE", "SERVFAIL"},
    {9003, "DNS_ERROR_RCODE_NAME_ERROR", "NXDOMAIN"},
    {9004, "DNS_ERROR_RCODE_NOT_IMPLEMENTED", "NOTIMP"},
    {9005, "DNS_ERROR_RCODE_REFUSED", "REFUSED"},
    {9006, "DNS_ERROR_RCODE_YXDOMAIN", "YXDOMAIN"},
    {9007, "DNS_ERROR_RCODE_YXRRSET", "YXRRSET"},
    {9008, "DNS_ERROR_RCODE_NXRRSET", "NXRRSET"},
    {9009, "DNS_ERROR_RCODE_NOTAUTH", "NOTAUTH"},
    {9010, "DNS_ERROR_RCODE_NOTZONE", "NOTZONE"},
    {9016, "DNS_ERROR_RCODE_BADSIG", "BADSIG"},
    {9017, "DNS_ERROR_RCODE_BADKEY", "BADKEY"},
    {9018, "DNS_ERROR_RCODE_BADTIME", "BADTIME"},
    {9501, "DNS_INFO_NO_RECORDS", NULL},
    {9502, "DNS_ERROR_BAD_PACKET", NULL},
    {9505, "DNS_ERROR_UNSECURE_PACKET", NULL},
    {9560, "DNS_ERROR_INVALID_NAME_CHAR", NULL},
    {9701, "DNS_ERROR_RECORD_DOES_NOT_EXIST", NULL},
    {10054, "WSAECONNRESET", NULL},
    {10055, "WSAENOBUFS", NULL},
    {10060, "WSAETIMEDOUT", NULL},
};

enum { STATUS, RESPONSE, OUTCOME };

static bool run_status(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    uint64_t status;
    hd_values_string(&work->values, row->targets[STATUS], value);
    if (!hd_number_parse(value, &status)) {
        return true;
    }
    hd_values_clean(&work->values, row->targets[OUTCOME],
                    hd_slice_cstr(status == 0 ? "success" : "failure"));
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status) {
            hd_values_clean(&work->values, row->targets[STATUS], hd_slice_cstr(statuses[i].name));
            hd_values_clean(&work->values, row->targets[RESPONSE],
                            hd_slice_cstr(statuses[i].response));
        }
    }
    return true;
}
const struct hd_transform hd_t_dns_status = {
    "dns status", "the status by name (unknown: the number), the DNS response code, the outcome",
    run_status};

enum { ANSWERS, RESOLVED, RELATED_IP, RELATED_HOSTS };

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };

static const struct {
    uint16_t number;
    const char *name;
} types[] = {
    {TYPE_A, "A"}, {2, "NS"},          {TYPE_CNAME, "CNAME"}, {6, "SOA"},       {12, "PTR"},
    {13, "HINFO"}, {15, "MX"},         {16, "TXT"},           {24, "SIG"},      {25, "KEY"},
    {28, "AAAA"},  {29, "LOC"},        {33, "SRV"},           {35, "NAPTR"},    {39, "DNAME"},
    {41, "OPT"},   {43, "DS"},         {46, "RRSIG"},         {47, "NSEC"},     {48, "DNSKEY"},
    {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"},          {64, "SVCB"},     {65, "HTTPS"},
    {249, "TKEY"}, {250, "TSIG"},      {251, "IXFR"},         {252, "AXFR"},    {255, "ANY"},
    {99, "SPF"},   {257, "CAA"},       {65281, "WINS"},       {65282, "WINSR"},
};

static int put(struct hd_buffer *out, const char *text)
{
    return hd_buffer_append_cstr(out, text);
}

/* Appends {"data":..,"type":".."} to the answers being built. */
static bool put_answer(struct hd_work *work, struct hd_slice data, struct hd_slice type)
{
    struct hd_buffer *out = &work->values.built;
    int r = put(out, out->data[out->len - 1] == '[' ? "{" : ",{");
    if (data.len > 0) {
        r = r < 0 ? r : put(out, "\"data\":");
        r = r < 0 ? r : hd_json_string(out, data);
        r = r < 0 ? r : put(out, ",");
    }
    r = r < 0 ? r : put(out, "\"type\":");
    r = r < 0 ? r : hd_json_string(out, type);
    r = r < 0 ? r : put(out, "}");
    if (r < 0) {
        work->values.error = r;
    }
    return r == 0;
}

static bool put_address(struct hd_work *work, const struct hd_row *row, struct hd_slice item)
{
    struct hd_ip ip;
    if (!hd_ip_parse(item, &ip)) {
        return false;
    }
    struct hd_slice text = hd_ip_text(work, &ip);
    hd_values_add_once(&work->values, row->targets[RESOLVED], text);
    hd_values_add_once(&work->values, row->targets[RELATED_IP], text);
    return put_answer(work, text, hd_slice_cstr(ip.len == 4 ? "A" : "AAAA"));
}

/* The name of the type of this decimal text, or the text. */
static struct hd_slice type_name(struct hd_slice number, uint64_t *ret)
{
    *ret = 0;
    if (hd_number_parse(number, ret)) {
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            if (types[i].number == *ret) {
                return hd_slice_cstr(types[i].name);
            }
        }
    }
    return number;
}

/* "type:  5 edge.example.net" */
static bool put_record(struct hd_work *work, const struct hd_row *row, struct hd_slice item)
{
    struct hd_slice rest = hd_slice_trim(hd_slice(item.data + 5, item.len - 5));
    size_t n = 0;
    uint64_t type;
    while (n < rest.len && rest.data[n] >= '0' && rest.data[n] <= '9') {
        n++;
    }
    if (n == 0) {
        return false;
    }
    struct hd_slice name = type_name(hd_slice(rest.data, n), &type);
    struct hd_slice data = hd_slice_trim(hd_slice(rest.data + n, rest.len - n));
    struct hd_ip ip;
    if (type == TYPE_CNAME) {
        hd_values_add_once(&work->values, row->targets[RELATED_HOSTS], data);
    } else if ((type == TYPE_A || type == TYPE_AAAA) && hd_ip_parse(data, &ip)) {
        return put_address(work, row, data);
    }
    return put_answer(work, data, name);
}

static bool run_results(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    struct hd_buffer *built = &work->values.built;
    const char *p = value.data, *end = value.data + value.len;
    size_t start = built->len;
    bool all = put(built, "[") == 0;

    if (!all) {
        work->values.error = -ENOMEM;
        return false;
    }
    while (p < end) {
        const char *semicolon = memchr(p, ';', (size_t)(end - p));
        const char *stop = semicolon ? semicolon : end;
        struct hd_slice item = hd_slice_trim(hd_slice(p, (size_t)(stop - p)));
        if (hd_slice_starts(item, "type:")) {
            all &= put_record(work, row, item);
        } else if (item.len > 0 && !hd_slice_is(item, "-")) {
            all &= put_address(work, row, item);
        }
        p = semicolon ? semicolon + 1 : end;
    }
    if (built->len > start + 1) {
        if (put(built, "]") < 0) {
            work->values.error = -ENOMEM;
        }
        hd_values_put_number(&work->values, row->targets[ANSWERS], HD_VALUE_BUILT, start,
                             built->len - start);
    }
    return all;
}
const struct hd_transform hd_t_dns_results = {
    "dns results",
    "records and addresses in their order; IPv4 out of IPv6; each address and name once elsewhere",
    run_results};
