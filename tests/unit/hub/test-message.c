/* SPDX-License-Identifier: Apache-2.0 */
/* The section decoder: annotations, every kind of body, joining in place, and bytes that are wrong.
 */
#include "src/hub/message.h"
#include "test.h"

struct bytes {
    char data[4096];
    uint32_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
    memcpy(b->data + b->len, data, len);
    b->len += (uint32_t)len;
}

#define PUT(b, ...) put(b, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_u32(struct bytes *b, uint32_t n)
{
    PUT(b, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n);
}

static void put_text(struct bytes *b, uint8_t code, const char *text)
{
    PUT(b, code, (uint8_t)strlen(text));
    put(b, text, strlen(text));
}

/* The annotations of an event, as the service writes them. */
static void put_annotations(struct bytes *b, const char *offset)
{
    struct bytes map = {.len = 0};
    put_text(&map, 0xa3, "x-opt-sequence-number");
    PUT(&map, 0x81, 0, 0, 0, 1, 0, 0, 0, 2);
    put_text(&map, 0xa3, "x-opt-offset");
    put_text(&map, 0xa1, offset);
    put_text(&map, 0xa3, "x-opt-enqueued-time");
    PUT(&map, 0x83, 0, 0, 0x01, 0x8f, 0, 0, 0, 3);
    put_text(&map, 0xa3, "x-opt-partition-key");
    put_text(&map, 0xa1, "pk");
    PUT(b, 0x00, 0x53, 0x72, 0xd1);
    put_u32(b, map.len + 4);
    put_u32(b, 8);
    put(b, map.data, map.len);
}

static void put_data(struct bytes *b, const char *text)
{
    PUT(b, 0x00, 0x53, 0x75);
    put_text(b, 0xa0, text);
}

static struct hd_slice body_of(const struct bytes *b, const struct hd_message *m)
{
    return hd_slice(b->data + m->body, m->body_len);
}

static void check_annotations(const struct bytes *b, const struct hd_message *m)
{
    CHECK_INT(m->sequence_number, ((int64_t)1 << 32) + 2);
    CHECK_INT(m->enqueued_ms, ((int64_t)0x18f << 32) + 3);
    CHECK_SLICE(hd_slice(b->data + m->offset, m->offset_len), "2:1234:567");
}

static void one_data(void)
{
    struct bytes b = {.len = 0};
    PUT(&b, 0x00, 0x53, 0x70, 0xc0, 0x02, 0x01, 0x41); /* header */
    PUT(&b, 0x00, 0x53, 0x71, 0xc1, 0x01, 0x00);       /* delivery annotations */
    put_annotations(&b, "2:1234:567");
    PUT(&b, 0x00, 0x53, 0x73, 0x45); /* properties */
    PUT(&b, 0x00, 0x53, 0x74, 0xc1, 0x07, 0x02, 0xa1, 1, 'x', 0xa1, 1, 'y');
    put_data(&b, "{\"a\":1}");
    PUT(&b, 0x00, 0x53, 0x78, 0xc1, 0x01, 0x00); /* footer */
    struct hd_message m;
    hd_message_decode(b.data, b.len, &m);
    CHECK(!m.bad);
    check_annotations(&b, &m);
    CHECK_SLICE(body_of(&b, &m), "{\"a\":1}");
}

static void long_forms(void)
{
    struct bytes b = {.len = 0};
    PUT(&b, 0x00, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x72, 0xd1); /* the descriptor as a long ulong */
    struct bytes map = {.len = 0};
    PUT(&map, 0xb3, 0, 0, 0, 21);
    put(&map, "x-opt-sequence-number", 21);
    PUT(&map, 0x55, 7); /* small long */
    put_u32(&b, map.len + 4);
    put_u32(&b, 2);
    put(&b, map.data, map.len);
    PUT(&b, 0x00, 0xa3, 16); /* the descriptor as a symbol */
    put(&b, "amqp:data:binary", 16);
    PUT(&b, 0xb0, 0, 0, 0, 3, 'a', 'b', 'c');
    struct hd_message m;
    hd_message_decode(b.data, b.len, &m);
    CHECK(!m.bad);
    CHECK_INT(m.sequence_number, 7);
    CHECK_INT(m.offset_len, 0);
    CHECK_SLICE(body_of(&b, &m), "abc");
}

static void several_data(void)
{
    struct bytes b = {.len = 0};
    put_annotations(&b, "2:1234:567");
    put_data(&b, "{\"a\"");
    put_data(&b, "");
    put_data(&b, ":1}");
    put_data(&b, "\n{\"b\":2}");
    struct hd_message m;
    hd_message_decode(b.data, b.len, &m);
    CHECK(!m.bad);
    check_annotations(&b, &m);
    CHECK_SLICE(body_of(&b, &m), "{\"a\":1}\n{\"b\":2}");
}

static void values(void)
{
    static const struct {
        uint8_t bytes[16];
        uint32_t len;
        const char *body; /* NULL: bad */
    } rows[] = {
        {{0x00, 0x53, 0x77, 0xa1, 2, 'h', 'i'}, 7, "hi"}, /* string */
        {{0x00, 0x53, 0x77, 0xa0, 2, 'h', 'i'}, 7, "hi"}, /* binary */
        {{0x00, 0x53, 0x77, 0xb1, 0, 0, 0, 2, 'h', 'i'}, 10, "hi"},
        {{0x00, 0x53, 0x77, 0x40}, 4, ""},         /* null */
        {{0x00, 0x53, 0x77, 0x54, 5}, 5, NULL},    /* int */
        {{0x00, 0x53, 0x77, 0xc1, 1, 0}, 6, NULL}, /* map */
        {{0x00, 0x53, 0x76, 0x45}, 4, ""},         /* empty sequence */
        {{0x00, 0x53, 0x76, 0xc0, 7, 2, 0xa1, 1, 'h', 0xa0, 1, 'i'}, 12, "hi"},
        {{0x00, 0x53, 0x76, 0xc0, 3, 1, 0x54, 1}, 8, NULL},
        {{0x00, 0x53, 0x75, 0x40}, 4, NULL}, /* data must be binary */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes b = {.len = 0};
        put_annotations(&b, "2:1234:567");
        put(&b, rows[i].bytes, rows[i].len);
        struct bytes before = b;
        struct hd_message m;
        hd_message_decode(b.data, b.len, &m);
        CHECK_INT(m.bad, !rows[i].body);
        check_annotations(&b, &m);
        if (rows[i].body) {
            CHECK_SLICE(body_of(&b, &m), rows[i].body);
        } else {
            CHECK_INT(m.body, 0);
            CHECK_INT(m.body_len, b.len);
            CHECK(memcmp(b.data, before.data, b.len) == 0);
        }
    }
}

static void sequences_are_joined(void)
{
    struct bytes b = {.len = 0};
    PUT(&b, 0x00, 0x53, 0x76, 0xc0, 7, 2, 0xa1, 1, 'a', 0xa1, 1, 'b');
    PUT(&b, 0x00, 0x53, 0x76, 0xd0, 0, 0, 0, 7, 0, 0, 0, 1, 0xa1, 1, 'c');
    struct hd_message m;
    hd_message_decode(b.data, b.len, &m);
    CHECK(!m.bad);
    CHECK_SLICE(body_of(&b, &m), "abc");
}

static void no_body(void)
{
    struct bytes b = {.len = 0};
    put_annotations(&b, "2:1234:567");
    struct hd_message m;
    hd_message_decode(b.data, b.len, &m);
    CHECK(!m.bad);
    CHECK_INT(m.body_len, 0);
    hd_message_decode(b.data, 0, &m);
    CHECK(!m.bad);
    CHECK_INT(m.body_len, 0);
    CHECK(m.sequence_number == HD_MESSAGE_NO_SEQUENCE);
}

static void odd_annotations(void)
{
    /* an annotation with a described value, keys that are numbers, types that do not fit */
    struct bytes map = {.len = 0}, b = {.len = 0};
    put_text(&map, 0xa3, "x");
    PUT(&map, 0x00, 0x00, 0x44, 0x44, 0x00, 0x44, 0xa1, 1, 'v');
    PUT(&map, 0x53, 9, 0x41);
    put_text(&map, 0xa3, "x-opt-offset");
    PUT(&map, 0x55, 9);
    put_text(&map, 0xa3, "x-opt-enqueued-time");
    PUT(&map, 0x40);
    put_text(&map, 0xa3, "x-opt-sequence-number");
    PUT(&map, 0x44);
    PUT(&b, 0x00, 0x53, 0x72, 0xc1, (uint8_t)(map.len + 1), 10);
    put(&b, map.data, map.len);
    struct hd_message m;
    hd_message_decode(b.data, b.len, &m);
    CHECK(!m.bad);
    CHECK_INT(m.sequence_number, 0);
    CHECK_INT(m.offset_len, 0);
    CHECK_INT(m.enqueued_ms, 0);
}

static void wrong_order(void)
{
    struct bytes b = {.len = 0};
    put_data(&b, "aaaa");
    put_annotations(&b, "2:1234:567"); /* behind the body */
    put_data(&b, "bbbb");
    struct bytes before = b;
    struct hd_message m;
    hd_message_decode(b.data, b.len, &m);
    CHECK(m.bad);
    CHECK(memcmp(b.data, before.data, b.len) == 0);

    b.len = 0;
    put_data(&b, "a");
    PUT(&b, 0x00, 0x53, 0x77, 0xa1, 1, 'b'); /* two kinds of body */
    hd_message_decode(b.data, b.len, &m);
    CHECK(m.bad);
    b.len = 0;
    PUT(&b, 0x00, 0x53, 0x77, 0xa1, 1, 'a', 0x00, 0x53, 0x77, 0xa1, 1, 'b');
    hd_message_decode(b.data, b.len, &m);
    CHECK(m.bad);
}

/* Cut anywhere, flipped anywhere: never outside of the bytes (the sanitizers see to that), always
 * positions within them, and what is bad is unchanged. */
static void damaged(void)
{
    struct bytes whole = {.len = 0};
    put_annotations(&whole, "2:1234:567");
    put_data(&whole, "one");
    put_data(&whole, "two");
    PUT(&whole, 0x00, 0x53, 0x78, 0xc1, 0x01, 0x00);
    for (uint32_t cut = 0; cut <= whole.len; cut++) {
        for (unsigned flip = 0; flip < 9; flip++) {
            char *copy = malloc(cut + 1), *before = malloc(cut + 1);
            REQUIRE(copy && before);
            memcpy(copy, whole.data, cut);
            if (flip < 8 && cut > 0) {
                copy[(cut * 7 + flip) % cut] ^= (char)(1u << flip);
            }
            memcpy(before, copy, cut);
            struct hd_message m;
            hd_message_decode(copy, cut, &m);
            CHECK((uint64_t)m.body + m.body_len <= cut);
            CHECK((uint64_t)m.offset + m.offset_len <= cut);
            if (m.bad) {
                CHECK(m.body == 0 && m.body_len == cut);
                CHECK(memcmp(copy, before, cut) == 0);
            }
            free(copy);
            free(before);
        }
    }
}

static void rubbish(void)
{
    static const char *const rows[] = {"single", "{\"a\":1}", "\x00\x53", "\x00\x00\x00\x00",
                                       "\x00\x53\x75\xb0\xff\xff\xff\xff"};
    static const uint32_t lens[] = {6, 7, 2, 4, 8};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char copy[16];
        memcpy(copy, rows[i], lens[i]);
        struct hd_message m;
        hd_message_decode(copy, lens[i], &m);
        CHECK(m.bad);
        CHECK_INT(m.body_len, lens[i]);
        CHECK(m.sequence_number == HD_MESSAGE_NO_SEQUENCE);
    }
}

HD_TEST_MAIN({"an event with one Data section", one_data}, {"long encodings", long_forms},
             {"several Data sections", several_data}, {"values and sequences", values},
             {"sequences are joined", sequences_are_joined}, {"no body", no_body},
             {"odd annotations", odd_annotations}, {"sections in the wrong order", wrong_order},
             {"damaged messages", damaged}, {"rubbish", rubbish})
