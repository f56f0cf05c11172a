/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the official emulator's Config.json, taken as it is, with the rules of its schema. Each
 * mistake is told with the path of the value and what is allowed there.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "hubdrain/buffer.h"
#include "options.h"

#define HUBS_MAX       10
#define GROUPS_MAX     20
#define PARTITIONS_MAX 32

static int require_array(const cJSON *parent, const char *key, const char *path, int min, int max,
                         const cJSON **ret, struct hd_diag *diag)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(parent, key);
    int n = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : -1;
    if (n < min || n > max) {
        return hd_fail(diag, EMU_CONFIG_E_INVALID, "%s.%s: an array of %d to %d entries is needed",
                       path, key, min, max);
    }
    *ret = array;
    return 0;
}

static int require_name(const cJSON *parent, const char *path, size_t max, const char **ret,
                        struct hd_diag *diag)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(parent, "Name");
    if (!cJSON_IsString(name) || name->valuestring[0] == 0 || strlen(name->valuestring) > max) {
        return hd_fail(diag, EMU_CONFIG_E_INVALID,
                       "%s.Name: a name of 1 to %zu characters is needed", path, max);
    }
    if (!emu_name_is_valid(name->valuestring, max)) {
        return hd_fail(diag, EMU_CONFIG_E_INVALID,
                       "%s.Name: \"%s\" may hold letters, digits, '.', '-' and '_' only, first a "
                       "letter or digit",
                       path, name->valuestring);
    }
    *ret = name->valuestring;
    return 0;
}

/* A number, or a string of digits as some files have it. */
static int read_partitions(const cJSON *entity, const char *path, uint32_t *ret,
                           struct hd_diag *diag)
{
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(entity, "PartitionCount");
    double n = cJSON_IsNumber(count) ? count->valuedouble : 0;
    if (cJSON_IsString(count)) {
        char *end;
        n = (double)strtol(count->valuestring, &end, 10);
        n = *end == 0 ? n : 0;
    }
    if (n < 1 || n > PARTITIONS_MAX || n != floor(n)) {
        return hd_fail(diag, EMU_CONFIG_E_INVALID,
                       "%s.PartitionCount: a whole number from 1 to %d is needed", path,
                       PARTITIONS_MAX);
    }
    *ret = (uint32_t)n;
    return 0;
}

static int read_groups(const cJSON *entity, const char *path, struct emu_hub_option *hub,
                       struct hd_diag *diag)
{
    const cJSON *groups = NULL, *group;
    if (cJSON_GetObjectItemCaseSensitive(entity, "ConsumerGroups") == NULL) {
        return 0;
    }
    int r = require_array(entity, "ConsumerGroups", path, 1, GROUPS_MAX, &groups, diag);
    int i = 0;
    cJSON_ArrayForEach(group, groups)
    {
        char at[128];
        const char *name = "";
        snprintf(at, sizeof(at), "%s.ConsumerGroups[%d]", path, i++);
        const cJSON *declared = cJSON_GetObjectItemCaseSensitive(group, "Name");
        if (r == 0 && cJSON_IsString(declared) &&
            hd_slice_iis(hd_slice_cstr(declared->valuestring), "$default")) {
            r = hd_fail(diag, EMU_CONFIG_E_INVALID,
                        "%s.Name: $default is there by itself and may not be declared", at);
        }
        r = r ? r : require_name(group, at, EMU_GROUP_NAME_MAX, &name, diag);
        r = r ? r : emu_hub_option_add_group(hub, hd_slice_cstr(name));
    }
    return r;
}

static int read_entity(const cJSON *entity, int i, struct emu_options *options,
                       struct hd_diag *diag)
{
    char path[96];
    const char *name;
    struct emu_hub_option *hub;
    snprintf(path, sizeof(path), "UserConfig.NamespaceConfig[0].Entities[%d]", i);
    int r = require_name(entity, path, EMU_HUB_NAME_MAX, &name, diag);
    if (r != 0) {
        return r;
    }
    for (hub = options->hubs; hub != NULL; hub = hub->next) {
        if (hd_slice_iis(hd_slice_cstr(name), hub->name)) {
            return hd_fail(diag, EMU_CONFIG_E_INVALID, "%s.Name: \"%s\" is there twice", path,
                           name);
        }
    }
    r = emu_options_add_hub(options, hd_slice_cstr(name), &hub);
    r = r ? r : read_partitions(entity, path, &hub->partitions, diag);
    return r ? r : read_groups(entity, path, hub, diag);
}

static int check_constant(const cJSON *parent, const char *key, const char *path,
                          const char *const *allowed, struct hd_diag *diag)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(parent, key);
    for (size_t i = 0; allowed[i] != NULL; i++) {
        if (cJSON_IsString(value) && strcmp(value->valuestring, allowed[i]) == 0) {
            return 0;
        }
    }
    return hd_fail(diag, EMU_CONFIG_E_INVALID, "%s.%s: \"%s\" is needed%s", path, key, allowed[0],
                   allowed[1] != NULL ? " (or Console; or File,Console; or Console,File)" : "");
}

static int read_user_config(const cJSON *root, struct emu_options *options, struct hd_diag *diag)
{
    static const char *const types[] = {"EventHub", NULL};
    static const char *const names[] = {"emulatorNs1", NULL};
    static const char *const logs[] = {"File", "Console", "File,Console", "Console,File", NULL};
    const cJSON *user = cJSON_GetObjectItemCaseSensitive(root, "UserConfig");
    if (!cJSON_IsObject(user)) {
        return hd_fail(diag, EMU_CONFIG_E_INVALID, "UserConfig: an object is needed");
    }
    const cJSON *namespaces = NULL, *entities = NULL, *entity;
    int r = require_array(user, "NamespaceConfig", "UserConfig", 1, 1, &namespaces, diag);
    if (r != 0) {
        return r;
    }
    const cJSON *ns = cJSON_GetArrayItem(namespaces, 0);
    const char *path = "UserConfig.NamespaceConfig[0]";
    r = check_constant(ns, "Type", path, types, diag);
    r = r ? r : check_constant(ns, "Name", path, names, diag);
    r = r ? r : require_array(ns, "Entities", path, 1, HUBS_MAX, &entities, diag);
    if (r != 0) {
        return r;
    }
    int i = 0;
    cJSON_ArrayForEach(entity, entities)
    {
        r = r ? r : read_entity(entity, i++, options, diag);
    }
    const cJSON *logging = cJSON_GetObjectItemCaseSensitive(user, "LoggingConfig");
    return r ? r : check_constant(logging, "Type", "UserConfig.LoggingConfig", logs, diag);
}

int emu_config_parse(struct hd_slice text, struct emu_options *options, struct hd_diag *diag)
{
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
        text = hd_slice(text.data + 3, text.len - 3);
    }
    cJSON *root = cJSON_ParseWithLength(text.data, text.len);
    if (root == NULL) {
        const char *at = cJSON_GetErrorPtr();
        int line = 1;
        for (const char *c = text.data; at != NULL && c < at && c < text.data + text.len; c++) {
            line += *c == '\n';
        }
        hd_fail(diag, EMU_CONFIG_E_INVALID, "this is not JSON (line %d)", line);
        return EMU_CONFIG_E_INVALID;
    }
    int r = read_user_config(root, options, diag);
    cJSON_Delete(root);
    return r;
}

int emu_config_read(const char *file, struct emu_options *options, struct hd_diag *diag)
{
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        return hd_fail(diag, -errno, "cannot read %s: %s", file, strerror(errno));
    }
    struct hd_buffer text = {0};
    char block[4096];
    size_t n;
    int r = 0;
    while (r == 0 && (n = fread(block, 1, sizeof(block), in)) > 0) {
        r = hd_buffer_append(&text, block, n);
    }
    fclose(in);
    struct hd_diag inner = {0};
    r = r ? r : emu_config_parse(hd_buffer_slice(&text), options, &inner);
    hd_buffer_deinit(&text);
    return r == 0 ? 0 : hd_fail(diag, r, "%s: %s", file, inner.text);
}
