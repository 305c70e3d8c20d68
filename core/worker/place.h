/* SPDX-License-Identifier: MIT */
/* Where and as whom the server runs: the options `user` and `runtime_dir`. */
#ifndef WORKER_PLACE_H
#define WORKER_PLACE_H

#include "config/core_options.h"

struct place {
    int pid_fd; /* locked as long as this process lives; -1: no runtime_dir */
    char *pid_path;
};

/* Makes the folder and the pid file, then becomes the user, where root starts it and one is named. Call
 * it when what needs root has been done. -1: logged; the place is then as if left. */
int place_take(struct place *p, const struct core_options *opt);
void place_leave(struct place *p); /* removes the pid file */

#endif
