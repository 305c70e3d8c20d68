/* SPDX-License-Identifier: MIT */
/* Opens one plugin: the file, the checks that need none of its code, its options. */
#include "host/load.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/nearest.h"
#include "host/desc.h"
#include "host/work.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void complain(struct config_report *rep, const char *origin, char *text)
{
    char *line = mem_printf("%s: %s", origin, text);

    rep->line(rep->arg, CONFIG_ERROR, line);
    rep->errors++;
    mem_free(line);
    mem_free(text);
}

struct names {
    char **name;
    size_t n;
};

static const char *name_at(void *ctx, size_t i)
{
    return ((struct names *)ctx)->name[i];
}

/* The plugin of that folder whose name was probably meant, as half a sentence; or "". */
static char *guess(const char *dir, const char *name)
{
    struct names names = {0};
    DIR *d = opendir(dir);
    const struct dirent *e;
    const char *near;
    char *text;
    size_t i;

    while (d != NULL && (e = readdir(d)) != NULL) {
        size_t n = strlen(e->d_name);

        if (n <= 3 || strcmp(e->d_name + n - 3, ".so") != 0)
            continue;
        names.name = mem_realloc(names.name, (names.n + 1) * sizeof(char *));
        names.name[names.n++] = mem_strndup(e->d_name, n - 3);
    }
    if (d != NULL)
        closedir(d);
    near = config_nearest(name, name_at, &names, names.n);
    text = near != NULL ? mem_printf("; did you mean \"%s\"?", near) : mem_strdup("");
    for (i = 0; i < names.n; i++)
        mem_free(names.name[i]);
    mem_free(names.name);
    return text;
}

/* The same for a file that is looked for by its name. */
static char *check_named(const char *path, const char *dir, const char *name)
{
    char *why, *near;

    if (access(path, F_OK) == 0 || errno != ENOENT)
        return desc_check_file(path);
    near = guess(dir, name);
    why = mem_printf("there is no plugin %s%s", path, near);
    mem_free(near);
    return why;
}

static char *check_name(const struct host *h, const char *name, const struct chatd_plugin_desc *d)
{
    char *why = desc_check_name(d->name);
    size_t i;

    if (why != NULL)
        return why;
    if (strcmp(d->name, name) != 0)
        return mem_printf("[plugins] %s loads a plugin that calls itself \"%s\"; use that name",
                          name, d->name);
    for (i = 0; i < h->n_plugins; i++) {
        if (strcmp(h->plugin[i]->name, d->name) == 0)
            return mem_printf("plugin %s is loaded twice", d->name);
    }
    return NULL;
}

/* A need with something behind the members that are known here asks for what would not be done. */
static char *check_needs(const char *path, const struct chatd_plugin_desc *d)
{
    const char *row = (const char *)d->needs;
    size_t i;

    for (; row != NULL && ((const struct chatd_need *)(const void *)row)->service != NULL;
         row += d->need_stride) {
        for (i = sizeof(struct chatd_need); i < d->need_stride; i++) {
            if (row[i] != '\0')
                return mem_printf(
                    "plugin %s needs %s in a way that this chatd is too old for: use a newer chatd",
                    path, ((const struct chatd_need *)(const void *)row)->service);
        }
    }
    return NULL;
}

/* The rows of an older SDK lack members, which then read as zero. Those of a newer one are left as they are: what this
 * core does not know of them is found when they are read. */
static void copy_options(struct plugin *p)
{
    const char *row = (const char *)p->desc.config;
    size_t stride = p->desc.field_stride, n = 0;

    if (row == NULL || stride >= sizeof(*p->fields))
        return;
    while (((const struct chatd_cfg_field *)(const void *)(row + n * stride))->key != NULL)
        n++;
    p->fields = mem_alloc((n + 1) * sizeof(*p->fields));
    p->desc.config = p->fields;
    p->desc.field_stride = sizeof(*p->fields);
    while (n-- > 0)
        memcpy(&p->fields[n], row + n * stride, stride);
}

static void copy_needs(struct plugin *p)
{
    const char *row = (const char *)p->desc.needs;
    size_t n = 0;

    if (row != NULL) {
        while (((const struct chatd_need *)(const void *)(row + n * p->desc.need_stride))->service)
            n++;
    }
    p->needs = mem_alloc((n + 1) * sizeof(*p->needs));
    p->service = mem_alloc((n + 1) * sizeof(*p->service));
    p->n_needs = n;
    while (n-- > 0)
        memcpy(&p->needs[n], row + n * p->desc.need_stride, sizeof(*p->needs));
}

static void free_unused(struct plugin *p)
{
    mem_free(p->name);
    mem_free(p->path);
    mem_free(p->fields);
    mem_free(p->needs);
    mem_free(p->service);
    mem_free(p->config);
    mem_free(p);
}

static void *open_marked(const struct plugin *p)
{
    struct work_before before = work_enter(p, WORK_LOAD, 0);
    void *handle = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);

    work_leave(p->host, before);
    return handle;
}

struct plugin *plugin_load(struct host *h, const char *name, const char *value, const char *dir,
                           const char *origin, struct config_report *rep)
{
    struct plugin *p = mem_alloc(sizeof(*p));
    void *handle = NULL;
    const void *symbol = NULL;
    char *why;

    p->path = strchr(value, '/') != NULL ? mem_strdup(value) : mem_printf("%s/%s.so", dir, name);
    why = strchr(value, '/') == NULL ? check_named(p->path, dir, name) : desc_check_file(p->path);
    /* By the name in the INI: its constructors run before it can say its own. */
    p->host = h;
    p->row = (uint32_t)(seat_plugin(h->seat, name) + 1);
    if (why == NULL && (handle = open_marked(p)) == NULL)
        why = mem_printf("cannot load plugin %s: %s", p->path, dlerror());
    if (why == NULL && (symbol = dlsym(handle, "chatd_plugin_v1")) == NULL)
        why = mem_printf("%s is no chatd plugin: it has no symbol chatd_plugin_v1 (CHATD_PLUGIN)",
                         p->path);
    if (why == NULL)
        why = desc_read(p->path, symbol, &p->desc);
    if (why == NULL)
        why = check_name(h, name, &p->desc);
    if (why == NULL)
        why = check_needs(p->path, &p->desc);
    if (why != NULL) {
        /* Never closed again: a constructor may have left threads or handlers behind. */
        complain(rep, origin, why);
        free_unused(p);
        return NULL;
    }
    p->name = mem_strdup(p->desc.name);
    seat_plugin_version(h->seat, (int)p->row - 1, p->desc.version);
    copy_options(p);
    copy_needs(p);
    if (p->desc.config != NULL) {
        p->config = mem_alloc(p->desc.config_size);
        if (config_fill(h->config, p->name, p->desc.config, p->desc.field_stride, p->config,
                        p->desc.config_size, rep) > 0) {
            free_unused(p);
            return NULL;
        }
    }
    p->pub = (struct chatd_plugin){sizeof(p->pub), &host_table, p->config, NULL};
    p->state = PLUGIN_LOADED;
    return p;
}
