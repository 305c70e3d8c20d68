/* SPDX-License-Identifier: MIT */
/* What /register, /login and /api/v1/password do first: is there a store, a try left, a body. */
#ifndef AUTH_ENTRY_H
#define AUTH_ENTRY_H

#include "auth.h"
#include "body.h"

#define ENTRY_ADDRESS_BYTES 64u

struct entry {
    chatd_req req;
    char address[ENTRY_ADDRESS_BYTES];
    struct body body;
};

/* What differs between them. */
struct entry_kind {
    struct limit *limit, *total;
    int64_t per_minute, total_per_minute;
    int metric;    /* with the label values of enum auth_result */
    char try_kind; /* enum try_kind of tries.h */
    const char *what;
    int (*parse)(chatd_str text, struct body *body_out, char why_out[BODY_WHY_BYTES]);
};

/* [loop] Fills *entry_out, or answers the request itself and returns false. */
bool entry_open(struct auth *a, chatd_req req, const struct entry_kind *kind,
                struct entry *entry_out);

void entry_close(struct entry *entry);

#endif
