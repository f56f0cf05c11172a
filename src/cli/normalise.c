/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hubdrain normalise: message bodies in, events out. The quickest way to see what hubdrain does.
 *
 * DESIGN: bodies become messages of a batch and go through the very code that a worker runs, so
 * that what comes out here is what the daemon would deliver. Input is read in large blocks straight
 * into the batch; a line is a message without being copied. What one read gives is written before
 * the next one, so that the filter can stand behind `tail -f`.
 *
 * Nobody assigned positions to these bodies: the sequence number counts them, the partition is 0,
 * the enqueued time is 1970. So event.id is the same whenever the same input is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "hubdrain/clock.h"
#include "hubdrain/output.h"
#include "hubdrain/transform.h"

#define READ_BYTES     ((size_t)1 << 20)
#define BODY_MAX_BYTES ((size_t)32 << 20)
#define COMPLAINTS_MAX 20

struct values {
    const char *schema, *dataset, *dead;
    bool keep_original, lines, whole;
};

static const char *const schemas[] = {"ecs", NULL}; /* in order of enum hd_schema */

const struct cli_option cli_normalise_options[CLI_NORMALISE_OPTIONS] = {
    {"lines", 'l', CLI_FLAG, NULL, "each line is a body; so it is for standard input anyway",
     offsetof(struct values, lines), NULL, NULL},
    {"whole", 'w', CLI_FLAG, NULL, "the whole input is one body; so it is for files anyway",
     offsetof(struct values, whole), NULL, NULL},
    {"schema", 's', CLI_TEXT, "SCHEMA", "ecs (the default)", offsetof(struct values, schema), NULL,
     schemas},
    {"keep-original", 'k', CLI_FLAG, NULL, "keep the event as it came in event.original",
     offsetof(struct values, keep_original), NULL, NULL},
    {"dataset", 0, CLI_TEXT, "NAME", "event.dataset of all events",
     offsetof(struct values, dataset), NULL, NULL},
    {"dead", 'd', CLI_TEXT, "FILE", "append what is no event to FILE, as the daemon would",
     offsetof(struct values, dead), NULL, NULL},
};

const char cli_normalise_text[] =
    "A body is what a producer sent as one message: a JSON object or array,\n"
    "{\"records\": [...]}, JSON lines, event XML, any of them compressed with gzip.\n"
    "Out comes one JSON object a line. What is no event is told on standard error\n"
    "with reason and place; the exit status is 65 then. '-' is standard input.\n\n"
    "Examples:\n"
    "  hubdrain normalise < messages.ndjson > events.ndjson\n"
    "  hubdrain normalise --lines a.ndjson b.ndjson | jq .process\n"
    "  hubdrain normalise event.xml\n"
    "  hubdrain normalise -k body.json.gz\n";

struct filter {
    const struct values *values;
    struct hd_transform *transform;
    struct hd_batch *batch;
    struct hd_buffer tail; /* the beginning of a line whose end is not read yet */
    struct hd_deadletter *dead;
    const char *name; /* of the input */
    bool lines;
    uint64_t bodies;      /* over all inputs: the next sequence number */
    uint64_t input_start; /* the sequence number of this input's first body */
    uint64_t events, deads;
    int code;
};

static const struct hd_partition_info partition = {
    .namespace_name = "", .hub = "", .consumer_group = "", .id = "0"};

/* The worst thing that happened decides: a broken output before unread input before dead letters.
 */
static void note(struct filter *filter, int code)
{
    bool worse = code == HD_EXIT_IO || code == HD_EXIT_OS ||
                 (filter->code == HD_EXIT_DATA && code == HD_EXIT_NO_INPUT);

    if (filter->code == HD_EXIT_OK || worse) {
        filter->code = code;
    }
}

static bool broken(const struct filter *filter)
{
    return filter->code == HD_EXIT_IO || filter->code == HD_EXIT_OS;
}

static void write_out(struct filter *filter)
{
    const struct hd_buffer *text = &filter->batch->text;

    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(STDOUT_FILENO, text->data + done, text->len - done);
        if (n < 0 && errno != EINTR) {
            cli_error("cannot write to standard output: %s", strerror(errno));
            note(filter, HD_EXIT_IO);
            return;
        }
        done += n > 0 ? (size_t)n : 0;
    }
}

static void tell_dead(struct filter *filter, const struct hd_dead_record *record)
{
    uint64_t number = (uint64_t)record->origin.sequence_number - filter->input_start + 1;

    note(filter, HD_EXIT_DATA);
    if (++filter->deads > COMPLAINTS_MAX) {
        return;
    }
    fprintf(stderr, "%s", filter->name);
    if (filter->lines) {
        fprintf(stderr, ":%" PRIu64, number);
    }
    fprintf(stderr, ": no event: %s at byte %zu, record %" PRIu32 "\n",
            hd_dead_reason_name(record->reason), record->at, record->origin.index);
}

/* One call for all: each is synced before it returns. */
static void write_dead(struct filter *filter, const struct hd_dead_record *records, size_t n)
{
    struct hd_diag diag = {0};

    if (filter->dead && !broken(filter) &&
        hd_deadletter_write(filter->dead, records, n, &diag) != 0) {
        cli_error("%s", diag.text);
        note(filter, HD_EXIT_IO);
    }
}

static void take_dead(struct filter *filter)
{
    const struct hd_batch *batch = filter->batch;

    if (batch->n_dead == 0) {
        return;
    }
    struct hd_dead_record *records = malloc(batch->n_dead * sizeof(*records));
    if (!records) {
        cli_error("out of memory");
        note(filter, HD_EXIT_OS);
        return;
    }
    for (uint32_t i = 0; i < batch->n_dead; i++) {
        const struct hd_dead *dead = &batch->dead[i];
        struct hd_dead_record *record = &records[i];
        *record = (struct hd_dead_record){
            .reason = dead->reason,
            .at = dead->at,
            .attempts = 1,
            .bytes = hd_slice(batch->dead_bytes.data + dead->start, dead->len),
        };
        hd_batch_origin(batch, dead->message, &record->origin);
        record->origin.ingested_ms = batch->received_ms;
        record->origin.index = dead->index;
        tell_dead(filter, record);
    }
    write_dead(filter, records, batch->n_dead);
    free(records);
}

static void add_body(struct filter *filter, size_t start, size_t len)
{
    struct hd_message *message = hd_batch_add_message(filter->batch);

    if (!message) {
        cli_error("out of memory");
        note(filter, HD_EXIT_OS);
        return;
    }
    message->sequence_number = (int64_t)filter->bodies++;
    message->body = (uint32_t)start;
    message->body_len = (uint32_t)len;
}

/* Everything that was added becomes events or dead letters; the batch is empty again. */
static void process(struct filter *filter)
{
    struct hd_batch *batch = filter->batch;

    batch->partition = &partition;
    batch->received_ms = hd_clock_realtime_ms();
    if (!broken(filter) && hd_transform_batch(filter->transform, batch) < 0) {
        cli_error("out of memory");
        note(filter, HD_EXIT_OS);
    }
    if (!broken(filter)) {
        filter->events += batch->n_documents;
        write_out(filter);
        take_dead(filter);
    }
    hd_batch_reset(batch);
}

/* Appends what one read gives. 1, 0 at the end, -1 when it failed (which was told). */
static int read_more(struct filter *filter, int fd)
{
    struct hd_buffer *raw = &filter->batch->raw;

    if (hd_buffer_reserve(raw, READ_BYTES)) {
        cli_error("out of memory");
        note(filter, HD_EXIT_OS);
        return -1;
    }
    for (;;) {
        ssize_t n = read(fd, raw->data + raw->len, READ_BYTES);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            cli_error("cannot read %s: %s", filter->name, strerror(errno));
            note(filter, HD_EXIT_NO_INPUT);
            return -1;
        }
        raw->len += (size_t)n;
        return n > 0;
    }
}

/* A line that is longer than any body may be: told and not kept. */
static void refuse_line(struct filter *filter)
{
    struct hd_dead_record record = {
        .reason = HD_DEAD_TOO_LARGE,
        .at = BODY_MAX_BYTES,
        .attempts = 1,
        .origin = {.partition = hd_slice_cstr("0"), .sequence_number = (int64_t)filter->bodies++},
        .bytes = hd_buffer_slice(&filter->batch->raw),
    };
    tell_dead(filter, &record);
    write_dead(filter, &record, 1);
    filter->batch->raw.len = 0;
}

/* Makes bodies of the complete lines behind `from`, and keeps the rest for the next time. */
static void take_lines(struct filter *filter, size_t from, bool end)
{
    struct hd_buffer *raw = &filter->batch->raw;
    size_t start = 0;
    const char *feed;

    while (!broken(filter) && (feed = memchr(raw->data + from, '\n', raw->len - from)) != NULL) {
        size_t at = (size_t)(feed - raw->data);
        add_body(filter, start, at - start);
        start = from = at + 1;
    }
    if (end && start < raw->len) {
        add_body(filter, start, raw->len - start);
        start = raw->len;
    }
    if (start == 0) {
        return; /* not one line yet: read on behind what is there */
    }
    filter->tail.len = 0;
    if (hd_buffer_append(&filter->tail, raw->data + start, raw->len - start)) {
        cli_error("out of memory");
        note(filter, HD_EXIT_OS);
    }
    process(filter);
    if (hd_buffer_append(raw, filter->tail.data, filter->tail.len)) {
        cli_error("out of memory");
        note(filter, HD_EXIT_OS);
    }
}

static void filter_lines(struct filter *filter, int fd)
{
    struct hd_buffer *raw = &filter->batch->raw;
    bool refusing = false, more = true;

    while (more && !broken(filter)) {
        size_t from = raw->len;
        more = read_more(filter, fd) > 0;
        if (refusing) {
            const char *feed = memchr(raw->data, '\n', raw->len);
            size_t skip = feed ? (size_t)(feed - raw->data) + 1 : raw->len;
            memmove(raw->data, raw->data + skip, raw->len - skip);
            raw->len -= skip;
            refusing = !feed;
            from = 0;
        }
        if (!refusing) {
            take_lines(filter, from, !more);
            refusing = raw->len > BODY_MAX_BYTES;
        }
        if (refusing && raw->len > BODY_MAX_BYTES) {
            refuse_line(filter);
        }
    }
}

static void filter_whole(struct filter *filter, int fd)
{
    struct hd_buffer *raw = &filter->batch->raw;
    int r = 1;

    while (r > 0 && raw->len <= BODY_MAX_BYTES) {
        r = read_more(filter, fd);
    }
    if (r < 0) {
        raw->len = 0;
    } else if (raw->len > BODY_MAX_BYTES) {
        refuse_line(filter);
        fputs("hubdrain: larger than a body may be; is each line one? Then use --lines\n", stderr);
    } else {
        add_body(filter, 0, raw->len);
        process(filter);
    }
}

static void filter_input(struct filter *filter, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    filter->name = standard ? "stdin" : path;
    filter->lines = filter->values->lines || (standard && !filter->values->whole);
    filter->input_start = filter->bodies;
    if (fd < 0) {
        cli_error("cannot open %s: %s", path, strerror(errno));
        note(filter, HD_EXIT_NO_INPUT);
        return;
    }
    if (standard && isatty(fd)) {
        fputs("hubdrain: reading bodies from the terminal, one a line; Ctrl-D ends\n", stderr);
    }
    if (filter->lines) {
        filter_lines(filter, fd);
    } else {
        filter_whole(filter, fd);
    }
    if (!standard) {
        close(fd);
    }
}

static int open_filter(struct filter *filter, const struct values *values)
{
    struct hd_decode_limits limits = {.max_record_bytes = (uint32_t)1 << 20,
                                      .max_body_bytes = (uint32_t)BODY_MAX_BYTES,
                                      .max_depth = 64,
                                      .max_fields = 4096};
    struct hd_normalise_options options = {.keep_original = values->keep_original,
                                           .dataset = hd_slice_cstr(values->dataset)};
    struct hd_diag diag = {0};
    unsigned schema = HD_SCHEMA_ECS;

    /* The option took one of them, or nothing. */
    while (values->schema && schemas[schema] && strcmp(schemas[schema], values->schema) != 0) {
        schema++;
    }
    int r = hd_transform_new(&limits, (enum hd_schema)schema, &options, &filter->transform);
    r = r ? r : hd_batch_new(NULL, &filter->batch);
    if (r) {
        cli_error("cannot start: %s", strerror(-r));
        return HD_EXIT_OS;
    }
    struct hd_deadletter_options dead = {.path = values->dead};
    if (values->dead && hd_deadletter_new(&dead, &filter->dead, &diag) != 0) {
        cli_error("cannot write %s: %s", values->dead, *diag.text ? diag.text : strerror(errno));
        return HD_EXIT_CANNOT_CREATE;
    }
    return HD_EXIT_OK;
}

static void close_filter(struct filter *filter)
{
    if (filter->deads > COMPLAINTS_MAX) {
        fprintf(stderr, "hubdrain: and %" PRIu64 " more\n", filter->deads - COMPLAINTS_MAX);
    }
    if (filter->deads && !filter->events && filter->lines) {
        fputs("hubdrain: each line was taken for a body; if the input is one body, use --whole\n",
              stderr);
    }
    hd_deadletter_free(filter->dead);
    hd_transform_free(filter->transform);
    hd_batch_free(filter->batch);
    hd_buffer_deinit(&filter->tail);
}

int hd_cli_normalise(int argc, char **argv)
{
    struct values values = {0};
    struct filter filter = {.values = &values};
    int operands = 0;

    int code = cli_parse(cli_command_find("normalise"), argc, argv, &values, &operands);
    if (code != CLI_GO_ON) {
        return code;
    }
    if (values.lines && values.whole) {
        cli_error("normalise: --lines and --whole contradict each other");
        return HD_EXIT_USAGE;
    }
    code = open_filter(&filter, &values);
    note(&filter, code);
    if (code == HD_EXIT_OK && operands == 0) {
        filter_input(&filter, "-");
    }
    for (int i = 1; code == HD_EXIT_OK && i <= operands && !broken(&filter); i++) {
        filter_input(&filter, argv[i]);
    }
    close_filter(&filter);
    return filter.code;
}
