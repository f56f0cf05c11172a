/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Auth: who we are to the hub. Connection strings, shared access signatures, token sources.
 *
 * Owner:   plain data is the caller's. A token source belongs to who made it and outlives its
 *          requests.
 * Threads: the pure functions: any. Token sources: the loop's.
 * Errors:  -EINVAL with a text that names the key that is wrong and never shows a value that
 *          could be a secret.
 */
#ifndef HUBDRAIN_AUTH_H
#define HUBDRAIN_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hubdrain/error.h"
#include "hubdrain/loop.h"

/* A connection string of section 1 of the protocol sheet, taken apart. */
struct hd_eventhub_address {
    char host[256]; /* fully qualified namespace, no port, no brackets */
    uint16_t port;
    bool tls;
    bool emulator; /* UseDevelopmentEmulator */
    char hub[260]; /* EntityPath, or the configured name */
    char key_name[260];
    char key[260];        /* secret */
    char signature[2048]; /* secret: a ready-made SharedAccessSignature */
};

/* `hub` may be NULL when the string has an EntityPath. -EINVAL; diag never shows the secret. */
int hd_eventhub_address_parse(const char *connection_string, const char *hub,
                              struct hd_eventhub_address *ret, struct hd_diag *diag);

/* SharedAccessSignature sr=...&sig=...&se=...&skn=... for an audience. -ENOBUFS, -ENOMEM. */
int hd_sas_token(const char *audience, const char *key_name, const char *key, int64_t expiry_s,
                 char *ret, size_t size);

/* The se= of a signature in seconds since 1970; -1 when it has none. */
int64_t hd_sas_expiry(const char *signature);

/* ---- token sources: a kind is a struct of functions, so that new identities are new rows ---- */
enum hd_token_kind { HD_TOKEN_SAS, HD_TOKEN_JWT };

struct hd_token {
    enum hd_token_kind kind;
    const char *text;   /* secret; valid inside the callback only */
    int64_t expires_ms; /* realtime */
};

struct hd_token_source;
struct hd_token_request;

struct hd_token_source_ops {
    const char *name;
    /* Answers with hd_token_answer, now or later, unless cancelled first. */
    void (*get)(struct hd_token_source *source, struct hd_token_request *request);
    void (*cancel)(struct hd_token_source *source, struct hd_token_request *request);
    void (*free)(struct hd_token_source *source);
};

struct hd_token_source { /* first member of each kind */
    const struct hd_token_source_ops *ops;
    struct hd_loop *loop;
};

/* Embed it. fn runs on the loop, once for each get, never inside hd_token_get. token is NULL when
 * there is none to be had; diag says why and what to do. */
typedef void hd_token_fn(struct hd_token_request *request, const struct hd_token *token,
                         const struct hd_diag *diag, void *data);
struct hd_token_request {
    hd_token_fn *fn;
    void *data;
    /* the source's */
    struct hd_token_source *source;
    struct hd_timer timer;
    char audience[1024];
    bool active;
};

/* From a key: a new token of this life for each request. Strings are copied. */
int hd_token_source_new_key(struct hd_loop *loop, const char *key_name, const char *key,
                            int64_t lifetime_ms, struct hd_token_source **ret);
/* A ready-made signature: the same text until it expires. */
int hd_token_source_new_signature(struct hd_loop *loop, const char *signature,
                                  struct hd_token_source **ret);
void hd_token_source_free(struct hd_token_source *source); /* accepts NULL */

void hd_token_request_init(struct hd_token_request *request, hd_token_fn *fn, void *data);
void hd_token_get(struct hd_token_source *source, struct hd_token_request *request,
                  const char *audience);
void hd_token_request_cancel(struct hd_token_request *request); /* also when none is active */
void hd_token_answer(struct hd_token_request *request, const struct hd_token *token,
                     const struct hd_diag *diag); /* for sources */

/* When to renew: at 75 % of the life that is left, up to a tenth of it earlier, so that many
 * links and many instances do not ask at once. At least a second from now. */
int64_t hd_token_renew_delay_ms(int64_t now_ms, int64_t expires_ms, uint32_t random);

#endif
