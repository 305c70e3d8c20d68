/* SPDX-License-Identifier: MIT */
/*
 * How names become Redis' keys and channels, and how records and messages are written there. Pure;
 * the README lists them all.
 */
#ifndef HISTORY_REDIS_TEXT_H
#define HISTORY_REDIS_TEXT_H

#include <chatd/abi.h>
#include <stdbool.h>

#define TEXT_NAME_MAX 256u /* bytes of a room, user, cid, namespace, key or topic */
/* Room for a prefix and two names of which each byte is escaped. */
#define TEXT_KEY_SIZE (2 * 3 * TEXT_NAME_MAX + 64)

/* A key or channel that is being written. */
struct text {
    char p[TEXT_KEY_SIZE];
    size_t n;
};

static inline chatd_str text_str(const struct text *text)
{
    return (chatd_str){text->p, text->n};
}

static inline bool text_is(chatd_str a, chatd_str b)
{
    return a.n == b.n && (a.n == 0 || __builtin_memcmp(a.p, b.p, a.n) == 0);
}

/* A number's digits in `buf`, with a minus if it has one; a number's sixteen hexadecimal ones. */
#define TEXT_DIGITS 24u
chatd_str text_decimal(char buf[TEXT_DIGITS], int64_t number);
chatd_str text_hex(char buf[TEXT_DIGITS], uint64_t number);

/* A name: `least` to TEXT_NAME_MAX bytes, no NUL. */
bool text_is_name(chatd_str name, size_t least);

/* The keys of a room: its list, its hash, its epoch while it has neither, and the beginning of those of
 * its cids. */
chatd_str text_list(struct text *out, chatd_str room);
chatd_str text_meta(struct text *out, chatd_str room);
chatd_str text_epoch(struct text *out, chatd_str room);
chatd_str text_cids(struct text *out, chatd_str room);

/* The key of an entry with a ttl. ':' and '%' are escaped, so that two pairs never meet. */
chatd_str text_ttl(struct text *out, chatd_str ns, chatd_str key);

/* The channel of a room's records, and of a bus topic: a room's topic, room/X, shares its channel.
 * Pub/sub knows no databases, so those of other than 0 have a prefix. */
chatd_str text_room_channel(struct text *out, int64_t database, chatd_str room);
chatd_str text_topic_channel(struct text *out, int64_t database, chatd_str topic);

/* The room of a list's key; false: it is none. */
bool text_room_of_list(chatd_str key, chatd_str *room_out);

/* --- what is published: "r EPOCH SEQ TS RECORD", or "b DATA" of the bus --------------------------- */

struct publication {
    bool is_record;
    chatd_str epoch;
    uint64_t seq;
    int64_t ts;
    chatd_str body; /* record or data */
};

/* Borrows from `payload`. False: it is neither (the seed publishes bare JSON). */
bool text_publication(chatd_str payload, struct publication *out);

/* --- what the list holds: the record with "seq" and "ts" in front ---------------------------------- */

/* Takes those off, in place: `entry` is written to and borrowed. What the seed left has none: ts 0. */
chatd_str text_entry(char *entry, size_t n, int64_t *ts_out);

/* Digits, nothing else, that fit. */
bool text_number(chatd_str digits, uint64_t *out);

/* The same with an optional minus. */
bool text_integer(chatd_str digits, int64_t *out);

#endif
