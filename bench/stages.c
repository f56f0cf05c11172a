/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: each stage alone, in one thread, over the records of the corpus in memory. The stages
 * take turns (one run each, then the next round), so that a noisy moment of the machine hits all
 * alike. The yardsticks: memcpy of the record, and a bare cJSON parse and free of it.
 */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "hubdrain/clock.h"
#include "hubdrain/decode.h"
#include "hubdrain/normalise.h"

struct stage_context {
    const struct corpus *corpus;
    struct hd_decoder *decoder;
    struct hd_normaliser *normaliser;
    struct hd_buffer out;
    uint64_t events;
    int file;
};

static void run_memcpy(struct stage_context *context, struct hd_slice record)
{
    context->out.len = 0;
    hd_buffer_append(&context->out, record.data, record.len);
    __asm__ volatile("" : : "r"(context->out.data) : "memory");
}

static void run_cjson(struct stage_context *context, struct hd_slice record)
{
    (void)context;
    cJSON_Delete(cJSON_ParseWithLength(record.data, record.len));
}

static int count_event(void *data, const struct hd_event *event, uint32_t index)
{
    (void)event;
    (void)index;
    ((struct stage_context *)data)->events++;
    return 0;
}

static int ignore_dead(void *data, enum hd_dead_reason reason, struct hd_slice bytes, size_t at,
                       uint32_t index)
{
    (void)data;
    (void)reason;
    (void)bytes;
    (void)at;
    (void)index;
    return 0;
}

static void ignore_skip(void *data, uint32_t index)
{
    (void)data;
    (void)index;
}

static const struct hd_decode_handler counting = {count_event, ignore_dead, ignore_skip};

static void run_decode(struct stage_context *context, struct hd_slice record)
{
    hd_decode(context->decoder, record, &counting, context);
}

static int normalise_event(void *data, const struct hd_event *event, uint32_t index)
{
    struct stage_context *context = data;
    static const struct hd_origin origin = {
        .namespace_name = HD_SLICE("contoso.servicebus.windows.net"),
        .hub = HD_SLICE("events"),
        .consumer_group = HD_SLICE("$Default"),
        .partition = HD_SLICE("0"),
        .offset = HD_SLICE("123456789"),
        .sequence_number = 123456,
        .enqueued_ms = 1714637730123,
        .ingested_ms = 1714637731123,
    };
    (void)index;
    context->events++;
    return hd_normalise(context->normaliser, event, &origin, &context->out);
}

static const struct hd_decode_handler normalising = {normalise_event, ignore_dead, ignore_skip};

static void run_transform(struct stage_context *context, struct hd_slice record)
{
    context->out.len = 0;
    hd_decode(context->decoder, record, &normalising, context);
}

/* Documents gathered to 64 KiB, then written; what the file output does without fsync. */
static void run_transform_write(struct stage_context *context, struct hd_slice record)
{
    hd_decode(context->decoder, record, &normalising, context);
    hd_buffer_append(&context->out, "\n", 1);
    if (context->out.len >= 65536) {
        if (write(context->file, context->out.data, context->out.len) < 0) {
            perror("hubdrain-bench: write");
            exit(74);
        }
        context->out.len = 0;
    }
}

static const struct {
    const char *name;
    void (*run)(struct stage_context *context, struct hd_slice record);
} stages[] = {
    {"memcpy", run_memcpy},
    {"cJSON parse + free (yardstick)", run_cjson},
    {"decode", run_decode},
    {"decode + normalise + encode ECS", run_transform},
    {"  the same + write() to a file", run_transform_write},
};
enum { STAGES = sizeof(stages) / sizeof(stages[0]) };

static double run_stage(struct stage_context *context, size_t stage, uint64_t events)
{
    const struct corpus *corpus = context->corpus;
    context->out.len = 0;
    int64_t begin = hd_clock_cpu_ns();
    for (uint64_t i = 0; i < events; i++) {
        stages[stage].run(context, corpus->records[i % corpus->n]);
    }
    return (double)(hd_clock_cpu_ns() - begin) / (double)events;
}

void bench_stages(const struct options *options, const struct corpus *corpus)
{
    struct stage_context context = {.corpus = corpus};
    struct hd_normalise_options normalise = {0};
    if (hd_decoder_new(NULL, &context.decoder) < 0 ||
        hd_normaliser_new(HD_SCHEMA_ECS, &normalise, &context.normaliser) < 0) {
        fprintf(stderr, "hubdrain-bench: out of memory\n");
        exit(71);
    }
    char path[] = "/tmp/hubdrain-bench-XXXXXX";
    context.file = mkstemp(path);
    unlink(path);

    uint64_t events = options->quick ? 2000 : 40000;
    double values[STAGES][BENCH_RUNS_MAX];
    for (size_t stage = 0; stage < STAGES; stage++) {
        run_stage(&context, stage, events / 4); /* warm up */
    }
    for (int run = 0; run < options->runs; run++) {
        for (size_t stage = 0; stage < STAGES; stage++) {
            values[stage][run] = run_stage(&context, stage, events);
            if (ftruncate(context.file, 0) < 0 || lseek(context.file, 0, SEEK_SET) < 0) {
                perror("hubdrain-bench");
                exit(74);
            }
        }
    }
    report_head("one stage, one thread, records in memory");
    double yardstick = median(values[1], options->runs);
    for (size_t stage = 0; stage < STAGES; stage++) {
        report(stages[stage].name, values[stage], options->runs, yardstick, corpus->mean_bytes);
    }
    printf("(x: against the bare cJSON parse of the same record)\n");
    close(context.file);
    hd_buffer_deinit(&context.out);
    hd_normaliser_free(context.normaliser);
    hd_decoder_free(context.decoder);
}
