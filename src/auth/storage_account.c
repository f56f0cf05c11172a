/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the same shape as the Event Hubs string ("Key=Value;..."), other keys. Keys are matched
 * without case and unknown ones ignored (the portal's strings name queue, table and file endpoints
 * too). What it describes is reduced to an endpoint and either a key or a SAS. Messages name keys,
 * never values: a mistyped string may hold its secret anywhere.
 */
#include <errno.h>
#include <stdio.h>

#include "hubdrain/hmac.h"
#include "hubdrain/storage.h"

static const char WHERE[] =
    "copy the string again from the portal (storage account, Access keys or "
    "Shared access signature)";

enum part {
    PROTOCOL,
    ACCOUNT,
    KEY,
    SUFFIX,
    ENDPOINT,
    SAS,
    DEVELOPMENT,
    DEVELOPMENT_PROXY,
    N_PARTS
};

static const char *const names[N_PARTS] = {
    [PROTOCOL] = "DefaultEndpointsProtocol",
    [ACCOUNT] = "AccountName",
    [KEY] = "AccountKey",
    [SUFFIX] = "EndpointSuffix",
    [ENDPOINT] = "BlobEndpoint",
    [SAS] = "SharedAccessSignature",
    [DEVELOPMENT] = "UseDevelopmentStorage",
    [DEVELOPMENT_PROXY] = "DevelopmentStorageProxyUri",
};

/* Keys of the hub's string, which looks alike and is pasted by mistake. */
static const char *const eventhub_keys[] = {"Endpoint", "SharedAccessKeyName", "SharedAccessKey",
                                            "EntityPath"};

static const char development_account[] = "devstoreaccount1";
/* Published, the same in every installation of the local emulator. */
static const char development_key[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

static int take_part(struct hd_slice part, unsigned number, struct hd_slice parts[N_PARTS],
                     struct hd_diag *diag)
{
    const char *equals = memchr(part.data, '=', part.len);
    if (!equals) {
        return hd_fail(diag, -EINVAL, "storage connection string: part %u has no '='; %s", number,
                       WHERE);
    }
    struct hd_slice name = hd_slice_trim(hd_slice(part.data, (size_t)(equals - part.data)));
    struct hd_slice value =
        hd_slice_trim(hd_slice(equals + 1, part.len - (size_t)(equals + 1 - part.data)));
    for (size_t i = 0; i < sizeof(eventhub_keys) / sizeof(eventhub_keys[0]); i++) {
        if (hd_slice_iis(name, eventhub_keys[i])) {
            return hd_fail(diag, -EINVAL,
                           "storage connection string: this is the string of an Event Hubs "
                           "namespace (it has %s); give that of the storage account here",
                           eventhub_keys[i]);
        }
    }
    for (size_t i = 0; i < N_PARTS; i++) {
        if (!hd_slice_iis(name, names[i])) {
            continue;
        }
        if (parts[i].len > 0) {
            return hd_fail(diag, -EINVAL, "storage connection string: %s is given twice", names[i]);
        }
        parts[i] = value;
    }
    return 0;
}

static int take_apart(const char *text, struct hd_slice parts[N_PARTS], struct hd_diag *diag)
{
    unsigned number = 0;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ";");
        struct hd_slice part = hd_slice_trim(hd_slice(p, len));
        number++;
        int r = part.len > 0 ? take_part(part, number, parts, diag) : 0;
        if (r < 0) {
            return r;
        }
        p += len + (p[len] == ';');
    }
    return 0;
}

/* Copies what may stand in a URL as it is; anything else is a mistake, or an attack. */
static int copy_plain(struct hd_slice value, const char *forbidden, char *to, size_t size,
                      enum part part, struct hd_diag *diag)
{
    if (value.len >= size) {
        return hd_fail(diag, -EINVAL,
                       "storage connection string: the value of %s is too long (at most %zu "
                       "characters)",
                       names[part], size - 1);
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c < 0x21 || c > 0x7e || strchr(forbidden, c)) {
            return hd_fail(diag, -EINVAL,
                           "storage connection string: %s holds a character that cannot be in it; "
                           "%s",
                           names[part], WHERE);
        }
    }
    if (value.len > 0) {
        memcpy(to, value.data, value.len);
    }
    to[value.len] = '\0';
    return 0;
}

static int take_endpoint(struct hd_slice value, enum part part, struct hd_storage_account *ret,
                         struct hd_diag *diag)
{
    int r = copy_plain(value, "?#\"<>\\@", ret->endpoint, sizeof(ret->endpoint), part, diag);
    if (r < 0) {
        return r;
    }
    struct hd_slice url = hd_slice_cstr(ret->endpoint);
    size_t scheme = hd_slice_starts(url, "https://") ? 8 : hd_slice_starts(url, "http://") ? 7 : 0;
    if (scheme == 0 || strcspn(ret->endpoint + scheme, "/") == 0) {
        return hd_fail(diag, -EINVAL,
                       "storage connection string: %s must be a URL like "
                       "https://account.blob.core.windows.net",
                       names[part]);
    }
    for (size_t len = url.len; len > scheme && ret->endpoint[len - 1] == '/'; len--) {
        ret->endpoint[len - 1] = '\0';
    }
    return 0;
}

static int derive_endpoint(const struct hd_slice parts[N_PARTS], struct hd_storage_account *ret,
                           struct hd_diag *diag)
{
    char suffix[256] = "core.windows.net";
    const char *protocol = "https";
    if (parts[PROTOCOL].len > 0) {
        bool http = hd_slice_iis(parts[PROTOCOL], "http");
        if (!http && !hd_slice_iis(parts[PROTOCOL], "https")) {
            return hd_fail(diag, -EINVAL,
                           "storage connection string: DefaultEndpointsProtocol must be https or "
                           "http");
        }
        protocol = http ? "http" : "https";
    }
    int r = 0;
    if (parts[SUFFIX].len > 0) {
        r = copy_plain(parts[SUFFIX], "/?#\"<>\\@", suffix, sizeof(suffix), SUFFIX, diag);
    }
    if (r == 0 && !ret->account[0]) {
        r = hd_fail(diag, -EINVAL,
                    "storage connection string: neither AccountName nor BlobEndpoint is there; %s",
                    WHERE);
    }
    if (r == 0) {
        snprintf(ret->endpoint, sizeof(ret->endpoint), "%s://%s.blob.%s", protocol, ret->account,
                 suffix);
    }
    return r;
}

static int take_key(struct hd_slice text, struct hd_storage_account *ret, struct hd_diag *diag)
{
    struct hd_buffer key = {0};
    int r = hd_base64_decode(&key, text);
    if (r == 0 && key.len > 0 && key.len <= sizeof(ret->key)) {
        memcpy(ret->key, key.data, key.len);
        ret->key_len = key.len;
    } else if (r != -ENOMEM) {
        r = hd_fail(diag, -EINVAL,
                    "storage connection string: AccountKey is not base64; was it cut or quoted? %s",
                    WHERE);
    }
    if (key.data) {
        explicit_bzero(key.data, key.len);
    }
    hd_buffer_deinit(&key);
    return r;
}

static int take_sas(struct hd_slice text, struct hd_storage_account *ret, struct hd_diag *diag)
{
    if (hd_slice_starts(text, "?")) {
        text = hd_slice(text.data + 1, text.len - 1);
    }
    int r = copy_plain(text, "#\"<>\\", ret->sas, sizeof(ret->sas), SAS, diag);
    if (r == 0 && strncmp(ret->sas, "sig=", 4) != 0 && !strstr(ret->sas, "&sig=")) {
        r = hd_fail(diag, -EINVAL,
                    "storage connection string: SharedAccessSignature has no sig=; %s", WHERE);
    }
    return r;
}

static void use_development_storage(struct hd_slice parts[N_PARTS])
{
    parts[ACCOUNT] = hd_slice_cstr(development_account);
    parts[KEY] = hd_slice_cstr(development_key);
    parts[SAS] = (struct hd_slice){0};
}

static int judge(struct hd_slice parts[N_PARTS], struct hd_storage_account *ret,
                 struct hd_diag *diag)
{
    int r = 0;
    bool development = hd_slice_iis(parts[DEVELOPMENT], "true");
    if (development) {
        use_development_storage(parts);
    }
    if (parts[KEY].len > 0 && parts[SAS].len > 0) {
        return hd_fail(diag, -EINVAL,
                       "storage connection string: AccountKey and SharedAccessSignature are both "
                       "there; leave one of them out");
    }
    if (parts[KEY].len == 0 && parts[SAS].len == 0) {
        return hd_fail(diag, -EINVAL,
                       "storage connection string: neither AccountKey nor SharedAccessSignature is "
                       "there; %s",
                       WHERE);
    }
    if (parts[KEY].len > 0 && parts[ACCOUNT].len == 0) {
        return hd_fail(diag, -EINVAL,
                       "storage connection string: AccountKey is there without AccountName; %s",
                       WHERE);
    }
    r = copy_plain(parts[ACCOUNT], "/?#:\"<>\\@.", ret->account, sizeof(ret->account), ACCOUNT,
                   diag);
    if (r == 0) {
        r = parts[KEY].len > 0 ? take_key(parts[KEY], ret, diag) : take_sas(parts[SAS], ret, diag);
    }
    if (r < 0) {
        return r;
    }
    if (!development) {
        return parts[ENDPOINT].len > 0 ? take_endpoint(parts[ENDPOINT], ENDPOINT, ret, diag)
                                       : derive_endpoint(parts, ret, diag);
    }
    struct hd_slice host = HD_SLICE("http://127.0.0.1");
    host = parts[DEVELOPMENT_PROXY].len > 0 ? parts[DEVELOPMENT_PROXY] : host;
    r = take_endpoint(host, DEVELOPMENT_PROXY, ret, diag);
    size_t len = strlen(ret->endpoint);
    if (r == 0 && len + 32 < sizeof(ret->endpoint)) {
        snprintf(ret->endpoint + len, sizeof(ret->endpoint) - len, ":10000/%s",
                 development_account);
    }
    return r;
}

int hd_storage_account_parse(const char *connection_string, struct hd_storage_account *ret,
                             struct hd_diag *diag)
{
    struct hd_slice parts[N_PARTS] = {{0}};
    *ret = (struct hd_storage_account){0};
    int r = take_apart(connection_string, parts, diag);
    if (r == 0) {
        r = judge(parts, ret, diag);
    }
    if (r < 0) {
        hd_storage_account_wipe(ret);
    }
    return r;
}

void hd_storage_account_wipe(struct hd_storage_account *account)
{
    explicit_bzero(account, sizeof(*account));
}

const char *hd_storage_endpoint_path(const struct hd_storage_account *account)
{
    const char *host = strstr(account->endpoint, "://");
    host = host ? host + 3 : account->endpoint;
    return host + strcspn(host, "/");
}
