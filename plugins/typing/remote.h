/* SPDX-License-Identifier: MIT */
/*
 * Who types on other workers and hosts, as members here were told. Each worker ends the typing of its
 * own connections and says so; when it died it cannot, so here it ends by silence too. Pure: the time
 * comes in as an argument.
 */
#ifndef TYPING_REMOTE_H
#define TYPING_REMOTE_H

#include <chatd/abi.h>

#include <stdbool.h>
#include <stdint.h>

/* Beyond it the one unheard for longest counts as fallen silent. */
#define REMOTE_MAX 65536u

struct remote;

/* Zeroed is empty. */
struct remote_table {
    struct remote *by_name; /* uthash */
    struct remote *oldest;  /* the longest unheard first */
};

/* Somebody types, again or for the first time. Without memory it is not remembered. */
void remote_heard(struct remote_table *table, chatd_str room, chatd_str user, int64_t now_ms);

/* Somebody stopped, and the members here are told by the signal itself. */
void remote_stopped(struct remote_table *table, chatd_str room, chatd_str user);

/* The longest unheard one, if nothing came since `before_ms` or there are too many; false: none. The
 * strings are good until the table changes. */
bool remote_expired(const struct remote_table *table, int64_t before_ms, chatd_str *room_out,
                    chatd_str *user_out);

/* Forgets the one that remote_expired() named. */
void remote_remove_oldest(struct remote_table *table);

void remote_deinit(struct remote_table *table);

#endif
