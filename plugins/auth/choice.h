/* SPDX-License-Identifier: MIT */
/* Which passwords may be chosen, as far as that is known at once. Pure; weak.h asks a dictionary. */
#ifndef AUTH_CHOICE_H
#define AUTH_CHOICE_H

#include <chatd/abi.h>

/* NULL, or a finished sentence for its owner: why `password` is none for the account `user`. */
const char *choice_judge(chatd_str password, const char *user);

#endif
