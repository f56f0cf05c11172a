/* SPDX-License-Identifier: Apache-2.0 */
/* hubdrain-emulator: the program on one page. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "hubdrain/exit.h"
#include "hubdrain/log.h"
#include "server.h"
#include "storage.h"

static int add_hubs(struct emu_server *server, struct hd_diag *diag)
{
    const struct emu_options *o = server->options;
    server->ns.retain_bytes = o->retain_bytes;
    for (struct emu_hub_option *want = o->hubs; want != NULL; want = want->next) {
        struct emu_hub *hub;
        int r = emu_hub_add(&server->ns, hd_slice_cstr(want->name), want->partitions, &hub);
        for (struct emu_group_option *g = want->groups; r == 0 && g != NULL; g = g->next) {
            r = emu_hub_add_group(hub, hd_slice_cstr(g->name));
        }
        if (r != 0) {
            return hd_fail(diag, r, "cannot make the hub %s: %s", want->name, strerror(-r));
        }
        for (uint32_t i = 0; o->data != NULL && i < hub->n_partitions; i++) {
            r = emu_storage_open(o->data, &hub->partitions[i], &hub->partitions[i].storage, diag);
            if (r != 0) {
                return r;
            }
        }
    }
    return 0;
}

static void describe_ports(const struct emu_server *server, uint16_t ret[3])
{
    ret[0] = server->listens_plain ? emu_tcp_port(&server->plain) : 0;
    ret[1] = server->listens_tls ? emu_tcp_port(&server->tls) : 0;
    ret[2] = emu_admin_port(server->admin);
}

static void say_ready(const struct emu_server *server)
{
    static const char *const names[] = {"amqp", "amqps", "admin"};
    const char *addresses[] = {server->options->listen, server->options->tls_listen,
                               server->options->admin};
    uint16_t ports[3];
    describe_ports(server, ports);
    printf("listening");
    for (int i = 0; i < 3; i++) {
        if (ports[i] != 0) {
            const char *colon = strrchr(addresses[i], ':');
            printf(" %s=%.*s:%u", names[i], (int)(colon - addresses[i]), addresses[i],
                   (unsigned)ports[i]);
        }
    }
    printf("\n");
    fflush(stdout);
}

/* Written beside and renamed: whoever sees the file sees all of it. */
static int write_ready_file(const struct emu_server *server, struct hd_diag *diag)
{
    const char *path = server->options->ready_file;
    char temporary[4096];
    uint16_t ports[3];
    describe_ports(server, ports);
    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
        return hd_fail(diag, 1, "--ready-file: the name is too long");
    }
    FILE *out = fopen(temporary, "we");
    if (out == NULL) {
        return hd_fail(diag, 1, "cannot write %s: %s", temporary, strerror(errno));
    }
    fprintf(out, "{\"pid\":%ld,\"amqp\":%u,\"amqps\":%u,\"admin\":%u}\n", (long)getpid(),
            (unsigned)ports[0], (unsigned)ports[1], (unsigned)ports[2]);
    if (fclose(out) != 0 || rename(temporary, path) != 0) {
        return hd_fail(diag, 1, "cannot write %s: %s", path, strerror(errno));
    }
    return 0;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    emu_server_stop(signal->data);
}

static int serve(struct emu_server *server, struct hd_diag *diag)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    uv_signal_t signals[2];
    int r = add_hubs(server, diag);
    if (r != 0) {
        return r;
    }
    r = emu_server_start(server, diag);
    if (r != 0) {
        emu_server_stop(server);
        uv_run(server->loop, UV_RUN_DEFAULT);
        return r;
    }
    for (int i = 0; i < 2; i++) {
        uv_signal_init(server->loop, &signals[i]);
        signals[i].data = server;
        uv_signal_start(&signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&signals[i]);
    }
    if (server->options->ready_file != NULL) {
        r = write_ready_file(server, diag);
    }
    if (r == 0) {
        say_ready(server);
        uv_run(server->loop, UV_RUN_DEFAULT);
        if (server->options->ready_file != NULL) {
            unlink(server->options->ready_file);
        }
    }
    for (int i = 0; i < 2; i++) {
        uv_close((uv_handle_t *)&signals[i], NULL);
    }
    uv_run(server->loop, UV_RUN_DEFAULT);
    return r;
}

int main(int argc, char **argv)
{
    static struct emu_options options;
    struct hd_diag diag = {0};
    int r = emu_options_parse(argc, argv, &options, &diag);
    if (r != 0) {
        emu_options_deinit(&options);
        if (r == 1) {
            return HD_EXIT_OK;
        }
        fprintf(stderr, "hubdrain-emulator: %s\n", diag.text);
        return HD_EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    hd_log_init(options.verbose ? HD_LOG_INFO : HD_LOG_WARNING, HD_LOG_AUTO);
    struct emu_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return HD_EXIT_OS;
    }
    server->loop = uv_default_loop();
    server->options = &options;
    int lock = -1;
    r = options.data != NULL ? emu_storage_lock(options.data, &lock, &diag) : 0;
    r = r ? r : serve(server, &diag);
    if (r != 0) {
        fprintf(stderr, "hubdrain-emulator: %s\n", diag.text);
    }
    uv_loop_close(server->loop);
    emu_server_deinit(server);
    if (lock >= 0) {
        close(lock); /* not before the logs are on disk */
    }
    free(server);
    emu_options_deinit(&options);
    return r == 0 ? HD_EXIT_OK : HD_EXIT_UNAVAILABLE;
}
