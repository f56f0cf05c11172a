/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree: the fields of one schema and how a set of values for them is written as nested JSON.
 *
 * A schema is a table of targets, fields below one parent standing together. The index in the table
 * is the field's id. Values are a sparse array by id with a bit for each that is there, so the
 * writer walks the bits in order: nothing is sorted or allocated while events pass.
 *
 * Owner:   a tree is built once and shared, read-only. Values belong to one normaliser.
 * Threads: a tree any; values one at a time.
 * Limits:  255 targets, 254 objects around them, HD_TREE_DEPTH levels; checked when it is built.
 */
#ifndef HUBDRAIN_WINDOWS_TREE_H
#define HUBDRAIN_WINDOWS_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "hubdrain/buffer.h"
#include "hubdrain/event.h"
#include "set.h"

#define HD_TREE_DEPTH   7
#define HD_TREE_TARGETS 256

/* What a consumer may expect of a field; the texts of types are ECS's. */
enum hd_type {
    HD_TYPE_KEYWORD,
    HD_TYPE_TEXT,
    HD_TYPE_DATE,
    HD_TYPE_LONG,
    HD_TYPE_BOOLEAN,
    HD_TYPE_IP,
    HD_TYPE_OBJECT
};
const char *hd_type_name(enum hd_type type);

struct hd_target {
    const char *path; /* "process.parent.pid" */
    enum hd_type type;
    bool array;
};

struct hd_tree;

int hd_tree_new(const struct hd_target *targets, size_t n, struct hd_tree **ret);
void hd_tree_free(struct hd_tree *tree); /* accepts NULL */

/* ---- values ---- */

enum hd_value_kind {
    HD_VALUE_STRING, /* any bytes: escaped and repaired */
    HD_VALUE_CLEAN,  /* a string that needs no escape */
    HD_VALUE_RAW,    /* JSON text, written as it is */
    HD_VALUE_NUMBER,
    HD_VALUE_DECIMAL, /* a number as a string, for fields that are identifiers */
    HD_VALUE_HEX,     /* "0x8020000000000000", likewise */
    HD_VALUE_BUILT,   /* JSON text in values->built, from .number */
    HD_VALUE_LIST,    /* an array of strings */
    HD_VALUE_MEMBERS, /* an object: struct hd_members */
    HD_VALUE_RECORD,  /* JSON text of unknown origin: checked, else a string */
};

/* Sixteen bytes: what an event writes and reads here should stay in the nearest cache. */
struct hd_value {
    union {
        const void *data;
        uint64_t number; /* HD_VALUE_BUILT: where its text starts */
    };
    uint32_t len;
    enum hd_value_kind kind;
};

/* A list of strings without duplicates, unless `all`. */
struct hd_list {
    struct hd_slice *items;
    uint32_t n, cap;
    struct hd_set seen;
};

/* An object whose names come with the event. A name that comes again makes an array of its values:
 * the members of one name are chained. */
struct hd_member {
    struct hd_slice name, value;
    uint32_t next; /* of the same name; 0 ends */
    uint32_t last; /* of the chain; kept in its first */
    bool json;     /* value is JSON text */
    bool chained;  /* not the first of its name */
    bool clean;    /* the name needs no escape */
};

struct hd_members {
    struct hd_member *items;
    uint32_t n, cap;
    struct hd_set names;
};

struct hd_values {
    uint64_t present[HD_TREE_TARGETS / 64];
    struct hd_value value[HD_TREE_TARGETS];
    struct hd_list *lists; /* one for each array field, in order of id */
    uint8_t list_of[HD_TREE_TARGETS];
    uint32_t n_lists;
    struct hd_buffer built; /* JSON text that a transform writes itself */
    int error;              /* -ENOMEM, once there was no memory */
};

int hd_values_init(struct hd_values *values, const struct hd_target *targets, size_t n);
void hd_values_deinit(struct hd_values *values);

static inline void hd_values_clear(struct hd_values *values)
{
    memset(values->present, 0, sizeof(values->present));
    values->built.len = 0;
    values->error = 0;
}

static inline bool hd_values_has(const struct hd_values *values, unsigned id)
{
    return values->present[id / 64] >> (id % 64) & 1;
}

static inline void hd_values_put(struct hd_values *values, unsigned id, enum hd_value_kind kind,
                                 const void *data, size_t len)
{
    values->present[id / 64] |= (uint64_t)1 << (id % 64);
    values->value[id].data = data;
    values->value[id].len = (uint32_t)len;
    values->value[id].kind = kind;
}

/* NUMBER, DECIMAL, HEX or BUILT. */
static inline void hd_values_put_number(struct hd_values *values, unsigned id,
                                        enum hd_value_kind kind, uint64_t number, size_t len)
{
    hd_values_put(values, id, kind, NULL, len);
    values->value[id].number = number;
}

/* Each of these passes over what is empty: an absent value is no field. */
static inline void hd_values_string(struct hd_values *values, unsigned id, struct hd_slice text)
{
    if (text.len > 0) {
        hd_values_put(values, id, HD_VALUE_STRING, text.data, text.len);
    }
}

static inline void hd_values_clean(struct hd_values *values, unsigned id, struct hd_slice text)
{
    if (text.len > 0) {
        hd_values_put(values, id, HD_VALUE_CLEAN, text.data, text.len);
    }
}

static inline void hd_values_raw(struct hd_values *values, unsigned id, const char *json)
{
    if (json) {
        hd_values_put(values, id, HD_VALUE_RAW, json, strlen(json));
    }
}

static inline void hd_values_number(struct hd_values *values, unsigned id, uint64_t number)
{
    hd_values_put_number(values, id, HD_VALUE_NUMBER, number, 0);
}

static inline void hd_values_bool(struct hd_values *values, unsigned id, bool value)
{
    hd_values_raw(values, id, value ? "true" : "false");
}

static inline void hd_values_remove(struct hd_values *values, unsigned id)
{
    values->present[id / 64] &= ~((uint64_t)1 << (id % 64));
}

/* Appends to an array field; hd_values_add_once passes over what it already holds. */
void hd_values_add(struct hd_values *values, unsigned id, struct hd_slice item);
void hd_values_add_once(struct hd_values *values, unsigned id, struct hd_slice item);

/* Zero-initialised members are empty. */
void hd_members_deinit(struct hd_members *members);
void hd_members_clear(struct hd_members *members);
int hd_members_add(struct hd_members *members, struct hd_slice name, struct hd_slice value,
                   bool json);
/* For a name that cannot be there yet, nor come again, and needs no escape. */
int hd_members_add_new(struct hd_members *members, struct hd_slice name, struct hd_slice value,
                       bool json);

/* The values as one JSON object behind the end of the buffer. -ENOMEM leaves it in any state. */
int hd_tree_write(const struct hd_tree *tree, const struct hd_values *values,
                  struct hd_buffer *out);

#endif
