/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reactions: what to do about an AMQP error condition. One table (section 6.1 of the protocol
 * sheet), pure.
 */
#ifndef HUBDRAIN_HUB_REACTIONS_H
#define HUBDRAIN_HUB_REACTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum hd_reaction_kind {
    HD_REACT_LINK,       /* attach again on the same connection */
    HD_REACT_CONNECTION, /* connect again */
    HD_REACT_DROP,       /* somebody else has it: let go, do not fight */
    HD_REACT_POSITION,   /* the start position is not in the hub: its user decides */
    HD_REACT_AUTH,       /* renew the token once, then slowly */
    HD_REACT_SLOW,       /* will not come right by itself: say so, retry slowly all the same */
};

struct hd_reaction {
    enum hd_reaction_kind kind;
    int64_t min_wait_ms;
    bool renew;   /* put the token before attaching again */
    bool at_once; /* the first retry need not wait */
    bool busy;    /* the hub throttles: counted */
};

/* condition and text may be NULL or "". */
struct hd_reaction hd_reaction_find(const char *condition, const char *text);

/* The condition that a status code of $cbs or $management stands for. */
const char *hd_reaction_condition_of_status(int64_t status);

#define HD_REACT_SLOW_MS 60000

#endif
