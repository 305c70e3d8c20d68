/* SPDX-License-Identifier: MIT */
/* Growing text. */
#include "text.h"

#include <chatd/json.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `n` bytes and a NUL behind what is there; NULL: there is none. */
static char *reserve(struct text *text, size_t n)
{
    size_t room = text->room > 0 ? text->room : 256;
    char *p;

    if (text->has_failed)
        return NULL;
    if (text->room >= text->n + n + 1)
        return text->p + text->n;
    while (room < text->n + n + 1)
        room *= 2;
    p = realloc(text->p, room);
    if (p == NULL) {
        text->has_failed = true;
        return NULL;
    }
    text->p = p;
    text->room = room;
    return p + text->n;
}

void text_add(struct text *text, const char *p, size_t n)
{
    char *to = reserve(text, n);

    if (to == NULL)
        return;
    if (n > 0)
        memcpy(to, p, n);
    to[n] = '\0';
    text->n += n;
}

void text_puts(struct text *text, const char *p)
{
    text_add(text, p, strlen(p));
}

void text_number(struct text *text, int64_t value)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRId64, value);
    text_puts(text, digits);
}

void text_quote(struct text *text, chatd_str value)
{
    char *to = reserve(text, chatd_json_quote_max(value.n));

    if (to != NULL)
        text->n += chatd_json_quote(value, to);
}

void text_member(struct text *text, const char *key, chatd_str value)
{
    text_puts(text, ",\"");
    text_puts(text, key);
    text_puts(text, "\":");
    text_quote(text, value);
}

chatd_str text_str(const struct text *text)
{
    return text->p != NULL ? (chatd_str){text->p, text->n} : CHATD_STR("");
}

void text_free(struct text *text)
{
    free(text->p);
    *text = (struct text){0};
}
