/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a delivery is stored when its last frame is in, all of its events or none, and only
 * then accepted. Credit is given at once and topped up at half; a fault may withhold it.
 */
#include <proton/delivery.h>

#include "link.h"
#include "message.h"

#define CREDIT 1000

void emu_producer_credit(struct emu_link *link)
{
    if (!link->attached || pn_link_credit(link->pn) > CREDIT / 2 ||
        emu_fault_find(&link->conn->server->faults, EMU_FAULT_STARVE, link->hub->name,
                       link->partition != NULL ? link->partition->id : NULL, NULL) != NULL) {
        return;
    }
    pn_link_flow(link->pn, CREDIT - pn_link_credit(link->pn));
    emu_server_mark(link->conn);
}

static void settle(struct emu_link *link, pn_delivery_t *delivery, const char *condition,
                   const char *text)
{
    if (condition == NULL) {
        pn_delivery_update(delivery, PN_ACCEPTED);
    } else {
        pn_condition_t *c = pn_disposition_condition(pn_delivery_local(delivery));
        pn_condition_set_name(c, condition);
        pn_condition_set_description(c, text);
        pn_delivery_update(delivery, PN_REJECTED);
    }
    pn_delivery_settle(delivery);
    link->body.len = 0;
    emu_producer_credit(link);
}

static bool take_bytes(struct emu_link *link, pn_delivery_t *delivery)
{
    size_t pending = pn_delivery_pending(delivery);
    if (hd_buffer_reserve(&link->body, pending) != 0) {
        return false;
    }
    ssize_t n = pn_link_recv(link->pn, link->body.data + link->body.len, pending);
    link->body.len += n > 0 ? (size_t)n : 0;
    return true;
}

void emu_producer_delivery(struct emu_link *link, pn_delivery_t *delivery)
{
    if (!link->attached) {
        pn_delivery_settle(delivery);
        return;
    }
    if (!take_bytes(link, delivery)) {
        emu_link_detach(link, "amqp:internal-error", "out of memory");
        return;
    }
    if (link->body.len > link->conn->server->options->max_message_bytes) {
        emu_link_detach(link, "amqp:link:message-size-exceeded",
                        "The received message exceeds the limit of this link.");
        return;
    }
    if (pn_delivery_partial(delivery)) {
        return;
    }
    if (pn_delivery_aborted(delivery)) {
        settle(link, delivery, NULL, NULL);
        return;
    }
    int r = emu_hub_append(link->hub, link->partition, hd_buffer_slice(&link->body),
                           link->conn->frames.message_format);
    if (r == 0) {
        link->conn->received_events++;
        settle(link, delivery, NULL, NULL);
    } else if (r > 0) {
        settle(link, delivery, "amqp:decode-error", "The message is not well-formed AMQP.");
    } else {
        settle(link, delivery, "amqp:internal-error", "The event could not be stored.");
    }
}
