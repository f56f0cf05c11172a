/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a configuration from text and collects what is reported, one line each:
 * "c:LINE:COLUMN: [warning: ]text", "SOURCE: text" or ": text".
 */
#ifndef HD_TEST_CONFIG_LOAD_H
#define HD_TEST_CONFIG_LOAD_H

#include "hubdrain/buffer.h"
#include "hubdrain/config.h"
#include "test.h"

#define KEY      "SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0"
#define NS       "Endpoint=sb://ns.servicebus.windows.net/;" KEY
#define HUB      NS ";EntityPath=hub"
#define STORAGE  "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=c2VjcmV0"
#define EVENTHUB "HUBDRAIN_EVENTHUB_CONNECTION_STRING=" HUB

struct load {
    struct hd_config *config;
    int result;
    struct hd_buffer report;
};

static inline void load_report(void *context, bool warning, const struct hd_diag *diag)
{
    struct load *load = context;
    int r = 0;
    if (diag->line) {
        r = hd_buffer_printf(&load->report, "%s:%d:%d", diag->file, diag->line, diag->column);
    } else {
        r = hd_buffer_printf(&load->report, "%s", diag->file);
    }
    CHECK_INT(r, 0);
    CHECK_INT(hd_buffer_printf(&load->report, ": %s%s\n", warning ? "warning: " : "", diag->text),
              0);
}

/* text NULL: no file. environment and sets are NULL-terminated; NULL: none. */
static inline struct load load(const char *text, const char *const *environment,
                               const char *const *sets)
{
    static const char *const nothing[] = {NULL};
    struct hd_config_override overrides[16];
    struct hd_config_source source = {
        .path = text ? "c" : NULL,
        .text = hd_slice_cstr(text),
        .environment = environment ? environment : nothing,
        .overrides = overrides,
    };
    struct load result = {0};

    for (; sets && sets[source.n_overrides]; source.n_overrides++) {
        overrides[source.n_overrides] =
            (struct hd_config_override){.value = sets[source.n_overrides]};
    }
    result.result = hd_config_load(&source, load_report, &result, &result.config);
    CHECK((result.result == 0) == (result.config != NULL));
    return result;
}

static inline void unload(struct load *load)
{
    hd_config_free(load->config);
    hd_buffer_deinit(&load->report);
}

/* The text with one event hub in the environment gives exactly this report. */
static inline void check_report(const char *text, const char *want)
{
    static const char *const environment[] = {EVENTHUB, "STATE_DIRECTORY=/tmp", NULL};
    struct load result = load(text, environment, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), want);
    unload(&result);
}

#endif
