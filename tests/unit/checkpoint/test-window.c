/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window against a model so naive that it is obviously right: an array of messages, scanned
 * from the front. Small windows are tried exhaustively, large ones at random.
 */
#include <errno.h>

#include "hubdrain/window.h"
#include "test.h"

/* ---- the model ---- */

struct model_message {
    int64_t sequence_number;
    uint32_t records; /* still to be acknowledged */
};

struct model {
    struct model_message messages[8192];
    size_t n;
};

static void model_push(struct model *model, int64_t sequence_number, uint32_t records)
{
    model->messages[model->n++] = (struct model_message){sequence_number, records};
}

static size_t model_first_open(const struct model *model)
{
    size_t i = 0;
    while (i < model->n && model->messages[i].records == 0) {
        i++;
    }
    return i;
}

static const char *offset_text(int64_t sequence_number, char buffer[HD_OFFSET_SIZE])
{
    /* Every third one is too long for the window's short form. */
    snprintf(buffer, HD_OFFSET_SIZE, "%s%" PRId64,
             sequence_number % 3 == 0 ? "a-geo-replicated-offset:12345678:" : "", sequence_number);
    return buffer;
}

static bool agrees(const struct hd_window *window, const struct model *model)
{
    size_t first = model_first_open(model);
    struct hd_position got = {.sequence_number = -2};
    int64_t hole = -2;
    char buffer[HD_OFFSET_SIZE];
    bool ok = hd_window_open(window) == model->n - first &&
              hd_window_watermark(window, &got) == (first > 0) &&
              hd_window_hole(window, &hole) == (first < model->n);
    if (first > 0) {
        int64_t want = model->messages[first - 1].sequence_number;
        ok = ok && got.sequence_number == want && !strcmp(got.offset, offset_text(want, buffer));
    }
    if (first < model->n) {
        ok = ok && hole == model->messages[first].sequence_number;
    }
    return ok;
}

static int push(struct hd_window *window, int64_t sequence_number, uint32_t records)
{
    char buffer[HD_OFFSET_SIZE];
    return hd_window_push(window, sequence_number,
                          hd_slice_cstr(offset_text(sequence_number, buffer)), records);
}

/* ---- exhaustive ---- */

/* All sequences of acks that empty `counts`: a permutation of a multiset, in lexical order. */
static bool next_permutation(uint8_t *order, size_t n)
{
    if (n < 2) {
        return false;
    }
    size_t i = n - 1;
    while (i > 0 && order[i - 1] >= order[i]) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    size_t j = n - 1;
    while (order[j] <= order[i - 1]) {
        j--;
    }
    uint8_t t = order[i - 1];
    order[i - 1] = order[j];
    order[j] = t;
    for (size_t a = i, b = n - 1; a < b; a++, b--) {
        t = order[a];
        order[a] = order[b];
        order[b] = t;
    }
    return true;
}

static const int64_t sequences[2][7] = {
    {0, 1, 2, 3, 4, 5, 6},
    {5, 6, 1000, 1001, INT64_C(1) << 33, (INT64_C(1) << 33) + 2, INT64_MAX},
};

/* Pushes everything, then acknowledges in this order; compares at every step. */
static bool try_order(const int64_t *seq, const uint8_t *counts, size_t n, const uint8_t *order,
                      size_t acks)
{
    static struct model model;
    struct hd_window *window;
    if (hd_window_new(&window) < 0) {
        return false;
    }
    model.n = 0;
    bool ok = agrees(window, &model);
    for (size_t i = 0; i < n; i++) {
        model_push(&model, seq[i], counts[i]);
        ok = ok && push(window, seq[i], counts[i]) == 0 && agrees(window, &model);
    }
    for (size_t i = 0; i < acks; i++) {
        model.messages[order[i]].records--;
        ok = ok && hd_window_ack(window, seq[order[i]], 1) == 0 && agrees(window, &model);
    }
    ok = ok && hd_window_open(window) == 0;
    hd_window_free(window);
    return ok;
}

static uint64_t try_all_orders(const int64_t *seq, const uint8_t *counts, size_t n)
{
    uint8_t order[32];
    size_t acks = 0;
    for (uint8_t i = 0; i < n; i++) {
        for (uint8_t k = 0; k < counts[i]; k++) {
            order[acks++] = i;
        }
    }
    uint64_t tried = 0;
    do {
        if (!try_order(seq, counts, n, order, acks)) {
            printf("# differs: %zu messages, order", n);
            for (size_t i = 0; i < acks; i++) {
                printf(" %d", order[i]);
            }
            printf("\n");
            CHECK(!"window and model agree");
            return tried;
        }
        tried++;
    } while (next_permutation(order, acks));
    return tried;
}

/* Every window of up to `max_n` messages with 0..max_records records each, every order of acks. */
static uint64_t exhaust(size_t max_n, uint8_t max_records, const int64_t *seq)
{
    uint64_t tried = 0;
    for (size_t n = 0; n <= max_n; n++) {
        uint8_t counts[8] = {0};
        bool more = true;
        while (more) {
            tried += try_all_orders(seq, counts, n);
            more = false;
            for (size_t i = 0; i < n && !more; i++) {
                more = counts[i] < max_records;
                counts[i] = more ? counts[i] + 1 : 0;
            }
        }
    }
    return tried;
}

static void exhaustive_small(void)
{
    for (size_t i = 0; i < 2; i++) {
        /* 1 + 2 + 5 + 16 + 65 + 326 + 1957 + 13700 orders: sum over n of n!/k!. */
        CHECK_INT(exhaust(7, 1, sequences[i]), 1 + 2 + 5 + 16 + 65 + 326 + 1957 + 13700);
        CHECK(exhaust(4, 2, sequences[i]) > 5000);
        CHECK(exhaust(3, 3, sequences[i]) > 2000);
    }
}

/* Three records in each of four messages: 12! / 3!^4 = 369,600 orders. */
static void exhaustive_many_records(void)
{
    static const uint8_t counts[] = {3, 3, 3, 3};
    CHECK_INT(try_all_orders(sequences[0], counts, 4), 369600);
}

/* Pushes and acks mixed: every way to interleave n pushes with n acks of any open message. Driven
 * by a counter in a mixed base: digit d of a step is a push (0) or the d-th open message. */
static void exhaustive_interleaved(void)
{
    enum { N = 5, STEPS = 2 * N };
    uint8_t choice[STEPS] = {0};
    uint64_t tried = 0;
    static struct model model;
    bool more = true;
    while (more) {
        struct hd_window *window;
        REQUIRE(hd_window_new(&window) == 0);
        model.n = 0;
        uint8_t options[STEPS];
        size_t pushed = 0, open[N], n_open = 0;
        bool ok = true;
        for (size_t s = 0; s < STEPS; s++) {
            bool may_push = pushed < N;
            options[s] = (uint8_t)(n_open + may_push);
            size_t pick = choice[s];
            if (may_push && pick == 0) {
                open[n_open++] = pushed;
                model_push(&model, sequences[1][pushed], 1);
                ok = ok && push(window, sequences[1][pushed++], 1) == 0;
            } else {
                size_t which = pick - may_push;
                model.messages[open[which]].records = 0;
                ok = ok && hd_window_ack(window, sequences[1][open[which]], 1) == 0;
                memmove(&open[which], &open[which + 1], (--n_open - which) * sizeof(open[0]));
            }
            ok = ok && agrees(window, &model);
        }
        hd_window_free(window);
        REQUIRE(ok);
        tried++;
        more = false;
        for (size_t s = STEPS; s-- > 0 && !more;) {
            more = choice[s] + 1 < options[s];
            choice[s] = more ? choice[s] + 1 : 0;
        }
    }
    CHECK_INT(tried, 945); /* (2n - 1)!! */
}

/* ---- random, large ---- */

static uint64_t random_state = 88172645463325252ULL;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % n);
}

static int64_t random_step(void)
{
    switch (random_below(20)) {
    case 0:
        return 1 + random_below(1000);
    case 1:
        return INT64_C(1) + ((int64_t)random_below(1U << 30) << 12);
    case 2:
        return 1024; /* powers of two are what a weak hash trips over */
    default:
        return 1;
    }
}

static void random_large(void)
{
    static struct model model;
    static size_t open[8192];
    for (int round = 0; round < 20; round++) {
        struct hd_window *window;
        REQUIRE(hd_window_new(&window) == 0);
        model.n = 0;
        size_t n_open = 0;
        int64_t seq = -1;
        uint32_t bias = 1 + random_below(9);
        while (model.n < 8000 || n_open > 0) {
            if (model.n < 8000 && (n_open == 0 || random_below(10) < bias)) {
                seq += random_step();
                uint32_t records = random_below(4);
                if (records > 0) {
                    open[n_open++] = model.n;
                }
                model_push(&model, seq, records);
                REQUIRE(push(window, seq, records) == 0);
            } else {
                size_t which = random_below((uint32_t)n_open);
                struct model_message *message = &model.messages[open[which]];
                uint32_t records = 1 + random_below(message->records);
                message->records -= records;
                REQUIRE(hd_window_ack(window, message->sequence_number, records) == 0);
                if (message->records == 0) {
                    open[which] = open[--n_open];
                }
            }
            if (random_below(64) == 0) {
                REQUIRE(agrees(window, &model));
            }
        }
        REQUIRE(agrees(window, &model));
        hd_window_free(window);
    }
}

/* ---- named cases ---- */

static void sequence_jumps(void)
{
    struct hd_window *window;
    struct hd_position mark;
    REQUIRE(hd_window_new(&window) == 0);
    size_t before = hd_window_bytes(window);
    CHECK_INT(push(window, 10, 1), 0);
    CHECK_INT(push(window, INT64_MAX - 1, 1), 0);
    CHECK_INT(push(window, INT64_MAX, 2), 0);
    CHECK(hd_window_bytes(window) < before + 200); /* nothing for what lies between */
    CHECK_INT(hd_window_ack(window, INT64_MAX - 1, 1), 0);
    CHECK(!hd_window_watermark(window, &mark));
    CHECK_INT(hd_window_ack(window, 10, 1), 0);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_INT(mark.sequence_number, INT64_MAX - 1);
    CHECK_INT(hd_window_ack(window, 11, 1), -EINVAL);
    CHECK_INT(hd_window_ack(window, INT64_MAX, 2), 0);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_INT(mark.sequence_number, INT64_MAX);
    hd_window_free(window);
}

/* A record that became a dead letter is acknowledged like a delivered one. */
static void dead_letters(void)
{
    struct hd_window *window;
    struct hd_position mark;
    REQUIRE(hd_window_new(&window) == 0);
    CHECK_INT(push(window, 1, 3), 0); /* two documents, one dead letter */
    CHECK_INT(push(window, 2, 1), 0); /* a dead letter alone */
    CHECK_INT(push(window, 4, 0), 0); /* a heartbeat */
    CHECK_INT(hd_window_ack(window, 2, 1), 0);
    CHECK_INT(hd_window_ack(window, 1, 2), 0);
    CHECK(!hd_window_watermark(window, &mark));
    CHECK_INT(hd_window_open(window), 3);
    CHECK_INT(hd_window_ack(window, 1, 1), 0);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_INT(mark.sequence_number, 4);
    CHECK_STR(mark.offset, "4");
    CHECK_INT(hd_window_open(window), 0);
    hd_window_free(window);
}

/* One message is never acknowledged; two million others come and go behind it. */
static void hole_never_closes(void)
{
    struct hd_window *window;
    struct hd_position mark;
    int64_t hole;
    REQUIRE(hd_window_new(&window) == 0);
    CHECK_INT(push(window, 0, 0), 0);
    CHECK_INT(push(window, 7, 1), 0);
    size_t most = 0;
    for (int64_t seq = 8; seq < 2000000; seq++) {
        REQUIRE(push(window, seq, 2) == 0);
        if (seq >= 8 + 32) {
            REQUIRE(hd_window_ack(window, seq - 32, 2) == 0);
        }
        most = hd_window_bytes(window) > most ? hd_window_bytes(window) : most;
    }
    CHECK(most < 16 * 1024); /* what 33 open messages need, however many are safe */
    CHECK_INT(hd_window_open(window), 2000000 - 7);
    CHECK(hd_window_hole(window, &hole));
    CHECK_INT(hole, 7);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_INT(mark.sequence_number, 0);
    CHECK_INT(hd_window_ack(window, 7, 1), 0);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_INT(mark.sequence_number, 2000000 - 1 - 32);
    CHECK_INT(hd_window_open(window), 32);
    hd_window_free(window);
}

static void misuse(void)
{
    struct hd_window *window;
    struct hd_position mark;
    int64_t hole;
    REQUIRE(hd_window_new(&window) == 0);
    CHECK(!hd_window_watermark(window, &mark));
    CHECK(!hd_window_hole(window, &hole));
    CHECK_INT(push(window, -1, 1), -EINVAL);
    CHECK_INT(hd_window_ack(window, 0, 1), -EINVAL); /* nothing there */
    CHECK_INT(push(window, 5, 2), 0);
    CHECK_INT(push(window, 5, 1), -EINVAL); /* again */
    CHECK_INT(push(window, 4, 1), -EINVAL); /* backwards */
    CHECK_INT(push(window, 4, 0), -EINVAL);
    CHECK_INT(hd_window_ack(window, 4, 1), -EINVAL);
    CHECK_INT(hd_window_ack(window, 5, 0), -EINVAL);
    CHECK_INT(hd_window_ack(window, 5, 3), -EINVAL); /* more than there are */
    CHECK_INT(hd_window_ack(window, 5, 2), 0);
    CHECK_INT(hd_window_ack(window, 5, 1), -EINVAL); /* already safe */
    CHECK_INT(push(window, 6, 0), 0);
    CHECK_INT(hd_window_ack(window, 6, 1), -EINVAL);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_INT(mark.sequence_number, 6);
    CHECK_INT(hd_window_open(window), 0);
    hd_window_free(window);
    hd_window_free(NULL);
}

static void offsets(void)
{
    struct hd_window *window;
    struct hd_position mark;
    char text[HD_OFFSET_SIZE + 1];
    memset(text, 'x', sizeof(text));
    REQUIRE(hd_window_new(&window) == 0);
    for (size_t len = 0; len < HD_OFFSET_SIZE; len++) {
        CHECK_INT(hd_window_push(window, (int64_t)len, hd_slice(text, len), 0), 0);
        REQUIRE(hd_window_watermark(window, &mark));
        CHECK_INT(strlen(mark.offset), len);
    }
    CHECK_INT(hd_window_push(window, 1000, hd_slice(text, HD_OFFSET_SIZE), 0), 0);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_INT(mark.sequence_number, 1000);
    CHECK_STR(mark.offset, "");
    CHECK_INT(hd_window_push(window, 1001, hd_slice("a\0b", 3), 0), 0);
    REQUIRE(hd_window_watermark(window, &mark));
    CHECK_STR(mark.offset, "");
    CHECK_INT(hd_window_push(window, 1002, hd_slice(NULL, 0), 1), 0);
    /* Freed with long offsets still inside. */
    CHECK_INT(hd_window_push(window, 1003, hd_slice(text, 100), 1), 0);
    CHECK_INT(hd_window_push(window, 1004, hd_slice(text, 100), 0), 0);
    hd_window_free(window);
}

HD_TEST_MAIN({"every small window, every order of acks", exhaustive_small},
             {"four messages of three records, every order", exhaustive_many_records},
             {"pushes and acks interleaved in every way", exhaustive_interleaved},
             {"large windows at random", random_large},
             {"jumps of the sequence number cost nothing", sequence_jumps},
             {"dead letters count like documents", dead_letters},
             {"a hole that never closes", hole_never_closes}, {"misuse", misuse},
             {"offsets of every length", offsets})
