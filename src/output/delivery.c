/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. An answer of ACK is a promise that only commit makes true, so a pass goes through a group
 * in this order:
 *
 *   1. deliver each batch, oldest first, until one answers anything but ACK and DEAD: what stands
 *      behind it waits, so that a target sees the events of a partition in order;
 *   2. commit once for all (or when the output asks for it in between): what is ACK becomes
 *      SETTLED, or pending again where that fails;
 *   3. write the dead letters of all DEAD documents, durably, in groups: they become SETTLED too.
 *
 * Every step may fail on its own, and the next pass takes up exactly what is not settled: a DEAD
 * document whose dead letter could not be written is not delivered again.
 */
#include "src/output/delivery.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "src/output/deadletter.h"

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

/* Asks the output about what is pending. true: it wants a commit before it goes on. */
static bool deliver(const struct hd_target *target, struct hd_parcel *parcel, bool again,
                    struct hd_pass *pass)
{
    bool pending = false;
    for (uint32_t i = 0; i < parcel->n; i++) {
        if (parcel->answers[i] == HD_OUTPUT_RETRY || parcel->answers[i] == HD_OUTPUT_BLOCK) {
            parcel->answers[i] = HD_OUTPUT_PENDING;
        }
        pending |= parcel->answers[i] == HD_OUTPUT_PENDING;
    }
    if (!pending) {
        return false;
    }
    parcel->attempt += !again;
    struct hd_delivery delivery = {
        .batch = parcel->batch,
        .answers = parcel->answers,
        .attempt = parcel->attempt,
        .stop = target->stop,
        .notes = &parcel->notes,
    };
    target->ops->deliver(target->self, &delivery);
    for (uint32_t i = 0; i < parcel->n; i++) {
        switch (parcel->answers[i]) {
        case HD_OUTPUT_PENDING:
            if (delivery.commit_first) {
                break;
            }
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
    return delivery.commit_first && pass->answer == HD_OUTPUT_ACK;
}

static void settle(struct hd_parcel *parcel, uint32_t document)
{
    parcel->answers[document] = HD_OUTPUT_SETTLED;
    parcel->n_open--;
}

/* Settles what was acknowledged since the last commit, or takes it back. */
static void commit(const struct hd_target *target, struct hd_parcel *parcels, size_t n,
                   struct hd_pass *pass)
{
    struct hd_diag diag = {.text = ""};
    int r = target->ops->commit ? target->ops->commit(target->self, &diag) : 0;
    enum hd_answer failed = r == HD_OUTPUT_BLOCK ? HD_OUTPUT_BLOCK : HD_OUTPUT_RETRY;
    if (r) {
        worsen(pass, failed, diag.text);
    }
    for (size_t p = 0; p < n; p++) {
        const struct hd_batch *batch = parcels[p].batch;
        for (uint32_t i = 0; i < parcels[p].n; i++) {
            if (parcels[p].answers[i] != HD_OUTPUT_ACK) {
                continue;
            }
            if (r) {
                parcels[p].answers[i] = failed;
                continue;
            }
            settle(&parcels[p], i);
            pass->acked++;
            pass->bytes +=
                target->dead_documents ? batch->dead[i].len : batch->documents[i].len + UINT64_C(1);
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
    for (size_t p = 0; p < n; p++) {
        for (uint32_t i = 0; i < parcels[p].n; i++) {
            count += parcels[p].answers[i] == answer;
        }
    }
    return count;
}

/* Returns how many of them are durable, from the first on. */
static size_t write_letters(const struct hd_target *target, const struct hd_dead_record *records,
                            size_t n, struct hd_pass *pass)
{
    const uint64_t most = hd_deadletter_group_bytes(target->dead);
    struct hd_diag diag = {.text = ""};
    size_t from = 0;
    int r = 0;
    while (from < n && r == 0) {
        size_t to = from;
        for (uint64_t bytes = 0; to < n; to++) {
            bytes += hd_deadletter_line_bytes(&records[to]);
            if (bytes > most && to > from) {
                break;
            }
        }
        r = hd_deadletter_write(target->dead, records + from, to - from, &diag);
        from = r ? from : to;
    }
    if (r) {
        worsen(pass, r == HD_OUTPUT_BLOCK ? HD_OUTPUT_BLOCK : HD_OUTPUT_RETRY, diag.text);
    }
    return from;
}

/* Makes every DEAD document of the group durable, and settles it. */
static void bury(const struct hd_target *target, struct hd_parcel *parcels, size_t n,
                 struct hd_pass *pass)
{
    size_t count = count_answers(parcels, n, HD_OUTPUT_DEAD), k = 0;
    if (count == 0) {
        return;
    }
    struct hd_dead_record *records = malloc(count * sizeof(*records));
    if (!records) {
        worsen(pass, HD_OUTPUT_RETRY, "no memory for dead letters");
        return;
    }
    for (size_t p = 0; p < n; p++) {
        for (uint32_t i = 0; i < parcels[p].n; i++) {
            if (parcels[p].answers[i] == HD_OUTPUT_DEAD) {
                describe(target, &parcels[p], i, &records[k++]);
            }
        }
    }
    size_t written = write_letters(target, records, count, pass);
    free(records);
    pass->dead += written;
    for (size_t p = 0; p < n; p++) {
        for (uint32_t i = 0; written > 0 && i < parcels[p].n; i++) {
            if (parcels[p].answers[i] == HD_OUTPUT_DEAD) {
                settle(&parcels[p], i);
                written--;
            }
        }
    }
}

void hd_pass_run(const struct hd_target *target, struct hd_parcel *parcels, size_t n,
                 struct hd_pass *ret)
{
    *ret = (struct hd_pass){.answer = HD_OUTPUT_ACK};
    size_t tried = 0, committed = 0; /* parcels */
    while (tried < n && ret->answer == HD_OUTPUT_ACK) {
        struct hd_parcel *parcel = &parcels[tried];
        if (!begin(target, parcel)) {
            worsen(ret, HD_OUTPUT_RETRY, "out of memory");
            break;
        }
        tried++;
        bool again = false;
        while (deliver(target, parcel, again, ret)) {
            again = true;
            commit(target, parcels + committed, tried - committed, ret);
            if (ret->answer != HD_OUTPUT_ACK) {
                break;
            }
            committed = tried - 1; /* this one is not through yet */
        }
    }
    commit(target, parcels + committed, tried - committed, ret);
    bury(target, parcels, tried, ret);
}
