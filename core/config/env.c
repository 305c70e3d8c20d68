/* SPDX-License-Identifier: MIT */
/* The variables of the environment: copied once, and how sections and keys are spelled in the names
 * of the CHATD_* ones. */
#include "config/impl.h"

#include "base/mem.h"

#include <string.h>

static const char prefix[] = "CHATD_";

void config_env_load(struct config *c, char *const *environ)
{
    for (; *environ != NULL; environ++) {
        const char *equals = strchr(*environ, '=');
        bool is_ours = strncmp(*environ, prefix, sizeof(prefix) - 1) == 0;
        if (equals == NULL)
            continue;
        char *name = config_keep_text(c, mem_strndup(*environ, (size_t)(equals - *environ)));
        if (config_env_find(c, name) != NULL)
            continue; /* as with getenv(), the first of two counts */
        c->var = mem_grow(c->var, c->vars, sizeof(*c->var));
        c->var[c->vars++] = (struct config_var){
            .name = name,
            .value = config_keep_text(c, mem_strdup(equals + 1)),
            .origin = config_keep_text(c, mem_printf("environment %s", name)),
            .known = !is_ours || strcmp(name, "CHATD_CONFIG") == 0,
        };
    }
}

struct config_var *config_env_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->vars; i++) {
        if (strcmp(c->var[i].name, name) == 0)
            return &c->var[i];
    }
    return NULL;
}

char *config_env_name(const char *section, const char *key)
{
    bool is_core = strcmp(section, "chatd") == 0;
    char *name =
        is_core ? mem_printf("%s%s", prefix, key) : mem_printf("%s%s_%s", prefix, section, key);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '-' || *c == '.')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    return name;
}

const char *config_env_open(const char *name, char **key_out)
{
    static const struct {
        const char *section;
        const char *start;
        char separator; /* what '_' in the variable is in a key */
    } open[] = {
        {"plugins", "CHATD_PLUGINS_", '-'},
        {"services", "CHATD_SERVICES_", '.'},
        {"hooks", "CHATD_HOOKS_", '_'},
    };
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        size_t n = strlen(open[i].start);
        if (strncmp(name, open[i].start, n) != 0 || name[n] == '\0')
            continue;
        if (name[n + strspn(name + n, word)] != '\0')
            continue; /* `env` can set such names, no shell can */
        *key_out = mem_strdup(name + n);
        for (char *c = *key_out; *c != '\0'; c++) {
            if (*c == '_')
                *c = open[i].separator;
            else if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        }
        return open[i].section;
    }
    return NULL;
}
