/* SPDX-License-Identifier: MIT */
/*
 * The merged view of INI, environment and defaults, with the origin of every value.
 *
 * Life: config_load(), config_set_default() where the core has one, config_fill() once per section
 * with a schema, config_items() for the open ones, config_section_ignore() for sections of plugins
 * that are off, then config_report_unknown() and, if asked for, config_dump().
 *
 * An option's value is, the first that is there: the environment, the INI, config_set_default(),
 * the row's own default. Its variable is CHATD_<SECTION>_<KEY> in upper case with dashes and dots
 * as underscores, for [chatd] just CHATD_<KEY>; a SECRET may be given as <that>_FILE instead, the
 * path of a file whose first line it is. A row may name one more variable (chatd_cfg_field.env), which
 * counts after those and before the INI, and not at all when it is empty. CHATD_CONFIG is nobody's option: it names the INI.
 *
 * [plugins], [services] and [hooks] are open: their keys come from no schema, and a variable may
 * add one. CHATD_PLUGINS_HISTORY_REDIS is history-redis, CHATD_SERVICES_CHATD_LOG is chatd.log,
 * CHATD_HOOKS_ROOM_JOIN is room_join. A key the INI has in another spelling keeps it.
 *
 * Problems are finished sentences that begin with their place, "chatd.ini:12: " or "environment
 * CHATD_X: "; all are found in one run. No message and no dump shows the value of a SECRET.
 * Not thread-safe.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <chatd/config.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct config;

enum config_severity { CONFIG_NOTE = 0, CONFIG_WARNING = 1, CONFIG_ERROR = 2 };

/* Where problems go. line() may be NULL; the counters are added to either way. */
struct config_report {
    void (*line)(void *arg, int severity, const char *text); /* enum config_severity */
    void *arg;
    unsigned errors, warnings;
};

/* One key of an open section. */
struct config_item {
    const char *key, *value;
    const char *origin; /* "chatd.ini:12", "environment CHATD_PLUGINS_X" or "default" */
};

/* Reads `file` (NULL: no file) and the variables of `environ` (NULL: none); both are copied.
 * Never NULL: what cannot be read is reported and left out. */
struct config *config_load(const char *file, char *const *environ, struct config_report *rep);

/* The same from a copy of the file in `fd`, a memfd or an open file, which is read from its beginning
 * without moving its offset; `file` is what messages call it, and where relative paths begin. */
struct config *config_load_copy(const char *file, int fd, char *const *environ,
                                struct config_report *rep);

/* A copy of the file's present text in a memfd of its own, close-on-exec; the caller's to close. -1: there
 * is no such file, or it cannot be read or is too large: config_load() then says so. */
int config_copy(const char *file);

/* Frees it with every string it gave out; secrets are wiped. NULL is fine. */
void config_free(struct config *);

/* The path as it was given, or NULL. */
const char *config_file(const struct config *);

/*
 * Fills the `size` bytes at `out` (zeroed first) from the rows of `section`, which are `stride`
 * bytes apart and end with a NULL key. Reports each problem of the values, of the environment and
 * of the table itself (a member outside of `out`, misaligned or shared; a default that does not
 * pass; two rows that would be read from one variable); an option with a problem gets its default.
 * Strings and lists belong to the config. The rows' strings must outlive it. Relative paths are
 * made absolute: from the working directory when they come from the environment, else from the
 * folder of the INI. A section filled again is checked anew. Returns the number of errors.
 */
unsigned config_fill(struct config *, const char *section, const struct chatd_cfg_field *rows,
                     size_t stride, void *out, size_t size, struct config_report *rep);

/* Where the value of a filled option is from, as messages begin; "default" if there is none. */
const char *config_origin(const struct config *, const char *section, const char *key);

/* True if an option of a filled section is read from this variable by chatd_cfg_field.env. */
bool config_reads_variable(const struct config *, const char *name);

/* Writes up to `max` keys of an open section to `items`: first those of the INI in its order, then
 * those of the environment, then defaults. Returns how many there are. */
size_t config_items(const struct config *, const char *section, struct config_item *items,
                    size_t max);

/* A value for where neither INI nor environment has one; the origin is "default". */
void config_set_default(struct config *, const char *section, const char *key, const char *value);

/* Whatever the INI or the environment has for this section is fine: its plugin is off. */
void config_section_ignore(struct config *, const char *section);

/* After the last fill: unknown sections and keys of the INI are errors, unknown CHATD_* variables
 * warnings, each with the nearest known name. Returns the number of errors. */
unsigned config_report_unknown(struct config *, struct config_report *rep);

/* Every filled and open section as an INI, each key below its help, what it takes and its origin.
 * Secrets are masked. */
void config_dump(const struct config *, FILE *out);

#endif
