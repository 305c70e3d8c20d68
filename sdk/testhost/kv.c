/* SPDX-License-Identifier: MIT */
/* A chatd.kv in memory. */
#include "base/num.h"
#include "host.h"

#include <chatd/svc/kv.h>

enum { NAME_MAX_BYTES = 256 };

struct entry {
    struct entry *next;
    char *ns, *key, *value;
    size_t n;
    int64_t until_ms; /* 0: for ever */
};

struct kv {
    struct entry *entries;
    int fail;
    uint32_t page; /* entries of a scan's page at most; 0: as many as are asked for */
};

enum op { GET, PUT, PUT_ABSENT, CAS, ADD, DEL, SCAN };

/* A call, with copies of what it was given. */
struct call {
    struct testhost *t;
    chatd_plugin *self;
    enum op op;
    char *ns, *key; /* of a scan: the cursor */
    struct buf value, expected;
    int64_t number, ttl_ms;
    uint32_t limit; /* of a scan */
    chatd_kv_cb cb;
    chatd_kv_scan_cb scan_cb;
    void *arg;
};

/* There when the test has asked for it. */
static struct kv *kv_of(struct testhost *t)
{
    if (t->kv == NULL) {
        fault(t, "the test uses chatd.kv before testhost_fake_kv()");
        t->kv = mem_alloc(sizeof(*t->kv));
    }
    return t->kv;
}

/* --- entries -------------------------------------------------------------------------------------- */

static void entry_free(struct entry *entry)
{
    mem_free(entry->ns);
    mem_free(entry->key);
    mem_free(entry->value);
    mem_free(entry);
}

static void drop_old(struct testhost *t)
{
    struct entry **at = &kv_of(t)->entries, *entry;

    while ((entry = *at) != NULL) {
        if (entry->until_ms == 0 || entry->until_ms > t->mono_ms) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        entry_free(entry);
    }
}

static struct entry **find(struct testhost *t, const char *ns, const char *key)
{
    struct entry **at = &kv_of(t)->entries;

    drop_old(t);
    while (*at != NULL && (strcmp((*at)->ns, ns) != 0 || strcmp((*at)->key, key) != 0))
        at = &(*at)->next;
    return at;
}

static void set_value(struct entry *entry, const char *p, size_t n)
{
    mem_free(entry->value);
    entry->value = mem_alloc(n + 1);
    if (n > 0)
        memcpy(entry->value, p, n);
    entry->n = n;
}

/* kv.h: entries of one namespace either all have a ttl or none. */
static void check_kind(const struct call *call)
{
    struct testhost *t = call->t;

    for (const struct entry *entry = t->kv->entries; entry != NULL; entry = entry->next) {
        if (strcmp(entry->ns, call->ns) == 0 && (entry->until_ms != 0) != (call->ttl_ms > 0)) {
            fault(t, "keeps entries with and without a ttl in the namespace \"%s\"", call->ns);
            return;
        }
    }
}

static void put(const struct call *call, struct entry **at)
{
    struct entry *entry = *at;

    if (entry == NULL) {
        entry = mem_alloc(sizeof(*entry));
        entry->ns = mem_strdup(call->ns);
        entry->key = mem_strdup(call->key);
        *at = entry;
    }
    set_value(entry, call->value.p, call->value.n);
    entry->until_ms = call->ttl_ms > 0 ? call->t->mono_ms + call->ttl_ms : 0;
}

/* --- what the calls do ---------------------------------------------------------------------------- */

static int add(const struct call *call, struct entry **at, struct chatd_kv_reply *reply)
{
    int64_t number = 0;
    char *text;

    if (*at != NULL && !num_parse_i64((*at)->value, (*at)->n, &number))
        return CHATD_E_INVAL;
    if (__builtin_add_overflow(number, call->number, &number))
        return CHATD_E_INVAL;
    if (*at == NULL)
        put(call, at);
    text = mem_printf("%lld", (long long)number);
    set_value(*at, text, strlen(text));
    mem_free(text);
    reply->number = number;
    return CHATD_OK;
}

static int cas(const struct call *call, struct entry **at)
{
    if (*at == NULL || (*at)->until_ms != 0)
        return CHATD_E_NOTFOUND;
    if ((*at)->n != call->expected.n || memcmp((*at)->value, call->expected.p, (*at)->n) != 0)
        return CHATD_E_EXISTS;
    put(call, at);
    return CHATD_OK;
}

static int run(const struct call *call, struct chatd_kv_reply *reply)
{
    struct entry **at = find(call->t, call->ns, call->key), *entry = *at;

    if (call->op == PUT || (entry == NULL && (call->op == PUT_ABSENT || call->op == ADD)))
        check_kind(call);
    switch (call->op) {
    case GET:
        return entry != NULL ? CHATD_OK : CHATD_E_NOTFOUND;
    case PUT:
        put(call, at);
        return CHATD_OK;
    case PUT_ABSENT:
        if (entry != NULL)
            return CHATD_E_EXISTS;
        put(call, at);
        return CHATD_OK;
    case CAS:
        return cas(call, at);
    case ADD:
        return add(call, at, reply);
    case DEL:
        if (entry == NULL)
            return CHATD_E_NOTFOUND;
        *at = entry->next;
        entry_free(entry);
        return CHATD_OK;
    case SCAN:
        break;
    }
    return CHATD_E_INVAL;
}

static bool has_value(const struct call *call, int err)
{
    return err == CHATD_E_EXISTS || (err == CHATD_OK && call->op == GET);
}

static void call_back(const struct call *call, struct loan *loan)
{
    struct testhost *t = call->t;
    struct chatd_kv_reply reply = {.size = sizeof(reply)};
    int err = t->kv->fail != 0 ? t->kv->fail : run(call, &reply);

    if (t->kv->fail == 0 && has_value(call, err)) {
        const struct entry *entry = *find(t, call->ns, call->key);

        reply.value = lend_bytes(loan, (chatd_str){entry->value, entry->n});
    }
    if (call->cb != NULL)
        call->cb(call->self, err, t->kv->fail == 0 ? lend(loan, &reply, sizeof(reply)) : NULL,
                 call->arg);
}

static bool is_scanned(const struct entry *entry, const char *ns)
{
    return strcmp(entry->ns, ns) == 0 && entry->until_ms == 0;
}

/* Fills a page with the entries after the first `from`, which is what a cursor says. */
static void scan(const struct call *call, uint32_t from, struct chatd_kv_scan *page,
                 struct loan *loan)
{
    struct testhost *t = call->t;
    uint32_t limit = t->kv->page > 0 && t->kv->page < call->limit ? t->kv->page : call->limit;
    struct chatd_kv_item *items = NULL;
    uint32_t at = 0;

    for (const struct entry *entry = t->kv->entries; entry != NULL; entry = entry->next) {
        if (!is_scanned(entry, call->ns) || at++ < from)
            continue;
        if (page->n == limit) {
            page->more = 1;
            break;
        }
        items = mem_grow(items, page->n, sizeof(*items));
        items[page->n++] = (struct chatd_kv_item){
            lend_str(loan, entry->key), lend_bytes(loan, (chatd_str){entry->value, entry->n})};
    }
    if (page->n > 0)
        page->items = lend(loan, items, page->n * sizeof(*items));
    mem_free(items);
}

static void scan_back(const struct call *call, struct loan *loan)
{
    struct testhost *t = call->t;
    struct chatd_kv_scan page = {.size = sizeof(page), .stride = sizeof(struct chatd_kv_item)};
    int64_t from = 0;
    char *cursor;

    drop_old(t);
    if (call->key[0] != '\0' && !num_parse_i64(call->key, strlen(call->key), &from))
        fault(t, "scans with a cursor that no page gave: \"%s\"", call->key);
    scan(call, (uint32_t)from, &page, loan);
    cursor = page.more ? mem_printf("%lld", (long long)from + page.n) : mem_strdup("");
    page.cursor = lend_str(loan, cursor);
    mem_free(cursor);
    call->scan_cb(call->self, t->kv->fail,
                  t->kv->fail == 0 ? lend(loan, &page, sizeof(page)) : NULL, call->arg);
}

static void answer(void *arg)
{
    struct call *call = arg;
    struct testhost *t = call->t;
    struct loan loan = {0};

    enter(t);
    if (call->op == SCAN)
        scan_back(call, &loan);
    else
        call_back(call, &loan);
    leave(t);
    loan_end(t, &loan);
    mem_free(call->ns);
    mem_free(call->key);
    buf_deinit(&call->value);
    buf_deinit(&call->expected);
    mem_free(call);
}

/* --- the api -------------------------------------------------------------------------------------- */

static bool is_name(chatd_str name)
{
    return name.n >= 1 && name.n <= NAME_MAX_BYTES && memchr(name.p, '\0', name.n) == NULL;
}

static int submit(chatd_plugin *self, const struct call *in, chatd_str ns, chatd_str key,
                  chatd_str value, chatd_str expected)
{
    struct testhost *t = loop_of(self, "a function of chatd.kv");
    struct call *call;

    if (!is_name(ns) || (in->op != SCAN && !is_name(key)) || value.n > CHATD_KV_VALUE_MAX)
        return CHATD_E_INVAL;
    if (t->life >= LIFE_CANCELLED)
        return CHATD_E_STATE;
    call = mem_alloc(sizeof(*call));
    *call = *in;
    call->t = t;
    call->self = self;
    call->ns = mem_strndup(ns.p, ns.n);
    call->key = mem_strndup(key.p, key.n);
    buf_add(&call->value, value.p, value.n);
    buf_add(&call->expected, expected.p, expected.n);
    later(t, CHATD_KV_SERVICE, answer, call);
    return CHATD_OK;
}

static const chatd_str none = {"", 0};

static int kv_get(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    (void)p;
    return submit(self, &(struct call){.op = GET, .cb = cb, .arg = arg}, ns, key, none, none);
}

static int kv_put(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_str value,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    (void)p;
    return submit(self, &(struct call){.op = PUT, .ttl_ms = ttl_ms, .cb = cb, .arg = arg}, ns, key,
                  value, none);
}

static int kv_put_absent(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                         chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    (void)p;
    return submit(self, &(struct call){.op = PUT_ABSENT, .ttl_ms = ttl_ms, .cb = cb, .arg = arg},
                  ns, key, value, none);
}

static int kv_cas(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                  chatd_str expected, chatd_str value, chatd_kv_cb cb, void *arg)
{
    (void)p;
    return submit(self, &(struct call){.op = CAS, .cb = cb, .arg = arg}, ns, key, value, expected);
}

static int kv_add(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, int64_t n,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    (void)p;
    return submit(self,
                  &(struct call){.op = ADD, .number = n, .ttl_ms = ttl_ms, .cb = cb, .arg = arg},
                  ns, key, none, none);
}

static int kv_del(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    (void)p;
    return submit(self, &(struct call){.op = DEL, .cb = cb, .arg = arg}, ns, key, none, none);
}

static int kv_scan(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor,
                   uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    (void)p;
    if (limit < 1 || limit > CHATD_KV_SCAN_MAX)
        return CHATD_E_INVAL;
    return submit(self, &(struct call){.op = SCAN, .limit = limit, .scan_cb = cb, .arg = arg}, ns,
                  cursor, none, none);
}

void testhost_fake_kv(struct testhost *t)
{
    static const struct chatd_kv_api api = {.size = sizeof(api),
                                            .get = kv_get,
                                            .put = kv_put,
                                            .put_absent = kv_put_absent,
                                            .cas = kv_cas,
                                            .add = kv_add,
                                            .del = kv_del,
                                            .scan = kv_scan};

    if (t->kv == NULL)
        t->kv = mem_alloc(sizeof(*t->kv));
    testhost_fake(t, CHATD_KV_SERVICE, CHATD_KV_MAJOR, CHATD_KV_MINOR, &api, NULL);
}

void testhost_kv_fail(struct testhost *t, int err)
{
    kv_of(t)->fail = err;
}

chatd_str testhost_kv_value(struct testhost *t, const char *ns, const char *key)
{
    const struct entry *entry = *find(t, ns, key);

    return entry != NULL ? (chatd_str){entry->value, entry->n} : (chatd_str){NULL, 0};
}

void testhost_kv_put(struct testhost *t, const char *ns, const char *key, chatd_str value,
                     int64_t ttl_ms)
{
    struct entry **at = find(t, ns, key), *entry = *at;
    struct call call = {.t = t, .ns = mem_strdup(ns), .key = mem_strdup(key), .ttl_ms = ttl_ms};

    if (value.p != NULL) {
        buf_add(&call.value, value.p, value.n);
        put(&call, at);
    } else if (entry != NULL) {
        *at = entry->next;
        entry_free(entry);
    }
    mem_free(call.ns);
    mem_free(call.key);
    buf_deinit(&call.value);
}

int64_t testhost_kv_ttl(struct testhost *t, const char *ns, const char *key)
{
    const struct entry *entry = *find(t, ns, key);

    if (entry == NULL)
        return -1;
    return entry->until_ms > 0 ? entry->until_ms - t->mono_ms : 0;
}

void testhost_kv_page(struct testhost *t, uint32_t n)
{
    kv_of(t)->page = n;
}

void kv_free(struct testhost *t)
{
    struct entry *entry;

    while (t->kv != NULL && (entry = t->kv->entries) != NULL) {
        t->kv->entries = entry->next;
        entry_free(entry);
    }
    mem_free(t->kv);
}
