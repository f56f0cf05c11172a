/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a row per fault with its name and defaults. Armed faults lie in a list and are looked up
 * by kind and place where the code is about to do the right thing; faults of the moment are done
 * here, on the links and connections that there are.
 */
#include "faults.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "hubdrain/clock.h"
#include "link.h"

static int do_detach(struct emu_server *server, const struct emu_fault *fault);
static int do_close(struct emu_server *server, const struct emu_fault *fault);
static int do_reset(struct emu_server *server, const struct emu_fault *fault);
static int do_expire(struct emu_server *server, const struct emu_fault *fault);
static int do_mute(struct emu_server *server, const struct emu_fault *fault);

// clang-format off
static const struct row {
    const char *name;
    const char *condition, *text;
    int64_t count;
    int status;
    int (*act)(struct emu_server *server, const struct emu_fault *fault); /* NULL: armed */
} rows[EMU_FAULT_KINDS] = {
    [EMU_FAULT_DETACH]          = {"detach", "amqp:link:detach-forced", "The link was force detached by a fault.", 1, 0, do_detach},
    [EMU_FAULT_CLOSE]           = {"close", "amqp:connection:forced", "The connection was closed by a fault.", 1, 0, do_close},
    [EMU_FAULT_RESET]           = {"reset", NULL, NULL, 1, 0, do_reset},
    [EMU_FAULT_EXPIRE_TOKENS]   = {"expire-tokens", NULL, NULL, -1, 0, do_expire},
    [EMU_FAULT_MUTE]            = {"mute", NULL, NULL, -1, 0, do_mute},
    [EMU_FAULT_PUT_TOKEN]       = {"put-token", NULL, "InvalidSignature: The token has an invalid signature.", 1, 0, NULL},
    [EMU_FAULT_REFUSE_ATTACH]   = {"refuse-attach", "amqp:internal-error", "The link was refused by a fault.", 1, 0, NULL},
    [EMU_FAULT_SERVER_BUSY]     = {"server-busy", NULL, "The request was terminated because the entity is being throttled. Please wait 4 seconds and try again.", 1, 0, NULL},
    [EMU_FAULT_ARGUMENT_ERROR]  = {"argument-error", NULL, NULL, 1, 0, NULL},
    [EMU_FAULT_IGNORE_ATTACH]   = {"ignore-attach", NULL, NULL, 1, 0, NULL},
    [EMU_FAULT_STARVE]          = {"starve", NULL, NULL, -1, 0, NULL},
    [EMU_FAULT_DELAY]           = {"delay", NULL, NULL, 1, 0, NULL},
    [EMU_FAULT_MANAGEMENT]      = {"management", "com.microsoft:server-busy", "The service is busy.", 1, 503, NULL},
    [EMU_FAULT_STATUS_SPELLING] = {"status-spelling", NULL, NULL, 1, 0, NULL},
    [EMU_FAULT_SMALL_FRAMES]    = {"small-frames", NULL, NULL, -1, 0, NULL},
};
// clang-format on

void emu_faults_clear(struct emu_faults *faults)
{
    while (faults->first != NULL) {
        struct emu_fault *next = faults->first->next;
        free(faults->first);
        faults->first = next;
    }
}

void emu_faults_deinit(struct emu_faults *faults)
{
    emu_faults_clear(faults);
}

/* ---- looking up ---- */

static bool fits(const char *wanted, const char *have)
{
    return wanted[0] == 0 || (have != NULL && strcasecmp(wanted, have) == 0);
}

static struct emu_fault **lookup(struct emu_faults *faults, enum emu_fault_kind kind,
                                 const char *hub, const char *partition, const char *group)
{
    struct emu_fault **at = &faults->first;
    if (*at == NULL) {
        return NULL;
    }
    int64_t now_ms = hd_clock_monotonic_ms();
    while (*at != NULL) {
        struct emu_fault *fault = *at;
        if (fault->until_ms != 0 && fault->until_ms <= now_ms) {
            *at = fault->next;
            free(fault);
            continue;
        }
        if (fault->kind == kind && fits(fault->hub, hub) && fits(fault->partition, partition) &&
            fits(fault->consumer_group, group)) {
            return at;
        }
        at = &fault->next;
    }
    return NULL;
}

const struct emu_fault *emu_fault_find(struct emu_faults *faults, enum emu_fault_kind kind,
                                       const char *hub, const char *partition,
                                       const char *consumer_group)
{
    struct emu_fault **at = lookup(faults, kind, hub, partition, consumer_group);
    return at != NULL ? *at : NULL;
}

bool emu_fault_take(struct emu_faults *faults, enum emu_fault_kind kind, const char *hub,
                    const char *partition, const char *consumer_group, struct emu_fault *ret)
{
    struct emu_fault **at = lookup(faults, kind, hub, partition, consumer_group);
    if (at == NULL) {
        return false;
    }
    struct emu_fault *fault = *at;
    *ret = *fault;
    if (fault->count > 0 && --fault->count == 0) {
        *at = fault->next;
        free(fault);
    }
    return true;
}

/* ---- at once ---- */

static bool link_fits(const struct emu_link *link, const struct emu_fault *fault)
{
    return link->attached && link->hub != NULL && fits(fault->hub, link->hub->name) &&
           fits(fault->partition, link->partition != NULL ? link->partition->id : NULL) &&
           fits(fault->consumer_group, link->group);
}

static bool conn_fits(const struct emu_conn *conn, const struct emu_fault *fault)
{
    if (conn->closing || !conn->open) {
        return false;
    }
    bool anywhere = fault->hub[0] == 0 && fault->partition[0] == 0 && fault->consumer_group[0] == 0;
    for (const struct emu_link *link = conn->links; !anywhere && link != NULL; link = link->next) {
        anywhere = link_fits(link, fault);
    }
    return anywhere;
}

static int do_detach(struct emu_server *server, const struct emu_fault *fault)
{
    int done = 0;
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = conn->next) {
        for (struct emu_link *link = conn->links; link != NULL; link = link->next) {
            if ((fault->count < 0 || done < fault->count) && link_fits(link, fault)) {
                emu_link_detach(link, fault->condition, fault->text);
                done++;
            }
        }
    }
    return done;
}

static int do_close(struct emu_server *server, const struct emu_fault *fault)
{
    int done = 0;
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = conn->next) {
        if ((fault->count < 0 || done < fault->count) && conn_fits(conn, fault)) {
            emu_conn_force_close(conn, fault->condition, fault->text);
            done++;
        }
    }
    return done;
}

static int do_reset(struct emu_server *server, const struct emu_fault *fault)
{
    int done = 0;
    struct emu_conn *next;
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = next) {
        next = conn->next;
        if ((fault->count < 0 || done < fault->count) && conn_fits(conn, fault)) {
            emu_conn_reset(conn);
            done++;
        }
    }
    return done;
}

static int do_expire(struct emu_server *server, const struct emu_fault *fault)
{
    int done = 0;
    int64_t when_ms = hd_clock_realtime_ms() + fault->delay_ms;
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = conn->next) {
        for (struct emu_claim *c = conn->claims.first; conn_fits(conn, fault) && c != NULL;
             c = c->next) {
            c->expires_ms = c->expires_ms < when_ms ? c->expires_ms : when_ms;
            done++;
        }
    }
    return done;
}

static int do_mute(struct emu_server *server, const struct emu_fault *fault)
{
    int done = 0;
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = conn->next) {
        if (conn_fits(conn, fault)) {
            conn->mute_until_ms = fault->until_ms;
            uv_read_stop((uv_stream_t *)&conn->tcp);
            done++;
        }
    }
    return done;
}

/* ---- arming ---- */

static int copy_text(const cJSON *json, const char *key, char *ret, size_t size,
                     const char *otherwise, struct hd_diag *diag)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, key);
    const char *text = otherwise != NULL ? otherwise : "";
    if (value != NULL && !cJSON_IsString(value)) {
        return hd_fail(diag, EMU_FAULT_E_INVALID, "\"%s\": a string is needed", key);
    }
    if (value != NULL) {
        text = value->valuestring;
    }
    if (strlen(text) >= size) {
        return hd_fail(diag, EMU_FAULT_E_INVALID, "\"%s\": at most %zu bytes", key, size - 1);
    }
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

enum number { COUNT, SECONDS, DELAY_MS, STATUS, BYTES, PARTITION };

// clang-format off
static const struct {
    const char *key;
    double min, max;
    bool whole;
} numbers[] = {
    [COUNT]     = {"count",     0,   1e9,     true},
    [SECONDS]   = {"seconds",   0,   1e6,     false},
    [DELAY_MS]  = {"delay_ms",  0,   1e9,     true},
    [STATUS]    = {"status",    100, 599,     true},
    [BYTES]     = {"bytes",     128, 1 << 20, true},
    [PARTITION] = {"partition", 0,   1023,    true},
};
// clang-format on

/* A number, or a string that is one: a query has nothing else. */
static int take_number(const cJSON *json, enum number which, double otherwise, double *ret,
                       struct hd_diag *diag)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, numbers[which].key);
    *ret = otherwise;
    if (value == NULL) {
        return 0;
    }
    bool good = cJSON_IsNumber(value);
    if (good) {
        *ret = value->valuedouble;
    } else if (cJSON_IsString(value) && value->valuestring[0] != 0) {
        char *end;
        *ret = strtod(value->valuestring, &end);
        good = *end == 0;
    }
    /* so written, a NaN is out of range */
    good = good && *ret >= numbers[which].min && *ret <= numbers[which].max;
    if (!good || (numbers[which].whole && *ret != floor(*ret))) {
        return hd_fail(diag, EMU_FAULT_E_INVALID, "\"%s\": a %s from %.0f to %.0f is needed",
                       numbers[which].key, numbers[which].whole ? "whole number" : "number",
                       numbers[which].min, numbers[which].max);
    }
    return 0;
}

/* "3" or 3; text that is no number fits nowhere and is refused */
static int take_partition(const cJSON *json, struct emu_fault *fault, struct hd_diag *diag)
{
    double n;
    int r = take_number(json, PARTITION, -1, &n, diag);
    if (r == 0 && n >= 0) {
        snprintf(fault->partition, sizeof(fault->partition), "%d", (int)n);
    }
    return r;
}

static int find_kind(const cJSON *json, enum emu_fault_kind *ret, struct hd_diag *diag)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "fault");
    for (int i = 0; cJSON_IsString(name) && i < EMU_FAULT_KINDS; i++) {
        if (strcmp(rows[i].name, name->valuestring) == 0) {
            *ret = (enum emu_fault_kind)i;
            return 0;
        }
    }
    return hd_fail(diag, EMU_FAULT_E_INVALID, "\"fault\" names no fault; --help lists them");
}

static int check_keys(const cJSON *json, struct hd_diag *diag)
{
    static const char *const known[] = {"fault",     "hub",    "partition", "consumer_group",
                                        "condition", "text",   "count",     "seconds",
                                        "delay_ms",  "status", "bytes"};
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            found |= strcmp(item->string, known[i]) == 0;
        }
        if (!found) {
            return hd_fail(diag, EMU_FAULT_E_INVALID, "\"%s\" is no part of a fault", item->string);
        }
    }
    return 0;
}

static int read_texts(const cJSON *json, struct emu_fault *fault, struct hd_diag *diag)
{
    const struct row *row = &rows[fault->kind];
    int r = copy_text(json, "hub", fault->hub, sizeof(fault->hub), NULL, diag);
    r = r ? r : take_partition(json, fault, diag);
    r = r ? r
          : copy_text(json, "consumer_group", fault->consumer_group, sizeof(fault->consumer_group),
                      NULL, diag);
    r = r ? r
          : copy_text(json, "condition", fault->condition, sizeof(fault->condition), row->condition,
                      diag);
    return r ? r : copy_text(json, "text", fault->text, sizeof(fault->text), row->text, diag);
}

static int read_numbers(const cJSON *json, struct emu_fault *fault, struct hd_diag *diag)
{
    const struct row *row = &rows[fault->kind];
    double seconds, count, delay_ms, status, bytes;
    int r = take_number(json, SECONDS, 0, &seconds, diag);
    r = r ? r : take_number(json, COUNT, seconds > 0 ? 0 : (double)row->count, &count, diag);
    r = r ? r : take_number(json, DELAY_MS, 0, &delay_ms, diag);
    r = r ? r : take_number(json, STATUS, row->status, &status, diag);
    r = r ? r : take_number(json, BYTES, 512, &bytes, diag);
    if (r != 0) {
        return r;
    }
    fault->count = count <= 0 ? -1 : (int64_t)count;
    fault->delay_ms = (int64_t)delay_ms;
    fault->status = (int)status;
    fault->bytes = (uint32_t)bytes;
    if (fault->kind == EMU_FAULT_EXPIRE_TOKENS) {
        fault->delay_ms += (int64_t)(seconds * 1000);
    } else if (seconds > 0) {
        fault->until_ms = hd_clock_monotonic_ms() + (int64_t)(seconds * 1000);
    }
    return 0;
}

static int read_fault(const cJSON *json, struct emu_fault *fault, struct hd_diag *diag)
{
    int r = check_keys(json, diag);
    r = r ? r : find_kind(json, &fault->kind, diag);
    r = r ? r : read_texts(json, fault, diag);
    r = r ? r : read_numbers(json, fault, diag);
    if (r != 0) {
        return r;
    }
    if (fault->kind == EMU_FAULT_MUTE && fault->until_ms == 0) {
        return hd_fail(diag, EMU_FAULT_E_INVALID, "mute needs \"seconds\"");
    }
    if (fault->kind == EMU_FAULT_PUT_TOKEN && fault->status == 0 && fault->delay_ms == 0) {
        fault->status = 401;
    }
    return 0;
}

int emu_fault_post(struct emu_server *server, struct hd_slice text, int *ret_applied,
                   struct hd_diag *diag)
{
    cJSON *json = cJSON_ParseWithLength(text.data, text.len);
    struct emu_fault *fault = calloc(1, sizeof(*fault));
    int r = fault == NULL ? -ENOMEM : 0;
    if (r == 0 && !cJSON_IsObject(json)) {
        r = hd_fail(diag, EMU_FAULT_E_INVALID, "a fault is a JSON object");
    }
    r = r ? r : read_fault(json, fault, diag);
    cJSON_Delete(json);
    *ret_applied = 0;
    if (r != 0) {
        free(fault);
        return r;
    }
    if (rows[fault->kind].act != NULL) {
        *ret_applied = rows[fault->kind].act(server, fault);
    }
    /* mute is both: done to those that are there, armed for those that come */
    if (rows[fault->kind].act == NULL || fault->kind == EMU_FAULT_MUTE) {
        struct emu_fault **end = &server->faults.first;
        while (*end != NULL) {
            end = &(*end)->next;
        }
        *end = fault;
    } else {
        free(fault);
    }
    for (struct emu_conn *conn = server->connections; conn != NULL; conn = conn->next) {
        emu_server_mark(conn);
    }
    return 0;
}

int emu_faults_list(struct emu_faults *faults, struct hd_buffer *out)
{
    int64_t now_ms = hd_clock_monotonic_ms();
    int r = hd_buffer_append_cstr(out, "[");
    const char *comma = "";
    for (const struct emu_fault *f = faults->first; r == 0 && f != NULL; f = f->next) {
        if (f->until_ms != 0 && f->until_ms <= now_ms) {
            continue;
        }
        r = hd_buffer_printf(out,
                             "%s{\"fault\":\"%s\",\"count\":%" PRId64 ",\"left_ms\":%" PRId64 "}",
                             comma, rows[f->kind].name, f->count < 0 ? 0 : f->count,
                             f->until_ms != 0 ? f->until_ms - now_ms : 0);
        comma = ",";
    }
    return r ? r : hd_buffer_append_cstr(out, "]");
}
