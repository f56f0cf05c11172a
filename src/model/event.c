/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: an event is plain data (its header says whose); all that is here is the one word of it
 * that leaves the program.
 */
#include "hubdrain/event.h"

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
