/* SPDX-License-Identifier: MIT */
/* The owner's side of a seat: its plugins, their states, the names of events. And what a mark of work
 * says, read by others. */
#include "board/seat.h"

#include <stdio.h>
#include <string.h>

void seat_text(char *out, size_t out_bytes, const char *in, size_t in_bytes)
{
    size_t n = strnlen(in, in_bytes); /* NOLINT(clang-analyzer-core.*): a seat is never NULL */

    if (n >= out_bytes) {
        n = out_bytes - 1; /* cut, but never inside a character */
        while (n > 0 && ((unsigned char)in[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(out, in, n);
    memset(out + n, 0, out_bytes - n);
}

static void set(char *out, size_t out_bytes, const char *in)
{
    seat_text(out, out_bytes, in, strlen(in));
}

int seat_plugin(struct seat *s, const char *name)
{
    struct board_plugin *p;

    if (s->n_plugins >= BOARD_PLUGINS_MAX)
        return -1;
    p = &s->plugin[s->n_plugins];
    memset(p, 0, sizeof(*p));
    set(p->name, sizeof(p->name), name);
    __atomic_store_n(&s->n_plugins, s->n_plugins + 1, __ATOMIC_RELEASE);
    return (int)s->n_plugins - 1;
}

void seat_plugin_version(struct seat *s, int plugin, const char *version)
{
    if (plugin >= 0 && plugin < BOARD_PLUGINS_MAX)
        set(s->plugin[plugin].version, sizeof(s->plugin[plugin].version), version);
}

void seat_plugin_state(struct seat *s, int plugin, uint32_t state, const char *text)
{
    struct board_plugin *p;

    if (plugin < 0 || plugin >= BOARD_PLUGINS_MAX)
        return;
    p = &s->plugin[plugin];
    __atomic_store_n(&p->seq, p->seq + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    p->state = state;
    set(p->text, sizeof(p->text), text);
    __atomic_store_n(&p->seq, p->seq + 1, __ATOMIC_RELEASE);
}

void seat_event(struct seat *s, uint32_t event, const char *name)
{
    if (event >= BOARD_EVENTS_MAX)
        return;
    set(s->event[event], sizeof(s->event[event]), name);
    if (event >= s->n_events)
        s->n_events = event + 1;
}

/* --- for the log of somebody else ----------------------------------------------------------------- */

/* Text of a seat that a wild pointer may have hit goes to the log: only what can be printed. */
static void clean(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

static const struct board_plugin *plugin_at_work(const struct seat *s, uint32_t work)
{
    uint32_t plugin = work_plugin_of(work);

    return plugin > 0 && plugin <= BOARD_PLUGINS_MAX ? &s->plugin[plugin - 1] : NULL;
}

const char *board_work_plugin(const struct seat *s, uint32_t work, char *out, size_t out_bytes)
{
    const struct board_plugin *p = plugin_at_work(s, work);

    out[0] = '\0';
    if (work_kind_of(work) != WORK_NOTHING && p != NULL && work_plugin_of(work) > 1)
        seat_text(out, out_bytes, p->name, sizeof(p->name));
    clean(out);
    return out;
}

const char *board_work_text(const struct seat *s, uint32_t work, char *out, size_t out_bytes)
{
    static const char *const where[WORK_KINDS] = {
        [WORK_LOAD] = "while it was loaded",
        [WORK_INIT] = "in init",
        [WORK_START] = "in start",
        [WORK_RELOAD] = "in reload",
        [WORK_DRAIN] = "in drain",
        [WORK_CANCEL] = "in cancel",
        [WORK_STOP] = "in stop",
        [WORK_HOOK] = "in ",
        [WORK_ROUTE] = "in its route",
        [WORK_VERB] = "in its verb",
        [WORK_SOCKET] = "in its socket",
        [WORK_TIMER] = "in its timer",
        [WORK_WATCH] = "in its watch",
        [WORK_POST] = "in what it posted",
        [WORK_JOB] = "in its job",
        [WORK_JOB_DONE] = "after its job",
        [WORK_BUS] = "in its subscription",
        [WORK_DRAINED] = "in its when_drained",
        [WORK_VERDICT] = "after ",
        [WORK_GONE] = "at the end of its wait",
        [WORK_BEHIND] = "in its on_behind",
        [WORK_SLOT] = "in the destroy of its slot",
    };
    const struct board_plugin *p = plugin_at_work(s, work);
    uint32_t kind = work_kind_of(work), event = work_event_of(work);
    char name[BOARD_NAME_BYTES] = "", version[BOARD_NAME_BYTES] = "", of[BOARD_NAME_BYTES] = "";

    out[0] = '\0';
    if (kind == WORK_NOTHING || kind >= WORK_KINDS)
        return out;
    if (p != NULL) {
        seat_text(name, sizeof(name), p->name, sizeof(p->name));
        seat_text(version, sizeof(version), p->version, sizeof(p->version));
    }
    if (kind == WORK_HOOK || kind == WORK_VERDICT) {
        if (event < BOARD_EVENTS_MAX)
            seat_text(of, sizeof(of), s->event[event], sizeof(s->event[event]));
        if (of[0] == '\0')
            snprintf(of, sizeof(of), "an event");
    }
    snprintf(out, out_bytes, "%s%s%s %s%s", name[0] ? name : "a plugin", version[0] ? " " : "",
             version, where[kind], of);
    clean(out);
    return out;
}
