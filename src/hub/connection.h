/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection: one AMQP connection to the namespace that is there whenever somebody needs it.
 *
 * Owner:   the hub, from start to end; the wire under it comes and goes.
 * Threads: the loop's.
 */
#ifndef HUBDRAIN_HUB_CONNECTION_H
#define HUBDRAIN_HUB_CONNECTION_H

#include "backoff.h"
#include "cbs.h"
#include "wire.h"

struct hd_hub;

enum hd_connection_state {
    HD_CONNECTION_IDLE,    /* nobody needs it */
    HD_CONNECTION_WAITING, /* before the next attempt */
    HD_CONNECTION_OPENING, /* stream, SASL and OPEN */
    HD_CONNECTION_CLAIMING,
    HD_CONNECTION_READY,
    HD_CONNECTION_CLOSING,
};

struct hd_connection {
    struct hd_hub *hub;
    uint32_t number;
    enum hd_connection_state state;
    struct hd_wire *wire;
    pn_session_t *session; /* of the request links */
    struct hd_cbs cbs;
    struct hd_backoff backoff;
    struct hd_timer retry;     /* WAITING */
    struct hd_timer timeout;   /* OPENING, CLAIMING */
    struct hd_receiver *dirty; /* receivers whose credit is to be topped up */
    char condition[96];        /* why it was lost */
    char text[512];
};

void hd_connection_init(struct hd_connection *connection, struct hd_hub *hub, uint32_t number);
void hd_connection_deinit(struct hd_connection *connection);

/* Somebody needs it: an idle one connects; others do already. */
void hd_connection_need(struct hd_connection *connection);

/* Closes it in order; state IDLE follows and hd_hub_connection_closed. */
void hd_connection_close(struct hd_connection *connection);

/* Gives up what is there, with the reaction to the condition. */
void hd_connection_lose(struct hd_connection *connection, const char *condition, const char *text);

/* The result of a put-token, first or renewed. */
void hd_connection_claimed(struct hd_connection *connection, bool ok, const char *condition,
                           const char *text);

/* Puts the token again, unless that was done since `generation` (of cbs); hd_receiver_attach_all
 * follows. false: there is nothing to wait for. */
bool hd_connection_renew(struct hd_connection *connection, uint64_t generation);

/* A message came: what was wrong is over. */
void hd_connection_works(struct hd_connection *connection);

void hd_connection_kick(struct hd_connection *connection);
/* Nothing is read now; an answer that is late may be waiting behind that. */
bool hd_connection_paused(const struct hd_connection *connection);
pn_session_t *hd_connection_session(struct hd_connection *connection);   /* NULL: not open */
pn_connection_t *hd_connection_proton(struct hd_connection *connection); /* NULL: not open */
struct hd_loop *hd_connection_loop(const struct hd_connection *connection);
uint64_t hd_connection_random(struct hd_connection *connection);

#endif
