/* SPDX-License-Identifier: MIT */
/* Reads descriptors as a core of the older minor does. */
#include "older.h"

#include "host/desc.h"
#include "host/host.h"

#undef CHATD_ABI_MINOR
#define CHATD_ABI_MINOR older_minor
#define host_record     older_record

#include "host/desc.c"
