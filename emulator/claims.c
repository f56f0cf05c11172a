/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a signature is checked by signing `sr` exactly as it was received, because clients
 * differ in how they escape. The key name is only a hint (one SDK escapes it twice), so every key
 * is tried. The scheme and host of a resource are ignored: clients write sb, amqp or amqps, with
 * and without the port.
 */
#include "claims.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hubdrain/clock.h"
#include "hubdrain/hmac.h"

#define SAS_PREFIX "SharedAccessSignature "

void emu_claims_deinit(struct emu_claims *claims)
{
    while (claims->first != NULL) {
        struct emu_claim *next = claims->first->next;
        free(claims->first->path);
        free(claims->first);
        claims->first = next;
    }
}

int emu_claims_put(struct emu_claims *claims, const char *path, int64_t expires_ms)
{
    for (struct emu_claim *claim = claims->first; claim != NULL; claim = claim->next) {
        if (strcmp(claim->path, path) == 0) {
            claim->expires_ms = expires_ms;
            return 0;
        }
    }
    struct emu_claim *claim = calloc(1, sizeof(*claim));
    char *copy = strdup(path);
    if (claim == NULL || copy == NULL) {
        free(claim);
        free(copy);
        return -ENOMEM;
    }
    *claim = (struct emu_claim){copy, expires_ms, claims->first};
    claims->first = claim;
    return 0;
}

bool emu_claims_allow(const struct emu_claims *claims, const char *path, int64_t now_ms)
{
    for (const struct emu_claim *claim = claims->first; claim != NULL; claim = claim->next) {
        size_t len = strlen(claim->path);
        if (claim->expires_ms <= now_ms) {
            continue;
        }
        if (path == NULL || len == 0 ||
            (strncmp(path, claim->path, len) == 0 && (path[len] == 0 || path[len] == '/'))) {
            return true;
        }
    }
    return false;
}

char *emu_claims_path(struct hd_slice resource)
{
    const char *at = resource.data, *end = resource.data + resource.len;
    const char *scheme = memmem(at, resource.len, "://", 3);
    if (scheme != NULL) {
        at = scheme + 3;
        while (at < end && *at != '/') {
            at++;
        }
    }
    while (at < end && *at == '/') {
        at++;
    }
    while (end > at && end[-1] == '/') {
        end--;
    }
    char *path = strndup(at, (size_t)(end - at));
    for (char *c = path; c != NULL && *c != 0; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return path;
}

static bool same(struct hd_slice a, struct hd_slice b)
{
    unsigned char differs = a.len != b.len;
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        differs |= (unsigned char)(a.data[i] ^ b.data[i]);
    }
    return differs == 0;
}

struct sas {
    struct hd_slice sr, sig, se, skn;
};

static bool sas_split(struct hd_slice token, struct sas *ret)
{
    *ret = (struct sas){0};
    const char *at = token.data + strlen(SAS_PREFIX), *end = token.data + token.len;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        if (equals != NULL) {
            struct hd_slice name = hd_slice(at, (size_t)(equals - at));
            struct hd_slice value = hd_slice(equals + 1, (size_t)(stop - equals) - 1);
            struct hd_slice *slot = hd_slice_is(name, "sr")    ? &ret->sr
                                    : hd_slice_is(name, "sig") ? &ret->sig
                                    : hd_slice_is(name, "se")  ? &ret->se
                                    : hd_slice_is(name, "skn") ? &ret->skn
                                                               : NULL;
            if (slot != NULL) {
                *slot = value;
            }
        }
        at = stop + 1;
    }
    return ret->sr.len > 0 && ret->sig.len > 0 && ret->se.len > 0;
}

/* 0: signed by one of the keys; 1: not */
static int sas_check(const struct emu_options *options, const struct sas *sas)
{
    struct hd_buffer text = {0}, wanted = {0}, got = {0};
    int r = hd_buffer_printf(&text, "%.*s\n%.*s", (int)sas->sr.len, sas->sr.data, (int)sas->se.len,
                             sas->se.data);
    r = r ? r : hd_url_decode(&got, sas->sig);
    bool found = false;
    for (size_t i = 0; r == 0 && i < options->n_keys; i++) {
        uint8_t digest[HD_SHA256_SIZE];
        wanted.len = 0;
        r = hd_hmac_sha256(hd_slice_cstr(options->keys[i].key), hd_buffer_slice(&text), digest);
        r = r ? r : hd_base64_encode(&wanted, hd_slice((const char *)digest, sizeof(digest)));
        found = found || (r == 0 && same(hd_buffer_slice(&wanted), hd_buffer_slice(&got)));
    }
    hd_buffer_deinit(&text);
    hd_buffer_deinit(&wanted);
    hd_buffer_deinit(&got);
    return r != 0 ? r : !found;
}

static int verify_sas(const struct emu_options *options, struct hd_slice token, int64_t now_ms,
                      char **ret_path, int64_t *ret_expires_ms, struct hd_diag *diag)
{
    struct sas sas;
    if (!sas_split(token, &sas)) {
        return hd_fail(diag, 400, "InvalidToken: the shared access signature lacks sr, sig or se.");
    }
    int r = sas_check(options, &sas);
    if (r < 0) {
        return hd_fail(diag, 500, "The signature could not be checked.");
    }
    if (r != 0) {
        return hd_fail(diag, 401, "InvalidSignature: The token has an invalid signature.");
    }
    char digits[24];
    snprintf(digits, sizeof(digits), "%.*s", (int)sas.se.len, sas.se.data);
    int64_t seconds = strtoll(digits, NULL, 10);
    seconds = seconds < 0 ? 0 : seconds > INT64_MAX / 1000 ? INT64_MAX / 1000 : seconds;
    *ret_expires_ms = seconds * 1000;
    if (*ret_expires_ms <= now_ms) {
        char when[HD_TIME_TEXT_SIZE];
        hd_clock_format_ms(*ret_expires_ms, when);
        return hd_fail(diag, 401, "ExpiredToken: The token is expired. Expiration time: '%s'.",
                       when);
    }
    struct hd_buffer resource = {0};
    r = hd_url_decode(&resource, sas.sr);
    *ret_path = r == 0 ? emu_claims_path(hd_buffer_slice(&resource)) : NULL;
    hd_buffer_deinit(&resource);
    return *ret_path != NULL ? 0 : hd_fail(diag, 500, "out of memory");
}

int emu_claims_verify(const struct emu_options *options, struct hd_slice token, int64_t now_ms,
                      char **ret_path, int64_t *ret_expires_ms, struct hd_diag *diag)
{
    *ret_path = NULL;
    if (hd_slice_starts(token, SAS_PREFIX)) {
        return verify_sas(options, token, now_ms, ret_path, ret_expires_ms, diag);
    }
    /* A jwt is header.payload.signature. There is no issuer here that could vouch for one. */
    if (!options->accept_jwt || memchr(token.data, '.', token.len) == NULL) {
        return hd_fail(diag, 401,
                       "InvalidToken: The token is no shared access signature; tokens of other "
                       "kinds are taken with --accept-jwt only.");
    }
    *ret_expires_ms = now_ms + 3600 * 1000;
    *ret_path = strdup("");
    return *ret_path != NULL ? 0 : hd_fail(diag, 500, "out of memory");
}

bool emu_claims_verify_key(const struct emu_options *options, struct hd_slice name,
                           struct hd_slice key)
{
    for (size_t i = 0; i < options->n_keys; i++) {
        if (hd_slice_is(name, options->keys[i].name) &&
            same(key, hd_slice_cstr(options->keys[i].key))) {
            return true;
        }
    }
    return false;
}
