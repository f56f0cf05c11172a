/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: what a connection may use, from the tokens it has put; and the check of a signature.
 *
 * Owner:   its connection. Threads: the loop's.
 */
#ifndef EMULATOR_CLAIMS_H
#define EMULATOR_CLAIMS_H

#include "hubdrain/error.h"
#include "options.h"

struct emu_claim {
    char *path; /* lower case, without scheme, host and slashes at the ends; "": all */
    int64_t expires_ms;
    struct emu_claim *next;
};

struct emu_claims {
    struct emu_claim *first;
};

void emu_claims_deinit(struct emu_claims *claims);
/* Renews the claim on that path if there is one. */
int emu_claims_put(struct emu_claims *claims, const char *path, int64_t expires_ms);
/* A claim on the path or on something above it that has not expired. NULL path: any claim. */
bool emu_claims_allow(const struct emu_claims *claims, const char *path, int64_t now_ms);

/* "sb://Host:1/Hub/Partitions/0/" -> "hub/partitions/0". Caller frees; NULL without memory. */
char *emu_claims_path(struct hd_slice resource);

/*
 * Verifies a token. 0, or the HTTP-like status with its text in diag. ret_path is the resource
 * that the token names (caller frees); "" for a jwt, which is not looked into.
 */
int emu_claims_verify(const struct emu_options *options, struct hd_slice token, int64_t now_ms,
                      char **ret_path, int64_t *ret_expires_ms, struct hd_diag *diag);

/* SASL PLAIN: name and key as they are. */
bool emu_claims_verify_key(const struct emu_options *options, struct hd_slice name,
                           struct hd_slice key);

#endif
