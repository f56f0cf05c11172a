/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a load is a chain: file -> tree; environment and --set put into the tree; tree -> struct;
 * what is worked out; cross checks. Every link adds to one report, and only a load without a
 * mistake gives a configuration. A file that is no YAML ends the chain after its first mistake:
 * everything behind that would be guesswork.
 *
 * The tree and the text may hold secrets and are wiped before the load returns; what the
 * configuration keeps is wiped by hd_config_free. What libyaml has buffered of the file is not ours
 * to wipe, which is one more reason why secrets belong elsewhere.
 */
#include "hubdrain/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "full.h"

#define FILE_MAX ((size_t)1 << 20)

extern char **environ;

/* The file's bytes in the draft's pool. 0, -ENOMEM, or 1 when a mistake was reported. */
static int read_text(struct hd_draft *draft, const char *path, struct hd_slice *ret)
{
    struct hd_where where = {HD_RANK_FILE, path, 0, 0};
    size_t len = 0;
    ssize_t n = 1;

    char *text = config_pool_alloc(&draft->tree, FILE_MAX + 1);
    if (!text) {
        return -ENOMEM;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        config_report_mistake(&draft->report, &where, "cannot open the configuration: %s",
                              strerror(errno));
        return 1;
    }
    while (n != 0 && len <= FILE_MAX) {
        n = read(fd, text + len, FILE_MAX + 1 - len);
        if (n < 0 && errno != EINTR) {
            config_report_mistake(&draft->report, &where, "cannot read the configuration: %s",
                                  strerror(errno));
            close(fd);
            return 1;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (len > FILE_MAX) {
        config_report_mistake(&draft->report, &where, "the configuration is larger than 1 MiB");
        return 1;
    }
    *ret = hd_slice(text, len);
    return 0;
}

/* The tree of the file. 0, -ENOMEM, or 1 when there is none to go on with. */
static int read_tree(struct hd_draft *draft, const struct hd_config_source *source,
                     struct hd_node **ret)
{
    struct hd_slice text = source->text;

    if (!source->path && !text.data) {
        return 0;
    }
    if (!text.data) {
        int r = read_text(draft, source->path, &text);
        if (r) {
            return r;
        }
    }
    const char *name = source->path ? source->path : "configuration";
    int r = config_yaml_read(&draft->tree, text, name, &draft->report, ret);
    return r ? r : draft->report.mistakes && !*ret ? 1 : 0;
}

static int load(struct hd_draft *draft, const struct hd_config_source *source)
{
    struct hd_node *root = NULL;
    int r = read_tree(draft, source, &root);

    if (r) {
        return r < 0 ? r : 0;
    }
    if (root && config_node_is_null(root)) {
        root = NULL; /* a document of nothing but `null` is as good as an empty one */
    }
    if (root && root->kind != HD_NODE_MAPPING) {
        return config_apply_tree(draft, root); /* says so, before an overlay would replace it */
    }
    r = config_environment_overlay(draft, &root);
    r = r ? r : config_overrides_overlay(draft, &root, source->overrides, source->n_overrides);
    r = r ? r : config_defaults_apply(draft);
    r = r ? r : config_apply_tree(draft, root);
    r = r ? r : config_defaults_complete(draft);
    return r ? r : config_check(draft);
}

static void free_full(struct hd_config_full *full)
{
    if (full) {
        config_pool_deinit(&full->pool);
        explicit_bzero(full, sizeof(*full));
        free(full);
    }
}

int hd_config_load(const struct hd_config_source *source, hd_config_report_fn *report,
                   void *context, struct hd_config **ret)
{
    static const struct hd_config_source nothing;
    struct hd_draft draft = {0};

    *ret = NULL;
    source = source ? source : &nothing;
    draft.environment =
        source->environment ? source->environment : (const char *const *)(void *)environ;
    draft.full = calloc(1, sizeof(*draft.full));
    int r = draft.full ? load(&draft, source) : -ENOMEM;
    if (r == 0 && draft.report.no_memory) {
        r = -ENOMEM;
    }
    if (r == 0) {
        config_report_tell(&draft.report, report, context);
        r = draft.report.mistakes > INT32_MAX ? INT32_MAX : (int)draft.report.mistakes;
    }
    config_report_deinit(&draft.report);
    config_pool_deinit(&draft.tree);
    if (r) {
        free_full(draft.full);
        return r;
    }
    *ret = &draft.full->config;
    return 0;
}

void hd_config_free(struct hd_config *config)
{
    free_full((struct hd_config_full *)(void *)config);
}
