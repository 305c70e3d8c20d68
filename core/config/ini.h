/* SPDX-License-Identifier: MIT */
/*
 * Reads an INI file through inih into entries with line numbers; the only file that touches inih.
 *
 * inih decides what is a comment, a section and a value. What it would take silently is refused
 * here with file and line: lines and names it would cut, a value that goes on in the next line,
 * ':' for '=', control characters, keys outside a section or given twice in one. A section may
 * appear several times.
 *
 * Comments: a line whose first visible character is ';' or '#', and in a value everything from a
 * ';' that follows a blank. A value (a secret above all) that holds " ;" cannot be written in the
 * file: it goes into the environment.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INI_FILE_BYTES    1048576 /* larger files are refused */
#define INI_LINE_BYTES    4096    /* longest line, its end not counted */
#define INI_SECTION_BYTES 49      /* longest section name: inih's buffer, less the NUL */

struct ini_entry {
    char *section, *key, *value;
    unsigned line; /* from 1 */
};

/* A [section] line. */
struct ini_section {
    char *name;
    unsigned line;
};

struct ini {
    char *file; /* the name as given, for messages */
    struct ini_entry *entry;
    size_t n;
    struct ini_section *section;
    size_t sections;
};

/*
 * Reads `file`. Every problem goes to report() as one finished sentence that begins with
 * "<file>:<line>: "; reading goes on behind it. Returns 0, or -1 if there was any. *out is set in
 * both cases, to whatever could be read; the caller frees it with ini_free().
 */
int ini_read(const char *file, struct ini **out, void (*report)(void *arg, const char *text),
             void *arg);

/* The same from `n` bytes at `data`, called `name` in messages. */
int ini_read_mem(const char *name, const uint8_t *data, size_t n, struct ini **out,
                 void (*report)(void *arg, const char *text), void *arg);

/* True if the line "<key> = <value>" reads back as exactly that. */
bool ini_can_hold(const char *key, const char *value);

/* Wipes and frees; NULL is fine. */
void ini_free(struct ini *);

#endif
