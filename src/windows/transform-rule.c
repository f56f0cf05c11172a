/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a rule's name is free text that two habits have filled with ATT&CK ids:
 *
 *     technique_id=T1055.012,technique_name=Process Hollowing
 *     T1089,Tamper-Defender
 *
 * Names hold commas themselves, so the first form is cut only before a key that is known.
 */
#include "transforms.h"

enum {
    NAME,
    FRAMEWORK,
    TACTIC_ID,
    TACTIC_NAME,
    TECHNIQUE_ID,
    TECHNIQUE_NAME,
    SUBTECHNIQUE_ID,
    SUBTECHNIQUE_NAME
};

static const struct {
    struct hd_slice key;
    uint8_t role;
} keys[] = {
    {HD_SLICE("technique_id="), TECHNIQUE_ID},
    {HD_SLICE("technique_name="), TECHNIQUE_NAME},
    {HD_SLICE("subtechnique_id="), SUBTECHNIQUE_ID},
    {HD_SLICE("subtechnique_name="), SUBTECHNIQUE_NAME},
    {HD_SLICE("tactic_id="), TACTIC_ID},
    {HD_SLICE("tactic_name="), TACTIC_NAME},
    {HD_SLICE("phase_name="), TACTIC_NAME},
};

/* The key at p, or -1. */
static int key_at(const char *p, const char *end)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t n = keys[i].key.len;
        if ((size_t)(end - p) >= n && memcmp(p, keys[i].key.data, n) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* The end of the value at p: the comma before the next key, or the end. */
static const char *value_end(const char *p, const char *end)
{
    for (; p < end; p++) {
        const char *next = p + 1;
        while (*p == ',' && next < end && *next == ' ') {
            next++;
        }
        if (*p == ',' && next < end && key_at(next, end) >= 0) {
            return p;
        }
    }
    return end;
}

/* T1055 or T1055.012: the length, or 0. */
static size_t technique_length(struct hd_slice text)
{
    static const char form[] = "T0000.000";
    size_t n = 0;
    for (; n < text.len && n < sizeof(form) - 1; n++) {
        char c = text.data[n];
        if (form[n] == '0' ? c < '0' || c > '9' : c != form[n]) {
            break;
        }
    }
    return n == text.len && (n == 5 || n == 9) ? n : 0;
}

static void put_framework(struct hd_work *work, const struct hd_row *row)
{
    hd_values_clean(&work->values, row->targets[FRAMEWORK], hd_slice_cstr("MITRE ATT&CK"));
}

/* An id that is none stays in the rule's name alone. */
static void put_technique(struct hd_work *work, const struct hd_row *row, struct hd_slice id)
{
    size_t n = technique_length(id);
    if (n == 0) {
        return;
    }
    put_framework(work, row);
    hd_values_add_once(&work->values, row->targets[TECHNIQUE_ID], hd_slice(id.data, 5));
    if (n > 5) {
        hd_values_add_once(&work->values, row->targets[SUBTECHNIQUE_ID], id);
    }
}

static void put_key(struct hd_work *work, const struct hd_row *row, unsigned role,
                    struct hd_slice value)
{
    if (hd_is_blank(value)) {
        return;
    }
    switch (role) {
    case TECHNIQUE_ID:
    case SUBTECHNIQUE_ID:
        put_technique(work, row, value);
        return;
    case TECHNIQUE_NAME: /* belongs to the most specific id */
        role = hd_values_has(&work->values, row->targets[SUBTECHNIQUE_ID]) ? SUBTECHNIQUE_NAME
                                                                           : TECHNIQUE_NAME;
        break;
    default:
        break;
    }
    put_framework(work, row);
    hd_values_add_once(&work->values, row->targets[role], value);
}

/* Names after ids, so that a name knows what it belongs to whatever their order. */
static void put_keys(struct hd_work *work, const struct hd_row *row, struct hd_slice text,
                     bool names)
{
    const char *p = text.data, *end = text.data + text.len;
    while (p < end) {
        int key = key_at(p, end);
        if (key < 0) {
            p++; /* a blank or a comma between two of them */
            continue;
        }
        const char *start = p + keys[key].key.len, *stop = value_end(start, end);
        bool name = keys[key].role == TECHNIQUE_NAME || keys[key].role == SUBTECHNIQUE_NAME ||
                    keys[key].role == TACTIC_NAME;
        if (name == names) {
            put_key(work, row, keys[key].role,
                    hd_slice_trim(hd_slice(start, (size_t)(stop - start))));
        }
        p = stop;
    }
}

static void put_leading_ids(struct hd_work *work, const struct hd_row *row, struct hd_slice text)
{
    const char *p = text.data, *end = text.data + text.len;
    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        struct hd_slice token = hd_slice_trim(hd_slice(p, (size_t)(stop - p)));
        if (technique_length(token) == 0) {
            return;
        }
        put_technique(work, row, token);
        p = comma ? comma + 1 : end;
    }
}

static bool run_rule(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    hd_values_string(&work->values, row->targets[NAME], value);
    if (key_at(value.data, value.data + value.len) >= 0) {
        put_keys(work, row, value, false);
        put_keys(work, row, value, true);
    } else {
        put_leading_ids(work, row, value);
    }
    return true;
}
const struct hd_transform hd_t_rule = {
    "rule",
    "the name whole; ATT&CK ids and names in it, `technique_id=..,technique_name=..` or "
    "`T1089,..`",
    run_rule};
