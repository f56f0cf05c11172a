/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is a configuration or has mistakes, told in order; it never reads outside a test's own
 * environment, and nothing that looks secret is told. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hubdrain/config.h"

#define SECRET "c2VjcmV0LW1hcmtlcg=="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t mistakes;
    bool known; /* the secret stands in the input itself: it is none */
};

static void on_report(void *context, bool warning, const struct hd_diag *diag)
{
    struct seen *seen = context;
    seen->mistakes += !warning;
    if (!*diag->text || strpbrk(diag->text, "\n\r") ||
        (!seen->known && strstr(diag->text, SECRET))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const environment[] = {
        "HUBDRAIN_EVENTHUB_CONNECTION_STRING=Endpoint=sb://h/;SharedAccessKeyName=n;"
        "SharedAccessKey=" SECRET ";EntityPath=hub",
        "SECRET=" SECRET, "GROUP=group", "STATE_DIRECTORY=/nonexistent", NULL};
    char *text = malloc(size + 1);
    struct hd_config *config = NULL;
    struct seen seen = {.known = memmem(data, size, SECRET, strlen(SECRET)) != NULL};

    if (!text) {
        abort();
    }
    memcpy(text, data, size);
    struct hd_config_source source = {
        .path = "c", .text = hd_slice(text, size), .environment = environment};
    int r = hd_config_load(&source, on_report, &seen, &config);
    if (r < 0 || (r == 0) != (config != NULL) || (r == 0) != (seen.mistakes == 0)) {
        abort();
    }
    if (config && (!config->n_outputs || !config->n_starts || !config->workers ||
                   config->starts[config->n_starts - 1].partition)) {
        abort();
    }
    hd_config_free(config);
    free(text);
    return 0;
}
