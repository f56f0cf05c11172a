/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log: one line a record, on stderr, with a stable event name and key=value fields.
 *
 *     hd_log(HD_LOG_WARNING, "amqp.link.detached", "link detached, attaching again",
 *            HD_STR("partition", id), HD_INT("delay_ms", delay));
 *
 * Formats: text (terminal), logfmt with <N> priority (journal), json, logfmt.
 * Threads: any; lines never mix. Below the level nothing is formatted.
 * Who logs: hub, output, checkpoint, pipeline, cli. base, decode, model, windows return instead.
 * Never pass event content or secrets.
 */
#ifndef HUBDRAIN_LOG_H
#define HUBDRAIN_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "hubdrain/slice.h"

enum hd_log_level {
    HD_LOG_ERROR,
    HD_LOG_WARNING,
    HD_LOG_NOTICE,
    HD_LOG_INFO,
    HD_LOG_DEBUG,
    HD_LOG_TRACE,
};

enum hd_log_format {
    HD_LOG_AUTO, /* text on a terminal, journal under systemd, else json */
    HD_LOG_TEXT,
    HD_LOG_JOURNAL,
    HD_LOG_LOGFMT,
    HD_LOG_JSON,
};

enum hd_log_kind { HD_LOG_KIND_END, HD_LOG_KIND_STR, HD_LOG_KIND_INT };

struct hd_log_field {
    const char *key;
    enum hd_log_kind kind;
    const char *text; /* HD_STR; NULL leaves the field out */
    size_t len;
    int64_t number; /* HD_INT */
};

#define HD_STR(key, value)     hd_log_str(key, value)
#define HD_STRN(key, value, n) ((struct hd_log_field){key, HD_LOG_KIND_STR, value, n, 0})
#define HD_INT(key, value)     ((struct hd_log_field){key, HD_LOG_KIND_INT, NULL, 0, (int64_t)(value)})

static inline struct hd_log_field hd_log_str(const char *key, const char *value)
{
    return (struct hd_log_field){key, HD_LOG_KIND_STR, value, value ? strlen(value) : 0, 0};
}

void hd_log_init(enum hd_log_level level, enum hd_log_format format);
void hd_log_set_fd(int fd); /* tests; stderr by default */
bool hd_log_enabled(enum hd_log_level level);
void hd_log_write(enum hd_log_level level, const char *event, const char *message,
                  const struct hd_log_field *fields);

#define hd_log(level, event, ...) HD_LOG_SPLIT(level, event, __VA_ARGS__, (struct hd_log_field){0})
#define HD_LOG_SPLIT(level, event, message, ...)                                                   \
    do {                                                                                           \
        if (hd_log_enabled(level)) {                                                               \
            hd_log_write(level, event, message, (const struct hd_log_field[]){__VA_ARGS__});       \
        }                                                                                          \
    } while (0)

/* One line per call site and 10 s; the next one after that carries suppressed=N. */
struct hd_log_limit {
    int64_t since_ms;
    uint64_t suppressed;
};
bool hd_log_limit_pass(struct hd_log_limit *limit, uint64_t *ret_suppressed);

#define hd_log_limited(level, event, ...)                                                          \
    HD_LOG_LIMIT_SPLIT(level, event, __VA_ARGS__, (struct hd_log_field){0})
#define HD_LOG_LIMIT_SPLIT(level, event, message, ...)                                             \
    do {                                                                                           \
        static struct hd_log_limit limit_;                                                         \
        uint64_t suppressed_;                                                                      \
        if (hd_log_enabled(level) && hd_log_limit_pass(&limit_, &suppressed_)) {                   \
            hd_log_write(                                                                          \
                level, event, message,                                                             \
                (const struct hd_log_field[]){HD_INT("suppressed", suppressed_), __VA_ARGS__});    \
        }                                                                                          \
    } while (0)

#endif
