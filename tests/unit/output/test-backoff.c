/* SPDX-License-Identifier: Apache-2.0 */
/* How long a sink waits before it tries again, without waiting. */
#include "src/output/sink.c"

#include "support.h"

static struct hd_sink sink;

static void set_up(void)
{
    memset(&sink, 0, sizeof(sink));
    set_defaults(&sink.setup);
    init_lock(&sink);
    sink.random = 20261122;
    sink.target.name = "siem";
    hd_log_init(HD_LOG_ERROR, HD_LOG_LOGFMT);
}

static void doubles_with_jitter(void)
{
    static const int64_t most_ms[] = {1000,  1000,  2000,  4000,  8000, 16000,
                                      32000, 60000, 60000, 60000, 60000};
    set_up();
    for (uint32_t failures = 0; failures < sizeof(most_ms) / sizeof(most_ms[0]); failures++) {
        int64_t low = INT64_MAX, high = 0;
        sink.failures = failures;
        for (int i = 0; i < 1000; i++) {
            int64_t wait_ms = backoff_ms(&sink);
            low = wait_ms < low ? wait_ms : low;
            high = wait_ms > high ? wait_ms : high;
        }
        CHECK(high <= most_ms[failures] && high > most_ms[failures] * 9 / 10);
        CHECK(low >= 0 && low < most_ms[failures] / 10);
    }
    sink.failures = UINT32_MAX; /* an outage of years */
    CHECK(backoff_ms(&sink) <= 60000);
}

static void progress_starts_anew(void)
{
    set_up();
    struct hd_pass failed = {.answer = HD_OUTPUT_RETRY}, some = failed,
                   fine = {.answer = HD_OUTPUT_ACK};
    some.acked = 1;
    note_pass(&sink, &failed);
    note_pass(&sink, &failed);
    note_pass(&sink, &failed);
    CHECK_INT(sink.failures, 3);
    note_pass(&sink, &some); /* the disk is nearly full: a line now and then */
    CHECK_INT(sink.failures, 0);
    note_pass(&sink, &failed);
    CHECK_INT(sink.failures, 1);
    note_pass(&sink, &fine); /* nothing but batches without documents */
    CHECK_INT(sink.failures, 0);
    CHECK_INT(sink.status.retries, 5);
    CHECK_INT(sink.status.state, HD_SINK_OK);
}

HD_TEST_MAIN({"1 s, doubling to 60 s, full jitter", doubles_with_jitter},
             {"progress starts anew", progress_starts_anew})
