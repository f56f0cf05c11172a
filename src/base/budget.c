/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/budget.h"

void hd_budget_init(struct hd_budget *budget, uint64_t limit_bytes)
{
    budget->limit_bytes = limit_bytes;
    atomic_init(&budget->used_bytes, 0);
    atomic_init(&budget->peak_bytes, 0);
}

void hd_budget_charge(struct hd_budget *budget, uint64_t bytes)
{
    uint64_t used =
        atomic_fetch_add_explicit(&budget->used_bytes, bytes, memory_order_relaxed) + bytes;
    uint64_t peak = atomic_load_explicit(&budget->peak_bytes, memory_order_relaxed);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&budget->peak_bytes, &peak, used,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

void hd_budget_release(struct hd_budget *budget, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
}

uint64_t hd_budget_left(const struct hd_budget *budget)
{
    uint64_t used = atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
    return used < budget->limit_bytes ? budget->limit_bytes - used : 0;
}

bool hd_budget_over(const struct hd_budget *budget)
{
    return hd_budget_left(budget) == 0;
}
