/* SPDX-License-Identifier: MIT */
/* The life of the loaded plugins: init, start, drain, stop, and unwinding by owner. */
#include "host/load.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/work.h"

#include <string.h>

enum { PLUGINS_MAX = 64 };

/* Everything a plugin registered, whoever holds it. */
static void unwind(struct host *h, struct plugin *p)
{
    hook_remove(h, p);
    wait_remove(h, p);
    task_remove(h, p);
    service_remove(h, p);
    request_remove(h, p);
    verb_remove(h, p);
    hello_remove(h, p);
}

/* Waits in flight are let go; a stopped plugin keeps its claims and slots until the connections that
 * use them are gone, which is before stop. */
static void unwind_all(struct host *h, struct plugin *p)
{
    unwind(h, p);
    drain_remove_all(h, p);
    channel_names_remove(h, p);
    claim_remove(h, p);
    bus_remove(h, p);
}

static void drop(struct host *h, struct plugin *p)
{
    size_t i;

    unwind_all(h, p);
    metric_remove(h, p);
    seat_plugin_state(h->seat, (int)p->row - 1, CHATD_READY, "");
    for (i = 0; i < h->n_plugins; i++) {
        if (h->plugin[i] == p) {
            memmove(&h->plugin[i], &h->plugin[i + 1],
                    (h->n_plugins - i - 1) * sizeof(struct plugin *));
            h->n_plugins--;
            break;
        }
    }
    p->state = PLUGIN_FAILED;
    /* Its memory stays: slots and metrics may name it, and code of it is still mapped. */
    p->next_dropped = h->dropped;
    h->dropped = p;
}

/* init, start. */
static int call_int(struct plugin *p, enum work_kind kind, int (*fn)(chatd_plugin *self))
{
    struct work_before before = work_enter(p, kind, 0);
    int rc = fn(&p->pub);

    work_leave(p->host, before);
    return rc;
}

/* drain, cancel, stop. */
static void call_void(struct plugin *p, enum work_kind kind, void (*fn)(chatd_plugin *self))
{
    struct work_before before = work_enter(p, kind, 0);

    fn(&p->pub);
    work_leave(p->host, before);
}

/* The same for one whose init returned CHATD_OK, which is owed a stop. */
static void stop_and_drop(struct host *h, struct plugin *p)
{
    unwind(h, p);
    job_cancel(h, p);
    p->state = PLUGIN_STOPPED;
    if (p->desc.stop != NULL)
        call_void(p, WORK_STOP, p->desc.stop);
    drop(h, p);
}

static void report(struct config_report *rep, int severity, char *text)
{
    rep->line(rep->arg, severity, text);
    if (severity == CONFIG_ERROR)
        rep->errors++;
    else
        rep->warnings++;
    mem_free(text);
}

static void init_one(struct host *h, struct plugin *p, struct config_report *rep)
{
    int severity = p->optional ? CONFIG_WARNING : CONFIG_ERROR;
    const char *goes_on = p->optional ? "; it is optional, chatd goes on without it" : "";
    int rc;

    p->state = PLUGIN_INIT;
    rc = call_int(p, WORK_INIT, p->desc.init);
    if (rc != CHATD_OK) {
        report(rep, severity, mem_printf("plugin %s failed in init (%d)%s", p->name, rc, goes_on));
        drop(h, p);
    } else if (p->refused > 0) {
        report(rep, severity,
               mem_printf("plugin %s is incomplete: refused registrations in its init: %u, named "
                          "above%s",
                          p->name, p->refused, goes_on));
        stop_and_drop(h, p);
    } else {
        p->state = PLUGIN_READY;
    }
}

/* The value of a line in [plugins]: -1 off, 0 on or a path, 1 optional. */
static int mode_of(const char *value)
{
    if (strcmp(value, "off") == 0 || strcmp(value, "no") == 0 || strcmp(value, "false") == 0)
        return -1;
    return strcmp(value, "optional") == 0 ? 1 : 0;
}

static bool value_ok(const char *value)
{
    return strcmp(value, "on") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 ||
           strchr(value, '/') != NULL || mode_of(value) != 0;
}

/* The master found that it crashes again and again. */
static bool is_left_out(const struct host *h, const char *name)
{
    const char *p = h->opt.left_out, *at;
    size_t n = strlen(name);

    for (; p != NULL && (at = strstr(p, name)) != NULL; p = at + n) {
        if ((at == h->opt.left_out || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    }
    return false;
}

static void load_one(struct host *h, const struct config_item *item, const char *dir,
                     struct config_report *rep)
{
    int mode = mode_of(item->value);
    struct config_report quiet = *rep;
    struct plugin *p;

    if (!value_ok(item->value)) {
        report(rep, CONFIG_ERROR,
               mem_printf("%s: [plugins] %s = %s: write on, off, optional, or the path of a .so",
                          item->origin, item->key, item->value));
        return;
    }
    if (mode < 0 || is_left_out(h, item->key)) {
        config_section_ignore(h->config, item->key);
        return;
    }
    p = plugin_load(h, item->key, item->value, dir, item->origin, &quiet);
    if (p == NULL) {
        config_section_ignore(h->config, item->key);
        if (mode == 1)
            report(rep, CONFIG_WARNING,
                   mem_printf("plugin %s is optional: chatd goes on without it", item->key));
        else
            rep->errors = quiet.errors;
        return;
    }
    p->optional = mode == 1;
    h->plugin[h->n_plugins++] = p;
}

/* One that goes may take with it what another needs. */
static void drop_lacking(struct host *h, struct config_report *rep)
{
    struct plugin *p;
    char *why;

    while ((p = service_lacking(h, &why)) != NULL) {
        report(rep, CONFIG_WARNING,
               mem_printf("%s; it is optional, chatd goes on without it", why));
        mem_free(why);
        stop_and_drop(h, p);
    }
}

unsigned life_prepare(struct host *h, const char *plugin_dir, struct config_report *rep)
{
    struct config_item item[PLUGINS_MAX];
    size_t n = config_items(h->config, "plugins", item, PLUGINS_MAX), i;
    unsigned before = rep->errors;

    h->plugin = mem_alloc((PLUGINS_MAX + 1) * sizeof(struct plugin *));
    for (i = 0; i < n && i < PLUGINS_MAX; i++)
        load_one(h, &item[i], plugin_dir, rep);
    for (i = 0; i < h->n_plugins;) {
        struct plugin *p = h->plugin[i];

        init_one(h, p, rep);
        i += p->state == PLUGIN_READY;
    }
    drop_lacking(h, rep);
    service_resolve(h, rep);
    rep->errors += hook_freeze(h);
    config_report_unknown(h->config, rep);
    return rep->errors - before;
}

/* Nobody may call a provider that is not there any more. */
static void orphan(struct host *h, const struct plugin *gone)
{
    size_t i, k;

    for (i = 0; i < h->n_plugins; i++) {
        for (k = 0; k < h->plugin[i]->n_needs; k++) {
            if (h->plugin[i]->service[k].provider == &gone->pub)
                h->plugin[i]->service[k].provider = NULL;
        }
    }
}

static int start_one(struct plugin *p)
{
    size_t k;

    for (k = 0; k < p->n_needs; k++) {
        if (p->service[k].provider == NULL && !(p->needs[k].flags & CHATD_NEED_OPTIONAL)) {
            log_error("plugin %s needs the service %s, whose provider is not there", p->name,
                      p->needs[k].service);
            return CHATD_E_NOTFOUND;
        }
    }
    return p->desc.start != NULL ? call_int(p, WORK_START, p->desc.start) : CHATD_OK;
}

int life_start(struct host *h)
{
    size_t i = 0;

    while (i < h->n_plugins) {
        struct plugin *p = h->plugin[i];
        int rc = start_one(p);

        if (rc == CHATD_OK) {
            p->state = PLUGIN_STARTED;
            i++;
            continue;
        }
        if (!p->optional) {
            log_error("plugin %s failed to start (%d)", p->name, rc);
            return -1;
        }
        log_error("plugin %s failed to start (%d); it is optional, chatd goes on without it",
                  p->name, rc);
        orphan(h, p);
        stop_and_drop(h, p);
    }
    return 0;
}

void life_drain(struct host *h)
{
    size_t i;

    h->stopping = true;
    for (i = h->n_plugins; i-- > 0;) {
        struct plugin *p = h->plugin[i];

        if (p->state == PLUGIN_STARTED && p->desc.drain != NULL)
            call_void(p, WORK_DRAIN, p->desc.drain);
    }
}

/* All that is pending is cancelled while every plugin is still alive: callbacks may call others. */
void life_stop(struct host *h)
{
    size_t i;

    h->stopping = true;
    /* Walks that wait hold on to routes and channels: they end first. */
    for (i = h->n_plugins; i-- > 0;)
        wait_remove(h, h->plugin[i]);
    for (i = h->n_plugins; i-- > 0;) {
        unwind(h, h->plugin[i]);
        channel_names_remove(h, h->plugin[i]);
    }
    for (i = h->n_plugins; i-- > 0;) {
        if (h->plugin[i]->state == PLUGIN_STARTED && h->plugin[i]->desc.cancel != NULL)
            call_void(h->plugin[i], WORK_CANCEL, h->plugin[i]->desc.cancel);
    }
    job_refuse(h);
    for (i = h->n_plugins; i-- > 0;)
        job_cancel(h, h->plugin[i]);
    job_flush(h);
    for (i = h->n_plugins; i-- > 0;) {
        struct plugin *p = h->plugin[i];
        bool was_made = p->state == PLUGIN_READY || p->state == PLUGIN_STARTED;

        p->state = PLUGIN_STOPPED;
        if (was_made && p->desc.stop != NULL)
            call_void(p, WORK_STOP, p->desc.stop);
        unwind_all(h, p);
    }
}
