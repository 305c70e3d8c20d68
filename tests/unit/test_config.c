/* SPDX-License-Identifier: MIT */
/* The typed configuration: what wins, what is stored, and the exact sentence for every mistake. */
#define _DEFAULT_SOURCE 1 /* mkdtemp, open_memstream */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/mem.h"
#include "config/config.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration under test. Messages have the folder of the INI cut off, so that they read as
 * "chatd.ini:1: ...". */
struct world {
    struct config *c;
    struct config_report rep;
    char folder[64], file[96];
    char said[8192];
};

static void hear(void *arg, int severity, const char *text)
{
    static const char *const names[] = {"note", "warning", "error"};
    struct world *w = arg;
    size_t skip = strncmp(text, w->folder, strlen(w->folder)) == 0 ? strlen(w->folder) + 1 : 0;
    size_t n = strlen(w->said);
    assert_in_range(severity, 0, 2);
    assert_true(n + strlen(text) + 16 < sizeof(w->said));
    snprintf(w->said + n, sizeof(w->said) - n, "%s: %s\n", names[severity], text + skip);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* `ini` NULL: no file. `env` NULL: none, else it ends with NULL. */
static void open_world(struct world *w, const char *ini, char *const *env)
{
    *w = (struct world){.rep = {.line = hear, .arg = w}};
    snprintf(w->folder, sizeof(w->folder), "/tmp/chatd-test-config-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->file, sizeof(w->file), "%s/chatd.ini", w->folder);
    if (ini != NULL)
        write_file(w->file, ini);
    w->c = config_load(ini != NULL ? w->file : NULL, env, &w->rep);
    assert_non_null(w->c);
}

static void close_world(struct world *w)
{
    config_free(w->c);
    unlink(w->file);
    assert_int_equal(rmdir(w->folder), 0);
}

/* Compares and forgets what was said. */
static void said(struct world *w, const char *expected)
{
    assert_string_equal(w->said, expected);
    w->said[0] = '\0';
}

struct options {
    const char *name;
    int64_t cost;
    int32_t log;
    int32_t mode;
    int64_t max;
    int64_t wait;
    const char *const *tags;
    const char *path;
    const char *secret;
};

static const char *const modes[] = {"fast", "safe", "odd", NULL};

#define ROW(name_, type_, ...)                                                                 \
    {                                                                                          \
        .key = #name_, .type = (type_), .offset = offsetof(struct options, name_), __VA_ARGS__ \
    }

static const struct chatd_cfg_field rows[] = {
    ROW(name, CHATD_CFG_STR, .def = "chat", .min = 2, .max = 8, .help = "what it is called"),
    ROW(cost, CHATD_CFG_INT, .def = "12", .min = 10, .max = 14, .help = "bcrypt cost"),
    ROW(log, CHATD_CFG_BOOL, .def = "on"),
    ROW(mode, CHATD_CFG_ENUM, .def = "safe", .choices = modes),
    ROW(max, CHATD_CFG_SIZE, .def = "64k", .min = 1024, .max = 1048576),
    ROW(wait, CHATD_CFG_DURATION, .def = "30s", .min = 500, .max = 3600000),
    ROW(tags, CHATD_CFG_LIST, .def = "a,b"),
    ROW(path, CHATD_CFG_PATH, .def = "chatd.db"),
    ROW(secret, CHATD_CFG_SECRET, .min = 8, .max = 64, .help = "never shown"),
    {.key = NULL},
};

static unsigned fill(struct world *w, const char *section, struct options *out)
{
    memset(out, 0xa5, sizeof(*out)); /* config_fill() is to zero it */
    return config_fill(w->c, section, rows, sizeof(rows[0]), out, sizeof(*out), &w->rep);
}

static void test_defaults(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    char folder[PATH_MAX], path[PATH_MAX + 16];
    open_world(&w, NULL, NULL);
    assert_null(config_file(w.c));
    assert_int_equal(fill(&w, "auth", &o), 0);
    assert_string_equal(o.name, "chat");
    assert_int_equal(o.cost, 12);
    assert_int_equal(o.log, 1);
    assert_int_equal(o.mode, 1);
    assert_int_equal(o.max, 65536);
    assert_int_equal(o.wait, 30000);
    assert_string_equal(o.tags[0], "a");
    assert_string_equal(o.tags[1], "b");
    assert_null(o.tags[2]);
    assert_non_null(getcwd(folder, sizeof(folder)));
    snprintf(path, sizeof(path), "%s/chatd.db", folder);
    assert_string_equal(o.path, path);
    assert_null(o.secret);
    said(&w, "");
    close_world(&w);
}

static void test_values_of_the_ini(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    open_world(&w,
               "[auth]\nname = new\ncost = 10\nlog = No\nmode = odd\nmax = 1M\nwait = 500ms\n"
               "tags = , x y,,z ,\npath = data/x.db\nsecret = 12345678\n",
               NULL);
    assert_string_equal(config_file(w.c), w.file);
    assert_int_equal(fill(&w, "auth", &o), 0);
    assert_string_equal(o.name, "new");
    assert_int_equal(o.cost, 10);
    assert_int_equal(o.log, 0);
    assert_int_equal(o.mode, 2);
    assert_int_equal(o.max, 1048576);
    assert_int_equal(o.wait, 500);
    assert_string_equal(o.tags[0], "x");
    assert_string_equal(o.tags[1], "y");
    assert_string_equal(o.tags[2], "z");
    assert_null(o.tags[3]);
    char path[128];
    snprintf(path, sizeof(path), "%s/data/x.db", w.folder);
    assert_string_equal(o.path, path);
    assert_string_equal(o.secret, "12345678");
    assert_int_equal(config_report_unknown(w.c, &w.rep), 0);
    said(&w, "");
    close_world(&w);
}

static void test_all_spellings_of_a_switch(void **state)
{
    (void)state;
    static const char *const on[] = {"on", "yes", "true", "1", "ON"};
    static const char *const off[] = {"off", "no", "false", "0", "False"};
    for (size_t i = 0; i < 10; i++) {
        struct world w;
        struct options o;
        char var[32];
        snprintf(var, sizeof(var), "CHATD_X_LOG=%s", i < 5 ? on[i] : off[i - 5]);
        open_world(&w, NULL, (char *[]){var, NULL});
        assert_int_equal(fill(&w, "x", &o), 0);
        assert_int_equal(o.log, i < 5);
        close_world(&w);
    }
}

static void test_environment_wins(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    char *env[] = {"HOME=/x",
                   "CHATD_MY_AUTH_COST=11",
                   "CHATD_MY_AUTH_PATH=rel",
                   "CHATD_MY_AUTH_NAME=",
                   "CHATD_COST=14",
                   "CHATD_COST=13",
                   NULL};
    open_world(&w, "[my-auth]\ncost = 10\npath = /abs\n", env);
    assert_int_equal(fill(&w, "my-auth", &o), 1);
    said(&w, "error: environment CHATD_MY_AUTH_NAME: [my-auth] name is empty; "
             "write 2 to 8 bytes (default chat)\n");
    assert_int_equal(o.cost, 11);
    assert_string_equal(o.name, "chat");
    char folder[PATH_MAX], path[PATH_MAX + 16];
    assert_non_null(getcwd(folder, sizeof(folder)));
    snprintf(path, sizeof(path), "%s/rel", folder);
    assert_string_equal(o.path, path);

    assert_int_equal(fill(&w, "chatd", &o), 0);
    assert_int_equal(o.cost, 14); /* the first of two, and no section in the name */
    assert_int_equal(config_report_unknown(w.c, &w.rep), 0);
    said(&w, "");
    close_world(&w);
}

/* A name that people know already: weaker than the option's own variable, stronger than the INI. */
static void test_a_variable_of_the_rows_choice(void **state)
{
    (void)state;
    struct where {
        const char *address;
    } o;
    const struct chatd_cfg_field own[] = {
        {.key = "address",
         .type = CHATD_CFG_STR,
         .offset = offsetof(struct where, address),
         .def = "here",
         .env = "REDIS_ADDR"},
        {.key = NULL},
    };
    const struct {
        char *env[3];
        const char *value, *origin;
    } cases[] = {
        {{NULL}, "ini", "chatd.ini:2"},
        {{"REDIS_ADDR=there", NULL}, "there", "environment REDIS_ADDR"},
        {{"REDIS_ADDR=", NULL}, "ini", "chatd.ini:2"},
        {{"REDIS_ADDR=there", "CHATD_R_ADDRESS=own", NULL}, "own", "environment CHATD_R_ADDRESS"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world w;

        open_world(&w, "[r]\naddress = ini\n", cases[i].env);
        assert_false(config_reads_variable(w.c, "REDIS_ADDR"));
        assert_int_equal(config_fill(w.c, "r", own, sizeof(own[0]), &o, sizeof(o), &w.rep), 0);
        assert_string_equal(o.address, cases[i].value);
        assert_non_null(strstr(config_origin(w.c, "r", "address"), cases[i].origin));
        assert_true(config_reads_variable(w.c, "REDIS_ADDR"));
        assert_int_equal(config_report_unknown(w.c, &w.rep), 0);
        said(&w, "");
        close_world(&w);
    }
}

static void test_a_variable_for_two_options_or_of_chatds_own_is_a_fault(void **state)
{
    (void)state;
    struct where {
        const char *a, *b, *c;
    } o;
    const struct chatd_cfg_field own[] = {
        {.key = "a", .type = CHATD_CFG_STR, .offset = offsetof(struct where, a), .env = "X"},
        {.key = "b", .type = CHATD_CFG_STR, .offset = offsetof(struct where, b), .env = "X"},
        {.key = "c", .type = CHATD_CFG_STR, .offset = offsetof(struct where, c), .env = "CHATD_Y"},
        {.key = NULL},
    };
    struct world w;

    open_world(&w, NULL, NULL);
    assert_int_equal(config_fill(w.c, "r", own, sizeof(own[0]), &o, sizeof(o), &w.rep), 2);
    said(&w, "error: option table: [r] b and [r] a would both be read from X\n"
             "error: option table: [r] c would be read from CHATD_Y, and those names are chatd's "
             "own\n");
    close_world(&w);
}

static void test_preset_default(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    open_world(&w, "[a]\ncost = 10\n", NULL);
    config_set_default(w.c, "a", "cost", "11");
    config_set_default(w.c, "b", "cost", "11");
    assert_int_equal(fill(&w, "a", &o), 0);
    assert_int_equal(o.cost, 10);
    assert_int_equal(fill(&w, "b", &o), 0);
    assert_int_equal(o.cost, 11);
    close_world(&w);
}

static void test_wrong_values(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    open_world(&w,
               "[auth]\nname = far-too-long\ncost = 99\nlog = maybe\nmode = slow\nmax = 12q\n"
               "wait = 2h\npath =\nsecret = tiny\n",
               NULL);
    assert_int_equal(fill(&w, "auth", &o), 8);
    said(&w,
         "error: chatd.ini:2: [auth] name = far-too-long is too long; write 2 to 8 bytes "
         "(default chat)\n"
         "error: chatd.ini:3: [auth] cost = 99 is out of range; write 10 to 14 (default 12)\n"
         "error: chatd.ini:4: [auth] log = maybe is not a switch; write on or off (default on)\n"
         "error: chatd.ini:5: [auth] mode = slow is not one of the choices; write fast, safe or "
         "odd (default safe)\n"
         "error: chatd.ini:6: [auth] max = 12q is not a size; write 1k to 1m, units k m g "
         "(default 64k)\n"
         "error: chatd.ini:7: [auth] wait = 2h is out of range; write 500ms to 1h, units ms s m h "
         "d (default 30s)\n"
         "error: chatd.ini:8: [auth] path is empty; write a path (default chatd.db)\n"
         "error: chatd.ini:9: [auth] secret is too short; write 8 to 64 bytes\n");
    assert_int_equal(w.rep.errors, 8);
    assert_int_equal(w.rep.warnings, 0);
    /* Each has its default instead, so that what comes next can be checked as well. */
    assert_string_equal(o.name, "chat");
    assert_int_equal(o.cost, 12);
    assert_int_equal(o.log, 1);
    assert_int_equal(o.mode, 1);
    assert_int_equal(o.max, 65536);
    assert_int_equal(o.wait, 30000);
    assert_null(o.secret);
    assert_int_equal(config_report_unknown(w.c, &w.rep), 0);
    close_world(&w);
}

static void test_not_numbers(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    open_world(&w, "[a]\ncost = twelve\nwait = soon\n", NULL);
    assert_int_equal(fill(&w, "a", &o), 2);
    said(&w, "error: chatd.ini:2: [a] cost = twelve is not a number; write 10 to 14 (default 12)\n"
             "error: chatd.ini:3: [a] wait = soon is not a duration; write 500ms to 1h, units ms s "
             "m h d (default 30s)\n");
    close_world(&w);
}

static void test_wrong_values_are_shown_harmlessly(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    char *env[] = {"CHATD_A_LOG=x\x1b[2J\ny",
                   "CHATD_A_MODE=0123456789012345678901234567890123456789012345\xc3\xa4"
                   "89",
                   "CHATD_A_COST=01234567890123456789012345678901234567890123456\xc3\xa4"
                   "9",
                   NULL};
    open_world(&w, NULL, env);
    assert_int_equal(fill(&w, "a", &o), 3);
    said(&w, "error: environment CHATD_A_COST: [a] cost = "
             "01234567890123456789012345678901234567890123456... is not a number; write 10 to 14 "
             "(default 12)\n"
             "error: environment CHATD_A_LOG: [a] log = x?[2J?y is not a switch; write on or off "
             "(default on)\n"
             "error: environment CHATD_A_MODE: [a] mode = "
             "0123456789012345678901234567890123456789012345\xc3\xa4... is not one of the choices; "
             "write fast, safe or odd (default safe)\n");
    close_world(&w);
}

struct loose {
    int64_t count;
    int64_t least;
    const char *needed;
    const char *key;
    int32_t pick;
    int32_t flag;
};

static const struct chatd_cfg_field loose_rows[] = {
    {.key = "count", .type = CHATD_CFG_INT, .offset = offsetof(struct loose, count)},
    {.key = "least",
     .type = CHATD_CFG_DURATION,
     .offset = offsetof(struct loose, least),
     .min = 1000,
     .max = INT64_MAX},
    {.key = "needed",
     .type = CHATD_CFG_STR,
     .flags = CHATD_CFG_REQUIRED,
     .offset = offsetof(struct loose, needed)},
    {.key = "key",
     .type = CHATD_CFG_SECRET,
     .flags = CHATD_CFG_REQUIRED,
     .offset = offsetof(struct loose, key)},
    {.key = "pick",
     .type = CHATD_CFG_ENUM,
     .offset = offsetof(struct loose, pick),
     .choices = modes},
    {.key = NULL},
};

static unsigned fill_loose(struct world *w, struct loose *out)
{
    return config_fill(w->c, "l", loose_rows, sizeof(loose_rows[0]), out, sizeof(*out), &w->rep);
}

static void test_no_bounds_and_no_default(void **state)
{
    (void)state;
    struct world w;
    struct loose l;
    open_world(&w, "[l]\ncount = -1\nleast = 1\nneeded = x\nkey = k\n", NULL);
    assert_int_equal(fill_loose(&w, &l), 1);
    said(&w, "error: chatd.ini:2: [l] count = -1 is out of range; write 0 or more\n");
    assert_int_equal(l.count, 0);
    assert_int_equal(l.least, 1000);
    assert_int_equal(l.pick, 0);
    close_world(&w);

    open_world(&w, "[l]\nleast = 1ms\nneeded = x\nkey = k\n", NULL);
    assert_int_equal(fill_loose(&w, &l), 1);
    said(&w, "error: chatd.ini:2: [l] least = 1ms is out of range; write 1s or more, units ms s m "
             "h d\n");
    close_world(&w);
}

static void test_required(void **state)
{
    (void)state;
    struct world w;
    struct loose l;
    open_world(&w, "[l]\n", NULL);
    assert_int_equal(fill_loose(&w, &l), 2);
    said(&w, "error: chatd.ini: [l] needed is required; write it there or set CHATD_L_NEEDED\n"
             "error: chatd.ini: [l] key is required; write it there or set CHATD_L_KEY\n");
    close_world(&w);
    open_world(&w, NULL, NULL);
    assert_int_equal(fill_loose(&w, &l), 2);
    said(&w, "error: environment: [l] needed is required; set CHATD_L_NEEDED\n"
             "error: environment: [l] key is required; set CHATD_L_KEY\n");
    close_world(&w);
}

/* Fills [auth] with CHATD_AUTH_SECRET_FILE naming a file with `n` bytes of `text`. */
static void secret_file(const char *text, size_t n, const char *value, const char *fault)
{
    char path[] = "/tmp/chatd-test-secret-XXXXXX", var[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);

    struct world w;
    struct options o;
    snprintf(var, sizeof(var), "CHATD_AUTH_SECRET_FILE=%s", path);
    open_world(&w, "[auth]\nsecret = from-the-ini\n", (char *[]){var, NULL});
    assert_int_equal(fill(&w, "auth", &o), fault != NULL);
    char *expected = fault == NULL ? mem_strdup("")
                                   : mem_printf("error: environment CHATD_AUTH_SECRET_FILE: "
                                                "cannot use \"%s\": %s\n",
                                                path, fault);
    said(&w, expected);
    if (value != NULL)
        assert_string_equal(o.secret, value);
    else
        assert_null(o.secret);
    assert_int_equal(config_report_unknown(w.c, &w.rep), 0);
    said(&w, "");
    mem_free(expected);
    close_world(&w);
    unlink(path);
}

static void test_secret_from_file(void **state)
{
    (void)state;
    secret_file("password ;1\nsecond line\n", 24, "password ;1", NULL);
    secret_file("password1\r\n", 11, "password1", NULL);
    secret_file("password1", 9, "password1", NULL);
    secret_file("", 0, NULL, "its first line is empty");
    secret_file("\npassword1\n", 11, NULL, "its first line is empty");
    secret_file("pass\0word1\n", 11, NULL, "its first line holds a NUL byte");
    char *text = mem_alloc(65536);
    memset(text, 'p', 65536);
    secret_file(text, 65536, NULL, "its first line is too long");
    mem_free(text);
}

static void test_secret_file_mistakes(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    char *env[] = {"CHATD_A_SECRET_FILE=/nonexistent", "CHATD_B_SECRET_FILE=/tmp",
                   "CHATD_C_SECRET_FILE=/nonexistent", "CHATD_C_SECRET=12345678", NULL};
    open_world(&w, NULL, env);
    assert_int_equal(fill(&w, "a", &o), 1);
    assert_int_equal(fill(&w, "b", &o), 1);
    assert_int_equal(fill(&w, "c", &o), 1);
    assert_null(o.secret);
    said(&w, "error: environment CHATD_A_SECRET_FILE: cannot read \"/nonexistent\": No such file "
             "or directory\n"
             "error: environment CHATD_B_SECRET_FILE: cannot use \"/tmp\": Is a directory\n"
             "error: environment CHATD_C_SECRET_FILE: CHATD_C_SECRET is set as well; keep one of "
             "them\n");
    close_world(&w);
}

static void test_unknown(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    char *env[] = {"CHATD_CONFIG=/x.ini",   "CHATD_AUTH_COTS=1",       "CHATD_AUTH_COST_FILE=/x",
                   "CHATD_SOMETHING_ELSE=", "CHATD_TYPING_ANYTHING=1", NULL};
    open_world(&w,
               "[auht]\nx = 1\n[auth]\nCost = 11\nlisen = x\nnaem = abc\n[elsewhere]\ny = 1\n"
               "[typing]\nanything = 1\n",
               env);
    assert_int_equal(fill(&w, "auth", &o), 0);
    config_section_ignore(w.c, "typing");
    config_section_ignore(w.c, "auth"); /* filled: stays checked */
    said(&w, "");
    assert_int_equal(config_report_unknown(w.c, &w.rep), 5);
    said(&w, "error: chatd.ini:1: unknown section [auht]; did you mean [auth]?\n"
             "error: chatd.ini:4: unknown key \"Cost\" in [auth]; did you mean \"cost\"?\n"
             "error: chatd.ini:5: unknown key \"lisen\" in [auth]\n"
             "error: chatd.ini:6: unknown key \"naem\" in [auth]; did you mean \"name\"?\n"
             "error: chatd.ini:7: unknown section [elsewhere]\n"
             "warning: environment CHATD_AUTH_COTS: unknown variable; did you mean "
             "CHATD_AUTH_COST?\n"
             "warning: environment CHATD_AUTH_COST_FILE: unknown variable; only a secret is read "
             "from a file, set CHATD_AUTH_COST\n"
             "warning: environment CHATD_SOMETHING_ELSE: unknown variable\n");
    assert_int_equal(w.rep.warnings, 3);
    close_world(&w);
}

static void test_ini_problems_are_errors(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    open_world(&w, "[auth]\nname\ncost = 11\n", NULL);
    said(&w, "error: chatd.ini:2: the line has no '='; write key = value\n");
    assert_int_equal(w.rep.errors, 1);
    assert_int_equal(fill(&w, "auth", &o), 0);
    assert_int_equal(o.cost, 11);
    close_world(&w);
}

static void item_is(const struct config_item *item, const char *key, const char *value,
                    const char *origin_end)
{
    assert_string_equal(item->key, key);
    assert_string_equal(item->value, value);
    size_t n = strlen(item->origin), end = strlen(origin_end);
    assert_true(n >= end);
    assert_string_equal(item->origin + n - end, origin_end);
}

static void test_open_sections(void **state)
{
    (void)state;
    struct world w;
    struct config_item item[8];
    char *env[] = {"CHATD_PLUGINS_HISTORY_REDIS=on",
                   "CHATD_PLUGINS_MY_OWN=/x.so",
                   "CHATD_SERVICES_CHATD_LOG=history-redis",
                   "CHATD_SERVICES_ACME_MY_THING=acme",
                   "CHATD_HOOKS_ROOM_JOIN=auth",
                   NULL};
    open_world(&w, "[plugins]\nauth = on\nhistory-redis = off\n[services]\nacme.my-thing = other\n",
               env);
    config_set_default(w.c, "plugins", "auth", "off");
    config_set_default(w.c, "plugins", "static", "on");

    assert_int_equal(config_items(w.c, "plugins", item, 1), 4);
    assert_int_equal(config_items(w.c, "plugins", item, 8), 4);
    item_is(&item[0], "auth", "on", "/chatd.ini:2");
    item_is(&item[1], "history-redis", "on", "environment CHATD_PLUGINS_HISTORY_REDIS");
    item_is(&item[2], "my-own", "/x.so", "environment CHATD_PLUGINS_MY_OWN");
    item_is(&item[3], "static", "on", "default");
    assert_int_equal(config_items(w.c, "services", item, 8), 2);
    item_is(&item[0], "acme.my-thing", "acme", "environment CHATD_SERVICES_ACME_MY_THING");
    item_is(&item[1], "chatd.log", "history-redis", "environment CHATD_SERVICES_CHATD_LOG");
    assert_int_equal(config_items(w.c, "hooks", item, 8), 1);
    item_is(&item[0], "room_join", "auth", "environment CHATD_HOOKS_ROOM_JOIN");
    assert_int_equal(config_items(w.c, "nothing", NULL, 0), 0);
    assert_int_equal(config_report_unknown(w.c, &w.rep), 0);
    said(&w, "");
    close_world(&w);
}

/* One table with one row, or several, that must be refused. */
static void refuse_rows(const struct chatd_cfg_field *bad, size_t size, const char *expected)
{
    struct world w;
    struct options o;
    open_world(&w, NULL, NULL);
    config_fill(w.c, "s", bad, sizeof(*bad), &o, size, &w.rep);
    said(&w, expected);
    close_world(&w);
}

#define TABLE(...) ((const struct chatd_cfg_field[]){__VA_ARGS__, {.key = NULL}})

static void test_bad_members(void **state)
{
    (void)state;
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_INT, .offset = 8}), 15,
                "error: option table: [s] x has a member outside of the struct\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_INT, .offset = SIZE_MAX - 7}), 16,
                "error: option table: [s] x has a member outside of the struct\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_BOOL, .offset = 12}), 16, "");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_STR, .offset = 4}), 16,
                "error: option table: [s] x has a misaligned member\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_INT, .offset = 0},
                      {.key = "y", .type = CHATD_CFG_BOOL, .offset = 4}),
                16, "error: option table: [s] y shares its member with x\n");
}

static void test_bad_rows(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    refuse_rows(TABLE({.key = "X", .type = CHATD_CFG_INT}), 8,
                "error: option table: [s] X has a key that is not made of a-z, 0-9 and "
                "underscores\n");
    refuse_rows(TABLE({.key = "x"}), 8,
                "error: option table: [s] x has a type this chatd does not know\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_SECRET + 1}), 8,
                "error: option table: [s] x has a type this chatd does not know\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_ENUM}), 8,
                "error: option table: [s] x has no choices\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_ENUM, .choices = none}), 8,
                "error: option table: [s] x has no choices\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_INT, .min = 1}), 8,
                "error: option table: [s] x has a minimum above its maximum\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_INT, .flags = CHATD_CFG_REQUIRED, .def = "1"}),
                8, "error: option table: [s] x is required and has a default\n");
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_INT, .def = "9", .max = 8}), 8,
                "error: option table: [s] x = 9 is out of range; write 0 to 8 (default 9)\n");
}

static void test_clashing_variables(void **state)
{
    (void)state;
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_INT},
                      {.key = "x", .type = CHATD_CFG_INT, .offset = 8}),
                16, "error: option table: [s] x is listed twice\n");
    static const char clash[] = "error: option table: [s] x_file and [s] x would both be read from "
                                "CHATD_S_X_FILE\n";
    refuse_rows(TABLE({.key = "x", .type = CHATD_CFG_SECRET},
                      {.key = "x_file", .type = CHATD_CFG_PATH, .offset = 8}),
                16, clash);
    refuse_rows(TABLE({.key = "x_file", .type = CHATD_CFG_PATH, .offset = 8},
                      {.key = "x", .type = CHATD_CFG_SECRET}),
                16,
                "error: option table: [s] x and [s] x_file would both be read from "
                "CHATD_S_X_FILE\n");

    struct world w;
    int64_t member;
    open_world(&w, NULL, NULL);
    config_fill(w.c, "s", TABLE({.key = "t_x", .type = CHATD_CFG_INT}),
                sizeof(struct chatd_cfg_field), &member, sizeof(member), &w.rep);
    config_fill(w.c, "s-t", TABLE({.key = "x", .type = CHATD_CFG_INT}),
                sizeof(struct chatd_cfg_field), &member, sizeof(member), &w.rep);
    config_fill(w.c, "chatd",
                TABLE({.key = "config", .type = CHATD_CFG_INT},
                      {.key = "plugins_dir", .type = CHATD_CFG_INT}),
                sizeof(struct chatd_cfg_field), &member, sizeof(member), &w.rep);
    config_fill(w.c, "plugins", NULL, 0, NULL, 0, &w.rep);
    said(&w, "error: option table: [s-t] x and [s] t_x would both be read from CHATD_S_T_X\n"
             "error: option table: [chatd] config would be read from CHATD_CONFIG, which names the "
             "INI\n"
             "error: option table: [chatd] plugins_dir would be read from CHATD_PLUGINS_DIR, which "
             "belongs to [plugins]\n"
             "error: option table: [plugins] is chatd's own section\n");
    close_world(&w);
}

/* A row as a later SDK may have it. */
struct wide {
    struct chatd_cfg_field row;
    uint64_t later;
};

static unsigned fill_wide(struct world *w, const struct wide *table, int64_t *out)
{
    return config_fill(w->c, "s", (const struct chatd_cfg_field *)(const void *)table,
                       sizeof(*table), out, sizeof(*out), &w->rep);
}

static void test_rows_of_another_size(void **state)
{
    (void)state;
    struct world w;
    int64_t out;
    struct wide table[] = {
        {.row = {.key = "x", .type = CHATD_CFG_INT, .def = "7"}},
        {.row = {.key = NULL}},
    };
    open_world(&w, NULL, NULL);
    assert_int_equal(fill_wide(&w, table, &out), 0);
    assert_int_equal(out, 7);
    table[0].later = 1;
    assert_int_equal(fill_wide(&w, table, &out), 1);
    assert_int_equal(out, 0);
    assert_int_equal(config_fill(w.c, "s", &table[0].row, 16, &out, sizeof(out), &w.rep), 1);
    said(&w, "error: option table: [s] x uses what this chatd is too old for\n"
             "error: option table: [s] has rows of 16 bytes\n");
    close_world(&w);
}

static void test_table_without_end(void **state)
{
    (void)state;
    struct world w;
    int64_t out;
    static struct chatd_cfg_field endless[257];
    for (size_t i = 0; i < 257; i++)
        endless[i] = (struct chatd_cfg_field){.key = "x", .type = CHATD_CFG_INT};
    open_world(&w, NULL, NULL);
    w.rep.line = NULL; /* only counts */
    assert_int_equal(config_fill(w.c, "s", endless, sizeof(endless[0]), &out, sizeof(out), &w.rep),
                     256);
    close_world(&w);
}

static void test_no_options(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "[typing]\nx = 1\n", NULL);
    assert_int_equal(config_fill(w.c, "typing", NULL, 0, NULL, 0, &w.rep), 0);
    assert_int_equal(config_report_unknown(w.c, &w.rep), 1);
    said(&w, "error: chatd.ini:2: unknown key \"x\" in [typing]\n");
    close_world(&w);
}

static void test_filled_again(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    open_world(&w, "[auth]\ncost = 11\n", NULL);
    assert_int_equal(fill(&w, "auth", &o), 0);
    assert_int_equal(fill(&w, "auth", &o), 0);
    assert_int_equal(o.cost, 11);
    close_world(&w);
}

static void test_dump(void **state)
{
    (void)state;
    struct world w;
    struct options o;
    char *env[] = {"CHATD_AUTH_NAME=a ;b", "CHATD_AUTH_SECRET=top-secret", NULL};
    open_world(&w, "[plugins]\nauth = on\n[auth]\npath = /abs\n", env);
    assert_int_equal(fill(&w, "auth", &o), 0);
    assert_string_equal(o.name, "a ;b");

    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    config_dump(w.c, out);
    assert_int_equal(fclose(out), 0);
    char *expected = mem_printf("[plugins]\n"
                                "; from %s:2\n"
                                "auth = on\n"
                                "\n"
                                "[auth]\n"
                                "; what it is called\n"
                                "; text: 2 to 8 bytes (default chat)\n"
                                "; from environment CHATD_AUTH_NAME\n"
                                "; name: its value cannot be written in an INI\n"
                                "\n"
                                "; bcrypt cost\n"
                                "; number: 10 to 14 (default 12)\n"
                                "; from default\n"
                                "cost = 12\n"
                                "\n"
                                "; switch: on or off (default on)\n"
                                "; from default\n"
                                "log = on\n"
                                "\n"
                                "; choice: fast, safe or odd (default safe)\n"
                                "; from default\n"
                                "mode = safe\n"
                                "\n"
                                "; size: 1k to 1m, units k m g (default 64k)\n"
                                "; from default\n"
                                "max = 64k\n"
                                "\n"
                                "; duration: 500ms to 1h, units ms s m h d (default 30s)\n"
                                "; from default\n"
                                "wait = 30s\n"
                                "\n"
                                "; list: words separated by commas or blanks (default a,b)\n"
                                "; from default\n"
                                "tags = a,b\n"
                                "\n"
                                "; path: a path (default chatd.db)\n"
                                "; from %s:4\n"
                                "path = /abs\n"
                                "\n"
                                "; never shown\n"
                                "; secret: 8 to 64 bytes\n"
                                "; from environment CHATD_AUTH_SECRET\n"
                                "secret = ********\n"
                                "\n",
                                w.file, w.file);
    assert_string_equal(text, expected);
    free(text);
    mem_free(expected);
    close_world(&w);
}

static void test_dump_of_unset(void **state)
{
    (void)state;
    struct world w;
    struct loose l;
    open_world(&w, NULL, (char *[]){"CHATD_L_NEEDED=x", "CHATD_L_COUNT=3", NULL});
    assert_int_equal(fill_loose(&w, &l), 1);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    config_dump(w.c, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "[l]\n"
                              "; number: 0 or more\n"
                              "; from environment CHATD_L_COUNT\n"
                              "count = 3\n"
                              "\n"
                              "; duration: 1s or more, units ms s m h d\n"
                              "; not set\n"
                              "; least =\n"
                              "\n"
                              "; text: 0 or more bytes (required)\n"
                              "; from environment CHATD_L_NEEDED\n"
                              "needed = x\n"
                              "\n"
                              "; secret: 0 or more bytes (required)\n"
                              "; not set\n"
                              "; key =\n"
                              "\n"
                              "; choice: fast, safe or odd\n"
                              "; not set\n"
                              "; pick =\n"
                              "\n");
    free(text);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values_of_the_ini),
        cmocka_unit_test(test_all_spellings_of_a_switch),
        cmocka_unit_test(test_environment_wins),
        cmocka_unit_test(test_a_variable_of_the_rows_choice),
        cmocka_unit_test(test_a_variable_for_two_options_or_of_chatds_own_is_a_fault),
        cmocka_unit_test(test_preset_default),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_not_numbers),
        cmocka_unit_test(test_wrong_values_are_shown_harmlessly),
        cmocka_unit_test(test_no_bounds_and_no_default),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_secret_from_file),
        cmocka_unit_test(test_secret_file_mistakes),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_ini_problems_are_errors),
        cmocka_unit_test(test_open_sections),
        cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_clashing_variables),
        cmocka_unit_test(test_rows_of_another_size),
        cmocka_unit_test(test_table_without_end),
        cmocka_unit_test(test_no_options),
        cmocka_unit_test(test_filled_again),
        cmocka_unit_test(test_dump),
        cmocka_unit_test(test_dump_of_unset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
