/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks with everything to be chosen: what hd_sink_new does with an output of the table, and what
 * tests do with times of their own. */
#ifndef HUBDRAIN_OUTPUT_SINK_H
#define HUBDRAIN_OUTPUT_SINK_H

#include "hubdrain/output.h"

struct hd_sink_setup {
    const struct hd_output_ops *ops;
    void *self;                              /* ready made; NULL: ops->new makes it */
    const struct hd_output_options *options; /* name and kind, and what ops->new wants */
    struct hd_deadletter *dead;
    bool dead_documents; /* delivers batch->dead[], see delivery.h */

    int64_t backoff_min_ms, backoff_max_ms; /* 0: 1 s and 60 s */
    int64_t tick_ms;                        /* 0: 1 s */
    uint32_t group_batches;                 /* 0: 64, which is the most */
    uint64_t group_bytes;                   /* 0: 8 MiB */
};

/* setup->self is taken over, also where this fails. */
int hd_sink_new_with(const struct hd_sink_setup *setup, hd_sink_done_fn *done, void *context,
                     struct hd_sink **ret, struct hd_diag *diag);

#endif
