/* SPDX-License-Identifier: MIT */
/* Which passwords may be chosen: their length, and that they are not the name. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "choice.h"

#include "names.h"
#include "password.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Shorter names are inside of too many words to say anything. */
#define NAME_TELLING_BYTES 4u

/* The bytes of `text` that are left without `name`. */
static size_t rest_without(const char *text, const char *name)
{
    const size_t n = strlen(name);
    size_t rest = 0;

    while (*text != '\0') {
        if (strncmp(text, name, n) == 0) {
            text += n;
        } else {
            text++;
            rest++;
        }
    }
    return rest;
}

/* In whatever spelling: a guesser begins with the name and some digits. */
static bool is_mostly_name(const char *password, const char *name)
{
    size_t rest;

    if (strstr(password, name) == NULL)
        return false;
    rest = rest_without(password, name);
    return rest == 0 || (strlen(name) >= NAME_TELLING_BYTES && rest < PASSWORD_NEW_MIN);
}

const char *choice_judge(chatd_str password, const char *user)
{
    const char *why = NULL;
    char *folded, *name;

    if (!password_new_ok(password))
        return "A password has 8 to 72 bytes.";
    folded = name_fold_text(password);
    name = name_fold_text((chatd_str){user, strlen(user)});
    if (folded != NULL && name != NULL && name[0] != '\0' && is_mostly_name(folded, name))
        why = "The password is little more than the name.";
    if (folded != NULL)
        explicit_bzero(folded, strlen(folded));
    free(folded);
    free(name);
    return why;
}
