/* SPDX-License-Identifier: MIT */
/* The JSON bodies with passwords: strict, every fault has its own sentence. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "body.h"

#include <chatd/json.h>

#include <stdio.h>

/* Wipes a string of a tree that this file owns: jansson frees strings as they are, and has no call
 * that hands one out for writing. */
static void wipe(chatd_str text)
{
    char *p;

    memcpy(&p, &text.p, sizeof(p));
    if (p != NULL)
        explicit_bzero(p, text.n);
}

/* The two strings of a body. */
struct pair {
    const char *first, *second;
};

/* NULL and both texts, or what is wrong, in `room`. */
static const char *read_pair(const json_t *tree, const struct pair *keys, chatd_str *first_out,
                             chatd_str *second_out, char room[BODY_WHY_BYTES])
{
    /* Both before either is judged: body_free() wipes what it was told of. */
    int second = chatd_json_str(tree, keys->second, second_out);
    int first = chatd_json_str(tree, keys->first, first_out);

    if (first == CHATD_OK && second == CHATD_OK)
        return NULL;
    snprintf(room, BODY_WHY_BYTES, "%s is %s", first != CHATD_OK ? keys->first : keys->second,
             (first != CHATD_OK ? first : second) == CHATD_E_NOTFOUND ? "missing" : "not a string");
    return room;
}

static int parse(chatd_str text, const struct pair *keys, struct body *body, chatd_str *first_out,
                 chatd_str *second_out, char why_out[BODY_WHY_BYTES])
{
    char room[BODY_WHY_BYTES];
    const char *why = NULL;

    if (text.n == 0)
        why = "it is empty";
    else if (text.n > BODY_BYTES_MAX)
        why = "it is too large";
    else
        body->tree = chatd_json_object(text, &why);
    if (body->tree != NULL)
        why = read_pair(body->tree, keys, first_out, second_out, room);
    if (why == NULL)
        return CHATD_OK;
    snprintf(why_out, BODY_WHY_BYTES,
             "The body must be a JSON object with the strings %s and %s: %.40s.", keys->first,
             keys->second, why);
    body_free(body);
    return CHATD_E_INVAL;
}

int body_parse(chatd_str text, struct body *body_out, char why_out[BODY_WHY_BYTES])
{
    static const struct pair keys = {"user", "password"};

    memset(body_out, 0, sizeof(*body_out));
    return parse(text, &keys, body_out, &body_out->user, &body_out->password, why_out);
}

int body_parse_change(chatd_str text, struct body *body_out, char why_out[BODY_WHY_BYTES])
{
    static const struct pair keys = {"old", "new"};

    memset(body_out, 0, sizeof(*body_out));
    return parse(text, &keys, body_out, &body_out->password, &body_out->fresh, why_out);
}

void body_free(struct body *body)
{
    wipe(body->password);
    wipe(body->fresh);
    json_decref(body->tree);
    memset(body, 0, sizeof(*body));
}
