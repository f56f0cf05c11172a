/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of output: one row each. */
#include <string.h>

#include "src/output/kinds.h"

// clang-format off
static const struct hd_output_ops *const kinds[] = {
    &hd_output_file,
    &hd_output_stdout,
};
// clang-format on

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct hd_output_ops *hd_output_find(const char *kind)
{
    for (size_t i = 0; kind && i < N_KINDS; i++) {
        if (strcmp(kinds[i]->kind, kind) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

const char *const *hd_output_kinds(void)
{
    static const char *const names[] = {"file", "stdout", NULL};
    _Static_assert(sizeof(names) / sizeof(names[0]) == N_KINDS + 1, "a name for each kind");
    return names;
}
