/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: clients write `amqp.annotation.<field> <op> '<value>'`, some of them without the quotes.
 * Four fields exist on the wire (the older spelling x-opt-enqueuedtimeutc is still about) and two
 * operators. Everything else is refused as the service does.
 */
#include "filter.h"

#include <ctype.h>

// clang-format off
static const struct {
    const char *name;
    enum emu_filter_field field;
} fields[] = {
    {"amqp.annotation.x-opt-offset",          EMU_FILTER_OFFSET},
    {"amqp.annotation.x-opt-sequence-number", EMU_FILTER_SEQUENCE},
    {"amqp.annotation.x-opt-enqueued-time",   EMU_FILTER_TIME},
    {"amqp.annotation.x-opt-enqueuedtimeutc", EMU_FILTER_TIME},
};
// clang-format on

static bool parse_number(struct hd_slice text, int64_t *ret)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    int64_t value = 0;
    size_t i = negative;
    if (i == text.len) {
        return false;
    }
    for (; i < text.len; i++) {
        if (!isdigit((unsigned char)text.data[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.data[i] - '0', &value)) {
            return false;
        }
    }
    *ret = negative ? -value : value;
    return true;
}

static bool parse_value(struct hd_slice text, struct emu_filter *filter)
{
    if (text.len >= 2 && text.data[0] == '\'' && text.data[text.len - 1] == '\'') {
        text = hd_slice(text.data + 1, text.len - 2);
    }
    filter->text = text;
    if (filter->field == EMU_FILTER_OFFSET && hd_slice_is(text, "@latest")) {
        filter->field = EMU_FILTER_LATEST;
        return true;
    }
    if (!parse_number(text, &filter->value)) {
        return false;
    }
    if (filter->field == EMU_FILTER_OFFSET && filter->value < 0) {
        filter->field = EMU_FILTER_EARLIEST;
    }
    return true;
}

bool emu_filter_parse(struct hd_slice expression, struct emu_filter *ret)
{
    struct hd_slice text = hd_slice_trim(expression);
    size_t name_len = 0;
    while (name_len < text.len && text.data[name_len] != ' ' && text.data[name_len] != '>') {
        name_len++;
    }
    *ret = (struct emu_filter){0};
    bool known = false;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (hd_slice_iis(hd_slice(text.data, name_len), fields[i].name)) {
            ret->field = fields[i].field;
            known = true;
        }
    }
    text = hd_slice_trim(hd_slice(text.data + name_len, text.len - name_len));
    if (!known || text.len == 0 || text.data[0] != '>') {
        return false;
    }
    ret->inclusive = text.len > 1 && text.data[1] == '=';
    size_t op_len = ret->inclusive ? 2 : 1;
    return parse_value(hd_slice_trim(hd_slice(text.data + op_len, text.len - op_len)), ret);
}
