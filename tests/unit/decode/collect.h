/* SPDX-License-Identifier: Apache-2.0 */
/* Collect: decodes a body and keeps what came of it, copied, for a test to look at. */
#ifndef HD_UNIT_DECODE_COLLECT_H
#define HD_UNIT_DECODE_COLLECT_H

#include "hubdrain/arena.h"
#include "hubdrain/buffer.h"
#include "hubdrain/decode.h"
#include "test.h"

#define MAX_ITEMS 256

struct item {
    enum { EVENT, DEAD, SKIPPED } kind;
    struct hd_event event;
    enum hd_dead_reason reason;
    struct hd_slice bytes;
    size_t at;
};

struct collected {
    struct hd_arena *arena;
    int result;
    uint32_t n, n_events, n_dead, n_skipped;
    struct item items[MAX_ITEMS];
    bool indexes_ok;
    int stop_at; /* on_event returns 77 at this one; 0: never */
};

static inline void collect_copy(struct collected *c, struct hd_slice *slice)
{
    *slice = hd_arena_copy(c->arena, *slice);
}

static inline const struct hd_field *collect_fields(struct collected *c,
                                                    const struct hd_field *from, uint32_t n)
{
    struct hd_field *fields = hd_arena_alloc(c->arena, (n + 1) * sizeof(*fields));
    for (uint32_t i = 0; i < n; i++) {
        fields[i] = from[i];
        collect_copy(c, &fields[i].name);
        collect_copy(c, &fields[i].value);
    }
    return fields;
}

static inline void collect_event_copy(struct collected *c, struct hd_event *e)
{
    struct hd_slice *texts[] = {
        &e->provider_name, &e->provider_guid, &e->event_source_name,
        &e->time_created,  &e->activity_id,   &e->related_activity_id,
        &e->channel,       &e->computer,      &e->user_id,
        &e->message,       &e->level_text,    &e->task_text,
        &e->opcode_text,   &e->keywords_text, &e->channel_text,
        &e->culture,       &e->section_name,  &e->envelope_time,
        &e->xml,           &e->record,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        collect_copy(c, texts[i]);
    }
    e->fields = collect_fields(c, e->fields, e->n_fields);
    e->envelope_fields = collect_fields(c, e->envelope_fields, e->n_envelope_fields);
}

static inline struct item *collect_item(struct collected *c, uint32_t index)
{
    c->indexes_ok &= index == c->n;
    return &c->items[c->n < MAX_ITEMS - 1 ? c->n++ : c->n];
}

static inline int collect_event(void *context, const struct hd_event *event, uint32_t index)
{
    struct collected *c = context;
    struct item *item = collect_item(c, index);
    item->kind = EVENT;
    item->event = *event;
    collect_event_copy(c, &item->event);
    c->n_events++;
    return c->stop_at && (int)c->n_events == c->stop_at ? 77 : 0;
}

static inline int collect_dead(void *context, enum hd_dead_reason reason, struct hd_slice bytes,
                               size_t at, uint32_t index)
{
    struct collected *c = context;
    struct item *item = collect_item(c, index);
    *item = (struct item){.kind = DEAD, .reason = reason, .bytes = bytes, .at = at};
    collect_copy(c, &item->bytes);
    c->n_dead++;
    return 0;
}

static inline void collect_skip(void *context, uint32_t index)
{
    struct collected *c = context;
    *collect_item(c, index) = (struct item){.kind = SKIPPED};
    c->n_skipped++;
}

static inline void collect_reset(struct collected *c)
{
    hd_arena_free(c->arena);
    memset(c, 0, sizeof(*c));
    c->arena = hd_arena_new((size_t)256 * 1024 * 1024);
    c->indexes_ok = true;
}

static inline void collect_n(struct collected *c, const struct hd_decode_limits *limits,
                             const void *bytes, size_t len)
{
    static const struct hd_decode_handler handler = {collect_event, collect_dead, collect_skip};
    struct hd_decoder *decoder;
    int stop_at = c->stop_at;
    collect_reset(c);
    c->stop_at = stop_at;
    char *body = malloc(len + HD_PADDING);
    if (!body || hd_decoder_new(limits, &decoder)) {
        abort();
    }
    memcpy(body, bytes, len);
    memset(body + len, '"', HD_PADDING);
    c->result = hd_decode(decoder, hd_slice(body, len), &handler, c);
    hd_decoder_free(decoder);
    free(body);
}

static inline void collect(struct collected *c, const char *body)
{
    collect_n(c, NULL, body, strlen(body));
}

/* Event XML alone. Returns what hd_decode_xml does. */
static inline int collect_xml_n(struct collected *c, const struct hd_decode_limits *limits,
                                const char *xml, size_t len)
{
    struct hd_decoder *decoder;
    collect_reset(c);
    char *body = malloc(len + HD_PADDING);
    if (!body || hd_decoder_new(limits, &decoder)) {
        abort();
    }
    memcpy(body, xml, len);
    memset(body + len, '<', HD_PADDING);
    c->result = hd_decode_xml(decoder, hd_slice(body, len), &c->items[0].event);
    collect_event_copy(c, &c->items[0].event);
    hd_decoder_free(decoder);
    free(body);
    return c->result;
}

static inline int collect_xml(struct collected *c, const char *xml)
{
    return collect_xml_n(c, NULL, xml, strlen(xml));
}

/* The nth field (from 0) of that name. */
static inline const struct hd_field *find_nth(const struct hd_field *fields, uint32_t n,
                                              const char *name, uint32_t nth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (hd_slice_is(fields[i].name, name) && nth-- == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static inline const struct hd_field *field(const struct hd_event *event, const char *name)
{
    return find_nth(event->fields, event->n_fields, name, 0);
}

static inline const struct hd_field *envelope_field(const struct hd_event *event, const char *name)
{
    return find_nth(event->envelope_fields, event->n_envelope_fields, name, 0);
}

#define CHECK_FIELD(event, name, want)                                                             \
    do {                                                                                           \
        const struct hd_field *f_ = field(event, name);                                            \
        CHECK(f_ != NULL);                                                                         \
        if (f_) {                                                                                  \
            CHECK_SLICE(f_->value, want);                                                          \
        }                                                                                          \
    } while (0)

#define CHECK_ENVELOPE(event, name, want)                                                          \
    do {                                                                                           \
        const struct hd_field *f_ = envelope_field(event, name);                                   \
        CHECK(f_ != NULL);                                                                         \
        if (f_) {                                                                                  \
            CHECK_SLICE(f_->value, want);                                                          \
        }                                                                                          \
    } while (0)

#endif
