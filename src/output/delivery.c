/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. An answer of ACK is a promise that only commit makes true, so a pass goes through a group
 * in this order:
 *
 *   1. deliver each batch, oldest first, until one answers anything but ACK and DEAD: what stands
 *      behind it waits, so that a target sees the events of a partition in order;
 *   2. commit once for all; where that fails, what was acknowledged in this pass is pending again;
 *   3. write the dead letters of all DEAD documents, durably, in one go;
 *   4. what is ACK or has its dead letter becomes SETTLED and is never looked at again.
 *
 * Every step may fail on its own, and the next pass takes up exactly what is not settled: a DEAD
 * document whose dead letter could not be written is not delivered again.
 */
#include "src/output/delivery.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#define RETRY_AFTER_MAX_MS 300000
#define NOTE_MAX           1024

void hd_delivery_dead(struct hd_delivery *delivery, uint32_t document, const char *format, ...)
{
    struct hd_dead_notes *notes = delivery->notes;
    delivery->answers[document] = HD_OUTPUT_RETRY;
    hd_reason_set(delivery->reason, "out of memory");
    if (notes->n == notes->cap) {
        size_t cap = notes->cap ? notes->cap * 2 : 16;
        struct hd_dead_note *grown = realloc(notes->notes, cap * sizeof(*grown));
        if (!grown) {
            return;
        }
        notes->notes = grown;
        notes->cap = cap;
    }
    char text[NOTE_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct hd_dead_note note = {
        .document = document, .start = (uint32_t)notes->text.len, .len = (uint32_t)strlen(text)};
    if (hd_buffer_append(&notes->text, text, note.len + (size_t)1) == 0) {
        notes->notes[notes->n++] = note;
        delivery->answers[document] = HD_OUTPUT_DEAD;
        hd_reason_set(delivery->reason, text);
    }
}

void hd_parcel_start(struct hd_parcel *parcel, struct hd_batch *batch)
{
    parcel->batch = batch;
    parcel->n = parcel->n_open = parcel->attempt = 0;
    parcel->begun = false;
    parcel->notes.n = parcel->notes.text.len = 0;
    parcel->reason[0] = '\0';
}

void hd_parcel_deinit(struct hd_parcel *parcel)
{
    free(parcel->answers);
    free(parcel->notes.notes);
    hd_buffer_deinit(&parcel->notes.text);
    *parcel = (struct hd_parcel){0};
}

/* Keeps the worst answer and the reason that came with it. */
static void worsen(struct hd_pass *pass, enum hd_answer answer, const char *reason)
{
    if (pass->answer == HD_OUTPUT_BROKEN || pass->answer == answer ||
        (pass->answer == HD_OUTPUT_BLOCK && answer == HD_OUTPUT_RETRY)) {
        return;
    }
    pass->answer = answer;
    hd_reason_set(pass->reason, reason);
}

static bool begin(const struct hd_target *target, struct hd_parcel *parcel)
{
    if (parcel->begun) {
        return true;
    }
    uint32_t n = target->dead_documents ? parcel->batch->n_dead : parcel->batch->n_documents;
    if (n > parcel->cap) {
        free(parcel->answers);
        parcel->answers = malloc(n * sizeof(*parcel->answers));
        parcel->cap = parcel->answers ? n : 0;
        if (!parcel->answers) {
            return false;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        parcel->answers[i] = HD_OUTPUT_PENDING;
    }
    parcel->n = parcel->n_open = n;
    parcel->begun = true;
    return true;
}

/* Asks the output about what is pending. */
static void deliver(const struct hd_target *target, struct hd_parcel *parcel, struct hd_pass *pass)
{
    bool pending = false;
    for (uint32_t i = 0; i < parcel->n; i++) {
        if (parcel->answers[i] == HD_OUTPUT_RETRY || parcel->answers[i] == HD_OUTPUT_BLOCK) {
            parcel->answers[i] = HD_OUTPUT_PENDING;
        }
        pending |= parcel->answers[i] == HD_OUTPUT_PENDING;
    }
    if (!pending) {
        return;
    }
    struct hd_delivery delivery = {
        .batch = parcel->batch,
        .answers = parcel->answers,
        .attempt = ++parcel->attempt,
        .stop = target->stop,
        .notes = &parcel->notes,
    };
    target->ops->deliver(target->self, &delivery);
    for (uint32_t i = 0; i < parcel->n; i++) {
        switch (parcel->answers[i]) {
        case HD_OUTPUT_PENDING:
            parcel->answers[i] = HD_OUTPUT_RETRY;
            worsen(pass, HD_OUTPUT_RETRY, delivery.reason);
            break;
        case HD_OUTPUT_RETRY:
        case HD_OUTPUT_BLOCK:
        case HD_OUTPUT_BROKEN:
            worsen(pass, parcel->answers[i], delivery.reason);
            break;
        case HD_OUTPUT_ACK:
        case HD_OUTPUT_DEAD:
        case HD_OUTPUT_SETTLED:
            break;
        }
    }
    hd_reason_set(parcel->reason, delivery.reason);
    pass->retry_after_ms =
        delivery.retry_after_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : delivery.retry_after_ms;
}

static void commit(const struct hd_target *target, struct hd_parcel *parcels, size_t n,
                   struct hd_pass *pass)
{
    struct hd_diag diag = {.text = ""};
    int r = target->ops->commit ? target->ops->commit(target->self, &diag) : 0;
    if (!r) {
        return;
    }
    enum hd_answer answer = r == HD_OUTPUT_BLOCK ? HD_OUTPUT_BLOCK : HD_OUTPUT_RETRY;
    worsen(pass, answer, diag.text);
    for (size_t w = 0; w < n; w++) {
        for (uint32_t i = 0; i < parcels[w].n; i++) {
            if (parcels[w].answers[i] == HD_OUTPUT_ACK) {
                parcels[w].answers[i] = answer;
            }
        }
    }
}

static const char *dead_text(const struct hd_parcel *parcel, uint32_t document)
{
    for (size_t i = 0; i < parcel->notes.n; i++) {
        if (parcel->notes.notes[i].document == document) {
            return parcel->notes.text.data + parcel->notes.notes[i].start;
        }
    }
    return parcel->reason;
}

/* The original message of a document, as a dead letter of this output. */
static void describe(const struct hd_target *target, const struct hd_parcel *parcel,
                     uint32_t document, struct hd_dead_record *record)
{
    const struct hd_document *doc = &parcel->batch->documents[document];
    const struct hd_message *message = &parcel->batch->messages[doc->message];
    *record = (struct hd_dead_record){
        .output = target->name,
        .reason = HD_DEAD_REJECTED,
        .text = dead_text(parcel, document),
        .attempts = parcel->attempt,
        .bytes = hd_slice(parcel->batch->raw.data + message->body, message->body_len),
    };
    hd_batch_origin(parcel->batch, doc->message, &record->origin);
    record->origin.index = doc->index;
}

static size_t count_answers(const struct hd_parcel *parcels, size_t n, enum hd_answer answer)
{
    size_t count = 0;
    for (size_t w = 0; w < n; w++) {
        for (uint32_t i = 0; i < parcels[w].n; i++) {
            count += parcels[w].answers[i] == answer;
        }
    }
    return count;
}

/* true when every DEAD document of the group is durable. */
static bool bury(const struct hd_target *target, struct hd_parcel *parcels, size_t n,
                 struct hd_pass *pass)
{
    size_t count = count_answers(parcels, n, HD_OUTPUT_DEAD), k = 0;
    if (count == 0) {
        return true;
    }
    struct hd_dead_record *records = malloc(count * sizeof(*records));
    if (!records) {
        worsen(pass, HD_OUTPUT_RETRY, "no memory for dead letters");
        return false;
    }
    for (size_t w = 0; w < n; w++) {
        for (uint32_t i = 0; i < parcels[w].n; i++) {
            if (parcels[w].answers[i] == HD_OUTPUT_DEAD) {
                describe(target, &parcels[w], i, &records[k++]);
            }
        }
    }
    struct hd_diag diag = {.text = ""};
    int r = hd_deadletter_write(target->dead, records, count, &diag);
    free(records);
    if (r) {
        worsen(pass, r == HD_OUTPUT_BLOCK ? HD_OUTPUT_BLOCK : HD_OUTPUT_RETRY, diag.text);
    }
    return r == 0;
}

static void settle(const struct hd_target *target, struct hd_parcel *parcel, bool buried,
                   struct hd_pass *pass)
{
    for (uint32_t i = 0; i < parcel->n; i++) {
        if (parcel->answers[i] == HD_OUTPUT_ACK) {
            pass->acked++;
            pass->bytes += target->dead_documents ? parcel->batch->dead[i].len
                                                  : parcel->batch->documents[i].len + UINT64_C(1);
        } else if (parcel->answers[i] == HD_OUTPUT_DEAD && buried) {
            pass->dead++;
        } else {
            continue;
        }
        parcel->answers[i] = HD_OUTPUT_SETTLED;
        parcel->n_open--;
    }
}

void hd_pass_run(const struct hd_target *target, struct hd_parcel *parcels, size_t n,
                 struct hd_pass *ret)
{
    *ret = (struct hd_pass){.answer = HD_OUTPUT_ACK};
    size_t tried = 0;
    while (tried < n && ret->answer == HD_OUTPUT_ACK) {
        if (!begin(target, &parcels[tried])) {
            worsen(ret, HD_OUTPUT_RETRY, "out of memory");
            break;
        }
        deliver(target, &parcels[tried++], ret);
    }
    commit(target, parcels, tried, ret);
    bool buried = bury(target, parcels, tried, ret);
    for (size_t w = 0; w < tried; w++) {
        settle(target, &parcels[w], buried, ret);
    }
}
