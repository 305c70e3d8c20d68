/* SPDX-License-Identifier: MIT */
/*
 * Text that grows, and JSON written into it.
 *
 * Who writes need not look after each call: when there was no memory, nothing more is added and `has_failed` stays.
 */
#ifndef WEBHOOK_TEXT_H
#define WEBHOOK_TEXT_H

#include <chatd/abi.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero is an empty one; `p` has a NUL after its `n` bytes, or is NULL. */
struct text {
    char *p;
    size_t n, room;
    bool has_failed;
};

void text_add(struct text *text, const char *p, size_t n);
void text_puts(struct text *text, const char *p);
void text_number(struct text *text, int64_t value);

/* A JSON string, with its quotes. */
void text_quote(struct text *text, chatd_str value);

/* ,"key":"value": every object here begins with a member that is there always. */
void text_member(struct text *text, const char *key, chatd_str value);

chatd_str text_str(const struct text *text);
void text_free(struct text *text); /* empty afterwards */

#endif
