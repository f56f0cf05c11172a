/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curl on the loop: one curl multi handle whose sockets and timer are the loop's. Private to net/.
 *
 * Owner:   the caller owns the transfers and their easy handles; a transfer stays in the multi
 *          handle until hd_curl_remove, also after it is done (CURLOPT_CONNECT_ONLY needs that).
 * Threads: the loop's. done() runs once for each add, never inside hd_curl_add.
 * Limits:  name resolution runs on curl's own thread. Set CURLOPT_QUICK_EXIT (hd_curl_defaults
 *          does), or removing a handle waits for a resolver that hangs.
 */
#ifndef HUBDRAIN_NET_CURL_LOOP_H
#define HUBDRAIN_NET_CURL_LOOP_H

#include <curl/curl.h>

struct hd_loop;
struct hd_curl;

/* Embed it; its memory must stay until hd_curl_remove. The easy handle's CURLOPT_PRIVATE is ours.
 */
struct hd_curl_transfer {
    CURL *easy;
    void (*done)(struct hd_curl_transfer *transfer, CURLcode result, void *data);
    void *data;
};

int hd_curl_new(struct hd_loop *loop, struct hd_curl **ret);
/* Accepts NULL. After all transfers were removed; never from a done(). */
void hd_curl_free(struct hd_curl *curl);
CURLM *hd_curl_multi(struct hd_curl *curl);

/* A new easy handle with what every user of ours wants: no signals, no blocking exit, TLS 1.2 or
 * newer with verification, the CA file if there is one, no proxy from the environment, TCP
 * keep-alive. NULL without memory. */
CURL *hd_curl_defaults(const char *ca_file);

int hd_curl_add(struct hd_curl *curl, struct hd_curl_transfer *transfer);
/* Also right for a transfer that is done or was never added. done() is not called any more. */
void hd_curl_remove(struct hd_curl *curl, struct hd_curl_transfer *transfer);

#endif
