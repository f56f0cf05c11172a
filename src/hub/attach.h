/* SPDX-License-Identifier: Apache-2.0 */
/* Attach: opens the session and the link of a receiver. */
#ifndef HUBDRAIN_HUB_ATTACH_H
#define HUBDRAIN_HUB_ATTACH_H

#include "receiver.h"

/* false: no memory. Credit is given at once. */
bool hd_attach(struct hd_receiver *receiver, const char *expression);

/* After the credit has changed. */
void hd_attach_set_capacity(struct hd_receiver *receiver);

#endif
