/* SPDX-License-Identifier: MIT */
/* Reports what nobody asked for, with what was probably meant. */
#include "base/mem.h"
#include "config/impl.h"
#include "config/nearest.h"

#include <string.h>

static const char *section_at(void *ctx, size_t i)
{
    const struct config *c = ctx;
    return c->section[i]->name;
}

static const char *key_at(void *ctx, size_t i)
{
    const struct config_section *s = ctx;
    return s->option[i].row.key;
}

static bool has_key(const struct config_section *s, const char *key)
{
    for (size_t i = 0; i < s->options; i++) {
        if (strcmp(s->option[i].row.key, key) == 0)
            return true;
    }
    return false;
}

static void check_section(struct config *c, const struct ini_section *s, struct config_report *rep)
{
    if (config_section_find(c, s->name) != NULL)
        return;
    const char *near = config_nearest(s->name, section_at, c, c->sections);
    if (near != NULL)
        config_problem(rep, CONFIG_ERROR, "%s:%u: unknown section [%s]; did you mean [%s]?",
                       c->file, s->line, s->name, near);
    else
        config_problem(rep, CONFIG_ERROR, "%s:%u: unknown section [%s]", c->file, s->line, s->name);
}

static void check_entry(const struct config *c, const struct ini_entry *e,
                        struct config_report *rep)
{
    struct config_section *s = config_section_find(c, e->section);
    if (s == NULL || s->kind != CONFIG_FILLED || has_key(s, e->key))
        return;
    const char *near = config_nearest(e->key, key_at, s, s->options);
    if (near != NULL)
        config_problem(rep, CONFIG_ERROR, "%s:%u: unknown key \"%s\" in [%s]; did you mean \"%s\"?",
                       c->file, e->line, e->key, e->section, near);
    else
        config_problem(rep, CONFIG_ERROR, "%s:%u: unknown key \"%s\" in [%s]", c->file, e->line,
                       e->key, e->section);
}

/* Both in the order of the file: a section's header is always above its keys. */
static void check_ini(struct config *c, struct config_report *rep)
{
    const struct ini *ini = c->ini;
    size_t s = 0, e = 0;
    while (s < ini->sections || e < ini->n) {
        if (e == ini->n || (s < ini->sections && ini->section[s].line < ini->entry[e].line))
            check_section(c, &ini->section[s++], rep);
        else
            check_entry(c, &ini->entry[e++], rep);
    }
}

/* Names of variables without the "CHATD_" they all share, which would make all of them alike. */
struct names {
    const char **name;
    size_t n;
};

#define PREFIX_LEN 6

static void add_name(struct names *names, const char *var)
{
    names->name = mem_grow(names->name, names->n, sizeof(*names->name));
    names->name[names->n++] = var + PREFIX_LEN;
}

static const char *name_at(void *ctx, size_t i)
{
    const struct names *names = ctx;
    return names->name[i];
}

static void collect_names(const struct config *c, struct names *names)
{
    add_name(names, "CHATD_CONFIG");
    for (size_t i = 0; i < c->sections; i++) {
        const struct config_section *s = c->section[i];
        for (size_t k = 0; k < s->options; k++) {
            add_name(names, s->option[k].env);
            if (s->option[k].env_file != NULL)
                add_name(names, s->option[k].env_file);
        }
    }
}

static bool is_ignored(const struct config *c, const char *var)
{
    for (size_t i = 0; i < c->sections; i++) {
        if (c->section[i]->kind != CONFIG_IGNORED)
            continue;
        char *start = config_env_name(c->section[i]->name, "");
        bool mine = strncmp(var, start, strlen(start)) == 0;
        mem_free(start);
        if (mine)
            return true;
    }
    return false;
}

/* The option `var` is the _FILE form of, though it is no secret; or NULL. */
static const char *file_form_of(const struct names *names, const char *var)
{
    static const char suffix[] = "_FILE";
    size_t n = strlen(var) - PREFIX_LEN;
    if (n < sizeof(suffix) || strcmp(var + strlen(var) - (sizeof(suffix) - 1), suffix) != 0)
        return NULL;
    n -= sizeof(suffix) - 1;
    for (size_t i = 0; i < names->n; i++) {
        if (strlen(names->name[i]) == n && memcmp(names->name[i], var + PREFIX_LEN, n) == 0)
            return names->name[i];
    }
    return NULL;
}

static void check_var(const struct config_var *v, struct names *names, struct config_report *rep)
{
    const char *near = file_form_of(names, v->name);
    if (near != NULL) {
        config_problem(rep, CONFIG_WARNING,
                       "%s: unknown variable; only a secret is read from a file, set CHATD_%s",
                       v->origin, near);
        return;
    }
    near = config_nearest(v->name + PREFIX_LEN, name_at, names, names->n);
    if (near != NULL)
        config_problem(rep, CONFIG_WARNING, "%s: unknown variable; did you mean CHATD_%s?",
                       v->origin, near);
    else
        config_problem(rep, CONFIG_WARNING, "%s: unknown variable", v->origin);
}

unsigned config_report_unknown(struct config *c, struct config_report *rep)
{
    unsigned before = rep->errors;
    if (c->ini != NULL)
        check_ini(c, rep);
    struct names names = {0};
    collect_names(c, &names);
    for (size_t i = 0; i < c->vars; i++) {
        if (!c->var[i].known && !is_ignored(c, c->var[i].name))
            check_var(&c->var[i], &names, rep);
    }
    mem_free(names.name);
    return rep->errors - before;
}
