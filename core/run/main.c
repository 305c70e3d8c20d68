/* SPDX-License-Identifier: MIT */
/* The command line: run, --check, --dump-config, --health, plugin. */
#include "base/log.h"
#include "base/mem.h"
#include "base/secrecy.h"
#include "master/master.h"
#include "net/address.h"
#include "net/descriptors.h"
#include "run/check.h"
#include "run/plugin.h"
#include "worker/worker.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum mode { RUN, CHECK, DUMP, HEALTH, WORKER, CHECKING };

/* Neither a person's command: what a master starts. */
enum { OPTION_WORKER = 256, OPTION_CHECKING };

static const struct worker_seat alone;

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
    "  chatd plugin new NAME [DIR]    writes a plugin to begin with into the folder DIR/NAME\n"
    "  chatd plugin check FILE.so...  tells what a plugin is, and what is wrong with it\n"
    "  chatd [-c FILE] plugin list    the plugins of the configuration, in their order\n"
    "\n"
    "Every option can be given in the environment: CHATD_<KEY> for [chatd], else\n"
    "CHATD_<SECTION>_<KEY>, as in CHATD_LISTEN=127.0.0.1:9000 or CHATD_PLUGINS_TYPING=off.\n";

static int dump(const char *file)
{
    struct config_report rep = {.line = check_to_stderr};
    struct config *config = config_load(file, environ, &rep);
    struct core_options opt;
    struct worker w;

    core_options_read(config, &opt, &rep);
    worker_init(&w, config, &opt, &alone, &rep);
    config_dump(config, stdout);
    fflush(stdout);
    worker_deinit(&w);
    config_free(config);
    return rep.errors > 0;
}

static int health(const char *file)
{
    struct config_report rep = {.line = check_to_stderr};
    struct config *config = config_load(file, environ, &rep);
    struct core_options opt;
    int rc;

    core_options_read(config, &opt, &rep);
    rc = address_health(opt.listen);
    config_free(config);
    return rc;
}

static int run_alone(const char *file, struct config *config, const struct core_options *opt,
                     struct config_report *rep)
{
    struct worker w;
    int rc = 1;

    bool is_good = worker_init(&w, config, opt, &alone, rep) == 0 && rep->errors == 0;

    check_redis_addr(config, rep);
    if (is_good) {
        descriptors_raise(opt->max_connections, opt->max_http_connections);
        rc = worker_run(&w);
    } else {
        log_error("not started: %u mistake%s in %s; chatd --check shows them all", rep->errors,
                  rep->errors == 1 ? "" : "s", file ? file : "the environment");
    }
    worker_deinit(&w);
    return rc;
}

static int run(const char *file, const char *program)
{
    struct config_report rep = {.line = worker_log_report};
    struct config *config = config_load(file, environ, &rep);
    struct core_options opt;
    int rc;

    core_options_read(config, &opt, &rep);
    log_setup(opt.log_format == 1, (enum log_level)opt.log_level);
    /* With mistakes in [chatd] the number may be wrong, and the one process finds the others, too. */
    if (opt.workers == 0 || rep.errors > 0) {
        rc = run_alone(file, config, &opt, &rep);
        config_free(config);
    } else {
        rc = master_run(file, program, config, &opt);
    }
    log_end();
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"hooks", no_argument, NULL, 'o'},
                                            {"dump-config", no_argument, NULL, 'd'},
                                            {"health", no_argument, NULL, 'H'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"worker", no_argument, NULL, OPTION_WORKER},
                                            {"checking", optional_argument, NULL, OPTION_CHECKING},
                                            {NULL, 0, NULL, 0}};
    const char *file = getenv("CHATD_CONFIG");
    enum mode mode = RUN;
    enum check_print print = CHECK_RESULT;
    int c, copy = -1;

    secrecy_begin();
    while ((c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'k':
            mode = CHECK;
            break;
        case 'o':
            print = CHECK_HOOKS;
            break;
        case 'd':
            mode = DUMP;
            break;
        case 'H':
            mode = HEALTH;
            break;
        case OPTION_WORKER:
            mode = WORKER;
            break;
        case OPTION_CHECKING:
            mode = CHECKING;
            copy = optarg != NULL ? CHECK_COPY_FD : -1;
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
    if (file != NULL && *file == '\0')
        file = NULL;
    if (optind < argc && strcmp(argv[optind], "plugin") == 0)
        return plugin_command(file, argc - optind - 1, argv + optind + 1);
    if (optind < argc) {
        fprintf(stderr, "chatd: \"%s\" is not understood. Try chatd --help.\n", argv[optind]);
        return 2;
    }
    switch (mode) {
    case CHECK:
        return check(file, -1, print, false);
    case CHECKING:
        return check(file, copy, CHECK_RESULT, true);
    case WORKER:
        return worker_main(file);
    case DUMP:
        return dump(file);
    case HEALTH:
        return health(file);
    case RUN:
        break;
    }
    return run(file, argv[0]);
}
