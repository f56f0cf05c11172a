/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a secret is a plain value, or a mapping with one key that says where it is:
 *
 *     {env: NAME}   {file: path}   {credential: name}   ($CREDENTIALS_DIRECTORY of systemd)
 *
 * Line feeds at its end are cut off: editors and `echo` add them, and no connection string, key or
 * token ends in one. Messages name the source and never the value. What is read lies in the
 * configuration's pool, which is overwritten when it is freed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "full.h"
#include "hubdrain/suggest.h"

#define SECRET_MAX 65536

static ssize_t read_all(int fd, char *data, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, data + len, size - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (ssize_t)len;
}

/* Into the pool, trimmed; NULL when a mistake was reported or *ret_error is set. */
static const char *read_file(struct hd_draft *draft, const struct hd_node *node, const char *path,
                             bool credential, int *ret_error)
{
    struct stat status;
    char shown[HD_PATH_SIZE];
    char *text = config_pool_alloc(&draft->full->pool, SECRET_MAX + 2);

    *ret_error = text ? 0 : -ENOMEM;
    if (!text) {
        return NULL;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        config_report_mistake(&draft->report, &node->where, "cannot open the secret file %s: %s",
                              config_show_path(path, shown), strerror(errno));
        return NULL;
    }
    int r = fstat(fd, &status);
    ssize_t len = r ? -errno : read_all(fd, text, SECRET_MAX + 1);
    close(fd);
    if (len < 0) {
        config_report_mistake(&draft->report, &node->where, "cannot read the secret file %s: %s",
                              config_show_path(path, shown), strerror((int)-len));
        return NULL;
    }
    if (!credential && S_ISREG(status.st_mode) && (status.st_mode & 077)) {
        config_report_warning(&draft->report, &node->where,
                              "the secret file %s is open to others (mode %04o): chmod 600 it",
                              config_show_path(path, shown), (unsigned)(status.st_mode & 07777));
    }
    while (len > 0 && len <= SECRET_MAX && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        text[--len] = '\0';
    }
    if (len > SECRET_MAX || memchr(text, '\0', (size_t)len) || len == 0) {
        config_report_mistake(&draft->report, &node->where, "the secret file %s %s",
                              config_show_path(path, shown),
                              len == 0           ? "is empty"
                              : len > SECRET_MAX ? "is larger than 64 KiB"
                                                 : "holds a NUL byte: it is no text");
        return NULL;
    }
    return text;
}

static const char *from_env(struct hd_draft *draft, const struct hd_node *node, const char *name,
                            int *ret_error)
{
    const char *value = config_environment_get(draft, name);
    char quoted[HD_QUOTE_SIZE];

    *ret_error = 0;
    if (!value || !*value) {
        config_report_mistake(&draft->report, &node->where, "the environment variable %s is %s",
                              config_quote(name, quoted), value ? "empty" : "not set");
        return NULL;
    }
    const char *text = config_pool_copy(&draft->full->pool, value, strlen(value));
    *ret_error = text ? 0 : -ENOMEM;
    return text;
}

static const char *from_credential(struct hd_draft *draft, const struct hd_node *node,
                                   const char *name, int *ret_error)
{
    const char *directory = config_environment_get(draft, "CREDENTIALS_DIRECTORY");
    char quoted[HD_QUOTE_SIZE];

    *ret_error = 0;
    if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        config_report_mistake(&draft->report, &node->where,
                              "a credential is a name without a directory, not %s",
                              config_quote(name, quoted));
        return NULL;
    }
    if (!directory || !*directory) {
        config_report_mistake(
            &draft->report, &node->where,
            "credential %s: $CREDENTIALS_DIRECTORY is not set; systemd sets it for "
            "units with LoadCredential=%s:/path",
            config_quote(name, quoted), name);
        return NULL;
    }
    const char *path = config_pool_printf(&draft->tree, "%s/%s", directory, name);
    if (!path) {
        *ret_error = -ENOMEM;
        return NULL;
    }
    return read_file(draft, node, path, true, ret_error);
}

static int from_mapping(struct hd_draft *draft, const char *path, const struct hd_node *node,
                        const char **ret)
{
    static const char *const kinds[] = {"env", "file", "credential"};
    char quoted[HD_QUOTE_SIZE];
    const char *name = NULL;
    bool expanded = false;
    int error = 0;

    if (node->n != 1) {
        config_report_mistake(&draft->report, &node->where,
                              "%s: expected exactly one of env, file, credential", path);
        return 1;
    }
    const struct hd_node *key = node->pairs[0].key, *value = node->pairs[0].value;
    size_t kind = 0;
    while (kind < 3 && strcmp(kinds[kind], key->text) != 0) {
        kind++;
    }
    if (kind == 3) {
        const char *meant = hd_suggest(key->text, kinds, 3);
        config_report_mistake(&draft->report, &key->where,
                              "%s: unknown source of a secret %s; %s%s%s", path,
                              config_quote(key->text, quoted), meant ? "did you mean " : "",
                              meant ? meant : "known are env, file, credential", meant ? "?" : "");
        return 1;
    }
    if (value->kind != HD_NODE_SCALAR || config_node_is_null(value)) {
        config_report_mistake(&draft->report, &value->where, "%s.%s: expected a name", path,
                              kinds[kind]);
        return 1;
    }
    int r = config_expand(draft, value, &name, &expanded);
    if (r) {
        return r;
    }
    switch (kind) {
    case 0:
        *ret = from_env(draft, value, name, &error);
        break;
    case 1:
        *ret = read_file(draft, value, name, false, &error);
        break;
    default:
        *ret = from_credential(draft, value, name, &error);
    }
    return error ? error : *ret ? 0 : 1;
}

int config_secret_read(struct hd_draft *draft, const char *path, const struct hd_node *node,
                       const char **ret)
{
    const char *text = NULL;
    bool expanded = false;

    *ret = NULL;
    if (node->kind == HD_NODE_MAPPING) {
        return from_mapping(draft, path, node, ret);
    }
    if (node->kind == HD_NODE_SEQUENCE) {
        config_report_mistake(&draft->report, &node->where,
                              "%s: expected text, {env: NAME}, {file: path} or {credential: name}",
                              path);
        return 1;
    }
    int r = config_expand(draft, node, &text, &expanded);
    if (r || !*text) {
        return r;
    }
    if (node->where.rank == HD_RANK_FILE && !expanded) {
        config_report_warning(
            &draft->report, &node->where,
            "%s: the secret stands in the file; better is {env: NAME}, {file: path} "
            "or {credential: name}",
            path);
    } else if (node->where.rank == HD_RANK_SET) {
        config_report_warning(&draft->report, &node->where,
                              "%s: every user of this machine can read a command line; use the "
                              "environment, or --set %s.file=PATH",
                              path, path);
    }
    *ret = config_pool_copy(&draft->full->pool, text, strlen(text));
    return *ret ? 0 : -ENOMEM;
}
