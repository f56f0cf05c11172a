/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the ECS schema share: its targets, what an event is, its mappings. */
#ifndef HUBDRAIN_WINDOWS_ECS_H
#define HUBDRAIN_WINDOWS_ECS_H

#include "ecs-targets.h"
#include "mapping.h"

/* The version of ECS whose fields are written. */
#define HD_ECS_VERSION "8.17.0"

/* JSON arrays and texts; NULL: none. */
struct hd_ecs_event {
    const char *category, *type, *action, *outcome;
};
void hd_ecs_put_event(struct hd_work *work, const struct hd_ecs_event *event);

/* ecs-sysmon.c */
extern const struct hd_mapping hd_ecs_sysmon;
const struct hd_ecs_event *hd_ecs_sysmon_events(void); /* as its event_ids; for the documentation */

#endif
