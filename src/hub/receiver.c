/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * A receiver is wanted or not. Wanted, it is attached, or it waits for one thing that will come: a
 * timer, the connection, a token, the answer where "latest" is. try_attach() is called whenever one
 * of them has come and does nothing while another is missing.
 *
 * Each attachment has a session of its own, as Microsoft's SDK does it: the service allows 256
 * links a session, and a session that fails takes only one partition with it.
 *
 * "Latest" is resolved to a position before the first attach. Else a link lost before its first
 * message would begin at what is the latest then, and what came between would be skipped.
 *
 * A link whose fault asks for a new connection gets one, once: a partition that stays faulty must
 * not take the connection away from the others again and again.
 *
 * What is received is followed here too: after a new attach nothing is handed over twice. A number
 * that went back although the message is younger, or that is not behind the start position, is no
 * duplicate but a hub made anew, and is reported as an invalid position instead of being dropped or
 * skipped in silence.
 *
 * What is said when attaching is in attach.c, how messages are taken off the link in intake.c.
 */
#include "receiver.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "connection.h"
#include "filter.h"
#include "hub.h"
#include "hubdrain/log.h"
#include "intake.h"
#include "reactions.h"

enum {
    ATTACH_TIMEOUT_MS = 60000,
    REFUSED_TIMEOUT_MS = 10000,
    MAX_CREDIT = 1000000,
    HELD_MS = 5000,
};

static void try_attach(struct hd_receiver *receiver);

/* ---- state ---- */

const char *hd_receiver_state_name(enum hd_receiver_state state)
{
    switch (state) {
    case HD_RECEIVER_CLOSED:
        return "closed";
    case HD_RECEIVER_CONNECTING:
        return "connecting";
    case HD_RECEIVER_RECEIVING:
        return "receiving";
    case HD_RECEIVER_STOLEN:
        return "stolen";
    case HD_RECEIVER_INVALID_POSITION:
        return "invalid-position";
    case HD_RECEIVER_FATAL:
        return "fatal";
    }
    return "unknown";
}

static bool has_last(const struct hd_receiver *receiver)
{
    return receiver->last.sequence_number >= 0 || *receiver->last.offset;
}

static struct hd_position position_of(const struct hd_receiver *receiver)
{
    if (has_last(receiver)) {
        return receiver->last;
    }
    if (receiver->start.kind == HD_START_POSITION) {
        return receiver->start.position;
    }
    return (struct hd_position){.sequence_number = -1};
}

/* The last thing that its callers do: the handler may call back. */
static void set_state(struct hd_receiver *receiver, enum hd_receiver_state state,
                      const char *condition, const char *text)
{
    struct hd_receiver_status *status = &receiver->status;
    status->position = position_of(receiver);
    if (status->state == state && strcmp(status->condition, condition) == 0 &&
        strcmp(status->text, text) == 0) {
        return;
    }
    if (status->state != state) {
        status->since_ms = hd_loop_now_ms(receiver->hub->loop);
    }
    status->state = state;
    snprintf(status->condition, sizeof(status->condition), "%s", condition);
    snprintf(status->text, sizeof(status->text), "%s", text);
    if (receiver->hub->handlers.state && !receiver->hub->closing) {
        receiver->hub->handlers.state(receiver->hub->context, receiver->number, status);
    }
}

static void drop_link(struct hd_receiver *receiver)
{
    if (receiver->link) {
        hd_link_give_up(receiver->link);
        hd_session_give_up(receiver->session);
        hd_timer_stop(&receiver->timer); /* was that of attaching */
        hd_connection_kick(receiver->connection);
    }
    receiver->link = NULL;
    receiver->session = NULL;
    receiver->established = false;
    hd_intake_reset(receiver);
}

/* ---- what goes wrong ---- */

static void log_detached(const struct hd_receiver *receiver, enum hd_log_level level,
                         const char *message, const char *condition, const char *text,
                         int64_t delay_ms)
{
    hd_log(level, "amqp.link.detached", message, HD_STR("partition", receiver->id),
           HD_STR("condition", condition), HD_STR("error", text),
           HD_INT("sequence_number", receiver->last.sequence_number),
           HD_INT("attempt", receiver->status.attempts), HD_INT("delay_ms", delay_ms));
}

/* Attaches again after a while: soon, or slowly where it will not come right by itself. */
static void attach_later(struct hd_receiver *receiver, const struct hd_reaction *reaction,
                         bool slow, const char *condition, const char *text)
{
    struct hd_hub *hub = receiver->hub;
    bool first = receiver->backoff.attempts == 0;
    int64_t delay = hd_backoff_next(&receiver->backoff, hd_loop_now_ms(hub->loop),
                                    slow ? hub->slow_retry_ms : reaction->min_wait_ms);
    if (reaction->at_once && first) {
        delay = 0;
    }
    hd_timer_start(&receiver->timer, delay);
    log_detached(receiver, slow ? HD_LOG_ERROR : HD_LOG_NOTICE,
                 slow ? "link refused or lost for a reason that needs attention; trying slowly"
                      : "link detached, attaching again",
                 condition, text, delay);
    set_state(receiver, slow ? HD_RECEIVER_FATAL : HD_RECEIVER_CONNECTING, condition, text);
}

static void let_go(struct hd_receiver *receiver, enum hd_receiver_state state,
                   const char *condition, const char *text)
{
    receiver->wanted = false;
    if (state == HD_RECEIVER_STOLEN) {
        hd_log(HD_LOG_NOTICE, "amqp.link.stolen",
               "another receiver has this partition now; it is left to it",
               HD_STR("partition", receiver->id), HD_STR("error", text));
    } else {
        hd_log(HD_LOG_ERROR, "amqp.link.position", "the hub does not have the start position",
               HD_STR("partition", receiver->id), HD_STR("condition", condition),
               HD_STR("error", text));
    }
    set_state(receiver, state, condition, text);
}

/* A link that held for a while had what it needs, also without a message: what ends it is a new
 * fault. Where a new token does not help, links are refused, or gone within moments. */
static bool has_held(const struct hd_receiver *receiver)
{
    const struct hd_hub *hub = receiver->hub;
    int64_t enough_ms = hub->slow_retry_ms < HELD_MS ? hub->slow_retry_ms : HELD_MS;
    return receiver->established &&
           hd_loop_now_ms(hub->loop) - receiver->established_ms >= enough_ms;
}

static void lose_authorisation(struct hd_receiver *receiver, bool was_established,
                               const struct hd_reaction *reaction, const char *condition,
                               const char *text)
{
    receiver->renew = true;
    if (was_established && !receiver->renewed) {
        receiver->renewed = true; /* once: if that does not help, it is not the token's age */
        log_detached(receiver, HD_LOG_NOTICE, "link lost its authorisation, renewing the token",
                     condition, text, 0);
        hd_timer_start(&receiver->timer, 0);
        set_state(receiver, HD_RECEIVER_CONNECTING, condition, text);
        return;
    }
    attach_later(receiver, reaction, true, condition, text);
}

static void react(struct hd_receiver *receiver, const struct hd_reaction *reaction,
                  const char *condition, const char *text)
{
    bool was_established = receiver->established;
    receiver->renewed = receiver->renewed && !has_held(receiver);
    drop_link(receiver);
    receiver->hub->counters.links_closed++;
    receiver->hub->counters.throttled += reaction->busy;
    receiver->status.attempts++;
    receiver->renew = receiver->renew || reaction->renew;
    receiver->renew_generation = receiver->connection->cbs.generation;
    switch (reaction->kind) {
    case HD_REACT_LINK:
        attach_later(receiver, reaction, false, condition, text);
        break;
    case HD_REACT_CONNECTION:
        if (receiver->blamed) {
            attach_later(receiver, reaction, false, condition, text);
            break;
        }
        receiver->blamed = true;
        log_detached(receiver, HD_LOG_NOTICE, "link detached, connecting again", condition, text,
                     0);
        hd_connection_lose(receiver->connection, condition, text);
        set_state(receiver, HD_RECEIVER_CONNECTING, condition, text);
        break;
    case HD_REACT_DROP:
        let_go(receiver, HD_RECEIVER_STOLEN, condition, text);
        break;
    case HD_REACT_POSITION:
        let_go(receiver, HD_RECEIVER_INVALID_POSITION, condition, text);
        break;
    case HD_REACT_AUTH:
        lose_authorisation(receiver, was_established, reaction, condition, text);
        break;
    case HD_REACT_SLOW:
        attach_later(receiver, reaction, true, condition, text);
        break;
    }
}

/* A reason of our own: the link alone is at fault. */
void hd_receiver_fail(struct hd_receiver *receiver, const char *text)
{
    struct hd_reaction reaction = {HD_REACT_LINK, 1000, false, false, false};
    react(receiver, &reaction, "", text);
}

void hd_receiver_went_back(struct hd_receiver *receiver, const char *text)
{
    struct hd_reaction reaction = {HD_REACT_POSITION, 0, false, false, false};
    react(receiver, &reaction, "", text);
}

static void on_closed(struct hd_link_handler *handler, pn_link_t *link, const char *condition,
                      const char *text)
{
    struct hd_receiver *receiver = (struct hd_receiver *)handler;
    (void)link;
    struct hd_reaction reaction = hd_reaction_find(condition, text);
    if (!*condition) {
        reaction.kind = HD_REACT_LINK; /* detached without an error: nothing is wrong */
        text = *text ? text : "the hub detached the link";
    }
    react(receiver, &reaction, condition, text);
}

static void on_timer(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_receiver *receiver = data;
    if (!receiver->link) {
        try_attach(receiver);
    } else if (hd_connection_paused(receiver->connection)) {
        hd_timer_start(&receiver->timer, ATTACH_TIMEOUT_MS);
    } else if (pn_link_state(receiver->link) & PN_REMOTE_ACTIVE) {
        hd_receiver_fail(receiver, "the hub refused the link and did not say why");
    } else {
        struct hd_reaction reaction = hd_reaction_find("amqp:internal-error", "");
        react(receiver, &reaction, "com.microsoft:timeout", "the hub did not answer ATTACH");
    }
}

/* ---- attaching ---- */

static void on_opened(struct hd_link_handler *handler, pn_link_t *link)
{
    struct hd_receiver *receiver = (struct hd_receiver *)handler;
    if (receiver->link != link) {
        return;
    }
    if (!pn_terminus_get_address(pn_link_remote_source(link))) {
        /* A refusal: the DETACH with the reason comes next. */
        hd_timer_start(&receiver->timer, REFUSED_TIMEOUT_MS);
        return;
    }
    hd_timer_stop(&receiver->timer);
    receiver->established = true;
    receiver->established_ms = hd_loop_now_ms(receiver->hub->loop);
    hd_backoff_healthy(&receiver->backoff, hd_loop_now_ms(receiver->hub->loop));
    hd_log(HD_LOG_INFO, "amqp.link.attached", "receiving", HD_STR("partition", receiver->id),
           HD_INT("sequence_number", receiver->last.sequence_number));
    set_state(receiver, HD_RECEIVER_RECEIVING, "", "");
}

static void on_latest(void *context, uint32_t number, const struct hd_partition_properties *found,
                      const struct hd_diag *diag)
{
    struct hd_receiver *receiver = context;
    (void)number;
    receiver->asking = false;
    if (!receiver->wanted || receiver->start.kind != HD_START_LATEST) {
        return; /* released, or started otherwise meanwhile */
    }
    if (!found) {
        hd_receiver_fail(receiver, diag->text);
        return;
    }
    receiver->start.kind = HD_START_POSITION;
    receiver->start.position.sequence_number = found->last_enqueued_sequence_number;
    snprintf(receiver->start.position.offset, sizeof(receiver->start.position.offset), "%s",
             found->last_enqueued_offset);
    /* Nothing was ever sent: what is reported then is not the number of a message. */
    bool never = found->last_enqueued_sequence_number < 0 || !*found->last_enqueued_offset ||
                 strcmp(found->last_enqueued_offset, "-1") == 0;
    if (found->empty && never) {
        receiver->start.kind = HD_START_EARLIEST;
    }
    try_attach(receiver);
}

/* One question at a time; on_latest goes on. */
static void ask_for_latest(struct hd_receiver *receiver)
{
    if (receiver->asking) {
        return;
    }
    receiver->asking = true;
    int r = hd_management_query(&receiver->hub->management, receiver->number, receiver->id,
                                on_latest, receiver);
    if (r) {
        receiver->asking = false;
        hd_receiver_fail(receiver, strerror(-r));
    }
}

static void try_attach(struct hd_receiver *receiver)
{
    struct hd_hub *hub = receiver->hub;
    struct hd_connection *connection = receiver->connection;
    if (!receiver->wanted || receiver->link || hub->closing || hd_timer_running(&receiver->timer)) {
        return;
    }
    if (connection->state != HD_CONNECTION_READY) {
        hd_connection_need(connection);
        return;
    }
    if (receiver->renew && hd_connection_renew(connection, receiver->renew_generation)) {
        return; /* attach_all follows */
    }
    receiver->renew = false;
    if (receiver->start.kind == HD_START_LATEST && !has_last(receiver)) {
        ask_for_latest(receiver);
        return;
    }
    char expression[256];
    if (hd_filter_format(&receiver->start, &receiver->last, expression, sizeof(expression))) {
        let_go(receiver, HD_RECEIVER_INVALID_POSITION, "",
               "the start position has neither a usable offset nor a sequence number");
        return;
    }
    if (!hd_attach(receiver, expression)) {
        hd_receiver_fail(receiver, "no memory for a link");
        return;
    }
    hd_timer_start(&receiver->timer, ATTACH_TIMEOUT_MS);
    hd_connection_kick(connection);
    hd_log(HD_LOG_DEBUG, "amqp.link.attach", "attaching", HD_STR("partition", receiver->id),
           HD_STR("from", expression));
}

/* ---- all receivers of a connection ---- */

#define FOR_EACH(receiver, connection)                                                             \
    for (size_t i_ = 0; i_ < (connection)->hub->n_receivers; i_++)                                 \
        if ((receiver = (connection)->hub->receivers[i_])->connection == (connection))

bool hd_receiver_any_link(const struct hd_connection *connection)
{
    const struct hd_receiver *receiver;
    FOR_EACH(receiver, connection)
    {
        if (receiver->link) {
            return true;
        }
    }
    return false;
}

void hd_receiver_attach_all(struct hd_connection *connection)
{
    struct hd_receiver *receiver;
    FOR_EACH(receiver, connection)
    {
        if (!hd_timer_running(&receiver->timer)) {
            receiver->renew = false; /* it was, or could not be: the hub decides */
            try_attach(receiver);
        }
    }
}

void hd_receiver_forget_links(struct hd_connection *connection)
{
    struct hd_receiver *receiver;
    connection->dirty = NULL;
    FOR_EACH(receiver, connection)
    {
        receiver->dirty = false;
        drop_link(receiver);
    }
}

void hd_receiver_connection_lost(struct hd_connection *connection, bool slow)
{
    struct hd_receiver *receiver;
    FOR_EACH(receiver, connection)
    {
        if (receiver->wanted && !hd_timer_running(&receiver->timer)) {
            receiver->status.attempts++;
            set_state(receiver, slow ? HD_RECEIVER_FATAL : HD_RECEIVER_CONNECTING,
                      connection->condition, connection->text);
        }
    }
}

void hd_receiver_top_up(struct hd_connection *connection)
{
    while (connection->dirty) {
        struct hd_receiver *receiver = connection->dirty;
        connection->dirty = receiver->next_dirty;
        receiver->dirty = false;
        if (!receiver->link) {
            continue;
        }
        int missing = (int)receiver->credit - pn_link_credit(receiver->link);
        if (missing > 0) {
            pn_link_flow(receiver->link, missing);
        }
    }
}

/* ---- its user ---- */

void hd_receiver_receive(struct hd_receiver *receiver, const struct hd_start *start)
{
    hd_timer_stop(&receiver->timer);
    drop_link(receiver);
    receiver->start = *start;
    receiver->last = (struct hd_position){.sequence_number = -1};
    receiver->last_enqueued_ms = 0;
    receiver->wanted = true;
    receiver->renew = receiver->renewed = receiver->blamed = false;
    receiver->status.attempts = 0;
    hd_backoff_reset(&receiver->backoff);
    /* Not from within the caller's call: the state handler must not run there. */
    hd_timer_start(&receiver->timer, 0);
    receiver->status.state = HD_RECEIVER_CONNECTING;
    receiver->status.position = position_of(receiver);
    receiver->status.since_ms = hd_loop_now_ms(receiver->hub->loop);
    receiver->status.condition[0] = receiver->status.text[0] = 0;
}

void hd_receiver_release(struct hd_receiver *receiver)
{
    receiver->wanted = false;
    hd_timer_stop(&receiver->timer);
    drop_link(receiver);
    receiver->status.state = HD_RECEIVER_CLOSED;
    receiver->status.since_ms = hd_loop_now_ms(receiver->hub->loop);
    receiver->status.condition[0] = receiver->status.text[0] = 0;
}

void hd_receiver_set_credit(struct hd_receiver *receiver, uint32_t messages)
{
    receiver->credit = messages > MAX_CREDIT ? MAX_CREDIT : messages;
    if (!receiver->link) {
        return;
    }
    hd_attach_set_capacity(receiver);
    int missing = (int)receiver->credit - pn_link_credit(receiver->link);
    if (missing > 0) {
        pn_link_flow(receiver->link, missing);
        hd_connection_kick(receiver->connection);
    }
}

int hd_receiver_new(struct hd_hub *hub, struct hd_connection *connection, uint32_t number,
                    const char *id, struct hd_receiver **ret)
{
    struct hd_receiver *receiver = calloc(1, sizeof(*receiver));
    if (!receiver) {
        return -ENOMEM;
    }
    receiver->handler = (struct hd_link_handler){on_opened, on_closed, hd_intake_deliveries, NULL};
    receiver->hub = hub;
    receiver->connection = connection;
    receiver->number = number;
    receiver->id = strdup(id);
    receiver->last.sequence_number = -1;
    receiver->status.position.sequence_number = -1;
    if (!receiver->id) {
        free(receiver);
        return -ENOMEM;
    }
    hd_timer_init(&receiver->timer, hub->loop, on_timer, receiver);
    hd_backoff_init(&receiver->backoff, hub->options.backoff_min_ms, hub->options.backoff_max_ms,
                    hd_connection_random(connection));
    *ret = receiver;
    return 0;
}

void hd_receiver_free(struct hd_receiver *receiver)
{
    if (!receiver) {
        return;
    }
    hd_timer_stop(&receiver->timer);
    hd_intake_reset(receiver);
    free(receiver->id);
    free(receiver);
}
