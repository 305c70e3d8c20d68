/* SPDX-License-Identifier: MIT */
/* The limit of descriptors a process may have. */
#ifndef NET_DESCRIPTORS_H
#define NET_DESCRIPTORS_H

#include <stdint.h>

/* Raises the limit to what so many clients need, as far as the system lets it, and logs a warning with
 * the numbers where that is not enough. Child processes inherit the limit. */
void descriptors_raise(int64_t max_connections, int64_t max_http_connections);

#endif
