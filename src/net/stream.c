/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * libcurl connects (CURLOPT_CONNECT_ONLY): it resolves the name on a thread of its own, tries the
 * addresses, speaks TLS and verifies, and will speak to proxies, exactly as it does for our HTTP
 * requests. From then on the connection is ours: curl_easy_send and curl_easy_recv never block, and
 * the loop watches the socket.
 *
 * The multi handle lives as long as the stream, because taking the easy handle out of it would
 * close the connection. Each stream has one of its own: they are few and nothing is worth sharing.
 *
 * TLS wants a write that could not be finished to be tried again with the very same bytes in the
 * same place. So these are copied and held here, and count as written.
 *
 * TLS may hold bytes that the socket does not show any more. So the stream remembers whether the
 * last read found the end (drained); if not, ready() is called from a timer of no delay.
 */
#include "hubdrain/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "curl_loop.h"

struct hd_stream {
    struct hd_loop *loop;
    struct hd_curl *curl;
    struct hd_curl_transfer transfer;
    struct hd_stream_handlers handlers;
    void *context;
    struct hd_poll *poll;
    struct hd_timer more; /* tells of the connection, later of bytes that poll does not see */
    int wanted;
    char *held; /* a write that TLS must see again as it was */
    size_t held_len;
    bool tls;
    bool connected; /* the owner was told */
    bool failed;
    bool drained; /* the last read took all there was */
    char peer[300];
    char error[CURL_ERROR_SIZE + 400];
    char curl_error[CURL_ERROR_SIZE];
};

static void destroy(struct hd_stream *stream)
{
    hd_timer_stop(&stream->more);
    hd_poll_free(stream->poll);
    if (stream->transfer.easy) {
        hd_curl_remove(stream->curl, &stream->transfer);
        curl_easy_cleanup(stream->transfer.easy);
    }
    hd_curl_free(stream->curl);
    free(stream->held);
    free(stream);
}

static void fail_with(struct hd_stream *stream, const char *what, CURLcode result)
{
    const char *why = *stream->curl_error ? stream->curl_error : curl_easy_strerror(result);
    snprintf(stream->error, sizeof(stream->error), "%s %s: %s", what, stream->peer, why);
}

static void set_poll(struct hd_stream *stream)
{
    hd_poll_set(stream->poll, stream->wanted | (stream->held ? HD_LOOP_WRITE : 0));
}

/* true: nothing is held any more. What goes wrong here is found by the next read or write. */
static bool send_held(struct hd_stream *stream)
{
    size_t n = 0;
    if (!stream->held) {
        return true;
    }
    CURLcode r = curl_easy_send(stream->transfer.easy, stream->held, stream->held_len, &n);
    if (r == CURLE_AGAIN || (r == CURLE_OK && n < stream->held_len)) {
        memmove(stream->held, stream->held + n, stream->held_len - n);
        stream->held_len -= n;
        return false;
    }
    free(stream->held);
    stream->held = NULL;
    set_poll(stream);
    return true;
}

static enum hd_stream_result hold(struct hd_stream *stream, const void *data, size_t len,
                                  size_t *ret_n)
{
    stream->held = malloc(len);
    if (!stream->held) {
        fail_with(stream, "cannot send to", CURLE_OUT_OF_MEMORY);
        return HD_STREAM_FAILED;
    }
    memcpy(stream->held, data, len);
    stream->held_len = *ret_n = len;
    set_poll(stream);
    return HD_STREAM_OK;
}

static void on_poll(void *data, int events)
{
    struct hd_stream *stream = data;
    if ((events & HD_LOOP_WRITE) && !send_held(stream)) {
        events &= ~HD_LOOP_WRITE;
    }
    events &= stream->wanted;
    if (events & HD_LOOP_READ) {
        stream->drained = false;
    }
    if (events) {
        stream->handlers.ready(stream->context, events);
    }
}

static int watch_socket(struct hd_stream *stream)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    CURLcode r = curl_easy_getinfo(stream->transfer.easy, CURLINFO_ACTIVESOCKET, &fd);
    if (r || fd == CURL_SOCKET_BAD) {
        snprintf(stream->error, sizeof(stream->error), "%s: the connection was lost at once",
                 stream->peer);
        return -ENOTCONN;
    }
    int e = hd_poll_new(stream->loop, fd, on_poll, stream, &stream->poll);
    if (e) {
        snprintf(stream->error, sizeof(stream->error), "%s: cannot watch the socket: %s",
                 stream->peer, strerror(-e));
    }
    return e;
}

/* curl still reads out its results when it calls this: the owner, who may close the stream, hears
 * of it from the timer. */
static void on_connected(struct hd_curl_transfer *transfer, CURLcode result, void *data)
{
    (void)transfer;
    struct hd_stream *stream = data;
    if (result) {
        fail_with(stream, "cannot connect to", result);
        stream->failed = true;
    } else {
        stream->failed = watch_socket(stream) != 0;
    }
    hd_timer_start(&stream->more, 0);
}

static void tell_connected(struct hd_stream *stream)
{
    struct hd_diag diag = {0};
    if (stream->failed) {
        hd_fail(&diag, -EIO, "%s", stream->error);
    }
    stream->connected = !stream->failed;
    stream->handlers.connected(stream->context, stream->failed ? &diag : NULL);
}

static void on_more(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_stream *stream = data;
    if (!stream->connected) {
        tell_connected(stream);
    } else if (!stream->drained && (stream->wanted & HD_LOOP_READ)) {
        stream->handlers.ready(stream->context, HD_LOOP_READ);
    }
}

static int set_options(struct hd_stream *stream, const struct hd_stream_options *options)
{
    bool ipv6 = strchr(options->host, ':');
    char url[400];
    /* http: or https: only decides whether there is TLS; nothing of HTTP is spoken. */
    int n = snprintf(url, sizeof(url), "%s://%s%s%s:%u/", options->tls ? "https" : "http",
                     ipv6 ? "[" : "", options->host, ipv6 ? "]" : "", (unsigned)options->port);
    if (n < 0 || (size_t)n >= sizeof(url)) {
        return -EINVAL;
    }
    snprintf(stream->peer, sizeof(stream->peer), "%s:%u", options->host, (unsigned)options->port);
    CURL *easy = hd_curl_defaults(options->ca_file);
    stream->transfer = (struct hd_curl_transfer){easy, on_connected, stream};
    if (!easy || curl_easy_setopt(easy, CURLOPT_URL, url)) {
        return -ENOMEM;
    }
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)HD_STREAM_BLOCK);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream->curl_error);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(options->connect_timeout_ms > 0 ? options->connect_timeout_ms : 15000));
    return 0;
}

int hd_stream_open(struct hd_loop *loop, const struct hd_stream_options *options,
                   const struct hd_stream_handlers *handlers, void *context, struct hd_stream **ret)
{
    struct hd_stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        return -ENOMEM;
    }
    stream->loop = loop;
    stream->handlers = *handlers;
    stream->context = context;
    stream->tls = options->tls;
    hd_timer_init(&stream->more, loop, on_more, stream);
    int r = hd_curl_new(loop, &stream->curl);
    r = r ? r : set_options(stream, options);
    r = r ? r : hd_curl_add(stream->curl, &stream->transfer);
    if (r) {
        destroy(stream);
        return r;
    }
    *ret = stream;
    return 0;
}

void hd_stream_close(struct hd_stream *stream)
{
    if (stream) {
        destroy(stream);
    }
}

/* What curl says of a connection that is gone differs with TLS and the way it went. */
static enum hd_stream_result broken(struct hd_stream *stream, const char *what, CURLcode result)
{
    fail_with(stream, what, result);
    return HD_STREAM_FAILED;
}

enum hd_stream_result hd_stream_read(struct hd_stream *stream, void *buffer, size_t size,
                                     size_t *ret_n)
{
    *ret_n = 0;
    stream->drained = false;
    *stream->curl_error = 0;
    CURLcode r = curl_easy_recv(stream->transfer.easy, buffer, size, ret_n);
    if (r == CURLE_AGAIN) {
        stream->drained = true;
        return HD_STREAM_AGAIN;
    }
    if (r) {
        return broken(stream, "lost the connection to", r);
    }
    /* Without TLS a short read has found the end; no need to ask once more. */
    stream->drained = !stream->tls && *ret_n < size;
    return *ret_n == 0 ? HD_STREAM_CLOSED : HD_STREAM_OK;
}

bool hd_stream_drained(const struct hd_stream *stream)
{
    return stream->drained;
}

enum hd_stream_result hd_stream_write(struct hd_stream *stream, const void *data, size_t len,
                                      size_t *ret_n)
{
    *ret_n = 0;
    if (!send_held(stream)) {
        return HD_STREAM_AGAIN;
    }
    *stream->curl_error = 0;
    len = len > HD_STREAM_BLOCK ? HD_STREAM_BLOCK : len;
    CURLcode r = curl_easy_send(stream->transfer.easy, data, len, ret_n);
    if (r == CURLE_AGAIN) {
        return stream->tls ? hold(stream, data, len, ret_n) : HD_STREAM_AGAIN;
    }
    return r ? broken(stream, "cannot send to", r) : HD_STREAM_OK;
}

void hd_stream_want(struct hd_stream *stream, int events)
{
    if (!stream->connected || !stream->poll) {
        return;
    }
    stream->wanted = events;
    set_poll(stream);
    if ((events & HD_LOOP_READ) && !stream->drained) {
        hd_timer_start(&stream->more, 0);
    }
}

const char *hd_stream_error(const struct hd_stream *stream)
{
    return stream->error;
}
