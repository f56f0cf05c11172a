/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: any element tree -> a flat list of fields, without recursion. A leaf is a field; an
 * element with children gives its name to theirs, joined with '.'; an attribute is a field below
 * its element. Text that stands beside children is kept as a field of the element itself, so
 * nothing is lost.
 */
#include "decoder.h"

struct flattening {
    struct hd_decoder *decoder;
    struct field_list *list;
    const struct flatten_options *options;
    uint32_t depth;
};

/* The path as a field's name. The outermost name alone needs no copy. */
static int path_name(struct flattening *f, const char *between, struct hd_slice last,
                     struct hd_slice *ret)
{
    struct hd_decoder *d = f->decoder;
    if (f->depth == 1 && last.len == 0) {
        *ret = f->options->name;
        return 0;
    }
    struct hd_slice path = {d->path.data, d->open[f->depth - 1].path_len};
    return text_join(d, path, between, last, ret);
}

static int add_attributes(struct flattening *f)
{
    struct hd_decoder *d = f->decoder;
    for (uint32_t i = 0; i < d->xml.n_attributes; i++) {
        const struct xml_attribute *a = &d->xml.attributes[i];
        if (a->namespace ||
            (f->options->skip_name && f->depth == 1 && hd_slice_is(a->name, "Name"))) {
            continue;
        }
        struct hd_slice name, value;
        int r = path_name(f, ".", a->name, &name);
        r = r ? r : text_xml(d, a->value, a->amp, &value);
        r = r ? r : field_add(d, f->list, name, value, 0);
        if (r) {
            return r;
        }
    }
    return 0;
}

static int push(struct flattening *f, struct hd_slice path)
{
    struct hd_decoder *d = f->decoder;
    if (f->depth == d->limits.max_depth) {
        return HD_DEAD_TOO_DEEP;
    }
    d->path.len = 0;
    if (f->depth) {
        d->open[f->depth - 1].has_child = true;
        d->path.len = d->open[f->depth - 1].path_len;
    }
    if (d->path.len + path.len > d->limits.max_record_bytes) {
        return HD_DEAD_TOO_LARGE;
    }
    int r = f->depth ? hd_buffer_append(&d->path, ".", 1) : 0;
    r = r ? r : hd_buffer_append(&d->path, path.data, path.len);
    if (r) {
        return r;
    }
    d->open[f->depth] = (struct xml_open){
        .name = d->xml.name, .path_len = d->path.len, .flags = f->depth ? 0 : f->options->flags};
    f->depth++;
    return d->xml.n_attributes ? add_attributes(f) : 0;
}

/* Text is mostly one piece and stays a slice; CDATA and comments make several. */
static int add_text(struct flattening *f, bool amp)
{
    struct hd_decoder *d = f->decoder;
    struct xml_open *open = &d->open[f->depth - 1];
    if (d->xml.text.len == 0) {
        return 0;
    }
    if (open->text.len == 0 && !amp) {
        open->text = d->xml.text;
        return 0;
    }
    return text_append(d, &open->text, &open->owned, d->xml.text, amp);
}

static int pop(struct flattening *f)
{
    struct hd_decoder *d = f->decoder;
    struct xml_open *open = &d->open[f->depth - 1];
    int r = 0;
    if (!open->has_child || !xml_is_blank(open->text)) {
        struct hd_slice name;
        r = path_name(f, "", hd_slice("", 0), &name);
        r = r ? r : field_add(d, f->list, name, open->text, open->flags);
    }
    f->depth--;
    return r;
}

/* The input is over: the innermost element keeps what there is of it. */
static int finish_cut(struct flattening *f)
{
    struct hd_decoder *d = f->decoder;
    int r = add_text(f, d->xml.amp);
    if (!d->xml.in_markup) {
        d->open[f->depth - 1].flags |= HD_FIELD_CUT;
    }
    while (r == 0 && f->depth) {
        r = pop(f);
    }
    return r;
}

static int step(struct flattening *f, bool *ret_cut)
{
    struct hd_decoder *d = f->decoder;
    int r;
    switch (xml_next(&d->xml)) {
    case XML_TEXT:
        return add_text(f, d->xml.amp);
    case XML_CDATA:
        return add_text(f, false);
    case XML_START:
        r = push(f, d->xml.name);
        return r == 0 && d->xml.empty ? pop(f) : r;
    case XML_END:
        if (!hd_slice_eq(d->xml.name, d->open[f->depth - 1].name)) {
            return HD_DEAD_MALFORMED_XML;
        }
        return pop(f);
    case XML_CUT:
        *ret_cut = true;
        return finish_cut(f);
    case XML_BAD:
        break;
    }
    return d->xml.too_many ? HD_DEAD_TOO_MANY_FIELDS : HD_DEAD_MALFORMED_XML;
}

int xml_flatten(struct hd_decoder *decoder, struct field_list *list,
                const struct flatten_options *options, bool *ret_cut)
{
    struct flattening f = {decoder, list, options, 0};
    bool empty = decoder->xml.empty;
    int r = push(&f, options->name);
    if (r == 0 && empty) {
        return pop(&f);
    }
    while (r == 0 && f.depth) {
        r = step(&f, ret_cut);
    }
    return r;
}
