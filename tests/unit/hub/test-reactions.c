/* SPDX-License-Identifier: Apache-2.0 */
/* Every condition of table 6.1 of the protocol sheet, and the rules about texts. */
#include "src/hub/reactions.h"
#include "test.h"

// clang-format off
static const struct {
    const char *condition, *text;
    enum hd_reaction_kind kind;
    int64_t min_wait_ms;
} rows[] = {
    {"amqp:link:stolen", "New receiver 'X' with higher epoch of '0' is created", HD_REACT_DROP, 0},
    {"amqp:link:stolen", "The messaging entity could not be found", HD_REACT_DROP, 0},
    {"amqp:link:detach-forced", "Idle timeout: 00:30:00", HD_REACT_LINK, 0},
    {"amqp:link:detach-forced", "force detached. Code: RenewToken. Details: Unauthorized access.",
     HD_REACT_AUTH, 0},
    {"amqp:connection:forced", "", HD_REACT_CONNECTION, 0},
    {"amqp:internal-error", "", HD_REACT_CONNECTION, 0},
    {"com.microsoft:server-busy", "", HD_REACT_LINK, 4000},
    {"com.microsoft:timeout", "", HD_REACT_LINK, 2000},
    {"com.microsoft:operation-cancelled", "", HD_REACT_LINK, 0},
    {"com.microsoft:container-close", "", HD_REACT_CONNECTION, 4000},
    {"com.microsoft:argument-out-of-range", "", HD_REACT_SLOW, 60000},
    {"com.microsoft:argument-error", "The supplied offset '5' is invalid. The last offset in the "
     "system is '3'", HD_REACT_POSITION, 0},
    {"com.microsoft:argument-error", "The supplied sequence number '71181' is invalid. The last "
     "sequence number in the system is '1048'", HD_REACT_POSITION, 0},
    {"com.microsoft:argument-error", "something else", HD_REACT_SLOW, 60000},
    {"com.microsoft:georeplication:invalid-offset", "", HD_REACT_POSITION, 0},
    {"amqp:unauthorized-access", "", HD_REACT_AUTH, 0},
    {"com.microsoft:auth-failed", "", HD_REACT_AUTH, 0},
    {"amqp:not-found", "", HD_REACT_SLOW, 60000},
    {"amqp:resource-limit-exceeded", "Exceeded the maximum number of allowed receivers",
     HD_REACT_LINK, 30000},
    {"amqp:not-allowed", "", HD_REACT_SLOW, 60000},
    {"amqp:link:message-size-exceeded", "", HD_REACT_SLOW, 60000},
    {"amqp:link:transfer-limit-exceeded", "", HD_REACT_LINK, 0},
    {"amqp:session:window-violation", "", HD_REACT_CONNECTION, 0},
    {"amqp:session:errant-link", "", HD_REACT_CONNECTION, 0},
    {"amqp:session:handle-in-use", "", HD_REACT_CONNECTION, 0},
    {"amqp:session:unattached-handle", "", HD_REACT_CONNECTION, 0},
    {"amqp:connection:framing-error", "", HD_REACT_CONNECTION, 0},
    {"amqp:decode-error", "", HD_REACT_CONNECTION, 0},
    {"amqp:frame-size-too-small", "", HD_REACT_CONNECTION, 0},
    {"amqp:link:redirect", "", HD_REACT_SLOW, 60000},
    {"amqp:connection:redirect", "", HD_REACT_SLOW, 60000},
    {"amqp:precondition-failed", "", HD_REACT_SLOW, 60000},
    {"amqp:illegal-state", "", HD_REACT_SLOW, 60000},
    {"amqp:invalid-field", "", HD_REACT_SLOW, 60000},
    {"amqp:resource-deleted", "", HD_REACT_SLOW, 60000},
    {"amqp:resource-locked", "", HD_REACT_SLOW, 60000},
    {"amqp:not-implemented", "", HD_REACT_SLOW, 60000},
    {"com.microsoft:entity-disabled", "", HD_REACT_SLOW, 60000},
    {"com.microsoft:publisher-revoked", "", HD_REACT_SLOW, 60000},
    {"com.microsoft:out-of-order-sequence", "", HD_REACT_SLOW, 60000},
    {"com.microsoft:producer-epoch-stolen", "", HD_REACT_SLOW, 60000},
    {"proton:io", "", HD_REACT_CONNECTION, 0},
    {"com.microsoft:something-new", "", HD_REACT_CONNECTION, 0},
    {"", "", HD_REACT_CONNECTION, 0},
    {NULL, NULL, HD_REACT_CONNECTION, 0},
    /* the text says it, whatever the condition */
    {"amqp:internal-error", "The messaging entity 'sb://ns/h' could not be found. TrackingId:x",
     HD_REACT_SLOW, 60000},
    {"amqp:unauthorized-access", "status-code: 404, status-description: no", HD_REACT_SLOW, 60000},
    /* names are compared without case */
    {"COM.MICROSOFT:SERVER-BUSY", "", HD_REACT_LINK, 4000},
};
// clang-format on

static void table(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_reaction r = hd_reaction_find(rows[i].condition, rows[i].text);
        if (r.kind != rows[i].kind || r.min_wait_ms != rows[i].min_wait_ms) {
            printf("# %s: %s\n", rows[i].condition, rows[i].text);
        }
        CHECK_INT(r.kind, rows[i].kind);
        CHECK_INT(r.min_wait_ms, rows[i].min_wait_ms);
    }
}

static void flags(void)
{
    CHECK(hd_reaction_find("com.microsoft:server-busy", "").busy);
    CHECK(!hd_reaction_find("com.microsoft:timeout", "").busy);
    CHECK(hd_reaction_find("com.microsoft:operation-cancelled", "").at_once);
    CHECK(hd_reaction_find("amqp:link:detach-forced", "").renew);
    CHECK(hd_reaction_find("amqp:unauthorized-access", "").renew);
    CHECK(!hd_reaction_find("amqp:connection:forced", "").renew);
}

static void statuses(void)
{
    CHECK_STR(hd_reaction_condition_of_status(401), "amqp:unauthorized-access");
    CHECK_STR(hd_reaction_condition_of_status(404), "amqp:not-found");
    CHECK_STR(hd_reaction_condition_of_status(503), "com.microsoft:server-busy");
    CHECK_STR(hd_reaction_condition_of_status(502), "amqp:internal-error");
    CHECK_STR(hd_reaction_condition_of_status(418), "amqp:not-allowed");
    CHECK_STR(hd_reaction_condition_of_status(-1), "amqp:internal-error");
}

HD_TEST_MAIN({"every condition", table}, {"what goes with them", flags}, {"status codes", statuses})
