/* SPDX-License-Identifier: MIT */
/* Loads INI and environment and owns what the other files of the config put into it. */
#include "config/config.h"

#include "base/mem.h"
#include "config/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *config_keep(struct config *c, void *p, size_t n)
{
    c->block = mem_grow(c->block, c->blocks, sizeof(*c->block));
    c->block[c->blocks++] = (struct config_block){.p = p, .n = n};
    return p;
}

char *config_keep_text(struct config *c, char *text)
{
    return config_keep(c, text, strlen(text));
}

void config_problem(struct config_report *rep, int severity, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = mem_vprintf(fmt, args);
    va_end(args);
    rep->errors += severity == CONFIG_ERROR;
    rep->warnings += severity == CONFIG_WARNING;
    if (rep->line != NULL)
        rep->line(rep->arg, severity, text);
    mem_free(text);
}

static void ini_problem(void *arg, const char *text)
{
    config_problem(arg, CONFIG_ERROR, "%s", text);
}

/* The absolute path of a folder. One that cannot be resolved stays as it is: whoever opens a file
 * there says why it is not to be had. */
static char *absolute(const char *folder)
{
    char *path = realpath(folder, NULL);
    char *copy = mem_strdup(path != NULL ? path : folder);
    free(path);
    return copy;
}

static char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return absolute(".");
    char *folder = mem_strndup(file, slash == file ? 1 : (size_t)(slash - file));
    char *path = absolute(folder);
    mem_free(folder);
    return path;
}

static struct config *config_new(const char *file)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->folder = absolute(".");
    if (file != NULL) {
        c->file = mem_strdup(file);
        c->ini_folder = folder_of(file);
    }
    return c;
}

static void load_rest(struct config *c, char *const *vars)
{
    if (vars != NULL)
        config_env_load(c, vars);
    config_open_load(c);
}

struct config *config_load(const char *file, char *const *vars, struct config_report *rep)
{
    struct config *c = config_new(file);
    if (file != NULL)
        ini_read(file, &c->ini, ini_problem, rep);
    load_rest(c, vars);
    return c;
}

/* The whole of a file, from mem_alloc(); NULL: it cannot be read, or is larger than an INI may be. */
static uint8_t *read_all(int fd, size_t *n_out)
{
    uint8_t *data = mem_alloc(INI_FILE_BYTES + 1);
    size_t n = 0;
    ssize_t got;
    while (n <= INI_FILE_BYTES &&
           (got = pread(fd, data + n, INI_FILE_BYTES + 1 - n, (off_t)n)) != 0) {
        if (got < 0 && errno != EINTR) {
            n = INI_FILE_BYTES + 1;
            break;
        }
        n += got > 0 ? (size_t)got : 0;
    }
    *n_out = n;
    if (n <= INI_FILE_BYTES)
        return data;
    mem_wipe(data, INI_FILE_BYTES + 1);
    mem_free(data);
    return NULL;
}

struct config *config_load_copy(const char *file, int fd, char *const *vars,
                                struct config_report *rep)
{
    struct config *c = config_new(file);
    size_t n;
    uint8_t *data = read_all(fd, &n);
    if (data != NULL) {
        ini_read_mem(file, data, n, &c->ini, ini_problem, rep);
        mem_wipe(data, n);
        mem_free(data);
    } else {
        config_problem(rep, CONFIG_ERROR, "the copy of %s cannot be read", file);
    }
    load_rest(c, vars);
    return c;
}

int config_copy(const char *file)
{
    int from = open(file, O_RDONLY | O_CLOEXEC);
    uint8_t *data = NULL;
    int fd = -1;
    size_t n;
    if (from < 0)
        return -1;
    data = read_all(from, &n);
    close(from);
    if (data == NULL)
        return -1;
    fd = memfd_create("chatd-config", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, data, n) != (ssize_t)n) {
        close(fd);
        fd = -1;
    }
    mem_wipe(data, n);
    mem_free(data);
    return fd;
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->sections; i++) {
        mem_free(c->section[i]->option);
        mem_free(c->section[i]->item);
        mem_free(c->section[i]);
    }
    for (size_t i = 0; i < c->blocks; i++) {
        mem_wipe(c->block[i].p, c->block[i].n);
        mem_free(c->block[i].p);
    }
    mem_free(c->section);
    mem_free(c->preset);
    mem_free(c->var);
    mem_free(c->block);
    ini_free(c->ini);
    mem_free(c->ini_folder);
    mem_free(c->folder);
    mem_free(c->file);
    mem_free(c);
}

const char *config_file(const struct config *c)
{
    return c->file;
}

struct config_section *config_section_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->sections; i++) {
        if (strcmp(c->section[i]->name, name) == 0)
            return c->section[i];
    }
    return NULL;
}

struct config_section *config_section_add(struct config *c, const char *name,
                                          enum config_section_kind kind)
{
    struct config_section *s = config_section_find(c, name);
    if (s == NULL) {
        s = mem_alloc(sizeof(*s));
        s->name = config_keep_text(c, mem_strdup(name));
        c->section = mem_grow(c->section, c->sections, sizeof(struct config_section *));
        c->section[c->sections++] = s;
    }
    mem_free(s->option);
    s->option = NULL;
    s->options = 0;
    s->kind = kind;
    return s;
}

const char *config_ini_origin(struct config *c, unsigned line)
{
    return config_keep_text(c, mem_printf("%s:%u", c->file, line));
}

void config_set_default(struct config *c, const char *section, const char *key, const char *value)
{
    if (config_open_default(c, section, key, value))
        return;
    c->preset = mem_grow(c->preset, c->presets, sizeof(*c->preset));
    c->preset[c->presets++] = (struct config_preset){
        .section = config_keep_text(c, mem_strdup(section)),
        .key = config_keep_text(c, mem_strdup(key)),
        .value = config_keep_text(c, mem_strdup(value)),
    };
}

void config_section_ignore(struct config *c, const char *section)
{
    if (config_section_find(c, section) == NULL)
        config_section_add(c, section, CONFIG_IGNORED);
}
