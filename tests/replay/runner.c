/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays *.rpl scripts against the whole pipeline with a fake clock and no sockets. One command a
 * line, '#' starts a comment. The commands are the rows of the table at the end of this file; how a
 * script reads is best seen in checkpoint-order.rpl.
 */
#include "test.h"

#include <inttypes.h>
#include <stdarg.h>

#include "hubdrain/log.h"
#include "world.h"

struct line {
    const char *file;
    int number;
    char *words[16];
    int n;
};

static struct world world;
static const struct line *current;

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void fail(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    hd_test_fail(current->file, current->number, text);
}

static const char *word(int i)
{
    return i < current->n ? current->words[i] : "";
}

static int64_t number(int i)
{
    char *end;
    int64_t value = strtoll(word(i), &end, 10);
    if (*word(i) == '\0' || *end != '\0') {
        fail("word %d, '%s', is no number", i, word(i));
    }
    return value;
}

/* ---- commands ---- */

static void set_up(void)
{
    static const struct {
        const char *name;
        int64_t *value;
    } options[] = {
        {"batch_age", &world.options.batch_age_ms},
        {"interval", &world.options.checkpoint_interval_ms},
        {"shutdown", &world.options.shutdown_timeout_ms},
        {"memory", (int64_t *)&world.options.memory_limit_bytes},
        {"batch_bytes", (int64_t *)&world.options.batch_bytes},
        {"events", (int64_t *)&world.options.checkpoint_events},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(word(1), options[i].name) == 0) {
            *options[i].value = number(2);
            return;
        }
    }
    if (strcmp(word(1), "partitions") == 0) {
        world.n_partitions = (uint32_t)number(2);
    } else if (strcmp(word(1), "outlets") == 0) {
        world.n_outlets = (size_t)number(2) + 1;
    } else if (strcmp(word(1), "batch_messages") == 0) {
        world.options.batch_messages = (uint32_t)number(2);
    } else if (strcmp(word(1), "on_invalid") == 0) {
        world.options.on_invalid = strcmp(word(2), "earliest") == 0 ? HD_ON_INVALID_EARLIEST
                                   : strcmp(word(2), "latest") == 0 ? HD_ON_INVALID_LATEST
                                                                    : HD_ON_INVALID_FAIL;
    } else if (strcmp(word(1), "start") == 0) {
        world.start.start.kind =
            strcmp(word(2), "latest") == 0 ? HD_START_LATEST : HD_START_EARLIEST;
    } else {
        fail("unknown option '%s'", word(1));
    }
}

static void ignore_write(void *context, enum hd_store_result result, const struct hd_diag *diag)
{
    (void)context;
    (void)diag;
    if (result != HD_STORE_OK) {
        fail("the memory store refused");
    }
}

static void stored(void)
{
    if (strcmp(word(2), "garbage") == 0) {
        struct hd_checkpoint *garbage = &world.garbage[world.n_garbage++];
        garbage->position.sequence_number = -1;
        snprintf(garbage->partition, sizeof(garbage->partition), "%s", word(1));
        snprintf(garbage->text, sizeof(garbage->text), "garbage");
        return;
    }
    struct hd_position position = {.sequence_number = number(2)};
    snprintf(position.offset, sizeof(position.offset), "%s", word(3));
    hd_store_write(world.memory, word(1), &position, ignore_write, NULL);
    hd_loop_advance(world.loop, 0);
}

static void start(void)
{
    if (world_start(&world) < 0) {
        fail("the pipeline does not start");
    }
    hd_loop_advance(world.loop, 0);
}

static const char event[] =
    "{\"properties\":{\"RawXml\":\"<Event><System><Provider Name='P'/><EventID>5</EventID>"
    "<Channel>C</Channel></System><EventData><Data Name='A'>b</Data></EventData></Event>\"}}";

/* deliver PARTITION FIRST COUNT [records N | dead | bad | blank | size BYTES] */
static void deliver(void)
{
    uint32_t partition = (uint32_t)number(1);
    struct hd_buffer body = {0};
    bool bad = strcmp(word(4), "bad") == 0;
    if (strcmp(word(4), "dead") == 0 || bad) {
        hd_buffer_append_cstr(&body, "this is no event");
    } else if (strcmp(word(4), "records") == 0) {
        for (int64_t i = 0; i < number(5); i++) {
            hd_buffer_printf(&body, "%s%s", i ? "," : "{\"records\":[", event);
        }
        hd_buffer_append_cstr(&body, "]}");
    } else if (strcmp(word(4), "size") == 0) {
        hd_buffer_append_cstr(&body, "{\"padding\":\"");
        while ((int64_t)body.len < number(5)) {
            hd_buffer_append_cstr(&body, "0123456789abcdef");
        }
        hd_buffer_append_cstr(&body, "\"}");
    } else if (strcmp(word(4), "blank") != 0) {
        hd_buffer_append_cstr(&body, event);
    }
    for (int64_t i = 0; i < number(3); i++) {
        world_deliver(&world, partition, number(2) + i, hd_buffer_slice(&body), bad);
    }
    hd_pipeline_handlers.drained(world.pipeline);
    hd_buffer_deinit(&body);
}

static void pass(void)
{
    hd_loop_advance(world.loop, number(1));
}

/* ack OUTLET [first | last | all] */
static void ack(void)
{
    uint32_t outlet = (uint32_t)number(1);
    bool all = strcmp(word(2), "all") == 0;
    if (!world_ack(&world, outlet, strcmp(word(2), "last") == 0)) {
        fail("outlet %u holds nothing", outlet);
    }
    while (all && world_ack(&world, outlet, false)) {
    }
    hd_loop_advance(world.loop, 0);
}

static void store(void)
{
    world.store_mode = strcmp(word(1), "down") == 0      ? STORE_DOWN
                       : strcmp(word(1), "refuses") == 0 ? STORE_REFUSES
                       : strcmp(word(1), "hangs") == 0   ? STORE_HANGS
                                                         : STORE_WORKS;
}

static void steal(void)
{
    world_state(&world, (uint32_t)number(1), HD_RECEIVER_STOLEN, "New receiver with higher epoch");
}

static void refuse_next(void)
{
    world.partitions[number(1)].refuse_next = true;
}

static void invalid(void)
{
    world_state(&world, (uint32_t)number(1), HD_RECEIVER_INVALID_POSITION, "The supplied offset");
}

static void detach(void)
{
    world_state(&world, (uint32_t)number(1), HD_RECEIVER_CONNECTING, "");
}

static void attach(void)
{
    world_state(&world, (uint32_t)number(1), HD_RECEIVER_RECEIVING, "");
}

static void stop(void)
{
    hd_pipeline_stop(world.pipeline);
    hd_loop_advance(world.loop, 0);
}

/* ---- expectations ---- */

static void compare(int64_t got, int from)
{
    const char *op = word(from);
    int64_t want = number(from + 1);
    bool ok = strcmp(op, "=") == 0    ? got == want
              : strcmp(op, "<") == 0  ? got < want
              : strcmp(op, ">") == 0  ? got > want
              : strcmp(op, "<=") == 0 ? got <= want
                                      : false;
    if (!ok) {
        fail("got %" PRId64 ", want %s %" PRId64, got, op, want);
    }
}

static void expect_receive(void)
{
    const struct hd_start *from = &world.partitions[number(2)].start;
    bool after = from->kind == HD_START_POSITION;
    char got[64];
    if (world.partitions[number(2)].n_receives == 0) {
        snprintf(got, sizeof(got), "nothing");
    } else if (after) {
        snprintf(got, sizeof(got), "%" PRId64 "/%s", from->position.sequence_number,
                 from->position.offset);
    } else {
        snprintf(got, sizeof(got), "%s", from->kind == HD_START_EARLIEST ? "earliest" : "latest");
    }
    if (strcmp(got, word(3)) != 0) {
        fail("partition %s receives from %s", word(2), got);
    }
}

static void expect_checkpoint(void)
{
    struct hd_position position = world_checkpoint(&world, (uint32_t)number(2));
    int64_t want = strcmp(word(3), "none") == 0 ? -1 : number(3);
    if (position.sequence_number != want) {
        fail("the checkpoint of partition %s is %" PRId64, word(2), position.sequence_number);
    }
    char offset[24];
    snprintf(offset, sizeof(offset), "%" PRId64, want * 100);
    if (want >= 0 && strcmp(position.offset, offset) != 0) {
        fail("the offset is %s, not %s", position.offset, offset);
    }
}

static void expect_id(void)
{
    if (strcmp(world.outlets[number(2)].first_id, word(3)) != 0) {
        fail("the first event.id is %s", world.outlets[number(2)].first_id);
    }
}

static void expect(void)
{
    struct hd_pipeline_status status;
    hd_pipeline_status(world.pipeline, &status);
    const char *what = word(1);
    if (strcmp(what, "receive") == 0) {
        expect_receive();
    } else if (strcmp(what, "checkpoint") == 0) {
        expect_checkpoint();
    } else if (strcmp(what, "id") == 0) {
        expect_id();
    } else if (strcmp(what, "held") == 0) {
        compare((int64_t)world.outlets[number(2)].n_held, 3);
    } else if (strcmp(what, "documents") == 0) {
        compare((int64_t)world.outlets[number(2)].documents, 3);
    } else if (strcmp(what, "dead") == 0) {
        compare((int64_t)world.outlets[number(2)].dead, 3);
    } else if (strcmp(what, "credit") == 0) {
        compare(world.partitions[number(2)].credit, 3);
    } else if (strcmp(what, "receives") == 0) {
        compare(world.partitions[number(2)].n_receives, 3);
    } else if (strcmp(what, "writes") == 0) {
        compare((int64_t)world.writes, 2);
    } else if (strcmp(what, "memory") == 0) {
        compare((int64_t)status.memory_used_bytes, 2);
    } else if (strcmp(what, "paused") == 0) {
        compare(hd_pipeline_handlers.pause(world.pipeline), 2);
    } else if (strcmp(what, "resumed") == 0) {
        compare(world.resumed, 2);
        world.resumed = false;
    } else if (strcmp(what, "finished") == 0) {
        compare(world.finished ? world.exit_code : -1, 2);
    } else if (strcmp(what, "running") == 0) {
        compare(!world.finished, 2);
    } else {
        fail("unknown expectation '%s'", what);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} commands[] = {
    {"config", set_up}, /* NAME VALUE, before start */
    {"stored", stored}, /* PARTITION SEQUENCE OFFSET | PARTITION garbage */
    {"start", start},     {"deliver", deliver},
    {"time", pass},                         /* MILLISECONDS */
    {"ack", ack},         {"store", store}, /* works | down | refuses | hangs */
    {"steal", steal},     {"refuse_next", refuse_next},
    {"invalid", invalid}, {"detach", detach},
    {"attach", attach},   {"stop", stop},
    {"expect", expect},
};

static void run_line(char *text, struct line *line)
{
    line->n = 0;
    text[strcspn(text, "#\n")] = '\0';
    for (char *save = NULL, *w = strtok_r(text, " \t", &save); w && line->n < 16;
         w = strtok_r(NULL, " \t", &save)) {
        line->words[line->n++] = w;
    }
    if (line->n == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, line->words[0]) == 0) {
            commands[i].run();
            return;
        }
    }
    fail("unknown command '%s'", line->words[0]);
}

static bool play(const char *path)
{
    hd_test_failed = false;
    FILE *file = fopen(path, "r");
    if (!file) {
        printf("# cannot open %s\n", path);
        return false;
    }
    world_init(&world);
    char text[512];
    struct line line = {.file = path};
    current = &line;
    while (fgets(text, sizeof(text), file)) {
        line.number++;
        run_line(text, &line);
    }
    fclose(file);
    world_deinit(&world);
    return !hd_test_failed;
}

int main(int argc, char **argv)
{
    hd_log_init(HD_LOG_ERROR, HD_LOG_LOGFMT);
    hd_log_set_fd(-1);
    int failed = 0;
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        bool ok = play(argv[i]);
        failed += !ok;
        const char *name = strrchr(argv[i], '/');
        printf("%s %d - %s\n", ok ? "ok" : "not ok", i, name ? name + 1 : argv[i]);
    }
    return failed ? 1 : 0;
}
