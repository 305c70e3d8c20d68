/* SPDX-License-Identifier: MIT */
/* Which content codings a client takes: reading Accept-Encoding (RFC 9110, 12.5.3). */
#ifndef STATIC_ENCODING_H
#define STATIC_ENCODING_H

#include <chatd/abi.h>

/* 1 if an Accept-Encoding value allows gzip, by name or by `*`, and does not prefer to have the
 * bytes as they are. Elements that are not well-formed are passed over; of a coding that is named
 * twice the last one counts. [any] */
int static_accepts_gzip(chatd_str accept_encoding);

#endif
