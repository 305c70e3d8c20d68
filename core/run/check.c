/* SPDX-License-Identifier: MIT */
/* --check, in a process of its own: plugins are foreign code. */
#include "run/check.h"

#include "base/log.h"
#include "base/mem.h"
#include "board/seat.h"
#include "host/load.h"
#include "worker/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The number of mistakes is the exit code for a master; above it: there was no check. */
enum { CHECK_ERRORS_MAX = 99 };

void check_to_stderr(void *arg, int severity, const char *text)
{
    static const char *const word[] = {"note: ", "warning: ", "error: "};

    (void)arg;
    fprintf(stderr, "%s%s\n", word[severity], text);
}

/* What the seed's compose file sets. Asked when the plugins are loaded: one of them may read it. */
void check_redis_addr(const struct config *config, struct config_report *rep)
{
    const char *addr = getenv("REDIS_ADDR");

    if (addr == NULL || *addr == '\0' || config_reads_variable(config, "REDIS_ADDR"))
        return;
    rep->line(rep->arg, CONFIG_WARNING,
              "environment REDIS_ADDR: no plugin that is on reads it; write history-redis = on "
              "under [plugins], or set CHATD_PLUGINS_HISTORY_REDIS=on");
    rep->warnings++;
}

static void tell_result(const char *file, const struct config_report *rep)
{
    const char *name = file != NULL ? file : "(no file)";

    if (rep->errors > 0)
        fprintf(stderr, "%s: %u error%s, %u warning%s\n", name, rep->errors,
                rep->errors == 1 ? "" : "s", rep->warnings, rep->warnings == 1 ? "" : "s");
    else
        printf("%s: ok%s\n", name, rep->warnings > 0 ? ", with warnings" : "");
}

/* Returns the number of mistakes. */
static unsigned check_child(const char *file, int copy, enum check_print print, bool is_masters,
                            struct board *board)
{
    const struct worker_seat seat = {.board = board};
    struct config_report rep = {.line = is_masters ? worker_log_report : check_to_stderr};
    struct config *config =
        copy >= 0 ? config_load_copy(file, copy, environ, &rep) : config_load(file, environ, &rep);
    struct core_options opt;
    struct worker w;

    core_options_read(config, &opt, &rep);
    if (is_masters)
        log_setup(opt.log_format == 1, (enum log_level)opt.log_level);
    alarm((unsigned)(opt.start_time / 1000)); /* an init() that hangs must not hold up a roll */
    worker_init(&w, config, &opt, &seat, &rep);
    check_redis_addr(config, &rep);
    if (print == CHECK_HOOKS)
        hook_print(&w.host);
    else if (print == CHECK_PLUGINS)
        load_print(&w.host, w.plugin_dir);
    fflush(stdout);
    worker_deinit(&w);
    config_free(config);
    if (!is_masters && (print != CHECK_PLUGINS || rep.errors > 0))
        tell_result(file, &rep);
    log_end();
    return rep.errors;
}

static void tell_crash(const struct seat *s, int sig, bool is_masters)
{
    char plugin[BOARD_NAME_BYTES];
    char *text;

    board_work_plugin(s, s->work, plugin, sizeof(plugin));
    if (sig == SIGALRM)
        text = mem_printf("%s%s did not come back from the check within start_time",
                          plugin[0] ? "plugin " : "chatd", plugin);
    else
        text = mem_printf("%s%s crashed the check with signal %d (%s)",
                          plugin[0] ? "plugin " : "chatd", plugin, sig, strsignal(sig));
    if (is_masters)
        worker_log_report(NULL, CONFIG_ERROR, text);
    else
        check_to_stderr(NULL, CONFIG_ERROR, text);
    mem_free(text);
}

/* Plugins are foreign code: a check that one of them crashes must still say which. */
int check(const char *file, int copy, enum check_print print, bool is_masters)
{
    struct board *board = board_new(1, true);
    unsigned seat = board_take_seat(board, 1);
    pid_t pid;
    int status;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct board *own = board_attach(board_fd(board), seat);
        unsigned errors;

        board_free(board); /* the parent's own is another */
        errors = check_child(file, copy, print, is_masters, own);

        board_free(own);
        fflush(NULL);
        exit(!is_masters ? errors > 0 : errors < CHECK_ERRORS_MAX ? (int)errors : CHECK_ERRORS_MAX);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        perror("chatd --check");
        return is_masters ? CHECK_ERRORS_MAX + 1 : 1;
    }
    if (WIFSIGNALED(status)) {
        tell_crash(board_seat(board, seat), WTERMSIG(status), is_masters);
        status = is_masters ? CHECK_ERRORS_MAX + 1 : 1;
    } else {
        status = WEXITSTATUS(status);
    }
    board_free(board);
    return status;
}
