/* SPDX-License-Identifier: MIT */
/* How the plugins of all workers are, for /readyz; and how many connections the others have. */
#include "board/impl.h"

#include "base/mem.h"

#include <chatd/plugin.h>

#include <stdio.h>
#include <string.h>

struct list {
    struct board_reason *reason;
    size_t n;
};

/* The same of several workers is told once, as the worst of them has it. */
static void add(struct list *list, const struct board_reason *r)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        struct board_reason *told = &list->reason[i];

        if (strcmp(told->plugin, r->plugin) == 0 && strcmp(told->text, r->text) == 0) {
            told->state = r->state > told->state ? r->state : told->state;
            return;
        }
    }
    list->reason = mem_grow(list->reason, list->n, sizeof(*list->reason));
    list->reason[list->n++] = *r;
}

static void add_core(struct list *list, uint32_t state, const char *text)
{
    struct board_reason r = {.plugin = "core", .state = state};

    seat_text(r.text, sizeof(r.text), text, BOARD_TEXT_BYTES);
    add(list, &r);
}

/* What a wild pointer made of a name or a state is nobody's reason. */
static bool is_sane(const struct board_reason *r)
{
    return r->plugin[0] != '\0' && r->state <= CHATD_AWAY &&
           strspn(r->plugin, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(r->plugin);
}

static void read_state(const struct board_plugin *p, struct board_reason *out)
{
    unsigned tries;
    uint32_t seq;

    seat_text(out->plugin, sizeof(out->plugin), p->name, sizeof(p->name));
    for (tries = 0; tries < 1000; tries++) {
        seq = __atomic_load_n(&p->seq, __ATOMIC_ACQUIRE);
        if (seq & 1)
            continue;
        out->state = p->state;
        seat_text(out->text, sizeof(out->text), p->text, sizeof(p->text));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&p->seq, __ATOMIC_RELAXED) == seq)
            return;
    }
    out->state = CHATD_READY; /* its writer died over it: the master will see to that worker */
}

static void add_seat(struct list *list, const struct seat *seat)
{
    uint32_t n = __atomic_load_n(&seat->n_plugins, __ATOMIC_ACQUIRE), i;
    struct board_reason r;

    for (i = 0; i < n && i < BOARD_PLUGINS_MAX; i++) {
        memset(&r, 0, sizeof(r));
        read_state(&seat->plugin[i], &r);
        if (r.state != CHATD_READY && is_sane(&r))
            add(list, &r);
    }
}

static void collect(struct board *b, struct list *list)
{
    const struct board_head *head = board_head(b);
    uint32_t i;

    if (head->is_stopping)
        add_core(list, CHATD_AWAY, "stopping");
    for (i = 0; i < head->n_notes && i < BOARD_NOTES_MAX; i++)
        add_core(list, CHATD_DEGRADED, head->note[i]);
    for (i = 0; i < head->n_slots && i < BOARD_SLOTS_MAX; i++) {
        char text[BOARD_TEXT_BYTES];

        if (head->slot[i].seat < b->n_seats) {
            add_seat(list, board_seat(b, head->slot[i].seat));
            continue;
        }
        snprintf(text, sizeof(text), "worker %u is being replaced", i);
        add_core(list, CHATD_DEGRADED, text);
    }
}

struct board_reason *board_reasons(struct board *b, size_t *n_out)
{
    struct list list = {0};
    unsigned tries = 0;
    uint32_t seq;

    do {
        list.n = 0;
        mem_free(list.reason); /* mem_grow() counts from an empty one */
        list.reason = NULL;
        seq = board_read_begin(b, &tries);
        collect(b, &list);
    } while (!board_read_done(b, seq, ++tries));
    *n_out = list.n;
    return list.reason;
}

int64_t board_connections_elsewhere(struct board *b)
{
    const struct board_head *head = board_head(b);
    int64_t sum = 0;
    uint32_t i;

    for (i = 0; i < head->n_slots && i < BOARD_SLOTS_MAX; i++) {
        uint32_t seat = head->slot[i].seat;
        int64_t n = seat < b->n_seats && seat != b->own
                        ? series_value(board_seat(b, seat), SEAT_CONNECTIONS)
                        : 0;

        if (n > 0 && n < INT32_MAX) /* else it is no number of connections */
            sum += n;
    }
    return sum;
}
