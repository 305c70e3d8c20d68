/* SPDX-License-Identifier: MIT */
/* The line of connections that sent much, and what each may have handled at once. */
#include "net/line.h"

#include "net/conn.h"

#include <utlist.h>

/* What it had handled lately, less what has come back. */
static int64_t spent(struct conn *c)
{
    uint32_t passed_ms = (uint32_t)c->net->mono_ms - c->spent_at_ms;
    int64_t back = passed_ms > 2000 ? c->spent : (int64_t)passed_ms * LINE_FREE_RATE / 1000;

    c->spent_at_ms = (uint32_t)c->net->mono_ms;
    c->spent = back < c->spent ? c->spent - (uint32_t)back : 0;
    return c->spent;
}

void line_charge(struct conn *c, size_t bytes)
{
    const int64_t most = LINE_FREE_BYTES + LINE_FREE_RATE; /* a second later it is forgiven */
    int64_t sum = spent(c) + (int64_t)bytes;

    c->spent = (uint32_t)(sum < most ? sum : most);
    if (c->net->line_at == c)
        c->net->line_piece -= (int64_t)bytes;
    c->net->line_bytes += (int64_t)bytes;
}

bool line_allows(struct conn *c)
{
    return (c->net->line_at == c && c->net->line_piece > 0) || spent(c) < LINE_FREE_BYTES;
}

void line_join(struct conn *c)
{
    struct conn_aside *aside;

    if (c->flags & CONN_IN_LINE)
        return;
    c->flags |= CONN_IN_LINE;
    c->net->count->lined++;
    c->net->n_line++;
    aside = conn_aside(c);
    DL_APPEND2(c->net->line, aside, line_prev, line_next);
    /* Still in this turn, so that what came at once leaves at once. */
    if (!c->net->line_had_turn)
        event_active(c->net->again, EV_TIMEOUT, 0);
}

void line_leave(struct conn *c)
{
    if (!(c->flags & CONN_IN_LINE))
        return;
    c->flags &= (uint16_t)~CONN_IN_LINE;
    c->net->n_line--;
    DL_DELETE2(c->net->line, c->aside, line_prev, line_next);
}

/* Who is not done joins again, behind all others. */
void line_run(struct net *net)
{
    uint32_t n = net->n_line;

    if (net->line_had_turn)
        return;
    net->line_had_turn = true;
    net->line_bytes = 0;
    while (n-- > 0 && net->line != NULL && net->line_bytes < LINE_TURN_BYTES) {
        struct conn *c = net->line->conn;

        line_leave(c);
        net->line_at = c;
        net->line_piece = LINE_PIECE_BYTES;
        conn_run_held(c);
        net->line_at = NULL;
        conn_tidy(c);
    }
}
