/* SPDX-License-Identifier: MIT */
/* The line of connections that sent much, and what each may have handled at once. */
#include "net/line.h"

#include "net/conn.h"

#include <utlist.h>

/* What it had handled lately, less what has come back. */
static int64_t spent(struct conn *c)
{
    int64_t passed_ms = c->net->mono_ms - c->spent_at_ms;

    c->spent_at_ms = c->net->mono_ms;
    if (passed_ms > 2000)
        c->spent = 0;
    else
        c->spent -= passed_ms * LINE_FREE_RATE / 1000;
    if (c->spent < 0)
        c->spent = 0;
    return c->spent;
}

void line_charge(struct conn *c, size_t bytes)
{
    const int64_t most = LINE_FREE_BYTES + LINE_FREE_RATE; /* a second later it is forgiven */

    c->spent = spent(c) + (int64_t)bytes;
    if (c->spent > most)
        c->spent = most;
    c->piece -= (int64_t)bytes;
    c->net->line_bytes += (int64_t)bytes;
}

bool line_allows(struct conn *c)
{
    return c->piece > 0 || spent(c) < LINE_FREE_BYTES;
}

void line_join(struct conn *c)
{
    if (c->flags & CONN_IN_LINE)
        return;
    c->flags |= CONN_IN_LINE;
    c->net->count->lined++;
    c->net->n_line++;
    DL_APPEND2(c->net->line, c, line_prev, line_next);
}

void line_leave(struct conn *c)
{
    if (!(c->flags & CONN_IN_LINE))
        return;
    c->flags &= (uint16_t)~CONN_IN_LINE;
    c->net->n_line--;
    DL_DELETE2(c->net->line, c, line_prev, line_next);
}

/* Who is not done joins again, behind all others. */
void line_run(struct net *net)
{
    uint32_t n = net->n_line;

    net->line_bytes = 0;
    while (n-- > 0 && net->line != NULL && net->line_bytes < LINE_TURN_BYTES) {
        struct conn *c = net->line;

        line_leave(c);
        c->piece = LINE_PIECE_BYTES;
        conn_run_held(c);
        c->piece = 0;
    }
}
