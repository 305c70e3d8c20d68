/* SPDX-License-Identifier: MIT */
/* What the files behind config/config.h share; nobody else includes it. */
#ifndef CONFIG_IMPL_H
#define CONFIG_IMPL_H

#include "config/config.h"
#include "config/ini.h"

#include <stdbool.h>

/* A value and where it is from. */
struct config_source {
    const char *text;   /* NULL: there is none */
    const char *origin; /* how messages begin */
    bool from_env;
};

/* A row of a filled section and what became of it. */
struct config_option {
    struct chatd_cfg_field row;
    char *env;                   /* its variable */
    char *env_file;              /* SECRET: the variable with the path of its file; else NULL */
    bool sound;                  /* the row passed; if not, its member stays zero */
    struct config_source source; /* the value in force, as written; PATH: absolute */
};

enum config_section_kind { CONFIG_FILLED, CONFIG_OPEN, CONFIG_IGNORED };

struct config_section {
    char *name;
    enum config_section_kind kind;
    struct config_option *option; /* FILLED */
    size_t options;
    struct config_item *item; /* OPEN */
    size_t items;
};

/* A variable of the environment. */
struct config_var {
    char *name, *value;
    char *origin; /* "environment <name>" */
    bool known;
};

/* One config_set_default() of a section that is not open. */
struct config_preset {
    char *section, *key, *value;
};

/* A block the config frees at its end; wiped, since it may be a secret. */
struct config_block {
    void *p;
    size_t n;
};

struct config {
    char *file;
    struct ini *ini;           /* NULL without a file */
    char *ini_folder, *folder; /* where relative paths begin: in the INI, in the environment */
    struct config_var *var;
    size_t vars;
    struct config_preset *preset;
    size_t presets;
    struct config_section **section;
    size_t sections;
    struct config_block *block;
    size_t blocks;
};

/* config.c */

/* Hands a block of `n` bytes from mem_alloc() to the config; returns it. */
void *config_keep(struct config *, void *p, size_t n);
char *config_keep_text(struct config *, char *text);
void config_problem(struct config_report *, int severity, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct config_section *config_section_find(const struct config *, const char *name);
/* The section of that name, made if there is none; its kind becomes `kind`, its options go. */
struct config_section *config_section_add(struct config *, const char *name,
                                          enum config_section_kind kind);
/* "chatd.ini:12", kept. */
const char *config_ini_origin(struct config *, unsigned line);

/* env.c */

/* Those of `environ` become c->var. Only CHATD_* ones can be unknown: the others are somebody else's,
 * unless a row names one (chatd_cfg_field.env). */
void config_env_load(struct config *, char *const *environ);
struct config_var *config_env_find(const struct config *, const char *name);
/* The variable of a key, from mem_alloc(); with key "" the common beginning of the section's. */
char *config_env_name(const char *section, const char *key);
/* The open section `name` is a variable of, or NULL; its key there, from mem_alloc(). */
const char *config_env_open(const char *name, char **key_out);

/* open.c */

/* Makes the open sections from INI and environment. */
void config_open_load(struct config *);
/* Adds a key if the section is open and has none of that name; false: the section is not open. */
bool config_open_default(struct config *, const char *section, const char *key, const char *value);

/* schema.c */

/* Copies the rows into the section's options and reports every one that cannot be used with a
 * struct of `size` bytes. */
void config_schema_read(struct config *, struct config_section *,
                        const struct chatd_cfg_field *rows, size_t stride, size_t size,
                        struct config_report *);

#endif
