/* SPDX-License-Identifier: MIT */
/* How a shared object is linked, as far as that decides what it calls. */
#ifndef RUN_LINKAGE_H
#define RUN_LINKAGE_H

/* Calls `fault` with a sentence for each: a symbol that none of its own libraries has, and that was
 * found only because this program has it; a symbol that it exports besides chatd_plugin_v1; and whose
 * code is called for it, if another library has one of the same name. `handle` is of dlopen(). */
void linkage_check(void *handle, void (*fault)(void *arg, const char *text), void *arg);

#endif
