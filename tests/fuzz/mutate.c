/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutated bodies of the corpus - bit flips, truncations, splices, repeated and overwritten runs -
 * in every envelope. Each must end as events or dead letters with all of its bytes accounted for,
 * and what the normaliser makes of the events must be JSON for a parser that is not ours.
 *
 * HUBDRAIN_MUTATE_SEED and HUBDRAIN_MUTATE_COUNT change what is run; the seed is printed.
 */
#include <cjson/cJSON.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>

#include "account.h"
#include "hubdrain/normalise.h"

#define MAX_SAMPLES  4096
#define SAMPLE_EVERY 16 /* outputs that are parsed again */

struct state {
    uint64_t random;
    char *samples[MAX_SAMPLES]; /* records as JSON */
    char *xml[MAX_SAMPLES];     /* event XML */
    size_t n_samples, n_xml;
    struct hd_decoder *decoder;
    struct hd_normaliser *normaliser;
    struct hd_buffer body, out;
    uint64_t events, dead, parsed;
    const char *fault;
};

/* splitmix64: the same everywhere for the same seed. */
static uint64_t next(struct state *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static size_t below(struct state *s, size_t n)
{
    return n ? (size_t)(next(s) % n) : 0;
}

/* ---- the corpus ---- */

static void add_sample(struct state *s, const char *line)
{
    cJSON *tree = cJSON_Parse(line);
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(tree, "properties");
    const cJSON *xml = cJSON_GetObjectItemCaseSensitive(properties, "RawXml");
    if (tree && s->n_samples < MAX_SAMPLES) {
        s->samples[s->n_samples++] = strdup(line);
    }
    if (cJSON_IsString(xml) && s->n_xml < MAX_SAMPLES) {
        s->xml[s->n_xml++] = strdup(xml->valuestring);
    }
    cJSON_Delete(tree);
}

static void load(struct state *s)
{
    static const char *const patterns[] = {"wad-from-otrf/*.jsonl", "wad-from-evtx/*.jsonl",
                                           "nxlog/*.jsonl", "loganalytics/*.jsonl", "wad/*.json"};
    const char *corpus = getenv("HUBDRAIN_CORPUS"), *source = getenv("HUBDRAIN_SOURCE");
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        char path[4096];
        glob_t found;
        snprintf(path, sizeof(path), "%s%s/%s", corpus ? corpus : (source ? source : "."),
                 corpus ? "" : "/../shared/corpus", patterns[i]);
        if (glob(path, 0, NULL, &found)) {
            continue;
        }
        for (size_t j = 0; j < found.gl_pathc; j++) {
            FILE *file = fopen(found.gl_pathv[j], "r");
            char *line = NULL;
            size_t cap = 0;
            for (ssize_t n; file && (n = getline(&line, &cap, file)) > 0;) {
                line[strcspn(line, "\r\n")] = '\0';
                add_sample(s, line);
            }
            free(line);
            if (file) {
                fclose(file);
            }
        }
        globfree(&found);
    }
}

/* ---- bodies ---- */

static void add(struct state *s, const char *text)
{
    if (hd_buffer_append(&s->body, text, strlen(text))) {
        abort();
    }
}

static void build(struct state *s)
{
    // clang-format off
    static const struct { const char *open, *between, *close; bool xml; } shapes[] = {
        {"", "", "", false}, {"{\"records\":[", ",", "]}", false}, {"[", ",", "]", false},
        {"", "\n", "\n", false}, {"{\"records\":[\n", ",\n", "\n]}\n", false},
        {"[null,", ", ", ",{\"type\":\"heartbeat\"}]", false}, {"", "", "", true},
        {"<?xml version=\"1.0\"?><Events>", "\r\n", "</Events>", true},
        {"\xef\xbb\xbf", "", "", false}, {"{\"hub\":\"h\",\"records\":[", ",", "],\"n\":2}", false},
    };
    // clang-format on
    size_t shape = below(s, sizeof(shapes) / sizeof(shapes[0])), n = 1 + below(s, 4);
    s->body.len = 0;
    add(s, shapes[shape].open);
    for (size_t i = 0; i < n; i++) {
        add(s, i ? shapes[shape].between : "");
        add(s, shapes[shape].xml ? s->xml[below(s, s->n_xml)] : s->samples[below(s, s->n_samples)]);
    }
    add(s, shapes[shape].close);
}

static void flip(struct state *s)
{
    if (s->body.len) {
        s->body.data[below(s, s->body.len)] ^= (char)(1u << below(s, 8));
    }
}

/* A piece of any sample in the place of a piece of the body. */
static void splice(struct state *s)
{
    const char *from = s->samples[below(s, s->n_samples)];
    size_t len = strlen(from), start = below(s, len), n = below(s, len - start);
    size_t at = below(s, s->body.len), gone = below(s, s->body.len - at);
    gone = gone > n ? n : gone;
    if (hd_buffer_reserve(&s->body, n)) {
        abort();
    }
    memmove(s->body.data + at + n, s->body.data + at + gone, s->body.len - at - gone);
    memcpy(s->body.data + at, from + start, n);
    s->body.len += n - gone;
}

static void overwrite(struct state *s)
{
    static const char what[] = "\"\\{}[],:<>&'\n\0/=u#;x";
    for (size_t n = 1 + below(s, 4); n && s->body.len; n--) {
        s->body.data[below(s, s->body.len)] = what[below(s, sizeof(what) - 1)];
    }
}

static void cut_out(struct state *s)
{
    size_t at = below(s, s->body.len), n = below(s, s->body.len - at);
    n = n > 64 ? n % 64 : n;
    memmove(s->body.data + at, s->body.data + at + n, s->body.len - at - n);
    s->body.len -= n;
}

static void mutate(struct state *s)
{
    for (size_t n = 1 + below(s, 6); n; n--) {
        switch (below(s, 6)) {
        case 0:
        case 1:
            flip(s);
            break;
        case 2:
            s->body.len = below(s, s->body.len + 1);
            break;
        case 3:
            splice(s);
            break;
        case 4:
            overwrite(s);
            break;
        default:
            cut_out(s);
            break;
        }
    }
}

/* ---- what must hold ---- */

static int normalise(void *context, const struct hd_event *event, uint32_t index)
{
    struct state *s = context;
    const struct hd_origin origin = {.namespace_name = HD_SLICE("ns"),
                                     .hub = HD_SLICE("hub"),
                                     .consumer_group = HD_SLICE("$Default"),
                                     .partition = HD_SLICE("0"),
                                     .offset = HD_SLICE("1"),
                                     .index = index};
    s->out.len = 0;
    int r = hd_normalise(s->normaliser, event, &origin, &s->out);
    if (r) {
        return r;
    }
    if (s->events++ % SAMPLE_EVERY == 0) {
        cJSON *tree = cJSON_ParseWithLength(s->out.data, s->out.len);
        if (!cJSON_IsObject(tree)) {
            s->fault = "the normaliser's output is no JSON object";
        }
        cJSON_Delete(tree);
        s->parsed++;
    }
    return 0;
}

static bool run(struct state *s, uint64_t number)
{
    struct account a = {.also = normalise, .also_context = s};
    int r = account_decode(s->decoder, s->body.data, s->body.len, (int)below(s, 256), &a);
    s->dead += a.dead;
    const char *fault = r ? "an error" : a.fault ? a.fault : s->fault;
    if (fault) {
        printf("# body %" PRIu64 ": %s (%zu bytes):\n# ", number, fault, s->body.len);
        for (size_t i = 0; i < s->body.len && i < 4000; i++) {
            unsigned char c = (unsigned char)s->body.data[i];
            printf(c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
        }
        putchar('\n');
    }
    return !fault;
}

static void report(bool ok, unsigned number, const char *what)
{
    printf("%s %u - %s\n", ok ? "ok" : "not ok", number, what);
}

int main(void)
{
    static struct state s;
    const struct hd_normalise_options options = {.keep_original = true};
    const char *seed = getenv("HUBDRAIN_MUTATE_SEED"), *count = getenv("HUBDRAIN_MUTATE_COUNT");
    uint64_t n = count ? strtoull(count, NULL, 10) : 100000;
    s.random = seed ? strtoull(seed, NULL, 10) : 20240502;
    load(&s);
    if (s.n_xml == 0) {
        printf("1..0 # SKIP no corpus: set HUBDRAIN_CORPUS\n");
        return 0;
    }
    if (hd_decoder_new(NULL, &s.decoder) ||
        hd_normaliser_new(HD_SCHEMA_ECS, &options, &s.normaliser)) {
        abort();
    }
    printf("1..2\n# seed %" PRIu64 ", %zu records, %zu XML\n", s.random, s.n_samples, s.n_xml);

    bool ok = true;
    for (size_t i = 0; i < s.n_samples && ok; i++) {
        s.body.len = 0;
        add(&s, s.samples[i]);
        uint64_t before = s.events;
        ok = run(&s, i) && s.events == before + 1 && s.dead == 0;
    }
    report(ok, 1, "every record as it is becomes one event");

    bool all = true;
    for (uint64_t i = 0; i < n && all; i++) {
        build(&s);
        mutate(&s);
        all = run(&s, i);
    }
    printf("# %" PRIu64 " events, %" PRIu64 " dead letters, %" PRIu64 " outputs parsed again\n",
           s.events, s.dead, s.parsed);
    all = all && s.events > n / 4 && s.dead > n / 4;
    report(all, 2, "every mutated body is accounted for");

    hd_normaliser_free(s.normaliser);
    hd_decoder_free(s.decoder);
    hd_buffer_deinit(&s.body);
    hd_buffer_deinit(&s.out);
    for (size_t i = 0; i < s.n_samples; i++) {
        free(s.samples[i]);
    }
    for (size_t i = 0; i < s.n_xml; i++) {
        free(s.xml[i]);
    }
    return ok && all ? 0 : 1;
}
