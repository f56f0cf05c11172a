/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a batch keeps its memory when it is reset, so that batches that are used again allocate
 * nothing. Its charge is what it holds from the heap, not what is in use: the budget is about
 * memory.
 */
#include "hubdrain/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "hubdrain/budget.h"

int hd_batch_new(struct hd_budget *budget, struct hd_batch **ret)
{
    struct hd_batch *batch = calloc(1, sizeof(*batch));
    if (!batch) {
        return -ENOMEM;
    }
    batch->budget = budget;
    batch->text_percent = 100;
    hd_batch_charge(batch);
    *ret = batch;
    return 0;
}

void hd_batch_free(struct hd_batch *batch)
{
    if (!batch) {
        return;
    }
    if (batch->budget) {
        hd_budget_release(batch->budget, batch->charged_bytes);
    }
    hd_buffer_deinit(&batch->raw);
    hd_buffer_deinit(&batch->text);
    hd_buffer_deinit(&batch->dead_bytes);
    free(batch->messages);
    free(batch->documents);
    free(batch->dead);
    free(batch);
}

void hd_batch_reset(struct hd_batch *batch)
{
    batch->raw.len = batch->text.len = batch->dead_bytes.len = 0;
    batch->n_messages = batch->n_documents = batch->n_dead = batch->n_skipped = 0;
    batch->transformed = false;
    batch->text_percent = 100;
    atomic_store(&batch->abandoned, false);
    batch->partition = NULL;
    batch->generation = 0;
}

void hd_batch_charge(struct hd_batch *batch)
{
    if (!batch->budget) {
        return;
    }
    uint64_t bytes = sizeof(*batch) + batch->raw.cap + batch->text.cap + batch->dead_bytes.cap +
                     (uint64_t)batch->cap_messages * sizeof(*batch->messages) +
                     (uint64_t)batch->cap_documents * sizeof(*batch->documents) +
                     (uint64_t)batch->cap_dead * sizeof(*batch->dead);
    uint64_t expected = (uint64_t)batch->raw.len * batch->text_percent / 100;
    if (!batch->transformed && batch->text.cap < expected) {
        bytes += expected - batch->text.cap;
    }
    if (bytes > batch->charged_bytes) {
        hd_budget_charge(batch->budget, bytes - batch->charged_bytes);
    } else {
        hd_budget_release(batch->budget, batch->charged_bytes - bytes);
    }
    batch->charged_bytes = bytes;
}

/* One more element of `size` bytes behind *array, zeroed. */
static void *add(void **array, uint32_t *n, uint32_t *cap, size_t size)
{
    if (*n == *cap) {
        uint32_t wanted = *cap ? *cap * 2 : 16;
        void *grown = realloc(*array, wanted * size);
        if (!grown) {
            return NULL;
        }
        *array = grown;
        *cap = wanted;
    }
    return memset((char *)*array + size * (*n)++, 0, size);
}

struct hd_message *hd_batch_add_message(struct hd_batch *batch)
{
    return add((void **)&batch->messages, &batch->n_messages, &batch->cap_messages,
               sizeof(*batch->messages));
}

struct hd_document *hd_batch_add_document(struct hd_batch *batch)
{
    return add((void **)&batch->documents, &batch->n_documents, &batch->cap_documents,
               sizeof(*batch->documents));
}

struct hd_dead *hd_batch_add_dead(struct hd_batch *batch)
{
    return add((void **)&batch->dead, &batch->n_dead, &batch->cap_dead, sizeof(*batch->dead));
}

void hd_batch_origin(const struct hd_batch *batch, uint32_t message, struct hd_origin *ret)
{
    const struct hd_message *m = &batch->messages[message];
    const struct hd_partition_info *partition = batch->partition;
    *ret = (struct hd_origin){
        .namespace_name = hd_slice_cstr(partition->namespace_name),
        .hub = hd_slice_cstr(partition->hub),
        .consumer_group = hd_slice_cstr(partition->consumer_group),
        .partition = hd_slice_cstr(partition->id),
        .offset = hd_slice(batch->raw.data + m->offset, m->offset_len),
        .sequence_number = m->sequence_number,
        .enqueued_ms = m->enqueued_ms,
    };
}
