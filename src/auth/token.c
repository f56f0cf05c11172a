/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * A token source answers requests; who asks does not know whether the answer was computed (a key),
 * lay ready (a signature) or had to be fetched over the network (an identity provider). So the
 * answer always comes later, on the loop, and a request can be cancelled. A new kind of identity is
 * a new struct of functions.
 *
 * Secrets are wiped before their memory is given back.
 */
#include "hubdrain/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "hubdrain/clock.h"

static void answer_at_once(struct hd_token_request *request)
{
    hd_timer_start(&request->timer, 0);
}

static void stop_timer(struct hd_token_source *source, struct hd_token_request *request)
{
    (void)source;
    hd_timer_stop(&request->timer);
}

/* ---- from a key ---- */
struct key_source {
    struct hd_token_source base;
    int64_t lifetime_ms;
    char name[260], key[260];
};

static void key_answer(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_token_request *request = data;
    struct key_source *source = (struct key_source *)request->source;
    int64_t expires_s = (hd_loop_realtime_ms(source->base.loop) + source->lifetime_ms) / 1000;
    char text[8 * 1024];
    struct hd_diag diag = {0};
    struct hd_token token = {HD_TOKEN_SAS, text, expires_s * 1000};
    int r =
        hd_sas_token(request->audience, source->name, source->key, expires_s, text, sizeof(text));
    if (r) {
        hd_fail(&diag, r, "cannot sign a token for %s: %s", request->audience, strerror(-r));
    }
    hd_token_answer(request, r ? NULL : &token, &diag);
    OPENSSL_cleanse(text, sizeof(text));
}

static void key_get(struct hd_token_source *source, struct hd_token_request *request)
{
    hd_timer_init(&request->timer, source->loop, key_answer, request);
    answer_at_once(request);
}

static void key_free(struct hd_token_source *source)
{
    OPENSSL_cleanse(source, sizeof(struct key_source));
    free(source);
}

static const struct hd_token_source_ops key_ops = {"key", key_get, stop_timer, key_free};

int hd_token_source_new_key(struct hd_loop *loop, const char *key_name, const char *key,
                            int64_t lifetime_ms, struct hd_token_source **ret)
{
    struct key_source *source = calloc(1, sizeof(*source));
    if (!source) {
        return -ENOMEM;
    }
    if (strlen(key_name) >= sizeof(source->name) || strlen(key) >= sizeof(source->key)) {
        free(source);
        return -EINVAL;
    }
    source->base.ops = &key_ops;
    source->base.loop = loop;
    source->lifetime_ms = lifetime_ms > 0 ? lifetime_ms : (int64_t)3600 * 1000;
    memcpy(source->name, key_name, strlen(key_name) + 1);
    memcpy(source->key, key, strlen(key) + 1);
    *ret = &source->base;
    return 0;
}

/* ---- a ready-made signature ---- */
struct signature_source {
    struct hd_token_source base;
    int64_t expires_ms;
    char text[2048];
};

static void signature_answer(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_token_request *request = data;
    struct signature_source *source = (struct signature_source *)request->source;
    struct hd_diag diag = {0};
    struct hd_token token = {HD_TOKEN_SAS, source->text, source->expires_ms};
    bool expired = hd_loop_realtime_ms(source->base.loop) >= source->expires_ms;
    if (expired) {
        char when[HD_TIME_TEXT_SIZE];
        hd_clock_format_ms(source->expires_ms, when);
        hd_fail(&diag, -EACCES,
                "the SharedAccessSignature of the connection string expired at %s; make a new "
                "one, or use a SharedAccessKey, which renews itself",
                when);
    }
    hd_token_answer(request, expired ? NULL : &token, &diag);
}

static void signature_get(struct hd_token_source *source, struct hd_token_request *request)
{
    hd_timer_init(&request->timer, source->loop, signature_answer, request);
    answer_at_once(request);
}

static void signature_free(struct hd_token_source *source)
{
    OPENSSL_cleanse(source, sizeof(struct signature_source));
    free(source);
}

static const struct hd_token_source_ops signature_ops = {"signature", signature_get, stop_timer,
                                                         signature_free};

int hd_token_source_new_signature(struct hd_loop *loop, const char *signature,
                                  struct hd_token_source **ret)
{
    struct signature_source *source = calloc(1, sizeof(*source));
    if (!source) {
        return -ENOMEM;
    }
    if (strlen(signature) >= sizeof(source->text)) {
        free(source);
        return -EINVAL;
    }
    source->base.ops = &signature_ops;
    source->base.loop = loop;
    memcpy(source->text, signature, strlen(signature) + 1);
    int64_t expires_s = hd_sas_expiry(signature);
    /* Without a readable end it is shown to the hub, which knows. */
    source->expires_ms = expires_s < 0 ? INT64_MAX / 2 : expires_s * 1000;
    *ret = &source->base;
    return 0;
}

/* ---- what all sources share ---- */
void hd_token_source_free(struct hd_token_source *source)
{
    if (source) {
        source->ops->free(source);
    }
}

void hd_token_request_init(struct hd_token_request *request, hd_token_fn *fn, void *data)
{
    memset(request, 0, sizeof(*request));
    request->fn = fn;
    request->data = data;
}

void hd_token_get(struct hd_token_source *source, struct hd_token_request *request,
                  const char *audience)
{
    hd_token_request_cancel(request);
    size_t n = strnlen(audience, sizeof(request->audience) - 1);
    memcpy(request->audience, audience, n);
    request->audience[n] = 0;
    request->source = source;
    request->active = true;
    source->ops->get(source, request);
}

void hd_token_request_cancel(struct hd_token_request *request)
{
    if (request->active) {
        request->active = false;
        request->source->ops->cancel(request->source, request);
    }
}

void hd_token_answer(struct hd_token_request *request, const struct hd_token *token,
                     const struct hd_diag *diag)
{
    if (request->active) {
        request->active = false;
        request->fn(request, token, diag, request->data);
    }
}

int64_t hd_token_renew_delay_ms(int64_t now_ms, int64_t expires_ms, uint32_t random)
{
    int64_t left = expires_ms - now_ms;
    int64_t longest = (int64_t)7 * 24 * 3600 * 1000;
    if (left > longest) {
        left = longest; /* a signature that is good for years is shown again every few days */
    }
    int64_t jitter = (int64_t)((double)left / 10 * ((double)random / 4294967296.0));
    int64_t delay = left / 4 * 3 - jitter;
    return delay < 1000 ? 1000 : delay;
}
