/* SPDX-License-Identifier: MIT */
/* The plugin `auth`: its options, what it needs, and its life. */
#include "auth.h"

#include "change.h"
#include "check.h"
#include "login.h"
#include "logout.h"
#include "logout_all.h"
#include "names.h"
#include "register.h"
#include "renew.h"
#include "revoke.h"
#include "revoke_user.h"
#include "session.h"
#include "tries.h"
#include "weak.h"

#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>

#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

static const char *const secure_choices[] = {"auto", "on", "off", NULL};
static const char *const registration_choices[] = {"open", "closed", NULL};

static const struct chatd_cfg_field fields[] = {
    {.key = "jwt_secret",
     .type = CHATD_CFG_SECRET,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, jwt_secret),
     .help = "key that signs tokens, at least 32 bytes (openssl rand -base64 48); "
             "not set: drawn once and kept in chatd.kv"},
    {.key = "jwt_key_file",
     .type = CHATD_CFG_PATH,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, jwt_key_file),
     .help = "in its place: PEM file of a private key, P-256 for ES256 or RSA for RS256"},
    {.key = "jwt_old_secret",
     .type = CHATD_CFG_SECRET,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, jwt_old_secret),
     .help = "the jwt_secret before this one: signs nothing, but its tokens stay good"},
    {.key = "jwt_old_key_file",
     .type = CHATD_CFG_PATH,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, jwt_old_key_file),
     .help = "PEM file of keys that only verify: private or public halves, as many as there are"},
    {.key = "token_ttl",
     .type = CHATD_CFG_DURATION,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, token_ttl_ms),
     .def = "24h",
     .min = 60000,
     .max = 365 * DAY_MS,
     .help = "how long a login lasts"},
    {.key = "session_max",
     .type = CHATD_CFG_DURATION,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, session_max_ms),
     .def = "30d",
     .min = 0,
     .max = 365 * DAY_MS,
     .help = "how long after the password a login may be renewed without it; 0: not at all"},
    {.key = "clock_leeway",
     .type = CHATD_CFG_DURATION,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, clock_leeway_ms),
     .def = "30s",
     .min = 0,
     .max = 600000,
     .help = "by how much the clocks of those who make tokens may differ from ours"},
    {.key = "bcrypt_cost",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, bcrypt_cost),
     .def = "12",
     .min = 10,
     .max = 14,
     .help = "work of one password hash; each step doubles it"},
    {.key = "cookie_secure",
     .type = CHATD_CFG_ENUM,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, cookie_secure),
     .def = "auto",
     .choices = secure_choices,
     .help = "send the cookie over https only; auto: when the login came by https"},
    {.key = "registration",
     .type = CHATD_CFG_ENUM,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, registration),
     .def = "open",
     .choices = registration_choices,
     .help = "whether anybody may make an account"},
    {.key = "reserved_names",
     .type = CHATD_CFG_LIST,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, reserved_names),
     .def = "admin administrator root system server chatd moderator support everyone here all",
     .help = "names that nobody can register; accounts that exist are left alone"},
    {.key = "password_check",
     .type = CHATD_CFG_BOOL,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, password_check),
     .def = "on",
     .help = "refuse new passwords that are easy to guess (libcrack2)"},
    {.key = "password_dictionary",
     .type = CHATD_CFG_PATH,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, password_dictionary),
     .help = "its dictionary, without .pwi; not set: that of cracklib-runtime"},
    {.key = "login_rate",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, login_rate),
     .def = "60",
     .min = 0,
     .max = 100000,
     .help = "logins tried a minute by one address; 0: no limit"},
    {.key = "register_rate",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, register_rate),
     .def = "60",
     .min = 0,
     .max = 100000,
     .help = "registrations tried a minute by one address; 0: no limit"},
    {.key = "account_rate",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, account_rate),
     .def = "10",
     .min = 0,
     .max = 100000,
     .help = "wrong passwords a minute for one account, from wherever; 0: no limit"},
    {.key = "login_rate_total",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, login_rate_total),
     .def = "600",
     .min = 0,
     .max = 1000000,
     .help = "logins tried a minute by all together; 0: no limit"},
    {.key = "register_rate_total",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(struct auth_config, register_rate_total),
     .def = "300",
     .min = 0,
     .max = 1000000,
     .help = "registrations tried a minute by all together; 0: no limit"},
    {.key = NULL},
};

static const struct chatd_need needs[] = {
    {CHATD_KV_SERVICE, CHATD_KV_MAJOR, CHATD_KV_MINOR, CHATD_NEED_OPTIONAL},
    {CHATD_BUS_SERVICE, CHATD_BUS_MAJOR, CHATD_BUS_MINOR, CHATD_NEED_OPTIONAL},
    {NULL, 0, 0, 0},
};

void *auth_alloc(size_t bytes)
{
    void *p = calloc(1, bytes);

    if (p == NULL)
        abort();
    return p;
}

void auth_count(struct auth *a, int metric, enum auth_result result)
{
    if (!a->stopped)
        chatd_metric_add(a->self, metric, (int)result, 1);
}

void auth_limited(struct auth *a, enum auth_limit limit)
{
    if (!a->stopped)
        chatd_metric_add(a->self, a->metric.limited, (int)limit, 1);
}

void auth_report(struct auth *a)
{
    if (!key_ready(a))
        chatd_ready(a->self, CHATD_AWAY, a->key.missing);
    else if (a->folded.failed)
        chatd_ready(a->self, CHATD_DEGRADED, "registration waits until `users` has been read");
    else
        chatd_ready(a->self, CHATD_READY, "");
}

void auth_store_back(struct auth *a)
{
    key_refresh(a);
    sockets_recheck(a);
}

void auth_free(struct auth *a)
{
    limit_deinit(&a->login_limit);
    limit_deinit(&a->register_limit);
    limit_deinit(&a->login_total);
    limit_deinit(&a->register_total);
    limit_deinit(&a->account_limit);
    revoked_deinit(&a->revoked);
    since_deinit(&a->since);
    sockets_deinit(a);
    key_deinit(&a->key);
    free(a);
}

static int init_metrics(struct auth *a)
{
    static const char *const results[] = {"ok", "bad", "limited", "error", NULL};
    static const char *const limits[] = {"address", "account", "server", "queue", NULL};
    const struct {
        struct chatd_metric_def def;
        int *out;
    } rows[] = {
        {{sizeof(rows[0].def), CHATD_COUNTER, "limited_total", "calls that a limit turned away",
          "limit", limits},
         &a->metric.limited},
        {{sizeof(rows[0].def), CHATD_COUNTER, "logins_total", "logins tried", "result", results},
         &a->metric.logins},
        {{sizeof(rows[0].def), CHATD_COUNTER, "registrations_total", "registrations tried",
          "result", results},
         &a->metric.registrations},
        {{sizeof(rows[0].def), CHATD_COUNTER, "password_changes_total",
          "changes of passwords tried", "result", results},
         &a->metric.changes},
        {{sizeof(rows[0].def), CHATD_COUNTER, "revoked_total", "tokens revoked here", NULL, NULL},
         &a->metric.revoked},
        {{sizeof(rows[0].def), CHATD_COUNTER, "revoked_users_total",
          "times that all tokens of a user were revoked here", NULL, NULL},
         &a->metric.revoked_users},
        {{sizeof(rows[0].def), CHATD_COUNTER, "renewed_total",
          "tokens and sockets whose end was moved", NULL, NULL},
         &a->metric.renewed},
        {{sizeof(rows[0].def), CHATD_HISTOGRAM, "hash_seconds", "time of one password job", NULL,
          NULL},
         &a->metric.hash_seconds},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = chatd_metric(a->self, &rows[i].def, rows[i].out);

        if (rc < 0)
            return rc;
    }
    return CHATD_OK;
}

/* A word that no account can have reserves nothing. */
static int check_reserved(chatd_plugin *self, const struct auth_config *config)
{
    const char *const *word = config->reserved_names;
    char folded[NAME_BYTES_MAX + 1];
    const char *why;

    for (; word != NULL && *word != NULL; word++) {
        if (name_fold((chatd_str){*word, strlen(*word)}, folded, &why) < 0) {
            chatd_log(self, CHATD_LOG_ERROR,
                      "[auth] reserved_names: \"%s\" can be no name. %s; write the names "
                      "separated by blanks.",
                      *word, why);
            return CHATD_E_INVAL;
        }
    }
    return CHATD_OK;
}

static int init_parts(struct auth *a)
{
    static int (*const parts[])(struct auth *) = {
        key_init,      init_metrics, check_offer_service, sockets_init, session_init, login_init,
        register_init, logout_init,  logout_all_init,     change_init,  renew_init,
    };
    size_t i;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int rc = parts[i](a);

        if (rc < 0)
            return rc;
    }
    return chatd_feature(a->self, "auth");
}

static int init(chatd_plugin *self)
{
    struct auth *a = auth_alloc(sizeof(*a));
    int rc;

    a->self = self;
    self->data = a;
    rc = check_reserved(self, auth_config(a));
    if (rc >= 0)
        rc = init_parts(a);
    if (rc < 0) {
        self->data = NULL;
        auth_free(a);
    }
    return rc;
}

static int start(chatd_plugin *self)
{
    static int (*const parts[])(struct auth *) = {key_start,   revoke_start,  revoke_user_start,
                                                  tries_start, sockets_start, weak_start};
    struct auth *a = self->data;
    size_t i;

    a->kv = chatd_service(self, CHATD_KV_SERVICE);
    a->bus = chatd_service(self, CHATD_BUS_SERVICE);
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int rc = parts[i](a);

        if (rc < 0)
            return rc;
    }
    folded_start(a);
    if (a->kv == NULL)
        chatd_log(
            self, CHATD_LOG_WARN,
            "no plugin offers chatd.kv: tokens are checked, but nobody can register or log in");
    return CHATD_OK;
}

static int reload(chatd_plugin *self, const void *fresh)
{
    int rc = check_reserved(self, fresh);

    /* The other options are read at their use. */
    return rc < 0 ? rc : key_reload(self->data, fresh);
}

static void stop(chatd_plugin *self)
{
    struct auth *a = self->data;

    if (a == NULL)
        return;
    revoke_stop(a);
    revoke_user_stop(a);
    tries_stop(a);
    a->stopped = true;
    self->data = NULL;
    folded_deinit(a);
    check_deinit(a);
    if (a->calls == 0)
        auth_free(a);
}

CHATD_PLUGIN(.name = "auth", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct auth_config), .needs = needs, .init = init,
             .start = start, .stop = stop, .reload = reload);
