/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Node: the tree that a YAML file, the environment and the command line build together. Every node
 * knows where it was written.
 *
 * Owner:   a pool. An alias is the very node it names, so nothing is ever copied by expanding one.
 * Threads: none.
 * Limits:  HD_NODE_* below; a tree past them is a mistake of the file.
 */
#ifndef HD_CONFIG_NODE_H
#define HD_CONFIG_NODE_H

#include "hubdrain/slice.h"
#include "pool.h"
#include "report.h"

#define HD_NODE_DEPTH_MAX 16
#define HD_NODE_COUNT_MAX 20000 /* with every alias counted as what it stands for */

enum hd_node_kind { HD_NODE_SCALAR, HD_NODE_MAPPING, HD_NODE_SEQUENCE };

struct hd_node;
struct hd_node_pair {
    struct hd_node *key, *value; /* key NULL: element of a sequence */
};

struct hd_node {
    enum hd_node_kind kind;
    struct hd_where where;
    bool plain;   /* scalar without quotes: may be null */
    bool open;    /* being read: an alias to it would be a circle */
    bool literal; /* from the environment or the command line: no ${} in it */
    size_t weight;
    const char *text; /* scalar */
    struct hd_node_pair *pairs;
    size_t n, cap;
};

const char *config_node_kind_name(const struct hd_node *node);

struct hd_node *config_node_new(struct hd_pool *pool, enum hd_node_kind kind,
                                const struct hd_where *where);
struct hd_node *config_node_new_text(struct hd_pool *pool, const char *text, size_t len,
                                     const struct hd_where *where);
int config_node_add(struct hd_pool *pool, struct hd_node *parent, struct hd_node *key,
                    struct hd_node *value);
struct hd_node_pair *config_node_find(const struct hd_node *mapping, const char *key);

/* An empty scalar, `~` or `null`: the same as leaving the key out. */
bool config_node_is_null(const struct hd_node *node);

/* Puts `value` at a dotted path, making mappings on the way and replacing what is no mapping. Nodes
 * that an alias may share are copied, never changed. -ENOMEM; -EINVAL for a malformed path. */
int config_node_put(struct hd_pool *pool, struct hd_node **root, const char *path,
                    struct hd_node *value);

/* YAML text -> tree. 0 or -ENOMEM; mistakes go to the report. *ret is NULL for an empty document or
 * one that cannot be read. */
int config_yaml_read(struct hd_pool *pool, struct hd_slice text, const char *name,
                     struct hd_report *report, struct hd_node **ret);

#endif
