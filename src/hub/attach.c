/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * What a partition's receiver says when it attaches: where from (source, consumer group and the
 * filter with the start position), as who (epoch and name), and how deliveries are settled. All of
 * it is dictated by the service; nothing here decides anything.
 *
 * The epoch is always 0: the newest receiver of that epoch gets the partition, which is how
 * Microsoft's own processors take partitions from each other.
 */
#include "attach.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "hub.h"

enum { SPARE_FRAMES = 64 };

static const uint64_t FILTER_CODE = 0x0000468C00000004;
static const char FILTER_NAME[] = "apache.org:selector-filter:string";

/* The hard limit behind the credit: proton lets the hub send this many bytes unread. Counted in
 * frames, so every message of the credit may come with one at least. */
void hd_attach_set_capacity(struct hd_receiver *receiver)
{
    uint64_t capacity = ((uint64_t)receiver->credit + SPARE_FRAMES) * 65536;
    if (receiver->session && capacity != receiver->capacity) {
        pn_session_set_incoming_capacity(receiver->session, (size_t)capacity);
        receiver->capacity = capacity;
    }
}

static void put_filter(pn_data_t *data, const char *expression)
{
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, pn_bytes(sizeof(FILTER_NAME) - 1, FILTER_NAME));
    pn_data_put_described(data);
    pn_data_enter(data);
    pn_data_put_ulong(data, FILTER_CODE);
    pn_data_put_string(data, pn_bytes(strlen(expression), expression));
    pn_data_exit(data);
    pn_data_exit(data);
}

static void put_properties(pn_data_t *data, const char *receiver_name)
{
    static const char epoch[] = "com.microsoft:epoch", name[] = "com.microsoft:receiver-name";
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, pn_bytes(sizeof(epoch) - 1, epoch));
    pn_data_put_long(data, 0);
    pn_data_put_symbol(data, pn_bytes(sizeof(name) - 1, name));
    pn_data_put_string(data, pn_bytes(strlen(receiver_name), receiver_name));
    pn_data_exit(data);
}

static bool open_link(struct hd_receiver *receiver)
{
    struct hd_hub *hub = receiver->hub;
    const char *client_id = hub->options.client_id;
    char name[256];
    snprintf(name, sizeof(name), "%.150s-%.60s-%08" PRIx32, client_id, receiver->id,
             hd_random_u32(&hub->random));
    receiver->session = pn_session(hd_connection_proton(receiver->connection));
    receiver->link = receiver->session ? pn_receiver(receiver->session, name) : NULL;
    return receiver->link;
}

bool hd_attach(struct hd_receiver *receiver, const char *expression)
{
    struct hd_hub *hub = receiver->hub;
    char address[600];
    snprintf(address, sizeof(address), "%s/ConsumerGroups/%s/Partitions/%s",
             hub->options.address.hub, hub->consumer_group, receiver->id);
    if (!open_link(receiver)) {
        receiver->session = NULL;
        return false;
    }
    pn_link_t *link = receiver->link;
    receiver->capacity = 0;
    hd_attach_set_capacity(receiver);
    pn_session_open(receiver->session);
    pn_link_set_context(link, &receiver->handler);
    pn_terminus_set_address(pn_link_source(link), address);
    pn_terminus_set_address(pn_link_target(link), hub->options.client_id);
    put_filter(pn_terminus_filter(pn_link_source(link)), expression);
    put_properties(pn_link_properties(link), hub->options.client_id);
    pn_link_set_snd_settle_mode(link, PN_SND_SETTLED); /* the service sends no other way */
    pn_link_set_rcv_settle_mode(link, PN_RCV_FIRST);
    pn_link_open(link);
    if (receiver->credit > 0) {
        pn_link_flow(link, (int)receiver->credit);
    }
    return true;
}
