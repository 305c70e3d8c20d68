/* SPDX-License-Identifier: MIT */
/* chatd plugin new: copies the SDK's template, with the plugin's name where it has none. */
#include "run/plugin.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "host/desc.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE_DIR "share/chatd/sdk/template"

/* What stands in a template for the name, and for the name as C has it: dashes as underscores. */
static const char name_mark[] = "@name@", c_name_mark[] = "@c_name@";

struct copy {
    const char *from, *to; /* folders */
    const char *name;
    char *c_name;
};

static int cannot(const char *what, const char *path)
{
    fprintf(stderr, "chatd plugin new: cannot %s %s: %s\n", what, path, strerror(errno));
    return 1;
}

static char *c_name_of(const char *name)
{
    char *copy = mem_strdup(name);

    for (char *p = copy; *p != '\0'; p++) {
        if (*p == '-')
            *p = '_';
    }
    return copy;
}

static void fill_in(const struct copy *copy, const char *text, struct buf *out)
{
    while (*text != '\0') {
        const char *at = strchr(text, '@');

        if (at == NULL)
            at = text + strlen(text);
        buf_add(out, text, (size_t)(at - text));
        text = at;
        if (strncmp(text, name_mark, strlen(name_mark)) == 0) {
            buf_puts(out, copy->name);
            text += strlen(name_mark);
        } else if (strncmp(text, c_name_mark, strlen(c_name_mark)) == 0) {
            buf_puts(out, copy->c_name);
            text += strlen(c_name_mark);
        } else if (*text != '\0') {
            buf_add(out, text++, 1);
        }
    }
}

static int read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char bytes[4096];
    size_t n;

    if (f == NULL)
        return cannot("read", path);
    while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
        buf_add(out, bytes, n);
    if (ferror(f)) {
        int rc = cannot("read", path);

        fclose(f);
        return rc;
    }
    fclose(f);
    return 0;
}

static int write_file(const char *path, const struct buf *text)
{
    FILE *f = fopen(path, "wxe");

    if (f == NULL)
        return cannot("write", path);
    fwrite(text->p, 1, text->n, f);
    if (ferror(f) | (fclose(f) != 0))
        return cannot("write", path);
    printf("%s\n", path);
    return 0;
}

/* The file's own name may have marks as well. */
static int copy_file(const struct copy *copy, const char *file)
{
    char *from = mem_printf("%s/%s", copy->from, file), *to;
    struct buf text = {0}, filled = {0}, name = {0};
    int rc = read_file(from, &text);

    fill_in(copy, file, &name);
    to = mem_printf("%s/%s", copy->to, name.p);
    if (rc == 0 && text.n > 0)
        fill_in(copy, text.p, &filled);
    if (rc == 0)
        rc = write_file(to, &filled);
    buf_deinit(&text);
    buf_deinit(&filled);
    buf_deinit(&name);
    mem_free(from);
    mem_free(to);
    return rc;
}

static int copy_all(const struct copy *copy)
{
    DIR *d = opendir(copy->from);
    const struct dirent *e;
    int rc = 0;

    if (d == NULL) {
        fprintf(
            stderr,
            "chatd plugin new: %s is not there: the SDK is not installed (package chatd-sdk, or "
            "cmake --install DIR --component sdk)\n",
            copy->from);
        return 1;
    }
    if (mkdir(copy->to, 0777) < 0)
        rc = cannot("make the folder", copy->to);
    while (rc == 0 && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = copy_file(copy, e->d_name);
    }
    closedir(d);
    return rc;
}

/* Sections of chatd's own, plugins that its INI names beside the new one, and targets of CMake. */
static bool is_taken(const char *name)
{
    static const char *const taken[] = {
        "chatd", "core",   "plugins", "services", "hooks",          "auth",
        "rooms", "typing", "static",  "all",      "history-sqlite", "history-redis",
        "clean", "help",   "install", "package",  "preinstall",     "test",
    };

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (strcmp(name, taken[i]) == 0)
            return true;
    }
    return false;
}

/* The sentence that says why not, from mem_alloc(), or NULL. */
static char *check_name(const char *name)
{
    char *why;

    if (is_taken(name))
        return mem_printf("\"%s\" is a name of chatd's or of CMake's own", name);
    why = desc_check_name(name);
    if (why == NULL && name[0] >= 'a' && name[0] <= 'z')
        return NULL;
    mem_free(why);
    return mem_printf(
        "\"%s\" is no name for a plugin: write a-z, 0-9 and dash, a letter first, at most "
        "32 bytes",
        name);
}

int plugin_new(const char *name, const char *dir)
{
    char *from = prefix_path(TEMPLATE_DIR), *to = mem_printf("%s/%s", dir, name);
    struct copy copy = {.from = from,
                        .to = strcmp(dir, ".") == 0 ? name : to,
                        .name = name,
                        .c_name = c_name_of(name)};
    char *why = check_name(name);
    int rc;

    if (why != NULL) {
        fprintf(stderr, "chatd plugin new: %s\n", why);
        rc = 2;
    } else if (dir[0] == '\0') {
        fprintf(stderr, "chatd plugin new: DIR is empty\n");
        rc = 2;
    } else {
        rc = copy_all(&copy);
    }
    if (rc == 0)
        printf("\nIts README.md says how to build, test and run it:\n"
               "  cd '%s' && cmake -B build && cmake --build build && ctest --test-dir build\n",
               copy.to);
    mem_free(why);
    mem_free(copy.c_name);
    mem_free(from);
    mem_free(to);
    return rc;
}
