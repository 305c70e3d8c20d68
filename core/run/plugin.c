/* SPDX-License-Identifier: MIT */
/* chatd plugin ...: which command. */
#include "run/plugin.h"

#include "run/check.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "  chatd plugin new NAME [DIR]    writes a plugin to begin with into the folder DIR/NAME\n"
    "  chatd plugin check FILE.so...  reads a plugin, and tells what it is and what is wrong with it\n"
    "  chatd [-c FILE] plugin list    the plugins of the configuration: which, from where, in which order\n";

static int wrong(void)
{
    fputs(usage, stderr);
    return 2;
}

int plugin_command(const char *file, int argc, char **argv)
{
    int rc = 0;

    if (argc < 1)
        return wrong();
    if (strcmp(argv[0], "new") == 0 && (argc == 2 || argc == 3))
        return plugin_new(argv[1], argc == 3 ? argv[2] : ".");
    if (strcmp(argv[0], "list") == 0 && argc == 1)
        return check(file, -1, CHECK_PLUGINS, false);
    if (strcmp(argv[0], "check") != 0 || argc < 2)
        return wrong();
    for (int i = 1; i < argc; i++)
        rc |= plugin_check(argv[i]);
    return rc;
}
