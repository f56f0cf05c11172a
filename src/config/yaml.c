/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: libyaml's event interface, because its document interface expands nothing but also checks
 * nothing: duplicate keys, a second document, circles through aliases. The collections that are
 * open stand on an explicit stack of fixed height, so depth is a mistake and never our own stack.
 *
 * An alias becomes a pointer to the node it names, and a node's weight is what it would be when
 * expanded. The weight is bounded: whoever walks the tree later cannot be sent round for ever.
 */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "node.h"

#define ANCHORS_MAX 256

struct anchor {
    const char *name;
    struct hd_node *node;
};

struct reader {
    struct hd_pool *pool;
    struct hd_report *report;
    const char *name;
    yaml_parser_t parser;
    struct hd_node *stack[HD_NODE_DEPTH_MAX];
    struct hd_node *keys[HD_NODE_DEPTH_MAX]; /* the key that waits for its value */
    bool twice[HD_NODE_DEPTH_MAX];           /* ... and stands there already */
    size_t depth;
    size_t count;
    struct anchor *anchors;
    size_t n_anchors, cap_anchors;
    struct hd_node *root;
    bool ended; /* the document is complete */
};

/* What a step says: go on, stop because a mistake was reported, or stop for want of memory. */
enum { GO_ON = 0, STOP = 1 };

static struct hd_where where_of(const struct reader *reader, yaml_mark_t mark)
{
    return (struct hd_where){HD_RANK_FILE, reader->name, (int)mark.line + 1, (int)mark.column + 1};
}

static int key_taken(struct reader *reader, struct hd_node *mapping, struct hd_node *key)
{
    size_t level = reader->depth - 1;
    char quoted[HD_QUOTE_SIZE];

    if (key->kind != HD_NODE_SCALAR) {
        config_report_mistake(reader->report, &key->where, "a key must be text, this is %s",
                              config_node_kind_name(key));
        return STOP;
    }
    if (strcmp(key->text, "<<") == 0 && key->plain) {
        config_report_mistake(reader->report, &key->where,
                              "merge keys (<<) are not supported; give the whole value an alias");
        return STOP;
    }
    const struct hd_node_pair *first = config_node_find(mapping, key->text);
    reader->twice[level] = first != NULL;
    if (first) {
        config_report_mistake(reader->report, &key->where,
                              "%s is given twice, first in line %d; remove one of them",
                              config_quote(key->text, quoted), first->key->where.line);
    }
    reader->keys[level] = key;
    return GO_ON;
}

/* Puts a finished node (or a collection that has just begun) where it belongs. */
static int place(struct reader *reader, struct hd_node *node)
{
    if (reader->depth == 0) {
        reader->root = node;
        return GO_ON;
    }
    size_t level = reader->depth - 1;
    struct hd_node *parent = reader->stack[level];
    if (parent->kind == HD_NODE_SEQUENCE) {
        return config_node_add(reader->pool, parent, NULL, node);
    }
    if (!reader->keys[level]) {
        return key_taken(reader, parent, node);
    }
    struct hd_node *key = reader->keys[level];
    reader->keys[level] = NULL;
    return reader->twice[level] ? GO_ON : config_node_add(reader->pool, parent, key, node);
}

static int weigh(struct reader *reader, size_t weight, const struct hd_where *where)
{
    reader->count += weight;
    if (reader->count > HD_NODE_COUNT_MAX) {
        config_report_mistake(reader->report, where,
                              "too much: more than %d values, with aliases written out",
                              HD_NODE_COUNT_MAX);
        return STOP;
    }
    return GO_ON;
}

static int remember(struct reader *reader, const yaml_char_t *name, struct hd_node *node)
{
    if (!name) {
        return GO_ON;
    }
    if (reader->n_anchors >= ANCHORS_MAX) {
        config_report_mistake(reader->report, &node->where, "too many anchors: more than %d",
                              ANCHORS_MAX);
        return STOP;
    }
    struct anchor *anchors = config_pool_grow(reader->pool, reader->anchors, reader->n_anchors,
                                              &reader->cap_anchors, sizeof(*anchors));
    const char *copy =
        config_pool_copy(reader->pool, (const char *)name, strlen((const char *)name));
    if (!anchors || !copy) {
        return -ENOMEM;
    }
    reader->anchors = anchors;
    anchors[reader->n_anchors++] = (struct anchor){copy, node};
    return GO_ON;
}

static int check_tag(struct reader *reader, const yaml_char_t *tag, const struct hd_where *where)
{
    char quoted[HD_QUOTE_SIZE];

    if (!tag || strcmp((const char *)tag, "!") == 0 ||
        strncmp((const char *)tag, "tag:yaml.org,2002:", 18) == 0) {
        return GO_ON;
    }
    config_report_mistake(reader->report, where, "the tag %s means nothing here; remove it",
                          config_quote((const char *)tag, quoted));
    return STOP;
}

static int on_alias(struct reader *reader, const yaml_event_t *event)
{
    struct hd_where where = where_of(reader, event->start_mark);
    const char *name = (const char *)event->data.alias.anchor;
    struct hd_node *node = NULL;
    char quoted[HD_QUOTE_SIZE];

    for (size_t i = reader->n_anchors; i-- > 0 && !node;) {
        if (strcmp(reader->anchors[i].name, name) == 0) {
            node = reader->anchors[i].node;
        }
    }
    if (!node) {
        config_report_mistake(reader->report, &where, "there is no anchor %s above this alias",
                              config_quote(name, quoted));
        return STOP;
    }
    if (node->open) {
        config_report_mistake(reader->report, &where, "the alias %s stands inside its own anchor",
                              config_quote(name, quoted));
        return STOP;
    }
    int r = weigh(reader, node->weight, &where);
    return r ? r : place(reader, node);
}

static int on_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct hd_where where = where_of(reader, event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;

    if (memchr(text, '\0', len)) {
        config_report_mistake(reader->report, &where, "the value holds a NUL character");
        return STOP;
    }
    int r = check_tag(reader, event->data.scalar.tag, &where);
    r = r ? r : weigh(reader, 1, &where);
    if (r) {
        return r;
    }
    struct hd_node *node = config_node_new_text(reader->pool, text, len, &where);
    if (!node) {
        return -ENOMEM;
    }
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    r = remember(reader, event->data.scalar.anchor, node);
    return r ? r : place(reader, node);
}

static int on_start(struct reader *reader, const yaml_event_t *event)
{
    struct hd_where where = where_of(reader, event->start_mark);
    bool mapping = event->type == YAML_MAPPING_START_EVENT;

    if (reader->depth == HD_NODE_DEPTH_MAX) {
        config_report_mistake(reader->report, &where, "nested more than %d levels deep",
                              HD_NODE_DEPTH_MAX);
        return STOP;
    }
    int r = check_tag(
        reader, mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag, &where);
    r = r ? r : weigh(reader, 1, &where);
    if (r) {
        return r;
    }
    struct hd_node *node =
        config_node_new(reader->pool, mapping ? HD_NODE_MAPPING : HD_NODE_SEQUENCE, &where);
    if (!node) {
        return -ENOMEM;
    }
    node->open = true;
    node->weight = reader->count; /* the difference is taken at its end */
    r = remember(reader,
                 mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
                 node);
    r = r ? r : place(reader, node);
    if (r == GO_ON) {
        reader->keys[reader->depth] = NULL;
        reader->stack[reader->depth++] = node;
    }
    return r;
}

static int on_event(struct reader *reader, const yaml_event_t *event)
{
    struct hd_where where = where_of(reader, event->start_mark);

    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->ended) {
            config_report_mistake(reader->report, &where,
                                  "a second document begins here; one file holds one document");
            return STOP;
        }
        return GO_ON;
    case YAML_DOCUMENT_END_EVENT:
        reader->ended = true;
        return GO_ON;
    case YAML_ALIAS_EVENT:
        return on_alias(reader, event);
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return on_start(reader, event);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: {
        struct hd_node *node = reader->stack[--reader->depth];
        node->open = false;
        node->weight = reader->count - node->weight + 1;
        return GO_ON;
    }
    default:
        return GO_ON;
    }
}

/* libyaml's words name no content of the file, so they can be passed on. */
static void syntax_mistake(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "cannot be read as YAML";
    yaml_mark_t mark = parser->problem_mark;

    if (parser->error == YAML_READER_ERROR) {
        struct hd_where where = {HD_RANK_FILE, reader->name, 0, 0};
        config_report_mistake(reader->report, &where, "not valid text: %s at byte %zu", problem,
                              parser->problem_offset);
        return;
    }
    struct hd_where where = where_of(reader, mark);
    bool one_line = !parser->context || parser->context_mark.line == mark.line;
    const char *hint = "";
    if (strstr(problem, "cannot start any token")) {
        hint = "; indent with blanks, not tabs, and put quotes around @ ` %";
    } else if (strstr(problem, "',' or '}'") && one_line) {
        hint = "; put quotes around a value with { or }, such as \"${NAME}\"";
    }
    if (!one_line) {
        config_report_mistake(reader->report, &where, "%s, %s that begins in line %zu%s", problem,
                              parser->context, parser->context_mark.line + 1, hint);
    } else if (parser->context) {
        config_report_mistake(reader->report, &where, "%s, %s%s", problem, parser->context, hint);
    } else {
        config_report_mistake(reader->report, &where, "%s%s", problem, hint);
    }
}

static int read_events(struct reader *reader)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event)) {
            if (reader->parser.error == YAML_MEMORY_ERROR) {
                return -ENOMEM;
            }
            syntax_mistake(reader);
            return STOP;
        }
        bool end = event.type == YAML_STREAM_END_EVENT;
        int r = end ? GO_ON : on_event(reader, &event);
        yaml_event_delete(&event);
        if (r || end) {
            return r;
        }
    }
}

int config_yaml_read(struct hd_pool *pool, struct hd_slice text, const char *name,
                     struct hd_report *report, struct hd_node **ret)
{
    struct reader reader = {.pool = pool, .report = report, .name = name};

    *ret = NULL;
    if (!yaml_parser_initialize(&reader.parser)) {
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.len);
    int r = read_events(&reader);
    yaml_parser_delete(&reader.parser);
    if (r == GO_ON) {
        *ret = reader.root;
    }
    return r < 0 ? r : 0;
}
