/* SPDX-License-Identifier: Apache-2.0 */
/* hubdrain-bench: CPU time of the pipeline's stages and of the whole. See docs/performance.md. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"
#include "child.h"
#include "config.h"

static const char usage[] =
    "usage: hubdrain-bench [OPTIONS] [stages|receive|whole|memory]...\n"
    "\n"
    "Measures CPU time an event. Without a name: all four.\n"
    "\n"
    "  --corpus PATH     a folder of *.jsonl files, or one: a record a line\n"
    "                    (default: $HUBDRAIN_CORPUS/wad-from-otrf)\n"
    "  --emulator PATH   hubdrain-emulator, for receive, whole and memory\n"
    "  --hubdrain PATH   hubdrain, for whole and memory\n"
    "  --runs N          runs of each, the median counts (default 5)\n"
    "  --events N        events of one whole run (default 100000)\n"
    "  --quick           a little of everything, to see that it works\n"
    "  --help\n";

static const struct {
    const char *name;
    void (*run)(const struct options *options, const struct corpus *corpus);
} parts[] = {
    {"stages", bench_stages},
    {"receive", bench_receive},
    {"whole", bench_whole},
    {"memory", bench_memory},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* The programs stand beside this one, unless told otherwise. */
static char *beside(const char *argv0, const char *name)
{
    const char *slash = strrchr(argv0, '/');
    char *path = malloc(strlen(argv0) + strlen(name) + 8);
    if (path) {
        sprintf(path, "%.*s/../%s", slash ? (int)(slash - argv0) : 1, slash ? argv0 : ".", name);
    }
    return path;
}

static void parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"corpus", required_argument, NULL, 'c'},   {"emulator", required_argument, NULL, 'e'},
        {"hubdrain", required_argument, NULL, 'd'}, {"runs", required_argument, NULL, 'r'},
        {"events", required_argument, NULL, 'n'},   {"quick", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},           {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'c':
            options->corpus = optarg;
            break;
        case 'e':
            options->emulator = optarg;
            break;
        case 'd':
            options->hubdrain = optarg;
            break;
        case 'r':
            options->runs = atoi(optarg);
            break;
        case 'n':
            options->events = strtoull(optarg, NULL, 10);
            break;
        case 'q':
            options->quick = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(64);
        }
    }
    if (options->runs < 1 || options->runs > BENCH_RUNS_MAX || options->events < 1000) {
        fprintf(stderr, "hubdrain-bench: --runs is 1 to %d, --events at least 1000\n",
                BENCH_RUNS_MAX);
        exit(64);
    }
}

int main(int argc, char **argv)
{
    char folder[4096];
    const char *root = getenv("HUBDRAIN_CORPUS");
    snprintf(folder, sizeof(folder), "%s/wad-from-otrf", root ? root : "../shared/corpus");
    struct options options = {
        .corpus = folder,
        .emulator = beside(argv[0], "emulator/hubdrain-emulator"),
        .hubdrain = beside(argv[0], "hubdrain"),
        .runs = 5,
        .events = 100000,
    };
    parse(argc, argv, &options);
    if (options.quick) {
        options.runs = 2;
        options.events = 4000;
    }
    struct corpus corpus;
    pin_to(CORE_MEASURED);
    corpus_load(options.corpus, &corpus);
    struct utsname machine;
    uname(&machine);
    printf("hubdrain %s, %s, %s\n%zu records of %.0f bytes on average; %d runs, medians\n",
           HD_VERSION, HD_COMPILER, machine.machine, corpus.n, corpus.mean_bytes, options.runs);
    for (size_t i = 0; i < PARTS; i++) {
        bool wanted = optind == argc;
        for (int a = optind; a < argc; a++) {
            wanted = wanted || strcmp(argv[a], parts[i].name) == 0;
        }
        if (wanted) {
            parts[i].run(&options, &corpus);
        }
    }
    corpus_free(&corpus);
    return 0;
}
