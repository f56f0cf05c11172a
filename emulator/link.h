/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link: one attached link and what stands at our end of it.
 *
 * Owner:   its connection. A consumer is also in the list of its partition while it is attached.
 * Threads: the loop's.
 */
#ifndef EMULATOR_LINK_H
#define EMULATOR_LINK_H

#include <proton/link.h>

#include "address.h"
#include "connection.h"

enum emu_link_kind {
    EMU_LINK_REQUEST,  /* the client sends requests to $cbs or $management */
    EMU_LINK_REPLY,    /* the client reads their answers */
    EMU_LINK_PRODUCER, /* the client sends events */
    EMU_LINK_CONSUMER, /* the client reads a partition */
};

struct emu_link {
    struct emu_conn *conn;
    struct emu_link *next; /* of the connection */
    pn_link_t *pn;
    uint64_t id; /* for /state: names may come again */
    enum emu_link_kind kind;
    enum emu_node node; /* of REQUEST and REPLY */
    bool attached;
    char *path; /* what a claim must cover */
    struct emu_hub *hub;
    struct emu_partition *partition; /* NULL: producer to the whole hub */
    struct hd_buffer body;           /* a message that is coming in */
    /* consumer */
    struct emu_link *next_receiver; /* of the partition */
    const char *group;
    bool has_epoch, runtime_metric, drained;
    int64_t epoch;
    char name[128]; /* receiver-name, for the texts of stolen links */
    int64_t next_seq;
    struct emu_wire wire;
    struct hd_buffer rest; /* what is left of a message the window cut in two */
    size_t rest_at;
    int64_t hold_until_ms; /* fault: deliveries delayed; 0: not */
};

/* ---- link.c: attach and detach ---- */
void emu_link_opened(struct emu_conn *conn, pn_link_t *pn);
void emu_link_leave(struct emu_link *link); /* no longer attached, out of its partition */
void emu_link_delivery(struct emu_link *link, pn_delivery_t *delivery);
/* DETACH closed=true with a condition (NULL: none). */
void emu_link_detach(struct emu_link *link, const char *condition, const char *text);
void emu_link_free(struct emu_link *link);

/* ---- producer.c ---- */
void emu_producer_delivery(struct emu_link *link, pn_delivery_t *delivery);
void emu_producer_credit(struct emu_link *link);

/* ---- consumer.c ---- */
/* Epoch rules; false: refused, condition and text say why. May detach others. */
bool emu_consumer_admit(struct emu_link *link, const char **ret_condition, struct hd_diag *diag);
/* Appends transfers to `out` until it holds `limit` bytes. True: there was more to send. */
bool emu_consumer_send(struct emu_link *link, struct hd_buffer *out, size_t limit);
uint32_t emu_consumer_credit(const struct emu_link *link);

/* ---- reply.c: requests to $cbs and $management ---- */
struct emu_message;
struct emu_reply;
void emu_request(struct emu_link *link, struct hd_slice bytes);
int emu_cbs_reply(struct emu_link *link, const struct emu_message *request, struct hd_buffer *out,
                  int64_t *ret_delay_ms);
int emu_management_reply(struct emu_link *link, const struct emu_message *request,
                         struct hd_buffer *out);
/* properties and application-properties of an answer */
void emu_reply_head(struct emu_link *link, const struct emu_message *request, struct emu_writer *w,
                    int status, const char *description, const char *condition);

#endif
