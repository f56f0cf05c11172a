/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hubdrain run: the daemon.
 *
 * DESIGN: everything is built from the outside in (store, outputs, pipeline, hub) and taken down in
 * the opposite order, so that nothing ever calls into what is gone. The loop's thread owns it all;
 * the sinks have threads of their own. Fatal means: end in order, non-zero, and let the service
 * manager start us again, which replays from the checkpoint.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "hubdrain/config.h"
#include "hubdrain/http.h"
#include "hubdrain/log.h"
#include "hubdrain/loop.h"
#include "hubdrain/notify.h"
#include "hubdrain/output.h"
#include "hubdrain/pipeline.h"
#include "hubdrain/store.h"
#include "options.h"

#define STATUS_MS   5000
#define PROGRESS_MS 60000

struct daemon {
    const struct hd_config *config;
    struct hd_loop *loop;
    struct hd_http *http;
    struct hd_store *store;
    struct hd_deadletter *dead;
    struct hd_sink **sinks; /* the last one writes the dead letters */
    size_t n_sinks;
    struct hd_outlet *outlets;
    struct hd_pipeline *pipeline;
    struct hd_hub *hub;
    struct hd_timer status_timer, watchdog_timer, progress_timer;
    struct hd_pipeline_status last; /* at the last progress line */
    bool stopping;
    int exit_code;
};

/* ---- status ---- */

/* The sink that is worst off, or NULL. */
static struct hd_sink *worst_sink(struct daemon *d, struct hd_sink_status *ret)
{
    struct hd_sink *worst = NULL;
    for (size_t i = 0; i < d->n_sinks; i++) {
        struct hd_sink_status status;
        hd_sink_status(d->sinks[i], &status);
        if (status.state != HD_SINK_OK && (!worst || status.state > ret->state)) {
            worst = d->sinks[i];
            *ret = status;
        }
    }
    return worst;
}

static void on_status(struct hd_timer *timer, void *data)
{
    struct daemon *d = data;
    struct hd_pipeline_status status;
    struct hd_sink_status sink;
    char text[1024];
    hd_pipeline_status(d->pipeline, &status);
    int n = snprintf(text, sizeof(text), "STATUS=receiving %u/%u partitions, %llu events",
                     status.receiving, status.partitions, (unsigned long long)status.events);
    if (!status.checkpoints_known) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, ", waiting for the checkpoint store");
    }
    if (worst_sink(d, &sink)) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, ", output %s %s: %s", sink.name,
                      sink.state == HD_SINK_RETRYING ? "retrying" : "blocked", sink.reason);
    }
    if (status.worst[0] && n < (int)sizeof(text)) {
        snprintf(text + n, sizeof(text) - (size_t)n, ", %s", status.worst);
    }
    hd_notify(text);
    hd_timer_start(timer, STATUS_MS);
}

static void log_progress(struct daemon *d, enum hd_log_level level)
{
    struct hd_pipeline_status now;
    hd_pipeline_status(d->pipeline, &now);
    hd_log(level, "pipeline.progress", "since the last such line",
           HD_INT("messages", now.messages - d->last.messages),
           HD_INT("bytes", now.received_bytes - d->last.received_bytes),
           HD_INT("events", now.events - d->last.events),
           HD_INT("dead_letters", now.dead_letters - d->last.dead_letters),
           HD_INT("skipped", now.skipped - d->last.skipped), HD_INT("receiving", now.receiving),
           HD_INT("partitions", now.partitions), HD_INT("in_flight_batches", now.in_flight_batches),
           HD_INT("memory_used_bytes", now.memory_used_bytes),
           HD_STR("worst", now.worst[0] ? now.worst : NULL));
    d->last = now;
}

static void on_progress(struct hd_timer *timer, void *data)
{
    log_progress(data, HD_LOG_INFO);
    hd_timer_start(timer, PROGRESS_MS);
}

static void on_watchdog(struct hd_timer *timer, void *data)
{
    struct daemon *d = data;
    /* Only what a restart would help: a hanging loop does not get here, a hanging worker is seen.
     */
    if (hd_pipeline_alive(d->pipeline)) {
        hd_notify("WATCHDOG=1");
    }
    hd_timer_start(timer, hd_notify_watchdog_ms());
}

/* ---- signals and the end ---- */

static void stop(struct daemon *d)
{
    if (!d->stopping) {
        d->stopping = true;
        char text[96];
        snprintf(text, sizeof(text), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
                 (long long)(d->config->shutdown_timeout_ms + 10000) * 1000);
        hd_notify(text);
    }
    hd_pipeline_stop(d->pipeline);
}

static void on_terminate(void *data, int signum)
{
    struct daemon *d = data;
    hd_log(HD_LOG_NOTICE, "daemon.stopping",
           d->stopping ? "asked again: not waiting for the outputs" : "delivering what is there",
           HD_STR("signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"));
    stop(d);
}

static void on_hangup(void *data, int signum)
{
    (void)signum;
    struct daemon *d = data;
    char text[64];
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)hd_loop_now_ms(d->loop) * 1000);
    hd_notify(text);
    for (size_t i = 0; i < d->n_sinks; i++) {
        hd_sink_reopen(d->sinks[i]);
    }
    hd_log(HD_LOG_NOTICE, "daemon.reopened", "files are opened again");
    hd_notify("READY=1");
}

static void on_user1(void *data, int signum)
{
    (void)signum;
    log_progress(data, HD_LOG_NOTICE);
}

static void on_finished(void *context, int exit_code)
{
    struct daemon *d = context;
    if (d->exit_code == 0) {
        d->exit_code = exit_code;
    }
    hd_loop_stop(d->loop);
}

static void end_broken(void *data)
{
    struct daemon *d = data;
    if (d->exit_code == 0) {
        d->exit_code = HD_EXIT_IO;
    }
    d->stopping = true;
    hd_pipeline_stop(d->pipeline);
    hd_pipeline_stop(d->pipeline); /* nobody reads: there is nothing to wait for */
}

static void on_broken(void *context, struct hd_sink *sink);

/* ---- construction ---- */

/* sinks call back with the daemon, since the pipeline is made after them */
static void on_batch_done(void *context, struct hd_batch *batch)
{
    hd_pipeline_batch_done(((struct daemon *)context)->pipeline, batch);
}

static void on_batch_abandoned(void *context, struct hd_batch *batch)
{
    hd_pipeline_batch_abandoned(((struct daemon *)context)->pipeline, batch);
}

static void on_broken(void *context, struct hd_sink *sink)
{
    (void)sink;
    struct daemon *d = context;
    if (hd_loop_post(d->loop, end_broken, d) < 0) {
        abort(); /* not even a word to the loop: let the service manager see it */
    }
}

static void submit(void *self, struct hd_batch *batch)
{
    hd_sink_submit(self, batch);
}

static int make_sinks(struct daemon *d, struct hd_diag *diag)
{
    size_t n = d->config->n_outputs + 1;
    d->sinks = calloc(n, sizeof(struct hd_sink *));
    d->outlets = calloc(n, sizeof(*d->outlets));
    if (!d->sinks || !d->outlets) {
        return hd_fail(diag, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        bool dead_letters = i == d->config->n_outputs;
        int r = dead_letters ? hd_sink_new_deadletter(d->dead, on_batch_done, d, &d->sinks[i], diag)
                             : hd_sink_new(&d->config->outputs[i], d->dead, on_batch_done, d,
                                           &d->sinks[i], diag);
        if (r < 0) {
            return r;
        }
        d->n_sinks++;
        hd_sink_on_broken(d->sinks[i], on_broken);
        d->outlets[i] = (struct hd_outlet){submit, d->sinks[i], dead_letters};
    }
    return 0;
}

static int make_pipeline(struct daemon *d, struct hd_diag *diag)
{
    const struct hd_config *config = d->config;
    struct hd_pipeline_options options = {
        .namespace_name = config->address.host,
        .hub = config->address.hub,
        .consumer_group = config->consumer_group,
        .starts = config->starts,
        .n_starts = config->n_starts,
        .on_invalid = config->on_invalid_checkpoint,
        .checkpoint_interval_ms = config->checkpoint_interval_ms,
        .checkpoint_events = config->checkpoint_events,
        .memory_limit_bytes = config->memory_limit_bytes,
        .workers = config->workers,
        .batch_bytes = config->batch_bytes,
        .batch_messages = config->batch_messages,
        .batch_age_ms = config->batch_age_ms,
        .limits = config->limits,
        .schema = config->schema,
        .normalise = config->normalise,
        .shutdown_timeout_ms = config->shutdown_timeout_ms,
        .finished = on_finished,
        .context = d,
    };
    int r = hd_pipeline_new(d->loop, &options, d->store, d->outlets, d->n_sinks, &d->pipeline);
    return r < 0 ? hd_fail(diag, r, "cannot start: %s", strerror(-r)) : 0;
}

static int make_hub(struct daemon *d, struct hd_diag *diag)
{
    const struct hd_config *config = d->config;
    struct hd_hub_options options = {
        .address = config->address,
        .consumer_group = config->consumer_group,
        .ca_file = config->eventhub_ca_file,
        .client_id = config->client_id,
        .connections = config->connections,
        .max_message_bytes = config->max_message_bytes,
        .token_lifetime_ms = config->token_lifetime_ms,
        .connect_timeout_ms = config->connect_timeout_ms,
        .backoff_min_ms = config->backoff_min_ms,
        .backoff_max_ms = config->backoff_max_ms,
    };
    return hd_hub_new(d->loop, &options, &hd_pipeline_handlers, d->pipeline, &d->hub, diag);
}

/* What the daemon listens to. Blocked from the first moment, so that none of them ends the process
 * before there is a handler: it waits instead. */
static const struct {
    int signum;
    void (*fn)(void *data, int signum);
} signals[] = {
    {SIGTERM, on_terminate}, {SIGINT, on_terminate}, {SIGHUP, on_hangup}, {SIGUSR1, on_user1}};
enum { N_SIGNALS = sizeof(signals) / sizeof(signals[0]) };

static void mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < N_SIGNALS; i++) {
        sigaddset(&set, signals[i].signum);
    }
    pthread_sigmask(how, &set, NULL);
}

void cli_run_hold_signals(void)
{
    mask_signals(SIG_BLOCK);
}

static int watch_signals(struct daemon *d)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write(), and so is a file too large */
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < N_SIGNALS; i++) {
        int r = hd_loop_signal(d->loop, signals[i].signum, signals[i].fn, d);
        if (r < 0) {
            return r;
        }
    }
    mask_signals(SIG_UNBLOCK);
    return 0;
}

static int build(struct daemon *d, struct hd_diag *diag)
{
    int r = hd_loop_new(&d->loop);
    if (r == 0) {
        r = hd_http_new(d->loop, &d->http);
    }
    if (r == 0) {
        r = watch_signals(d);
    }
    if (r < 0) {
        return hd_fail(diag, r, "cannot start: %s", strerror(-r));
    }
    r = hd_store_new(d->loop, d->http, &d->config->store, &d->store, diag);
    if (r == 0) {
        r = hd_deadletter_new(&d->config->deadletter, &d->dead, diag);
    }
    if (r == 0) {
        r = make_sinks(d, diag);
    }
    if (r == 0) {
        r = make_pipeline(d, diag);
    }
    return r == 0 ? make_hub(d, diag) : r;
}

static void take_down(struct daemon *d)
{
    if (d->pipeline) {
        hd_timer_stop(&d->status_timer);
        hd_timer_stop(&d->watchdog_timer);
        hd_timer_stop(&d->progress_timer);
    }
    hd_hub_free(d->hub);
    if (d->pipeline) {
        hd_pipeline_halt(d->pipeline);
    }
    for (size_t i = 0; i < d->n_sinks; i++) {
        hd_sink_stop(d->sinks[i], on_batch_abandoned);
    }
    if (d->pipeline) {
        hd_loop_advance(d->loop, 0); /* what the sinks posted last still finds the pipeline */
        log_progress(d, HD_LOG_INFO);
    }
    hd_pipeline_free(d->pipeline);
    for (size_t i = 0; i < d->n_sinks; i++) {
        hd_sink_free(d->sinks[i]);
    }
    free(d->sinks);
    free(d->outlets);
    hd_deadletter_free(d->dead);
    hd_store_free(d->store);
    hd_http_free(d->http);
    hd_loop_free(d->loop);
}

static int exit_code_of(int error)
{
    switch (-error) {
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return HD_EXIT_OS;
    case EACCES:
    case EPERM:
    case EROFS:
        return HD_EXIT_PERMISSION;
    case EAGAIN:
    case EBUSY: /* another process has it: a file, a checkpoint directory */
        return HD_EXIT_TEMPORARY;
    case EINVAL:
        return HD_EXIT_CONFIG;
    default:
        return HD_EXIT_CANNOT_CREATE;
    }
}

static void start_timers(struct daemon *d)
{
    hd_timer_init(&d->status_timer, d->loop, on_status, d);
    hd_timer_init(&d->watchdog_timer, d->loop, on_watchdog, d);
    hd_timer_init(&d->progress_timer, d->loop, on_progress, d);
    hd_timer_start(&d->status_timer, 1000);
    hd_timer_start(&d->progress_timer, PROGRESS_MS);
    if (hd_notify_watchdog_ms() > 0) {
        hd_timer_start(&d->watchdog_timer, 0);
    }
}

int cli_run_daemon(const struct hd_config *config)
{
    struct daemon d = {.config = config};
    struct hd_diag diag = {0};
    hd_notify_init();
    int r = build(&d, &diag);
    if (r != 0) {
        hd_log(HD_LOG_ERROR, "daemon.failed", diag.text);
        int code = exit_code_of(r);
        take_down(&d);
        return code;
    }
    hd_log(HD_LOG_NOTICE, "daemon.start", "hubdrain " HD_VERSION,
           HD_STR("namespace", config->address.host), HD_STR("hub", config->address.hub),
           HD_STR("consumer_group", config->consumer_group),
           HD_STR("store", hd_store_describe(d.store)), HD_INT("outputs", config->n_outputs),
           HD_INT("memory_limit_bytes", config->memory_limit_bytes));
    start_timers(&d);
    if (hd_pipeline_start(d.pipeline, &hd_source_hub, d.hub) < 0) {
        hd_pipeline_fail(d.pipeline, HD_EXIT_OS);
    }
    /* Ready means: the configuration is right and everything of ours is built. Whether Azure can be
     * reached is not for the service manager to repair; STATUS= says it. */
    hd_notify("READY=1");
    hd_loop_run(d.loop);
    hd_log(HD_LOG_NOTICE, "daemon.stopped", "stopped", HD_INT("exit_code", d.exit_code));
    take_down(&d);
    return d.exit_code;
}
