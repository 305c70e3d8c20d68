/* SPDX-License-Identifier: MIT */
/* chatd plugin check: a file by itself, without a configuration. */
#include "run/plugin.h"

#include "base/mem.h"
#include "config/config.h"
#include "config/value.h"
#include "host/desc.h"
#include "run/linkage.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit codes of the child: those that a constructor of the plugin may end it with are others. */
enum { CHECKED_GOOD = 70, CHECKED_BAD = 71 };

enum { LOAD_S = 10 };

struct checked {
    const char *path;
    unsigned errors;
};

static void fault(void *arg, const char *text)
{
    struct checked *checked = arg;

    fflush(stdout);
    fprintf(stderr, "error: %s: %s\n", checked->path, text);
    checked->errors++;
}

/* Takes the sentence. */
static bool complain(struct checked *checked, char *why)
{
    if (why == NULL)
        return false;
    fflush(stdout);
    fprintf(stderr, "error: %s\n", why);
    checked->errors++;
    mem_free(why);
    return true;
}

/* --- what it says of itself ----------------------------------------------------------------------- */

static const void *row_at(const void *rows, size_t stride, size_t i)
{
    return (const char *)rows + i * stride;
}

static void print_options(const struct chatd_plugin_desc *desc)
{
    const struct chatd_cfg_field *row;

    for (size_t i = 0;
         desc->config != NULL && (row = row_at(desc->config, desc->field_stride, i))->key != NULL;
         i++) {
        printf("  option   %s: %s%s%s", row->key, config_value_type_name(row->type),
               row->flags & CHATD_CFG_REQUIRED ? ", required" : "",
               row->flags & CHATD_CFG_RELOADABLE ? ", reloadable" : "");
        if (row->def != NULL)
            printf(", default %s", row->def[0] != '\0' ? row->def : "empty");
        printf("%s%s\n", row->help != NULL ? "; " : "", row->help != NULL ? row->help : "");
    }
}

static void print_needs(const struct chatd_plugin_desc *desc)
{
    const struct chatd_need *need;

    for (size_t i = 0;
         desc->needs != NULL && (need = row_at(desc->needs, desc->need_stride, i))->service != NULL;
         i++)
        printf("  needs    %s %u.%u%s%s\n", need->service, need->major, need->minor,
               need->flags & CHATD_NEED_OPTIONAL ? ", optional" : "",
               need->flags & CHATD_NEED_LATER ? ", later" : "");
}

static void print_desc(const struct checked *checked, const struct chatd_plugin_desc *desc)
{
    printf("%s: %s %s (%s)\n", checked->path, desc->name, desc->version,
           desc->license != NULL ? desc->license : "no license");
    printf("  ABI      %u.%u, needs at least %u.%u; chatd has %d.%d\n", desc->abi_major,
           desc->abi_minor, desc->abi_major, desc->abi_min_minor, CHATD_ABI_MAJOR, CHATD_ABI_MINOR);
    print_options(desc);
    print_needs(desc);
}

/* --- what is wrong with it ------------------------------------------------------------------------ */

/* Values are not asked for here: of what config_fill() finds only the table's own faults count. */
static void table_line(void *arg, int severity, const char *text)
{
    (void)severity;
    if (strncmp(text, "option table: ", 14) == 0)
        fault(arg, text);
}

static void check_options(struct checked *checked, const struct chatd_plugin_desc *desc)
{
    char *const no_environment[] = {NULL};
    struct config_report rep = {.line = table_line, .arg = checked};
    struct config *config = config_load(NULL, no_environment, &rep);
    void *values = mem_alloc(desc->config_size);

    config_fill(config, desc->name, desc->config, desc->field_stride, values, desc->config_size,
                &rep);
    config_free(config);
    mem_free(values);
}

static void check_loaded(struct checked *checked, void *handle)
{
    struct chatd_plugin_desc desc;
    const void *symbol = dlsym(handle, "chatd_plugin_v1");

    linkage_check(handle, fault, checked);
    if (symbol == NULL) {
        fault(checked,
              "has no symbol chatd_plugin_v1: write CHATD_PLUGIN(...) in one of its files, and "
              "link that file");
        return;
    }
    if (complain(checked, desc_read(checked->path, symbol, &desc)))
        return;
    if (complain(checked, desc_check_name(desc.name)))
        return;
    print_desc(checked, &desc);
    if (desc.config != NULL)
        check_options(checked, &desc);
}

static unsigned check_file(const char *path)
{
    struct checked checked = {.path = path};
    /* Without a slash dlopen() would look for it in the system's folders. */
    char *full = strchr(path, '/') != NULL ? mem_strdup(path) : mem_printf("./%s", path);
    void *handle;

    if (!complain(&checked, desc_check_file(full))) {
        handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);
        if (handle != NULL)
            check_loaded(&checked, handle);
        else
            complain(&checked, mem_strdup(dlerror()));
    }
    if (checked.errors == 0)
        printf("  ok\n");
    mem_free(full);
    return checked.errors;
}

/* Its constructors are foreign code: they run in a child. */
int plugin_check(const char *path)
{
    pid_t pid;
    int status;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        alarm(LOAD_S);
        unsigned errors = check_file(path);

        fflush(NULL);
        _exit(errors > 0 ? CHECKED_BAD : CHECKED_GOOD);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        perror("chatd plugin check");
        return 1;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        fprintf(stderr, "error: %s: did not come back from loading within %d s\n", path, LOAD_S);
        return 1;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "error: %s: crashed when it was loaded, with signal %d (%s)\n", path,
                WTERMSIG(status), strsignal(WTERMSIG(status)));
        return 1;
    }
    if (WEXITSTATUS(status) != CHECKED_GOOD && WEXITSTATUS(status) != CHECKED_BAD) {
        fprintf(stderr, "error: %s: ended the program when it was loaded, with code %d\n", path,
                WEXITSTATUS(status));
        return 1;
    }
    return WEXITSTATUS(status) != CHECKED_GOOD;
}
