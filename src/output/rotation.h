/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotation: the names that full files get, next to the active one.
 *
 *     /var/log/events.ndjson -> /var/log/events-20261122T030000Z-0000.ndjson
 *
 * The time is when the file was closed (for rotation by time: the boundary it ended at), the number
 * tells files of the same second apart. Names sort by time and are never used twice.
 */
#ifndef HUBDRAIN_OUTPUT_ROTATION_H
#define HUBDRAIN_OUTPUT_ROTATION_H

#include <stdint.h>

#include "hubdrain/error.h"

struct hd_rotation {
    char *directory; /* "/var/log" */
    char *stem;      /* "events" */
    char *extension; /* ".ndjson", may be empty */
    int64_t last_ms; /* time and number of the latest name, so that names never go backwards */
    unsigned next_number;
};

int hd_rotation_init(struct hd_rotation *rotation, const char *path); /* -ENOMEM */
void hd_rotation_deinit(struct hd_rotation *rotation);

/* Renames the active file; never over an existing one. -errno. */
int hd_rotation_rename(struct hd_rotation *rotation, const char *path, int64_t realtime_ms);

/* Makes names durable. -errno. */
int hd_rotation_sync_directory(const struct hd_rotation *rotation);

/* The sizes of the active file and of all that bear a rotated name. -errno. */
int hd_rotation_total(const struct hd_rotation *rotation, const char *path, uint64_t *ret_bytes);

/* Number of the UTC interval that a moment belongs to. */
int64_t hd_rotation_period(int64_t realtime_ms, int64_t interval_ms);

#endif
