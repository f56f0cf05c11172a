/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: one table from the service's error codes to an outcome and an advice; what it does not
 * name is judged by its status. Two things that the codes do not say are worked out, because they
 * are what mostly lies behind a 403: a clock that is wrong (from the answer's Date), and a SAS that
 * has expired (from its se=).
 */
#include "blob_answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "blob_xml.h"
#include "hubdrain/clock.h"
#include "hubdrain/hmac.h"

enum { ALLOWED_SKEW_MS = 15 * 60 * 1000 };

// clang-format off
static const struct {
    const char *code;
    enum hd_store_result result;
    const char *advice;
} codes[] = {
    {"AuthenticationFailed", HD_STORE_DENIED,
     "check the account key or SAS in the storage connection string (a key that was rotated is the usual cause)"},
    {"AuthorizationFailure", HD_STORE_DENIED,
     "check the account key in the storage connection string, and that the account's firewall lets this machine in"},
    {"AuthorizationPermissionMismatch", HD_STORE_DENIED,
     "the SAS needs read, write, create and list rights (sp=rcwl) on the container"},
    {"AuthorizationResourceTypeMismatch", HD_STORE_DENIED,
     "the SAS needs the resource types container and object (srt=co)"},
    {"AuthorizationServiceMismatch", HD_STORE_DENIED, "the SAS is not for blobs (ss=b)"},
    {"AuthorizationProtocolMismatch", HD_STORE_DENIED, "the SAS allows https only; use an https endpoint"},
    {"AuthorizationSourceIPMismatch", HD_STORE_DENIED, "the SAS does not allow this machine's address"},
    {"InsufficientAccountPermissions", HD_STORE_DENIED, "the SAS or the account does not allow this"},
    {"KeyBasedAuthenticationNotPermitted", HD_STORE_DENIED,
     "the account does not allow shared keys; allow them in its configuration"},
    {"InvalidAuthenticationInfo", HD_STORE_DENIED, "check the storage connection string"},
    {"AccountIsDisabled", HD_STORE_DENIED, "the storage account is disabled"},
    {"PublicAccessNotPermitted", HD_STORE_DENIED,
     "the request went out without a valid SAS; check the storage connection string"},
    {"ContainerNotFound", HD_STORE_DENIED,
     "create the container, or set checkpoint.create_container: true and allow it"},
    {"ContainerBeingDeleted", HD_STORE_UNAVAILABLE, "the container is being deleted; it can be made anew when that is done"},
    {"ContainerDisabled", HD_STORE_DENIED, "the container is disabled"},
    {"ResourceNotFound", HD_STORE_DENIED, "check account, endpoint and container"},
    {"InvalidResourceName", HD_STORE_DENIED,
     "the container's name is not allowed: 3 to 63 lower-case letters, digits and hyphens"},
    {"OutOfRangeInput", HD_STORE_DENIED,
     "the container's name is not allowed: 3 to 63 lower-case letters, digits and hyphens"},
    {"LeaseIdMissing", HD_STORE_DENIED,
     "somebody holds a lease on this blob (an old event processor?); stop it or break the lease"},
    {"BlobImmutableDueToPolicy", HD_STORE_DENIED,
     "the container has an immutability policy; use another container"},
    {"BlobArchived", HD_STORE_DENIED, "the blob was moved to the archive tier; delete it or bring it back"},
    {"FeatureVersionMismatch", HD_STORE_DENIED, "this kind of account cannot hold checkpoints"},
    {"ConditionNotMet", HD_STORE_UNAVAILABLE, "something else changed it at the same time"},
    {"ServerBusy", HD_STORE_UNAVAILABLE, "the storage account is throttled"},
    {"TooManyRequests", HD_STORE_UNAVAILABLE, "the storage account is throttled"},
    {"OperationTimedOut", HD_STORE_UNAVAILABLE, ""},
    {"InternalError", HD_STORE_UNAVAILABLE, ""},
};
// clang-format on

void hd_blob_answer_code(const struct hd_http_response *response, char ret[HD_BLOB_CODE_SIZE])
{
    char message[8];
    const char *header = hd_http_response_header(response, "x-ms-error-code");
    if (header) {
        snprintf(ret, HD_BLOB_CODE_SIZE, "%s", header);
    } else {
        hd_blob_error_parse(response->body, ret, HD_BLOB_CODE_SIZE, message, sizeof(message));
    }
}

/* Not strftime and strptime: their names follow the locale. */
static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void hd_blob_date(int64_t realtime_ms, char ret[HD_BLOB_DATE_SIZE])
{
    int64_t seconds = realtime_ms > 0 ? realtime_ms / 1000 : 0;
    int64_t days = seconds / 86400;
    int year;
    unsigned month, day;
    hd_clock_civil_from_days(days, &year, &month, &day);
    snprintf(ret, HD_BLOB_DATE_SIZE, "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT",
             day_names + 3 * ((days + 4) % 7), day, month_names + 3 * (month - 1), year,
             (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60), (int)(seconds % 60));
}

int64_t hd_blob_date_parse(const char *text)
{
    int day, year, hour, minute, second, end = 0;
    char month[4];
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour,
               &minute, &second, &end) != 6 ||
        end == 0 || day < 1 || day > 31) {
        return -1;
    }
    for (unsigned i = 0; i < 12; i++) {
        if (memcmp(month_names + (size_t)3 * i, month, 3) == 0) {
            int64_t days = hd_clock_days_from_civil(year, i + 1, (unsigned)day);
            return (days * 86400 + hour * 3600 + minute * 60 + second) * 1000;
        }
    }
    return -1;
}

/* "2026-11-22T03:00:00Z" or only its date, in the SAS's se=. Returns ms, or -1. */
static int64_t sas_expiry_ms(const char *sas)
{
    const char *at = strncmp(sas, "se=", 3) == 0 ? sas + 3 : strstr(sas, "&se=");
    if (!at) {
        return -1;
    }
    at += *at == '&' ? 4 : 0;
    struct hd_buffer text = {0};
    int year, month, day, hour = 0, minute = 0, second = 0;
    int n = 0;
    if (hd_url_decode(&text, hd_slice(at, strcspn(at, "&"))) == 0) {
        n = sscanf(hd_buffer_cstr(&text), "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour,
                   &minute, &second);
    }
    hd_buffer_deinit(&text);
    if (n < 3 || month < 1 || month > 12 || day < 1 || day > 31) {
        return -1;
    }
    return ((hd_clock_days_from_civil(year, (unsigned)month, (unsigned)day) * 24 + hour) * 3600 +
            (int64_t)minute * 60 + second) *
           1000;
}

/* What may lie behind a refusal; false when nothing is found. */
static bool find_cause(const struct hd_http_response *response, const struct hd_blob_where *where,
                       char *ret, size_t size)
{
    const char *date = hd_http_response_header(response, "date");
    int64_t server_ms = date ? hd_blob_date_parse(date) : -1;
    int64_t now_ms = where->realtime_ms;
    if (server_ms >= 0) {
        int64_t skew_ms = now_ms - server_ms;
        if (llabs(skew_ms) >= ALLOWED_SKEW_MS) {
            snprintf(ret, size,
                     "this machine's clock is %lld minutes %s the server's, which refuses more "
                     "than 15; set the clock (NTP)",
                     (long long)llabs(skew_ms) / 60000, skew_ms > 0 ? "ahead of" : "behind");
            return true;
        }
        now_ms = server_ms;
    }
    int64_t expiry_ms = where->sas[0] ? sas_expiry_ms(where->sas) : -1;
    if (expiry_ms >= 0 && expiry_ms <= now_ms) {
        char text[HD_TIME_TEXT_SIZE];
        hd_clock_format_ms(expiry_ms, text);
        snprintf(ret, size, "the SAS expired at %s; make a new one", text);
        return true;
    }
    return false;
}

static enum hd_store_result judge_nothing(const struct hd_http_response *response,
                                          const struct hd_blob_where *where, struct hd_diag *diag)
{
    const char *hint = "";
    if (strstr(response->error, "certificate")) {
        hint =
            "; if the server's certificate comes from a private authority, set checkpoint.ca_file";
    } else if (strstr(response->error, "resolve host")) {
        hint = "; check the account's name and this machine's name resolution";
    }
    hd_fail(diag, 0, "cannot %s: no answer from %s: %s%s", where->doing, where->description,
            response->error, hint);
    return HD_STORE_UNAVAILABLE;
}

/* 409: somebody else is at it. */
static bool passes_by_itself(int status)
{
    return status >= 500 || status == 429 || status == 408 || status == 409;
}

enum hd_store_result hd_blob_answer_judge(const struct hd_http_response *response,
                                          const struct hd_blob_where *where, struct hd_diag *diag)
{
    if (response->status == 0) {
        return judge_nothing(response, where, diag);
    }
    char code[HD_BLOB_CODE_SIZE], unused[HD_BLOB_CODE_SIZE], message[160], cause[160];
    hd_blob_answer_code(response, code);
    hd_blob_error_parse(response->body, unused, sizeof(unused), message, sizeof(message));
    enum hd_store_result result =
        passes_by_itself(response->status) ? HD_STORE_UNAVAILABLE : HD_STORE_DENIED;
    const char *advice = "";
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(codes[i].code, code) == 0) {
            result = codes[i].result;
            advice = codes[i].advice;
        }
    }
    bool refused = response->status == 401 || response->status == 403;
    if (refused && find_cause(response, where, cause, sizeof(cause))) {
        advice = cause;
    } else if (refused && !advice[0]) {
        advice = "check the storage connection string and the rights it gives";
    }
    const char *separator = message[0] ? ": " : "";
    hd_fail(diag, 0, "cannot %s: %s answered %d%s%s%s%s%s%s", where->doing, where->description,
            response->status, code[0] ? " " : "", code, advice[0] ? "; " : "", advice,
            advice[0] ? "" : separator, advice[0] ? "" : message);
    return result;
}
