/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: Sysmon puts a reason where a truth value belongs ("failed: Invalid hash"). The truth
 * value goes to its field, the reason stays in the event data.
 */
#include "transforms.h"

/* true, false, or "failed: Invalid hash": there is a signature, it is not good. */
static bool run_signed(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    bool failed = value.len >= 7 && hd_slice_iis(hd_slice(value.data, 7), "failed:");
    bool yes = hd_slice_iis(value, "true") || failed;
    if (!yes && !hd_slice_iis(value, "false")) {
        return false;
    }
    hd_values_bool(&work->values, row->targets[0], yes);
    return !failed;
}
const struct hd_transform hd_t_signed = {
    "signed", "boolean; `failed: reason` is true and stays in the event data as well", run_signed};

static bool run_status(struct hd_work *work, const struct hd_row *row, struct hd_slice value)
{
    hd_values_string(&work->values, row->targets[0], value);
    /* Unavailable says that nobody looked, or that there was nothing to look at. */
    if (!hd_slice_iis(value, "Unavailable")) {
        hd_values_bool(&work->values, row->targets[1], hd_slice_iis(value, "Valid"));
    }
    return true;
}
const struct hd_transform hd_t_signature_status = {
    "signature status", "the text; whether it is `Valid` (nothing for `Unavailable`)", run_status};
