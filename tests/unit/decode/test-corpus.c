/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real events: each record becomes one event; what the original shipper said is in it; and an XML
 * parser that is not ours (expat) finds the same names and values in the same XML.
 */
#include <cjson/cJSON.h>
#include <expat.h>
#include <glob.h>

#include "collect.h"

#define NO_CORPUS "no corpus: set HUBDRAIN_CORPUS"

static struct collected c;

static const char *corpus(void)
{
    static char path[4096];
    const char *given = getenv("HUBDRAIN_CORPUS"), *source = getenv("HUBDRAIN_SOURCE");
    snprintf(path, sizeof(path), "%s%s", given ? given : (source ? source : "."),
             given ? "" : "/../shared/corpus");
    return path;
}

/* Calls fn for each line (or each whole file) of the files; returns how many there were. */
typedef void line_fn(const char *file, size_t number, char *line, size_t len);

static size_t each(const char *pattern, bool whole, line_fn *fn)
{
    char path[5000];
    glob_t found;
    size_t n = 0;
    snprintf(path, sizeof(path), "%s/%s", corpus(), pattern);
    if (glob(path, 0, NULL, &found)) {
        return 0;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r");
        char *line = NULL;
        size_t cap = 0, number = 0;
        for (ssize_t len; file && (len = getdelim(&line, &cap, whole ? EOF : '\n', file)) > 0;) {
            fn(found.gl_pathv[i], ++number, line, (size_t)len);
            n++;
        }
        free(line);
        if (file) {
            fclose(file);
        }
    }
    globfree(&found);
    return n;
}

static void must_be_one_event(const char *file, size_t number, char *line, size_t len)
{
    collect_n(&c, NULL, line, len);
    bool ok = c.result == 0 && c.n == 1 && c.n_events == 1 && !c.items[0].event.cut &&
              c.items[0].event.envelope != HD_ENVELOPE_UNKNOWN;
    CHECK(ok);
    if (!ok) {
        printf("# %s:%zu\n", file, number);
    }
}

static void one_event_each(void)
{
    if (each("wad-from-otrf/*.jsonl", false, must_be_one_event) == 0) {
        SKIP(NO_CORPUS);
    }
    CHECK(each("wad-from-evtx/*.jsonl", false, must_be_one_event) > 0);
    CHECK(each("wad/*.json", true, must_be_one_event) > 0);
    CHECK(each("nxlog/*.jsonl", false, must_be_one_event) > 0);
    CHECK(each("loganalytics/*.jsonl", false, must_be_one_event) > 0);
}

static void must_be_all_events(const char *file, size_t number, char *text, size_t len)
{
    uint32_t lines = 0;
    (void)number;
    for (size_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }
    collect_n(&c, NULL, text, len);
    CHECK_INT(c.result, 0);
    CHECK_INT(c.n_events, lines);
    if (c.n_dead) {
        printf("# %s\n", file);
    }
    /* the same as elements of an array */
    for (size_t i = 0; i + 1 < len; i++) {
        text[i] = text[i] == '\n' ? ',' : text[i];
    }
    char *wrapped = malloc(len + 32);
    int n = sprintf(wrapped, "{\"records\":[%.*s]}", (int)len, text);
    collect_n(&c, NULL, wrapped, (size_t)n);
    CHECK_INT(c.n_events, lines);
    CHECK_INT(c.n_dead, 0);
    free(wrapped);
}

static void whole_files(void)
{
    if (each("wad-from-*/*.jsonl", true, must_be_all_events) == 0) {
        SKIP(NO_CORPUS);
    }
}

/* ---- the shipper's own line against its twin ---- */

/* Names that shippers put beside the event's; they are in System or nowhere. */
static bool shippers_own(const char *name)
{
    // clang-format off
    static const char *const names[] = {
        "EventTime", "Hostname", "Keywords", "EventType", "SeverityValue", "Severity", "EventID",
        "SourceName", "ProviderGuid", "Version", "Task", "OpcodeValue", "RecordNumber",
        "ExecutionProcessID", "ThreadID", "Channel", "Domain", "AccountName", "UserID",
        "AccountType", "Message", "Opcode", "Category", "EventReceivedTime", "SourceModuleName",
        "SourceModuleType", "ActivityID", "RelatedActivityID", "TimeCreated", "Level", "@timestamp",
        "@version", "host", "port", "tags", "xml_name", "type",
        "ERROR_EVT_UNRESOLVED", "EventTypeOrignal",
    };
    // clang-format on
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void undo_entities(char *text)
{
    static const char *const names[][2] = {
        {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}};
    for (size_t i = 0; i < 5; i++) {
        for (char *p = text; (p = strstr(p, names[i][0])) != NULL; p++) {
            *p = *names[i][1];
            memmove(p + 1, p + strlen(names[i][0]), strlen(p + strlen(names[i][0])) + 1);
        }
    }
}

static bool has_value(const struct hd_event *event, const char *name, const char *value)
{
    for (uint32_t i = 0; i < event->n_fields; i++) {
        if (hd_slice_is(event->fields[i].name, name) &&
            hd_slice_is(event->fields[i].value, value)) {
            return true;
        }
    }
    return false;
}

static char **twins; /* lines of the file in wad-from-otrf */
static size_t n_twins, n_values;

static void keep_line(const char *file, size_t number, char *line, size_t len)
{
    (void)file;
    (void)number;
    twins = realloc(twins, (n_twins + 1) * sizeof(*twins));
    twins[n_twins++] = strndup(line, len);
}

static void compare_member(const struct hd_event *event, const cJSON *all, const cJSON *member,
                           const char *where)
{
    char *value =
        cJSON_IsString(member) ? strdup(member->valuestring) : cJSON_PrintUnformatted(member);
    const cJSON *source = cJSON_GetObjectItemCaseSensitive(all, "SourceProcessId");
    const struct hd_field *twin = field(event, member->string);
    bool same = cJSON_IsNull(member) ? !twin || twin->value.len == 0
                                     : has_value(event, member->string, value);
    if (!same) {
        undo_entities(value); /* some shippers hand values on still escaped */
        same = has_value(event, member->string, value);
    }
    /* In events 8 and 10 one of them repeats SourceProcessId as ProcessId. */
    same = same || (strcmp(member->string, "ProcessId") == 0 && cJSON_IsString(source) &&
                    strcmp(source->valuestring, value) == 0);
    /* NXLog puts Execution's number among the event's own, which are strings. */
    same = same || (strcmp(member->string, "ProcessID") == 0 && cJSON_IsNumber(member));
    CHECK(same);
    n_values++;
    if (!same) {
        printf("# %s: %s=%s\n", where, member->string, value);
    }
    free(value);
}

static size_t next_twin;

static void compare_line(const char *file, size_t number, char *line, size_t len)
{
    (void)len;
    REQUIRE(next_twin < n_twins);
    collect(&c, twins[next_twin++]);
    REQUIRE(c.n_events == 1);
    const struct hd_event *event = &c.items[0].event;
    cJSON *tree = cJSON_Parse(line);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "event_data");
    data = data ? data : cJSON_GetObjectItemCaseSensitive(tree, "user_data");
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(tree, "EventID");
    id = id ? id : cJSON_GetObjectItemCaseSensitive(tree, "event_id");
    char where[5000];
    snprintf(where, sizeof(where), "%s:%zu", file, number);
    CHECK_INT(cJSON_IsNumber(id) ? id->valueint : atoi(cJSON_GetStringValue(id)), event->event_id);
    const cJSON *all = data ? data : tree, *member;
    cJSON_ArrayForEach(member, all)
    {
        if (data ? strcmp(member->string, "xml_name") != 0 : !shippers_own(member->string)) {
            compare_member(event, all, member, where);
        }
    }
    cJSON_Delete(tree);
}

static void twins_agree(void)
{
    if (each("wad-from-otrf/*.jsonl", false, keep_line) == 0) {
        SKIP(NO_CORPUS);
    }
    CHECK_INT(each("nxlog/*.jsonl", false, compare_line), n_twins);
    printf("# %zu records, %zu values\n", n_twins, n_values);
    CHECK(n_values > 10 * n_twins / 2);
    for (size_t i = 0; i < n_twins; i++) {
        free(twins[i]);
    }
    free(twins);
}

/* ---- expat ---- */

struct expat {
    const struct hd_event *event;
    char path[16][256]; /* of the open elements */
    int depth;
    char *text;
    size_t len;
    bool leaf;
    uint32_t n_fields, unnamed;
    char name[256]; /* of the Data that is open */
    int wrong;
};

static void normal_lines(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p == '\r') {
            *to++ = '\n'; /* what XML makes of CR LF */
            p += p[1] == '\n';
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
}

static void same_text(struct expat *x, struct hd_slice ours, const char *theirs, const char *what)
{
    char *copy = strndup(ours.data ? ours.data : "", ours.len);
    normal_lines(copy);
    if (strcmp(copy, theirs) != 0) {
        x->wrong++;
        printf("# %s: we have '%s', expat '%s'\n", what, copy, theirs);
    }
    free(copy);
}

static void same_number(struct expat *x, uint64_t ours, const char *theirs, const char *what)
{
    if (*theirs && strtoull(theirs, NULL, 0) != ours) {
        x->wrong++;
        printf("# %s: we have %ju, expat '%s'\n", what, (uintmax_t)ours, theirs);
    }
}

static void system_value(struct expat *x, const char *element, const char *attribute,
                         const char *value)
{
    const struct hd_event *e = x->event;
    char what[600];
    snprintf(what, sizeof(what), "%s@%s", element, attribute);
    // clang-format off
    const struct { const char *what; struct hd_slice text; } texts[] = {
        {"Provider@Name", e->provider_name}, {"Provider@Guid", e->provider_guid},
        {"Provider@EventSourceName", e->event_source_name}, {"TimeCreated@SystemTime", e->time_created},
        {"Correlation@ActivityID", e->activity_id}, {"Channel@", e->channel},
        {"Correlation@RelatedActivityID", e->related_activity_id}, {"Computer@", e->computer},
        {"Security@UserID", e->user_id},
    };
    const struct { const char *what; uint64_t number; } numbers[] = {
        {"EventID@", e->event_id}, {"EventID@Qualifiers", e->qualifiers}, {"Version@", e->version},
        {"Level@", e->level}, {"Task@", e->task}, {"Opcode@", e->opcode}, {"Keywords@", e->keywords},
        {"EventRecordID@", e->record_id}, {"Execution@ProcessID", e->pid}, {"Execution@ThreadID", e->tid},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(what, texts[i].what) == 0) {
            same_text(x, texts[i].text, value, what);
            return;
        }
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(what, numbers[i].what) == 0) {
            same_number(x, numbers[i].number, value, what);
            return;
        }
    }
    x->wrong += *value != '\0';
}

static void on_start(void *data, const char *element, const char **attributes)
{
    struct expat *x = data;
    if (x->depth < 16) {
        snprintf(x->path[x->depth], sizeof(x->path[0]), "%s", element);
    }
    x->depth++;
    x->len = 0;
    x->text[0] = '\0';
    x->leaf = true;
    if (x->depth == 3 && strcmp(x->path[1], "System") == 0) {
        for (; *attributes; attributes += 2) {
            system_value(x, element, attributes[0], attributes[1]);
        }
    } else if (x->depth == 3 && strcmp(x->path[1], "EventData") == 0) {
        snprintf(x->name, sizeof(x->name), "%s", element);
        if (*attributes && strcmp(attributes[0], "Name") == 0) {
            snprintf(x->name, sizeof(x->name), "%s", attributes[1]);
        } else if (strcmp(element, "Data") == 0) {
            snprintf(x->name, sizeof(x->name), "param%u", ++x->unnamed);
        }
    }
}

static void on_text(void *data, const char *text, int len)
{
    struct expat *x = data;
    memcpy(x->text + x->len, text, (size_t)len);
    x->len += (size_t)len;
    x->text[x->len] = '\0';
}

static void expect_field(struct expat *x, const char *name)
{
    if (x->n_fields >= x->event->n_fields) {
        x->wrong++;
        return;
    }
    const struct hd_field *field = &x->event->fields[x->n_fields++];
    same_text(x, field->name, name, "name");
    same_text(x, field->value, x->text, name);
}

static void on_end(void *data, const char *element)
{
    struct expat *x = data;
    if (x->depth == 3 && strcmp(x->path[1], "System") == 0) {
        system_value(x, element, "", x->text);
    } else if (x->depth == 3 && strcmp(x->path[1], "EventData") == 0) {
        expect_field(x, x->name);
    } else if (x->depth > 3 && strcmp(x->path[1], "UserData") == 0 && x->leaf) {
        char name[4096] = "";
        for (int i = 3; i < x->depth && i < 16; i++) {
            strcat(strcat(name, i > 3 ? "." : ""), x->path[i]);
        }
        expect_field(x, name);
    }
    x->leaf = false;
    x->depth--;
    x->len = 0;
    x->text[0] = '\0';
}

static size_t n_compared, n_refused;

/* Control characters, which Windows writes and XML forbids. */
static bool forbidden(struct hd_slice xml)
{
    for (size_t i = 0; i < xml.len; i++) {
        if ((unsigned char)xml.data[i] < 0x20 && !strchr("\t\r\n", xml.data[i])) {
            return true;
        }
    }
    return false;
}

static void compare_expat(const char *file, size_t number, char *line, size_t len)
{
    collect_n(&c, NULL, line, len);
    REQUIRE(c.n_events == 1);
    const struct hd_event *event = &c.items[0].event;
    struct expat x = {.event = event, .text = calloc(1, event->xml.len + 1)};
    XML_Parser parser = XML_ParserCreate("UTF-8");
    XML_SetUserData(parser, &x);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    bool parsed = XML_Parse(parser, event->xml.data, (int)event->xml.len, 1) == XML_STATUS_OK;
    if (!parsed) {
        CHECK(forbidden(event->xml));
        n_refused++;
    } else {
        CHECK_INT(x.wrong, 0);
        CHECK_INT(x.n_fields, event->n_fields);
        n_compared++;
    }
    if (hd_test_failed) {
        printf("# %s:%zu\n", file, number);
    }
    XML_ParserFree(parser);
    free(x.text);
}

static void expat_agrees(void)
{
    if (each("wad-from-otrf/*.jsonl", false, compare_expat) == 0) {
        SKIP(NO_CORPUS);
    }
    each("wad-from-evtx/*.jsonl", false, compare_expat);
    each("wad/*.json", true, compare_expat);
    printf("# %zu compared, %zu refused by expat for their control characters\n", n_compared,
           n_refused);
    CHECK(n_compared > 20 * n_refused);
}

HD_TEST_MAIN({"every record is one event", one_event_each}, {"whole files", whole_files},
             {"the shipper's line and its twin", twins_agree}, {"expat agrees", expat_agrees})
