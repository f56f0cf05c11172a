/* SPDX-License-Identifier: Apache-2.0 */
#include "http-stub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 256 };

struct connection {
    struct stub *stub;
    pthread_t thread;
    int fd;
    unsigned number;
};

struct stub {
    stub_fn *fn;
    void *context;
    int listener;
    uint16_t port;
    pthread_t acceptor;
    pthread_mutex_t lock;
    struct connection connections[MAX_CONNECTIONS];
    unsigned n_connections;
};

void stub_lock(struct stub *stub)
{
    pthread_mutex_lock(&stub->lock);
}

void stub_unlock(struct stub *stub)
{
    pthread_mutex_unlock(&stub->lock);
}

uint16_t stub_port(const struct stub *stub)
{
    return stub->port;
}

void stub_answer(struct stub_reply *reply, int status, const char *headers, const char *body)
{
    hd_buffer_printf(&reply->bytes, "HTTP/1.1 %d Status\r\n%sContent-Length: %zu\r\n\r\n%s", status,
                     headers, strlen(body), body);
}

const char *stub_header(const struct stub_request *request, const char *name, char *to, size_t size)
{
    size_t len = strlen(name);
    for (const char *line = request->headers; *line;) {
        const char *end = strstr(line, "\r\n");
        if (!end) {
            break;
        }
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1;
            value += strspn(value, " ");
            snprintf(to, size, "%.*s", (int)(end - value), value);
            return to;
        }
        line = end + 2;
    }
    return NULL;
}

/* Reads until the buffer holds `len` bytes; false at the end of the connection. */
static bool read_until(int fd, struct hd_buffer *in, size_t len)
{
    while (in->len < len) {
        if (hd_buffer_reserve(in, 4096) < 0) {
            return false;
        }
        ssize_t n = recv(fd, in->data + in->len, 4096, 0);
        if (n <= 0) {
            return false;
        }
        in->len += (size_t)n;
    }
    return true;
}

static bool send_all(int fd, const char *data, size_t len, size_t step)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len < step ? len : step, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Takes the head apart in place. Returns where it ends, 0 when it is not there yet. */
static size_t parse_head(struct hd_buffer *in, struct stub_request *ret)
{
    char *head = (char *)hd_buffer_cstr(in);
    char *end = strstr(head, "\r\n\r\n");
    if (!end) {
        return 0;
    }
    end[2] = '\0'; /* the headers end with their last CR LF */
    char *line_end = strstr(head, "\r\n");
    *line_end = '\0';
    char *target = strchr(head, ' ');
    char *version = target ? strrchr(target + 1, ' ') : NULL;
    if (!version) {
        return 0;
    }
    *target = *version = '\0';
    ret->method = head;
    ret->target = target + 1;
    ret->headers = line_end + 2;
    return (size_t)(end - head) + 4;
}

/* One request and its answer; false ends the connection. */
static bool serve_one(struct connection *connection, struct hd_buffer *in)
{
    struct stub *stub = connection->stub;
    struct stub_request request = {.connection = connection->number};
    struct stub_reply reply = {0};
    char text[32];
    size_t head;
    while ((head = parse_head(in, &request)) == 0) {
        if (!read_until(connection->fd, in, in->len + 1)) {
            return false;
        }
    }
    const char *length = stub_header(&request, "content-length", text, sizeof(text));
    size_t body_len = length ? strtoul(length, NULL, 10) : 0;
    size_t offsets[3] = {(size_t)(request.method - in->data), (size_t)(request.target - in->data),
                         (size_t)(request.headers - in->data)};
    if (!read_until(connection->fd, in, head + body_len)) {
        return false;
    }
    request.method = in->data + offsets[0];
    request.target = in->data + offsets[1];
    request.headers = in->data + offsets[2];
    request.body = in->data + head;
    request.body_len = body_len;
    stub_lock(stub);
    stub->fn(stub->context, &request, &reply);
    stub_unlock(stub);
    bool ok = send_all(connection->fd, reply.bytes.data, reply.bytes.len, reply.drip ? 1 : 65536);
    if (reply.hang) {
        read_until(connection->fd, in, SIZE_MAX);
        ok = false;
    }
    hd_buffer_deinit(&reply.bytes);
    memmove(in->data, in->data + head + body_len, in->len - head - body_len);
    in->len -= head + body_len;
    return ok && !reply.close;
}

static void *serve(void *data)
{
    struct connection *connection = data;
    struct hd_buffer in = {0};
    while (serve_one(connection, &in)) {
    }
    hd_buffer_deinit(&in);
    shutdown(connection->fd, SHUT_RDWR); /* closed when the stub stops: the number stays ours */
    return NULL;
}

static void *accept_all(void *data)
{
    struct stub *stub = data;
    for (;;) {
        int fd = accept(stub->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        stub_lock(stub);
        if (stub->n_connections == MAX_CONNECTIONS) {
            stub_unlock(stub);
            close(fd);
            continue;
        }
        struct connection *connection = &stub->connections[stub->n_connections];
        *connection = (struct connection){.stub = stub, .fd = fd};
        connection->number = ++stub->n_connections;
        if (pthread_create(&connection->thread, NULL, serve, connection) != 0) {
            stub->n_connections--;
            close(fd);
        }
        stub_unlock(stub);
    }
}

int stub_start(uint16_t port, stub_fn *fn, void *context, struct stub **ret)
{
    struct stub *stub = calloc(1, sizeof(*stub));
    if (!stub) {
        return -ENOMEM;
    }
    stub->fn = fn;
    stub->context = context;
    pthread_mutex_init(&stub->lock, NULL);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int on = 1;
    stub->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(stub->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (stub->listener < 0 || bind(stub->listener, (struct sockaddr *)&address, len) < 0 ||
        listen(stub->listener, 64) < 0 ||
        getsockname(stub->listener, (struct sockaddr *)&address, &len) < 0 ||
        pthread_create(&stub->acceptor, NULL, accept_all, stub) != 0) {
        int code = errno ? -errno : -EAGAIN;
        if (stub->listener >= 0) {
            close(stub->listener);
        }
        free(stub);
        return code;
    }
    stub->port = ntohs(address.sin_port);
    *ret = stub;
    return 0;
}

void stub_stop(struct stub *stub)
{
    if (!stub) {
        return;
    }
    shutdown(stub->listener, SHUT_RDWR);
    pthread_join(stub->acceptor, NULL);
    close(stub->listener);
    for (unsigned i = 0; i < stub->n_connections; i++) {
        shutdown(stub->connections[i].fd, SHUT_RDWR);
        pthread_join(stub->connections[i].thread, NULL);
        close(stub->connections[i].fd);
    }
    pthread_mutex_destroy(&stub->lock);
    free(stub);
}
