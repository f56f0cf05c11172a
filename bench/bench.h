/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the benchmark share. Every figure is CPU time of the process measured, in
 * nanoseconds an event, the median of several interleaved runs. */
#ifndef HUBDRAIN_BENCH_H
#define HUBDRAIN_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hubdrain/buffer.h"

#define BENCH_RUNS_MAX 64

struct corpus {
    struct hd_buffer text; /* the lines, each followed by HD_PADDING zero bytes */
    struct hd_slice *records;
    size_t n;
    double mean_bytes;
};

struct options {
    const char *corpus;   /* a folder with *.jsonl, or one such file */
    const char *emulator; /* the program */
    const char *hubdrain; /* the program */
    int runs;
    uint64_t events; /* of a whole run */
    bool quick;
};

/* Exits with a message when there is nothing to read. */
void corpus_load(const char *path, struct corpus *ret);
void corpus_free(struct corpus *corpus);

double median(double *values, int n);
void report(const char *what, double *ns_per_event, int n, double floor_ns, double bytes);
void report_head(const char *title);

void bench_stages(const struct options *options, const struct corpus *corpus);
void bench_receive(const struct options *options, const struct corpus *corpus);
void bench_whole(const struct options *options, const struct corpus *corpus);
void bench_memory(const struct options *options, const struct corpus *corpus);

#endif
