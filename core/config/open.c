/* SPDX-License-Identifier: MIT */
/* The sections whose keys come from no schema: merged from INI and environment at load. */
#include "base/mem.h"
#include "config/impl.h"

#include <string.h>

static void add(struct config_section *s, const char *key, const char *value, const char *origin)
{
    s->item = mem_grow(s->item, s->items, sizeof(*s->item));
    s->item[s->items++] = (struct config_item){.key = key, .value = value, .origin = origin};
}

/* The item a variable is for, however its key spells the underscores. */
static struct config_item *find_by_var(const struct config_section *s, const char *var)
{
    for (size_t i = 0; i < s->items; i++) {
        char *name = config_env_name(s->name, s->item[i].key);
        bool same = strcmp(name, var) == 0;
        mem_free(name);
        if (same)
            return &s->item[i];
    }
    return NULL;
}

static struct config_section *find_open(const struct config *c, const char *name)
{
    struct config_section *s = config_section_find(c, name);
    return s != NULL && s->kind == CONFIG_OPEN ? s : NULL;
}

static void take_var(struct config *c, struct config_var *v)
{
    char *key;
    const char *section = config_env_open(v->name, &key);
    if (section == NULL)
        return;
    config_keep_text(c, key);
    v->known = true;
    struct config_section *s = config_section_find(c, section);
    struct config_item *item = find_by_var(s, v->name);
    if (item == NULL) {
        add(s, key, v->value, v->origin);
    } else {
        item->value = v->value;
        item->origin = v->origin;
    }
}

void config_open_load(struct config *c)
{
    config_section_add(c, "plugins", CONFIG_OPEN);
    config_section_add(c, "services", CONFIG_OPEN);
    config_section_add(c, "hooks", CONFIG_OPEN);
    for (size_t i = 0; c->ini != NULL && i < c->ini->n; i++) {
        const struct ini_entry *e = &c->ini->entry[i];
        struct config_section *s = find_open(c, e->section);
        if (s != NULL)
            add(s, e->key, e->value, config_ini_origin(c, e->line));
    }
    for (size_t i = 0; i < c->vars; i++)
        take_var(c, &c->var[i]);
}

bool config_open_default(struct config *c, const char *section, const char *key, const char *value)
{
    struct config_section *s = find_open(c, section);
    if (s == NULL)
        return false;
    for (size_t i = 0; i < s->items; i++) {
        if (strcmp(s->item[i].key, key) == 0)
            return true;
    }
    add(s, config_keep_text(c, mem_strdup(key)), config_keep_text(c, mem_strdup(value)), "default");
    return true;
}

size_t config_items(const struct config *c, const char *section, struct config_item *items,
                    size_t max)
{
    const struct config_section *s = find_open(c, section);
    if (s == NULL)
        return 0;
    for (size_t i = 0; i < s->items && i < max; i++)
        items[i] = s->item[i];
    return s->items;
}
