/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of receiving: a bare proton receiver on its connection driver over a blocking socket.
 * It claims with a token, attaches to one partition, and reads every delivery into one buffer. What
 * hubdrain needs beyond it is what its own code costs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <proton/connection_driver.h>
#include <proton/engine.h>
#include <proton/message.h>
#include <proton/sasl.h>
#include <proton/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "hubdrain/hub.h"

#define READ_BYTES 65536
#define CREDIT     1000

struct receiver {
    pn_connection_driver_t driver;
    int fd;
    pn_link_t *cbs_sender, *cbs_receiver, *link;
    char token[1024], audience[128];
    uint64_t messages, wanted;
    double cpu_begin_ns;
    uint64_t counted_from;
    char buffer[4 << 20];
};

static double cpu_ns(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}

static void die(const char *what)
{
    fprintf(stderr, "hubdrain-bench: bare receiver: %s\n", what);
    exit(69);
}

static void open_cbs(struct receiver *r)
{
    pn_session_t *session = pn_session(r->driver.connection);
    pn_session_open(session);
    r->cbs_sender = pn_sender(session, "cbs-out");
    pn_terminus_set_address(pn_link_target(r->cbs_sender), "$cbs");
    pn_terminus_set_address(pn_link_source(r->cbs_sender), "cbs-out");
    r->cbs_receiver = pn_receiver(session, "cbs-in");
    pn_terminus_set_address(pn_link_source(r->cbs_receiver), "$cbs");
    pn_terminus_set_address(pn_link_target(r->cbs_receiver), "cbs-in");
    pn_link_open(r->cbs_sender);
    pn_link_open(r->cbs_receiver);
    pn_link_flow(r->cbs_receiver, 10);
}

static void put(pn_data_t *data, const char *key, const char *value)
{
    pn_data_put_string(data, pn_bytes(strlen(key), key));
    pn_data_put_string(data, pn_bytes(strlen(value), value));
}

static void send_token(struct receiver *r)
{
    pn_message_t *message = pn_message();
    pn_data_t *properties = pn_message_properties(message);
    pn_data_put_map(properties);
    pn_data_enter(properties);
    put(properties, "operation", "put-token");
    put(properties, "type", "servicebus.windows.net:sastoken");
    put(properties, "name", r->audience);
    pn_data_exit(properties);
    pn_message_set_reply_to(message, "cbs-in");
    pn_message_set_address(message, "$cbs");
    pn_data_put_string(pn_message_body(message), pn_bytes(strlen(r->token), r->token));
    size_t size = sizeof(r->buffer);
    pn_message_encode(message, r->buffer, &size);
    pn_delivery(r->cbs_sender, pn_dtag("t", 1));
    pn_link_send(r->cbs_sender, r->buffer, size);
    pn_link_advance(r->cbs_sender);
    pn_message_free(message);
}

static void open_receiver(struct receiver *r)
{
    pn_session_t *session = pn_session(r->driver.connection);
    pn_session_open(session);
    r->link = pn_receiver(session, "bench");
    pn_terminus_set_address(pn_link_source(r->link), "events/ConsumerGroups/$Default/Partitions/0");
    pn_link_open(r->link);
    pn_link_flow(r->link, CREDIT);
}

static void on_delivery(struct receiver *r, pn_delivery_t *delivery)
{
    pn_link_t *link = pn_delivery_link(delivery);
    if (!pn_link_is_receiver(link) || pn_delivery_partial(delivery)) {
        return;
    }
    ssize_t n = pn_link_recv(link, r->buffer, sizeof(r->buffer));
    pn_delivery_settle(delivery);
    if (link == r->cbs_receiver) {
        open_receiver(r);
        return;
    }
    if (n < 0) {
        die("delivery not readable");
    }
    if (++r->messages == r->wanted / 10) { /* warmed up */
        r->cpu_begin_ns = cpu_ns();
        r->counted_from = r->messages;
    }
}

static void on_event(struct receiver *r, pn_event_t *event)
{
    switch (pn_event_type(event)) {
    case PN_CONNECTION_INIT:
        pn_connection_open(r->driver.connection);
        open_cbs(r);
        break;
    case PN_LINK_FLOW:
        if (pn_event_link(event) == r->cbs_sender && pn_link_credit(r->cbs_sender) > 0 &&
            r->token[0]) {
            send_token(r);
            r->token[0] = '\0';
        }
        break;
    case PN_DELIVERY:
        on_delivery(r, pn_event_delivery(event));
        break;
    case PN_LINK_REMOTE_CLOSE:
        die(pn_condition_get_description(pn_link_remote_condition(pn_event_link(event))));
        break;
    case PN_TRANSPORT_CLOSED:
        if (r->messages < r->wanted) {
            die("connection closed");
        }
        break;
    default:
        break;
    }
}

static void turn(struct receiver *r)
{
    for (pn_event_t *event; (event = pn_connection_driver_next_event(&r->driver));) {
        on_event(r, event);
    }
    if (r->link) {
        pn_link_flow(r->link, CREDIT - pn_link_credit(r->link));
    }
    for (;;) {
        pn_bytes_t out = pn_connection_driver_write_buffer(&r->driver);
        if (out.size == 0) {
            break;
        }
        ssize_t n = write(r->fd, out.start, out.size);
        if (n <= 0) {
            die("write");
        }
        pn_connection_driver_write_done(&r->driver, (size_t)n);
    }
    pn_rwbytes_t in = pn_connection_driver_read_buffer_sized(&r->driver, READ_BYTES);
    if (in.size > 0 && r->messages < r->wanted) {
        ssize_t n = read(r->fd, in.start, in.size);
        if (n <= 0) {
            die("read");
        }
        pn_connection_driver_read_done(&r->driver, (size_t)n);
    }
}

static double receive(const struct emulator *emulator, uint64_t wanted, bool tls)
{
    struct receiver *r = calloc(1, sizeof(*r));
    int port = tls ? emulator->tls_port : emulator->port;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(r->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        die("connect");
    }
    setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    r->wanted = wanted;
    snprintf(r->audience, sizeof(r->audience), "sb://127.0.0.1:%d/events", port);
    hd_sas_token(r->audience, "RootManageSharedAccessKey", "SAS_KEY_VALUE", time(NULL) + 3600,
                 r->token, sizeof(r->token));
    pn_transport_t *transport = pn_transport();
    pn_transport_set_max_frame(transport, 65536);
    pn_connection_t *connection = pn_connection();
    pn_connection_set_hostname(connection, "127.0.0.1");
    pn_connection_set_container(connection, "hubdrain-bench");
    pn_connection_driver_init(&r->driver, connection, transport);
    pn_sasl_allowed_mechs(pn_sasl(transport), "ANONYMOUS");
    if (tls) {
        pn_ssl_domain_t *domain = pn_ssl_domain(PN_SSL_MODE_CLIENT);
        pn_ssl_domain_set_peer_authentication(domain, PN_SSL_ANONYMOUS_PEER, NULL);
        pn_ssl_init(pn_ssl(transport), domain, NULL);
        pn_ssl_domain_free(domain);
    }
    while (r->messages < r->wanted) {
        turn(r);
    }
    double ns = (cpu_ns() - r->cpu_begin_ns) / (double)(r->messages - r->counted_from);
    pn_connection_driver_close(&r->driver);
    close(r->fd);
    pn_connection_driver_destroy(&r->driver);
    free(r);
    return ns;
}

void bench_receive(const struct options *options, const struct corpus *corpus)
{
    static const struct {
        const char *name;
        uint32_t batch;
        bool tls;
    } rows[] = {
        {"3 KB messages, plain", 0, false},
        {"3 KB messages, TLS (proton's)", 0, true},
        {"batches of 24 (64 KB), plain", 24, false},
        {"batches of 24 (64 KB), TLS (proton's)", 24, true},
    };
    report_head("bare proton receiver, discards");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct emulator emulator;
        uint32_t batch = rows[i].batch ? rows[i].batch : 1;
        double values[BENCH_RUNS_MAX];
        emulator_start(options, corpus, options->events, rows[i].batch, 1, true, &emulator);
        for (int run = 0; run < options->runs; run++) {
            values[run] = receive(&emulator, options->events / batch, rows[i].tls) / batch;
        }
        report(rows[i].name, values, options->runs, 0, corpus->mean_bytes);
        emulator_stop(&emulator);
    }
}
