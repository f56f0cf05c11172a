/* SPDX-License-Identifier: Apache-2.0 */
/* Filter: a start position as the expression that the hub understands. Pure. */
#ifndef HUBDRAIN_HUB_FILTER_H
#define HUBDRAIN_HUB_FILTER_H

#include "hubdrain/hub.h"

/* `last` wins over `start` when it holds anything. -EINVAL: the position cannot be expressed. */
int hd_filter_format(const struct hd_start *start, const struct hd_position *last, char *ret,
                     size_t size);

#endif
