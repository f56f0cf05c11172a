/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * Conditions are data. Each has one row; what no row names is taken for a passing fault of the
 * service (new connection, backoff), because a daemon that stops for an unknown word is worse than
 * one that tries again. Two rules look at the text: the service says "not found" under several
 * conditions, and an argument error is about the start position only if it says so.
 */
#include "reactions.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "hubdrain/slice.h"

struct row {
    const char *condition;
    struct hd_reaction reaction;
};

// clang-format off
#define LINK(wait)       {HD_REACT_LINK, wait, false, false, false}
#define LINK_RENEW(wait) {HD_REACT_LINK, wait, true, false, false}
#define LINK_AT_ONCE     {HD_REACT_LINK, 0, false, true, false}
#define LINK_BUSY(wait)  {HD_REACT_LINK, wait, false, false, true}
#define CONNECTION(wait) {HD_REACT_CONNECTION, wait, false, false, false}
#define DROP             {HD_REACT_DROP, 0, false, false, false}
#define POSITION         {HD_REACT_POSITION, 0, false, false, false}
#define AUTH             {HD_REACT_AUTH, 0, true, false, false}
#define SLOW             {HD_REACT_SLOW, HD_REACT_SLOW_MS, false, false, false}

static const struct row rows[] = {
    {"amqp:link:stolen",                        DROP},
    {"amqp:link:detach-forced",                 LINK_RENEW(0)},
    {"amqp:connection:forced",                  CONNECTION(0)},
    {"amqp:internal-error",                     CONNECTION(0)},
    {"com.microsoft:server-busy",               LINK_BUSY(4000)},
    {"com.microsoft:timeout",                   LINK(2000)},
    {"com.microsoft:operation-cancelled",       LINK_AT_ONCE},
    {"com.microsoft:container-close",           CONNECTION(4000)},
    {"com.microsoft:argument-out-of-range",     SLOW},
    {"com.microsoft:argument-error",            SLOW}, /* but see about_position */
    {"com.microsoft:georeplication:invalid-offset", POSITION},
    {"amqp:unauthorized-access",                AUTH},
    {"com.microsoft:auth-failed",               AUTH},
    {"amqp:not-found",                          SLOW},
    {"amqp:resource-limit-exceeded",            LINK(30000)},
    {"amqp:not-allowed",                        SLOW},
    {"amqp:link:message-size-exceeded",         SLOW},
    {"amqp:link:transfer-limit-exceeded",       LINK(0)},
    {"amqp:session:window-violation",           CONNECTION(0)},
    {"amqp:session:errant-link",                CONNECTION(0)},
    {"amqp:session:handle-in-use",              CONNECTION(0)},
    {"amqp:session:unattached-handle",          CONNECTION(0)},
    {"amqp:connection:framing-error",           CONNECTION(0)},
    {"amqp:decode-error",                       CONNECTION(0)},
    {"amqp:frame-size-too-small",               CONNECTION(0)},
    {"amqp:link:redirect",                      SLOW},
    {"amqp:connection:redirect",                SLOW},
    {"amqp:precondition-failed",                SLOW},
    {"amqp:illegal-state",                      SLOW},
    {"amqp:invalid-field",                      SLOW},
    {"amqp:resource-deleted",                   SLOW},
    {"amqp:resource-locked",                    SLOW},
    {"amqp:not-implemented",                    SLOW},
    {"com.microsoft:entity-disabled",           SLOW},
    {"com.microsoft:publisher-revoked",         SLOW},
    {"com.microsoft:out-of-order-sequence",     SLOW},
    {"com.microsoft:producer-epoch-stolen",     SLOW},
    {"proton:io",                               CONNECTION(0)},
};

static const struct hd_reaction unknown = CONNECTION(0), not_found = SLOW, position = POSITION,
                                auth = AUTH;

static const struct {
    int64_t status;
    const char *condition;
} statuses[] = {
    {400, "com.microsoft:argument-error"},
    {401, "amqp:unauthorized-access"},
    {403, "amqp:resource-limit-exceeded"},
    {404, "amqp:not-found"},
    {408, "com.microsoft:timeout"},
    {410, "amqp:link:stolen"},
    {500, "amqp:internal-error"},
    {501, "amqp:not-implemented"},
    {503, "com.microsoft:server-busy"},
};
// clang-format on

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* "The supplied offset 'X' is invalid. The last offset in the system is 'Y'", and the same of a
 * sequence number. */
static bool about_position(const char *text)
{
    return strcasestr(text, "offset") || strcasestr(text, "sequence number");
}

static bool is(const char *condition, const char *name)
{
    return strcasecmp(condition, name) == 0;
}

struct hd_reaction hd_reaction_find(const char *condition, const char *text)
{
    condition = condition ? condition : "";
    text = text ? text : "";
    const struct hd_reaction *found = &unknown;
    for (size_t i = 0; i < N(rows); i++) {
        if (is(condition, rows[i].condition)) {
            found = &rows[i].reaction;
            break;
        }
    }
    if (is(condition, "com.microsoft:argument-error") && about_position(text)) {
        return position;
    }
    if (found->kind == HD_REACT_DROP) {
        return *found;
    }
    if (strcasestr(text, "status-code: 404") ||
        (strcasestr(text, "The messaging entity") && strcasestr(text, "could not be found"))) {
        return not_found;
    }
    /* A detached link whose token ran out says so in its text only. */
    if (is(condition, "amqp:link:detach-forced") &&
        (strcasestr(text, "RenewToken") || strcasestr(text, "Unauthorized access"))) {
        return auth;
    }
    return *found;
}

const char *hd_reaction_condition_of_status(int64_t status)
{
    for (size_t i = 0; i < N(statuses); i++) {
        if (statuses[i].status == status) {
            return statuses[i].condition;
        }
    }
    return status >= 400 && status < 500 ? "amqp:not-allowed" : "amqp:internal-error";
}
