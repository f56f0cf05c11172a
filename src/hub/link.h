/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link: who hears of what happens on a proton link. A handler is the link's context; a link without
 * one was given up, and what still arrives on it is dropped.
 */
#ifndef HUBDRAIN_HUB_LINK_H
#define HUBDRAIN_HUB_LINK_H

#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/session.h>

struct hd_link_handler {
    void (*opened)(struct hd_link_handler *handler, pn_link_t *link);
    /* Detached, or its session ended. The handler gives the link up. */
    void (*closed)(struct hd_link_handler *handler, pn_link_t *link, const char *condition,
                   const char *text);
    /* Readable deliveries, or credit for a sender. */
    void (*delivery)(struct hd_link_handler *handler, pn_link_t *link);
    void (*credit)(struct hd_link_handler *handler, pn_link_t *link);
};

/* Closes our end and lets the handler go. Freed when the peer has closed its end (connection.c). */
void hd_link_give_up(pn_link_t *link);          /* accepts NULL */
void hd_session_give_up(pn_session_t *session); /* accepts NULL; with its links given up */

/* Settles and drops what is readable. */
void hd_link_drop_deliveries(pn_link_t *link);

#endif
