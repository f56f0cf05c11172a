/* SPDX-License-Identifier: Apache-2.0 */
/* Event XML: the pieces that winevent.c and system.c share. Private to decode/. */
#ifndef HUBDRAIN_DECODE_WINEVENT_H
#define HUBDRAIN_DECODE_WINEVENT_H

#include "decoder.h"

/* Takes one element whose start tag was read, to its end. */
typedef int winevent_element_fn(struct hd_decoder *decoder, bool *ret_cut);

/* The children of the element whose start tag was read, to its end tag. *ret_cut is set when the
 * input ends inside. */
int winevent_children(struct hd_decoder *decoder, winevent_element_fn *element, bool *ret_cut);

/* The text of the element whose start tag was read, to its end tag. Elements inside go to the
 * envelope's fields. When the input ends inside the text, *ret is empty. */
int winevent_text(struct hd_decoder *decoder, struct hd_slice *ret, bool *ret_cut);

/* ---- system.c ---- */
/* Takes the elements at d->xml.p that are as Windows writes them. */
void system_patterns(struct hd_decoder *decoder);
int system_element(struct hd_decoder *decoder, bool *ret_cut);
int rendering_element(struct hd_decoder *decoder, bool *ret_cut);
int rendering_attributes(struct hd_decoder *decoder);

#endif
