/* SPDX-License-Identifier: MIT */
/* What an error of Redis means, what the operator is to do, and whether to try again. Pure. */
#ifndef HISTORY_REDIS_TROUBLE_H
#define HISTORY_REDIS_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>

enum trouble_kind {
    TROUBLE_OTHER,
    TROUBLE_NO_SCRIPT, /* not known there: send its text */
    TROUBLE_TYPE,      /* one key holds something else */
    TROUBLE_STORE,     /* it writes nothing now: memory, disk, a script that holds it up */
    TROUBLE_PLACE,     /* not the server to talk to, or not yet: connect anew */
    TROUBLE_ACCESS     /* password or rights */
};

struct trouble {
    enum trouble_kind kind;
    bool is_unexecuted; /* nothing was done: it may be sent again, whatever it was */
    const char *advice; /* what to do, the part of a sentence */
};

/* `error` is the text of an error reply. Never NULL. */
const struct trouble *trouble_of(const char *error);

/* "127.0.0.1:6379: <error>: <advice>", without what Redis repeats of a command: it may be somebody's
 * message. `where` is the address. */
void trouble_text(const char *where, const char *error, char *buf, size_t size);

#endif
