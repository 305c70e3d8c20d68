/* SPDX-License-Identifier: MIT */
/* chatd plugin new | check | list: for those who write plugins and those who run them. */
#ifndef RUN_PLUGIN_H
#define RUN_PLUGIN_H

/* What follows "plugin" on the command line; the exit code. `file` is the INI or NULL. */
int plugin_command(const char *file, int argc, char **argv);

/* Writes a plugin to begin with into a new folder: NAME, or DIR/NAME. */
int plugin_new(const char *name, const char *dir);

/* Loads a file in a process of its own and tells what it is and what is wrong with it. */
int plugin_check(const char *path);

#endif
