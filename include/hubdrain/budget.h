/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budget: how many bytes may be in flight over all batches (memory.limit).
 *
 * Threads: any (atomic). Charging never fails and never blocks: the brake is the AMQP credit, which
 * the pipeline computes from what is left here. hd_budget_over says when reading must pause.
 */
#ifndef HUBDRAIN_BUDGET_H
#define HUBDRAIN_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hd_budget {
    uint64_t limit_bytes;
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t peak_bytes;
};

void hd_budget_init(struct hd_budget *budget, uint64_t limit_bytes);
void hd_budget_charge(struct hd_budget *budget, uint64_t bytes);
void hd_budget_release(struct hd_budget *budget, uint64_t bytes);
uint64_t hd_budget_left(const struct hd_budget *budget); /* 0 when over */
bool hd_budget_over(const struct hd_budget *budget);

#endif
