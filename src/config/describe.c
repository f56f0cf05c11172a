/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the schema as text, so that documents are made from it and cannot drift: Markdown tables
 * for docs/configuration.md, scdoc for the manual page, and JSON Schema for editors (a mapping with
 * the known keys, nested as the file is). JSON is written from the sorted paths without a tree: a
 * row opens the levels that it does not share with the row before it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "full.h"
#include "hubdrain/buffer.h"
#include "hubdrain/json.h"
#include "value.h"

/* "`a`, `b` or `c`" or the type's name. */
static int type_words(struct hd_buffer *out, const struct hd_schema_row *row, const char *quote)
{
    int r = 0;
    if (!row->words) {
        return hd_buffer_append_cstr(out, config_type_name(row->type));
    }
    for (size_t i = 0; row->words[i] && !r; i++) {
        const char *before = i == 0 ? "" : row->words[i + 1] ? ", " : " or ";
        r = hd_buffer_printf(out, "%s%s%s%s", before, quote, row->words[i], quote);
    }
    return r;
}

static int bounds(struct hd_buffer *out, const struct hd_schema_row *row)
{
    char min[HD_CONFIG_TEXT_SIZE], max[HD_CONFIG_TEXT_SIZE];

    if (!row->max) {
        return 0;
    }
    if (row->type == HD_TYPE_DURATION) {
        hd_config_format_duration((int64_t)row->min, min);
        hd_config_format_duration((int64_t)row->max, max);
    } else if (row->type == HD_TYPE_SIZE) {
        hd_config_format_size(row->min, min);
        hd_config_format_size(row->max, max);
    } else {
        snprintf(min, sizeof(min), "%" PRIu64, row->min);
        snprintf(max, sizeof(max), "%" PRIu64, row->max);
    }
    return hd_buffer_printf(out, ", %s to %s", min, max);
}

static bool in_section(const struct hd_schema_row *row, const char *section)
{
    size_t len = strlen(section);
    return strncmp(row->path, section, len) == 0 && row->path[len] == '.';
}

/* ---- Markdown ---- */

static int markdown_row(struct hd_buffer *out, const struct hd_schema_row *row)
{
    int r = hd_buffer_printf(out, "| `%s` | ", row->path);
    r = r ? r : type_words(out, row, "`");
    r = r ? r : bounds(out, row);
    if (row->initial_words) {
        r = r ? r : hd_buffer_printf(out, " | %s", row->initial_words);
    } else {
        r = r ? r : hd_buffer_printf(out, " | `%s`", row->initial);
    }
    r = r ? r : hd_buffer_printf(out, " | %s | %s", config_reload_name(row->reload), row->help);
    if (row->only) {
        r = r ? r : hd_buffer_printf(out, " Type `%s`.", row->only);
    }
    if (row->environment) {
        r = r ? r : hd_buffer_printf(out, " Variable `%s`.", row->environment);
    }
    return r ? r : hd_buffer_append_cstr(out, " |\n");
}

int hd_config_describe_markdown(struct hd_buffer *out)
{
    int r = 0;

    for (size_t s = 0; s < config_schema_n_sections && !r; s++) {
        const struct hd_schema_section *section = &config_schema_sections[s];
        r = hd_buffer_printf(out,
                             "%s### %s\n\n%s\n\n| key | value | default | change | meaning |\n"
                             "| --- | --- | --- | --- | --- |\n",
                             s ? "\n" : "", section->path, section->help);
        for (size_t i = 0; i < HD_KEY_COUNT && !r; i++) {
            if (in_section(&config_schema_rows[i], section->path)) {
                r = markdown_row(out, &config_schema_rows[i]);
            }
        }
    }
    return r;
}

/* ---- manual page ---- */

/* scdoc reads _ and * as markup. */
static int man_text(struct hd_buffer *out, const char *text)
{
    int r = 0;
    for (; *text && !r; text++) {
        if (strchr("_*\\#`<>[]{}~", *text)) {
            r = hd_buffer_append(out, "\\", 1);
        }
        r = r ? r : hd_buffer_append(out, text, 1);
    }
    return r;
}

static int man_row(struct hd_buffer *out, const struct hd_schema_row *row)
{
    int r = hd_buffer_append_cstr(out, "*");
    r = r ? r : man_text(out, row->path);
    r = r ? r : hd_buffer_append_cstr(out, "* (");
    r = r ? r : type_words(out, row, "");
    r = r ? r : bounds(out, row);
    r = r ? r : hd_buffer_append_cstr(out, ")\n\t");
    r = r ? r : man_text(out, row->help);
    if (row->only) {
        r = r ? r : hd_buffer_printf(out, " Type %s.", row->only);
    }
    r = r ? r : hd_buffer_append_cstr(out, " Default: ");
    r = r ? r : man_text(out, row->initial_words ? row->initial_words : row->initial);
    r = r ? r : hd_buffer_append_cstr(out, ".");
    if (row->environment) {
        r = r ? r : hd_buffer_append_cstr(out, " Variable: ");
        r = r ? r : man_text(out, row->environment);
        r = r ? r : hd_buffer_append_cstr(out, ".");
    }
    return r ? r : hd_buffer_append_cstr(out, "\n\n");
}

int hd_config_describe_man(struct hd_buffer *out)
{
    int r = 0;

    for (size_t s = 0; s < config_schema_n_sections && !r; s++) {
        const struct hd_schema_section *section = &config_schema_sections[s];
        r = hd_buffer_append_cstr(out, "## ");
        r = r ? r : man_text(out, section->path);
        r = r ? r : hd_buffer_append_cstr(out, "\n\n");
        r = r ? r : man_text(out, section->help);
        r = r ? r : hd_buffer_append_cstr(out, "\n\n");
        for (size_t i = 0; i < HD_KEY_COUNT && !r; i++) {
            if (in_section(&config_schema_rows[i], section->path)) {
                r = man_row(out, &config_schema_rows[i]);
            }
        }
    }
    return r;
}

/* ---- JSON Schema ---- */

static int json_pair(struct hd_buffer *out, const char *key, const char *value)
{
    int r = hd_buffer_printf(out, ", \"%s\": ", key);
    return r ? r : hd_json_string(out, hd_slice_cstr(value));
}

/* What a value may look like in the file. ${} may stand for any of it, so numbers may be text. */
static int json_type(struct hd_buffer *out, const struct hd_schema_row *row)
{
    int r = 0;

    switch (row->type) {
    case HD_TYPE_STRING:
    case HD_TYPE_PATH:
    case HD_TYPE_START:
        return hd_buffer_append_cstr(out, "\"type\": \"string\"");
    case HD_TYPE_SECRET:
        return hd_buffer_append_cstr(
            out, "\"oneOf\": [{\"type\": \"string\"}, {\"type\": \"object\", "
                 "\"minProperties\": 1, \"maxProperties\": 1, \"additionalProperties\": false, "
                 "\"properties\": {\"env\": {\"type\": \"string\"}, \"file\": {\"type\": "
                 "\"string\"}, \"credential\": {\"type\": \"string\"}}}]");
    case HD_TYPE_BOOL:
        return hd_buffer_append_cstr(out, "\"type\": [\"boolean\", \"string\"]");
    case HD_TYPE_INTEGER:
        r = hd_buffer_append_cstr(out, "\"type\": [\"integer\", \"string\"]");
        return r || !row->max
                   ? r
                   : hd_buffer_printf(out, ", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64,
                                      row->min, row->max);
    case HD_TYPE_DURATION:
        return hd_buffer_append_cstr(
            out, "\"type\": [\"string\", \"integer\"], \"pattern\": "
                 "\"^(0|([0-9]+(ms|s|m|h|d))+|.*\\\\$\\\\{.*)$\", \"maximum\": 0");
    case HD_TYPE_SIZE:
        return hd_buffer_append_cstr(
            out, "\"type\": [\"string\", \"integer\"], \"pattern\": "
                 "\"^(0|[0-9]+ ?([KMG]iB|[kKMG]?B)|.*\\\\$\\\\{.*)$\", \"maximum\": 0");
    case HD_TYPE_ENUM:
    case HD_TYPE_WORD:
        r = hd_buffer_append_cstr(out, "\"enum\": [");
        for (size_t i = 0; row->words[i] && !r; i++) {
            r = hd_buffer_printf(out, "%s\"%s\"", i ? ", " : "", row->words[i]);
        }
        return r ? r : hd_buffer_append_cstr(out, "]");
    }
    return 0;
}

static int json_row(struct hd_buffer *out, const struct hd_schema_row *row)
{
    int r = json_type(out, row);
    r = r ? r : json_pair(out, "description", row->help);
    if (row->initial) {
        r = r ? r : json_pair(out, "default", row->initial);
    }
    r = r ? r : json_pair(out, "x-path", row->path);
    r = r ? r : json_pair(out, "x-change", config_reload_name(row->reload));
    if (row->environment) {
        r = r ? r : json_pair(out, "x-environment", row->environment);
    }
    return r;
}

/* Opens the level `name`; a wildcard stands for any name. */
static int json_open(struct hd_buffer *out, const char *name, size_t len, bool first)
{
    if (len == 1 && *name == '*') {
        return hd_buffer_append_cstr(out, "\"additionalProperties\": {");
    }
    return hd_buffer_printf(out, "%s\"%.*s\": {", first ? "\"properties\": {" : ", ", (int)len,
                            name);
}

/* How many characters of whole leading levels two paths share: "a.b." of a.b.c and a.b.d. */
static size_t shared_levels(const char *a, const char *b)
{
    size_t shared = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++) {
        if (a[i] == '.') {
            shared = i + 1;
        }
    }
    return shared;
}

/* Closes the levels of `path` behind the first `keep` characters. */
static int json_close(struct hd_buffer *out, const char *path, size_t keep)
{
    const char *levels[16];
    size_t n = 0;
    int r = 0;

    for (const char *p = path + keep; n < 16;) {
        levels[n++] = p;
        p = strchr(p, '.');
        if (!p) {
            break;
        }
        p++;
    }
    while (n-- > 0 && !r) {
        bool wildcard = *levels[n] == '*';
        r = hd_buffer_append_cstr(out, "}");
        if (n > 0) {
            r = r ? r : hd_buffer_append_cstr(out, wildcard ? "" : "}");
        }
    }
    return r;
}

int hd_config_describe_json(struct hd_buffer *out)
{
    const char *last = "";
    int r = hd_buffer_append_cstr(
        out, "{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"title\": "
             "\"hubdrain configuration\", \"type\": \"object\", \"additionalProperties\": false, ");

    for (size_t i = 0; i < HD_KEY_COUNT && !r; i++) {
        const char *path = config_schema_rows[i].path;
        size_t keep = *last ? shared_levels(last, path) : 0;
        r = *last ? json_close(out, last, keep) : 0;
        for (const char *level = path + keep; !r;) {
            size_t len = strcspn(level, ".");
            bool first = *last ? level != path + keep : true;
            r = json_open(out, level, len, first);
            if (!level[len]) {
                break;
            }
            /* Below a fixed name only the known keys may stand. */
            r = r ? r
                  : hd_buffer_append_cstr(out, level[len + 1] == '*'
                                                   ? "\"type\": [\"object\", \"null\"], "
                                                   : "\"type\": [\"object\", \"null\"], "
                                                     "\"additionalProperties\": false, ");
            level += len + 1;
        }
        r = r ? r : json_row(out, &config_schema_rows[i]);
        last = path;
    }
    r = r ? r : json_close(out, last, 0);
    return r ? r : hd_buffer_append_cstr(out, "}}\n");
}
