/* SPDX-License-Identifier: MIT */
/* Records: the JSON objects a room's log is made of, in no dialect. Pure. */
#ifndef ROOMS_RECORD_H
#define ROOMS_RECORD_H

#include <chatd/fields.h>

#include <stdbool.h>

/* A record that was read. The strings point into `fields`. */
struct record {
    struct chatd_fields fields;
    chatd_str user, text, cid; /* cid: empty when there is none */
    chatd_str kind;            /* empty: a message. Others may have no text */
    uint64_t ref;              /* of other kinds: the record it is about; 0: none */
};

/* {"user","room","text"}, "cid" unless it is empty and "ts" unless it is 0: what a message is stored as, or, with `ts`,
 * passed on where no log keeps it. The caller free()s it; NULL: no memory. */
char *record_write(chatd_str user, chatd_str room, chatd_str text, chatd_str cid, int64_t ts,
                   size_t *n_out);

/* Reads a record; end with record_close(). False: it cannot be read, and nothing is to be closed. What
 * the seed stored is read too: it has more members, which are not looked at. */
bool record_open(chatd_str text, struct record *record_out);

/* The same when its fields are open; they are closed if they are no record's. */
bool record_read(struct record *record);

void record_close(struct record *record);

#endif
