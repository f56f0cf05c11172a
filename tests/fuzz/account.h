/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Account: decodes a body and checks what must hold for any bytes at all.
 *
 * Each byte of the body is in an event's record, in a dead letter, in a column of the envelope, or
 * it is a separator: white space, brackets, commas, short names like "records", what a heartbeat
 * may hold, what may stand around events in XML. And every slice of an event can be read.
 */
#ifndef HD_FUZZ_ACCOUNT_H
#define HD_FUZZ_ACCOUNT_H

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

#include "hubdrain/buffer.h"
#include "hubdrain/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct account {
    const char *body;
    size_t len;
    unsigned char *mark; /* one per byte */
    bool outside;        /* the slices are not the body's: it was compressed or UTF-16 */
    uint32_t next;       /* index */
    uint32_t events, dead, skipped;
    uint64_t sum; /* of all bytes that were handed over */
    uint64_t dead_bytes;
    const char *fault;
    /* Called for every event as well; may be NULL. */
    int (*also)(void *context, const struct hd_event *event, uint32_t index);
    void *also_context;
};

static inline void account_read(struct account *a, struct hd_slice slice)
{
    for (size_t i = 0; i < slice.len; i++) {
        a->sum += (unsigned char)slice.data[i];
    }
}

static inline bool account_inside(const struct account *a, struct hd_slice slice)
{
    return slice.len && slice.data >= a->body && slice.data + slice.len <= a->body + a->len;
}

static inline void account_mark(struct account *a, struct hd_slice slice)
{
    if (account_inside(a, slice)) {
        memset(a->mark + (slice.data - a->body), 1, slice.len);
    }
}

static inline void account_index(struct account *a, uint32_t index)
{
    if (index != a->next) {
        a->fault = "indexes have a gap";
    }
    a->next = index + 1;
}

/* A value that was unescaped is not in the body: it stands behind its name there. */
static inline void account_mark_value(struct account *a, const struct hd_field *field)
{
    const char *p = field->name.data + field->name.len, *start = p, *end = a->body + a->len;
    if (account_inside(a, field->value) || !account_inside(a, field->name)) {
        account_mark(a, field->value);
        return;
    }
    while (p < end && (isspace((unsigned char)*p) || (*p == '"' && p == start) || *p == ':')) {
        p++;
    }
    if (p < end && *p == '"') {
        for (p++; p < end && *p != '"'; p++) {
            p += *p == '\\';
        }
        account_mark(a, hd_slice(start, (size_t)((p < end ? p : end) - start)));
    }
}

static inline void account_fields(struct account *a, const struct hd_field *fields, uint32_t n,
                                  bool mark)
{
    for (uint32_t i = 0; i < n; i++) {
        account_read(a, fields[i].name);
        account_read(a, fields[i].value);
        if (mark) {
            account_mark(a, fields[i].name);
            account_mark_value(a, &fields[i]);
        }
    }
}

static inline int account_event(void *context, const struct hd_event *event, uint32_t index)
{
    struct account *a = context;
    const struct hd_slice texts[] = {
        event->provider_name, event->provider_guid, event->event_source_name,
        event->time_created,  event->activity_id,   event->related_activity_id,
        event->channel,       event->computer,      event->user_id,
        event->message,       event->level_text,    event->task_text,
        event->opcode_text,   event->keywords_text, event->channel_text,
        event->culture,       event->section_name,  event->envelope_time,
        event->xml,           event->record,
    };
    account_index(a, index);
    a->events++;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        account_read(a, texts[i]);
    }
    account_fields(a, event->fields, event->n_fields, false);
    account_fields(a, event->envelope_fields, event->n_envelope_fields, true);
    if (!event->record.len) {
        a->fault = "an event without a record";
    }
    a->outside |= !account_inside(a, event->record);
    account_mark(a, event->record);
    return a->also ? a->also(a->also_context, event, index) : 0;
}

static inline int account_dead(void *context, enum hd_dead_reason reason, struct hd_slice bytes,
                               size_t at, uint32_t index)
{
    struct account *a = context;
    account_index(a, index);
    a->dead++;
    a->dead_bytes += bytes.len;
    account_read(a, bytes);
    if (reason == HD_DEAD_NONE || !bytes.len) {
        a->fault = "a dead letter without reason or bytes";
    }
    a->outside |= !account_inside(a, bytes);
    if (!a->outside && at > a->len) {
        a->fault = "a fault behind the body";
    }
    account_mark(a, bytes);
    return 0;
}

static inline void account_skip(void *context, uint32_t index)
{
    struct account *a = context;
    account_index(a, index);
    a->skipped++;
}

/* The end of a separator at p, or NULL. */
static inline const char *account_separator(const char *p, const char *end)
{
    static const char *const around[][2] = {
        {"<?", "?>"}, {"<!--", "-->"}, {"<Events", ">"}, {"</Events", ">"}, {"\"", "\""}};
    if (*p == '\0' || isspace((unsigned char)*p) || strchr("[]{},:0123456789.-+eE", *p)) {
        return p + 1;
    }
    if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        return p + 3;
    }
    if (end - p >= 4 && (memcmp(p, "null", 4) == 0 || memcmp(p, "true", 4) == 0)) {
        return p + 4;
    }
    if (end - p >= 5 && memcmp(p, "false", 5) == 0) {
        return p + 5;
    }
    for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        size_t n = strlen(around[i][0]);
        if ((size_t)(end - p) > n && memcmp(p, around[i][0], n) == 0) {
            const char *stop =
                memmem(p + n, (size_t)(end - p) - n, around[i][1], strlen(around[i][1]));
            return stop && (*p != '"' || stop - p < 64) ? stop + strlen(around[i][1]) : NULL;
        }
    }
    return NULL;
}

/* Blank once it was decompressed or made UTF-8: there is nothing whose address would tell. */
static inline bool account_converted(const struct account *a)
{
    return a->events + a->dead == 0 && a->len > 1 &&
           (memchr("\xfe\xff\x1f\x78", a->body[0], 4) || !a->body[0] || !a->body[1]);
}

/* No sender can have much more written than he sends: the dead letters of a body hold each byte
 * once, and are few. (A compressed body may be there as a whole as well: up to five times.) */
static inline void account_dead_letters(struct account *a)
{
    if (a->dead > 64 + a->len / 1024) {
        a->fault = "too many dead letters";
    }
    if (a->dead_bytes > (a->outside ? 8 * a->len + 4096 : a->len)) {
        a->fault = "dead letters hold more than the body";
    }
}

/* NULL, or what is wrong. */
static inline const char *account_check(struct account *a)
{
    a->outside |= account_converted(a);
    const char *p = a->body, *end = p + a->len;
    while (!a->fault && !a->outside && p < end) {
        const char *next = a->mark[p - a->body] ? p + 1 : account_separator(p, end);
        if (!next) {
            a->fault = "bytes are lost";
            break;
        }
        p = next;
    }
    account_dead_letters(a);
    if (!a->fault && a->next == 0) {
        a->fault = "nothing came of the body";
    }
    return a->fault;
}

/* Decodes a copy of the bytes with HD_PADDING bytes of `padding` behind them. 0 or -ENOMEM; *ret's
 * fault tells what was wrong. The copy is gone afterwards. */
static inline int account_decode(struct hd_decoder *decoder, const void *bytes, size_t len,
                                 int padding, struct account *ret)
{
    static const struct hd_decode_handler handler = {account_event, account_dead, account_skip};
    char *body = malloc(len + HD_PADDING);
    ret->mark = calloc(len + 1, 1);
    if (!body || !ret->mark) {
        abort();
    }
    if (len) {
        memcpy(body, bytes, len);
    }
    memset(body + len, padding, HD_PADDING);
    ret->body = body;
    ret->len = len;
    int r = hd_decode(decoder, hd_slice(body, len), &handler, ret);
    if (r == 0) {
        account_check(ret);
    }
    free(ret->mark);
    free(body);
    ret->mark = NULL;
    return r;
}

#endif
