/* SPDX-License-Identifier: MIT */
/* What others on this machine may learn of a process that has keys and passwords in its memory. */
#ifndef BASE_SECRECY_H
#define BASE_SECRECY_H

#include <stdbool.h>

/* Before anything else: no core file, no debugger of the same user, no new file that others may read; and what
 * libevent allocates, which holds requests, is wiped when it is freed. */
void secrecy_begin(void);

/* Whether a crash may leave a core file, and whether the same user may look in: core_dumps. */
void secrecy_cores(bool are_wanted);

#endif
