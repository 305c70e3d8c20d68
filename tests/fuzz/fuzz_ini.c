/* SPDX-License-Identifier: MIT */
/*
 * The INI reader on any bytes: lines are right, a complaint goes with -1, and what was read is read
 * back the same when it is written out again.
 */
#define _DEFAULT_SOURCE 1 /* open_memstream */
#include "config/ini.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Not assert(): this must hold in every build type. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

struct complaints {
    unsigned n;
};

static void count(void *arg, const char *text)
{
    struct complaints *c = arg;
    CHECK(strncmp(text, "f.ini:", 6) == 0);
    CHECK(strpbrk(text, "\r\n\x1b") == NULL);
    c->n++;
}

static void check_lines(const struct ini *ini, const uint8_t *data, size_t n)
{
    unsigned lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += data[i] == '\n';
    for (size_t i = 0; i < ini->n; i++) {
        const struct ini_entry *e = &ini->entry[i];
        CHECK(e->line > (i > 0 ? ini->entry[i - 1].line : 1));
        CHECK(e->line <= lines);
        CHECK(strlen(e->section) <= INI_SECTION_BYTES);
    }
    for (size_t i = 0; i < ini->sections; i++)
        CHECK(ini->section[i].line > (i > 0 ? ini->section[i - 1].line : 0) &&
              ini->section[i].line <= lines);
}

/* Two lines per entry: its section, which may repeat, and itself; with blanks around the '=' where
 * ini_can_hold() promises that this is fine, else as tight as the input may have been. */
static char *write_out(const struct ini *ini, size_t *n_out)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n_out);
    CHECK(out != NULL);
    for (size_t i = 0; i < ini->n; i++) {
        const struct ini_entry *e = &ini->entry[i];
        const char *equals = ini_can_hold(e->key, e->value) ? " = " : "=";
        fprintf(out, "[%s]\n%s%s%s\n", e->section, e->key, equals, e->value);
    }
    CHECK(fclose(out) == 0);
    return text;
}

static void check_same(const struct ini *a, const struct ini *b)
{
    CHECK(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        CHECK(strcmp(a->entry[i].section, b->entry[i].section) == 0);
        CHECK(strcmp(a->entry[i].key, b->entry[i].key) == 0);
        CHECK(strcmp(a->entry[i].value, b->entry[i].value) == 0);
        CHECK(b->entry[i].line == 2 * (i + 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct complaints c = {0};
    struct ini *ini = NULL;
    int rc = ini_read_mem("f.ini", data, n, &ini, count, &c);
    CHECK(rc == (c.n > 0 ? -1 : 0));
    check_lines(ini, data, n);

    size_t again_n;
    char *text = write_out(ini, &again_n);
    struct complaints none = {0};
    struct ini *again = NULL;
    CHECK(ini_read_mem("f.ini", (const uint8_t *)text, again_n, &again, count, &none) == 0);
    check_same(ini, again);

    free(text);
    ini_free(again);
    ini_free(ini);
    return 0;
}
