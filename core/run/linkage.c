/* SPDX-License-Identifier: MIT */
/* How a shared object is linked: its table of dynamic symbols (System V gABI, chapter 5). */
#include "run/linkage.h"

#include "base/mem.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

struct object {
    void *handle;
    ElfW(Addr) base;
    const ElfW(Sym) * symbol;
    size_t n;
    const char *names;
    void (*fault)(void *arg, const char *text);
    void *arg;
};

/* Takes the sentence. */
static void tell(const struct object *o, char *text)
{
    o->fault(o->arg, text);
    mem_free(text);
}

/* The number of symbols stands nowhere but in the hash tables. In that of GNU the chains of the last
 * bucket end with the last symbol. */
static size_t count_gnu(const uint32_t *table)
{
    uint32_t n_buckets = table[0], first = table[1], bloom_words = table[2], last = 0;
    const uint32_t *bucket = table + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t *chain = bucket + n_buckets;

    for (uint32_t i = 0; i < n_buckets; i++) {
        if (bucket[i] > last)
            last = bucket[i];
    }
    if (last < first)
        return first;
    while ((chain[last - first] & 1) == 0)
        last++;
    return last + 1;
}

/* glibc has added the base, but where the dynamic section may not be written (-z rodynamic); musl never does. */
static const void *address_of(const struct object *o, const ElfW(Dyn) * d)
{
    ElfW(Addr) p = d->d_un.d_ptr;

    return (const void *)(p < o->base ? o->base + p : p);
}

static bool open_object(struct object *o)
{
    struct link_map *map;

    if (dlinfo(o->handle, RTLD_DI_LINKMAP, &map) != 0)
        return false;
    o->base = map->l_addr;
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            o->symbol = address_of(o, d);
        else if (d->d_tag == DT_STRTAB)
            o->names = address_of(o, d);
        else if (d->d_tag == DT_GNU_HASH)
            o->n = count_gnu(address_of(o, d));
        else if (d->d_tag == DT_HASH && o->n == 0)
            o->n = ((const uint32_t *)address_of(o, d))[1];
    }
    return o->symbol != NULL && o->names != NULL;
}

static const char *file_of(const void *address)
{
    Dl_info info;
    const char *slash;

    if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
        return "this program";
    slash = strrchr(info.dli_fname, '/');
    return slash != NULL ? slash + 1 : info.dli_fname;
}

/* dlsym() with a handle looks in the object and its own libraries, not in the program's. */
static void check_used(const struct object *o, const ElfW(Sym) * symbol, const char *name)
{
    const void *found;

    if (ELF64_ST_BIND(symbol->st_info) == STB_WEAK || dlsym(o->handle, name) != NULL)
        return;
    found = dlsym(RTLD_DEFAULT, name);
    tell(o, mem_printf(
                "uses %s, which it is not linked with: it is there only because %s happens to be "
                "loaded; link its library (-Wl,-z,defs finds this when it is built)",
                name, file_of(found)));
}

/* What nobody wrote: names of versions, marks of the linker (gold exports them), and the templates of C++'s own
 * library, which has them visible whatever -fvisibility says. */
static bool is_made(const ElfW(Sym) * symbol, const char *name)
{
    static const char *const marks[] = {"_init", "_fini", "_etext", "_edata", "_end"};
    unsigned bind = ELF64_ST_BIND(symbol->st_info);

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strcmp(name, marks[i]) == 0)
            return true;
    }
    return symbol->st_shndx == SHN_ABS ||
           ((bind == STB_WEAK || bind == STB_GNU_UNIQUE) && strncmp(name, "_Z", 2) == 0);
}

static void check_exported(const struct object *o, const ElfW(Sym) * symbol, const char *name)
{
    const void *own = (const void *)(o->base + symbol->st_value), *other;

    if (strcmp(name, "chatd_plugin_v1") == 0 || is_made(symbol, name))
        return;
    other = dlsym(RTLD_DEFAULT, name);
    if (other != NULL && other != own)
        tell(o,
             mem_printf("exports %s, and %s has that name too: its own calls go there; build with "
                        "-fvisibility=hidden",
                        name, file_of(other)));
    else
        tell(o, mem_printf("exports %s: only chatd_plugin_v1 is asked for; build with "
                           "-fvisibility=hidden, or make it static",
                           name));
}

void linkage_check(void *handle, void (*fault)(void *arg, const char *text), void *arg)
{
    struct object o = {.handle = handle, .fault = fault, .arg = arg};

    if (!open_object(&o)) {
        fault(arg, "its dynamic symbols cannot be read");
        return;
    }
    for (size_t i = 1; i < o.n; i++) {
        const ElfW(Sym) *symbol = &o.symbol[i];
        const char *name = o.names + symbol->st_name;
        unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);

        /* Two underscores are the compiler's and its sanitizers'. */
        if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL || strncmp(name, "__", 2) == 0)
            continue;
        if (symbol->st_shndx == SHN_UNDEF)
            check_used(&o, symbol, name);
        else if (visibility == STV_DEFAULT)
            check_exported(&o, symbol, name);
    }
}
