/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/fields.md is made from the tables of src/windows and says what they say. With
 * HUBDRAIN_REGENERATE set it is written (scripts/regenerate), else compared.
 */
#include "src/windows/ecs.h"

#include "support.h"

static const char intro[] =
    "# Fields\n"
    "\n"
    "<!-- Made from the tables in src/windows by scripts/regenerate; do not edit. -->\n"
    "\n"
    "Every event becomes one JSON object with the fields of the Elastic Common Schema "
    "(ECS) " HD_ECS_VERSION ".\n"
    "What ECS has no field for stands in two rooms:\n"
    "\n"
    "- `winlog` is what Winlogbeat writes about a Windows event, under the same names. "
    "`winlog.event_data` holds what no\n"
    "  row below names, with its own name and text; a field that went elsewhere is not repeated "
    "there, unless the table\n"
    "  says so. What is known of Sysmon beyond ECS is under `winlog.sysmon`.\n"
    "- `hubdrain` says where the event came from: its envelope, the place in the event hub, "
    "columns beside the event.\n"
    "\n"
    "Rules for all fields:\n"
    "\n"
    "- Integers are integers, up to 64 bits exact. Identifiers (`winlog.event_id`, "
    "`winlog.record_id`) are strings.\n"
    "- Times are RFC 3339 in UTC with every digit that says something. `@timestamp` is the event's "
    "own time (`UtcTime`),\n"
    "  else `event.created`, the time it was logged, else when it reached the hub, else "
    "`event.ingested`.\n"
    "- A field without a value is left out. Where a row says *blank*, Sysmon's placeholders count "
    "as no value: empty, `-`,\n"
    "  `?`, `Unknown`, `<unknown process>`, the zero GUID, `S-1-0-0`. An address `0.0.0.0` or `::` "
    "is no `ip`.\n"
    "- A value that its transform cannot read stays in `winlog.event_data`.\n"
    "- A name that comes twice in one event: the first is mapped, all are in `winlog.event_data` "
    "as an array.\n"
    "- Data without a name is `param1`, `param2`, ... `UserData` is under `winlog.user_data`, its "
    "element as `xml_name`, nested\n"
    "  names joined by a dot.\n"
    "- `related.*` holds every user, host, address and hash of the event once.\n"
    "- `message` is left out, because it repeats the data, less exactly and in the host's "
    "language; `keep_message` keeps\n"
    "  it. Without any data it is always there. For event 25 it is the type of the tampering.\n"
    "- A record that is no Windows event is under `hubdrain.record` as it came.\n"
    "\n";

static void put_row_events(struct hd_buffer *out, const struct hd_mapping *mapping, uint64_t events)
{
    uint64_t every = ((uint64_t)1 << mapping->n_events) - 1;
    if ((events & every) == every) {
        hd_buffer_append_cstr(out, "all");
        return;
    }
    /* The shorter way to say it: which, or which not. */
    bool except = events & 1 && __builtin_popcountll(~events & every) < 8;
    hd_buffer_append_cstr(out, except ? "all but" : "");
    const char *separator = except ? " " : "";
    for (size_t i = 1; i < mapping->n_events; i++) {
        if ((events >> i & 1) != except) {
            hd_buffer_printf(out, "%s%u", separator, mapping->event_ids[i]);
            separator = ", ";
        }
    }
    if (events & 1 && !except) {
        hd_buffer_append_cstr(out, ", newer");
    }
}

static void put_targets(struct hd_buffer *out, const struct hd_row *row)
{
    const char *separator = "";
    for (size_t i = 0; i < HD_ROW_TARGETS; i++) {
        if (row->targets[i]) {
            hd_buffer_printf(out, "%s`%s`", separator, hd_schema_ecs.targets[row->targets[i]].path);
            separator = ", ";
        }
    }
    if (!row->transform || row->flags & HD_ROW_KEEP) {
        hd_buffer_printf(out, "%s`winlog.event_data.%s`", separator, row->source);
    }
}

static void put_mapping(struct hd_buffer *out, const struct hd_mapping *mapping)
{
    hd_buffer_printf(out, "## %s\n\nProviders:", mapping->title);
    for (const char *const *name = mapping->providers; *name; name++) {
        hd_buffer_printf(out, "%s `%s`", name == mapping->providers ? "" : ",", *name);
    }
    hd_buffer_append_cstr(out,
                          ".\n\n| events | field | becomes | how |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < mapping->n_rows; i++) {
        const struct hd_row *row = &mapping->rows[i];
        hd_buffer_append_cstr(out, "| ");
        put_row_events(out, mapping, row->events);
        hd_buffer_printf(out, " | %s | ", row->source);
        put_targets(out, row);
        hd_buffer_printf(out, " | %s%s |\n", row->transform ? row->transform->name : "kept",
                         row->flags & HD_ROW_BLANK ? ", blank" : "");
    }
    hd_buffer_append_cstr(out, "\n");
}

static void put_events(struct hd_buffer *out)
{
    const struct hd_ecs_event *events = hd_ecs_sysmon_events();
    hd_buffer_append_cstr(out,
                          "### What the events are\n\n"
                          "| event | event.category | event.type | event.action | event.outcome |\n"
                          "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 1; i < hd_ecs_sysmon.n_events; i++) {
        const struct hd_ecs_event *event = &events[i];
        hd_buffer_printf(out, "| %u | `%s` | %s%s%s | %s | %s |\n", hd_ecs_sysmon.event_ids[i],
                         event->category, event->type ? "`" : "", event->type ? event->type : "",
                         event->type ? "`" : "", event->action,
                         event->outcome ? event->outcome : "");
    }
    hd_buffer_append_cstr(
        out, "\nEvent 12 is `creation` or `deletion` where its `EventType` says so. The outcome of "
             "event 22 is that of the\n"
             "query. For other providers the outcome is that of the audit keywords.\n\n");
}

static void put_transforms(struct hd_buffer *out, const struct hd_mapping *mapping)
{
    hd_buffer_append_cstr(out, "### How\n\n");
    for (size_t i = 0; i < mapping->n_rows; i++) {
        const struct hd_transform *transform = mapping->rows[i].transform;
        bool seen = false;
        for (size_t j = 0; j < i; j++) {
            seen |= mapping->rows[j].transform == transform;
        }
        if (transform && !seen) {
            hd_buffer_printf(out, "- **%s**: %s.\n", transform->name, transform->help);
        }
    }
    hd_buffer_append_cstr(out, "\n");
}

static void put_fields(struct hd_buffer *out)
{
    hd_buffer_append_cstr(out, "## All fields\n\n| field | type |\n| --- | --- |\n");
    for (size_t i = 1; i < hd_schema_ecs.n_targets; i++) {
        const struct hd_target *target = &hd_schema_ecs.targets[i];
        hd_buffer_printf(out, "| `%s` | %s%s |\n", target->path, hd_type_name(target->type),
                         target->array ? ", array" : "");
    }
}

static void fields_doc(void)
{
    struct hd_buffer want = {0};
    hd_buffer_append_cstr(&want, intro);
    put_mapping(&want, &hd_ecs_sysmon);
    put_events(&want);
    put_transforms(&want, &hd_ecs_sysmon);
    put_fields(&want);
    if (getenv("HUBDRAIN_REGENERATE")) {
        char path[4200];
        snprintf(path, sizeof(path), "%s/docs/fields.md", test_source());
        FILE *file = fopen(path, "wb");
        REQUIRE(file);
        CHECK(fwrite(want.data, 1, want.len, file) == want.len);
        CHECK(fclose(file) == 0);
    }
    struct hd_buffer got = test_read(test_source(), "docs/fields.md");
    CHECK(hd_slice_eq(hd_buffer_slice(&got), hd_buffer_slice(&want)));
    hd_buffer_deinit(&got);
    hd_buffer_deinit(&want);
}

HD_TEST_MAIN({"docs/fields.md is as the tables are (scripts/regenerate)", fields_doc})
