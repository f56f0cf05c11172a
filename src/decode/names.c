/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/decode.h"

const char *hd_dead_reason_name(enum hd_dead_reason reason)
{
    switch (reason) {
    case HD_DEAD_NONE:
        return "none";
    case HD_DEAD_MALFORMED_JSON:
        return "malformed_json";
    case HD_DEAD_MALFORMED_XML:
        return "malformed_xml";
    case HD_DEAD_TRUNCATED:
        return "truncated";
    case HD_DEAD_NOT_AN_EVENT:
        return "not_an_event";
    case HD_DEAD_TOO_LARGE:
        return "too_large";
    case HD_DEAD_TOO_DEEP:
        return "too_deep";
    case HD_DEAD_TOO_MANY_FIELDS:
        return "too_many_fields";
    case HD_DEAD_DECOMPRESS:
        return "decompress";
    case HD_DEAD_BAD_MESSAGE:
        return "bad_message";
    case HD_DEAD_REJECTED:
        return "rejected";
    }
    return "unknown";
}
