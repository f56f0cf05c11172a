/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * proton keeps what it knows of a link until it is freed, and what arrives meanwhile until it is
 * settled. A link that we close goes on to bring deliveries until the peer has seen that: they are
 * settled unread here, and link and session are freed when the peer has closed its end.
 */
#include "link.h"

void hd_link_drop_deliveries(pn_link_t *link)
{
    char sink[4096];
    pn_delivery_t *delivery;
    while ((delivery = pn_link_current(link)) && pn_delivery_readable(delivery)) {
        if (pn_delivery_partial(delivery) && !pn_delivery_aborted(delivery)) {
            while (pn_link_recv(link, sink, sizeof(sink)) > 0) {
            }
            return;
        }
        pn_link_advance(link);
        pn_delivery_settle(delivery);
    }
}

void hd_link_give_up(pn_link_t *link)
{
    if (!link) {
        return;
    }
    pn_link_set_context(link, NULL);
    pn_link_close(link);
    if (pn_link_is_receiver(link)) {
        hd_link_drop_deliveries(link);
    }
}

void hd_session_give_up(pn_session_t *session)
{
    if (!session) {
        return;
    }
    pn_session_close(session);
}
