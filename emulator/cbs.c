/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: $cbs put-token. What kind of token it is, the token itself tells (one SDK says "jwt"
 * whatever it sends). A token opens the resource that it names and what lies below it; the name
 * property is only asked for when it lies inside that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hubdrain/clock.h"
#include "hubdrain/log.h"
#include "link.h"
#include "message.h"

static const char *condition_of(int status)
{
    return status == 404   ? "amqp:not-found"
           : status == 400 ? "com.microsoft:argument-error"
           : status == 500 ? "amqp:internal-error"
           : status == 503 ? "com.microsoft:server-busy"
                           : "com.microsoft:auth-failed";
}

/* 0 or a status with its text */
static int put_token(struct emu_link *link, const struct emu_message *request, struct hd_diag *diag)
{
    struct emu_value operation, name;
    if (!emu_map_find(&request->application, "operation", &operation) ||
        !hd_slice_is(operation.bytes, "put-token")) {
        return hd_fail(diag, 400, "The only operation of $cbs is put-token.");
    }
    if (!emu_map_find(&request->application, "name", &name) || name.kind != EMU_STRING) {
        return hd_fail(diag, 400, "put-token needs the property 'name'.");
    }
    if (request->body.kind != EMU_STRING && request->body.kind != EMU_BINARY) {
        return hd_fail(diag, 400, "put-token needs a token as its body.");
    }
    char *path;
    int64_t expires_ms;
    int r = emu_claims_verify(link->conn->server->options, request->body.bytes,
                              hd_clock_realtime_ms(), &path, &expires_ms, diag);
    if (r == 0 && emu_claims_put(&link->conn->claims, path, expires_ms) != 0) {
        r = hd_fail(diag, 500, "out of memory");
    }
    free(path);
    return r;
}

int emu_cbs_reply(struct emu_link *link, const struct emu_message *request, struct hd_buffer *out,
                  int64_t *ret_delay_ms)
{
    struct emu_writer w = {out, 0};
    struct hd_diag diag = {0};
    struct emu_fault fault = {0};
    int status = 0;
    const char *condition = NULL;
    if (emu_fault_take(&link->conn->server->faults, EMU_FAULT_PUT_TOKEN, NULL, NULL, NULL,
                       &fault)) {
        *ret_delay_ms = fault.delay_ms;
        status = fault.status;
        snprintf(diag.text, sizeof(diag.text), "%s", fault.text);
        condition = fault.condition[0] != 0 ? fault.condition : NULL;
    }
    if (status == 0) {
        status = put_token(link, request, &diag);
    }
    if (status == 0) {
        emu_reply_head(link, request, &w, 202, "Accepted", NULL);
    } else {
        hd_log(HD_LOG_INFO, "emulator.token.refused", diag.text,
               HD_INT("connection", link->conn->id), HD_INT("status", status));
        emu_reply_head(link, request, &w, status, diag.text,
                       condition != NULL ? condition : condition_of(status));
    }
    emu_write_descriptor(&w, 0x77);
    emu_write_null(&w);
    return w.error;
}
