/* SPDX-License-Identifier: Apache-2.0 */
/* What a file may look like: syntax, keys, duplicates, anchors, bounds. */
#include "load.h"

static void takes_nothing(void)
{
    check_report(NULL, "");
    check_report("", "");
    check_report("# a comment\n", "");
    check_report("---\n", "");
    check_report("eventhub:\n", "");
    check_report("eventhub: {}\nmemory: ~\n", "");
    check_report("\xEF\xBB\xBFlog: {level: debug}\n", "");
}

/* ... and still has its defaults. */
static void takes_null(void)
{
    static const char *const environment[] = {EVENTHUB, "STATE_DIRECTORY=/tmp", NULL};
    static const char *const texts[] = {"null", "~", "''", "--- ~\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct load result = load(texts[i], environment, NULL);
        CHECK_STR(hd_buffer_cstr(&result.report), "");
        CHECK_INT(result.config ? result.config->n_outputs : 0, 1);
        unload(&result);
    }
}

static void tells_syntax(void)
{
    check_report(
        "log: {level: debug\n",
        "c:2:1: did not find expected ',' or '}', while parsing a flow mapping that begins "
        "in line 1\n");
    check_report("log:\n\tlevel: debug\n",
                 "c:2:1: found character that cannot start any token, while scanning for the next "
                 "token; indent with blanks, not tabs, and put quotes around @ ` %\n");
    check_report(
        "log: \"open\n",
        "c:2:1: found unexpected end of stream, while scanning a quoted scalar that begins "
        "in line 1\n");
    check_report("log: {level: debug}\nbroken\n",
                 "c:3:1: could not find expected ':', while scanning a simple key that begins in "
                 "line 2\n");
    check_report("log: \xFF\n", "c: not valid text: invalid leading UTF-8 octet at byte 5\n");
}

static void tells_wrong_roots(void)
{
    check_report("- a\n", "c:1:1: expected keys such as eventhub:, not a list\n");
    check_report("text\n", "c:1:1: expected keys such as eventhub:, not a single value\n");
    check_report("log: {level: debug}\n---\nlog: {level: info}\n",
                 "c:2:1: a second document begins here; one file holds one document\n");
    check_report("? {a: b}\n: c\n", "c:1:3: a key must be text, this is a mapping\n");
    check_report("log: !vault abc\n", "c:1:6: the tag \"!vault\" means nothing here; remove it\n");
    check_report("log: !!map {level: !!str debug}\n", "");
    check_report("log: {level: \"de\\0bug\"}\n", "c:1:14: the value holds a NUL character\n");
}

static void tells_unknown_keys(void)
{
    check_report("eventhub:\n  nmae: x\n",
                 "c:2:3: unknown key \"nmae\" in eventhub; did you mean name?\n");
    check_report("evenhub: {name: x}\n",
                 "c:1:1: unknown key \"evenhub\"; did you mean eventhub?\n");
    check_report("interval: 5s\n",
                 "c:1:1: unknown key \"interval\"; did you mean checkpoint.interval?\n");
    check_report("memory:\n  max: 5MiB\n",
                 "c:2:3: unknown key \"max\" in memory; known are limit\n");
    check_report("outputs:\n  a: {type: stdout, pth: x}\n",
                 "c:2:21: unknown key \"pth\" in outputs.a; did you mean path?\n");
    check_report("outputs:\n  a: {type: stdout, rotate: {siz: 1B}}\n",
                 "c:2:30: unknown key \"siz\" in outputs.a.rotate; did you mean size?\n");
    check_report("\"*\": 1\n", "c:1:1: unknown key \"*\"; known are eventhub, checkpoint, memory, "
                               "pipeline, limits, normalise, outputs, dead_letter, log\n");
    check_report("<<: {log: {level: debug}}\n",
                 "c:1:1: merge keys (<<) are not supported; give the whole value an alias\n");
}

static void tells_duplicates(void)
{
    check_report("log:\n  level: debug\n  format: json\n  level: info\n",
                 "c:4:3: \"level\" is given twice, first in line 2; remove one of them\n");
    check_report("log: {level: debug}\nlog: {format: json}\n",
                 "c:2:1: \"log\" is given twice, first in line 1; remove one of them\n");
    check_report("eventhub:\n  start_by_partition: {\"0\": latest, 0: earliest}\n",
                 "c:2:37: \"0\" is given twice, first in line 2; remove one of them\n");
}

static void tells_wrong_shapes(void)
{
    check_report("memory: 5MiB\n", "c:1:9: memory: expected keys below it, not a single value\n");
    check_report("memory: [5MiB]\n", "c:1:9: memory: expected keys below it, not a list\n");
    check_report("memory:\n  limit: [5MiB]\n",
                 "c:2:10: memory.limit: expected a single value, not a list\n");
    check_report("memory:\n  limit: {a: b}\n",
                 "c:2:10: memory.limit: expected a single value, not a mapping\n");
    check_report("outputs: [{type: stdout}]\n",
                 "c:1:10: outputs: expected keys below it, not a list; each output has a name of "
                 "your choice as its key\n");
    check_report("outputs:\n  a: stdout\n",
                 "c:2:6: outputs.a: expected keys below it, not a single value\n");
    check_report("outputs:\n  a b: {type: stdout}\n",
                 "c:2:3: the output's name \"a b\": 1 to 63 letters, digits, - and _\n");
}

static void follows_aliases(void)
{
    static const char *const environment[] = {EVENTHUB, "STATE_DIRECTORY=/tmp", NULL};
    struct load result = load("outputs:\n  a: {type: file, path: /tmp/a, rotate: &r {size: 1MiB}}\n"
                              "  b: {type: file, path: /tmp/b, rotate: *r}\n",
                              environment, NULL);
    REQUIRE(result.config);
    CHECK_INT(result.config->n_outputs, 2);
    CHECK_INT(result.config->outputs[1].file.rotate_bytes, 1048576);
    unload(&result);

    check_report("log: {level: *nothing}\n",
                 "c:1:14: there is no anchor \"nothing\" above this alias\n");
    check_report("log: &a {level: *a}\n", "c:1:17: the alias \"a\" stands inside its own anchor\n");
}

/* --set must not change what another key shares through an alias. */
static void overrides_only_what_was_named(void)
{
    static const char *const environment[] = {EVENTHUB, "STATE_DIRECTORY=/tmp", NULL};
    static const char *const sets[] = {"outputs.b.rotate.size=2MiB", NULL};
    struct load result = load("outputs:\n  a: {type: file, path: /tmp/a, rotate: &r {size: 1MiB}}\n"
                              "  b: {type: file, path: /tmp/b, rotate: *r}\n",
                              environment, sets);
    REQUIRE(result.config);
    CHECK_INT(result.config->outputs[0].file.rotate_bytes, 1048576);
    CHECK_INT(result.config->outputs[1].file.rotate_bytes, 2097152);
    unload(&result);
}

static void bounds_aliases(void)
{
    struct hd_buffer text = {0};
    CHECK_INT(hd_buffer_append_cstr(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"), 0);
    for (int i = 1; i < 12; i++) {
        CHECK_INT(hd_buffer_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
                                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1),
                  0);
    }
    check_report(hd_buffer_cstr(&text),
                 "c:6:10: too much: more than 20000 values, with aliases written out\n");
    hd_buffer_deinit(&text);
}

static void bounds_depth_and_number(void)
{
    check_report("a: [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\n",
                 "c:1:19: nested more than 16 levels deep\n");

    struct hd_buffer text = {0};
    CHECK_INT(hd_buffer_append_cstr(&text, "a: ["), 0);
    for (int i = 0; i < 20001; i++) {
        CHECK_INT(hd_buffer_append_cstr(&text, "x,"), 0);
    }
    CHECK_INT(hd_buffer_append_cstr(&text, "x]\n"), 0);
    check_report(hd_buffer_cstr(&text),
                 "c:1:39999: too much: more than 20000 values, with aliases written out\n");
    hd_buffer_deinit(&text);

    for (int i = 0; i < 300; i++) {
        CHECK_INT(hd_buffer_printf(&text, "k%d: &n%d x\n", i, i), 0);
    }
    struct load result = load(hd_buffer_cstr(&text), NULL, NULL);
    CHECK_STR(hd_buffer_cstr(&result.report), "c:257:7: too many anchors: more than 256\n");
    unload(&result);
    hd_buffer_deinit(&text);
}

static void reports_in_order_and_not_for_ever(void)
{
    struct hd_buffer text = {0};
    for (int i = 0; i < 150; i++) {
        CHECK_INT(hd_buffer_printf(&text, "unknown_%d: x\n", i), 0);
    }
    struct load result = load(hd_buffer_cstr(&text), NULL, NULL);
    const char *report = hd_buffer_cstr(&result.report);
    CHECK_INT(result.result, 151); /* and the missing connection string */
    CHECK(strncmp(report, "c:1:1: ", 7) == 0);
    CHECK(strstr(report, "\n: and 51 more; mend these first\n"));
    unload(&result);
    hd_buffer_deinit(&text);

    check_report("memory: {limit: 1}\nlog: {level: x}\neventhub: {connections: 0, nmae: x}\n",
                 "c:1:17: memory.limit: \"1\": needs a unit: 1MiB? 1B?\n"
                 "c:2:14: log.level: \"x\": expected error, warning, notice, info, debug or trace\n"
                 "c:3:25: eventhub.connections: \"0\": must be between 1 and 64\n"
                 "c:3:28: unknown key \"nmae\" in eventhub; did you mean name?\n");
}

HD_TEST_MAIN({"takes files without content", takes_nothing}, {"takes null", takes_null},
             {"tells syntax", tells_syntax},
             {"tells wrong roots, tags, documents", tells_wrong_roots},
             {"tells unknown keys", tells_unknown_keys}, {"tells duplicates", tells_duplicates},
             {"tells wrong shapes", tells_wrong_shapes}, {"follows aliases", follows_aliases},
             {"overrides only what was named", overrides_only_what_was_named},
             {"bounds what aliases expand to", bounds_aliases},
             {"bounds depth, number, anchors", bounds_depth_and_number},
             {"reports in order and not for ever", reports_in_order_and_not_for_ever})
