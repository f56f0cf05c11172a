/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: an event is plain data (its header says whose); what is here are the names of it that
 * leave the program: the envelope's word, and event.id.
 */
#include "hubdrain/event.h"

#include "hubdrain/json.h"

const char *hd_envelope_name(enum hd_envelope envelope)
{
    switch (envelope) {
    case HD_ENVELOPE_UNKNOWN:
        return "unknown";
    case HD_ENVELOPE_XML:
        return "xml";
    case HD_ENVELOPE_WAD:
        return "wad";
    case HD_ENVELOPE_JSON_XML:
        return "json_xml";
    case HD_ENVELOPE_COLUMNS:
        return "columns";
    }
    return "unknown";
}

size_t hd_event_id(const struct hd_origin *origin, char ret_text[HD_EVENT_ID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    /* What is left for the partition beside three numbers and the dashes. */
    const size_t max_partition = HD_EVENT_ID_SIZE - 12 - 3 - 20 - 10 - 1;
    uint64_t ms = (uint64_t)origin->enqueued_ms;
    struct hd_slice partition = origin->partition;
    char *at = ret_text;

    for (unsigned i = 0; i < 12; i++) {
        *at++ = hex[ms >> (44 - 4 * i) & 15];
    }
    *at++ = '-';
    for (size_t i = 0; i < partition.len && i < max_partition; i++) {
        unsigned char c = (unsigned char)partition.data[i];
        *at++ = (char)(c > 0x20 && c < 0x7F && c != '"' && c != '\\' ? c : '_');
    }
    *at++ = '-';
    at += hd_json_uint(at, (uint64_t)origin->sequence_number);
    *at++ = '-';
    at += hd_json_uint(at, origin->index);
    *at = '\0';
    return (size_t)(at - ret_text);
}
