/* SPDX-License-Identifier: MIT */
/* Finds, opens and checks plugins; their life from init to stop. */
#ifndef HOST_LOAD_H
#define HOST_LOAD_H

#include "host/host.h"

/* Opens NAME.so (or the path given as the value in [plugins]) and reads its descriptor and options.
 * NULL: reported, with everything the person needs to mend it. */
struct plugin *plugin_load(struct host *h, const char *name, const char *value, const char *dir,
                           const char *origin, struct config_report *rep);

/* Prints a line for each plugin of the configuration: those that are loaded in their order. */
void load_print(const struct host *h, const char *plugin_dir);

/* Loads all that [plugins] names, runs init, resolves services, freezes the hooks. Returns the number
 * of errors; those of optional plugins count as warnings. */
unsigned life_prepare(struct host *h, const char *plugin_dir, struct config_report *rep);
int life_start(struct host *h); /* 0, or -1: a plugin that is not optional failed */
void life_drain(struct host *h);
void life_stop(struct host *h);

/* Who speaks of a reload in the log, and how. */
struct reload_voice {
    bool is_quiet; /* another worker says the same */
    bool can_roll; /* a roll is enough for what cannot change now */
};

/* reload.c. Compares the options of one section; those that may not change are named in the log and
 * set back in `fresh`. Returns how many have changed and may. */
unsigned reload_options(const char *section, const struct chatd_cfg_field *rows, size_t stride,
                        const void *old, void *fresh, bool may_change,
                        const struct reload_voice *voice);
/* 0: applied; then `fresh` must live as long as the host, since options point into it. -1: it has
 * mistakes, which were reported, and nothing has changed. */
int life_reload(struct host *h, struct config *fresh, struct config_report *rep,
                const struct reload_voice *voice);

#endif
