/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * "Key=Value;Key=Value": parts end at ';', the key at the first '=' (base64 ends in '='). Keys are
 * matched without case, as most SDKs do; unknown ones are ignored, because the portal adds some
 * from time to time. What a part holds is described by one table; each value is checked for
 * length and for being given twice, then the combination is judged.
 *
 * Messages name keys, host and hub, never another value: a mistyped string may hold its secret in
 * any place.
 */
#include "hubdrain/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hubdrain/slice.h"

struct parts {
    char endpoint[512];
    char emulator[16];
    char entity_path[260];
};

enum target { TO_PARTS, TO_ADDRESS };

#define PART(name, member)                                                                         \
    name, TO_PARTS, offsetof(struct parts, member), sizeof(((struct parts *)0)->member)
#define ADDRESS(name, member)                                                                      \
    name, TO_ADDRESS, offsetof(struct hd_eventhub_address, member),                                \
        sizeof(((struct hd_eventhub_address *)0)->member)

// clang-format off
static const struct key {
    const char *name;
    enum target target;
    size_t at, size;
} keys[] = {
    {PART("Endpoint", endpoint)},
    {PART("HostName", endpoint)},
    {PART("EntityPath", entity_path)},
    {PART("UseDevelopmentEmulator", emulator)},
    {ADDRESS("SharedAccessKeyName", key_name)},
    {ADDRESS("SharedAccessKey", key)},
    {ADDRESS("SharedAccessSignature", signature)},
};

static const struct scheme {
    const char *prefix;
    bool tls;
} schemes[] = {
    {"sb://", true},
    {"amqps://", true},
    {"amqp://", false},
};

/* Keys of the storage account's string, which looks alike and is pasted by mistake. */
static const char *const storage_keys[] = {"AccountName", "AccountKey", "DefaultEndpointsProtocol",
                                           "BlobEndpoint", "UseDevelopmentStorage"};
// clang-format on

static const char WHERE[] = "copy the string again from the portal (Shared access policies of the "
                            "namespace or the hub)";

static int take_part(struct hd_slice part, unsigned number, struct parts *parts,
                     struct hd_eventhub_address *address, struct hd_diag *diag)
{
    const char *equals = memchr(part.data, '=', part.len);
    if (!equals) {
        return hd_fail(diag, -EINVAL, "event hub connection string: part %u has no '='; %s", number,
                       WHERE);
    }
    struct hd_slice name = hd_slice_trim(hd_slice(part.data, (size_t)(equals - part.data)));
    struct hd_slice value =
        hd_slice_trim(hd_slice(equals + 1, part.len - (size_t)(equals + 1 - part.data)));
    for (size_t i = 0; i < sizeof(storage_keys) / sizeof(storage_keys[0]); i++) {
        if (hd_slice_iis(name, storage_keys[i])) {
            return hd_fail(diag, -EINVAL,
                           "event hub connection string: this is the string of a storage account "
                           "(it has %s); give that of the Event Hubs namespace here",
                           storage_keys[i]);
        }
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct key *key = &keys[i];
        if (!hd_slice_iis(name, key->name)) {
            continue;
        }
        char *to = (key->target == TO_PARTS ? (char *)parts : (char *)address) + key->at;
        if (*to) {
            return hd_fail(diag, -EINVAL, "event hub connection string: %s is given twice",
                           key->name);
        }
        if (value.len >= key->size || memchr(value.data, 0, value.len)) {
            return hd_fail(diag, -EINVAL,
                           "event hub connection string: the value of %s is too long (at most %zu "
                           "characters)",
                           key->name, key->size - 1);
        }
        memcpy(to, value.data, value.len);
        to[value.len] = 0;
    }
    return 0;
}

static int parse_port(const char *text, uint16_t *ret, struct hd_diag *diag)
{
    unsigned long port = 0;
    size_t n = strspn(text, "0123456789");
    if (n > 0 && n <= 5 && text[n] == 0) {
        port = strtoul(text, NULL, 10);
    }
    if (port == 0 || port > 65535) {
        return hd_fail(diag, -EINVAL,
                       "event hub connection string: the port in Endpoint is not a number from 1 "
                       "to 65535");
    }
    *ret = (uint16_t)port;
    return 0;
}

/* [scheme://]host[:port][/], the host perhaps an IPv6 address, in brackets or (without a port)
 * bare. Writes into the text. */
static int parse_endpoint(char *text, struct hd_eventhub_address *ret, struct hd_diag *diag)
{
    bool tls = !ret->emulator;
    char *host = text;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i].prefix);
        if (strncasecmp(text, schemes[i].prefix, n) == 0) {
            host = text + n;
            /* sb:// says nothing about TLS; the other two are explicit. */
            tls = i == 0 ? tls : schemes[i].tls;
            break;
        }
    }
    if (host == text && strstr(text, "://")) {
        return hd_fail(diag, -EINVAL,
                       "event hub connection string: Endpoint must begin with sb://, amqps:// or "
                       "amqp://");
    }
    size_t n = strlen(host);
    while (n > 0 && host[n - 1] == '/') {
        host[--n] = 0;
    }
    if (strpbrk(host, "/?#@ \t")) {
        return hd_fail(diag, -EINVAL,
                       "event hub connection string: Endpoint is more than a host name and a "
                       "port; the hub's name belongs into EntityPath");
    }
    ret->tls = tls;
    ret->port = tls ? 5671 : 5672;
    char *port = NULL;
    if (host[0] == '[') {
        char *end = strchr(host, ']');
        if (!end || (end[1] && end[1] != ':')) {
            return hd_fail(diag, -EINVAL,
                           "event hub connection string: Endpoint has a '[' without its ']'");
        }
        port = end[1] ? end + 2 : NULL;
        *end = 0;
        host++;
    } else if (strchr(host, ':') == strrchr(host, ':')) { /* more than one: a bare IPv6 address */
        port = strchr(host, ':');
        if (port) {
            *port++ = 0;
        }
    }
    if (!*host) {
        return hd_fail(diag, -EINVAL, "event hub connection string: Endpoint has no host name; %s",
                       WHERE);
    }
    if (strlen(host) >= sizeof(ret->host)) {
        return hd_fail(diag, -EINVAL, "event hub connection string: the host name is too long");
    }
    memcpy(ret->host, host, strlen(host) + 1);
    return port ? parse_port(port, &ret->port, diag) : 0;
}

static int parse_emulator(const char *text, bool *ret, struct hd_diag *diag)
{
    *ret = strcasecmp(text, "true") == 0;
    if (*ret || !*text || strcasecmp(text, "false") == 0) {
        return 0;
    }
    return hd_fail(diag, -EINVAL,
                   "event hub connection string: UseDevelopmentEmulator must be true or false");
}

static int choose_hub(const char *entity_path, const char *hub, struct hd_eventhub_address *ret,
                      struct hd_diag *diag)
{
    if (hub && *hub && *entity_path && strcasecmp(hub, entity_path) != 0) {
        return hd_fail(diag, -EINVAL,
                       "the connection string is for the event hub '%s' (EntityPath), but the "
                       "configured one is '%s'; remove one of them",
                       entity_path, hub);
    }
    const char *name = *entity_path ? entity_path : hub;
    if (!name || !*name) {
        return hd_fail(diag, -EINVAL,
                       "which event hub? The connection string has no EntityPath, so the name of "
                       "the hub must be configured");
    }
    if (strlen(name) >= sizeof(ret->hub)) {
        return hd_fail(diag, -EINVAL, "the name of the event hub is too long");
    }
    memcpy(ret->hub, name, strlen(name) + 1);
    return 0;
}

static int check_identity(const struct hd_eventhub_address *address, struct hd_diag *diag)
{
    bool name = *address->key_name, key = *address->key, signature = *address->signature;
    if (signature && (name || key)) {
        return hd_fail(diag, -EINVAL,
                       "event hub connection string: SharedAccessSignature together with "
                       "SharedAccessKey or SharedAccessKeyName; keep one of them");
    }
    if (name != key) {
        return hd_fail(diag, -EINVAL, "event hub connection string: %s without %s; %s",
                       name ? "SharedAccessKeyName" : "SharedAccessKey",
                       name ? "SharedAccessKey" : "SharedAccessKeyName", WHERE);
    }
    if (!signature && !key) {
        return hd_fail(diag, -EINVAL,
                       "event hub connection string: neither SharedAccessKeyName and "
                       "SharedAccessKey nor SharedAccessSignature; %s",
                       WHERE);
    }
    if (signature && strncmp(address->signature, "SharedAccessSignature ", 22) != 0) {
        return hd_fail(diag, -EINVAL,
                       "event hub connection string: the value of SharedAccessSignature must "
                       "begin with 'SharedAccessSignature sr='");
    }
    return 0;
}

int hd_eventhub_address_parse(const char *connection_string, const char *hub,
                              struct hd_eventhub_address *ret, struct hd_diag *diag)
{
    memset(ret, 0, sizeof(*ret));
    struct parts parts = {0};
    struct hd_slice rest = hd_slice_trim(hd_slice_cstr(connection_string));
    /* Environment files keep the quotes that a shell would have removed. */
    if (rest.len >= 2 && (rest.data[0] == '"' || rest.data[0] == '\'') &&
        rest.data[rest.len - 1] == rest.data[0]) {
        rest = hd_slice(rest.data + 1, rest.len - 2);
    }
    if (rest.len == 0) {
        return hd_fail(diag, -EINVAL, "the event hub connection string is empty");
    }
    for (unsigned number = 1; rest.len > 0; number++) {
        const char *end = memchr(rest.data, ';', rest.len);
        size_t n = end ? (size_t)(end - rest.data) : rest.len;
        struct hd_slice part = hd_slice_trim(hd_slice(rest.data, n));
        n += end != NULL;
        rest = hd_slice(rest.data + n, rest.len - n);
        int r = part.len ? take_part(part, number, &parts, ret, diag) : 0;
        if (r) {
            return r;
        }
    }
    if (!*parts.endpoint) {
        return hd_fail(diag, -EINVAL, "event hub connection string: Endpoint is missing; %s",
                       WHERE);
    }
    int r = parse_emulator(parts.emulator, &ret->emulator, diag);
    r = r ? r : parse_endpoint(parts.endpoint, ret, diag);
    r = r ? r : check_identity(ret, diag);
    return r ? r : choose_hub(parts.entity_path, hub, ret, diag);
}
