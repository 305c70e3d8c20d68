/* SPDX-License-Identifier: MIT */
/* The JSON bodies of /register and /login, a user and a password, and of /api/v1/password, an old and
 * a new one. Pure. */
#ifndef AUTH_BODY_H
#define AUTH_BODY_H

#include <chatd/abi.h>

#define BODY_BYTES_MAX 4096u
#define BODY_WHY_BYTES 128u

struct json_t;

/* What the body holds; the texts live until body_free(). None has a NUL inside. */
struct body {
    chatd_str user, password;
    chatd_str fresh; /* of a change: the new password, where `password` is the old one */
    struct json_t *tree;
};

/* Parses one JSON object; members it does not know are ignored. CHATD_E_INVAL, with a finished
 * sentence for the client in why_out, and nothing to free. */
int body_parse(chatd_str text, struct body *body_out, char why_out[BODY_WHY_BYTES]);
int body_parse_change(chatd_str text, struct body *body_out, char why_out[BODY_WHY_BYTES]);

/* Wipes the passwords and frees the rest. */
void body_free(struct body *body);

#endif
