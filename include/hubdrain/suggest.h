/* SPDX-License-Identifier: Apache-2.0 */
/* Suggest: "did you mean". Pure; any thread. */
#ifndef HUBDRAIN_SUGGEST_H
#define HUBDRAIN_SUGGEST_H

#include <stddef.h>

/* The candidate nearest to `word` by typing mistakes (case, '-' and '_' do not count), or NULL when
 * none is near enough to be meant. The first of equals wins. */
const char *hd_suggest(const char *word, const char *const *candidates, size_t n);

#endif
