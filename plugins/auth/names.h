/* SPDX-License-Identifier: MIT */
/* User names: which are allowed, which are the same, and how one is shown in a log line. Pure. */
#ifndef AUTH_NAMES_H
#define AUTH_NAMES_H

#include <chatd/abi.h>

#include <stdbool.h>

#define NAME_CHARS_MAX 32u
#define NAME_BYTES_MAX (NAME_CHARS_MAX * 4u)

/* What somebody may type, and what a store left by another server may hold: a key of chatd.kv. */
#define NAME_FIELD_MAX 256u

/* Bytes name_for_log() needs at most, the final NUL included. */
#define NAME_LOG_BYTES 64u

/*
 * The account name of what somebody typed: NFKC_Casefold, so that "Alice", "ALICE" and full-width
 * "Ａｌｉｃｅ" are one. Writes it to `out` with a NUL and returns its bytes. CHATD_E_INVAL: not a name,
 * with a finished sentence for its owner in *why_out (a literal). `name` may be any bytes.
 */
int name_fold(chatd_str name, char out[NAME_BYTES_MAX + 1], const char **why_out);

/* Any text folded as names are, for comparing; the caller's: free() it. NULL: it is not UTF-8, or there
 * is no memory. */
char *name_fold_text(chatd_str text);

/* True for names the server gives out itself; `folded` comes from name_fold(). */
bool name_reserved(const char *folded);

/* True if `folded` is one of `words`, which ends with NULL and may be NULL, in any spelling. */
bool name_listed(const char *folded, const char *const *words);

/* Copies `name` for a log line: control and format characters, line ends and bytes that are not
 * UTF-8 become '?', so that nobody writes lines of their own; what does not fit is cut. */
void name_for_log(chatd_str name, char out[NAME_LOG_BYTES]);

#endif
