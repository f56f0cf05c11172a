/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Management: asks the hub about itself ($management): which partitions there are, and how far each
 * of them reaches.
 *
 * Owner: embedded in the hub; uses its first connection.
 */
#ifndef HUBDRAIN_HUB_MANAGEMENT_H
#define HUBDRAIN_HUB_MANAGEMENT_H

#include "backoff.h"
#include "hubdrain/hub.h"
#include "rpc.h"

struct hd_management {
    struct hd_hub *hub;
    struct hd_rpc rpc;
    struct hd_token_request token; /* requests carry one too */
    bool under_way;                /* the discovery */
    uint64_t generation;           /* of the token when it was asked */
    struct hd_backoff backoff;
    struct hd_timer again; /* the next discovery */
    struct hd_properties_query *queries;
    struct hd_receiver_status status; /* of the discovery */
};

void hd_management_init(struct hd_management *management, struct hd_hub *hub);
void hd_management_deinit(struct hd_management *management); /* open queries are dropped */

void hd_management_discover(struct hd_management *management); /* the connection is ready */
void hd_management_lost(struct hd_management *management, const char *condition, const char *text);

int hd_management_query(struct hd_management *management, uint32_t number, const char *partition,
                        hd_partition_properties_fn *fn, void *context);

#endif
