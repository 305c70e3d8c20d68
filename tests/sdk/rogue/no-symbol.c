/* SPDX-License-Identifier: MIT */
/* Rogue plugin: a shared object that is no plugin. */
#include <chatd/abi.h>

CHATD_EXPORT extern const int no_symbol_here;
const int no_symbol_here = 1;
