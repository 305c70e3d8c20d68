/* SPDX-License-Identifier: MIT */
/* A formatted string on the heap, for the sentences an operator reads. */
#ifndef HISTORY_SQLITE_TEXT_H
#define HISTORY_SQLITE_TEXT_H

#include <chatd/abi.h>

/* printf into fresh memory, which the caller frees; NULL without memory. */
char *text_format(const char *format, ...) CHATD_PRINTF(1, 2);

#endif
