/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBS: shows the hub our token, over and over again before it expires.
 *
 * Owner: embedded in its connection, one each; a second $cbs pair would be refused.
 */
#ifndef HUBDRAIN_HUB_CBS_H
#define HUBDRAIN_HUB_CBS_H

#include "hubdrain/auth.h"
#include "rpc.h"

struct hd_cbs {
    struct hd_connection *connection;
    struct hd_rpc rpc;
    struct hd_token_request request;
    struct hd_timer renew;
    bool under_way;
    bool claimed;        /* a token was accepted on this connection */
    uint64_t generation; /* counts the tokens that were accepted */
    int64_t expires_ms;
    uint32_t failures;
};

void hd_cbs_init(struct hd_cbs *cbs, struct hd_connection *connection);

/* Asks for a token and puts it; hd_connection_claimed follows, never inside. While one is under way
 * it does nothing. */
void hd_cbs_put(struct hd_cbs *cbs);

/* The connection is gone. */
void hd_cbs_reset(struct hd_cbs *cbs);

#endif
