/* SPDX-License-Identifier: MIT */
/* Finds the value of every option of a section, checks it and writes it into the owner's struct. */
#include "base/mem.h"
#include "config/impl.h"
#include "config/value.h"

#include <errno.h>
#include <string.h>

#define SECRET_FILE_BYTES 65536 /* of its first line */

struct fill {
    struct config *c;
    struct config_section *section;
    void *out;
    struct config_report *rep;
};

/* The first line of an open file into `buf`; what is wrong with it, or NULL. */
static const char *read_first_line(FILE *f, char *buf, size_t size)
{
    size_t n = fread(buf, 1, size, f);
    if (ferror(f))
        return strerror(errno);
    const char *newline = memchr(buf, '\n', n);
    if (newline == NULL && n == size)
        return "its first line is too long";
    size_t len = newline != NULL ? (size_t)(newline - buf) : n;
    if (len > 0 && buf[len - 1] == '\r')
        len--;
    if (len == 0)
        return "its first line is empty";
    if (memchr(buf, '\0', len) != NULL)
        return "its first line holds a NUL byte";
    buf[len] = '\0';
    return NULL;
}

/* The secret in a file, kept; NULL after reporting why not. */
static const char *read_secret(struct fill *f, const struct config_var *var)
{
    FILE *file = fopen(var->value, "re");
    if (file == NULL) {
        config_problem(f->rep, CONFIG_ERROR, "%s: cannot read \"%s\": %s", var->origin, var->value,
                       strerror(errno));
        return NULL;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no second copy of the secret that nobody wipes */
    char *buf = mem_alloc(SECRET_FILE_BYTES + 1);
    const char *fault = read_first_line(file, buf, SECRET_FILE_BYTES);
    fclose(file);
    if (fault != NULL)
        config_problem(f->rep, CONFIG_ERROR, "%s: cannot use \"%s\": %s", var->origin, var->value,
                       fault);
    const char *secret = fault == NULL ? config_keep_text(f->c, mem_strdup(buf)) : NULL;
    mem_wipe(buf, SECRET_FILE_BYTES + 1);
    mem_free(buf);
    return secret;
}

/* The value in the environment. False: there is one, but it cannot be used. */
static bool find_in_env(struct fill *f, const struct config_option *o, struct config_source *out)
{
    struct config_var *var = config_env_find(f->c, o->env);
    struct config_var *file = o->env_file != NULL ? config_env_find(f->c, o->env_file) : NULL;
    if (var != NULL)
        var->known = true;
    if (file != NULL)
        file->known = true;
    if (var != NULL && file != NULL) {
        config_problem(f->rep, CONFIG_ERROR, "%s: %s is set as well; keep one of them",
                       file->origin, var->name);
        return false;
    }
    if (file == NULL && var == NULL && o->row.env != NULL)
        var = config_env_find(f->c, o->row.env);
    /* One that others have made up too is often set to nothing, for "none". */
    if (var != NULL && var->value[0] == '\0' && o->row.env != NULL &&
        strcmp(var->name, o->row.env) == 0)
        var = NULL;
    if (file != NULL)
        *out = (struct config_source){read_secret(f, file), file->origin, true};
    else if (var != NULL)
        *out = (struct config_source){var->value, var->origin, true};
    return file == NULL || out->text != NULL;
}

static struct config_source find_in_ini(struct config *c, const char *section, const char *key)
{
    for (size_t i = 0; c->ini != NULL && i < c->ini->n; i++) {
        const struct ini_entry *e = &c->ini->entry[i];
        if (strcmp(e->section, section) == 0 && strcmp(e->key, key) == 0)
            return (struct config_source){e->value, config_ini_origin(c, e->line), false};
    }
    return (struct config_source){0};
}

static struct config_source find_default(const struct config *c, const char *section,
                                         const struct chatd_cfg_field *row)
{
    for (size_t i = c->presets; i-- > 0;) {
        const struct config_preset *p = &c->preset[i];
        if (strcmp(p->section, section) == 0 && strcmp(p->key, row->key) == 0)
            return (struct config_source){p->value, "default", false};
    }
    return (struct config_source){row->def, "default", false};
}

static void report_missing(struct fill *f, const struct config_option *o)
{
    if (f->c->file != NULL)
        config_problem(f->rep, CONFIG_ERROR, "%s: [%s] %s is required; write it there or set %s",
                       f->c->file, f->section->name, o->row.key, o->env);
    else
        config_problem(f->rep, CONFIG_ERROR, "environment: [%s] %s is required; set %s",
                       f->section->name, o->row.key, o->env);
}

/* Writes the member if the value is one, else reports it. */
static bool apply(struct fill *f, struct config_option *o, struct config_source source)
{
    struct config_value value;
    char *fault = config_value_parse(&o->row, source.text, &value);
    if (fault != NULL) {
        config_problem(f->rep, CONFIG_ERROR, "%s: [%s] %s%s", source.origin, f->section->name,
                       o->row.key, fault);
        mem_free(fault);
        return false;
    }
    if (value.list != NULL)
        config_keep(f->c, value.list, value.list_bytes);
    if (o->row.type == CHATD_CFG_PATH && source.text[0] != '/') {
        bool from_ini = !source.from_env && f->c->ini_folder != NULL;
        const char *folder = from_ini ? f->c->ini_folder : f->c->folder;
        const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
        value.text = config_keep_text(f->c, mem_printf("%s%s%s", folder, slash, source.text));
        source.text = value.text;
    }
    config_value_store(&o->row, &value, f->out);
    o->source = source;
    return true;
}

static void fill_option(struct fill *f, struct config_option *o)
{
    struct config_source found = {0};
    bool usable = find_in_env(f, o, &found); /* also for a bad row: its variable is known */
    if (!o->sound)
        return;
    if (usable && found.text == NULL)
        found = find_in_ini(f->c, f->section->name, o->row.key);
    if (found.text != NULL)
        usable = apply(f, o, found);

    struct config_source def = find_default(f->c, f->section->name, &o->row);
    if (found.text != NULL && usable)
        return;
    if (def.text != NULL)
        apply(f, o, def);
    else if (usable && (o->row.flags & CHATD_CFG_REQUIRED) != 0)
        report_missing(f, o);
}

unsigned config_fill(struct config *c, const char *section, const struct chatd_cfg_field *rows,
                     size_t stride, void *out, size_t size, struct config_report *rep)
{
    unsigned before = rep->errors;
    if (out != NULL)
        memset(out, 0, size);
    const struct config_section *open = config_section_find(c, section);
    if (open != NULL && open->kind == CONFIG_OPEN) {
        config_problem(rep, CONFIG_ERROR, "option table: [%s] is chatd's own section", section);
        return rep->errors - before;
    }
    struct fill f = {
        .c = c,
        .section = config_section_add(c, section, CONFIG_FILLED),
        .out = out,
        .rep = rep,
    };
    config_schema_read(c, f.section, rows, stride, out != NULL ? size : 0, rep);
    for (size_t i = 0; i < f.section->options; i++)
        fill_option(&f, &f.section->option[i]);
    return rep->errors - before;
}

const char *config_origin(const struct config *c, const char *section, const char *key)
{
    const struct config_section *s = config_section_find(c, section);
    for (size_t i = 0; s != NULL && i < s->options; i++) {
        if (strcmp(s->option[i].row.key, key) == 0 && s->option[i].source.origin != NULL)
            return s->option[i].source.origin;
    }
    return "default";
}

bool config_reads_variable(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->sections; i++) {
        const struct config_section *s = c->section[i];
        for (size_t k = 0; k < s->options; k++) {
            const char *env = s->option[k].row.env;
            if (env != NULL && strcmp(env, name) == 0)
                return true;
        }
    }
    return false;
}
