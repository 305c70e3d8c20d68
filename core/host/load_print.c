/* SPDX-License-Identifier: MIT */
/* chatd plugin list: what is loaded, from where, and what it offers and needs. */
#include "base/mem.h"
#include "host/load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_loaded(const struct host *h, const struct plugin *p)
{
    printf("%3u  %-16s %-9s ABI %u.%u  %s%s\n", p->order, p->name, p->desc.version,
           p->desc.abi_major, p->desc.abi_minor, p->path, p->optional ? "  (optional)" : "");
    for (size_t i = 0; i < h->n_offers; i++) {
        if (h->offer[i].provider == p)
            printf("     offers %s %u.%u%s\n", h->offer[i].def.name, h->offer[i].def.major,
                   h->offer[i].def.minor,
                   service_picked(h, h->offer[i].def.name) == &h->offer[i]
                       ? ""
                       : " (another is picked)");
    }
    for (size_t i = 0; i < p->n_needs; i++) {
        const struct chatd_service *service = &p->service[i];

        printf("     needs  %s %u.%u", p->needs[i].service, p->needs[i].major, p->needs[i].minor);
        if (service->provider != NULL)
            printf(", from %s\n", service->provider_name);
        else
            printf("%s\n", p->needs[i].flags & CHATD_NEED_OPTIONAL ? ", optional: nobody offers it"
                                                                   : ": nobody offers it");
    }
}

static bool is_loaded(const struct host *h, const char *name)
{
    for (size_t i = 0; i < h->n_plugins; i++) {
        if (strcmp(h->plugin[i]->name, name) == 0)
            return true;
    }
    return false;
}

static int is_object(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

/* Those that lie ready, but that the configuration turns off or does not name. */
static void print_folder(const struct host *h, const char *dir)
{
    struct dirent **entry;
    int n = scandir(dir, &entry, is_object, alphasort);

    for (int i = 0; i < n; i++) {
        char *name = mem_strndup(entry[i]->d_name, strlen(entry[i]->d_name) - 3);

        if (!is_loaded(h, name))
            printf("  -  %-16s off                 %s/%s\n", name, dir, entry[i]->d_name);
        mem_free(name);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
}

void load_print(const struct host *h, const char *plugin_dir)
{
    for (size_t i = 0; i < h->n_plugins; i++)
        print_loaded(h, h->plugin[i]);
    print_folder(h, plugin_dir);
}
