/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: proton keeps the state of connection, sessions and links and writes all frames but one
 * kind: the TRANSFERs of receiver links, which are framed here from stored bytes (proton's own
 * way costs several times as much an event). The price is that proton's counters stand still for
 * those links. So each session and each such link ("wire") has its true counters here, and where
 * proton states one of them in a frame of its own, the frame is rewritten. Sessions are found by
 * channel, wires by the name in proton's ATTACH.
 */
#include "frames.h"

#include <errno.h>
#include <stdlib.h>

#define FRAME_HEADER 8

// clang-format off
static const uint8_t padded_fields[] = {
    [EMU_OPEN - 0x10]        = 10,
    [EMU_BEGIN - 0x10]       = 8,
    [EMU_ATTACH - 0x10]      = 14,
    [EMU_FLOW - 0x10]        = 11,
    [EMU_TRANSFER - 0x10]    = 11,
    [EMU_DISPOSITION - 0x10] = 6,
    [EMU_DETACH - 0x10]      = 3,
    [EMU_END - 0x10]         = 1,
    [EMU_CLOSE - 0x10]       = 1,
};
// clang-format on

enum {
    FLOW_NEXT_INCOMING,
    FLOW_INCOMING_WINDOW,
    FLOW_NEXT_OUTGOING,
    FLOW_OUTGOING_WINDOW,
    FLOW_HANDLE,
    FLOW_DELIVERY_COUNT,
    FLOW_CREDIT,
    FLOW_AVAILABLE,
    FLOW_DRAIN,
    FLOW_ECHO
};

void emu_frames_init(struct emu_frames *frames)
{
    *frames = (struct emu_frames){.max_frame = EMU_FRAME_MAX};
}

void emu_frames_deinit(struct emu_frames *frames)
{
    while (frames->sessions != NULL) {
        struct emu_session *next = frames->sessions->next;
        free(frames->sessions);
        frames->sessions = next;
    }
    while (frames->wishes != NULL) {
        struct emu_wish *next = frames->wishes->next;
        free(frames->wishes->name);
        free(frames->wishes);
        frames->wishes = next;
    }
    while (frames->incoming != NULL) {
        struct emu_incoming *next = frames->incoming->next;
        free(frames->incoming);
        frames->incoming = next;
    }
    while (frames->wires != NULL) {
        emu_frames_remove_wire(frames, frames->wires);
    }
    hd_buffer_deinit(&frames->pending);
}

/* ---- frames ---- */

int emu_frame_size(struct hd_slice bytes, size_t *ret_size)
{
    *ret_size = 0;
    if (bytes.len < FRAME_HEADER) {
        return 0;
    }
    if (memcmp(bytes.data, "AMQP", 4) == 0) {
        *ret_size = 8;
        return 0;
    }
    uint32_t size = emu_be32(bytes.data);
    if (size < FRAME_HEADER || size > EMU_FRAME_MAX) {
        return -EPROTO;
    }
    *ret_size = size <= bytes.len ? size : 0;
    return 0;
}

int emu_frame_parse(struct hd_slice bytes, struct emu_frame *ret)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    size_t header = (size_t)at[4] * 4;
    ret->type = at[5];
    ret->channel = (uint16_t)(at[6] << 8 | at[7]);
    ret->code = 0;
    ret->n_fields = 0;
    if (header < FRAME_HEADER || header > bytes.len) {
        return -EPROTO;
    }
    if (header == bytes.len) {
        return 0;
    }
    struct emu_cursor cursor = {at + header, at + bytes.len};
    struct emu_value descriptor, list;
    uint64_t code;
    if (!emu_read_described(&cursor, &code, &descriptor, &list) || list.kind != EMU_LIST ||
        code > 0xff) {
        return -EPROTO;
    }
    ret->code = (uint8_t)code;
    struct emu_cursor items = emu_cursor(list.bytes);
    while (ret->n_fields < list.count && ret->n_fields < EMU_FIELDS_MAX) {
        if (!emu_read(&items, &ret->fields[ret->n_fields])) {
            return -EPROTO;
        }
        ret->n_fields++;
    }
    return 0;
}

static const struct emu_value *field(const struct emu_frame *frame, uint32_t i)
{
    static const struct emu_value null = {0};
    return i < frame->n_fields ? &frame->fields[i] : &null;
}

/* ---- sessions and wires ---- */

static struct emu_session *session_remote(struct emu_frames *frames, uint16_t channel)
{
    struct emu_session *s = frames->sessions;
    while (s != NULL && (!s->remote_open || s->remote_channel != channel)) {
        s = s->next;
    }
    return s;
}

static struct emu_session *session_local(struct emu_frames *frames, uint16_t channel)
{
    struct emu_session *s = frames->sessions;
    while (s != NULL && (!s->local_open || s->local_channel != channel)) {
        s = s->next;
    }
    return s;
}

static void session_sweep(struct emu_frames *frames)
{
    struct emu_session **at = &frames->sessions;
    while (*at != NULL) {
        struct emu_session *s = *at;
        if (s->remote_open || s->local_open) {
            at = &s->next;
            continue;
        }
        for (struct emu_wire *wire = frames->wires; wire != NULL; wire = wire->next) {
            wire->session = wire->session == s ? NULL : wire->session;
        }
        *at = s->next;
        free(s);
    }
}

int emu_frames_add_wire(struct emu_frames *frames, struct emu_wire *wire, const char *name)
{
    *wire = (struct emu_wire){.name = strdup(name), .next = frames->wires};
    if (wire->name == NULL) {
        return -ENOMEM;
    }
    frames->wires = wire;
    return 0;
}

void emu_frames_remove_wire(struct emu_frames *frames, struct emu_wire *wire)
{
    struct emu_wire **at = &frames->wires;
    while (*at != NULL && *at != wire) {
        at = &(*at)->next;
    }
    if (*at == wire) {
        *at = wire->next;
    }
    free(wire->name);
    wire->name = NULL;
    wire->session = NULL;
}

static struct emu_wire *wire_by_handle(struct emu_frames *frames, const struct emu_session *session,
                                       const struct emu_value *handle)
{
    struct emu_wire *wire = frames->wires;
    while (wire != NULL && (wire->session != session || wire->handle != handle->u)) {
        wire = wire->next;
    }
    return wire;
}

/* ---- in ---- */

static int in_begin(struct emu_frames *frames, const struct emu_frame *frame)
{
    struct emu_session *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return -ENOMEM;
    }
    s->remote_open = true;
    s->remote_channel = frame->channel;
    s->next_incoming_id = (uint32_t)field(frame, 1)->u;
    s->window_end = (uint32_t)field(frame, 2)->u;
    s->next = frames->sessions;
    frames->sessions = s;
    return 0;
}

/* a single symbol, or an array of them: symbols of one constructor, so the bytes can be searched */
static bool wants(const struct emu_value *capabilities, const char *name)
{
    return (capabilities->kind == EMU_SYMBOL || capabilities->kind == EMU_ARRAY) &&
           memmem(capabilities->bytes.data, capabilities->bytes.len, name, strlen(name)) != NULL;
}

static int in_attach(struct emu_frames *frames, const struct emu_frame *frame)
{
    const struct emu_value *name = field(frame, 0);
    if (name->kind != EMU_STRING || !wants(field(frame, 12), "enable-receiver-runtime-metric")) {
        return 0;
    }
    struct emu_wish *wish = calloc(1, sizeof(*wish));
    if (wish == NULL) {
        return -ENOMEM;
    }
    wish->next = frames->wishes;
    frames->wishes = wish;
    wish->runtime_metric = true;
    wish->name = strndup(name->bytes.data, name->bytes.len);
    return wish->name != NULL ? 0 : -ENOMEM;
}

bool emu_frames_take_wish(struct emu_frames *frames, const char *name)
{
    for (struct emu_wish **at = &frames->wishes; *at != NULL; at = &(*at)->next) {
        struct emu_wish *wish = *at;
        if (strcmp(wish->name, name) == 0) {
            bool wanted = wish->runtime_metric;
            *at = wish->next;
            free(wish->name);
            free(wish);
            return wanted;
        }
    }
    return false;
}

static int in_flow(struct emu_frames *frames, const struct emu_frame *frame, struct hd_buffer *out)
{
    struct emu_session *s = session_remote(frames, frame->channel);
    if (s == NULL) {
        return 0; /* proton will complain */
    }
    const struct emu_value *next = field(frame, FLOW_NEXT_INCOMING);
    uint32_t base = next->kind == EMU_NULL ? s->initial_outgoing_id : (uint32_t)next->u;
    s->window_end = base + (uint32_t)field(frame, FLOW_INCOMING_WINDOW)->u;
    if (field(frame, FLOW_ECHO)->u == 0 || !s->local_open) {
        return 0;
    }
    struct emu_wire session_only = {.session = s, .handle = UINT32_MAX};
    return emu_wire_flow(&session_only, false, out);
}

static int in_transfer(struct emu_frames *frames, const struct emu_frame *frame)
{
    struct emu_session *s = session_remote(frames, frame->channel);
    if (s != NULL) {
        s->next_incoming_id++;
    }
    uint32_t handle = (uint32_t)field(frame, 0)->u;
    struct emu_incoming *in = frames->incoming;
    while (in != NULL && (in->channel != frame->channel || in->handle != handle)) {
        in = in->next;
    }
    if (in == NULL) {
        in = calloc(1, sizeof(*in));
        if (in == NULL) {
            return -ENOMEM;
        }
        in->channel = frame->channel;
        in->handle = handle;
        in->next = frames->incoming;
        frames->incoming = in;
    }
    if (!in->more) {
        in->format = (uint32_t)field(frame, 3)->u;
    }
    in->more = field(frame, 5)->u != 0 && field(frame, 9)->u == 0;
    frames->message_format = in->format;
    return 0;
}

static void forget_incoming(struct emu_frames *frames, uint16_t channel, const uint64_t *handle)
{
    struct emu_incoming **at = &frames->incoming;
    while (*at != NULL) {
        struct emu_incoming *in = *at;
        if (in->channel == channel && (handle == NULL || in->handle == *handle)) {
            *at = in->next;
            free(in);
        } else {
            at = &in->next;
        }
    }
}

int emu_frames_in(struct emu_frames *frames, struct hd_slice bytes, struct hd_buffer *out)
{
    struct emu_frame frame;
    int r = emu_frame_parse(bytes, &frame);
    if (r != 0 || frame.type != 0) {
        return r;
    }
    struct emu_session *s;
    frames->last_code = frame.code;
    switch (frame.code) {
    case EMU_OPEN:
        if (field(&frame, 2)->kind == EMU_UINT && field(&frame, 2)->u < frames->max_frame) {
            frames->max_frame = field(&frame, 2)->u < 512 ? 512 : (uint32_t)field(&frame, 2)->u;
        }
        return 0;
    case EMU_BEGIN:
        return in_begin(frames, &frame);
    case EMU_ATTACH:
        return in_attach(frames, &frame);
    case EMU_FLOW:
        return in_flow(frames, &frame, out);
    case EMU_TRANSFER:
        return in_transfer(frames, &frame);
    case EMU_DETACH:
        forget_incoming(frames, frame.channel, &field(&frame, 0)->u);
        return 0;
    case EMU_END:
        forget_incoming(frames, frame.channel, NULL);
        s = session_remote(frames, frame.channel);
        if (s != NULL) {
            s->remote_open = false;
            session_sweep(frames);
        }
        return 0;
    default:
        return 0;
    }
}

/* ---- out ---- */

struct number {
    uint8_t bytes[5];
};

static struct hd_slice number(struct number *n, uint32_t value)
{
    n->bytes[0] = 0x70;
    emu_put_be32(n->bytes + 1, value);
    return hd_slice((const char *)n->bytes, 5);
}

static int write_padded(const struct emu_frame *frame, const struct hd_slice *fields,
                        struct hd_slice payload, struct hd_buffer *out)
{
    struct emu_writer w = {out, 0};
    uint8_t head[FRAME_HEADER] = {
        0, 0, 0, 0, 2, 0, (uint8_t)(frame->channel >> 8), (uint8_t)frame->channel};
    size_t start = out->len;
    uint32_t n = padded_fields[frame->code - EMU_OPEN];
    emu_write_raw(&w, head, sizeof(head));
    emu_write_descriptor(&w, frame->code);
    size_t list = emu_write_begin(&w, EMU_LIST32);
    for (uint32_t i = 0; i < n; i++) {
        if (fields[i].len > 0) {
            emu_write_raw(&w, fields[i].data, fields[i].len);
        } else {
            emu_write_null(&w);
        }
    }
    emu_write_end(&w, list, n);
    emu_write_raw(&w, payload.data, payload.len);
    if (w.error == 0) {
        emu_put_be32(out->data + start, (uint32_t)(out->len - start));
    }
    return w.error;
}

static void out_begin(struct emu_frames *frames, const struct emu_frame *frame)
{
    struct emu_session *s = session_remote(frames, (uint16_t)field(frame, 0)->u);
    if (s != NULL) {
        s->local_open = true;
        s->local_channel = frame->channel;
        s->next_outgoing_id = s->initial_outgoing_id = (uint32_t)field(frame, 1)->u;
        s->window_end += s->initial_outgoing_id;
        s->incoming_window = (uint32_t)field(frame, 2)->u;
    }
}

static void out_attach(struct emu_frames *frames, const struct emu_frame *frame)
{
    const struct emu_value *name = field(frame, 0);
    if (field(frame, 2)->u != 0) {
        return; /* we are the receiver */
    }
    for (struct emu_wire *wire = frames->wires; wire != NULL; wire = wire->next) {
        if (wire->session == NULL && wire->name != NULL && hd_slice_is(name->bytes, wire->name)) {
            wire->session = session_local(frames, frame->channel);
            wire->handle = (uint32_t)field(frame, 1)->u;
            return;
        }
    }
}

/* What proton's frame says is replaced by what is true; `fields` point into `numbers` then. */
static void correct(struct emu_frames *frames, const struct emu_frame *frame,
                    struct hd_slice *fields, struct number numbers[4])
{
    struct emu_session *s = session_local(frames, frame->channel);
    if (s == NULL) {
        return;
    }
    if (frame->code == EMU_TRANSFER) {
        /* proton repeats its delivery-id in every frame of a delivery */
        uint32_t id = (uint32_t)field(frame, 1)->u;
        if (!s->proton_sent || s->proton_id != id) {
            s->proton_sent = true;
            s->proton_id = id;
            s->proton_delivery_id = s->next_delivery_id++;
        }
        fields[1] = number(&numbers[0], s->proton_delivery_id);
        s->next_outgoing_id++;
    } else if (frame->code == EMU_FLOW) {
        fields[FLOW_NEXT_OUTGOING] = number(&numbers[0], s->next_outgoing_id);
        s->incoming_window = (uint32_t)field(frame, FLOW_INCOMING_WINDOW)->u;
        const struct emu_value *handle = field(frame, FLOW_HANDLE);
        struct emu_wire *wire = handle->kind == EMU_UINT ? wire_by_handle(frames, s, handle) : NULL;
        if (wire != NULL) {
            fields[FLOW_DELIVERY_COUNT] = number(&numbers[1], wire->sent);
            fields[FLOW_CREDIT] = number(&numbers[2], wire->credit);
        }
    }
}

static void out_ended(struct emu_frames *frames, const struct emu_frame *frame)
{
    struct emu_session *s = session_local(frames, frame->channel);
    if (s == NULL) {
        return;
    }
    if (frame->code == EMU_DETACH) {
        struct emu_wire *wire = wire_by_handle(frames, s, field(frame, 0));
        if (wire != NULL) {
            wire->session = NULL;
        }
        return;
    }
    for (struct emu_wire *wire = frames->wires; wire != NULL; wire = wire->next) {
        wire->session = wire->session == s ? NULL : wire->session;
    }
    s->local_open = false;
    session_sweep(frames);
}

static int out_frame(struct emu_frames *frames, struct hd_slice bytes, struct hd_buffer *out)
{
    struct emu_frame frame;
    int r = emu_frame_parse(bytes, &frame);
    if (r != 0 || frame.type != 0 || frame.code < EMU_OPEN || frame.code > EMU_CLOSE) {
        return hd_buffer_append(out, bytes.data, bytes.len);
    }
    struct hd_slice fields[EMU_FIELDS_MAX] = {{0}};
    struct number numbers[4];
    for (uint32_t i = 0; i < frame.n_fields; i++) {
        fields[i] = frame.fields[i].raw;
    }
    switch (frame.code) {
    case EMU_BEGIN:
        out_begin(frames, &frame);
        fields[4] = number(&numbers[3], 255); /* handle-max */
        break;
    case EMU_ATTACH:
        out_attach(frames, &frame);
        break;
    case EMU_FLOW:
    case EMU_TRANSFER:
        correct(frames, &frame, fields, numbers);
        break;
    case EMU_DETACH:
    case EMU_END:
        out_ended(frames, &frame);
        break;
    default:
        break;
    }
    /* the payload of a TRANSFER stands behind the performative */
    struct emu_cursor cursor = emu_cursor(bytes);
    cursor.at += (size_t)(uint8_t)bytes.data[4] * 4;
    struct emu_value performative;
    if (!emu_read(&cursor, &performative)) {
        return -EPROTO;
    }
    struct hd_slice payload = hd_slice((const char *)cursor.at, (size_t)(cursor.end - cursor.at));
    return write_padded(&frame, fields, payload, out);
}

int emu_frames_out(struct emu_frames *frames, struct hd_slice bytes, struct hd_buffer *out)
{
    struct hd_buffer *pending = &frames->pending;
    int r = hd_buffer_append(pending, bytes.data, bytes.len);
    size_t at = 0, size;
    while (r == 0) {
        struct hd_slice left = hd_slice(pending->data + at, pending->len - at);
        r = emu_frame_size(left, &size);
        if (r != 0 || size == 0) {
            break;
        }
        left.len = size;
        r = memcmp(left.data, "AMQP", 4) == 0 ? hd_buffer_append(out, left.data, size)
                                              : out_frame(frames, left, out);
        at += size;
    }
    if (at > 0) {
        memmove(pending->data, pending->data + at, pending->len - at);
        pending->len -= at;
    }
    return r;
}

/* ---- transfers made here ---- */

int64_t emu_wire_transfer(struct emu_frames *frames, struct emu_wire *wire, bool first,
                          struct hd_slice payload, struct hd_buffer *out)
{
    /* clang-format off */
    static const uint8_t form[] = {
        0, 0, 0, 0, 2, 0, 0, 0,          /* frame header */
        0x00, 0x53, EMU_TRANSFER,
        0xd0, 0, 0, 0, 32, 0, 0, 0, 11,
        0x70, 0, 0, 0, 0,                /* 20: handle */
        0x70, 0, 0, 0, 0,                /* 25: delivery-id */
        0xa0, 4, 0, 0, 0, 0,             /* 30: delivery-tag */
        0x70, 0, 0, 0, 0,                /* 36: message-format */
        0x41,                            /* settled */
        0x42,                            /* 42: more */
        0x40, 0x40, 0x42, 0x42, 0x42,    /* rcv-settle-mode state resume aborted batchable */
    };
    /* clang-format on */
    _Static_assert(sizeof(form) == 16 + 32, "the list size in the form");
    struct emu_session *s = wire->session;
    uint32_t max_frame = frames->small_frame != 0 && frames->small_frame < frames->max_frame
                             ? frames->small_frame
                             : frames->max_frame;
    size_t fits = max_frame - sizeof(form);
    size_t n = payload.len < fits ? payload.len : fits;
    int r = hd_buffer_reserve(out, sizeof(form) + n);
    if (r != 0) {
        return r;
    }
    uint8_t *at = (uint8_t *)out->data + out->len;
    memcpy(at, form, sizeof(form));
    emu_put_be32(at, (uint32_t)(sizeof(form) + n));
    at[6] = (uint8_t)(s->local_channel >> 8);
    at[7] = (uint8_t)s->local_channel;
    emu_put_be32(at + 21, wire->handle);
    if (first) {
        wire->sent++;
        wire->delivery_id = s->next_delivery_id++;
    }
    emu_put_be32(at + 26, wire->delivery_id);
    emu_put_be32(at + 32, wire->sent);
    at[42] = n < payload.len ? 0x41 : 0x42;
    memcpy(at + sizeof(form), payload.data, n);
    out->len += sizeof(form) + n;
    s->next_outgoing_id++;
    return (int64_t)n;
}

int emu_wire_flow(struct emu_wire *wire, bool drain, struct hd_buffer *out)
{
    struct emu_session *s = wire->session;
    struct emu_frame frame = {.channel = s->local_channel, .code = EMU_FLOW};
    struct hd_slice fields[EMU_FIELDS_MAX] = {{0}};
    struct number numbers[7];
    fields[FLOW_NEXT_INCOMING] = number(&numbers[0], s->next_incoming_id);
    fields[FLOW_INCOMING_WINDOW] = number(&numbers[1], s->incoming_window);
    fields[FLOW_NEXT_OUTGOING] = number(&numbers[2], s->next_outgoing_id);
    fields[FLOW_OUTGOING_WINDOW] = number(&numbers[3], INT32_MAX);
    if (wire->handle != UINT32_MAX) {
        fields[FLOW_HANDLE] = number(&numbers[4], wire->handle);
        fields[FLOW_DELIVERY_COUNT] = number(&numbers[5], wire->sent);
        fields[FLOW_CREDIT] = number(&numbers[6], wire->credit);
        fields[FLOW_DRAIN] = drain ? hd_slice("\x41", 1) : hd_slice("\x42", 1);
    }
    return write_padded(&frame, fields, hd_slice(NULL, 0), out);
}
