/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: between two fields that follow each other in the output stand only closing braces, a
 * comma and the names from their common parent down. Which parent that is follows from the ids of
 * the objects around each field, one byte a level in one word: the first byte that differs is the
 * level. The text of the names is laid out when the tree is built, so a field costs one copy of a
 * fixed size and its value.
 */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>

#include "hubdrain/json.h"

/* Names of one field with quotes, colons and braces; the copy is always of this size. */
#define TEXT_BYTES 96
/* Closing braces, comma, names, a number and quotes; what one field may need beside its value. */
#define FIELD_BYTES (TEXT_BYTES + HD_TREE_DEPTH + 32)

struct leaf {
    uint64_t nodes;                   /* byte d: the object at level d; 0 beyond its depth */
    uint8_t start[HD_TREE_DEPTH + 1]; /* from text: where the names from level d down begin */
    uint32_t text;                    /* in the tree's texts, which lie close together */
    uint8_t depth, len;
};

struct hd_tree {
    char *texts; /* a copy may read TEXT_BYTES past the last */
    size_t n, texts_len;
    struct leaf leaves[];
};

const char *hd_type_name(enum hd_type type)
{
    static const char *const names[] = {
        [HD_TYPE_KEYWORD] = "keyword", [HD_TYPE_TEXT] = "text",       [HD_TYPE_DATE] = "date",
        [HD_TYPE_LONG] = "long",       [HD_TYPE_BOOLEAN] = "boolean", [HD_TYPE_IP] = "ip",
        [HD_TYPE_OBJECT] = "object"};
    return names[type];
}

/* ---- building ---- */

/* How many leading levels (objects) the paths share. */
static unsigned common_levels(const char *a, const char *b)
{
    unsigned levels = 0;
    for (; *a && *a == *b; a++, b++) {
        levels += *a == '.';
    }
    return levels;
}

static int leaf_build(struct hd_tree *tree, struct leaf *leaf, const char *path)
{
    char *text = tree->texts + tree->texts_len;
    size_t at = 0;
    leaf->text = (uint32_t)tree->texts_len;
    text[at++] = '"';
    for (; *path; path++) {
        if (at + 6 > TEXT_BYTES) {
            return -EINVAL;
        }
        if (*path != '.') {
            text[at++] = *path;
            continue;
        }
        if (leaf->depth == HD_TREE_DEPTH) {
            return -EINVAL;
        }
        memcpy(text + at, "\":{\"", 4);
        leaf->start[++leaf->depth] = (uint8_t)(at + 3);
        at += 4;
    }
    memcpy(text + at, "\":", 2);
    leaf->len = (uint8_t)(at + 2);
    tree->texts_len += at + 2;
    return 0;
}

int hd_tree_new(const struct hd_target *targets, size_t n, struct hd_tree **ret)
{
    struct hd_tree *tree = calloc(1, sizeof(*tree) + n * sizeof(tree->leaves[0]));
    uint64_t last_node = 0;
    if (!tree) {
        return -ENOMEM;
    }
    tree->texts = calloc(n + 2, TEXT_BYTES);
    if (!tree->texts) {
        free(tree);
        return -ENOMEM;
    }
    tree->n = n;
    int r = n < HD_TREE_TARGETS ? 0 : -EINVAL;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct leaf *leaf = &tree->leaves[i];
        r = leaf_build(tree, leaf, targets[i].path);
        unsigned shared = i > 0 ? common_levels(targets[i - 1].path, targets[i].path) : 0;
        for (unsigned level = 0; level < leaf->depth; level++) {
            uint64_t node =
                level < shared ? tree->leaves[i - 1].nodes >> (8 * level) & 255 : ++last_node;
            leaf->nodes |= node << (8 * level);
        }
    }
    if (r < 0 || last_node > 255) {
        hd_tree_free(tree);
        return r < 0 ? r : -EINVAL;
    }
    *ret = tree;
    return 0;
}

void hd_tree_free(struct hd_tree *tree)
{
    if (tree) {
        free(tree->texts);
        free(tree);
    }
}

/* ---- values ---- */

int hd_values_init(struct hd_values *values, const struct hd_target *targets, size_t n)
{
    memset(values, 0, sizeof(*values));
    for (size_t i = 0; i < n; i++) {
        values->list_of[i] = (uint8_t)values->n_lists;
        values->n_lists += targets[i].array;
    }
    values->lists = calloc(values->n_lists ? values->n_lists : 1, sizeof(*values->lists));
    return values->lists ? 0 : -ENOMEM;
}

void hd_values_deinit(struct hd_values *values)
{
    for (uint32_t i = 0; values->lists && i < values->n_lists; i++) {
        free(values->lists[i].items);
        hd_set_deinit(&values->lists[i].seen);
    }
    free(values->lists);
    values->lists = NULL;
    hd_buffer_deinit(&values->built);
}

static struct hd_list *open_list(struct hd_values *values, unsigned id)
{
    struct hd_list *list = &values->lists[values->list_of[id]];
    if (!hd_values_has(values, id)) {
        list->n = 0;
        hd_set_clear(&list->seen);
        hd_values_put(values, id, HD_VALUE_LIST, list, 0);
    }
    return list;
}

void hd_values_add(struct hd_values *values, unsigned id, struct hd_slice item)
{
    struct hd_list *list = open_list(values, id);
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 16;
        struct hd_slice *items = realloc(list->items, cap * sizeof(*items));
        if (!items) {
            values->error = -ENOMEM;
            return;
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = item;
}

void hd_values_add_once(struct hd_values *values, unsigned id, struct hd_slice item)
{
    if (item.len == 0) {
        return;
    }
    struct hd_list *list = open_list(values, id);
    int64_t found = hd_set_add(&list->seen, item, 0);
    if (found == -2) {
        values->error = -ENOMEM;
    } else if (found == -1) {
        hd_values_add(values, id, item);
    }
}

void hd_members_deinit(struct hd_members *members)
{
    free(members->items);
    hd_set_deinit(&members->names);
}

void hd_members_clear(struct hd_members *members)
{
    members->n = 0;
    hd_set_clear(&members->names);
}

static int add_member(struct hd_members *members, const struct hd_member *member)
{
    if (members->n == members->cap) {
        uint32_t cap = members->cap ? members->cap * 2 : 64;
        struct hd_member *items = realloc(members->items, cap * sizeof(*items));
        if (!items) {
            return -ENOMEM;
        }
        members->items = items;
        members->cap = cap;
    }
    members->items[members->n] = *member;
    members->items[members->n].last = members->n;
    members->n++;
    return 0;
}

int hd_members_add_new(struct hd_members *members, struct hd_slice name, struct hd_slice value,
                       bool json)
{
    return add_member(
        members, &(struct hd_member){.name = name, .value = value, .json = json, .clean = true});
}

int hd_members_add(struct hd_members *members, struct hd_slice name, struct hd_slice value,
                   bool json)
{
    uint32_t index = members->n;
    int64_t first = hd_set_add(&members->names, name, index);
    if (first == -2) {
        return -ENOMEM;
    }
    const struct hd_member member = {
        .name = name, .value = value, .json = json, .chained = first >= 0};
    int r = add_member(members, &member);
    if (r == 0 && first >= 0) {
        struct hd_member *head = &members->items[first];
        members->items[head->last].next = index;
        head->last = index;
    }
    return r;
}

/* ---- writing ---- */

/* Short texts are the rule, and a call costs more than they do. */
static inline void copy_short(char *at, const char *p, size_t n)
{
    if (n > 16 || n < 4) {
        memcpy(at, p, n);
    } else if (n >= 8) {
        uint64_t head, tail;
        memcpy(&head, p, 8);
        memcpy(&tail, p + n - 8, 8);
        memcpy(at, &head, 8);
        memcpy(at + n - 8, &tail, 8);
    } else {
        uint32_t head, tail;
        memcpy(&head, p, 4);
        memcpy(&tail, p + n - 4, 4);
        memcpy(at, &head, 4);
        memcpy(at + n - 4, &tail, 4);
    }
}

static int write_record(struct hd_buffer *out, struct hd_slice json)
{
    int r = hd_json_copy(out, json);
    return r == HD_JSON_E_INVALID ? hd_json_string(out, json) : r;
}

static int put_char(struct hd_buffer *out, char c)
{
    int r = hd_buffer_reserve(out, 1);
    if (r == 0) {
        out->data[out->len++] = c;
    }
    return r;
}

static int write_list(struct hd_buffer *out, const struct hd_list *list)
{
    int r = put_char(out, '[');
    for (uint32_t i = 0; i < list->n && r == 0; i++) {
        r = i > 0 ? put_char(out, ',') : 0;
        r = r < 0 ? r : hd_json_string(out, list->items[i]);
    }
    return r < 0 ? r : put_char(out, ']');
}

static int write_member_value(struct hd_buffer *out, const struct hd_member *member)
{
    return member->json ? write_record(out, member->value) : hd_json_string(out, member->value);
}

static int write_name(struct hd_buffer *out, const struct hd_member *member)
{
    if (!member->clean) {
        int r = hd_json_string(out, member->name);
        return r < 0 ? r : put_char(out, ':');
    }
    int r = hd_buffer_reserve(out, member->name.len + 3);
    if (r < 0) {
        return r;
    }
    char *at = out->data + out->len;
    *at++ = '"';
    copy_short(at, member->name.data, member->name.len);
    memcpy(at + member->name.len, "\":", 2);
    out->len += member->name.len + 3;
    return 0;
}

static int write_member(struct hd_buffer *out, const struct hd_members *members, uint32_t index)
{
    const struct hd_member *member = &members->items[index];
    int r = write_name(out, member);
    if (member->next == 0) {
        return r < 0 ? r : write_member_value(out, member);
    }
    r = r < 0 ? r : put_char(out, '[');
    while (r == 0) {
        r = write_member_value(out, member);
        if (r < 0 || member->next == 0) {
            break;
        }
        r = put_char(out, ',');
        member = &members->items[member->next];
    }
    return r < 0 ? r : put_char(out, ']');
}

static int write_members(struct hd_buffer *out, const struct hd_members *members)
{
    int r = put_char(out, '{');
    for (uint32_t i = 0; i < members->n && r == 0; i++) {
        if (members->items[i].chained) {
            continue; /* written with the first of its name */
        }
        r = i > 0 ? put_char(out, ',') : 0;
        r = r < 0 ? r : write_member(out, members, i);
    }
    return r < 0 ? r : put_char(out, '}');
}

static char *put_hex(char *at, uint64_t number)
{
    static const char digits[] = "0123456789abcdef";
    memcpy(at, "0x", 2);
    for (unsigned i = 0; i < 16; i++) {
        at[2 + i] = digits[number >> (60 - 4 * i) & 15];
    }
    return at + 18;
}

/* There is room for a number in quotes. */
static int write_value(struct hd_buffer *out, const struct hd_values *values,
                       const struct hd_value *value)
{
    struct hd_slice text = {value->data, value->len};
    switch (value->kind) {
    case HD_VALUE_STRING:
        return hd_json_string(out, text);
    case HD_VALUE_CLEAN: {
        int r = hd_buffer_reserve(out, text.len + 2);
        if (r < 0) {
            return r;
        }
        out->data[out->len++] = '"';
        copy_short(out->data + out->len, text.data, text.len);
        out->len += text.len;
        out->data[out->len++] = '"';
        return 0;
    }
    case HD_VALUE_RAW:
        return hd_buffer_append(out, text.data, text.len);
    case HD_VALUE_NUMBER:
        out->len += hd_json_uint(out->data + out->len, value->number);
        return 0;
    case HD_VALUE_DECIMAL:
    case HD_VALUE_HEX: {
        char *at = out->data + out->len;
        *at++ = '"';
        at = value->kind == HD_VALUE_HEX ? put_hex(at, value->number)
                                         : at + hd_json_uint(at, value->number);
        *at++ = '"';
        out->len = (size_t)(at - out->data);
        return 0;
    }
    case HD_VALUE_BUILT:
        return hd_buffer_append(out, values->built.data + value->number, value->len);
    case HD_VALUE_LIST:
        return write_list(out, value->data);
    case HD_VALUE_MEMBERS:
        return write_members(out, value->data);
    case HD_VALUE_RECORD:
        return write_record(out, text);
    }
    return 0;
}

/* Closes and opens what lies between two fields; there is room. */
static char *write_path(char *at, const char *texts, const struct leaf *last,
                        const struct leaf *leaf)
{
    unsigned level = 0;
    if (last) {
        uint64_t differ = last->nodes ^ leaf->nodes;
        level = differ ? (unsigned)__builtin_ctzll(differ) / 8 : last->depth;
        memset(at, '}', HD_TREE_DEPTH);
        at += last->depth - level;
        *at++ = ',';
    }
    /* Most have room in the first copy; sizes are fixed, so neither is a call. */
    const char *text = texts + leaf->text + leaf->start[level];
    size_t len = leaf->len - leaf->start[level];
    memcpy(at, text, 32);
    if (len > 32) {
        memcpy(at + 32, text + 32, TEXT_BYTES - 32);
    }
    return at + len;
}

int hd_tree_write(const struct hd_tree *tree, const struct hd_values *values, struct hd_buffer *out)
{
    const struct leaf *last = NULL;
    int r = put_char(out, '{');

    for (size_t word = 0; word < HD_TREE_TARGETS / 64 && r == 0; word++) {
        for (uint64_t bits = values->present[word]; bits && r == 0; bits &= bits - 1) {
            size_t id = word * 64 + (size_t)__builtin_ctzll(bits);
            const struct leaf *leaf = &tree->leaves[id];
            r = hd_buffer_reserve(out, FIELD_BYTES);
            if (r < 0) {
                break;
            }
            out->len =
                (size_t)(write_path(out->data + out->len, tree->texts, last, leaf) - out->data);
            r = write_value(out, values, &values->value[id]);
            last = leaf;
        }
    }
    for (unsigned level = last ? last->depth : 0; level > 0 && r == 0; level--) {
        r = put_char(out, '}');
    }
    return r < 0 ? r : put_char(out, '}');
}
