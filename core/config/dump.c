/* SPDX-License-Identifier: MIT */
/* --dump-config: the configuration in force as an INI that explains itself. */
#include "base/mem.h"
#include "config/impl.h"
#include "config/value.h"

static const char mask[] = "********";

/* A value an INI cannot hold (the environment can) stays out, rather than be read back cut. */
static void print_line(FILE *out, const char *key, const char *value)
{
    if (ini_can_hold(key, value))
        fprintf(out, "%s = %s\n", key, value);
    else
        fprintf(out, "; %s: its value cannot be written in an INI\n", key);
}

static void print_option(FILE *out, const struct config_option *o)
{
    const struct config_source *source = &o->source;
    char *wanted = config_value_wanted(&o->row);
    if (o->row.help != NULL)
        fprintf(out, "; %s\n", o->row.help);
    fprintf(out, "; %s: %s\n", config_value_type_name(o->row.type), wanted);
    if (source->text == NULL) {
        fprintf(out, "; not set\n; %s =\n", o->row.key);
    } else {
        fprintf(out, "; from %s\n", source->origin);
        print_line(out, o->row.key, o->row.type == CHATD_CFG_SECRET ? mask : source->text);
    }
    fputc('\n', out);
    mem_free(wanted);
}

static void print_section(FILE *out, const struct config_section *s)
{
    fprintf(out, "[%s]\n", s->name);
    for (size_t i = 0; i < s->items; i++) {
        fprintf(out, "; from %s\n", s->item[i].origin);
        print_line(out, s->item[i].key, s->item[i].value);
    }
    if (s->items > 0)
        fputc('\n', out);
    for (size_t i = 0; i < s->options; i++) {
        if (s->option[i].sound)
            print_option(out, &s->option[i]);
    }
}

void config_dump(const struct config *c, FILE *out)
{
    for (size_t i = 0; i < c->sections; i++) {
        const struct config_section *s = c->section[i];
        if (s->items > 0 || s->options > 0)
            print_section(out, s);
    }
}
