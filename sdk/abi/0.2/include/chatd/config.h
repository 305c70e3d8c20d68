/* SPDX-License-Identifier: MIT */
/*
 * A plugin's options: a static table of rows that the core reads, checks, documents and fills into
 * the plugin's own config struct before init() runs.
 *
 * The section of the INI is the plugin's name. Every key can be given in the environment as
 * CHATD_<SECTION>_<KEY> (dashes as underscores), and a SECRET also as <KEY>_FILE, the path of a
 * file whose first line is the value.
 *
 * Example row:
 *   { .key = "cost", .type = CHATD_CFG_INT, .def = "12", .min = 10, .max = 14,
 *     .offset = offsetof(struct my_config, cost), .help = "bcrypt cost of new passwords" },
 * The table ends with a row whose key is NULL.
 */
#ifndef CHATD_CONFIG_H
#define CHATD_CONFIG_H

#include <chatd/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the member at `offset` must be, and how the value is written. */
enum chatd_cfg_type {
    CHATD_CFG_STR = 1,      /* const char *; min and max bound its length in bytes */
    CHATD_CFG_INT = 2,      /* int64_t; decimal */
    CHATD_CFG_BOOL = 3,     /* int32_t, 0 or 1; on off yes no true false 1 0 */
    CHATD_CFG_SIZE = 4,     /* int64_t, bytes; units k m g, powers of 1024 */
    CHATD_CFG_DURATION = 5, /* int64_t, milliseconds; units ms s m h d, a plain number is seconds */
    CHATD_CFG_ENUM = 6,     /* int32_t, the index in `choices` */
    CHATD_CFG_LIST = 7,     /* const char *const *, ends with NULL; separated by commas or blanks */
    CHATD_CFG_PATH = 8,     /* const char *; absolute, or relative to the INI's folder when read */
    CHATD_CFG_SECRET = 9    /* const char *; masked in every print */
};

enum chatd_cfg_flag {
    CHATD_CFG_REQUIRED = 1,  /* no default: absent is an error */
    CHATD_CFG_RELOADABLE = 2 /* reload() may change it while running */
};

/* One option. `min` and `max` bound INT, SIZE, DURATION (ms) and the length of STR and SECRET; both
 * zero means unbounded (numbers are then at least 0). The strings live as long as the plugin. */
struct chatd_cfg_field {
    const char *key; /* a-z, 0-9, underscore; NULL ends the table */
    uint32_t type;   /* enum chatd_cfg_type */
    uint32_t flags;  /* enum chatd_cfg_flag, or'ed */
    size_t offset;   /* of the member in the plugin's config struct */
    const char *def; /* default as it would be written; NULL: NULL, 0 or first choice */
    int64_t min, max;
    const char *const *choices; /* ENUM: names, ends with NULL */
    const char *help;           /* one line, shown by --check and --dump-config */
    /* 0.2: one more variable that gives the value, for names that people know already. It wins over
     * the file; CHATD_<SECTION>_<KEY> wins over it. NULL: none. */
    const char *env;
};

#ifdef __cplusplus
}
#endif
#endif
