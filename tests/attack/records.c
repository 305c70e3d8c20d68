/* SPDX-License-Identifier: MIT */
/* Reads a file of byte strings. */
#include "records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 4, FILE_MAX = 64 << 20 };

static size_t length_at(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static int fail(const char *path, const char *why)
{
    fprintf(stderr, "attack_hose: %s: %s\n", path, why);
    return -1;
}

static uint8_t *read_all(const char *path, size_t *n_out)
{
    FILE *file = fopen(path, "rb");
    uint8_t *memory = malloc(FILE_MAX);

    *n_out = 0;
    if (file == NULL || memory == NULL) {
        fail(path, strerror(errno));
        free(memory);
        memory = NULL;
    } else {
        *n_out = fread(memory, 1, FILE_MAX, file);
    }
    if (file != NULL)
        fclose(file);
    return memory;
}

int records_load(const char *path, struct records *records_out)
{
    struct records r = {0};
    size_t n, at, cap = 0;

    *records_out = r;
    if (path == NULL)
        return 0;
    r.memory = read_all(path, &n);
    if (r.memory == NULL)
        return -1;
    for (at = 0; at < n; at += LENGTH_BYTES + r.row[r.n++].n) {
        size_t bytes = at + LENGTH_BYTES <= n ? length_at(r.memory + at) : n;

        if (bytes == 0 || at + LENGTH_BYTES + bytes > n) {
            records_free(&r);
            return fail(path, "a record is cut short or empty");
        }
        if (r.n == cap) {
            struct record *row;

            cap = cap ? 2 * cap : 64;
            row = realloc(r.row, cap * sizeof(*row));
            if (row == NULL)
                abort();
            r.row = row;
        }
        r.row[r.n] = (struct record){r.memory + at + LENGTH_BYTES, bytes};
    }
    *records_out = r;
    return 0;
}

void records_free(struct records *records)
{
    free(records->row);
    free(records->memory);
    memset(records, 0, sizeof(*records));
}
