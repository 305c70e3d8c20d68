/* SPDX-License-Identifier: MIT */
/*
 * What the workers of a server tell one another over chatd.bus: that a room has one record more, and
 * the record itself if it fits. Pure: bytes in, bytes out.
 *
 *     1 SEQ TS NAME_BYTES NAME RECORD
 *
 * with one blank between the numbers and before NAME and none before RECORD. Numbers are decimal
 * without leading zeros, so that each hint has one form.
 */
#ifndef HISTORY_SQLITE_HINT_H
#define HISTORY_SQLITE_HINT_H

#include <chatd/abi.h>
#include <stdbool.h>

#define HINT_NAME_MAX    256u
#define HINT_HEAD_MAX    64u /* what stands before NAME */
#define HINT_TOPIC_BYTES 96u

struct hint {
    uint64_t seq; /* at least 1 */
    int64_t ts;
    chatd_str room;   /* 1 to HINT_NAME_MAX bytes; not NUL-terminated after hint_read() */
    chatd_str record; /* empty: it was too large, read the store */
};

/* Writes the topic of a room, which two rooms may share: names are longer than topics. It holds the
 * instance and the epoch, so a bus that several servers use, one of them on a copy of another's
 * database, never mixes them. */
chatd_str hint_topic(char out[HINT_TOPIC_BYTES], chatd_str instance, chatd_str epoch,
                     chatd_str room);

/* Writes at most `size` bytes, at least HINT_HEAD_MAX + HINT_NAME_MAX; without the record if that
 * does not fit. The number of bytes. */
size_t hint_write(const struct hint *hint, char *out, size_t size);

/* Reads what hint_write() wrote; the strings point into `data`. False: it is something else. */
bool hint_read(chatd_str data, struct hint *out);

#endif
