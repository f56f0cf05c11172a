/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and the batch format, with payloads that the SDKs really sent. */
#include "../message.h"
#include "hex.h"

#define JS_INNER_1                                                                                 \
    "00537045005372d1000000040000000000537345005374d10000000a00000002a10178a10179005375a0077b22"   \
    "61223a317d"
#define JS_INNER_2 "00537045005372d1000000040000000000537345005375a0077b2262223a327d"
#define JS_BATCH                                                                                   \
    "00537045005372d1000000040000000000537345 005375a032" JS_INNER_1 "005375a020" JS_INNER_2
#define JS_KEY_SECTIONS                                                                            \
    "005370d0000000050000000141005372d10000001e00000002a313782d6f70742d706172746974696f6e2d6b6579" \
    "a103706b31"
#define PY_BATCH                                                                                   \
    "005375a018 005374c10702a10178a10179005375a0077b2261223a317d 005375a00c "                      \
    "005375a0077b2262223a32"                                                                       \
    "7d"
#define PY_SINGLE "005375a0077b2261223a317d"

/* Splits and collects the bodies, separated by blanks; false: not a batch. */
static bool split(const char *hex, uint32_t format, struct hd_buffer *bodies, char key[64])
{
    struct hd_buffer bytes = {0};
    put_hex(&bytes, hex);
    struct emu_batch batch = emu_batch(hd_buffer_slice(&bytes), format);
    struct emu_message message;
    int r;
    bodies->len = 0;
    key[0] = 0;
    while ((r = emu_batch_next(&batch, &message)) > 0) {
        hd_buffer_printf(bodies, "%s%.*s", bodies->len ? " " : "", (int)message.body.bytes.len,
                         message.body.bytes.data);
        if (message.partition_key.data != NULL) {
            snprintf(key, 64, "%.*s", (int)message.partition_key.len, message.partition_key.data);
        }
    }
    hd_buffer_deinit(&bytes);
    return r == 0;
}

static void splits_real_batches(void)
{
    struct hd_buffer bodies = {0};
    char key[64];
    CHECK(split(JS_BATCH, EMU_MESSAGE_FORMAT_BATCH, &bodies, key));
    CHECK_STR(hd_buffer_cstr(&bodies), "{\"a\":1} {\"b\":2}");
    CHECK_STR(key, "");
    CHECK(split(PY_BATCH, EMU_MESSAGE_FORMAT_BATCH, &bodies, key));
    CHECK_STR(hd_buffer_cstr(&bodies), "{\"a\":1} {\"b\":2}");
    hd_buffer_deinit(&bodies);
}

static void takes_the_key_of_the_envelope(void)
{
    struct hd_buffer bodies = {0};
    char key[64];
    CHECK(split(JS_KEY_SECTIONS "00537345"
                                "005375a00c"
                                "005375a0077b2262223a327d",
                EMU_MESSAGE_FORMAT_BATCH, &bodies, key));
    CHECK_STR(key, "pk1");
    CHECK_STR(hd_buffer_cstr(&bodies), "{\"b\":2}");
    hd_buffer_deinit(&bodies);
}

static void leaves_a_single_message_whole(void)
{
    struct hd_buffer bodies = {0};
    char key[64];
    CHECK(split(PY_SINGLE, 0, &bodies, key));
    CHECK_STR(hd_buffer_cstr(&bodies), "{\"a\":1}");
    /* a batch by its look, but not by its format: one message of two Data sections */
    CHECK(split(PY_BATCH, 0, &bodies, key));
    CHECK(strchr(hd_buffer_cstr(&bodies), ' ') == NULL);
    hd_buffer_deinit(&bodies);
}

static void refuses_what_is_none(void)
{
    static const char *const bad[] = {
        "",
        "00",
        "005375",
        "005375a005 6869", /* length beyond the end */
        "005377a1026869",  /* a batch without Data */
        "005375a002 6869", /* Data that is no message */
    };
    struct hd_buffer bodies = {0};
    char key[64];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!split(bad[i], EMU_MESSAGE_FORMAT_BATCH, &bodies, key));
    }
    CHECK(!split("6869", 0, &bodies, key));
    CHECK(!split("", 0, &bodies, key));
    /* sections out of order */
    CHECK(!split("005375a0026869 00537045", 0, &bodies, key));
    hd_buffer_deinit(&bodies);
}

/* Every prefix and every single changed byte: an answer, never a crash (under ASan). */
static void survives_damage(void)
{
    struct hd_buffer bytes = {0};
    put_hex(&bytes, JS_BATCH);
    for (size_t at = 0; at < bytes.len; at++) {
        for (int value = 0; value < 256; value++) {
            char *copy = malloc(bytes.len);
            REQUIRE(copy != NULL);
            memcpy(copy, bytes.data, bytes.len);
            copy[at] = (char)value;
            size_t len = value == 0 ? at : bytes.len;
            struct emu_batch batch = emu_batch(hd_slice(copy, len), EMU_MESSAGE_FORMAT_BATCH);
            struct emu_message message;
            int n = 0;
            while (emu_batch_next(&batch, &message) > 0) {
                n++;
            }
            CHECK(n <= 100);
            free(copy);
        }
    }
    hd_buffer_deinit(&bytes);
}

static void keeps_sections_apart(void)
{
    struct hd_buffer bytes = {0};
    struct emu_message message;
    put_hex(&bytes, JS_KEY_SECTIONS "005373d00000000b00000001a105"
                                    "68656c6c6f" PY_SINGLE);
    REQUIRE(emu_message_parse(hd_buffer_slice(&bytes), &message));
    CHECK_INT(message.header.len, 13);
    CHECK_INT(message.annotations.count, 2);
    CHECK_SLICE(message.partition_key, "pk1");
    CHECK_INT(message.body_code, 0x75);
    struct emu_value id;
    emu_message_property(&message, 0, &id);
    CHECK_SLICE(id.bytes, "hello");
    emu_message_property(&message, 4, &id);
    CHECK_INT(id.kind, EMU_NULL);
    /* the rest is what stands behind the annotations, to the last byte */
    CHECK(message.rest.data + message.rest.len == bytes.data + bytes.len);
    CHECK_INT((unsigned char)message.rest.data[2], 0x73);
    hd_buffer_deinit(&bytes);
}

HD_TEST_MAIN({"splits batches of both SDKs", splits_real_batches},
             {"the envelope's key goes to events that have none", takes_the_key_of_the_envelope},
             {"without the batch format nothing is split", leaves_a_single_message_whole},
             {"refuses what is no batch and no message", refuses_what_is_none},
             {"any damage has an answer", survives_damage},
             {"header, annotations and rest", keeps_sections_apart})
