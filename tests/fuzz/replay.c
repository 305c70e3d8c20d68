/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over files and folders of inputs, so that corpora are tests without libFuzzer. */
#define _POSIX_C_SOURCE 200809L /* scandir */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    /* Exactly as long as the input, so that a sanitizer sees a read behind it. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    bool good = file != NULL && data != NULL && fread(data, 1, size, file) == size;
    if (good) {
        LLVMFuzzerTestOneInput(data, size);
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    if (file != NULL) {
        fclose(file);
    }
    return good;
}

static bool replay_folder(const char *path, unsigned long *count);

static bool replay(const char *path, unsigned long *count)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        return replay_folder(path, count);
    }
    /* Told beforehand: when the target aborts, the last line names the input. */
    printf("%s\n", path);
    fflush(stdout);
    if (!replay_file(path, (size_t)st.st_size)) {
        return false;
    }
    ++*count;
    return true;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool replay_folder(const char *path, unsigned long *count)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_input, alphasort);
    if (n < 0) {
        perror(path);
        return false;
    }
    bool good = true;
    for (int i = 0; i < n; i++) {
        size_t len = strlen(path) + 1 + strlen(entries[i]->d_name) + 1;
        char *child = malloc(len);
        if (child != NULL) {
            snprintf(child, len, "%s/%s", path, entries[i]->d_name);
        }
        good = child != NULL && replay(child, count) && good;
        free(child);
        free(entries[i]);
    }
    free(entries);
    return good;
}

int main(int argc, char **argv)
{
    unsigned long count = 0;
    bool good = true;
    for (int i = 1; i < argc; i++) {
        good = replay(argv[i], &count) && good;
    }
    printf("%lu inputs replayed\n", count);
    return good && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
