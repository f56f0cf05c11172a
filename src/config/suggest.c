/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: optimal string alignment distance (insert, delete, replace, swap of neighbours), because
 * swapped letters are the commonest slip of the keyboard and must count once. Words are cut at 64
 * bytes: keys and commands are short, and the rows then fit on the stack.
 */
#include "hubdrain/suggest.h"

#include <string.h>

#define WORD_MAX 64

static unsigned char fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned char)(c - 'A' + 'a');
    }
    return c == '-' ? '_' : (unsigned char)c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= nb; j++) {
        before[j] = 0;
        last[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= na; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned same = fold(a[i - 1]) == fold(b[j - 1]) ? 0 : 1;
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + same);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]) && before[j - 2] + 1 < now[j]) {
                now[j] = before[j - 2] + 1;
            }
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[nb];
}

const char *hd_suggest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t len = strnlen(word, WORD_MAX);
    unsigned best_distance = len < 4 ? 1 : len < 8 ? 2 : 3;

    for (size_t i = 0; i < n; i++) {
        size_t other = strnlen(candidates[i], WORD_MAX);
        unsigned d = distance(word, len, candidates[i], other);
        /* A word that shares nothing with the other is no slip of the keyboard. */
        if (d < len && d < other && (d < best_distance || (d == best_distance && !best))) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
