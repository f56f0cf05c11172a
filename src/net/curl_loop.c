/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 * curl's "multi socket" interface turned into the loop's terms: curl says which sockets and which
 * single timer it wants, we watch them and tell it what happened. Nothing here ever waits.
 *
 * Results are handed out after curl has returned, never from inside one of its callbacks, so a
 * done() may add and remove handles as it likes.
 *
 * A socket that cannot be watched (no memory) is not reported to curl as an error: that would
 * kill the whole multi handle and leave its other transfers without an answer. The transfer ends
 * with curl's own time-out instead.
 */
#include "curl_loop.h"

#include <errno.h>
#include <stdlib.h>

#include "hubdrain/loop.h"

struct hd_curl {
    struct hd_loop *loop;
    CURLM *multi;
    struct hd_timer timer;
};

struct curl_socket {
    struct hd_curl *curl;
    struct hd_poll *poll;
    curl_socket_t fd;
};

static void hand_out_results(struct hd_curl *curl)
{
    int left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(curl->multi, &left))) {
        if (msg->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode result = msg->data.result;
        char *private = NULL;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        struct hd_curl_transfer *transfer = (struct hd_curl_transfer *)(void *)private;
        if (transfer) {
            transfer->done(transfer, result, transfer->data);
        }
    }
}

static void on_poll(void *data, int events)
{
    struct curl_socket *s = data;
    struct hd_curl *curl = s->curl;
    int running;
    int mask = (events & HD_LOOP_READ ? CURL_CSELECT_IN : 0) |
               (events & HD_LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    /* s may be freed in here */
    curl_multi_socket_action(curl->multi, s->fd, mask, &running);
    hand_out_results(curl);
}

static void on_timer(struct hd_timer *timer, void *data)
{
    (void)timer;
    struct hd_curl *curl = data;
    int running;
    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    hand_out_results(curl);
}

static int set_timer(CURLM *multi, long timeout_ms, void *data)
{
    (void)multi;
    struct hd_curl *curl = data;
    if (timeout_ms < 0) {
        hd_timer_stop(&curl->timer);
    } else {
        hd_timer_start(&curl->timer, timeout_ms);
    }
    return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
    (void)easy;
    struct hd_curl *curl = data;
    struct curl_socket *s = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            curl_multi_assign(curl->multi, fd, NULL);
            hd_poll_free(s->poll);
            free(s);
        }
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof(*s));
        if (!s) {
            return 0;
        }
        s->curl = curl;
        s->fd = fd;
        if (hd_poll_new(curl->loop, fd, on_poll, s, &s->poll)) {
            free(s);
            return 0;
        }
        curl_multi_assign(curl->multi, fd, s);
    }
    hd_poll_set(s->poll, (what & CURL_POLL_IN ? HD_LOOP_READ : 0) |
                             (what & CURL_POLL_OUT ? HD_LOOP_WRITE : 0));
    return 0;
}

int hd_curl_new(struct hd_loop *loop, struct hd_curl **ret)
{
    /* Not thread-safe in old curls, and counted: once is enough, and we have one loop thread. */
    static bool ready;
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT)) {
        return -ENOMEM;
    }
    ready = true;

    struct hd_curl *curl = calloc(1, sizeof(*curl));
    if (!curl) {
        return -ENOMEM;
    }
    curl->loop = loop;
    curl->multi = curl_multi_init();
    if (!curl->multi) {
        free(curl);
        return -ENOMEM;
    }
    hd_timer_init(&curl->timer, loop, on_timer, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    *ret = curl;
    return 0;
}

void hd_curl_free(struct hd_curl *curl)
{
    if (!curl) {
        return;
    }
    curl_multi_cleanup(curl->multi); /* closes idle connections; may still call us */
    hd_timer_stop(&curl->timer);
    free(curl);
}

CURLM *hd_curl_multi(struct hd_curl *curl)
{
    return curl->multi;
}

CURL *hd_curl_defaults(const char *ca_file)
{
    CURL *easy = curl_easy_init();
    if (!easy) {
        return NULL;
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 60L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 15L);
    /* Instead of the system's certificates, so without their directory too. */
    if (curl_easy_setopt(easy, CURLOPT_PROXY, "") ||
        (ca_file && (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) ||
                     curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)))) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

int hd_curl_add(struct hd_curl *curl, struct hd_curl_transfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    return curl_multi_add_handle(curl->multi, transfer->easy) ? -ENOMEM : 0;
}

void hd_curl_remove(struct hd_curl *curl, struct hd_curl_transfer *transfer)
{
    curl_multi_remove_handle(curl->multi, transfer->easy);
}
