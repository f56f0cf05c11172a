/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the files are one endless (or not) list of messages with a cursor; at once or by a timer
 * makes no difference to the cursor. --rate counts what is due since the start, so that a slow
 * turn of the loop is caught up with. With --loop and no rate the files are gone through once:
 * there is no end to "at once".
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"

#define RATE_TICK_MS 5
#define CATCH_UP_MAX 20000
#define WRAP_BEGIN   "{\"records\":["
#define WRAP_END     "]}"
#define WRAP_BYTES   (sizeof(WRAP_BEGIN) + sizeof(WRAP_END) - 2)

struct file {
    struct hd_slice bytes; /* mapped */
    bool whole;
    int32_t partition;
};

struct emu_loader {
    struct emu_server *server;
    uv_timer_t timer;
    bool timed;
    struct file files[EMU_LOADS_MAX];
    size_t n_files;
    size_t file, at; /* the cursor */
    uint64_t appended;
    int64_t started_ms;
    struct hd_buffer body;
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int map_file(const struct emu_load_option *option, struct file *ret, struct hd_diag *diag)
{
    int fd = open(option->file, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int r = -errno;
        if (fd >= 0) {
            close(fd);
        }
        return hd_fail(diag, r, "cannot load %s: %s", option->file, strerror(-r));
    }
    ret->partition = option->partition;
    if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            int r = -errno;
            close(fd);
            return hd_fail(diag, r, "cannot load %s: %s", option->file, strerror(-r));
        }
        ret->bytes = hd_slice(data, (size_t)st.st_size);
    }
    close(fd);
    ret->whole = ends_with(option->file, ".json") || ends_with(option->file, ".xml") ||
                 (st.st_size > 0 && memchr(ret->bytes.data, '\n', ret->bytes.len) == NULL);
    return 0;
}

/* The next message of the current file, the cursor before it; empty: the file is at its end. */
static struct hd_slice peek_line(struct emu_loader *loader, size_t *ret_next)
{
    const struct file *f = &loader->files[loader->file];
    *ret_next = loader->at;
    while (*ret_next < f->bytes.len) {
        const char *start = f->bytes.data + *ret_next;
        size_t left = f->bytes.len - *ret_next;
        const char *end = f->whole ? NULL : memchr(start, '\n', left);
        size_t len = end != NULL ? (size_t)(end - start) : left;
        *ret_next += len + (end != NULL);
        struct hd_slice line =
            f->whole ? hd_slice(start, len) : hd_slice_trim(hd_slice(start, len));
        if (line.len > 0) {
            return line;
        }
    }
    return hd_slice(NULL, 0);
}

/* The same, and the cursor goes behind it. */
static struct hd_slice next_line(struct emu_loader *loader)
{
    return peek_line(loader, &loader->at);
}

/* What a body may have, so that its message is one that a sender could have sent. */
static size_t body_max(const struct emu_loader *loader)
{
    return loader->server->options->max_message_bytes - EMU_BODY_OVERHEAD;
}

/* {"records":[line,line,...]}: what a diagnostic setting sends */
static int wrap(struct emu_loader *loader, struct hd_slice first, struct hd_slice *ret)
{
    struct hd_buffer *body = &loader->body;
    body->len = 0;
    int r = hd_buffer_append_cstr(body, WRAP_BEGIN);
    r = r ? r : hd_buffer_append(body, first.data, first.len);
    for (uint32_t i = 1; r == 0 && i < loader->server->options->batch; i++) {
        size_t next;
        struct hd_slice line = peek_line(loader, &next);
        if (line.len == 0 || body->len + 1 + line.len + strlen(WRAP_END) > body_max(loader)) {
            break;
        }
        loader->at = next;
        r = hd_buffer_append_cstr(body, ",");
        r = r ? r : hd_buffer_append(body, line.data, line.len);
    }
    r = r ? r : hd_buffer_append_cstr(body, WRAP_END);
    *ret = hd_buffer_slice(body);
    return r;
}

static int append(struct emu_loader *loader, struct hd_slice body)
{
    struct emu_hub *hub = loader->server->ns.hubs;
    int32_t wanted = loader->files[loader->file].partition;
    struct emu_partition *partition = wanted >= 0 ? &hub->partitions[wanted] : NULL;
    return emu_hub_append_body(hub, partition, hd_slice(NULL, 0), body);
}

/* Appends one message. 1: done; 0: nothing left; <0 */
static int step(struct emu_loader *loader)
{
    bool loop = loader->server->options->loop && loader->timed;
    for (size_t tries = 0; tries <= loader->n_files; tries++) {
        if (loader->file == loader->n_files) {
            if (!loop) {
                return 0;
            }
            loader->file = loader->at = 0;
        }
        struct hd_slice line = next_line(loader);
        if (line.len == 0) {
            loader->file++;
            loader->at = 0;
            continue;
        }
        int r = 0;
        if (loader->server->options->batch > 0 && !loader->files[loader->file].whole) {
            r = wrap(loader, line, &line);
        }
        r = r ? r : append(loader, line);
        loader->appended += r == 0;
        return r == 0 ? 1 : r;
    }
    return 0;
}

static void on_rate(uv_timer_t *timer)
{
    struct emu_loader *loader = timer->data;
    double seconds = (double)(hd_clock_monotonic_ms() - loader->started_ms) / 1000;
    uint64_t due = (uint64_t)(seconds * loader->server->options->rate);
    for (int i = 0; i < CATCH_UP_MAX && loader->appended < due; i++) {
        int r = step(loader);
        if (r < 0) {
            hd_log(HD_LOG_ERROR, "emulator.load.failed", strerror(-r));
        }
        if (r <= 0) {
            uv_timer_stop(timer);
            return;
        }
    }
}

static int check_partitions(struct emu_loader *loader, struct hd_diag *diag)
{
    struct emu_hub *hub = loader->server->ns.hubs;
    for (size_t i = 0; i < loader->n_files; i++) {
        if (loader->files[i].partition >= (int32_t)hub->n_partitions) {
            return hd_fail(diag, -EINVAL, "--load: the hub %s has no partition %d", hub->name,
                           (int)loader->files[i].partition);
        }
    }
    return 0;
}

/* Before anything is appended, so that a wrong file is told at start whatever the --rate. */
static int check_sizes(struct emu_loader *loader, struct hd_diag *diag)
{
    const struct emu_options *o = loader->server->options;
    for (loader->file = 0; loader->file < loader->n_files; loader->file++) {
        const struct file *f = &loader->files[loader->file];
        size_t max = body_max(loader) - (o->batch > 0 && !f->whole ? WRAP_BYTES : 0);
        loader->at = 0;
        for (struct hd_slice line; (line = next_line(loader)).len > 0;) {
            if (line.len > max) {
                int number = 1;
                for (const char *c = f->bytes.data; c < line.data; c++) {
                    number += *c == '\n';
                }
                return hd_fail(diag, -EMSGSIZE,
                               "cannot load %s: the message in line %d has %zu bytes, above the "
                               "%zu that --max-message-size allows",
                               o->loads[loader->file].file, number, line.len, max);
            }
        }
    }
    loader->file = loader->at = 0;
    return 0;
}

/* What --data brought back was loaded by an earlier start: loading it again would double it. */
static bool is_filled(const struct emu_hub *hub)
{
    for (uint32_t i = 0; i < hub->n_partitions; i++) {
        if (hub->partitions[i].next_seq > 0) {
            return true;
        }
    }
    return false;
}

static void loader_free(struct emu_loader *loader)
{
    for (size_t i = 0; i < loader->n_files; i++) {
        if (loader->files[i].bytes.len > 0) {
            munmap((void *)(uintptr_t)loader->files[i].bytes.data, loader->files[i].bytes.len);
        }
    }
    hd_buffer_deinit(&loader->body);
    free(loader);
}

int emu_loader_start(struct emu_server *server, struct emu_loader **ret, struct hd_diag *diag)
{
    const struct emu_options *o = server->options;
    struct emu_loader *loader = calloc(1, sizeof(*loader));
    if (loader == NULL) {
        return hd_fail(diag, -ENOMEM, "out of memory");
    }
    *ret = loader;
    loader->server = server;
    for (size_t i = 0; i < o->n_loads; i++) {
        int r = map_file(&o->loads[i], &loader->files[i], diag);
        if (r != 0) {
            return r;
        }
        loader->n_files++;
    }
    int r = check_partitions(loader, diag);
    r = r ? r : check_sizes(loader, diag);
    if (r == 0 && loader->n_files > 0 && is_filled(server->ns.hubs)) {
        hd_log(HD_LOG_WARNING, "emulator.load.skipped",
               "the hub has events from an earlier start, so --load appends nothing",
               HD_STR("hub", server->ns.hubs->name));
        loader_free(loader);
        *ret = NULL;
        return 0;
    }
    if (r == 0 && o->rate > 0 && loader->n_files > 0) {
        loader->timed = true;
        loader->started_ms = hd_clock_monotonic_ms();
        uv_timer_init(server->loop, &loader->timer);
        loader->timer.data = loader;
        uv_timer_start(&loader->timer, on_rate, RATE_TICK_MS, RATE_TICK_MS);
        return 0;
    }
    int more = r == 0;
    while (more > 0) {
        more = step(loader);
    }
    loader_free(loader); /* the files are not needed any longer */
    *ret = NULL;
    return more < 0 ? hd_fail(diag, more, "cannot load: %s", strerror(-more)) : r;
}

static void on_timer_closed(uv_handle_t *handle)
{
    loader_free(handle->data);
}

void emu_loader_stop(struct emu_loader *loader)
{
    if (loader == NULL) {
        return;
    }
    if (loader->timed) {
        uv_close((uv_handle_t *)&loader->timer, on_timer_closed);
    } else {
        loader_free(loader);
    }
}
