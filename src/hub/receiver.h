/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiver: one partition, from the start position on, for as long as it is wanted.
 *
 * Owner:   the hub. Threads: the loop's.
 * Limits:  holds at most one message, and of that at most max_message_bytes.
 */
#ifndef HUBDRAIN_HUB_RECEIVER_H
#define HUBDRAIN_HUB_RECEIVER_H

#include "backoff.h"
#include "hubdrain/hub.h"
#include "link.h"

struct hd_connection;

struct hd_receiver {
    struct hd_link_handler handler; /* first */
    struct hd_hub *hub;
    struct hd_connection *connection;
    uint32_t number;
    char *id;

    bool wanted;
    struct hd_start start;
    bool asking; /* where "latest" is; the answer will come */
    struct hd_receiver_status status;

    pn_session_t *session; /* NULL with link */
    pn_link_t *link;
    struct hd_timer timer; /* before the next attempt; while attaching: its time-out */
    struct hd_backoff backoff;
    bool renew;                /* put the token before the next attach */
    uint64_t renew_generation; /* the token's that did not do */
    bool renewed;              /* that was done since it last worked, or held for a while */
    bool blamed;               /* it cost the connection since it last worked */
    bool established;          /* the peer has attached, with a source */
    int64_t established_ms;

    /* the last message that was handed over since receive() */
    struct hd_position last;
    int64_t last_enqueued_ms;

    uint32_t credit;
    uint64_t capacity; /* what the session was told */
    bool dirty;
    struct hd_receiver *next_dirty;

    char *oversize; /* the head of a message that is too large */
    uint32_t oversize_len;
};

int hd_receiver_new(struct hd_hub *hub, struct hd_connection *connection, uint32_t number,
                    const char *id, struct hd_receiver **ret);
void hd_receiver_free(struct hd_receiver *receiver); /* accepts NULL */

void hd_receiver_receive(struct hd_receiver *receiver, const struct hd_start *start);
void hd_receiver_release(struct hd_receiver *receiver);
void hd_receiver_set_credit(struct hd_receiver *receiver, uint32_t messages);

/* Those of one connection: it is ready, gone, or read once. */
bool hd_receiver_any_link(const struct hd_connection *connection);
void hd_receiver_attach_all(struct hd_connection *connection);
void hd_receiver_forget_links(struct hd_connection *connection);
void hd_receiver_connection_lost(struct hd_connection *connection, bool slow);
void hd_receiver_top_up(struct hd_connection *connection);

#endif
