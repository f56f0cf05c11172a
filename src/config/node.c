/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: mappings are arrays of pairs in the order of the file. A configuration has tens of keys,
 * and looking through them beats hashing them. Nodes from the environment and from --set are put
 * into the same tree, so that one later pass checks and types everything alike.
 */
#include "node.h"

#include <errno.h>
#include <string.h>

const char *config_node_kind_name(const struct hd_node *node)
{
    switch (node->kind) {
    case HD_NODE_SCALAR:
        return "a single value";
    case HD_NODE_MAPPING:
        return "a mapping";
    case HD_NODE_SEQUENCE:
        return "a list";
    }
    return "";
}

struct hd_node *config_node_new(struct hd_pool *pool, enum hd_node_kind kind,
                                const struct hd_where *where)
{
    struct hd_node *node = config_pool_alloc(pool, sizeof(*node));
    if (node) {
        node->kind = kind;
        node->where = *where;
        node->weight = 1;
    }
    return node;
}

struct hd_node *config_node_new_text(struct hd_pool *pool, const char *text, size_t len,
                                     const struct hd_where *where)
{
    struct hd_node *node = config_node_new(pool, HD_NODE_SCALAR, where);
    if (node) {
        node->text = config_pool_copy(pool, text, len);
    }
    return node && node->text ? node : NULL;
}

int config_node_add(struct hd_pool *pool, struct hd_node *parent, struct hd_node *key,
                    struct hd_node *value)
{
    struct hd_node_pair *pairs =
        config_pool_grow(pool, parent->pairs, parent->n, &parent->cap, sizeof(*pairs));
    if (!pairs) {
        return -ENOMEM;
    }
    parent->pairs = pairs;
    pairs[parent->n++] = (struct hd_node_pair){key, value};
    return 0;
}

struct hd_node_pair *config_node_find(const struct hd_node *mapping, const char *key)
{
    for (size_t i = 0; i < mapping->n; i++) {
        if (mapping->pairs[i].key && strcmp(mapping->pairs[i].key->text, key) == 0) {
            return &mapping->pairs[i];
        }
    }
    return NULL;
}

bool config_node_is_null(const struct hd_node *node)
{
    return node->kind == HD_NODE_SCALAR &&
           (!*node->text ||
            (node->plain && (strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0 ||
                             strcmp(node->text, "Null") == 0 || strcmp(node->text, "NULL") == 0)));
}

/* The mapping to change at *slot: a copy of the one that is there, or a new one. */
static struct hd_node *own_mapping(struct hd_pool *pool, struct hd_node **slot,
                                   const struct hd_where *where)
{
    const struct hd_node *old = *slot;
    struct hd_node *mapping = config_node_new(pool, HD_NODE_MAPPING, where);

    if (!mapping) {
        return NULL;
    }
    if (old && old->kind == HD_NODE_MAPPING) {
        mapping->where = old->where;
        for (size_t i = 0; i < old->n; i++) {
            if (config_node_add(pool, mapping, old->pairs[i].key, old->pairs[i].value)) {
                return NULL;
            }
        }
    }
    *slot = mapping;
    return mapping;
}

int config_node_put(struct hd_pool *pool, struct hd_node **root, const char *path,
                    struct hd_node *value)
{
    struct hd_node **slot = root;
    int depth = 0;

    for (const char *part = path;; depth++) {
        size_t len = strcspn(part, ".");
        if (len == 0 || depth >= HD_NODE_DEPTH_MAX) {
            return -EINVAL;
        }
        struct hd_node *mapping = own_mapping(pool, slot, &value->where);
        struct hd_node *key = config_node_new_text(pool, part, len, &value->where);
        if (!mapping || !key) {
            return -ENOMEM;
        }
        struct hd_node_pair *pair = config_node_find(mapping, key->text);
        if (!pair) {
            if (config_node_add(pool, mapping, key, NULL)) {
                return -ENOMEM;
            }
            pair = &mapping->pairs[mapping->n - 1];
        }
        if (!part[len]) {
            pair->value = value;
            return 0;
        }
        slot = &pair->value;
        part += len + 1;
    }
}
