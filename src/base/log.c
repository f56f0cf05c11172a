/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a record is formatted into one buffer on the stack and leaves with one write(), so lines
 * of several threads never mix and a full pipe loses whole lines only. What does not fit is cut
 * with
 * "..." inside its value. The format is chosen once (docs: operations, "Logs").
 */
#include "hubdrain/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hubdrain/clock.h"

#define LINE_BYTES 4096
#define LIMIT_MS   10000

static _Atomic int max_level = HD_LOG_INFO;
static enum hd_log_format format = HD_LOG_LOGFMT;
static int log_fd = STDERR_FILENO;
static bool colour;

/* Level names, and the priorities of sd-daemon(3). */
static const struct {
    const char *name, *colour;
    int priority;
} levels[] = {
    [HD_LOG_ERROR] = {"error", "\033[31m", 3},  [HD_LOG_WARNING] = {"warning", "\033[33m", 4},
    [HD_LOG_NOTICE] = {"notice", "\033[1m", 5}, [HD_LOG_INFO] = {"info", "", 6},
    [HD_LOG_DEBUG] = {"debug", "\033[2m", 7},   [HD_LOG_TRACE] = {"trace", "\033[2m", 7},
};

/* $JOURNAL_STREAM is "device:inode" of the journal's end of stderr (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    unsigned long long dev, ino;
    return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(log_fd, &st) == 0 &&
           st.st_dev == dev && st.st_ino == ino;
}

static bool wants_colour(void)
{
    const char *term = getenv("TERM");
    const char *force = getenv("CLICOLOR_FORCE");
    const char *no = getenv("NO_COLOR");
    if (no && *no) {
        return false;
    }
    if (force && *force && strcmp(force, "0") != 0) {
        return true;
    }
    return isatty(log_fd) && term && strcmp(term, "dumb") != 0;
}

void hd_log_init(enum hd_log_level level, enum hd_log_format wanted)
{
    atomic_store(&max_level, (int)level);
    if (wanted == HD_LOG_AUTO) {
        wanted = stderr_is_journal() ? HD_LOG_JOURNAL : isatty(log_fd) ? HD_LOG_TEXT : HD_LOG_JSON;
    }
    format = wanted;
    colour = wanted == HD_LOG_TEXT && wants_colour();
}

void hd_log_set_fd(int fd)
{
    log_fd = fd;
}

bool hd_log_enabled(enum hd_log_level level)
{
    return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

struct line {
    char text[LINE_BYTES];
    size_t len;
};

/* Two bytes are kept for the end of the line. */
static void put(struct line *line, const char *text, size_t len)
{
    size_t room = sizeof(line->text) - 2 - line->len;
    if (len > room) {
        len = room;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_cstr(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Inside quotes; good for JSON and logfmt alike. Bad UTF-8 cannot break a line: bytes from 0x80 are
 * passed on in text formats and only ever come from our own strings or a server's error text. */
static void put_escaped(struct line *line, const char *text, size_t len)
{
    size_t max = len < 1024 ? len : 1024;
    for (size_t i = 0; i < max; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[8];
        if (c == '"' || c == '\\') {
            escape[0] = '\\';
            escape[1] = (char)c;
            put(line, escape, 2);
        } else if (c < 0x20 || c == 0x7f) {
            put(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
        } else {
            put(line, text + i, 1);
        }
    }
    if (max < len) {
        put_cstr(line, "...");
    }
}

static bool needs_quotes(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) {
            return true;
        }
    }
    return len == 0;
}

static void put_value(struct line *line, const struct hd_log_field *field, bool json)
{
    if (field->kind == HD_LOG_KIND_INT) {
        char number[24];
        put(line, number,
            (size_t)snprintf(number, sizeof(number), "%lld", (long long)field->number));
    } else if (json || needs_quotes(field->text, field->len)) {
        put(line, "\"", 1);
        put_escaped(line, field->text, field->len);
        put(line, "\"", 1);
    } else {
        put(line, field->text, field->len < 1024 ? field->len : 1024);
    }
}

/* "suppressed=0" says nothing. */
static bool worth_showing(const struct hd_log_field *field)
{
    return (field->kind == HD_LOG_KIND_STR && field->text) ||
           (field->kind == HD_LOG_KIND_INT &&
            (field->number != 0 || strcmp(field->key, "suppressed") != 0));
}

static void put_json(struct line *line, const char *time, enum hd_log_level level,
                     const char *event, const char *message, const struct hd_log_field *fields)
{
    put_cstr(line, "{\"time\":\"");
    put_cstr(line, time);
    put_cstr(line, "\",\"level\":\"");
    put_cstr(line, levels[level].name);
    put_cstr(line, "\",\"event\":\"");
    put_cstr(line, event);
    put_cstr(line, "\",\"message\":\"");
    put_escaped(line, message, strlen(message));
    put_cstr(line, "\"");
    for (; fields->kind != HD_LOG_KIND_END; fields++) {
        if (!worth_showing(fields)) {
            continue;
        }
        size_t before = line->len;
        put_cstr(line, ",\"");
        put_cstr(line, fields->key);
        put_cstr(line, "\":");
        put_value(line, fields, true);
        if (line->len >= sizeof(line->text) - 3) {
            line->len = before; /* a field that does not fit is left out: the line stays JSON */
            break;
        }
    }
    put_cstr(line, "}");
}

static void put_logfmt(struct line *line, const char *time, enum hd_log_level level,
                       const char *event, const char *message, const struct hd_log_field *fields)
{
    if (format == HD_LOG_JOURNAL) {
        char priority[8];
        snprintf(priority, sizeof(priority), "<%d>", levels[level].priority);
        put_cstr(line, priority);
    } else {
        put_cstr(line, "time=");
        put_cstr(line, time);
        put_cstr(line, " level=");
        put_cstr(line, levels[level].name);
        put_cstr(line, " ");
    }
    put_cstr(line, "event=");
    put_cstr(line, event);
    put_cstr(line, " msg=\"");
    put_escaped(line, message, strlen(message));
    put_cstr(line, "\"");
    for (; fields->kind != HD_LOG_KIND_END; fields++) {
        if (worth_showing(fields)) {
            put_cstr(line, " ");
            put_cstr(line, fields->key);
            put_cstr(line, "=");
            put_value(line, fields, false);
        }
    }
}

static void put_text(struct line *line, const char *time, enum hd_log_level level,
                     const char *event, const char *message, const struct hd_log_field *fields)
{
    put(line, time + 11, 12);
    put_cstr(line, " ");
    put_cstr(line, colour ? levels[level].colour : "");
    put_cstr(line, levels[level].name);
    put_cstr(line, colour && *levels[level].colour ? "\033[0m" : "");
    put_cstr(line, " ");
    put_cstr(line, message);
    put_cstr(line, "  event=");
    put_cstr(line, event);
    for (; fields->kind != HD_LOG_KIND_END; fields++) {
        if (worth_showing(fields)) {
            put_cstr(line, " ");
            put_cstr(line, fields->key);
            put_cstr(line, "=");
            put_value(line, fields, false);
        }
    }
}

void hd_log_write(enum hd_log_level level, const char *event, const char *message,
                  const struct hd_log_field *fields)
{
    struct line line;
    line.len = 0;
    char time[HD_TIME_TEXT_SIZE];
    hd_clock_format_ms(hd_clock_realtime_ms(), time);
    if (format == HD_LOG_JSON) {
        put_json(&line, time, level, event, message, fields);
    } else if (format == HD_LOG_TEXT) {
        put_text(&line, time, level, event, message, fields);
    } else {
        put_logfmt(&line, time, level, event, message, fields);
    }
    line.text[line.len++] = '\n';
    ssize_t ignored = write(log_fd, line.text, line.len); /* nowhere to complain to */
    (void)ignored;
}

bool hd_log_limit_pass(struct hd_log_limit *limit, uint64_t *ret_suppressed)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int64_t now = hd_clock_monotonic_ms();
    pthread_mutex_lock(&lock);
    bool pass = limit->since_ms == 0 || now - limit->since_ms >= LIMIT_MS;
    if (pass) {
        *ret_suppressed = limit->suppressed;
        limit->since_ms = now;
        limit->suppressed = 0;
    } else {
        limit->suppressed++;
    }
    pthread_mutex_unlock(&lock);
    return pass;
}
