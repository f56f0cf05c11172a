/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of output and what their files share. */
#ifndef HUBDRAIN_OUTPUT_KINDS_H
#define HUBDRAIN_OUTPUT_KINDS_H

#include <stdio.h>

#include "hubdrain/output.h"

extern const struct hd_output_ops hd_output_file, hd_output_stdout;

#define HD_REASON_SIZE 256 /* of hd_delivery.reason and hd_sink_status.reason */

static inline void hd_reason_set(char reason[HD_REASON_SIZE], const char *text)
{
    snprintf(reason, HD_REASON_SIZE, "%.*s", HD_REASON_SIZE - 1, text);
}

#endif
