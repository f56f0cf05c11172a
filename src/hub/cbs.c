/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * One claim a connection, for the hub as a whole: a token for sb://host/hub covers every consumer
 * group and partition below it, so 32 partitions cost one request and one renewal.
 *
 * The first claim must succeed, else the connection is given up (and tried again by its backoff).
 * A renewal may fail: the old token still lives for a quarter of its life and what is attached goes
 * on; it is tried again every few seconds up to a minute.
 */
#include "cbs.h"

#include <stdio.h>

#include "connection.h"
#include "hub.h"
#include "hubdrain/log.h"

enum { PUT_TIMEOUT_MS = 30000, RETRY_MIN_MS = 2000, RETRY_MAX_MS = 60000 };

static void settle(struct hd_cbs *cbs, bool ok, const char *condition, const char *text)
{
    cbs->under_way = false;
    struct hd_hub *hub = cbs->connection->hub;
    int64_t now_ms = hd_loop_realtime_ms(hub->loop);
    if (ok) {
        cbs->claimed = true;
        cbs->failures = 0;
        cbs->generation++;
        hub->counters.tokens_sent++;
        int64_t delay =
            hd_token_renew_delay_ms(now_ms, cbs->expires_ms, hd_random_u32(&hub->random));
        hd_timer_start(&cbs->renew, delay);
        hd_log(HD_LOG_INFO, "amqp.token.sent", "the hub has accepted our token",
               HD_INT("connection", cbs->connection->number), HD_INT("renew_in_ms", delay));
    } else if (cbs->claimed) {
        int64_t delay = RETRY_MIN_MS;
        for (uint32_t i = 0; i < cbs->failures && delay < RETRY_MAX_MS; i++) {
            delay *= 2;
        }
        delay = delay > RETRY_MAX_MS ? RETRY_MAX_MS : delay;
        cbs->failures++;
        hd_timer_start(&cbs->renew, delay);
        hd_log(HD_LOG_WARNING, "amqp.token.failed",
               "the token could not be renewed; what is attached goes on while the old one lives",
               HD_INT("connection", cbs->connection->number), HD_STR("condition", condition),
               HD_STR("error", text), HD_INT("retry_in_ms", delay),
               HD_INT("old_expires_in_ms", cbs->expires_ms - now_ms));
    }
    hd_connection_claimed(cbs->connection, ok, condition, text);
}

static void on_answer(void *data, const struct hd_rpc_answer *answer)
{
    struct hd_cbs *cbs = data;
    bool ok = !*answer->condition;
    char text[512];
    if (answer->status) {
        snprintf(text, sizeof(text), "put-token: %lld %s", (long long)answer->status, answer->text);
    } else {
        snprintf(text, sizeof(text), "put-token: %s", answer->text);
    }
    settle(cbs, ok, answer->condition, text);
}

static int fill(pn_message_t *message, const struct hd_token *token, const char *audience)
{
    static const char *const types[] = {
        [HD_TOKEN_SAS] = "servicebus.windows.net:sastoken", [HD_TOKEN_JWT] = "jwt"};
    const char *const texts[][2] = {
        {"operation", "put-token"}, {"type", types[token->kind]}, {"name", audience}};
    pn_data_t *properties = pn_message_properties(message);
    int r = pn_data_put_map(properties);
    pn_data_enter(properties);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        r = r ? r : pn_data_put_string(properties, pn_bytes(strlen(texts[i][0]), texts[i][0]));
        r = r ? r : pn_data_put_string(properties, pn_bytes(strlen(texts[i][1]), texts[i][1]));
    }
    r = r ? r : pn_data_put_string(properties, pn_bytes(10, "expiration"));
    r = r ? r : pn_data_put_timestamp(properties, token->expires_ms);
    pn_data_exit(properties);
    pn_data_t *body = pn_message_body(message);
    return r ? r : pn_data_put_string(body, pn_bytes(strlen(token->text), token->text));
}

static void on_token(struct hd_token_request *request, const struct hd_token *token,
                     const struct hd_diag *diag, void *data)
{
    struct hd_cbs *cbs = data;
    if (!token) {
        settle(cbs, false, "amqp:unauthorized-access", diag->text);
        return;
    }
    pn_message_t *message = pn_message();
    int64_t expires_ms = token->expires_ms;
    int r = message ? fill(message, token, request->audience) : PN_OUT_OF_MEMORY;
    r = r ? r : hd_rpc_call(&cbs->rpc, message, PUT_TIMEOUT_MS, on_answer, cbs);
    pn_message_free(message);
    if (r) {
        settle(cbs, false, "amqp:internal-error", "put-token could not be sent");
    } else {
        cbs->expires_ms = expires_ms;
    }
}

static void on_renew(struct hd_timer *timer, void *data)
{
    (void)timer;
    hd_cbs_put(data);
}

void hd_cbs_init(struct hd_cbs *cbs, struct hd_connection *connection)
{
    memset(cbs, 0, sizeof(*cbs));
    cbs->connection = connection;
    hd_rpc_init(&cbs->rpc, connection, "$cbs");
    hd_token_request_init(&cbs->request, on_token, cbs);
    hd_timer_init(&cbs->renew, connection->hub->loop, on_renew, cbs);
}

void hd_cbs_put(struct hd_cbs *cbs)
{
    if (cbs->under_way) {
        return;
    }
    cbs->under_way = true;
    hd_timer_stop(&cbs->renew);
    hd_token_get(cbs->connection->hub->tokens, &cbs->request, cbs->connection->hub->audience);
}

void hd_cbs_reset(struct hd_cbs *cbs)
{
    hd_token_request_cancel(&cbs->request);
    hd_timer_stop(&cbs->renew);
    hd_rpc_deinit(&cbs->rpc);
    cbs->under_way = cbs->claimed = false;
    cbs->failures = 0;
}
