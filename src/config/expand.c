/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: variables are put into single values after YAML was parsed, so whoever sets one can
 * change a value but never add a key. One pass, no nesting: a value is not looked at again for more
 * ${}.
 *
 *     ${NAME}            the value; it must be set
 *     ${NAME:-text}      text when NAME is unset or empty
 *     ${NAME:?message}   a mistake with that message when NAME is unset or empty
 *     $${                the two characters ${
 */
#include <errno.h>
#include <string.h>

#include "full.h"
#include "hubdrain/buffer.h"

#define EXPANDED_MAX ((size_t)1 << 20)

static size_t name_length(const char *text)
{
    size_t n = 0;
    while (text[n] == '_' || (text[n] >= 'A' && text[n] <= 'Z') ||
           (text[n] >= 'a' && text[n] <= 'z') || (n && text[n] >= '0' && text[n] <= '9')) {
        n++;
    }
    return n;
}

/* The text of ${...} whose inside is body[0..len). NULL with *ret_error 0 (reported) or -ENOMEM. */
static const char *variable(struct hd_draft *draft, const struct hd_node *node, const char *body,
                            size_t len, int *ret_error)
{
    char quoted[HD_QUOTE_SIZE];
    size_t n = name_length(body);
    bool has_default = len >= n + 2 && memcmp(body + n, ":-", 2) == 0;
    bool has_message = len >= n + 2 && memcmp(body + n, ":?", 2) == 0;

    *ret_error = 0;
    if (n == 0 || (n < len && !has_default && !has_message)) {
        config_report_mistake(&draft->report, &node->where,
                              "malformed variable; write ${NAME}, ${NAME:-default} or "
                              "${NAME:?message}, and $${ for a plain ${");
        return NULL;
    }
    char *name = config_pool_copy(&draft->tree, body, n);
    char *rest = n < len ? config_pool_copy(&draft->tree, body + n + 2, len - n - 2) : name;
    if (!name || !rest) {
        *ret_error = -ENOMEM;
        return NULL;
    }
    const char *value = config_environment_get(draft, name);
    if (value && (*value || n == len)) {
        return value;
    }
    if (has_default) {
        return rest;
    }
    if (has_message) {
        config_report_mistake(&draft->report, &node->where, "${%s} is not set: %s", name,
                              *rest ? config_quote(rest, quoted) : "it is required");
    } else {
        config_report_mistake(&draft->report, &node->where,
                              "${%s} is not set; set the variable, or write ${%s:-default}", name,
                              name);
    }
    return NULL;
}

static int append(struct hd_buffer *out, const char *text, size_t len)
{
    return len > EXPANDED_MAX - out->len ? -EFBIG : hd_buffer_append(out, text, len);
}

static int expand_into(struct hd_draft *draft, const struct hd_node *node, struct hd_buffer *out)
{
    const char *text = node->text;

    for (;;) {
        const char *dollar = strstr(text, "${");
        if (!dollar) {
            return append(out, text, strlen(text));
        }
        if (dollar > text && dollar[-1] == '$') {
            int r = append(out, text, (size_t)(dollar - 1 - text));
            r = r ? r : append(out, "${", 2);
            if (r) {
                return r;
            }
            text = dollar + 2;
            continue;
        }
        const char *end = strchr(dollar, '}');
        if (!end) {
            config_report_mistake(&draft->report, &node->where,
                                  "${ without its }; write $${ for a plain ${");
            return 1;
        }
        int error = 0;
        const char *value = variable(draft, node, dollar + 2, (size_t)(end - dollar - 2), &error);
        if (!value) {
            return error ? error : 1;
        }
        int r = append(out, text, (size_t)(dollar - text));
        r = r ? r : append(out, value, strlen(value));
        if (r) {
            return r;
        }
        text = end + 1;
    }
}

int config_expand(struct hd_draft *draft, const struct hd_node *node, const char **ret,
                  bool *ret_expanded)
{
    struct hd_buffer out = {0};

    *ret_expanded = !node->literal && strstr(node->text, "${");
    *ret = node->text;
    if (!*ret_expanded) {
        return 0;
    }
    /* Room for any connection string at once: growing would leave copies of it in the heap. */
    int r = hd_buffer_reserve(&out, 8192);
    r = r ? r : expand_into(draft, node, &out);
    if (r == 0) {
        *ret = config_pool_copy(&draft->tree, out.data ? out.data : "", out.len);
        r = *ret ? 0 : -ENOMEM;
    }
    if (out.data) {
        explicit_bzero(out.data, out.cap);
    }
    hd_buffer_deinit(&out);
    if (r == -EFBIG) {
        config_report_mistake(&draft->report, &node->where, "the value becomes longer than 1 MiB");
        return 1;
    }
    return r;
}
