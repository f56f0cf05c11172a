/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "hubdrain/budget.h"
#include "hubdrain/transform.h"

static const struct hd_partition_info partition = {"ns.example.net", "hub", "$default", "7", 0};

static void add(struct hd_batch *batch, int64_t sequence_number, const char *body, bool bad)
{
    struct hd_message *message = hd_batch_add_message(batch);
    message->sequence_number = sequence_number;
    message->enqueued_ms = 1700000000000;
    message->body = (uint32_t)batch->raw.len;
    message->body_len = (uint32_t)strlen(body);
    message->bad = bad;
    hd_buffer_append_cstr(&batch->raw, body);
    message->offset = (uint32_t)batch->raw.len;
    message->offset_len = 3;
    hd_buffer_append_cstr(&batch->raw, "100");
}

static const char event[] =
    "{\"properties\":{\"RawXml\":\"<Event><System><Provider Name='P'/><EventID>5</EventID>"
    "<Channel>C</Channel></System><EventData><Data Name='A'>b</Data></EventData></Event>\"}}";

static void every_message_becomes_something(void)
{
    struct hd_budget budget;
    hd_budget_init(&budget, 1 << 20);
    struct hd_batch *batch;
    REQUIRE(hd_batch_new(&budget, &batch) == 0);
    batch->partition = &partition;
    char two[2 * sizeof(event) + 8];
    snprintf(two, sizeof(two), "[%s,%s]", event, event);
    add(batch, 10, event, false);
    add(batch, 11, "certainly not an event", false);
    add(batch, 12, two, false);
    add(batch, 13, "\x01\x02", true);
    add(batch, 14, "", false);

    struct hd_transform *transform;
    struct hd_normalise_options options = {0};
    REQUIRE(hd_transform_new(NULL, HD_SCHEMA_ECS, &options, &transform) == 0);
    REQUIRE(hd_transform_batch(transform, batch) == 0);
    CHECK_INT(batch->n_documents, 3);
    CHECK_INT(batch->n_dead, 2);
    CHECK_INT(batch->n_skipped, 1);
    CHECK_INT(batch->documents[0].message, 0);
    CHECK_INT(batch->documents[2].message, 2);
    CHECK_INT(batch->documents[2].index, 1);
    CHECK_INT(batch->dead[0].message, 1);
    CHECK_SLICE(hd_slice(batch->dead_bytes.data + batch->dead[0].start, batch->dead[0].len),
                "certainly not an event");
    CHECK_INT(batch->dead[1].reason, HD_DEAD_BAD_MESSAGE);

    size_t at = 0; /* the documents are the text, each with its line feed */
    for (uint32_t i = 0; i < batch->n_documents; i++) {
        CHECK_INT(batch->documents[i].start, at);
        at += batch->documents[i].len;
        CHECK(batch->text.data[at] == '\n');
        at++;
    }
    CHECK_INT(batch->text.len, at);
    CHECK(memmem(batch->text.data, batch->text.len, "018bcfe56800-7-12-1", 19));
    CHECK_INT(budget.used_bytes, batch->charged_bytes);
    CHECK(batch->charged_bytes >= batch->raw.cap + batch->text.cap + batch->dead_bytes.cap);
    hd_transform_free(transform);
    hd_batch_free(batch);
    CHECK_INT(budget.used_bytes, 0);
}

HD_TEST_MAIN({"every message becomes events, a dead letter or is blank",
              every_message_becomes_something})
