/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast does the emulator send? A receiver that does nothing: it attaches to one partition by
 * hand-made frames, counts the TRANSFERs that come in and tops up the credit.
 *
 *     emulator-measure PORT HUB PARTITION [MESSAGES]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../amqp.h"
#include "hubdrain/hmac.h"

#define WINDOW 100000u
#define CREDIT 5000u

static struct hd_buffer out;
static struct emu_writer w = {&out, 0};
static int fd;

static void send_out(void)
{
    for (size_t at = 0; at < out.len;) {
        ssize_t n = write(fd, out.data + at, out.len - at);
        if (n <= 0) {
            perror("write");
            exit(1);
        }
        at += (size_t)n;
    }
    out.len = 0;
}

static size_t start_frame(uint8_t type, uint8_t code, size_t *ret_list)
{
    size_t start = out.len;
    emu_write_raw(&w, (uint8_t[8]){0, 0, 0, 0, 2, type, 0, 0}, 8);
    emu_write_descriptor(&w, code);
    *ret_list = emu_write_begin(&w, EMU_LIST32);
    return start;
}

static void end_frame(size_t start, size_t list, uint32_t n)
{
    emu_write_end(&w, list, n);
    emu_put_be32(out.data + start, (uint32_t)(out.len - start));
}

static void put_text(const char *text)
{
    emu_write_string(&w, hd_slice_cstr(text));
}

/* A terminus with an address only. */
static void put_terminus(uint8_t code, const char *address)
{
    emu_write_descriptor(&w, code);
    size_t list = emu_write_begin(&w, EMU_LIST32);
    put_text(address);
    emu_write_end(&w, list, 1);
}

static void attach(uint32_t handle, bool receiver, const char *name, const char *address)
{
    size_t list, start = start_frame(0, 0x12, &list);
    put_text(name);
    emu_write_uint(&w, handle);
    emu_write_bool(&w, receiver);
    emu_write_null(&w);
    emu_write_null(&w);
    put_terminus(0x28, receiver ? address : name);
    put_terminus(0x29, receiver ? name : address);
    emu_write_null(&w);
    emu_write_null(&w);
    emu_write_uint(&w, 0);
    end_frame(start, list, 10);
}

static void flow(uint32_t handle, uint32_t next_incoming, uint32_t count, uint32_t credit)
{
    size_t list, start = start_frame(0, 0x13, &list);
    const uint32_t numbers[] = {next_incoming, WINDOW, 1, WINDOW, handle, count, credit};
    for (int i = 0; i < 7; i++) {
        emu_write_uint(&w, numbers[i]);
    }
    end_frame(start, list, 7);
}

static void put_token(const char *hub)
{
    struct hd_buffer text = {0}, sr = {0}, sig = {0}, escaped = {0};
    uint8_t digest[HD_SHA256_SIZE];
    long expiry = (long)time(NULL) + 3600;
    hd_buffer_printf(&text, "sb://localhost/%s", hub);
    hd_url_encode(&sr, hd_buffer_slice(&text), NULL);
    text.len = 0;
    hd_buffer_printf(&text, "%s\n%ld", hd_buffer_cstr(&sr), expiry);
    hd_hmac_sha256(hd_slice_cstr("SAS_KEY_VALUE"), hd_buffer_slice(&text), digest);
    hd_base64_encode(&sig, hd_slice((const char *)digest, sizeof(digest)));
    hd_url_encode(&escaped, hd_buffer_slice(&sig), NULL);
    text.len = 0;
    hd_buffer_printf(&text,
                     "SharedAccessSignature sr=%s&sig=%s&se=%ld&skn=RootManageSharedAccessKey",
                     hd_buffer_cstr(&sr), hd_buffer_cstr(&escaped), expiry);
    size_t list, start = start_frame(0, 0x14, &list);
    emu_write_uint(&w, 0);
    emu_write_uint(&w, 0);
    emu_write_binary(&w, hd_slice("1", 1));
    emu_write_uint(&w, 0);
    emu_write_bool(&w, true);
    emu_write_end(&w, list, 5);
    emu_write_descriptor(&w, 0x74);
    size_t map = emu_write_begin(&w, EMU_MAP32);
    put_text("operation");
    put_text("put-token");
    put_text("name");
    put_text("x");
    emu_write_end(&w, map, 4);
    emu_write_descriptor(&w, 0x77);
    emu_write_string(&w, hd_buffer_slice(&text));
    emu_put_be32(out.data + start, (uint32_t)(out.len - start));
    hd_buffer_deinit(&text);
    hd_buffer_deinit(&sr);
    hd_buffer_deinit(&sig);
    hd_buffer_deinit(&escaped);
}

/* One frame at least; returns its start. The buffer is a ring of nothing: moved when used up. */
static char in[1 << 20];
static size_t in_at, in_len;

static const uint8_t *next_frame(size_t *ret_size)
{
    for (;;) {
        size_t left = in_len - in_at;
        if (left >= 8) {
            uint32_t size = memcmp(in + in_at, "AMQP", 4) == 0 ? 8 : emu_be32(in + in_at);
            if (left >= size) {
                *ret_size = size;
                in_at += size;
                return (const uint8_t *)in + in_at - size;
            }
        }
        memmove(in, in + in_at, left);
        in_at = 0;
        in_len = left;
        if (out.len > 0) {
            send_out();
        }
        ssize_t n = read(fd, in + in_len, (256u << 10) < sizeof(in) - in_len ? 256u << 10 : 65536);
        if (n <= 0) {
            fprintf(stderr, "the connection ended\n");
            exit(1);
        }
        in_len += (size_t)n;
    }
}

static void wait_for(uint8_t type, uint8_t code)
{
    const uint8_t *frame;
    size_t size;
    do {
        frame = next_frame(&size);
        if (size > 10 && frame[5] == 0 && (frame[10] == 0x16 || frame[10] == 0x18)) {
            fprintf(stderr, "refused: ");
            fwrite(frame, 1, size, stderr);
            exit(1);
        }
    } while (size <= 10 || frame[5] != type || frame[10] != code);
}

static void handshake(const char *hub, const char *partition)
{
    size_t list, start;
    char address[512];
    emu_write_raw(&w, "AMQP\x03\x01\x00\x00", 8);
    start = start_frame(1, 0x41, &list);
    emu_write_symbol(&w, hd_slice_cstr("ANONYMOUS"));
    end_frame(start, list, 1);
    wait_for(1, 0x44);
    emu_write_raw(&w, "AMQP\x00\x01\x00\x00", 8);
    start = start_frame(0, 0x10, &list);
    put_text("measure");
    end_frame(start, list, 1);
    start = start_frame(0, 0x11, &list);
    emu_write_null(&w);
    emu_write_uint(&w, 0);
    emu_write_uint(&w, WINDOW);
    emu_write_uint(&w, WINDOW);
    end_frame(start, list, 4);
    attach(0, false, "cbs-out", "$cbs");
    attach(1, true, "cbs-in", "$cbs");
    flow(1, 0, 0, 10);
    put_token(hub);
    wait_for(0, 0x14);
    snprintf(address, sizeof(address), "%s/ConsumerGroups/$Default/Partitions/%s", hub, partition);
    attach(2, true, "events", address);
    flow(2, 1, 0, CREDIT);
    wait_for(0, 0x12);
}

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: emulator-measure PORT HUB PARTITION [MESSAGES]\n");
        return 2;
    }
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t want = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000000;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        perror("connect");
        return 1;
    }
    handshake(argv[2], argv[3]);
    double start = seconds();
    uint64_t messages = 0, frames = 0, bytes = 0;
    while (messages < want) {
        size_t size;
        const uint8_t *frame = next_frame(&size);
        if (size > 10 && frame[5] == 0 && frame[10] == 0x14) {
            frames++;
            bytes += size;
            messages += frame[42] == 0x42; /* the emulator's own form: no more */
            if (frames % 500 == 0) {
                flow(2, (uint32_t)(frames + 1), (uint32_t)messages, CREDIT);
            }
        }
    }
    double took = seconds() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%" PRIu64 " messages, %" PRIu64
           " frames, %.1f MB in %.3f s: %.0f messages/s, %.0f MB/s\n",
           messages, frames, (double)bytes / 1e6, took, (double)messages / took,
           (double)bytes / 1e6 / took);
    return 0;
}
