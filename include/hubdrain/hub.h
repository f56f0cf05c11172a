/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hub: the client of one event hub. Connections, CBS claims, $management, one epoch receiver per
 * partition. It reconnects by itself (backoff, jitter) and resumes behind the last message that it
 * handed over, so that nothing comes twice from it.
 *
 * Owner:   the pipeline. Threads: the loop's; handlers run there.
 * Limits:  credit is what hd_hub_set_credit said last; messages larger than max_message_bytes are
 *          handed over as bad (dead letters), never skipped.
 * Errors:  nothing that the network or the hub does is fatal to the process; states say where
 *          each partition is, since when and why.
 */
#ifndef HUBDRAIN_HUB_H
#define HUBDRAIN_HUB_H

#include "hubdrain/auth.h"
#include "hubdrain/batch.h"
#include "hubdrain/error.h"
#include "hubdrain/window.h"

struct hd_loop;
struct hd_hub;

struct hd_hub_options {
    struct hd_eventhub_address address;
    const char *consumer_group;
    const char *ca_file;   /* NULL: the system's */
    const char *client_id; /* receiver-name, container-id; stable per instance */
    uint32_t connections;  /* the partitions are spread over them; at least 1 */
    uint32_t max_message_bytes;
    int64_t token_lifetime_ms; /* default 1 h */
    int64_t connect_timeout_ms;
    int64_t backoff_min_ms, backoff_max_ms; /* default 1 s, 60 s */
    int64_t idle_timeout_ms;                /* default 120 s without a sign of life */
    int64_t slow_retry_ms; /* default 60 s: for what will not come right by itself */
    int64_t rediscover_ms; /* default 5 min: the list of partitions is read again */
};

enum hd_start_kind { HD_START_EARLIEST, HD_START_LATEST, HD_START_TIME, HD_START_POSITION };
struct hd_start {
    enum hd_start_kind kind;
    int64_t enqueued_ms; /* HD_START_TIME: enqueued after this */
    struct hd_position
        position; /* HD_START_POSITION: exclusive; the offset wins when it is there */
};

enum hd_receiver_state {
    HD_RECEIVER_CLOSED,
    HD_RECEIVER_CONNECTING, /* or waiting to: condition and text say why */
    HD_RECEIVER_RECEIVING,
    HD_RECEIVER_STOLEN,           /* another receiver has it: dropped, not fought for */
    HD_RECEIVER_INVALID_POSITION, /* the start position is not in the hub (amqp text in .text) */
    HD_RECEIVER_FATAL,            /* will not come right by itself; retried slowly all the same */
};
const char *hd_receiver_state_name(enum hd_receiver_state state);

struct hd_receiver_status {
    enum hd_receiver_state state;
    int64_t since_ms; /* loop time */
    char condition[96];
    char text[512];
    uint32_t attempts; /* since it last received */
    /* Behind which it attached, or would next: the last message that it handed over, else the
     * start. sequence_number -1 and offset "": neither (earliest, a time, latest not looked up). */
    struct hd_position position;
};

/* What $management says of a partition. */
struct hd_partition_properties {
    int64_t begin_sequence_number, last_enqueued_sequence_number, last_enqueued_ms;
    char last_enqueued_offset[HD_OFFSET_SIZE];
    bool empty;
};

struct hd_hub_handlers {
    /* The hub's partitions are known; called again only when there are more. Numbers, the indexes
     * in this list, never change: new ones come at the end. ids live as long as the hub. */
    void (*partitions)(void *context, const char *const *ids, size_t n);

    /* Where `size` bytes of one message are to be put. The hub writes the encoded AMQP message
     * there, then calls message(). NULL: no memory; the link is detached and tried again. A
     * duplicate is dropped: then no message() follows. */
    char *(*reserve)(void *context, uint32_t partition, size_t size);

    /* The message is complete: its positions are relative to what reserve returned. `message` is
     * the caller's to copy. Deliveries are settled before this is called. */
    void (*message)(void *context, uint32_t partition, const struct hd_message *message,
                    size_t size);

    /* A receiver's state has changed. */
    void (*state)(void *context, uint32_t partition, const struct hd_receiver_status *status);

    /* The bytes of one read of a socket are all handed over: close batches, grant credit. */
    void (*drained)(void *context);

    /* true: too much is in flight; the sockets are not read until hd_hub_resume. */
    bool (*pause)(void *context);
};

int hd_hub_new(struct hd_loop *loop, const struct hd_hub_options *options,
               const struct hd_hub_handlers *handlers, void *context, struct hd_hub **ret,
               struct hd_diag *diag);
/* Accepts NULL; at once. Not from a handler. */
void hd_hub_free(struct hd_hub *hub);

int hd_hub_start(struct hd_hub *hub); /* connects, discovers the partitions */

/* How the discovery of the partitions stands: RECEIVING once they are known. */
void hd_hub_status(const struct hd_hub *hub, struct hd_receiver_status *ret);

/* `number` is the index in what partitions() listed. Again: from there anew, also after a state
 * that ended it. credit is what was set last, 0 at first. */
int hd_hub_receive(struct hd_hub *hub, uint32_t number, const struct hd_start *start);
void hd_hub_release(struct hd_hub *hub, uint32_t number); /* closes the receiver */
void hd_hub_set_credit(struct hd_hub *hub, uint32_t number, uint32_t messages);
void hd_hub_resume(struct hd_hub *hub);

/* Ends links and connections in order; done() is called once, at the latest after timeout_ms. */
void hd_hub_close(struct hd_hub *hub, int64_t timeout_ms, void (*done)(void *context));

/* Asks $management; the callback gets NULL and a diag when it cannot be had. */
typedef void hd_partition_properties_fn(void *context, uint32_t number,
                                        const struct hd_partition_properties *properties,
                                        const struct hd_diag *diag);
int hd_hub_partition_properties(struct hd_hub *hub, uint32_t number, hd_partition_properties_fn *fn,
                                void *context);

struct hd_hub_counters {
    uint64_t connects, disconnects, links_closed, throttled, tokens_sent, received_bytes, messages;
    uint64_t duplicates; /* sent again by the hub, dropped here */
};
void hd_hub_counters(const struct hd_hub *hub, struct hd_hub_counters *ret);

#endif
