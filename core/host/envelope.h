/* SPDX-License-Identifier: MIT */
/* The envelope of chatd.v1: {"type", "id", ...}. Pure. */
#ifndef HOST_ENVELOPE_H
#define HOST_ENVELOPE_H

#include <chatd/fields.h>

enum { ENVELOPE_ID_MAX = 64 };

/* What a client asks. The strings point into `fields`. */
struct envelope {
    struct chatd_fields fields;
    chatd_str type;
    chatd_str id; /* empty: no answer is wanted */
};

/* Opens what came; ends with envelope_close(), also when it failed. NULL, or what is wrong with it, in a sentence
 * without its full stop (a literal): the answer to it carries `id`, which may be empty. */
const char *envelope_open(chatd_str text, struct envelope *out);
void envelope_close(struct envelope *envelope);

#endif
