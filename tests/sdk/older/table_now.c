/* SPDX-License-Identifier: MIT */
/* Today's table of functions, under another name: older.c makes the one that plugins get. */
#define host_table host_table_now

#include "host/table.c"
