/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full: the configuration with what only its making needs, and the draft that a load works on.
 *
 * Owner:   hd_config_load; of the full struct, whoever has the configuration.
 */
#ifndef HD_CONFIG_FULL_H
#define HD_CONFIG_FULL_H

#include "hubdrain/config.h"
#include "node.h"
#include "pool.h"
#include "report.h"
#include "schema.h"

#define HD_OUTPUTS_MAX 64
#define HD_STARTS_MAX  2048

struct hd_config_full {
    struct hd_config config; /* first: the caller's pointer is ours */
    struct hd_pool pool;     /* everything that config points to */
    const char *connection_string, *hub_name, *dataset;
    struct hd_start start;
};

/* Per output: its name's node, what gave each key, and which keys were unusable. */
struct hd_draft_output {
    const struct hd_node *name;
    const struct hd_node *given[HD_KEY_COUNT];
    bool bad[HD_KEY_COUNT];
};

struct hd_draft {
    struct hd_config_full *full;
    const char *const *environment;
    struct hd_pool tree;
    struct hd_report report;
    const struct hd_node *given[HD_KEY_COUNT]; /* NULL: nobody set it */
    bool bad[HD_KEY_COUNT];                    /* set, but already reported as unusable */
    struct hd_draft_output *outputs;
    size_t n_outputs, cap_outputs, cap_options, cap_starts;
};

/* The value of a variable in the load's environment, or NULL. */
const char *config_environment_get(const struct hd_draft *draft, const char *name);

/* Puts the environment and the command line into the tree. 0 or -ENOMEM. */
int config_environment_overlay(struct hd_draft *draft, struct hd_node **root);
int config_overrides_overlay(struct hd_draft *draft, struct hd_node **root,
                             const struct hd_config_override *overrides, size_t n);

/* ${} in a scalar. 0, -ENOMEM, or 1 when a mistake was reported. *ret_expanded: there was one. */
int config_expand(struct hd_draft *draft, const struct hd_node *node, const char **ret,
                  bool *ret_expanded);

/* A secret from any of its sources; same results. The text is in the full struct's pool. */
int config_secret_read(struct hd_draft *draft, const char *path, const struct hd_node *node,
                       const char **ret);

/* A value's text into the field of a row. 0, -EINVAL with ret_why, or -ENOMEM. */
int config_field_set(struct hd_draft *draft, const struct hd_schema_row *row, void *base,
                     const char *text, char *ret_why, size_t why_size);

/* Defaults into everything; tree -> struct; what is worked out; cross checks. 0 or -ENOMEM. */
int config_defaults_apply(struct hd_draft *draft);
int config_apply_tree(struct hd_draft *draft, const struct hd_node *root);
int config_output_defaults(struct hd_draft *draft, struct hd_output_options *options);
int config_defaults_complete(struct hd_draft *draft);
int config_check(struct hd_draft *draft);
int config_check_outputs(struct hd_draft *draft);

#endif
