/* SPDX-License-Identifier: MIT */
/*
 * Who types where: one entry per (connection, room), at most TYPIST_ROOMS_MAX a connection. Pure: the
 * time comes in as an argument.
 *
 * An entry lives until nothing was heard for `expire`; what it remembers after its owner stopped
 * typing is only when others were last told, for the throttle.
 */
#ifndef TYPING_TYPISTS_H
#define TYPING_TYPISTS_H

#include <chatd/abi.h>

#include <stdbool.h>

#define TYPIST_ROOMS_MAX 16u

struct typist {
    struct typist *prev, *next; /* in the table, the longest unheard first */
    struct typist *sibling;     /* of the same connection */
    chatd_conn conn;
    int64_t heard_ms, told_ms;
    bool is_on; /* the others think that it types */
    size_t room_n;
    char room[]; /* NUL-terminated */
};

/* What a connection has in its slot; zeroed is empty. */
struct typist_list {
    struct typist *first;
};

/* All of a worker; zeroed is empty. */
struct typist_table {
    struct typist *oldest;
};

struct typist *typist_find(const struct typist_list *list, chatd_str room);

/* Somebody types. True: tell the others. False: they were told less than `throttle_ms` ago, or the
 * connection has too many rooms, or there is no memory. */
bool typist_heard(struct typist_table *table, struct typist_list *list, chatd_conn conn,
                  chatd_str room, int64_t now_ms, int64_t throttle_ms);

/* Somebody stopped. True: tell the others; false: they do not think so. */
bool typist_stopped(const struct typist_list *list, chatd_str room);

/* The longest unheard one, if nothing came from it since `before_ms`; NULL: none. */
struct typist *typist_expired(const struct typist_table *table, int64_t before_ms);

void typist_remove(struct typist_table *table, struct typist_list *list, struct typist *typist);
void typist_remove_all(struct typist_table *table, struct typist_list *list);

#endif
