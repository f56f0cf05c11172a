/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a dead letter costs some hundred bytes on disk besides what it holds, and when the disk's
 * share of them is used up the daemon waits for a person. So nobody may turn a body into many times
 * its size of them:
 *
 *   - what follows one another and is no event becomes one dead letter, from its first byte to its
 *     last, whatever separators, brackets and heads of wrappers stand between;
 *   - a body may have DEAD_FREE of them and one more for each DEAD_SHARE_BYTES; past that, its rest
 *     is one (body.c). Damaged records are mostly longer than that share, so only junk gets there;
 *   - they hold each byte of the body once;
 *   - of a compressed body, whose text may be a thousand times as long, the text counts only up to
 *     TEXT_FACTOR times the body; past either limit the body is kept as it came, once, and only the
 *     events of its text are handed over.
 */
#include "report.h"

/* The heads of wrappers that stand open come on top: 34 at most. */
#define DEAD_FREE        16
#define DEAD_SHARE_BYTES 1024
#define TEXT_FACTOR      4

void report_init(struct report *r, struct hd_slice text, struct hd_slice original,
                 enum hd_dead_reason lost)
{
    r->start = r->reported = text.data;
    r->end = text.data + text.len;
    r->original = original;
    r->whole = lost;
}

static bool too_many(const struct report *r)
{
    size_t len = r->original.len ? r->original.len : (size_t)(r->end - r->start);
    return r->n_dead >= DEAD_FREE + len / DEAD_SHARE_BYTES;
}

bool report_full(const struct report *r)
{
    return !r->original.len && too_many(r);
}

static int flush(struct report *r)
{
    if (!r->pending) {
        return 0;
    }
    r->pending = false;
    size_t len = (size_t)(r->to - r->from);
    if (r->original.len && (too_many(r) || r->dead_bytes + len > TEXT_FACTOR * r->original.len)) {
        r->whole = r->reason;
        return 0;
    }
    r->reported = r->to > r->reported ? r->to : r->reported;
    r->n_dead++;
    r->dead_bytes += len;
    return r->handler->on_dead(r->context, r->reason, hd_slice(r->from, len),
                               (size_t)(r->at - r->start), r->index++);
}

/* Makes [from, to) part of what is pending, where nothing was handed over in between. */
static bool join(struct report *r, const char *from, const char *to, const char *at)
{
    if (from >= r->to && r->from >= r->reported) {
        r->to = to;
        return true;
    }
    if (to <= r->from && from >= r->reported) { /* the head of a wrapper comes behind its records */
        r->from = from;
        r->at = at;
        return true;
    }
    return false;
}

int report_dead(struct report *r, enum hd_dead_reason reason, const char *from, const char *to,
                const char *at)
{
    at = at >= r->start && at <= r->end ? at : from;
    if (r->whole != HD_DEAD_NONE || (r->pending && reason == HD_DEAD_NOT_AN_EVENT &&
                                     r->reason == reason && join(r, from, to, at))) {
        return 0;
    }
    int code = flush(r);
    if (code || r->whole != HD_DEAD_NONE) {
        return code;
    }
    r->pending = true;
    r->reason = reason;
    r->from = from;
    r->to = to;
    r->at = at;
    return 0;
}

int report_event(struct report *r, const struct hd_event *event, const char *to)
{
    int code = flush(r);
    r->reported = to;
    return code ? code : r->handler->on_event(r->context, event, r->index++);
}

int report_skip(struct report *r)
{
    int code = flush(r);
    if (code == 0 && r->handler->on_skip) {
        r->handler->on_skip(r->context, r->index);
    }
    r->index++;
    return code;
}

int report_end(struct report *r)
{
    int code = flush(r);
    if (code == 0 && r->whole != HD_DEAD_NONE) {
        return r->handler->on_dead(r->context, r->whole, r->original, 0, r->index++);
    }
    return code || r->index ? code : report_skip(r);
}
