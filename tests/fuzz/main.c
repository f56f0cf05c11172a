/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files, as an ordinary test (TAP): the seeds, and the corpus where it is.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_run;

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    size_t size = 0;
    if (!file) {
        return;
    }
    FILE *copy = open_memstream(&data, &size);
    if (!copy) {
        abort();
    }
    for (int c; (c = getc(file)) != EOF;) {
        putc(c, copy);
    }
    fclose(copy);
    fclose(file);
    LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    printf("ok %u - %s\n", ++n_run, path);
    fflush(stdout);
    free(data);
}

static void run_directory(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char name[4096];
        struct stat info;
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && stat(name, &info) == 0 && S_ISREG(info.st_mode)) {
            run_file(name);
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        run_directory(argv[i]);
    }
    if (n_run == 0) {
        printf("Bail out! no seeds\n");
        return 1;
    }
    printf("1..%u\n", n_run);
    return 0;
}
