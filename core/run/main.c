/* SPDX-License-Identifier: MIT */
/* The command line: run, --check, --dump-config, --health. */
#include "base/log.h"
#include "base/mem.h"
#include "host/host.h"
#include "run/address.h"
#include "run/worker.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum mode { RUN, CHECK, DUMP, HEALTH };

static const char usage[] =
    "chatd " CHATD_VERSION ": a self-hosted chat server\n"
    "\n"
    "  chatd [-c FILE]                runs; without -c: $CHATD_CONFIG, or built-in defaults\n"
    "  chatd [-c FILE] --check        reads the configuration, loads the plugins, tells all mistakes\n"
    "  chatd [-c FILE] --check --hooks  also prints who handles which event, in order\n"
    "  chatd [-c FILE] --dump-config  prints every option with its value, origin and help\n"
    "  chatd [-c FILE] --health       asks the running server for /livez; exit code 0 or 1\n"
    "  chatd --version | --help\n"
    "\n"
    "Every option can be given in the environment: CHATD_<KEY> for [chatd], else\n"
    "CHATD_<SECTION>_<KEY>, as in CHATD_LISTEN=127.0.0.1:9000 or CHATD_PLUGINS_TYPING=off.\n";

static void to_stderr(void *arg, int severity, const char *text)
{
    static const char *const word[] = {"note: ", "warning: ", "error: "};

    (void)arg;
    fprintf(stderr, "%s%s\n", word[severity], text);
}

/* What the seed's compose file sets. Asked when the plugins are loaded: one of them may read it. */
static void check_redis_addr(const struct config *config, struct config_report *rep)
{
    const char *addr = getenv("REDIS_ADDR");

    if (addr == NULL || *addr == '\0' || config_reads_variable(config, "REDIS_ADDR"))
        return;
    rep->line(rep->arg, CONFIG_WARNING,
              "environment REDIS_ADDR: no plugin that is on reads it; write history-redis = on "
              "under [plugins], or set CHATD_PLUGINS_HISTORY_REDIS=on");
    rep->warnings++;
}

/* Plugins are foreign code: a check that one of them crashes must still say which. */
static int check_child(const char *file, bool hooks, char *at_work)
{
    struct config_report rep = {.line = to_stderr};
    struct config *config = config_load(file, environ, &rep);
    struct core_options opt;
    struct worker w;

    worker_options(config, &opt, &rep);
    worker_init(&w, config, &opt, at_work, &rep);
    check_redis_addr(config, &rep);
    if (hooks)
        hook_print(&w.host);
    fflush(stdout);
    worker_deinit(&w);
    config_free(config);
    if (rep.errors > 0) {
        fprintf(stderr, "%s: %u error%s, %u warning%s\n", file ? file : "(no file)", rep.errors,
                rep.errors == 1 ? "" : "s", rep.warnings, rep.warnings == 1 ? "" : "s");
        return 1;
    }
    printf("%s: ok%s\n", file ? file : "(no file)", rep.warnings > 0 ? ", with warnings" : "");
    return 0;
}

static int check(const char *file, bool hooks)
{
    char *at_work =
        mmap(NULL, HOST_AT_WORK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;
    int status;

    if (at_work == MAP_FAILED) {
        perror("chatd --check");
        return 1;
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        int rc = check_child(file, hooks, at_work);

        fflush(NULL);
        exit(rc);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        perror("chatd --check");
        return 1;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "error: %s%s crashed the check with signal %d (%s)\n",
                at_work[0] ? "plugin " : "chatd", at_work, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
        return 1;
    }
    return WEXITSTATUS(status);
}

static int dump(const char *file)
{
    struct config_report rep = {.line = to_stderr};
    struct config *config = config_load(file, environ, &rep);
    struct core_options opt;
    struct worker w;

    worker_options(config, &opt, &rep);
    worker_init(&w, config, &opt, NULL, &rep);
    config_dump(config, stdout);
    fflush(stdout);
    worker_deinit(&w);
    config_free(config);
    return rep.errors > 0;
}

static int health(const char *file)
{
    struct config_report rep = {.line = to_stderr};
    struct config *config = config_load(file, environ, &rep);
    struct core_options opt;
    int rc;

    worker_options(config, &opt, &rep);
    rc = address_health(opt.listen);
    config_free(config);
    return rc;
}

static int run(const char *file)
{
    struct config_report rep = {.line = worker_log_report};
    struct config *config = config_load(file, environ, &rep);
    struct core_options opt;
    struct worker w;
    int rc = 1;

    worker_options(config, &opt, &rep);
    log_setup(opt.log_format == 1, (enum log_level)opt.log_level);
    bool is_good = worker_init(&w, config, &opt, NULL, &rep) == 0 && rep.errors == 0;

    check_redis_addr(config, &rep);
    if (is_good)
        rc = worker_run(&w);
    else
        log_error("not started: %u mistake%s in %s; chatd --check shows them all", rep.errors,
                  rep.errors == 1 ? "" : "s", file ? file : "the environment");
    worker_deinit(&w);
    config_free(config);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"hooks", no_argument, NULL, 'o'},        {"dump-config", no_argument, NULL, 'd'},
        {"health", no_argument, NULL, 'H'},       {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *file = getenv("CHATD_CONFIG");
    enum mode mode = RUN;
    bool hooks = false;
    int c;

    while ((c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'k':
            mode = CHECK;
            break;
        case 'o':
            hooks = true;
            break;
        case 'd':
            mode = DUMP;
            break;
        case 'H':
            mode = HEALTH;
            break;
        case 'V':
            printf("chatd %s (SDK ABI %d.%d)\n", CHATD_VERSION, CHATD_ABI_MAJOR, CHATD_ABI_MINOR);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs("Try chatd --help.\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "chatd: \"%s\" is not understood. Try chatd --help.\n", argv[optind]);
        return 2;
    }
    if (file != NULL && *file == '\0')
        file = NULL;
    switch (mode) {
    case CHECK:
        return check(file, hooks);
    case DUMP:
        return dump(file);
    case HEALTH:
        return health(file);
    case RUN:
        break;
    }
    return run(file);
}
