/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN: a table of kinds, and what all of them share: checked arguments and the two values of a
 * checkpoint as text, which blob metadata and files hold alike. */
#include "hubdrain/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_ops.h"

static int (*const constructors[])(struct hd_loop *, struct hd_http *,
                                   const struct hd_store_options *, struct hd_store **,
                                   struct hd_diag *) = {
    [HD_STORE_MEMORY] = hd_store_new_memory,
    [HD_STORE_FILE] = hd_store_new_file,
    [HD_STORE_BLOB] = hd_store_new_blob,
};

int hd_store_new(struct hd_loop *loop, struct hd_http *http, const struct hd_store_options *options,
                 struct hd_store **ret, struct hd_diag *diag)
{
    return constructors[options->kind](loop, http, options, ret, diag);
}

void hd_store_free(struct hd_store *store)
{
    if (store) {
        store->ops->free(store);
    }
}

int hd_store_list(struct hd_store *store, hd_store_list_fn *fn, void *context)
{
    return store->ops->list(store, fn, context);
}

int hd_store_write(struct hd_store *store, const char *partition,
                   const struct hd_position *position, hd_store_write_fn *fn, void *context)
{
    size_t len = strlen(partition);
    if (len == 0 || len >= HD_PARTITION_ID_SIZE || position->sequence_number < 0) {
        return -EINVAL;
    }
    struct hd_position plain = {.sequence_number = position->sequence_number};
    if (hd_checkpoint_offset_usable(position->offset)) {
        memcpy(plain.offset, position->offset, sizeof(plain.offset));
    }
    return store->ops->write(store, partition, &plain, fn, context);
}

void hd_store_cancel(struct hd_store *store, void *context)
{
    store->ops->cancel(store, context);
}

const char *hd_store_describe(const struct hd_store *store)
{
    return store->description;
}

int hd_store_append_lower(struct hd_buffer *out, const char *text)
{
    size_t start = out->len;
    int r = hd_buffer_append_cstr(out, text);
    for (size_t i = start; i < out->len; i++) {
        char c = out->data[i];
        out->data[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return r;
}

/* ---- the two values of a checkpoint as text ---- */

/* The text goes into an HTTP header and into a line of a file: no blanks, no control characters. */
bool hd_checkpoint_offset_usable(const char *offset)
{
    size_t len = strnlen(offset, HD_OFFSET_SIZE);
    if (len == 0 || len == HD_OFFSET_SIZE) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (offset[i] < 0x21 || offset[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* false: no decimal number. A negative one is how some writers say "none": -1. */
static bool parse_sequence_number(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    const char *digits = text + negative;
    int64_t value = 0;
    if (!*digits) {
        return false;
    }
    for (const char *p = digits; *p; p++) {
        if (*p < '0' || *p > '9' ||
            (!negative && (__builtin_mul_overflow(value, 10, &value) ||
                           __builtin_add_overflow(value, *p - '0', &value)))) {
            return false;
        }
    }
    *ret = negative ? -1 : value;
    return true;
}

void hd_checkpoint_unreadable(struct hd_checkpoint *ret, const char *why, struct hd_slice found)
{
    ret->position = (struct hd_position){.sequence_number = -1};
    int n = snprintf(ret->text, sizeof(ret->text), "%s: ", why);
    size_t len = n > 0 ? (size_t)n : 0;
    for (size_t i = 0; i < found.len && len + 1 < sizeof(ret->text); i++) {
        char c = found.data[i];
        ret->text[len++] = c >= 0x20 && c <= 0x7e ? c : '?';
    }
    ret->text[len < sizeof(ret->text) ? len : sizeof(ret->text) - 1] = '\0';
}

void hd_checkpoint_parse(const char *sequence_number, const char *offset, struct hd_checkpoint *ret)
{
    const char *sequence_text = sequence_number ? sequence_number : "";
    const char *offset_text = offset ? offset : "";
    ret->position = (struct hd_position){.sequence_number = -1};
    ret->text[0] = '\0';
    bool sequence_ok =
        !*sequence_text || parse_sequence_number(sequence_text, &ret->position.sequence_number);
    /* "-1" is the start of the stream, "no offset" an old way to say that there is none: blanks
     * make it unusable. */
    if (hd_checkpoint_offset_usable(offset_text) && strcmp(offset_text, "-1") != 0) {
        memcpy(ret->position.offset, offset_text, strlen(offset_text) + 1);
    }
    if (sequence_ok && (ret->position.sequence_number >= 0 || ret->position.offset[0])) {
        return;
    }
    char found[512];
    int n = snprintf(found, sizeof(found), "sequencenumber \"%.100s\", offset \"%.100s\"",
                     sequence_text, offset_text);
    hd_checkpoint_unreadable(ret, "no position", hd_slice(found, n > 0 ? (size_t)n : 0));
}

struct hd_checkpoint *hd_checkpoint_list_add(struct hd_checkpoint_list *list)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 32;
        struct hd_checkpoint *items = realloc(list->items, cap * sizeof(*items));
        if (!items) {
            return NULL;
        }
        list->items = items;
        list->cap = cap;
    }
    struct hd_checkpoint *item = &list->items[list->n++];
    *item = (struct hd_checkpoint){.position = {.sequence_number = -1}};
    return item;
}

void hd_checkpoint_list_deinit(struct hd_checkpoint_list *list)
{
    free(list->items);
    *list = (struct hd_checkpoint_list){0};
}
