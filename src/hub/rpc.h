/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rpc: requests to a node of the hub ($cbs, $management) over a pair of links.
 *
 * Owner:   embedded in its user. Calls are the rpc's until answered.
 * Threads: the loop's. Each call is answered once, never inside hd_rpc_call.
 */
#ifndef HUBDRAIN_HUB_RPC_H
#define HUBDRAIN_HUB_RPC_H

#include <proton/message.h>

#include "hubdrain/loop.h"
#include "link.h"

struct hd_connection;

struct hd_rpc_answer {
    int64_t status;        /* 0: there was no answer */
    const char *condition; /* "" when it succeeded (200 to 299) */
    const char *text;
    pn_message_t *message; /* NULL when there was none */
};

typedef void hd_rpc_fn(void *data, const struct hd_rpc_answer *answer);

struct hd_rpc_call;
struct hd_rpc {
    struct hd_link_handler handler;
    struct hd_connection *connection;
    const char *address;
    pn_link_t *out, *in;
    unsigned opened; /* ends that the peer has attached */
    struct hd_rpc_call *calls;
    uint64_t next_id;
};

void hd_rpc_init(struct hd_rpc *rpc, struct hd_connection *connection, const char *address);

/* The message keeps its owner; message-id and reply-to are set here. -ENOMEM. */
int hd_rpc_call(struct hd_rpc *rpc, pn_message_t *message, int64_t timeout_ms, hd_rpc_fn *fn,
                void *data);

/* The links are gone or are to go; open calls are answered with the reason. */
void hd_rpc_reset(struct hd_rpc *rpc, const char *condition, const char *text);
/* As above, but nobody is answered. */
void hd_rpc_deinit(struct hd_rpc *rpc);

#endif
