/* SPDX-License-Identifier: MIT */
/* A temporary folder per test. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scratch_make(struct scratch *scratch)
{
    snprintf(scratch->folder, sizeof(scratch->folder), "/tmp/history-sqlite-XXXXXX");
    char *made = mkdtemp(scratch->folder);

    assert(made != NULL);
    (void)made;
    snprintf(scratch->db, sizeof(scratch->db), "%s/chatd.db", scratch->folder);
}

void scratch_remove(struct scratch *scratch)
{
    DIR *folder = opendir(scratch->folder);
    const struct dirent *entry;
    char path[512];

    assert(folder != NULL);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", scratch->folder, entry->d_name);
        remove(path);
    }
    closedir(folder);
    rmdir(scratch->folder);
}

void scratch_copy(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char buffer[4096];
    size_t n;

    assert(in != NULL && out != NULL);
    while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
        fwrite(buffer, 1, n, out);
    fclose(in);
    fclose(out);
}

void scratch_write(const char *path, const char *text)
{
    FILE *out = fopen(path, "wb");

    assert(out != NULL);
    fputs(text, out);
    fclose(out);
}

void scratch_restore(const struct scratch *scratch, const char *path)
{
    char side[128];

    snprintf(side, sizeof(side), "%s-wal", scratch->db);
    remove(side);
    snprintf(side, sizeof(side), "%s-shm", scratch->db);
    remove(side);
    scratch_copy(path, scratch->db);
}

chatd_str str_of(const char *text)
{
    return (chatd_str){text, strlen(text)};
}
