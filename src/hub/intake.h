/* SPDX-License-Identifier: Apache-2.0 */
/* Intake: takes messages off a receiver's link and hands them over. */
#ifndef HUBDRAIN_HUB_INTAKE_H
#define HUBDRAIN_HUB_INTAKE_H

#include "receiver.h"

void hd_intake_deliveries(struct hd_link_handler *handler, pn_link_t *link);
void hd_intake_reset(struct hd_receiver *receiver); /* forgets a message that is half there */

/* For the intake: the link is given up for a reason of our own; or the hub is another one. */
void hd_receiver_fail(struct hd_receiver *receiver, const char *text);
void hd_receiver_went_back(struct hd_receiver *receiver, const char *text);

#endif
