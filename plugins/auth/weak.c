/* SPDX-License-Identifier: MIT */
/* Passwords that a guesser tries early: a job around libcrack2. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "weak.h"

#include "password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <crack.h> /* uses size_t and does not say where from */

#define WEAK_DEADLINE_MS 5000u
#define WEAK_WHY_BYTES   128u
#define PATH_BYTES       4096u
#define BELOW_BYTES      65536u

/* All that the thread touches. */
struct weighing {
    struct auth *a;
    weak_cb cb; /* NULL: only the dictionary is looked for */
    void *arg;
    bool missing; /* the dictionary */
    char dictionary[PATH_BYTES];
    char user[NAME_FIELD_MAX + 1];
    char password[PASSWORD_NEW_MAX + 1];
    char why[WEAK_WHY_BYTES]; /* empty: nothing to object */
};

/* [pool] */
static bool has_part(const char *dictionary, const char *suffix)
{
    char part[PATH_BYTES + 8];

    snprintf(part, sizeof(part), "%s%s", dictionary, suffix);
    return access(part, R_OK) == 0;
}

/* [pool] Looked for by ourselves: libcrack2 writes to stderr when it is not there, and older ones end
 * the process. */
static bool is_there(const char *dictionary)
{
    return has_part(dictionary, ".pwi") &&
           (has_part(dictionary, ".pwd") || has_part(dictionary, ".pwd.gz"));
}

/* [pool] The library leaves the password in its variables, in a part of the stack that nobody uses for as long
 * as the thread has nothing deeper to do. */
static __attribute__((noinline)) void wipe_below(void)
{
    char below[BELOW_BYTES];

    explicit_bzero(below, sizeof(below));
}

/* [pool] */
static int run(void *arg)
{
    struct weighing *w = arg;
    const char *why;

    w->missing = !is_there(w->dictionary);
    if (w->missing || w->cb == NULL)
        return CHATD_OK;
    why = FascistCheckUser(w->password, w->dictionary, w->user, NULL);
    wipe_below();
    if (why != NULL)
        snprintf(w->why, sizeof(w->why), "%s", why);
    return CHATD_OK;
}

static void note_missing(struct auth *a, const struct weighing *w)
{
    if (w->missing && !a->no_dictionary)
        chatd_log(a->self, CHATD_LOG_WARN,
                  "there is no dictionary at %s, so weak passwords are taken: install "
                  "cracklib-runtime, or write password_check = off",
                  w->dictionary);
    a->no_dictionary = w->missing;
}

static void done(chatd_plugin *self, int rc, void *arg)
{
    const struct weighing *w = arg;

    (void)self;
    /* After a deadline the thread may still be writing: nothing of `w` but its first members. */
    if (rc == CHATD_OK)
        note_missing(w->a, w);
    if (w->cb != NULL)
        w->cb(w->a, rc, rc == CHATD_OK && w->why[0] != '\0' ? w->why : NULL, w->arg);
}

static void release(void *arg)
{
    explicit_bzero(arg, sizeof(struct weighing));
    free(arg);
}

static int start(struct auth *a, struct weighing *w)
{
    const char *own = auth_config(a)->password_dictionary;
    struct chatd_job job = {
        .size = sizeof(job),
        .queue = CHATD_JOB_IO,
        .deadline_ms = WEAK_DEADLINE_MS,
        .run = run,
        .done = done,
        .release = release,
        .arg = w,
    };
    int rc;

    w->a = a;
    snprintf(w->dictionary, sizeof(w->dictionary), "%s",
             own != NULL && own[0] != '\0' ? own : GetDefaultCracklibDict());
    rc = chatd_job(a->self, &job);
    if (rc == CHATD_E_BUSY && w->cb != NULL)
        auth_limited(a, LIMIT_QUEUE);
    if (rc < 0)
        release(w);
    return rc;
}

int weak_start(struct auth *a)
{
    if (!auth_config(a)->password_check)
        return CHATD_OK;
    return start(a, auth_alloc(sizeof(struct weighing)));
}

int weak_ask(struct auth *a, const char *password, const char *user, weak_cb cb, void *arg)
{
    struct weighing *w;

    if (!auth_config(a)->password_check)
        return 1;
    w = auth_alloc(sizeof(*w));
    w->cb = cb;
    w->arg = arg;
    snprintf(w->user, sizeof(w->user), "%s", user);
    snprintf(w->password, sizeof(w->password), "%s", password);
    return start(a, w);
}
