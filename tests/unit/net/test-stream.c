/* SPDX-License-Identifier: Apache-2.0 */
/* The byte stream over real sockets on the loopback: connecting, both directions, what is left
 * unread, and the ways in which a connection ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hubdrain/clock.h"
#include "hubdrain/stream.h"
#include "test.h"

struct side {
    struct hd_loop *loop;
    struct hd_stream *stream;
    int n_connected, n_ready;
    bool ok, close_in_callback;
    char text[512];
    char got[1 << 20];
    size_t n_got, read_size;
    enum hd_stream_result end; /* what the last read said */
};

static void on_connected(void *context, const struct hd_diag *diag)
{
    struct side *side = context;
    side->n_connected++;
    side->ok = !diag;
    snprintf(side->text, sizeof(side->text), "%s", diag ? diag->text : "");
    if (side->close_in_callback) {
        hd_stream_close(side->stream);
        side->stream = NULL;
    }
}

/* Reads once only: what is left must be told of again. */
static void on_ready(void *context, int events)
{
    struct side *side = context;
    side->n_ready++;
    if (events & HD_LOOP_READ) {
        size_t n = 0;
        side->end = hd_stream_read(side->stream, side->got + side->n_got, side->read_size, &n);
        side->n_got += n;
        hd_stream_want(side->stream, side->end <= HD_STREAM_AGAIN ? HD_LOOP_READ : 0);
    }
}

static const struct hd_stream_handlers handlers = {on_connected, on_ready};

/* Turns the loop until the condition holds; 10 s are an error. */
#define UNTIL(side, condition)                                                                     \
    do {                                                                                           \
        int64_t end_ = hd_clock_monotonic_ms() + 10000;                                            \
        while (!(condition) && hd_clock_monotonic_ms() < end_) {                                   \
            hd_loop_advance((side)->loop, 0);                                                      \
        }                                                                                          \
        CHECK(condition);                                                                          \
    } while (0)

static int listen_somewhere(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 8) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        perror("# listen");
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static struct side *open_side(uint16_t port)
{
    struct side *side = calloc(1, sizeof(*side));
    side->read_size = HD_STREAM_BLOCK;
    struct hd_stream_options options = {"127.0.0.1", port, false, NULL, 5000};
    if (hd_loop_new(&side->loop) ||
        hd_stream_open(side->loop, &options, &handlers, side, &side->stream)) {
        abort();
    }
    return side;
}

static void close_side(struct side *side)
{
    hd_stream_close(side->stream);
    hd_loop_free(side->loop);
    free(side);
}

static void both_directions(void)
{
    uint16_t port;
    int listener = listen_somewhere(&port);
    struct side *side = open_side(port);
    CHECK_INT(side->n_connected, 0);
    UNTIL(side, side->n_connected == 1);
    CHECK(side->ok);
    int peer = accept(listener, NULL, NULL);

    size_t n = 0;
    CHECK_INT(hd_stream_write(side->stream, "hello", 5, &n), HD_STREAM_OK);
    CHECK_INT(n, 5);
    char text[8] = "";
    CHECK_INT(recv(peer, text, sizeof(text) - 1, 0), 5);
    CHECK_STR(text, "hello");

    side->read_size = 3; /* several reads for what arrives at once */
    hd_stream_want(side->stream, HD_LOOP_READ);
    CHECK_INT(send(peer, "0123456789", 10, 0), 10);
    UNTIL(side, side->n_got == 10);
    CHECK(memcmp(side->got, "0123456789", 10) == 0);

    close(peer);
    UNTIL(side, side->end == HD_STREAM_CLOSED);
    close(listener);
    close_side(side);
}

static void pauses(void)
{
    uint16_t port;
    int listener = listen_somewhere(&port);
    struct side *side = open_side(port);
    UNTIL(side, side->n_connected == 1);
    int peer = accept(listener, NULL, NULL);
    hd_stream_want(side->stream, 0);
    CHECK_INT(send(peer, "abc", 3, 0), 3);
    for (int i = 0; i < 20; i++) {
        hd_loop_advance(side->loop, 0);
    }
    CHECK_INT(side->n_ready, 0);
    hd_stream_want(side->stream, HD_LOOP_READ);
    UNTIL(side, side->n_got == 3);
    close(peer);
    close(listener);
    close_side(side);
}

static void slow_peer(void)
{
    uint16_t port;
    int listener = listen_somewhere(&port);
    struct side *side = open_side(port);
    UNTIL(side, side->n_connected == 1);
    int peer = accept(listener, NULL, NULL);
    static char block[HD_STREAM_BLOCK];
    memset(block, 'x', sizeof(block));
    size_t sent = 0, n = 0;
    enum hd_stream_result r;
    while ((r = hd_stream_write(side->stream, block, sizeof(block), &n)) == HD_STREAM_OK) {
        sent += n;
    }
    CHECK_INT(r, HD_STREAM_AGAIN);
    hd_stream_want(side->stream, HD_LOOP_WRITE);
    for (int i = 0; i < 20; i++) {
        hd_loop_advance(side->loop, 0);
    }
    CHECK_INT(side->n_ready, 0); /* a peer that does not read blocks nobody */
    while (sent > 0) {
        ssize_t got = recv(peer, block, sizeof(block), 0);
        REQUIRE(got > 0);
        sent -= (size_t)got;
    }
    UNTIL(side, side->n_ready > 0);
    close(peer);
    close(listener);
    close_side(side);
}

static void refused(void)
{
    uint16_t port;
    close(listen_somewhere(&port)); /* nobody listens there any more */
    struct side *side = open_side(port);
    UNTIL(side, side->n_connected == 1);
    CHECK(!side->ok);
    CHECK(strstr(side->text, "cannot connect to 127.0.0.1:"));
    CHECK_STR(hd_stream_error(side->stream), side->text);
    close_side(side);
}

static void reset_by_peer(void)
{
    uint16_t port;
    int listener = listen_somewhere(&port);
    struct side *side = open_side(port);
    UNTIL(side, side->n_connected == 1);
    int peer = accept(listener, NULL, NULL);
    hd_stream_want(side->stream, HD_LOOP_READ);
    struct linger at_once = {1, 0};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(peer);
    UNTIL(side, side->end == HD_STREAM_FAILED);
    CHECK(strstr(hd_stream_error(side->stream), "lost the connection to 127.0.0.1:"));
    close(listener);
    close_side(side);
}

/* Bytes and a reset arrive together: first the bytes are told of, then the reset. */
static void reset_behind_bytes(void)
{
    uint16_t port;
    int listener = listen_somewhere(&port);
    struct side *side = open_side(port);
    UNTIL(side, side->n_connected == 1);
    int peer = accept(listener, NULL, NULL);
    hd_stream_want(side->stream, HD_LOOP_READ);
    UNTIL(side, side->end == HD_STREAM_AGAIN);
    CHECK_INT(send(peer, "0123456789", 10, 0), 10);
    struct linger at_once = {1, 0};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(peer);
    UNTIL(side, side->end == HD_STREAM_FAILED || side->end == HD_STREAM_CLOSED);
    close(listener);
    close_side(side);
}

static void closed_early(void)
{
    uint16_t port;
    int listener = listen_somewhere(&port);
    struct side *side = open_side(port); /* closed before anything happened */
    close_side(side);
    side = open_side(port); /* closed in the callback that says it is there */
    side->close_in_callback = true;
    UNTIL(side, side->n_connected == 1);
    close(listener);
    close_side(side);
}

static void tls_is_verified(void)
{
    /* A peer that speaks no TLS: the failure is reported, not waited for. */
    uint16_t port;
    int listener = listen_somewhere(&port);
    struct side *side = calloc(1, sizeof(*side));
    struct hd_stream_options options = {"127.0.0.1", port, true, NULL, 5000};
    REQUIRE(hd_loop_new(&side->loop) == 0);
    REQUIRE(hd_stream_open(side->loop, &options, &handlers, side, &side->stream) == 0);
    int peer = -1;
    int64_t end = hd_clock_monotonic_ms() + 10000;
    while (side->n_connected == 0 && hd_clock_monotonic_ms() < end) {
        hd_loop_advance(side->loop, 0);
        if (peer < 0) {
            peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            CHECK(peer >= 0);
            CHECK_INT(send(peer, "HTTP/1.1 400 no\r\n\r\n", 19, 0), 19);
        }
    }
    CHECK_INT(side->n_connected, 1);
    CHECK(!side->ok);
    close(peer);
    close(listener);
    close_side(side);
}

HD_TEST_MAIN({"bytes in both directions", both_directions}, {"paused, nothing is read", pauses},
             {"a peer that does not read", slow_peer}, {"a refused connection", refused},
             {"a reset", reset_by_peer}, {"a reset behind bytes", reset_behind_bytes},
             {"closed early", closed_early}, {"TLS with a peer that has none", tls_is_verified})
