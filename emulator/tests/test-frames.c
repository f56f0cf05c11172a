/* SPDX-License-Identifier: Apache-2.0 */
/* The frame rewriter on bytes: padding, true counters, transfers made by hand. */
#include "../frames.h"
#include "hex.h"

/* One parsed frame of `out` at `at`. */
static bool take(const struct hd_buffer *out, size_t *at, struct emu_frame *ret,
                 struct hd_slice *raw)
{
    size_t size;
    struct hd_slice left = hd_slice(out->data + *at, out->len - *at);
    if (emu_frame_size(left, &size) != 0 || size == 0) {
        return false;
    }
    *raw = hd_slice(left.data, size);
    *at += size;
    return emu_frame_parse(*raw, ret) == 0;
}

/* A frame with a list8 of `count` fields as proton writes it. */
static void put_frame(struct hd_buffer *out, uint8_t channel, uint8_t code, uint8_t count,
                      const char *fields, const char *payload)
{
    size_t start = out->len;
    put_hex(out, "0000000002000000 005300c0 00 00");
    out->data[start + 7] = (char)channel;
    out->data[start + 10] = (char)code;
    out->data[start + 13] = (char)count;
    put_hex(out, fields);
    out->data[start + 12] = (char)(out->len - start - 13);
    put_hex(out, payload);
    out->data[start + 3] = (char)(out->len - start);
}

static void pads_every_performative(void)
{
    static const struct {
        uint8_t code, count;
        const char *hex;
        uint32_t fields;
    } frames[] = {
        {EMU_OPEN, 1, "a1026162", 10},
        {EMU_BEGIN, 4, "600001 43 43 43", 8},
        {EMU_ATTACH, 3, "a10161 43 42", 14},
        {EMU_FLOW, 4, "43 43 43 43", 11},
        {EMU_TRANSFER, 5, "43 43 a00131 43 41", 11},
        {EMU_DISPOSITION, 3, "41 43 40", 6},
        {EMU_DETACH, 2, "43 41", 3},
        {EMU_END, 0, "", 1},
        {EMU_CLOSE, 0, "", 1},
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct emu_frames f;
        struct emu_frame frame;
        struct hd_buffer in = {0}, out = {0};
        struct hd_slice raw;
        size_t at = 0;
        emu_frames_init(&f);
        put_frame(&in, 0, frames[i].code, frames[i].count, frames[i].hex, "");
        CHECK_INT(emu_frames_out(&f, hd_buffer_slice(&in), &out), 0);
        REQUIRE(take(&out, &at, &frame, &raw));
        CHECK_INT(at, out.len);
        CHECK_INT(frame.code, frames[i].code);
        CHECK_INT(frame.n_fields, frames[i].fields);
        CHECK_INT((unsigned char)raw.data[11], EMU_LIST32);
        hd_buffer_deinit(&in);
        hd_buffer_deinit(&out);
        emu_frames_deinit(&f);
    }
}

static void leaves_the_rest_alone(void)
{
    struct emu_frames f;
    struct hd_buffer in = {0}, out = {0}, hex = {0};
    emu_frames_init(&f);
    /* protocol header, empty frame */
    put_hex(&in, "414d515000010000 0000000802000000");
    CHECK_INT(emu_frames_out(&f, hd_buffer_slice(&in), &out), 0);
    CHECK_STR(to_hex(hd_buffer_slice(&out), &hex), "414d5150000100000000000802000000");
    hd_buffer_deinit(&in);
    hd_buffer_deinit(&out);
    hd_buffer_deinit(&hex);
    emu_frames_deinit(&f);
}

static void takes_bytes_in_any_pieces(void)
{
    struct hd_buffer in = {0}, whole = {0}, pieces = {0}, a = {0}, b = {0};
    struct emu_frames f;
    put_hex(&in, "414d515000010000");
    put_frame(&in, 0, EMU_OPEN, 1, "a1026162", "");
    put_hex(&in, "0000000c02000000 00531845"); /* CLOSE with a list0 */
    emu_frames_init(&f);
    CHECK_INT(emu_frames_out(&f, hd_buffer_slice(&in), &whole), 0);
    emu_frames_deinit(&f);
    emu_frames_init(&f);
    for (size_t i = 0; i < in.len; i++) {
        CHECK_INT(emu_frames_out(&f, hd_slice(in.data + i, 1), &pieces), 0);
    }
    emu_frames_deinit(&f);
    CHECK_STR(to_hex(hd_buffer_slice(&whole), &a), to_hex(hd_buffer_slice(&pieces), &b));
    hd_buffer_deinit(&in);
    hd_buffer_deinit(&whole);
    hd_buffer_deinit(&pieces);
    hd_buffer_deinit(&a);
    hd_buffer_deinit(&b);
}

/* A session on the client's channel 1, ours 0, with a receiver link "r" of handle 3. */
static void open_link(struct emu_frames *f, struct emu_wire *wire, uint8_t window)
{
    struct hd_buffer in = {0}, out = {0};
    emu_frames_init(f);
    put_frame(&in, 1, EMU_BEGIN, 4, "40 5205 5200 5264", "");
    in.data[18] = (char)window;
    CHECK_INT(emu_frames_in(f, hd_buffer_slice(&in), &out), 0);
    CHECK_INT(emu_frames_add_wire(f, wire, "r"), 0);
    in.len = 0;
    put_frame(&in, 0, EMU_BEGIN, 4, "600001 43 5264 43", ""); /* ours */
    put_frame(&in, 0, EMU_ATTACH, 3, "a10172 5203 42", "");
    CHECK_INT(emu_frames_out(f, hd_buffer_slice(&in), &out), 0);
    hd_buffer_deinit(&in);
    hd_buffer_deinit(&out);
}

static void makes_transfers(void)
{
    struct emu_frames f;
    struct emu_wire wire;
    struct emu_frame frame;
    struct hd_buffer out = {0};
    struct hd_slice raw;
    size_t at = 0;
    open_link(&f, &wire, 2);
    REQUIRE(wire.session != NULL);
    CHECK_INT(wire.handle, 3);
    CHECK_INT(emu_wire_window(&wire), 2);
    CHECK_INT(emu_wire_transfer(&f, &wire, true, hd_slice("payload", 7), &out), 7);
    CHECK(take(&out, &at, &frame, &raw));
    CHECK_INT(frame.code, EMU_TRANSFER);
    CHECK_INT(frame.channel, 0);
    CHECK_INT(frame.n_fields, 11);
    CHECK_INT(frame.fields[0].u, 3);
    CHECK_INT(frame.fields[1].u, 0);
    CHECK_INT(frame.fields[4].u, 1); /* settled */
    CHECK_INT(frame.fields[5].u, 0); /* more */
    CHECK(memcmp(raw.data + raw.len - 7, "payload", 7) == 0);
    CHECK_INT(emu_wire_window(&wire), 1);
    CHECK_INT(wire.sent, 1);
    hd_buffer_deinit(&out);
    emu_frames_remove_wire(&f, &wire);
    emu_frames_deinit(&f);
}

static void cuts_messages_into_frames(void)
{
    struct emu_frames f;
    struct emu_wire wire;
    struct emu_frame frame;
    struct hd_buffer out = {0};
    struct hd_slice raw;
    size_t at = 0, sent = 0;
    static char payload[1000];
    uint32_t frames = 0;
    open_link(&f, &wire, 100);
    f.small_frame = 256;
    while (sent < sizeof(payload)) {
        int64_t n = emu_wire_transfer(&f, &wire, sent == 0,
                                      hd_slice(payload + sent, sizeof(payload) - sent), &out);
        REQUIRE(n > 0);
        sent += (size_t)n;
    }
    while (take(&out, &at, &frame, &raw)) {
        CHECK(raw.len <= 256);
        CHECK_INT(frame.fields[1].u, 0); /* one delivery */
        frames++;
        CHECK_INT(frame.fields[5].u, at < out.len); /* more */
    }
    CHECK(frames > 4);
    CHECK_INT(wire.sent, 1);
    CHECK_INT(wire.session->next_outgoing_id, frames);
    /* the next delivery has the next number, whatever the number of frames was */
    at = out.len;
    CHECK(emu_wire_transfer(&f, &wire, true, hd_slice("x", 1), &out) == 1);
    CHECK(take(&out, &at, &frame, &raw));
    CHECK_INT(frame.fields[1].u, 1);
    hd_buffer_deinit(&out);
    emu_frames_remove_wire(&f, &wire);
    emu_frames_deinit(&f);
}

static void corrects_protons_counters(void)
{
    struct emu_frames f;
    struct emu_wire wire;
    struct emu_frame frame;
    struct hd_buffer in = {0}, out = {0};
    struct hd_slice raw;
    size_t at = 0;
    open_link(&f, &wire, 50);
    for (int i = 0; i < 5; i++) {
        CHECK(emu_wire_transfer(&f, &wire, true, hd_slice("x", 1), &out) == 1);
    }
    wire.credit = 9;
    out.len = 0;
    /* proton's FLOW for our link and its first TRANSFER in the session */
    put_frame(&in, 0, EMU_FLOW, 7, "43 5264 43 43 5203 43 43", "");
    put_frame(&in, 0, EMU_TRANSFER, 5, "5201 43 a00131 43 41", "aabb");
    CHECK_INT(emu_frames_out(&f, hd_buffer_slice(&in), &out), 0);
    REQUIRE(take(&out, &at, &frame, &raw));
    CHECK_INT(frame.fields[2].u, 5); /* next-outgoing-id */
    CHECK_INT(frame.fields[5].u, 5); /* delivery-count */
    CHECK_INT(frame.fields[6].u, 9); /* link-credit */
    REQUIRE(take(&out, &at, &frame, &raw));
    CHECK_INT(frame.code, EMU_TRANSFER);
    CHECK_INT(frame.n_fields, 11);
    CHECK_INT(frame.fields[1].u, 5); /* delivery-id */
    CHECK(memcmp(raw.data + raw.len - 2, "\xaa\xbb", 2) == 0);
    CHECK_INT(wire.session->next_outgoing_id, 6);
    hd_buffer_deinit(&in);
    hd_buffer_deinit(&out);
    emu_frames_remove_wire(&f, &wire);
    emu_frames_deinit(&f);
}

static void sees_the_message_format(void)
{
    struct emu_frames f;
    struct emu_wire wire;
    struct hd_buffer in = {0}, out = {0};
    open_link(&f, &wire, 50);
    put_frame(&in, 1, EMU_TRANSFER, 6, "5201 43 a00131 7080013700 42 41", "aabb");
    CHECK_INT(emu_frames_in(&f, hd_buffer_slice(&in), &out), 0);
    CHECK_INT(f.message_format, 0x80013700u);
    /* the second frame of the delivery does not repeat it */
    in.len = 0;
    put_frame(&in, 1, EMU_TRANSFER, 1, "5201", "aabb");
    f.message_format = 0;
    CHECK_INT(emu_frames_in(&f, hd_buffer_slice(&in), &out), 0);
    CHECK_INT(f.message_format, 0x80013700u);
    CHECK_INT(wire.session->next_incoming_id, 7); /* BEGIN said 5 */
    hd_buffer_deinit(&in);
    hd_buffer_deinit(&out);
    emu_frames_remove_wire(&f, &wire);
    emu_frames_deinit(&f);
}

static void answers_echo(void)
{
    struct emu_frames f;
    struct emu_wire wire;
    struct emu_frame frame;
    struct hd_buffer in = {0}, out = {0};
    struct hd_slice raw;
    size_t at = 0;
    open_link(&f, &wire, 50);
    put_frame(&in, 1, EMU_FLOW, 10, "43 5264 43 43 40 40 40 40 40 41", "");
    CHECK_INT(emu_frames_in(&f, hd_buffer_slice(&in), &out), 0);
    REQUIRE(take(&out, &at, &frame, &raw));
    CHECK_INT(frame.code, EMU_FLOW);
    CHECK_INT(frame.fields[0].u, 5);
    CHECK_INT(frame.fields[1].u, 100);
    hd_buffer_deinit(&in);
    hd_buffer_deinit(&out);
    emu_frames_remove_wire(&f, &wire);
    emu_frames_deinit(&f);
}

static void refuses_damaged_frames(void)
{
    static const char *const bad[] = {
        "0000000702000000", /* shorter than its header */
        "ff00000002000000", /* longer than we allow */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hd_buffer in = {0};
        size_t size;
        put_hex(&in, bad[i]);
        CHECK(emu_frame_size(hd_buffer_slice(&in), &size) < 0);
        hd_buffer_deinit(&in);
    }
    struct emu_frame frame;
    struct hd_buffer in = {0};
    put_hex(&in, "0000000a02000000 0053"); /* a performative without an end */
    CHECK(emu_frame_parse(hd_buffer_slice(&in), &frame) < 0);
    in.len = 0;
    put_hex(&in, "0000000803000000"); /* data offset beyond the frame */
    CHECK(emu_frame_parse(hd_buffer_slice(&in), &frame) < 0);
    hd_buffer_deinit(&in);
}

HD_TEST_MAIN({"pads every performative to all of its fields", pads_every_performative},
             {"headers and empty frames stay as they are", leaves_the_rest_alone},
             {"frames may come in any pieces", takes_bytes_in_any_pieces},
             {"a transfer made by hand", makes_transfers},
             {"a message in many frames is one delivery", cuts_messages_into_frames},
             {"proton's frames tell the true counters", corrects_protons_counters},
             {"message format of the first frame of a delivery", sees_the_message_format},
             {"a FLOW with echo is answered", answers_echo},
             {"damaged frames are refused", refuses_damaged_frames})
