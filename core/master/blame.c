/* SPDX-License-Identifier: MIT */
/* What a worker died of: read from its seat, told in the log, counted; and who hangs. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "board/seat.h"
#include "master/master.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
    BLAME_WINDOW_MS = 60000,
    BLAME_TIMES = 3, /* within the window: the plugin is left out */
    BEAT_SLACK_MS = 2000,
    STUCK_MS = 2500 /* a loop that turns has its beat once a second */
};

/* --- plugins to blame --------------------------------------------------------------------------- */

static bool is_optional(const struct master *m, const char *plugin)
{
    struct config_item item[BOARD_PLUGINS_MAX];
    size_t n = config_items(m->config, "plugins", item, BOARD_PLUGINS_MAX), i;

    for (i = 0; i < n && i < BOARD_PLUGINS_MAX; i++) {
        if (strcmp(item[i].key, plugin) == 0)
            return strcmp(item[i].value, "optional") == 0;
    }
    return false;
}

static unsigned recent(const struct master *m, const char *plugin)
{
    unsigned i, n = 0;

    for (i = 0; i < m->n_blames; i++)
        n += strcmp(m->blame[i].plugin, plugin) == 0 &&
             clock_mono_ms() - m->blame[i].at_ms < BLAME_WINDOW_MS;
    return n;
}

static void note(struct master *m, const char *text)
{
    struct board_head *head = board_head(m->board);

    if (head->n_notes == BOARD_NOTES_MAX)
        return;
    board_change_begin(m->board);
    snprintf(head->note[head->n_notes++], BOARD_TEXT_BYTES, "%s", text);
    board_change_end(m->board);
}

static void leave_out(struct master *m, const char *plugin)
{
    size_t n = strlen(m->left_out);
    char text[BOARD_TEXT_BYTES];

    if (n + strlen(plugin) + 2 > sizeof(m->left_out))
        return;
    snprintf(m->left_out + n, sizeof(m->left_out) - n, "%s%s", n > 0 ? " " : "", plugin);
    snprintf(
        text, sizeof(text),
        "%s crashed %d workers within a minute: new workers start without it (it is optional); a "
        "roll or restart tries it again",
        plugin, BLAME_TIMES);
    log_error("%s", text);
    note(m, text);
}

static void blame(struct master *m, const char *plugin)
{
    struct blame *b;

    if (m->n_blames == BLAMES_MAX) {
        memmove(&m->blame[0], &m->blame[1], (BLAMES_MAX - 1) * sizeof(m->blame[0]));
        m->n_blames--;
    }
    b = &m->blame[m->n_blames++];
    snprintf(b->plugin, sizeof(b->plugin), "%s", plugin);
    b->at_ms = clock_mono_ms();
    if (is_optional(m, plugin) && recent(m, plugin) >= BLAME_TIMES) {
        m->n_blames = 0;
        leave_out(m, plugin);
    }
}

void blame_forget(struct master *m)
{
    struct board_head *head = board_head(m->board);

    m->n_blames = 0;
    m->left_out[0] = '\0';
    board_change_begin(m->board);
    head->n_notes = 0;
    board_change_end(m->board);
}

/* --- a death ------------------------------------------------------------------------------------ */

struct death {
    unsigned signal;     /* 0: it ended by itself */
    int code;            /* then */
    uint32_t work;       /* whose code ran */
    uint64_t conn;       /* for whom */
    const char *address; /* " at address 0x0", or "" */
    char address_text[48];
};

/* A sanitizer, or another handler, may turn a signal into an exit: then the crash handler still was
 * first, and knows better. */
static void examine(const struct child *c, const struct seat *s, int status, struct death *d)
{
    memset(d, 0, sizeof(*d));
    d->address = "";
    if (WIFSIGNALED(status))
        d->signal = (unsigned)WTERMSIG(status);
    else
        d->code = WEXITSTATUS(status);
    if (s->crash.signal != 0 && s->crash.signal < NSIG &&
        (d->signal != SIGKILL || c->cause == CAUSE_OWN))
        d->signal = s->crash.signal;
    d->work = s->crash.signal != 0 ? s->crash.work : s->work;
    d->conn = s->crash.signal != 0 ? s->crash.conn : s->conn;
    if (s->crash.code > 0 && (s->crash.signal == SIGSEGV || s->crash.signal == SIGBUS)) {
        snprintf(d->address_text, sizeof(d->address_text), " at address 0x%llx",
                 (unsigned long long)s->crash.address);
        d->address = d->address_text;
    }
}

static bool is_fault(unsigned signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
           signal == SIGABRT || signal == SIGSYS || signal == SIGTRAP;
}

static const char *reason(const struct child *c, const struct death *d)
{
    switch (c->cause) {
    case CAUSE_HANG:
        return "hang";
    case CAUSE_NOT_READY:
    case CAUSE_REFUSED:
        return "not_ready";
    default:
        return d->signal == 0 ? "exit" : is_fault(d->signal) ? "crash" : "killed";
    }
}

static void count(struct master *m, const char *why)
{
    char labels[48];
    int64_t *value;

    snprintf(labels, sizeof(labels), "reason=\"%s\"", why);
    value = board_counter(m->board, "chatd_worker_restarts_total", labels,
                          "Workers that ended before they were told to.");
    if (value != NULL)
        ++*value;
}

static void tell(const struct child *c, const struct death *d, const char *culprit,
                 const char *next)
{
    char conn[48] = "";

    if (d->conn != 0)
        snprintf(conn, sizeof(conn), ", connection %016llx", (unsigned long long)d->conn);
    if (c->cause == CAUSE_HANG)
        log_error("%s keeps worker %u (pid %d) for %lld s (hang_limit)%s: killed; %s",
                  culprit[0] != '\0' ? culprit : "something", c->slot, (int)c->pid,
                  (long long)c->master->opt.hang_limit / 1000, conn, next);
    else if (c->cause == CAUSE_NOT_READY)
        log_error("worker %u (pid %d) was not ready within start_time%s%s: killed; %s", c->slot,
                  (int)c->pid, culprit[0] != '\0' ? ", in " : "", culprit, next);
    else if (c->cause == CAUSE_REFUSED)
        log_error("worker %u (pid %d): %s; %s", c->slot, (int)c->pid, c->away, next);
    else if (c->cause == CAUSE_BUS)
        log_error(
            "worker %u (pid %d) wrote to the other workers what is no message, so its memory may be damaged: "
            "killed; %s",
            c->slot, (int)c->pid, next);
    else if (is_fault(d->signal) && culprit[0] != '\0')
        log_error("%s crashed worker %u (pid %d): signal %u (%s)%s%s; %s", culprit, c->slot,
                  (int)c->pid, d->signal, strsignal((int)d->signal), d->address, conn, next);
    else if (is_fault(d->signal))
        log_error("worker %u (pid %d) crashed: signal %u (%s)%s; %s", c->slot, (int)c->pid,
                  d->signal, strsignal((int)d->signal), d->address, next);
    else if (d->signal != 0)
        log_error("worker %u (pid %d) was killed by signal %u (%s)%s; %s", c->slot, (int)c->pid,
                  d->signal, strsignal((int)d->signal),
                  d->signal == SIGKILL ? ", by a person or for want of memory" : "", next);
    else if (culprit[0] != '\0')
        log_error("%s ended worker %u (pid %d) with exit code %d%s; %s", culprit, c->slot,
                  (int)c->pid, d->code, conn, next);
    else if (d->code != 0)
        log_error("worker %u (pid %d) ended with %d; %s", c->slot, (int)c->pid, d->code, next);
    else
        log_info("worker %u (pid %d) has left; %s", c->slot, (int)c->pid, next);
}

void blame_death(struct child *c, int status, const char *what_next)
{
    struct master *m = c->master;
    const struct seat *s = board_seat(m->board, c->seat);
    char culprit[128], plugin[BOARD_NAME_BYTES];
    struct death d;

    examine(c, s, status, &d);
    board_work_text(s, d.work, culprit, sizeof(culprit));
    board_work_plugin(s, d.work, plugin, sizeof(plugin));
    tell(c, &d, culprit, what_next);
    if (d.signal != 0 || d.code != 0 || plugin[0] != '\0')
        count(m, reason(c, &d));
    if (c->cause != CAUSE_BUS && plugin[0] != '\0' &&
        (is_fault(d.signal) || d.signal == 0 || c->cause == CAUSE_HANG))
        blame(m, plugin);
}

/* --- hangs -------------------------------------------------------------------------------------- */

static bool hangs(const struct child *c, int64_t now, int64_t limit_ms)
{
    const struct seat *s = board_seat(c->master->board, c->seat);

    if (s->work != 0)
        return s->since_ms > 0 && now - s->since_ms > limit_ms;
    /* Not in a plugin: the core itself, or a process that was stopped. */
    return s->beat_ms > 0 && now - s->beat_ms > limit_ms + BEAT_SLACK_MS;
}

/* Asked to abort, so that a core file shows where; killed soon after if it does not. */
void blame_hangs(struct master *m)
{
    int64_t now = clock_mono_ms();
    struct child *c;

    for (c = m->children; c != NULL; c = c->next) {
        if (c->state == CHILD_SERVING) {
            int64_t beat_ms = board_seat(m->board, c->seat)->beat_ms;

            slot_stuck(c, beat_ms > 0 && now - beat_ms > STUCK_MS);
        }
    }
    if (m->opt.hang_limit == 0 || now < m->calm_from_ms)
        return;
    for (c = m->children; c != NULL; c = c->next) {
        if (c->cause == CAUSE_OWN && (c->state == CHILD_READY || c->state == CHILD_SERVING) &&
            hangs(c, now, m->opt.hang_limit))
            child_kill(c, SIGABRT, CAUSE_HANG);
    }
}
