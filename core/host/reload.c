/* SPDX-License-Identifier: MIT */
/* A new configuration for running plugins: what may change does, the rest is named in the log. */
#include "host/load.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/work.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_list(const char *const *a, const char *const *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return *a == NULL && *b == NULL;
}

static size_t width(const struct chatd_cfg_field *row)
{
    switch (row->type) {
    case CHATD_CFG_BOOL:
    case CHATD_CFG_ENUM:
        return sizeof(int32_t);
    case CHATD_CFG_INT:
    case CHATD_CFG_SIZE:
    case CHATD_CFG_DURATION:
        return sizeof(int64_t);
    default:
        return sizeof(void *);
    }
}

static bool same(const struct chatd_cfg_field *row, const void *old, const void *fresh)
{
    const char *a = (const char *)old + row->offset, *b = (const char *)fresh + row->offset;

    switch (row->type) {
    case CHATD_CFG_STR:
    case CHATD_CFG_PATH:
    case CHATD_CFG_SECRET:
        return same_text(*(const char *const *)(const void *)a,
                         *(const char *const *)(const void *)b);
    case CHATD_CFG_LIST:
        return same_list(*(const char *const *const *)(const void *)a,
                         *(const char *const *const *)(const void *)b);
    default:
        return memcmp(a, b, width(row)) == 0;
    }
}

/* What the master holds from its start on. */
static bool is_masters(const char *section, const char *key)
{
    static const char *const keys[] = {"listen", "user", "runtime_dir"};
    size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(section, "chatd") == 0 && strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

unsigned reload_options(const char *section, const struct chatd_cfg_field *rows, size_t stride,
                        const void *old, void *fresh, bool may_change,
                        const struct reload_voice *voice)
{
    const char *p = (const char *)rows;
    unsigned changed = 0;

    for (;; p += stride) {
        const struct chatd_cfg_field *row = (const void *)p;

        if (row->key == NULL)
            return changed;
        if (same(row, old, fresh))
            continue;
        if (may_change && (row->flags & CHATD_CFG_RELOADABLE)) {
            if (!voice->is_quiet)
                log_info("reload: [%s] %s is new", section, row->key);
            changed++;
            continue;
        }
        if (!voice->is_quiet)
            log_warn("reload: [%s] %s needs a %s", section, row->key,
                     voice->can_roll && !is_masters(section, row->key) ? "roll" : "restart");
        memcpy((char *)fresh + row->offset, (const char *)old + row->offset, width(row));
    }
}

static void reload_one(struct plugin *p, void *fresh, const struct reload_voice *voice)
{
    unsigned changed = reload_options(p->name, p->desc.config, p->desc.field_stride, p->config,
                                      fresh, p->desc.reload != NULL, voice);
    int rc = CHATD_OK;

    if (changed > 0) {
        struct work_before before = work_enter(p, WORK_RELOAD, 0);

        /* Without one nothing counts as changed: reload_options(). */
        rc = p->desc.reload(&p->pub, fresh); /* NOLINT(clang-analyzer-core.CallAndMessage) */
        work_leave(p->host, before);
    }
    if (changed == 0 || rc != CHATD_OK) {
        if (rc != CHATD_OK)
            log_error("reload: %s refused its new options (%d) and keeps the old ones", p->name,
                      rc);
        mem_free(fresh);
        return;
    }
    mem_free(p->config);
    p->config = fresh;
    p->pub.config = fresh;
}

/* All are read before the first is applied: a file with a mistake changes nothing. */
static void **read_all(struct host *h, struct config *config, struct config_report *rep)
{
    void **fresh = mem_alloc((h->n_plugins + 1) * sizeof(void *));
    struct config_item item[64];
    size_t n = config_items(config, "plugins", item, 64), i;

    for (i = 0; i < h->n_plugins; i++) {
        const struct chatd_plugin_desc *d = &h->plugin[i]->desc;

        if (d->config == NULL)
            continue;
        fresh[i] = mem_alloc(d->config_size);
        config_fill(config, h->plugin[i]->name, d->config, d->field_stride, fresh[i],
                    d->config_size, rep);
    }
    /* Sections of plugins that are not loaded are somebody's, for the next start. */
    for (i = 0; i < n && i < 64; i++)
        config_section_ignore(config, item[i].key);
    config_report_unknown(config, rep);
    return fresh;
}

static void tell_open_section(const struct config *old, const struct config *fresh,
                              const char *section, const struct reload_voice *voice)
{
    struct config_item a[64], b[64];
    size_t n = config_items(old, section, a, 64), m = config_items(fresh, section, b, 64), i;
    bool differs = n != m;

    for (i = 0; !differs && i < n && i < 64; i++)
        differs = !same_text(a[i].key, b[i].key) || !same_text(a[i].value, b[i].value);
    if (differs && !voice->is_quiet)
        log_warn("reload: [%s] has changed and needs a %s", section,
                 voice->can_roll ? "roll" : "restart");
}

int life_reload(struct host *h, struct config *fresh_config, struct config_report *rep,
                const struct reload_voice *voice)
{
    void **fresh = read_all(h, fresh_config, rep);
    bool good = rep->errors == 0;
    size_t i;

    for (i = 0; i < h->n_plugins; i++) {
        if (fresh[i] == NULL)
            continue;
        if (good)
            reload_one(h->plugin[i], fresh[i], voice);
        else
            mem_free(fresh[i]);
    }
    if (good) {
        tell_open_section(h->config, fresh_config, "plugins", voice);
        tell_open_section(h->config, fresh_config, "services", voice);
        tell_open_section(h->config, fresh_config, "hooks", voice);
    }
    mem_free(fresh);
    return good ? 0 : -1;
}
