/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every record of the corpus: its document is JSON, and every value of its event data is in it,
 * under winlog or where a row put it. What that place looks like is computed here from the value
 * alone, so a value that vanished or changed on its way is found.
 */
#include "src/windows/mapping.h"
#include "src/windows/transforms.h"

#include "support.h"

struct tally {
    struct hd_normaliser *normaliser;
    struct hd_buffer out;
    int events, dead, values, lost, not_json;
};

/* Whether the JSON string of the text stands in the document, whatever its case. */
static bool holds(const struct tally *tally, const char *text, size_t n)
{
    char *copy = strndup(text, n);
    cJSON *item = cJSON_CreateString(copy);
    char *printed = cJSON_PrintUnformatted(item);
    /* without the quotes: a part of a value counts */
    size_t len = strlen(printed) - 2;
    bool found = false;
    for (size_t i = 0; i + len <= tally->out.len && !found; i++) {
        found = strncasecmp(tally->out.data + i, printed + 1, len) == 0;
    }
    free(printed);
    free(copy);
    cJSON_Delete(item);
    return found;
}

static bool holds_all_parts(const struct tally *tally, struct hd_slice value,
                            const char *separators)
{
    for (size_t i = 0; i < value.len;) {
        size_t n = 0;
        while (i + n < value.len && !strchr(separators, value.data[i + n])) {
            n++;
        }
        if (n > 0 && strspn(value.data + i, "0") < n && !holds(tally, value.data + i, n)) {
            return false;
        }
        i += n + 1;
    }
    return true;
}

/* Of KIND=DIGITS,...: every digits but zeros. */
static bool holds_hashes(const struct tally *tally, struct hd_slice value)
{
    for (size_t i = 0; i < value.len;) {
        size_t n = 0;
        while (i + n < value.len && value.data[i + n] != ',') {
            n++;
        }
        const char *equals = memchr(value.data + i, '=', n);
        size_t skip = equals ? (size_t)(equals + 1 - value.data) - i : 0;
        if (!holds_all_parts(tally, hd_slice(value.data + i + skip, n - skip), "")) {
            return false;
        }
        i += n + 1;
    }
    return true;
}

/* The addresses and names of a list of DNS results. */
static bool holds_results(const struct tally *tally, struct hd_slice value)
{
    for (size_t i = 0; i < value.len;) {
        size_t n = 0;
        while (i + n < value.len && value.data[i + n] != ';') {
            n++;
        }
        struct hd_slice item = hd_slice(value.data + i, n);
        struct hd_ip ip;
        char text[HD_IP_TEXT];
        if (hd_slice_starts(item, "type:")) {
            const char *data = memrchr(item.data, ' ', item.len);
            item = hd_slice(data + 1, item.len - (size_t)(data + 1 - item.data));
        }
        if (hd_ip_parse(item, &ip)) {
            item = hd_slice(text, hd_ip_format(&ip, text));
        }
        if (item.len > 0 && !hd_slice_is(item, "-") && !holds(tally, item.data, item.len)) {
            return false;
        }
        i += n + 1;
    }
    return true;
}

static bool is_lost(const struct tally *tally, const struct hd_field *field)
{
    char time[HD_TIME_MAX];
    size_t n = hd_time_parse(field->value, time);
    uint64_t high, low;
    char text[64];
    if (hd_is_blank(field->value) || holds(tally, field->value.data, field->value.len)) {
        return false;
    }
    if (n > 0) {
        return !holds(tally, time, n);
    }
    if (hd_slice_is(field->name, "Hashes") || hd_slice_is(field->name, "Hash")) {
        return !holds_hashes(tally, field->value);
    }
    if (hd_slice_is(field->name, "User") || hd_slice_is(field->name, "SourceUser")) {
        return !holds_all_parts(tally, field->value, "\\");
    }
    if (hd_slice_is(field->name, "QueryResults")) {
        return !holds_results(tally, field->value);
    }
    if (hd_slice_is(field->name, "QueryStatus")) {
        return !holds(tally, "DNS_", 4) && !holds(tally, "SUCCESS", 7) &&
               !holds(tally, "ERROR_", 6);
    }
    if (hd_slice_is(field->name, "Initiated")) {
        return !holds(tally, field->value.data[0] == 't' ? "egress" : "ingress", 6);
    }
    if (field->name.len > 6 &&
        hd_slice_is(hd_slice(field->name.data + field->name.len - 6, 6), "IsIpv6")) {
        return !holds(tally, field->value.data[0] == 't' ? "ipv6" : "ipv4", 4);
    }
    snprintf(text, sizeof(text), "%.*s", (int)(field->value.len < 60 ? field->value.len : 60),
             field->value.data);
    if (sscanf(text, "DWORD (0x%" SCNx64 ")", &low) == 1) {
        n = (size_t)snprintf(text, sizeof(text), "%" PRIu64, low);
        return !holds(tally, text, n);
    }
    if (sscanf(text, "QWORD (0x%" SCNx64 "-0x%" SCNx64 ")", &high, &low) == 2) {
        n = (size_t)snprintf(text, sizeof(text), "%" PRIu64, high << 32 | low);
        return !holds(tally, text, n);
    }
    if (hd_slice_is(field->value, "Binary Data")) {
        return !holds(tally, "REG_BINARY", 10);
    }
    return !hd_slice_is(field->value, "(Empty)");
}

static int on_event(void *context, const struct hd_event *event, uint32_t index)
{
    struct tally *tally = context;
    struct hd_origin origin = test_origin;
    origin.index = index;
    tally->out.len = 0;
    int r = hd_normalise(tally->normaliser, event, &origin, &tally->out);
    if (r < 0) {
        return r;
    }
    tally->events++;
    cJSON *json = cJSON_ParseWithLength(tally->out.data, tally->out.len);
    tally->not_json += !json;
    char number[32];
    snprintf(number, sizeof(number), "\"record_id\":\"%" PRIu64 "\"", event->record_id);
    if (event->has & HD_HAS_RECORD_ID && !strstr(hd_buffer_cstr(&tally->out), number)) {
        printf("# record id %" PRIu64 "\n", event->record_id);
        tally->lost++;
    }
    cJSON_Delete(json);
    for (uint32_t i = 0; i < event->n_fields; i++) {
        tally->values++;
        if (is_lost(tally, &event->fields[i])) {
            tally->lost++;
            printf("# event %u: %.*s = %.*s\n", event->event_id, (int)event->fields[i].name.len,
                   event->fields[i].name.data, (int)event->fields[i].value.len,
                   event->fields[i].value.data);
        }
    }
    return 0;
}

static int on_dead(void *context, enum hd_dead_reason reason, struct hd_slice bytes, size_t at,
                   uint32_t index)
{
    (void)bytes, (void)index;
    struct tally *tally = context;
    printf("# dead letter: %s at %zu\n", hd_dead_reason_name(reason), at);
    tally->dead++;
    return 0;
}

static void on_skip(void *context, uint32_t index)
{
    (void)context, (void)index;
}

static void run_folder(const char *folder, struct tally *tally)
{
    static const struct hd_decode_handler handler = {on_event, on_dead, on_skip};
    char path[4200];
    struct hd_decoder *decoder;
    struct hd_normalise_options options = {0};
    snprintf(path, sizeof(path), "%s/%s", test_corpus(), folder);
    DIR *dir = opendir(path);
    if (!dir) {
        SKIP("no corpus");
    }
    REQUIRE(hd_decoder_new(NULL, &decoder) == 0);
    REQUIRE(hd_normaliser_new(HD_SCHEMA_ECS, &options, &tally->normaliser) == 0);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct hd_buffer body = {0};
        if (entry->d_name[0] != '.') {
            body = test_read(path, entry->d_name);
        }
        CHECK_INT(body.data ? hd_decode(decoder, hd_buffer_slice(&body), &handler, tally) : 0, 0);
        hd_buffer_deinit(&body);
    }
    closedir(dir);
    hd_normaliser_free(tally->normaliser);
    hd_decoder_free(decoder);
    hd_buffer_deinit(&tally->out);
    CHECK_INT(tally->dead, 0);
    CHECK_INT(tally->lost, 0);
    CHECK_INT(tally->not_json, 0);
    printf("# %s: %d events, %d values\n", folder, tally->events, tally->values);
}

static void wad(void)
{
    struct tally tally = {0};
    run_folder("wad", &tally);
    CHECK(hd_test_skipped || tally.events == 10);
}

static void wad_from_otrf(void)
{
    struct tally tally = {0};
    run_folder("wad-from-otrf", &tally);
    CHECK(hd_test_skipped || tally.events == 491);
}

static void wad_from_evtx(void)
{
    struct tally tally = {0};
    run_folder("wad-from-evtx", &tally);
    CHECK(hd_test_skipped || tally.events == 32);
}

static void log_analytics(void)
{
    struct tally tally = {0};
    run_folder("loganalytics", &tally);
    CHECK(hd_test_skipped || tally.events == 61);
}

HD_TEST_MAIN({"wad: every value is kept", wad},
             {"wad-from-otrf: every value is kept", wad_from_otrf},
             {"wad-from-evtx: every value is kept", wad_from_evtx},
             {"loganalytics: every value is kept", log_analytics})
