/* SPDX-License-Identifier: Apache-2.0 */
/* SAS tokens against vectors on which two official SDKs agree; renewal times; token sources. */
#include <errno.h>

#include "hubdrain/auth.h"
#include "test.h"

#define EXPIRY 1767225600

static void vectors(void)
{
    static const struct {
        const char *audience, *name, *key, *want;
    } rows[] = {
        {"sb://localhost/eh1", "RootManageSharedAccessKey", "SAS_KEY_VALUE",
         "SharedAccessSignature sr=sb%3A%2F%2Flocalhost%2Feh1&sig="
         "PPq53sXzzAhON1gprC2fVj5OGqazDdQGTQFrpeycKbQ%3D&se=1767225600&skn="
         "RootManageSharedAccessKey"},
        {"sb://contoso.servicebus.windows.net/hub1/ConsumerGroups/$Default/Partitions/0",
         "RootManageSharedAccessKey", "a2V5LXRoYXQtaXMtbm90LWRlY29kZWQ=",
         "SharedAccessSignature sr=sb%3A%2F%2Fcontoso.servicebus.windows.net%2Fhub1%2F"
         "ConsumerGroups%2F%24Default%2FPartitions%2F0&sig="
         "nZ50pE%2FG6yWbYlepSogbMQSvpCtwC5NpVgzDj4wSaMA%3D&se=1767225600&skn="
         "RootManageSharedAccessKey"},
        {"amqps://contoso.servicebus.windows.net/hub1", "listen only+key", "p+q/r==",
         "SharedAccessSignature sr=amqps%3A%2F%2Fcontoso.servicebus.windows.net%2Fhub1&sig="
         "LHJiIi5OUN3FOc%2Fi8gkN2TDkEPC1lltcNnq5OZl2Tfk%3D&se=1767225600&skn="
         "listen%20only%2Bkey"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[1024];
        CHECK_INT(
            hd_sas_token(rows[i].audience, rows[i].name, rows[i].key, EXPIRY, got, sizeof(got)), 0);
        CHECK_STR(got, rows[i].want);
    }
}

static void small_buffer(void)
{
    char got[100];
    CHECK_INT(hd_sas_token("sb://localhost/eh1", "n", "k", EXPIRY, got, sizeof(got)), -ENOBUFS);
}

static void expiry(void)
{
    CHECK_INT(hd_sas_expiry("SharedAccessSignature sr=a&sig=b&se=1767225600&skn=c"), EXPIRY);
    CHECK_INT(hd_sas_expiry("SharedAccessSignature se=17&sr=a"), 17);
    CHECK_INT(hd_sas_expiry("SharedAccessSignature sr=base=&sig=use=5"), -1);
    CHECK_INT(hd_sas_expiry("SharedAccessSignature sr=a&se=99999999999999999999"), -1);
    CHECK_INT(hd_sas_expiry(""), -1);
}

static void renewal(void)
{
    int64_t hour = 3600 * 1000;
    CHECK_INT(hd_token_renew_delay_ms(0, hour, 0), hour / 4 * 3);
    int64_t earliest = hd_token_renew_delay_ms(0, hour, UINT32_MAX);
    CHECK(earliest > hour * 64 / 100 && earliest < hour * 66 / 100);
    CHECK_INT(hd_token_renew_delay_ms(hour, hour, 0), 1000);
    CHECK_INT(hd_token_renew_delay_ms(2 * hour, hour, 0), 1000);
    /* A token of a hundred years does not overflow anything. */
    CHECK(hd_token_renew_delay_ms(0, INT64_MAX / 2, UINT32_MAX) < 7 * 24 * hour);
}

struct answer {
    int n;
    bool token;
    int64_t expires_ms;
    char text[2048], diag[512];
    struct hd_token_source *source; /* not NULL: ask again from the callback */
};

static void on_token(struct hd_token_request *request, const struct hd_token *token,
                     const struct hd_diag *diag, void *data)
{
    struct answer *answer = data;
    answer->n++;
    answer->token = token;
    snprintf(answer->diag, sizeof(answer->diag), "%s", diag->text);
    if (token) {
        snprintf(answer->text, sizeof(answer->text), "%s", token->text);
        answer->expires_ms = token->expires_ms;
    }
    if (answer->source) {
        struct hd_token_source *source = answer->source;
        answer->source = NULL;
        hd_token_get(source, request, "sb://localhost/eh1");
    }
}

static void key_source(void)
{
    struct hd_loop *loop = NULL;
    struct hd_token_source *source = NULL;
    REQUIRE(hd_loop_new_virtual((int64_t)(EXPIRY - 3600) * 1000, &loop) == 0);
    REQUIRE(hd_token_source_new_key(loop, "RootManageSharedAccessKey", "SAS_KEY_VALUE", 3600 * 1000,
                                    &source) == 0);
    struct answer answer = {.source = source};
    struct hd_token_request request;
    hd_token_request_init(&request, on_token, &answer);
    hd_token_request_cancel(&request); /* harmless before the first get */
    hd_token_get(source, &request, "sb://localhost/eh1");
    CHECK_INT(answer.n, 0); /* never inside the call */
    hd_loop_advance(loop, 10);
    CHECK_INT(answer.n, 2);
    CHECK(answer.token);
    CHECK_INT(answer.expires_ms, (int64_t)EXPIRY * 1000);
    CHECK(strstr(answer.text, "sig=PPq53sXzzAhON1gprC2fVj5OGqazDdQGTQFrpeycKbQ%3D&se=1767225600"));

    hd_token_get(source, &request, "sb://localhost/eh1");
    hd_token_request_cancel(&request);
    hd_loop_advance(loop, 10);
    CHECK_INT(answer.n, 2); /* a cancelled one is not answered */
    hd_token_source_free(source);
    hd_loop_free(loop);
}

static void signature_source(void)
{
    struct hd_loop *loop = NULL;
    struct hd_token_source *source = NULL;
    const char *text = "SharedAccessSignature sr=a&sig=hush&se=1767225600&skn=n";
    REQUIRE(hd_loop_new_virtual((int64_t)(EXPIRY - 10) * 1000, &loop) == 0);
    REQUIRE(hd_token_source_new_signature(loop, text, &source) == 0);
    struct answer answer = {0};
    struct hd_token_request request;
    hd_token_request_init(&request, on_token, &answer);
    hd_token_get(source, &request, "sb://localhost/eh1");
    hd_loop_advance(loop, 1);
    CHECK(answer.token);
    CHECK_STR(answer.text, text);
    hd_loop_advance(loop, 10 * 1000);
    hd_token_get(source, &request, "sb://localhost/eh1");
    hd_loop_advance(loop, 1);
    CHECK(!answer.token);
    CHECK(strstr(answer.diag, "expired at 2026-01-01T00:00:00"));
    CHECK(!strstr(answer.diag, "hush"));
    hd_token_source_free(source);
    hd_loop_free(loop);
}

HD_TEST_MAIN({"vectors of the protocol sheet", vectors},
             {"a buffer that is too small", small_buffer}, {"expiry of a signature", expiry},
             {"renewal before expiry", renewal}, {"source from a key", key_source},
             {"source from a signature", signature_source})
