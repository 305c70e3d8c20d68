/* SPDX-License-Identifier: MIT */
/* Handlers that decide later. */
#include "host.h"

enum { WAIT_MAX_MS = 60000 };

int wait_new(chatd_plugin *self, struct chatd_ev *ev, uint32_t deadline_ms,
             void (*gone)(chatd_plugin *self, void *arg), void *arg, chatd_wait *wait_out)
{
    struct testhost *t = loop_of(self, "chatd_ev_wait");
    struct walk *walk = t->innermost;
    struct wait *wait;

    if (wait_out == NULL)
        return CHATD_E_INVAL;
    if (walk == NULL || walk->ev != ev || !walk->runs_plugin || walk->wait != NULL) {
        fault(t, "calls chatd_ev_wait() outside of the event's handler, or twice");
        return CHATD_E_STATE;
    }
    if (event_kind(t, walk->event) != CHATD_DECIDE_ASYNC || deadline_ms == 0 ||
        deadline_ms > WAIT_MAX_MS) {
        fault(t, "waits %u ms in %s: 1 to %d, where the kind is DECIDE_ASYNC", deadline_ms,
              event_name(t, walk->event), WAIT_MAX_MS);
        return CHATD_E_INVAL;
    }
    wait = mem_alloc(sizeof(*wait));
    *wait = (struct wait){.id = table_add(&t->waits, KIND_WAIT, wait),
                          .at_ms = t->mono_ms + deadline_ms,
                          .conn = ev->conn.v,
                          .req = ev->req.v,
                          .gone = gone,
                          .arg = arg,
                          .walk = walk};
    walk->wait = wait;
    wait_out->v = wait->id;
    return CHATD_OK;
}

static void go_on(struct testhost *t, struct wait *wait, int verdict)
{
    wait->is_over = true;
    wait->verdict = verdict;
    enter(t);
    if (wait->is_parked)
        walk_go_on(wait->walk, verdict);
    leave(t);
    conn_let_go(t, wait->conn);
}

int resume(chatd_plugin *self, chatd_wait id, int verdict, const char *code, const char *text,
           uint32_t retry_ms)
{
    struct testhost *t = loop_of(self, "chatd_resume");
    struct wait *wait = table_get(&t->waits, KIND_WAIT, id.v);

    if (wait == NULL || wait->is_over)
        return CHATD_E_GONE;
    if (verdict != CHATD_NEXT && verdict != CHATD_DONE && verdict != CHATD_DENY) {
        fault(t, "resumes with %d: NEXT, DONE or DENY", verdict);
        return CHATD_E_INVAL;
    }
    if (verdict == CHATD_DENY)
        event_deny(wait->walk->ev, code, text, retry_ms);
    go_on(t, wait, verdict);
    return CHATD_OK;
}

int64_t wait_due(const struct testhost *t)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < t->waits.n; i++) {
        const struct wait *wait = t->waits.row[i];

        if (!wait->is_over && wait->at_ms < due)
            due = wait->at_ms;
    }
    return due;
}

bool wait_expire(struct testhost *t)
{
    for (size_t i = 0; i < t->waits.n; i++) {
        struct wait *wait = t->waits.row[i];

        if (wait->is_over || wait->at_ms > t->mono_ms)
            continue;
        event_deny(wait->walk->ev, "timeout", "The server took too long to decide.", 1000);
        go_on(t, wait, CHATD_DENY);
        return true;
    }
    return false;
}

static bool is_about(uint64_t of_conn, uint64_t of_req, uint64_t conn, uint64_t req)
{
    return (conn == 0 && req == 0) || (conn != 0 && of_conn == conn) || (req != 0 && of_req == req);
}

/* Those of the test's own hooks. */
static struct walk *test_wait(const struct testhost *t, uint64_t conn, uint64_t req)
{
    struct walk *walk = t->walks;

    while (walk != NULL && !(walk->is_parked && walk->is_test_wait &&
                             is_about(walk->ev->conn.v, walk->ev->req.v, conn, req)))
        walk = walk->next;
    return walk;
}

bool wait_pauses(const struct testhost *t, uint64_t conn)
{
    for (size_t i = 0; i < t->waits.n; i++) {
        const struct wait *wait = t->waits.row[i];

        if (!wait->is_over && wait->conn == conn)
            return true;
    }
    return test_wait(t, conn, 0) != NULL;
}

void wait_abandon(struct testhost *t, uint64_t conn, uint64_t req)
{
    for (size_t i = 0; i < t->waits.n; i++) {
        struct wait *wait = t->waits.row[i];

        if (wait->is_over || !wait->is_parked || !is_about(wait->conn, wait->req, conn, req))
            continue;
        wait->is_over = true; /* a resume in gone() is too late */
        if (wait->gone != NULL) {
            enter(t);
            wait->gone(&t->plugin.pub, wait->arg);
            leave(t);
        }
        event_deny(wait->walk->ev, "gone", "The client left.", 0);
        go_on(t, wait, CHATD_DENY);
    }
    for (struct walk *walk; (walk = test_wait(t, conn, req)) != NULL;) {
        event_deny(walk->ev, "gone", "The client left.", 0);
        enter(t);
        walk_go_on(walk, CHATD_DENY);
        leave(t);
    }
}

int testhost_waits(struct testhost *t)
{
    int n = 0;

    for (size_t i = 0; i < t->waits.n; i++)
        n += !((const struct wait *)t->waits.row[i])->is_over;
    return n;
}
