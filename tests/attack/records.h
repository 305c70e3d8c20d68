/* SPDX-License-Identifier: MIT */
/* A file of byte strings that a hose pours, each behind its length: four bytes, most significant first. */
#ifndef ATTACK_RECORDS_H
#define ATTACK_RECORDS_H

#include <stddef.h>
#include <stdint.h>

struct record {
    const uint8_t *bytes;
    size_t n;
};

struct records {
    struct record *row;
    size_t n; /* 0: there is no file, or nothing in it */
    uint8_t *memory;
};

/* Negative, with the reason on stderr, when the file cannot be read or is no such file. A path of NULL is an empty one. */
int records_load(const char *path, struct records *records_out);
void records_free(struct records *records);

#endif
