/* SPDX-License-Identifier: MIT */
/* Opens plugins as a core of the older minor does. */
#include "older.h"

#include "host/load.h"

#undef CHATD_ABI_MINOR
#define CHATD_ABI_MINOR older_minor
#define host_record     older_record

#include "host/load.c"
