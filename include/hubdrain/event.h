/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event: one Windows event as its source says it, before any schema.
 *
 * Filled by decode/ (from event XML or from JSON columns), read by windows/. All slices point into
 * the message body, the decoder's arena or static text and are valid until the decoder is reset.
 * Values are decoded exactly once (JSON, then XML) and may hold any byte: making valid UTF-8 of
 * them is the encoder's job.
 *
 * Owner:   the decoder; the next event overwrites it.
 * Threads: one worker.
 */
#ifndef HUBDRAIN_EVENT_H
#define HUBDRAIN_EVENT_H

#include <stdint.h>

#include "hubdrain/slice.h"

/* How the record was wrapped; the name of each stands in hd_envelope_name(). */
enum hd_envelope {
    HD_ENVELOPE_UNKNOWN,  /* well-formed JSON that is no Windows event: only .record is set */
    HD_ENVELOPE_XML,      /* event XML alone */
    HD_ENVELOPE_WAD,      /* properties.RawXml, or properties.* where there is no RawXml */
    HD_ENVELOPE_JSON_XML, /* some other object that carries the event XML */
    HD_ENVELOPE_COLUMNS,  /* an object with the event's fields as columns, without XML */
};
const char *hd_envelope_name(enum hd_envelope envelope);

/* Which part of the event the fields come from (data sheet, section 2). */
enum hd_section {
    HD_SECTION_NONE,
    HD_SECTION_EVENT_DATA,
    HD_SECTION_USER_DATA,
    HD_SECTION_BINARY,     /* BinaryEventData */
    HD_SECTION_DEBUG,      /* DebugData */
    HD_SECTION_PROCESSING, /* ProcessingErrorData */
};

enum {
    HD_FIELD_UNNAMED = 1, /* <Data> without Name; .name is param1, param2, ... */
    HD_FIELD_CUT = 2,     /* the XML ended inside this value */
    HD_FIELD_JSON = 4,    /* .value is valid JSON text (number, object, ...), not a string */
};

struct hd_field {
    struct hd_slice name, value;
    uint32_t flags;
};

/* Numbers of System that may be absent. */
enum {
    HD_HAS_EVENT_ID = 1 << 0,
    HD_HAS_QUALIFIERS = 1 << 1,
    HD_HAS_VERSION = 1 << 2,
    HD_HAS_LEVEL = 1 << 3,
    HD_HAS_TASK = 1 << 4,
    HD_HAS_OPCODE = 1 << 5,
    HD_HAS_KEYWORDS = 1 << 6,
    HD_HAS_RECORD_ID = 1 << 7,
    HD_HAS_PID = 1 << 8,
    HD_HAS_TID = 1 << 9,
};

struct hd_event {
    enum hd_envelope envelope;
    uint32_t has; /* HD_HAS_* */
    bool cut;     /* the XML ended early: what was complete is here */

    /* System; empty slices where absent */
    struct hd_slice provider_name, provider_guid, event_source_name;
    struct hd_slice time_created; /* as written */
    struct hd_slice activity_id, related_activity_id;
    struct hd_slice channel, computer, user_id;
    uint32_t event_id, qualifiers, version, level, task, opcode;
    uint64_t keywords, record_id, pid, tid;

    /* RenderingInfo, or the columns that say the same */
    struct hd_slice message, level_text, task_text, opcode_text, keywords_text, channel_text,
        culture;

    /* EventData or UserData, in document order. UserData is flattened: nested names are joined
     * with '.', its wrapper element is section_name. */
    enum hd_section section;
    struct hd_slice section_name; /* EventData Name='...', or UserData's wrapper */
    const struct hd_field *fields;
    uint32_t n_fields;

    /* The other columns of the envelope (DeploymentId, Role, ...), in order. */
    const struct hd_field *envelope_fields;
    uint32_t n_envelope_fields;
    struct hd_slice envelope_time; /* WAD time; TimeGenerated */

    struct hd_slice xml;    /* the event XML, JSON escapes undone; empty where there is none */
    struct hd_slice record; /* the bytes of this record inside the message body */
};

/* Where an event came from; the same for all records of a message. */
struct hd_origin {
    struct hd_slice namespace_name, hub, consumer_group, partition;
    struct hd_slice offset; /* opaque text */
    int64_t sequence_number;
    int64_t enqueued_ms;
    int64_t ingested_ms; /* our clock */
    uint32_t index;      /* of the record in the body */
};

/* event.id: enqueued ms as 12 hex digits, partition, sequence number, index in the body, joined by
 * '-': the same on every replay. Returns its length; ret_text holds at least HD_EVENT_ID_SIZE. */
#define HD_EVENT_ID_SIZE 96
size_t hd_event_id(const struct hd_origin *origin, char ret_text[HD_EVENT_ID_SIZE]);

#endif
