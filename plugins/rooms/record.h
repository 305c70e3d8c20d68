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

/* {"user","room","text"} and "cid" unless it is empty: what a message is stored as. The caller
 * free()s it; NULL: no memory. */
char *record_write(chatd_str user, chatd_str room, chatd_str text, chatd_str cid, size_t *n_out);

/* Reads a record; end with record_close(). False: it cannot be read, and nothing is to be closed. What
 * the seed stored is read too: it has more members, which are not looked at. */
bool record_open(chatd_str text, struct record *record_out);

/* The same for a member of a JSON object. */
bool record_open_member(const struct chatd_fields *object, const char *key,
                        struct record *record_out);

void record_close(struct record *record);

#endif
