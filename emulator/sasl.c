/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the SASL layer is done here and not by proton, whose list of mechanisms is fixed.
 * ANONYMOUS stands first because one SDK takes the first it knows. MSSBCBS is ANONYMOUS by
 * another name. PLAIN carries key name and key and stands for a token on everything.
 */
#include "connection.h"

#include <errno.h>

enum { SASL_MECHANISMS = 0x40, SASL_INIT = 0x41, SASL_OUTCOME = 0x44 };

static const char *const mechanisms[] = {"ANONYMOUS", "MSSBCBS", "PLAIN"};
#define N_MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static size_t begin_frame(struct emu_writer *w, uint8_t code)
{
    static const uint8_t head[8] = {0, 0, 0, 0, 2, 1, 0, 0};
    size_t start = w->out->len;
    emu_write_raw(w, head, sizeof(head));
    emu_write_descriptor(w, code);
    return start;
}

static int end_frame(struct emu_writer *w, size_t start)
{
    if (w->error == 0) {
        emu_put_be32(w->out->data + start, (uint32_t)(w->out->len - start));
    }
    return w->error;
}

static int send_mechanisms(struct emu_conn *conn)
{
    struct emu_writer w = {&conn->out, 0};
    emu_write_raw(&w, "AMQP\x03\x01\x00\x00", 8);
    size_t start = begin_frame(&w, SASL_MECHANISMS);
    size_t list = emu_write_begin(&w, EMU_LIST32);
    emu_write_byte(&w, 0xf0); /* array32 of sym8 */
    size_t size_at = w.out->len;
    emu_write_raw(&w, (uint8_t[9]){0, 0, 0, 0, 0, 0, 0, N_MECHANISMS, 0xa3}, 9);
    for (size_t i = 0; i < N_MECHANISMS; i++) {
        size_t len = strlen(mechanisms[i]);
        emu_write_byte(&w, (uint8_t)len);
        emu_write_raw(&w, mechanisms[i], len);
    }
    if (w.error == 0) {
        emu_put_be32(w.out->data + size_at, (uint32_t)(w.out->len - size_at - 4));
    }
    emu_write_end(&w, list, 1);
    return end_frame(&w, start);
}

static int send_outcome(struct emu_conn *conn, bool ok)
{
    struct emu_writer w = {&conn->out, 0};
    size_t start = begin_frame(&w, SASL_OUTCOME);
    size_t list = emu_write_begin(&w, EMU_LIST32);
    emu_write_raw(&w, (uint8_t[2]){0x50, ok ? 0 : 1}, 2);
    emu_write_null(&w);
    emu_write_end(&w, list, 2);
    return end_frame(&w, start);
}

/* authorization NUL name NUL key */
static bool check_plain(struct emu_conn *conn, struct hd_slice response)
{
    const char *end = response.data + response.len;
    const char *name = memchr(response.data, 0, response.len);
    const char *key = name != NULL ? memchr(name + 1, 0, (size_t)(end - name - 1)) : NULL;
    if (key == NULL) {
        return false;
    }
    name++;
    return emu_claims_verify_key(conn->server->options, hd_slice(name, (size_t)(key - name)),
                                 hd_slice(key + 1, (size_t)(end - key - 1))) &&
           emu_claims_put(&conn->claims, "", INT64_MAX) == 0;
}

static int take_init(struct emu_conn *conn, const struct emu_frame *frame)
{
    if (frame->type != 1 || frame->code != SASL_INIT || frame->n_fields < 1) {
        return -EPROTO;
    }
    struct hd_slice mechanism = frame->fields[0].bytes;
    bool ok = hd_slice_is(mechanism, "ANONYMOUS") || hd_slice_is(mechanism, "MSSBCBS");
    if (hd_slice_is(mechanism, "PLAIN") && frame->n_fields > 1 &&
        frame->fields[1].kind == EMU_BINARY) {
        ok = check_plain(conn, frame->fields[1].bytes);
    }
    if (ok) {
        conn->stage = EMU_STAGE_START; /* the AMQP header comes next */
    }
    return send_outcome(conn, ok);
}

int emu_sasl_input(struct emu_conn *conn, struct hd_slice bytes)
{
    if (memcmp(bytes.data, "AMQP", 4) == 0) {
        if (bytes.data[4] != 3 || conn->stage != EMU_STAGE_START) {
            return -EPROTO;
        }
        conn->stage = EMU_STAGE_SASL;
        return send_mechanisms(conn);
    }
    struct emu_frame frame;
    int r = conn->stage == EMU_STAGE_SASL ? emu_frame_parse(bytes, &frame) : -EPROTO;
    return r == 0 ? take_init(conn, &frame) : r;
}
