/* SPDX-License-Identifier: MIT */
/* Reads the command line of a hose from one table. */
#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *name;
    size_t offset;
    unsigned min, max; /* both 0: a path */
    const char *help;
};

#define NUMBER(name, field, min, max, help)                   \
    {                                                         \
        name, offsetof(struct options, field), min, max, help \
    }
#define PATH(name, field, help)                           \
    {                                                     \
        name, offsetof(struct options, field), 0, 0, help \
    }

/* The bounds of a run are among them: no hose holds more or lasts longer. */
static const struct row rows[] = {
    NUMBER("--port", port, 1, 65535, "of the server on 127.0.0.1 (required)"),
    NUMBER("--conns", conns, 1, 15000, "connections held (100)"),
    NUMBER("--seconds", seconds, 1, 120, "how long (10)"),
    NUMBER("--sources", sources, 1, 250, "client addresses 127.0.0.x (1)"),
    NUMBER("--first-source", first_source, 1, 250, "x of the first of them (2)"),
    NUMBER("--connect-rate", connect_rate, 1, 100000, "new connections a second (2000)"),
    NUMBER("--chunk", chunk, 0, 1 << 20, "bytes of one send, 0: a record (0)"),
    NUMBER("--rate", rate, 0, 1000000, "sends a second of one connection, 0: any (0)"),
    NUMBER("--rcvbuf", rcvbuf, 0, 1 << 20, "receive buffer, 0: the system's (0)"),
    NUMBER("--upgrade", upgrade, 0, 1, "1: the head is an upgrade; records follow its 101"),
    NUMBER("--lockstep", lockstep, 0, 1, "1: a record only when the one before was answered"),
    NUMBER("--once", once, 0, 1, "1: the records once and no further"),
    NUMBER("--deaf", deaf, 0, 1, "1: read nothing after the upgrade"),
    PATH("--heads", heads, "file of records: what a connection begins with"),
    PATH("--first", first, "file of records: sent once after that"),
    PATH("--records", records, "file of records: sent then"),
};

static int usage(void)
{
    fputs("usage: attack_hose --port N [--name value]...\n", stderr);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        fprintf(stderr, "  %-15s %s\n", rows[i].name, rows[i].help);
    return -1;
}

/* memcpy, since a field is reached by its offset and not by its type. */
static bool store(struct options *options, const struct row *row, const char *text)
{
    char *field = (char *)options + row->offset, *end;
    unsigned value;

    if (row->max == 0) {
        memcpy(field, &text, sizeof(text));
        return true;
    }
    errno = 0;
    value = (unsigned)strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value < row->min || value > row->max)
        return false;
    memcpy(field, &value, sizeof(value));
    return true;
}

int options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){
        .conns = 100, .seconds = 10, .sources = 1, .first_source = 2, .connect_rate = 2000};
    for (int i = 1; i < argc; i += 2) {
        const struct row *found = NULL;

        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
            if (strcmp(rows[k].name, argv[i]) == 0)
                found = &rows[k];
        }
        if (found == NULL || i + 1 == argc || !store(options, found, argv[i + 1]))
            return usage();
    }
    return options->port == 0 ? usage() : 0;
}
