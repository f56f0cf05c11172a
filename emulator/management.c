/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: $management READ of a hub or a partition. The token in the request is not looked at:
 * clients encode it in odd ways, and the claim of the connection is the authority.
 */
#include <stdio.h>

#include "link.h"
#include "message.h"

/* 0001-01-01T00:00:00Z, the time of an event that never was */
#define NEVER_MS (-62135596800000)

static void put_text(struct emu_writer *w, const char *key, const char *text)
{
    emu_write_string(w, hd_slice_cstr(key));
    emu_write_string(w, hd_slice_cstr(text));
}

/* An array of strings: a list is not the same to clients. */
static void put_partition_ids(struct emu_writer *w, const struct emu_hub *hub)
{
    emu_write_string(w, hd_slice_cstr("partition_ids"));
    emu_write_byte(w, 0xf0);
    size_t start = w->out->len;
    emu_write_raw(w, (uint8_t[8]){0}, 8);
    emu_write_byte(w, 0xa1);
    for (uint32_t i = 0; i < hub->n_partitions; i++) {
        size_t len = strlen(hub->partitions[i].id);
        emu_write_byte(w, (uint8_t)len);
        emu_write_raw(w, hub->partitions[i].id, len);
    }
    if (w->error == 0) {
        emu_put_be32(w->out->data + start, (uint32_t)(w->out->len - start - 4));
        emu_put_be32(w->out->data + start + 4, hub->n_partitions);
    }
}

static void put_hub(struct emu_writer *w, const struct emu_hub *hub)
{
    size_t map = emu_write_begin(w, EMU_MAP32);
    put_text(w, "name", hub->name);
    put_text(w, "type", "com.microsoft:eventhub");
    emu_write_string(w, hd_slice_cstr("created_at"));
    emu_write_timestamp(w, hub->created_ms);
    emu_write_string(w, hd_slice_cstr("partition_count"));
    emu_write_int(w, (int32_t)hub->n_partitions);
    put_partition_ids(w, hub);
    emu_write_string(w, hd_slice_cstr("georeplication_factor"));
    emu_write_int(w, 1);
    emu_write_end(w, map, 12);
}

static void put_partition(struct emu_writer *w, const struct emu_partition *p)
{
    char offset[24];
    int n = snprintf(offset, sizeof(offset), "%lld", (long long)p->last_offset);
    size_t map = emu_write_begin(w, EMU_MAP32);
    put_text(w, "name", p->hub->name);
    put_text(w, "type", "com.microsoft:partition");
    put_text(w, "partition", p->id);
    emu_write_string(w, hd_slice_cstr("begin_sequence_number"));
    emu_write_long(w, p->begin_seq);
    emu_write_string(w, hd_slice_cstr("last_enqueued_sequence_number"));
    emu_write_long(w, p->next_seq - 1);
    emu_write_string(w, hd_slice_cstr("last_enqueued_offset"));
    emu_write_string(w, hd_slice(offset, (size_t)n));
    emu_write_string(w, hd_slice_cstr("last_enqueued_time_utc"));
    emu_write_timestamp(w, p->last_offset < 0 ? NEVER_MS : p->last_enqueued_ms);
    emu_write_string(w, hd_slice_cstr("is_partition_empty"));
    emu_write_bool(w, p->begin_seq == p->next_seq);
    emu_write_end(w, map, 16);
}

struct refusal {
    int status;
    const char *condition, *text;
};

static bool is(const struct emu_message *request, const char *key, const char *want)
{
    struct emu_value value;
    return emu_map_find(&request->application, key, &value) && hd_slice_is(value.bytes, want);
}

static struct refusal find(struct emu_link *link, const struct emu_message *request,
                           struct emu_hub **ret_hub, struct emu_partition **ret_partition)
{
    struct emu_value name, partition;
    if (!is(request, "operation", "READ")) {
        return (struct refusal){400, "amqp:not-allowed", "The only operation here is READ."};
    }
    bool of_partition = is(request, "type", "com.microsoft:partition");
    if (!of_partition && !is(request, "type", "com.microsoft:eventhub")) {
        return (struct refusal){400, "com.microsoft:argument-error",
                                "The property 'type' names no known entity type."};
    }
    if (emu_map_find(&request->application, "name", &name)) {
        *ret_hub = emu_hub_find(&link->conn->server->ns, name.bytes);
    }
    if (*ret_hub != NULL && of_partition &&
        emu_map_find(&request->application, "partition", &partition)) {
        *ret_partition = emu_hub_partition(*ret_hub, partition.bytes);
    }
    if (*ret_hub == NULL || (of_partition && *ret_partition == NULL)) {
        return (struct refusal){404, "amqp:not-found", "The messaging entity could not be found."};
    }
    return (struct refusal){0};
}

int emu_management_reply(struct emu_link *link, const struct emu_message *request,
                         struct hd_buffer *out)
{
    struct emu_writer w = {out, 0};
    struct emu_hub *hub = NULL;
    struct emu_partition *partition = NULL;
    struct emu_fault fault;
    struct refusal refusal;
    if (emu_fault_take(&link->conn->server->faults, EMU_FAULT_MANAGEMENT, NULL, NULL, NULL,
                       &fault)) {
        refusal = (struct refusal){fault.status, fault.condition, fault.text};
    } else {
        refusal = find(link, request, &hub, &partition);
    }
    if (refusal.status != 0) {
        emu_reply_head(link, request, &w, refusal.status, refusal.text, refusal.condition);
    } else {
        emu_reply_head(link, request, &w, 200, "OK", NULL);
    }
    emu_write_descriptor(&w, 0x77);
    if (refusal.status != 0) {
        emu_write_null(&w);
    } else if (partition != NULL) {
        put_partition(&w, partition);
    } else {
        put_hub(&w, hub);
    }
    return w.error;
}
