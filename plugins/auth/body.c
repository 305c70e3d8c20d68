/* SPDX-License-Identifier: MIT */
/* The JSON body of /register and /login: strict, every fault has its own sentence. */
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

static const char *read_members(struct body *body)
{
    /* Both before either is judged: body_free() wipes the password it was told of. */
    int password = chatd_json_str(body->tree, "password", &body->password);
    int user = chatd_json_str(body->tree, "user", &body->user);

    if (user != CHATD_OK)
        return user == CHATD_E_NOTFOUND ? "user is missing" : "user is not a string";
    if (password != CHATD_OK)
        return password == CHATD_E_NOTFOUND ? "password is missing" : "password is not a string";
    return NULL;
}

/* NULL, or what is wrong, as the second half of a sentence about the body. */
static const char *parse(chatd_str text, struct body *body)
{
    const char *why;

    if (text.n == 0)
        return "it is empty";
    if (text.n > BODY_BYTES_MAX)
        return "it is too large";
    body->tree = chatd_json_object(text, &why);
    return body->tree == NULL ? why : read_members(body);
}

int body_parse(chatd_str text, struct body *body_out, char why_out[BODY_WHY_BYTES])
{
    const char *why;

    memset(body_out, 0, sizeof(*body_out));
    why = parse(text, body_out);
    if (why == NULL)
        return CHATD_OK;
    snprintf(why_out, BODY_WHY_BYTES,
             "The body must be a JSON object with the strings user and password: %s.", why);
    body_free(body_out);
    return CHATD_E_INVAL;
}

void body_free(struct body *body)
{
    wipe(body->password);
    json_decref(body->tree);
    memset(body, 0, sizeof(*body));
}
