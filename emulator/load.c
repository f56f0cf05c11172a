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

/* The next message of the current file; empty: the file is at its end. */
static struct hd_slice next_line(struct emu_loader *loader)
{
    const struct file *f = &loader->files[loader->file];
    while (loader->at < f->bytes.len) {
        const char *start = f->bytes.data + loader->at;
        size_t left = f->bytes.len - loader->at;
        const char *end = f->whole ? NULL : memchr(start, '\n', left);
        size_t len = end != NULL ? (size_t)(end - start) : left;
        loader->at += len + (end != NULL);
        struct hd_slice line =
            f->whole ? hd_slice(start, len) : hd_slice_trim(hd_slice(start, len));
        if (line.len > 0) {
            return line;
        }
    }
    return hd_slice(NULL, 0);
}

/* {"records":[line,line,...]}: what a diagnostic setting sends */
static int wrap(struct emu_loader *loader, struct hd_slice first, struct hd_slice *ret)
{
    struct hd_buffer *body = &loader->body;
    body->len = 0;
    int r = hd_buffer_append_cstr(body, "{\"records\":[");
    struct hd_slice line = first;
    for (uint32_t i = 1; r == 0; i++) {
        r = hd_buffer_append(body, line.data, line.len);
        if (r != 0 || i >= loader->server->options->batch ||
            body->len + 2 > loader->server->options->max_message_bytes) {
            break;
        }
        line = next_line(loader);
        if (line.len == 0) {
            break;
        }
        r = hd_buffer_append_cstr(body, ",");
    }
    r = r ? r : hd_buffer_append_cstr(body, "]}");
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
