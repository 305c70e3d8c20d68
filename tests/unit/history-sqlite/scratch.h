/* SPDX-License-Identifier: MIT */
/* A temporary folder per test, removed with what is in it. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <chatd/abi.h>

struct scratch {
    char folder[64];
    char db[96]; /* folder/chatd.db */
};

void scratch_make(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);

/* Copies a file, closed or not. */
void scratch_copy(const char *from, const char *to);

/* Writes `text` as the whole of a file. */
void scratch_write(const char *path, const char *text);

/* Puts `path` in the place of the database, as an operator restores a backup: without -wal, -shm. */
void scratch_restore(const struct scratch *scratch, const char *path);

/* A chatd_str of a C string. */
chatd_str str_of(const char *text);

#endif
