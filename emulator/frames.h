/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: what stands between proton's bytes and the socket's.
 *
 * Out: every performative is padded with nulls to its full number of fields, because some clients
 * index them blindly and proton leaves trailing nulls out; and because the events of receiver
 * links are framed here by hand (proton never sees them), the counters that they move are put
 * right in proton's own frames: delivery-id, next-outgoing-id, delivery-count, link-credit.
 * In: the fields that proton's API does not give away: session windows, the message format of a
 * delivery, desired capabilities, echo.
 *
 * Owner:   its connection. Threads: the loop's.
 * Errors:  -EPROTO for bytes that are no AMQP frame, -ENOMEM.
 */
#ifndef EMULATOR_FRAMES_H
#define EMULATOR_FRAMES_H

#include "amqp.h"

enum {
    EMU_OPEN = 0x10,
    EMU_BEGIN = 0x11,
    EMU_ATTACH = 0x12,
    EMU_FLOW = 0x13,
    EMU_TRANSFER = 0x14,
    EMU_DISPOSITION = 0x15,
    EMU_DETACH = 0x16,
    EMU_END = 0x17,
    EMU_CLOSE = 0x18,
};

#define EMU_FIELDS_MAX 14

struct emu_session {
    bool remote_open, local_open;
    uint16_t remote_channel, local_channel;
    uint32_t next_outgoing_id; /* of the session as the client sees it */
    uint32_t window_end;       /* the client takes transfers with ids before this */
    uint32_t next_incoming_id; /* of the client's transfers */
    uint32_t incoming_window;  /* as proton said last */
    uint32_t initial_outgoing_id;
    uint32_t next_delivery_id; /* deliveries have numbers without gaps, proton's and ours */
    bool proton_sent;
    uint32_t proton_id, proton_delivery_id; /* of the delivery proton is sending */
    struct emu_session *next;
};

/* A link whose transfers are made here. */
struct emu_wire {
    struct emu_session *session; /* NULL until proton's ATTACH has passed, and after its DETACH */
    uint32_t handle;
    uint32_t delivery_id;
    uint32_t sent;   /* delivery-count */
    uint32_t credit; /* left, for the FLOW frames that proton sends */
    char *name;
    struct emu_wire *next;
};

/* One frame of the client, taken apart. */
struct emu_frame {
    uint8_t type;
    uint16_t channel;
    uint8_t code; /* performative; 0: empty frame */
    uint32_t n_fields;
    struct emu_value fields[EMU_FIELDS_MAX];
};

/* desired-capabilities of attaches whose link proton has not shown yet */
struct emu_wish {
    char *name;
    bool runtime_metric;
    struct emu_wish *next;
};

/* message format of the delivery that is coming in on a link */
struct emu_incoming {
    uint16_t channel;
    uint32_t handle;
    uint32_t format;
    bool more;
    struct emu_incoming *next;
};

struct emu_frames {
    struct emu_session *sessions;
    struct emu_wire *wires;
    struct emu_wish *wishes;
    struct emu_incoming *incoming;
    uint8_t last_code;        /* of the client's frame that was seen last */
    uint32_t message_format;  /* of the transfer that was seen last */
    uint32_t max_frame;       /* what the client takes in one frame; at most 65536 */
    uint32_t small_frame;     /* fault: transfers are cut at this; 0: not */
    struct hd_buffer pending; /* proton's output up to the next whole frame */
};

#define EMU_FRAME_MAX 65536

void emu_frames_init(struct emu_frames *frames);
void emu_frames_deinit(struct emu_frames *frames);

/* The size of the frame (or protocol header) at the start of `bytes`; 0: not complete yet. */
int emu_frame_size(struct hd_slice bytes, size_t *ret_size);
int emu_frame_parse(struct hd_slice bytes, struct emu_frame *ret);

/* Looks at one frame of the client. A FLOW that wants an answer is answered into `out`. */
int emu_frames_in(struct emu_frames *frames, struct hd_slice bytes, struct hd_buffer *out);

/* Takes proton's output, writes padded frames behind `out`. */
int emu_frames_out(struct emu_frames *frames, struct hd_slice bytes, struct hd_buffer *out);

/* Whether the client wanted runtime metrics on the link of this name. Forgets the answer. */
bool emu_frames_take_wish(struct emu_frames *frames, const char *name);

int emu_frames_add_wire(struct emu_frames *frames, struct emu_wire *wire, const char *name);
void emu_frames_remove_wire(struct emu_frames *frames, struct emu_wire *wire);

/* How many frames may be sent now. */
static inline uint32_t emu_wire_window(const struct emu_wire *wire)
{
    int32_t left = (int32_t)(wire->session->window_end - wire->session->next_outgoing_id);
    return left > 0 ? (uint32_t)left : 0;
}

/* One TRANSFER frame: settled, with as much of the payload as fits (max_frame). Returns the bytes
 * taken, or -ENOMEM. `first` begins a delivery and counts it. */
int64_t emu_wire_transfer(struct emu_frames *frames, struct emu_wire *wire, bool first,
                          struct hd_slice payload, struct hd_buffer *out);

/* A FLOW of ours: after a drain, or when the client asked for one. */
int emu_wire_flow(struct emu_wire *wire, bool drain, struct hd_buffer *out);

#endif
