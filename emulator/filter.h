/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filter: where a receiver wants to start, from the selector text of its source.
 * Errors: false when the text is no expression of the kind the service knows.
 */
#ifndef EMULATOR_FILTER_H
#define EMULATOR_FILTER_H

#include <stdint.h>

#include "hubdrain/slice.h"

enum emu_filter_field {
    EMU_FILTER_EARLIEST, /* offset > '-1' */
    EMU_FILTER_LATEST,   /* offset > '@latest' */
    EMU_FILTER_OFFSET,
    EMU_FILTER_SEQUENCE,
    EMU_FILTER_TIME,
};

struct emu_filter {
    enum emu_filter_field field;
    bool inclusive;
    int64_t value;
    struct hd_slice text; /* the value as written, for error texts; points into the expression */
};

bool emu_filter_parse(struct hd_slice expression, struct emu_filter *ret);

#endif
