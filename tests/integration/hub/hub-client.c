/* SPDX-License-Identifier: Apache-2.0 */
/* The hub client against the emulator: all messages, in order, once, whatever goes wrong. */
#include <errno.h>
#include <unistd.h>

#include "fixture.h"
#include "hubdrain/clock.h"

static char load_file[64];

/* `count` messages "{"n":0}"..., padded to `bytes`, spread over the partitions. */
static const char *write_load(size_t count, size_t bytes)
{
    snprintf(load_file, sizeof(load_file), "hub-client-load-XXXXXX");
    int fd = mkstemp(load_file);
    FILE *file = fdopen(fd, "w");
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "{\"n\":%zu,\"pad\":\"%*s\"}\n", i, (int)bytes, "x");
    }
    fclose(file);
    return load_file;
}

static bool start_with(struct emulator *emulator, const char *partitions, size_t count,
                       size_t bytes)
{
    const char *arguments[] = {
        "--hub", "hub", "--partitions", partitions, "--load", write_load(count, bytes), NULL};
    bool ok = emulator_start(emulator, arguments);
    unlink(load_file);
    return ok;
}

static void append(const struct emulator *emulator, const char *partition, const char *body)
{
    char path[64];
    snprintf(path, sizeof(path), "/append?hub=hub&partition=%s", partition);
    CHECK_INT(emulator_ask(emulator, "POST", path, body, NULL, 0), 200);
}

/* ---- the normal case ---- */

static void receive_all(uint32_t connections)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "4", 4000, 200));
    struct hd_hub_options options = user_options(&emulator);
    options.connections = connections;
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages >= 4000);
    CHECK_INT(user.messages, 4000);
    CHECK_INT(user.n_partitions, 4);
    CHECK_INT(user.n_lists, 1);
    CHECK(user_all(&user, HD_RECEIVER_RECEIVING));
    CHECK(user_exact(&user));
    CHECK(user.drained > 0 && user.drained <= 4000);
    append(&emulator, "2", "{\"live\":1}");
    UNTIL(&user, user.messages == 4001);
    CHECK_STR(user.partitions[2].body, "{\"live\":1}");
    struct hd_hub_counters counters;
    hd_hub_counters(user.hub, &counters);
    CHECK_INT(counters.messages, 4001);
    CHECK_INT(counters.connects, connections);
    CHECK_INT(counters.tokens_sent, connections);
    CHECK_INT(counters.duplicates, 0);
    CHECK(counters.received_bytes > 4000 * 200);
    struct hd_receiver_status status;
    hd_hub_status(user.hub, &status);
    CHECK_INT(status.state, HD_RECEIVER_RECEIVING);
    user_stop(&user);
    emulator_stop(&emulator);
}

static void receives_everything(void)
{
    receive_all(1);
}

static void several_connections(void)
{
    receive_all(3);
}

static void large_messages(void)
{
    struct emulator emulator;
    struct user user = {.credit = 5};
    REQUIRE(start_with(&emulator, "2", 20, 300000)); /* several frames each */
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 20);
    CHECK(user_exact(&user));
    CHECK_INT(user.partitions[0].bad + user.partitions[1].bad, 0);
    user_stop(&user);

    user = (struct user){.credit = 5}; /* again, all of them larger than is allowed */
    options.max_message_bytes = 100000;
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 20);
    CHECK(user_exact(&user));
    CHECK_INT(user.partitions[0].bad + user.partitions[1].bad, 20);
    CHECK(user.partitions[0].size == 100000); /* never more was reserved */
    user_stop(&user);

    FAULT(&emulator, "{\"fault\":\"small-frames\",\"bytes\":512}");
    user = (struct user){.credit = 2};
    options.max_message_bytes = 1 << 20;
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 20);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

static void little_credit(void)
{
    struct emulator emulator;
    struct user user = {.credit = 1};
    REQUIRE(start_with(&emulator, "2", 400, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 400);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

/* No credit, no messages; credit later, messages. */
static void credit_is_the_brake(void)
{
    struct emulator emulator;
    struct user user = {.credit = 7};
    REQUIRE(start_with(&emulator, "1", 100, 10));
    struct hd_hub_options options = user_options(&emulator);
    user.manual = true;
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.n_partitions == 1);
    hd_hub_set_credit(user.hub, 0, 0);
    hd_hub_receive(user.hub, 0, &user.start);
    UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    for (int i = 0; i < 20; i++) {
        user_turn(&user);
    }
    CHECK_INT(user.messages, 0);
    hd_hub_set_credit(user.hub, 0, 10);
    UNTIL(&user, user.messages == 100);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

/* ---- where to start ---- */

static void on_properties(void *context, uint32_t number,
                          const struct hd_partition_properties *properties,
                          const struct hd_diag *diag)
{
    (void)number;
    struct hd_partition_properties *ret = context;
    if (!properties) {
        printf("# %s\n", diag->text);
        ret->begin_sequence_number = -2;
        return;
    }
    *ret = *properties;
}

static void start_positions(void)
{
    struct emulator emulator;
    struct user user = {.manual = true};
    REQUIRE(start_with(&emulator, "2", 200, 10)); /* 0 to 99 in each */
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.n_partitions == 2);
    struct hd_partition_properties properties = {.begin_sequence_number = -1};
    CHECK_INT(hd_hub_partition_properties(user.hub, 0, on_properties, &properties), 0);
    UNTIL(&user, properties.begin_sequence_number == 0);
    CHECK_INT(properties.last_enqueued_sequence_number, 99);
    CHECK(!properties.empty);
    CHECK(*properties.last_enqueued_offset);
    CHECK(properties.last_enqueued_ms > 1600000000000);

    struct hd_start start = {.kind = HD_START_POSITION, .position = {.sequence_number = 89}};
    hd_hub_receive(user.hub, 0, &start); /* exclusive */
    UNTIL(&user, user.messages == 10);
    CHECK_INT(user.partitions[0].last, 99);

    start.position.sequence_number = 5; /* the offset wins */
    snprintf(start.position.offset, sizeof(start.position.offset), "%s",
             properties.last_enqueued_offset);
    hd_hub_receive(user.hub, 0, &start);
    append(&emulator, "0", "{\"after\":1}");
    UNTIL(&user, user.messages == 11);
    CHECK_INT(user.partitions[0].last, 100);

    start = (struct hd_start){.kind = HD_START_LATEST};
    hd_hub_receive(user.hub, 1, &start);
    UNTIL(&user, user.partitions[1].status.state == HD_RECEIVER_RECEIVING);
    append(&emulator, "1", "{\"after\":2}");
    UNTIL(&user, user.messages == 12);
    CHECK_INT(user.partitions[1].last, 100);

    start = (struct hd_start){.kind = HD_START_TIME, .enqueued_ms = properties.last_enqueued_ms};
    user.partitions[0].last = -1;
    hd_hub_receive(user.hub, 0, &start);
    UNTIL(&user, user.messages == 13);
    CHECK_INT(user.partitions[0].last, 100);

    start = (struct hd_start){.kind = HD_START_EARLIEST}; /* a link that is open is replaced */
    user.partitions[0].last = -1;
    hd_hub_receive(user.hub, 0, &start);
    UNTIL(&user, user.messages == 114);
    CHECK(user_exact(&user));
    hd_hub_release(user.hub, 0);
    append(&emulator, "0", "{\"unseen\":1}");
    append(&emulator, "1", "{\"seen\":1}");
    UNTIL(&user, user.messages == 115);
    CHECK_STR(user.partitions[1].body, "{\"seen\":1}");
    user_stop(&user);
    emulator_stop(&emulator);
}

/* "Latest" is where it was first attached, also when that link is lost before its first message. */
static void latest_stays(void)
{
    struct emulator emulator;
    struct user user = {.start = {.kind = HD_START_LATEST}};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    FAULT(&emulator, "{\"fault\":\"server-busy\",\"count\":1}"); /* keeps it away for a while */
    FAULT(&emulator, "{\"fault\":\"detach\"}");
    append(&emulator, "0", "{\"while\":\"away\"}");
    UNTIL(&user, user.messages == 1);
    CHECK_INT(user.partitions[0].last, 10);
    struct hd_hub_counters counters;
    hd_hub_counters(user.hub, &counters);
    CHECK_INT(counters.throttled, 1);
    user_stop(&user);
    emulator_stop(&emulator);
}

/* The answer where "latest" is comes when the partition is not wanted any more. */
static void released_while_asking(void)
{
    struct emulator emulator;
    struct user user = {.manual = true, .start = {.kind = HD_START_LATEST}};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.n_partitions == 1);
    FAULT(&emulator, "{\"fault\":\"management\",\"status\":500,\"count\":1}");
    FAULT(&emulator, "{\"fault\":\"mute\",\"seconds\":1}");
    hd_hub_receive(user.hub, 0, &user.start);
    for (int i = 0; i < 20; i++) {
        user_turn(&user);
    }
    hd_hub_release(user.hub, 0);
    user.partitions[0].seen = 0;
    struct hd_partition_properties properties = {.begin_sequence_number = -1};
    CHECK_INT(hd_hub_partition_properties(user.hub, 0, on_properties, &properties), 0);
    UNTIL(&user, properties.begin_sequence_number == 0); /* asked later, answered later */
    CHECK_INT(user.partitions[0].seen, 0);
    hd_hub_receive(user.hub, 0, &user.start);
    UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    append(&emulator, "0", "{\"after\":1}");
    UNTIL(&user, user.messages == 1);
    CHECK_INT(user.partitions[0].last, 10);
    user_stop(&user);
    emulator_stop(&emulator);
}

static void invalid_position(void)
{
    struct emulator emulator;
    struct user user = {
        .start = {.kind = HD_START_POSITION, .position = {.sequence_number = 71181}}};
    const struct hd_receiver_status *status = &user.partitions[0].status;
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user_all(&user, HD_RECEIVER_INVALID_POSITION));
    CHECK_STR(status->condition, "com.microsoft:argument-error");
    CHECK(strstr(status->text, "71181"));
    CHECK(strstr(status->text, "'9'"));
    CHECK_INT(status->position.sequence_number, 71181);
    CHECK_STR(status->position.offset, "");
    struct hd_start start = {.kind = HD_START_EARLIEST};
    hd_hub_receive(user.hub, 0, &start);
    UNTIL(&user, user.messages == 10);
    CHECK_INT(status->state, HD_RECEIVER_RECEIVING);
    CHECK_INT(status->position.sequence_number, -1); /* attached from the beginning */
    CHECK_STR(status->position.offset, "");
    user_stop(&user);
    emulator_stop(&emulator);
}

/* The hub was deleted and made again while we were receiving: said, not skipped over. */
static void made_anew(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 50, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 50);
    CHECK_INT(emulator_ask(&emulator, "POST", "/recreate?hub=hub", "", NULL, 0), 200);
    UNTIL(&user, user_all(&user, HD_RECEIVER_INVALID_POSITION));
    CHECK_INT(user.partitions[0].status.position.sequence_number, 49); /* the last received */
    CHECK(*user.partitions[0].status.position.offset);
    user_stop(&user);
    emulator_stop(&emulator);
}

/* The hub was deleted and made again while nobody received, and has grown past the old offset
 * since: the offset is valid, and what is before it would be skipped. */
static void made_anew_before(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 50, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 50);
    struct hd_partition_properties properties = {.begin_sequence_number = -1};
    CHECK_INT(hd_hub_partition_properties(user.hub, 0, on_properties, &properties), 0);
    UNTIL(&user, properties.begin_sequence_number == 0);
    user_stop(&user);

    CHECK_INT(emulator_ask(&emulator, "POST", "/recreate?hub=hub", "", NULL, 0), 200);
    char body[901];
    snprintf(body, sizeof(body), "{\"pad\":\"%*s\"}", 890, "x");
    for (int i = 0; i < 30; i++) {
        append(&emulator, "0", body);
    }
    struct hd_start *start = &user.start;
    start->kind = HD_START_POSITION;
    start->position.sequence_number = 49;
    snprintf(start->position.offset, sizeof(start->position.offset), "%s",
             properties.last_enqueued_offset);
    REQUIRE(user_start(&user, &options));
    const struct hd_receiver_status *status = &user.partitions[0].status;
    UNTIL(&user, user_all(&user, HD_RECEIVER_INVALID_POSITION));
    printf("# %s\n", status->text);
    CHECK(strstr(status->text, "49"));
    CHECK_STR(status->condition, ""); /* it was we who noticed: the hub took the offset */
    CHECK_INT(status->position.sequence_number, 49);
    CHECK_STR(status->position.offset, properties.last_enqueued_offset);
    CHECK_INT(user.messages, 0);
    *start = (struct hd_start){.kind = HD_START_EARLIEST};
    hd_hub_receive(user.hub, 0, start);
    UNTIL(&user, user.messages == 30);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

/* ---- faults in the middle of the stream ---- */

static uint64_t lost_links(const struct user *user)
{
    struct hd_hub_counters counters;
    hd_hub_counters(user->hub, &counters);
    return counters.links_closed + counters.disconnects;
}

static void survive(const char *fault)
{
    struct emulator emulator;
    struct user user = {.credit = 50};
    REQUIRE(start_with(&emulator, "4", 4000, 2000));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    for (uint64_t at = 500; at <= 2500; at += 500) {
        UNTIL(&user, user.messages >= at);
        uint64_t before = lost_links(&user);
        FAULT(&emulator, fault);
        /* A reset needs a frame to be in the middle of. */
        UNTIL(&user, lost_links(&user) > before || user.messages >= 4000);
        UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    }
    UNTIL(&user, user.messages >= 4000);
    UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    CHECK_INT(user.messages, 4000);
    CHECK(user_exact(&user));
    struct hd_hub_counters counters;
    hd_hub_counters(user.hub, &counters);
    CHECK_INT(counters.duplicates, 0); /* resumed exactly */
    CHECK(lost_links(&user) > 0);
    user_stop(&user);
    emulator_stop(&emulator);
}

static void forced_detach(void)
{
    survive("{\"fault\":\"detach\",\"count\":0}");
}

static void detach_of_unknown_kind(void)
{
    survive("{\"fault\":\"detach\",\"condition\":\"com.microsoft:something-new\",\"count\":1}");
}

/* A partition that stays faulty costs the others their connection once, not again and again. */
static void one_faulty_partition(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "2", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    FAULT(&emulator, "{\"fault\":\"refuse-attach\",\"count\":6,\"partition\":\"1\","
                     "\"condition\":\"amqp:internal-error\",\"text\":\"Sick.\"}");
    FAULT(&emulator, "{\"fault\":\"detach\",\"partition\":\"1\"}");
    UNTIL(&user, strcmp(user.partitions[1].status.text, "Sick.") == 0);
    UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    struct hd_hub_counters counters;
    hd_hub_counters(user.hub, &counters);
    CHECK_INT(counters.connects, 2);
    CHECK(counters.links_closed >= 7);
    append(&emulator, "1", "{}");
    UNTIL(&user, user.messages == 11);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

static void cancelled(void)
{
    survive(
        "{\"fault\":\"detach\",\"condition\":\"com.microsoft:operation-cancelled\",\"count\":0}");
}

static void connection_forced(void)
{
    survive("{\"fault\":\"close\"}");
}

static void tcp_reset(void)
{
    survive("{\"fault\":\"reset\"}");
}

static void unauthorised_link(void)
{
    survive("{\"fault\":\"detach\",\"condition\":\"amqp:unauthorized-access\",\"count\":0}");
}

static void no_memory(void)
{
    struct emulator emulator;
    struct user user = {.refuse_memory = 3};
    REQUIRE(start_with(&emulator, "1", 50, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 50);
    CHECK(user_exact(&user));
    CHECK_INT(user.refuse_memory, 0);
    user_stop(&user);
    emulator_stop(&emulator);
}

static void hub_restarts(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    char port[32];
    snprintf(port, sizeof(port), "127.0.0.1:%u", emulator.port);
    emulator_stop(&emulator);
    UNTIL(&user, user_all(&user, HD_RECEIVER_CONNECTING) &&
                     strstr(user.partitions[0].status.text, "cannot connect to 127.0.0.1:"));
    const char *again[] = {"--listen", port, "--hub", "hub", "--load", write_load(11, 10), NULL};
    REQUIRE(emulator_start(&emulator, again));
    unlink(load_file);
    UNTIL(&user, user.messages == 11);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

/* A peer that goes silent without a word is noticed by its silence. */
static void goes_mute(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    options.idle_timeout_ms = 1000;
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    FAULT(&emulator, "{\"fault\":\"mute\",\"seconds\":3}");
    UNTIL(&user, user_all(&user, HD_RECEIVER_CONNECTING));
    CHECK(strstr(user.partitions[0].status.text, "idle"));
    append(&emulator, "0", "{\"after\":1}");
    UNTIL(&user, user.messages == 11);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

/* Paused from before the first connection: it is made all the same, and waits with its events. */
static void connects_while_paused(void)
{
    struct emulator emulator;
    struct user user = {.paused = true};
    REQUIRE(start_with(&emulator, "2", 2000, 1000));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.n_partitions == 2);
    for (int i = 0; i < 20; i++) {
        user_turn(&user);
    }
    CHECK(user.messages < 100);
    user.paused = false;
    hd_hub_resume(user.hub);
    UNTIL(&user, user.messages == 2000);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

/* ---- who may ---- */

static void token_refused(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    FAULT(&emulator, "{\"fault\":\"put-token\",\"status\":401,\"count\":2}");
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    struct hd_receiver_status status;
    UNTIL(&user, (hd_hub_status(user.hub, &status), status.state == HD_RECEIVER_FATAL));
    CHECK_STR(status.condition, "com.microsoft:auth-failed");
    CHECK(strstr(status.text, "put-token: 401"));
    UNTIL(&user, user.messages == 10); /* tried again, slowly */
    user_stop(&user);
    emulator_stop(&emulator);
}

static void wrong_key(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    snprintf(options.address.key, sizeof(options.address.key), "not-the-key");
    REQUIRE(user_start(&user, &options));
    struct hd_receiver_status status;
    UNTIL(&user, (hd_hub_status(user.hub, &status), status.state == HD_RECEIVER_FATAL));
    CHECK(!strstr(status.text, "not-the-key"));
    user_stop(&user);

    user = (struct user){0}; /* a ready-made signature that is over */
    options.address.key[0] = options.address.key_name[0] = 0;
    snprintf(options.address.signature, sizeof(options.address.signature),
             "SharedAccessSignature sr=x&sig=y&se=1000&skn=z");
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, (hd_hub_status(user.hub, &status), status.state == HD_RECEIVER_FATAL));
    CHECK(strstr(status.text, "expired at 1970-01-01T00:16:40"));
    user_stop(&user);
    emulator_stop(&emulator);
}

static void slow_token(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    FAULT(&emulator, "{\"fault\":\"status-spelling\",\"count\":0}");
    FAULT(&emulator, "{\"fault\":\"put-token\",\"delay_ms\":300}");
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    user_stop(&user);
    emulator_stop(&emulator);
}

static void tokens_expire(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "2", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    options.rediscover_ms = 50; /* the list of partitions is asked for all the time */
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    FAULT(&emulator, "{\"fault\":\"expire-tokens\",\"seconds\":0}");
    UNTIL(&user, user.partitions[0].seen & 1u << HD_RECEIVER_CONNECTING &&
                     user.partitions[1].seen & 1u << HD_RECEIVER_CONNECTING);
    UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    append(&emulator, "0", "{\"a\":1}");
    append(&emulator, "1", "{\"a\":1}");
    UNTIL(&user, user.messages == 12);
    CHECK(user_exact(&user));
    struct hd_hub_counters counters;
    hd_hub_counters(user.hub, &counters);
    CHECK_INT(counters.connects, 1);    /* the connection stayed */
    CHECK_INT(counters.tokens_sent, 2); /* one renewal for both links and the discovery */
    CHECK_INT(user.n_lists, 1);
    user_stop(&user);
    emulator_stop(&emulator);
}

static bool all_seen(const struct user *user, enum hd_receiver_state state)
{
    for (size_t i = 0; i < user->n_partitions; i++) {
        if (!(user->partitions[i].seen & 1u << state)) {
            return false;
        }
    }
    return true;
}

/* On partitions where nothing comes for days: each expiry is one of its own. */
static void tokens_expire_again(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "2", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    for (int i = 0; i < 3; i++) {
        user.partitions[0].seen = user.partitions[1].seen = 0;
        FAULT(&emulator, "{\"fault\":\"expire-tokens\",\"seconds\":0}");
        UNTIL(&user, all_seen(&user, HD_RECEIVER_CONNECTING));
        UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
        CHECK(!(user.partitions[0].seen & 1u << HD_RECEIVER_FATAL));
        CHECK(!(user.partitions[1].seen & 1u << HD_RECEIVER_FATAL));
        int64_t held_ms = hd_clock_monotonic_ms() + options.slow_retry_ms + 20;
        UNTIL(&user, hd_clock_monotonic_ms() > held_ms);
    }
    struct hd_hub_counters counters;
    hd_hub_counters(user.hub, &counters);
    CHECK_INT(counters.connects, 1);
    CHECK_INT(user.messages, 10);
    user_stop(&user);
    emulator_stop(&emulator);
}

/* A connection that worked and is closed because its claim ran out: the next one claims anew. */
static void closed_for_the_token(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "2", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    options.slow_retry_ms = 600000; /* longer than the test waits */
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    user.partitions[0].seen = user.partitions[1].seen = 0;
    FAULT(&emulator, "{\"fault\":\"close\",\"condition\":\"amqp:unauthorized-access\"}");
    UNTIL(&user, all_seen(&user, HD_RECEIVER_CONNECTING));
    UNTIL(&user, user_all(&user, HD_RECEIVER_RECEIVING));
    CHECK(!(user.partitions[0].seen & 1u << HD_RECEIVER_FATAL));
    struct hd_hub_counters counters;
    hd_hub_counters(user.hub, &counters);
    CHECK_INT(counters.connects, 2);
    CHECK_INT(counters.tokens_sent, 2);
    user_stop(&user);
    emulator_stop(&emulator);
}

/* A token of four seconds is renewed again and again, and nothing is detached. */
static void tokens_are_renewed(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    options.token_lifetime_ms = 4000;
    REQUIRE(user_start(&user, &options));
    struct hd_hub_counters counters;
    UNTIL(&user, (hd_hub_counters(user.hub, &counters), counters.tokens_sent >= 3));
    CHECK_INT(user.messages, 10);
    CHECK_INT(counters.links_closed, 0);
    CHECK_INT(counters.connects, 1);
    user_stop(&user);
    emulator_stop(&emulator);
}

/* ---- refusals ---- */

static void stolen(void)
{
    struct emulator emulator;
    struct user first = {0}, second = {0};
    REQUIRE(start_with(&emulator, "2", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&first, &options));
    UNTIL(&first, first.messages == 10);
    options.client_id = "thief";
    REQUIRE(user_start(&second, &options));
    int64_t end = hd_clock_monotonic_ms() + 30000;
    while ((second.messages < 10 || !user_all(&first, HD_RECEIVER_STOLEN)) &&
           hd_clock_monotonic_ms() < end) {
        user_turn(&second);
        user_turn(&first);
    }
    CHECK(user_all(&first, HD_RECEIVER_STOLEN));
    CHECK(strstr(first.partitions[0].status.text, "thief"));
    for (int i = 0; i < 50; i++) { /* it does not fight */
        user_turn(&first);
        user_turn(&second);
    }
    CHECK(user_all(&first, HD_RECEIVER_STOLEN));
    CHECK(user_all(&second, HD_RECEIVER_RECEIVING));
    append(&emulator, "0", "{\"a\":1}");
    UNTIL(&second, second.messages == 11);
    CHECK_INT(first.messages, 10);
    user_stop(&first);
    user_stop(&second);
    emulator_stop(&emulator);
}

static void management_busy(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    FAULT(&emulator, "{\"fault\":\"management\",\"status\":500,\"count\":3}");
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 10);
    user_stop(&user);
    emulator_stop(&emulator);
}

static void refused_attach(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    FAULT(&emulator, "{\"fault\":\"refuse-attach\",\"count\":2,\"condition\":"
                     "\"com.microsoft:entity-disabled\",\"text\":\"The hub is disabled.\"}");
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user_all(&user, HD_RECEIVER_FATAL));
    CHECK_STR(user.partitions[0].status.text, "The hub is disabled.");
    CHECK_STR(user.partitions[0].status.condition, "com.microsoft:entity-disabled");
    UNTIL(&user, user.messages == 10);
    CHECK(user_all(&user, HD_RECEIVER_RECEIVING));
    user_stop(&user);
    emulator_stop(&emulator);
}

static void no_such_hub(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "1", 10, 10));
    struct hd_hub_options options = user_options(&emulator);
    snprintf(options.address.hub, sizeof(options.address.hub), "nowhere");
    REQUIRE(user_start(&user, &options));
    struct hd_receiver_status status;
    UNTIL(&user, (hd_hub_status(user.hub, &status), status.state == HD_RECEIVER_FATAL));
    CHECK_STR(status.condition, "amqp:not-found");
    user_stop(&user);

    user = (struct user){0};
    options = user_options(&emulator);
    options.consumer_group = "nobody";
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user_all(&user, HD_RECEIVER_FATAL));
    CHECK_STR(user.partitions[0].status.condition, "amqp:not-found");
    user_stop(&user);
    emulator_stop(&emulator);
}

/* ---- pausing and closing ---- */

static void pauses(void)
{
    struct emulator emulator;
    struct user user = {.manual = true};
    REQUIRE(start_with(&emulator, "2", 2000, 1000));
    struct hd_hub_options options = user_options(&emulator);
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.n_partitions == 2);
    user.paused = true;
    hd_hub_receive(user.hub, 0, &user.start);
    hd_hub_receive(user.hub, 1, &user.start);
    for (int i = 0; i < 50; i++) {
        user_turn(&user);
    }
    CHECK_INT(user.messages, 0);
    user.paused = false;
    hd_hub_resume(user.hub);
    UNTIL(&user, user.messages == 2000);
    CHECK(user_exact(&user));
    user_stop(&user);
    emulator_stop(&emulator);
}

static void on_closed(void *context)
{
    struct user *user = context;
    CHECK(!user->closed);
    user->closed = true;
}

static void closes_in_order(void)
{
    struct emulator emulator;
    struct user user = {0};
    REQUIRE(start_with(&emulator, "4", 100, 100));
    struct hd_hub_options options = user_options(&emulator);
    options.connections = 2;
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 100);
    hd_hub_close(user.hub, 5000, on_closed);
    CHECK(!user.closed); /* not inside the call */
    UNTIL(&user, user.closed);
    char state[16384] = "";
    UNTIL(&user, emulator_ask(&emulator, "GET", "/state", "", state, sizeof(state)) == 200 &&
                     strstr(state, "\"connections\":[]"));
    CHECK_INT(hd_hub_receive(user.hub, 0, &user.start), -EINVAL);
    for (int i = 0; i < 10; i++) {
        user_turn(&user);
    }
    user_stop(&user);

    user = (struct user){0}; /* the peer is gone: at the latest after the time given */
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages == 100);
    FAULT(&emulator, "{\"fault\":\"mute\",\"seconds\":60}");
    hd_hub_close(user.hub, 100, on_closed);
    UNTIL(&user, user.closed);
    user_stop(&user);

    user = (struct user){0}; /* nothing was ever open */
    REQUIRE(user_start(&user, &options));
    hd_hub_close(user.hub, 5000, on_closed);
    UNTIL(&user, user.closed);
    user_stop(&user);
    emulator_stop(&emulator);
}

/* ---- TLS ---- */

static int make_certificates(void)
{
    return system("mkdir -p hub-client-tls && cd hub-client-tls && "
                  "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key "
                  "-out ca.pem 2>/dev/null && openssl req -newkey rsa:2048 -nodes -subj "
                  "/CN=localhost -keyout key.pem -out csr.pem 2>/dev/null && printf "
                  "'subjectAltName=DNS:localhost' > ext && openssl x509 -req -in csr.pem -CA "
                  "ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem "
                  "2>/dev/null");
}

static void over_tls(void)
{
    struct emulator emulator;
    struct user user = {0};
    if (make_certificates() != 0) {
        SKIP("no openssl program");
    }
    const char *arguments[] = {"--tls-listen",
                               "127.0.0.1:0",
                               "--tls-cert",
                               "hub-client-tls/cert.pem",
                               "--tls-key",
                               "hub-client-tls/key.pem",
                               "--hub",
                               "hub",
                               "--partitions",
                               "4",
                               "--load",
                               write_load(4000, 3000),
                               NULL};
    bool ok = emulator_start(&emulator, arguments);
    unlink(load_file);
    REQUIRE(ok);
    struct hd_hub_options options = user_options(&emulator);
    options.address.tls = true;
    options.address.port = emulator.tls_port;
    snprintf(options.address.host, sizeof(options.address.host), "localhost");
    options.ca_file = "hub-client-tls/ca.pem";
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, user.messages >= 2000);
    FAULT(&emulator, "{\"fault\":\"reset\"}");
    UNTIL(&user, user.messages >= 4000);
    CHECK_INT(user.messages, 4000);
    CHECK(user_exact(&user));
    user_stop(&user);

    struct hd_receiver_status status;
    user = (struct user){0}; /* a certificate that nobody vouches for */
    options.ca_file = NULL;
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, (hd_hub_status(user.hub, &status), strstr(status.text, "certificate")));
    CHECK_INT(user.n_partitions, 0);
    user_stop(&user);

    user = (struct user){0}; /* one for another name */
    options.ca_file = "hub-client-tls/ca.pem";
    snprintf(options.address.host, sizeof(options.address.host), "127.0.0.1");
    REQUIRE(user_start(&user, &options));
    UNTIL(&user, (hd_hub_status(user.hub, &status), *status.text));
    printf("# %s\n", status.text);
    CHECK_INT(user.n_partitions, 0);
    user_stop(&user);
    emulator_stop(&emulator);
    CHECK_INT(system("rm -r hub-client-tls"), 0);
}

HD_TEST_MAIN({"all messages of all partitions", receives_everything},
             {"over several connections", several_connections},
             {"large and too large messages", large_messages}, {"one credit", little_credit},
             {"credit is the brake", credit_is_the_brake}, {"start positions", start_positions},
             {"latest stays where it was", latest_stays},
             {"released while asking", released_while_asking},
             {"an invalid position", invalid_position}, {"a hub made anew", made_anew},
             {"a hub made anew before the start", made_anew_before},
             {"forced detach", forced_detach}, {"a condition nobody knows", detach_of_unknown_kind},
             {"one faulty partition", one_faulty_partition}, {"cancelled", cancelled},
             {"connection forced", connection_forced}, {"TCP reset in a frame", tcp_reset},
             {"a link loses its authorisation", unauthorised_link}, {"no memory", no_memory},
             {"the hub restarts", hub_restarts}, {"a peer that goes silent", goes_mute},
             {"connecting while paused", connects_while_paused}, {"token refused", token_refused},
             {"wrong key, old signature", wrong_key}, {"slow token, other spelling", slow_token},
             {"tokens expire", tokens_expire}, {"tokens expire again", tokens_expire_again},
             {"closed for the token", closed_for_the_token},
             {"tokens are renewed", tokens_are_renewed}, {"stolen", stolen},
             {"$management busy", management_busy}, {"attach refused", refused_attach},
             {"no such hub or group", no_such_hub}, {"paused", pauses},
             {"closing", closes_in_order}, {"TLS", over_tls})
