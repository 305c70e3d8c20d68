/* SPDX-License-Identifier: MIT */
/* HTTP requests for plugins: routes, the `http` event, identity, and the functions behind a chatd_req. */
#include "host/host.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/answer.h"
#include "host/work.h"
#include "net/pct.h"
#include "net/ws_handshake.h"

#include <chatd/svc/auth.h>

#include <string.h>
#include <strings.h>

/* One walk of `http`: the payload must stay in place while somebody waits, and WATCH comes when the request has been
 * answered and is gone. */
struct http_walk {
    struct chatd_ev_http ev;
    struct host *host;
    uint64_t req;
    char path[];
};

static const struct http_route *route_of(const struct http_req *r)
{
    return r->match.route != NULL ? r->match.route->user : NULL;
}

static bool changes_things(const struct http_req *r)
{
    return strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0;
}

static bool is_json(const char *type)
{
    return type != NULL && strncasecmp(type, "application/json", 16) == 0 &&
           (type[16] == '\0' || type[16] == ';' || type[16] == ' ');
}

static void handle(struct host *h, struct http_req *r)
{
    const struct http_route *route = route_of(r);
    struct work_before before;

    if ((route->def.flags & CHATD_ROUTE_LOGIN) && r->user == NULL &&
        service_loaded(h, CHATD_AUTH_SERVICE)) {
        http_reply_error(r, 401, "unauthorized", "Sign in first.", 0, NULL, 0);
        return;
    }
    before = work_enter(route->plugin, WORK_ROUTE, 0);
    route->def.handle(&route->plugin->pub, (chatd_req){r->id});
    work_leave(h, before);
}

static void on_walked(chatd_plugin *self, int verdict, void *arg)
{
    struct http_walk *walk = arg;
    struct host *h = host_of(self);
    struct http_req *r = http_req_get(&h->http, walk->req);
    const struct chatd_ev *ev = &walk->ev.ev;

    if (r != NULL && verdict == CHATD_DENY)
        http_reply_error(r, answer_status(ev->code.p), ev->code.p, ev->text.p, ev->retry_ms, NULL,
                         0);
    else if (r != NULL)
        handle(h, r);
    if (verdict != CHATD_DENY)
        chatd_raised_http(self, &walk->ev);
    mem_free(walk);
}

static void on_request(void *arg, struct http_req *r)
{
    struct host *h = arg;
    const struct http_route *route = route_of(r);
    struct http_walk *walk;
    size_t body_n, path_n = strlen(r->path);

    if (changes_things(r) && !(route->def.flags & CHATD_ROUTE_ANY_ORIGIN) && !http_origin_ok(r)) {
        http_reply_error(r, 403, "forbidden", "This Origin may not do that.", 0, NULL, 0);
        return;
    }
    body_n = http_req_body_bytes(r);
    if ((route->def.flags & CHATD_ROUTE_JSON) && body_n > 0 &&
        !is_json(http_req_header(r, "Content-Type"))) {
        http_reply_error(r, 415, "bad_request", "The body must be application/json.", 0, NULL, 0);
        return;
    }
    if (!hook_hooked(&h->core.pub, CHATD_EV_http)) {
        handle(h, r);
        return;
    }
    walk = mem_alloc(sizeof(*walk) + path_n + 1);
    memcpy(walk->path, r->path, path_n + 1);
    walk->host = h;
    walk->req = r->id;
    walk->ev.ev.size = sizeof(walk->ev);
    walk->ev.ev.req.v = r->id;
    walk->ev.method = (chatd_str){r->method, strlen(r->method)};
    walk->ev.path = (chatd_str){walk->path, path_n};
    walk->ev.pattern = (chatd_str){route->def.pattern, strlen(route->def.pattern)};
    walk->ev.route_flags = route->def.flags;
    chatd_raise_http(&h->core.pub, &walk->ev, on_walked, walk);
}

static void on_gone(void *arg, struct http_req *r)
{
    wait_gone(arg, 0, r->id);
}

static void on_ended(void *arg, struct http_req *r)
{
    slot_end(arg, CHATD_SLOT_REQ, &r->slots);
}

void request_init(struct host *h)
{
    h->http.calls.request = on_request;
    h->http.calls.gone = on_gone;
    h->http.calls.ended = on_ended;
    h->http.calls.arg = h;
}

/* --- registration ------------------------------------------------------------------------------- */

int request_route(chatd_plugin *self, const struct chatd_route_def *in)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    struct host *h = host_of(self);
    struct chatd_route_def def;
    struct http_route *route;
    const struct route *other;
    bool known = false;
    size_t i;
    int rc = host_registration(self, "a route", in, sizeof(def), &def, sizeof(def));

    if (rc < 0)
        return rc;
    for (i = 0; def.method != NULL && i < sizeof(methods) / sizeof(methods[0]); i++)
        known = known || strcmp(def.method, methods[i]) == 0;
    if (!known || def.pattern == NULL || def.handle == NULL) {
        log_error("%s adds a route without a method of the list, a pattern or a handler",
                  plugin_of(self)->name);
        return CHATD_E_INVAL;
    }
    route = mem_alloc(sizeof(*route));
    route->plugin = plugin_of(self);
    route->def = def;
    switch (route_add(&h->http.routes,
                      &(struct route){.method = (char *)(uintptr_t)def.method,
                                      .pattern = (char *)(uintptr_t)def.pattern,
                                      .user = route,
                                      .max_body = def.max_body,
                                      .flags = def.flags},
                      &other)) {
    case ROUTE_ADDED:
        return CHATD_OK;
    case ROUTE_BAD:
        log_error("%s: \"%s\" is not a route pattern; write segments like /api/{name} or "
                  "/files/{path...}",
                  plugin_of(self)->name, def.pattern);
        rc = CHATD_E_INVAL;
        break;
    case ROUTE_CONFLICT:
        log_error("%s %s of %s clashes with %s %s of %s: they match the same paths", def.method,
                  def.pattern, plugin_of(self)->name, other->method, other->pattern,
                  ((struct http_route *)other->user)->plugin->name);
        rc = CHATD_E_EXISTS;
        break;
    }
    mem_free(route);
    return rc;
}

void request_remove(struct host *h, const struct plugin *p)
{
    size_t i = 0;

    while (i < h->http.routes.n) {
        struct http_route *route = h->http.routes.route[i]->user;

        if (route->plugin == p) {
            route_remove_user(&h->http.routes, route);
            mem_free(route);
        } else {
            i++;
        }
    }
}
