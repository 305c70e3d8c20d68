/* SPDX-License-Identifier: MIT */
/* Checks a table of options before any value is: its rows come from plugins of any age and care. */
#include "base/mem.h"
#include "config/impl.h"
#include "config/value.h"

#include <stdarg.h>
#include <string.h>

#define ROWS_MAX 256 /* more is a table without its last row */

/* The row as of ABI 0.1; what was appended later may be missing in a plugin's table. */
#define ROW_BYTES_MIN (offsetof(struct chatd_cfg_field, help) + sizeof(const char *))

__attribute__((format(printf, 4, 5))) static void
fault(struct config_report *rep, const char *section, const char *key, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *what = mem_vprintf(fmt, args);
    va_end(args);
    config_problem(rep, CONFIG_ERROR, "option table: [%s] %s %s", section, key, what);
    mem_free(what);
}

/* A row of another size than ours: what it lacks is zero, what we do not know must be. */
static bool copy_row(const void *from, size_t stride, struct chatd_cfg_field *row)
{
    const unsigned char *bytes = from;
    *row = (struct chatd_cfg_field){0};
    memcpy(row, from, stride < sizeof(*row) ? stride : sizeof(*row));
    for (size_t i = sizeof(*row); i < stride; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static bool is_key(const char *key)
{
    return key[0] != '\0' && key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static const char *shape_fault(const struct chatd_cfg_field *row, size_t size)
{
    size_t bytes = config_value_size(row->type);
    if (!is_key(row->key))
        return "has a key that is not made of a-z, 0-9 and underscores";
    if (bytes == 0)
        return "has a type this chatd does not know";
    if (row->offset > size || bytes > size - row->offset)
        return "has a member outside of the struct";
    if (row->offset % bytes != 0)
        return "has a misaligned member";
    if (row->type == CHATD_CFG_ENUM && (row->choices == NULL || row->choices[0] == NULL))
        return "has no choices";
    if (row->min > row->max)
        return "has a minimum above its maximum";
    if ((row->flags & CHATD_CFG_REQUIRED) != 0 && row->def != NULL)
        return "is required and has a default";
    return NULL;
}

/* What a message says about a default that does not pass, from mem_alloc(); NULL if it does. */
static char *default_fault(const struct chatd_cfg_field *row)
{
    if (row->def == NULL)
        return NULL;
    struct config_value value;
    char *text = config_value_parse(row, row->def, &value);
    mem_free(value.list);
    return text;
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The variable two options would both be read from, or NULL. */
static const char *shared_var(const struct config_option *a, const struct config_option *b)
{
    if (same(a->env, b->env) || same(a->env, b->env_file))
        return a->env;
    if (same(a->row.env, b->row.env))
        return a->row.env;
    return same(a->env_file, b->env) ? a->env_file : NULL;
}

static bool overlaps(const struct chatd_cfg_field *a, const struct chatd_cfg_field *b)
{
    return a->offset < b->offset + config_value_size(b->type) &&
           b->offset < a->offset + config_value_size(a->type);
}

/* Compares a new option with one checked before it. */
static bool check_pair(const char *section, const struct config_option *o,
                       const char *other_section, const struct config_option *other,
                       struct config_report *rep)
{
    bool siblings = strcmp(section, other_section) == 0;
    const char *var = shared_var(o, other);
    if (siblings && strcmp(o->row.key, other->row.key) == 0)
        fault(rep, section, o->row.key, "is listed twice");
    else if (var != NULL)
        fault(rep, section, o->row.key, "and [%s] %s would both be read from %s", other_section,
              other->row.key, var);
    else if (siblings && other->sound && overlaps(&o->row, &other->row))
        fault(rep, section, o->row.key, "shares its member with %s", other->row.key);
    else
        return true;
    return false;
}

static bool check_others(const struct config *c, const struct config_section *s,
                         const struct config_option *o, struct config_report *rep)
{
    for (size_t i = 0; i < c->sections; i++) {
        const struct config_section *other = c->section[i];
        for (size_t k = 0; k < other->options; k++) {
            if (!check_pair(s->name, o, other->name, &other->option[k], rep))
                return false;
        }
    }
    return true;
}

/* Variables that mean something else already. */
static bool check_reserved(const char *section, const struct config_option *o,
                           struct config_report *rep)
{
    if (o->row.env != NULL && strncmp(o->row.env, "CHATD_", 6) == 0) {
        fault(rep, section, o->row.key, "would be read from %s, and those names are chatd's own",
              o->row.env);
        return false;
    }
    if (strcmp(o->env, "CHATD_CONFIG") == 0) {
        fault(rep, section, o->row.key, "would be read from CHATD_CONFIG, which names the INI");
        return false;
    }
    char *key;
    const char *open = config_env_open(o->env, &key);
    if (open == NULL)
        return true;
    mem_free(key);
    fault(rep, section, o->row.key, "would be read from %s, which belongs to [%s]", o->env, open);
    return false;
}

static bool check_row(const struct config *c, const struct config_section *s,
                      const struct config_option *o, size_t size, struct config_report *rep)
{
    const char *shape = shape_fault(&o->row, size);
    if (shape != NULL) {
        fault(rep, s->name, o->row.key, "%s", shape);
        return false;
    }
    if (!check_reserved(s->name, o, rep) || !check_others(c, s, o, rep))
        return false;
    char *text = default_fault(&o->row);
    if (text == NULL)
        return true;
    config_problem(rep, CONFIG_ERROR, "option table: [%s] %s%s", s->name, o->row.key, text);
    mem_free(text);
    return false;
}

static void add_option(struct config *c, struct config_section *s,
                       const struct chatd_cfg_field *row, size_t size, struct config_report *rep)
{
    struct config_option o = {.row = *row};
    o.env = config_keep_text(c, config_env_name(s->name, row->key));
    if (row->type == CHATD_CFG_SECRET)
        o.env_file = config_keep_text(c, mem_printf("%s_FILE", o.env));
    o.sound = check_row(c, s, &o, size, rep);
    s->option = mem_grow(s->option, s->options, sizeof(*s->option));
    s->option[s->options++] = o;
}

void config_schema_read(struct config *c, struct config_section *s,
                        const struct chatd_cfg_field *rows, size_t stride, size_t size,
                        struct config_report *rep)
{
    if (rows == NULL)
        return;
    if (stride < ROW_BYTES_MIN || stride > CHATD_RECORD_MAX) {
        config_problem(rep, CONFIG_ERROR, "option table: [%s] has rows of %zu bytes", s->name,
                       stride);
        return;
    }
    const unsigned char *at = (const unsigned char *)rows;
    for (size_t i = 0; i <= ROWS_MAX; i++, at += stride) {
        struct chatd_cfg_field row;
        bool understood = copy_row(at, stride, &row);
        if (row.key == NULL)
            return;
        if (!understood)
            fault(rep, s->name, row.key, "uses what this chatd is too old for");
        else if (i < ROWS_MAX)
            add_option(c, s, &row, size, rep);
    }
    config_problem(rep, CONFIG_ERROR, "option table: [%s] does not end after %d rows", s->name,
                   ROWS_MAX);
}
