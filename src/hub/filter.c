/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * Positions are exclusive: what was received is not asked for again. The offset is text that only
 * the hub understands, and it goes between quotes; one that would break out of them cannot have
 * come from the hub, so the sequence number is used instead.
 */
#include "filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static bool quotable(const char *offset)
{
    for (const char *p = offset; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == '\'' || *p == '\\' || (unsigned char)*p >= 0x7f) {
            return false;
        }
    }
    return *offset;
}

static int format_position(const struct hd_position *position, char *ret, size_t size)
{
    if (quotable(position->offset)) {
        snprintf(ret, size, "amqp.annotation.x-opt-offset > '%s'", position->offset);
        return 0;
    }
    if (position->sequence_number >= 0) {
        snprintf(ret, size, "amqp.annotation.x-opt-sequence-number > '%" PRId64 "'",
                 position->sequence_number);
        return 0;
    }
    return -EINVAL;
}

int hd_filter_format(const struct hd_start *start, const struct hd_position *last, char *ret,
                     size_t size)
{
    if (format_position(last, ret, size) == 0) {
        return 0;
    }
    switch (start->kind) {
    case HD_START_EARLIEST:
        snprintf(ret, size, "amqp.annotation.x-opt-offset > '-1'");
        return 0;
    case HD_START_LATEST:
        snprintf(ret, size, "amqp.annotation.x-opt-offset > '@latest'");
        return 0;
    case HD_START_TIME:
        snprintf(ret, size, "amqp.annotation.x-opt-enqueued-time > '%" PRId64 "'",
                 start->enqueued_ms);
        return 0;
    case HD_START_POSITION:
        return format_position(&start->position, ret, size);
    }
    return -EINVAL;
}
