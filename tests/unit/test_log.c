/* SPDX-License-Identifier: MIT */
/* The log: one line an event, nothing a peer sent can forge another, repeats are folded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char text[8192];
static int saved, pipe_fd[2];

static void capture(void)
{
    assert_int_equal(pipe2(pipe_fd, O_NONBLOCK), 0);
    saved = dup(STDERR_FILENO);
    dup2(pipe_fd[1], STDERR_FILENO);
}

static const char *captured(void)
{
    ssize_t n = read(pipe_fd[0], text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    return text;
}

static size_t lines(const char *p)
{
    size_t n = 0;

    while ((p = strchr(p, '\n')) != NULL) {
        n++;
        p++;
    }
    return n;
}

static void one_event_is_one_line(void **state)
{
    const char *out;

    (void)state;
    log_setup(false, LOG_L_INFO);
    capture();
    log_warn("hello %d", 5);
    log_debug("not wanted");
    out = captured();
    assert_int_equal(lines(out), 1);
    assert_non_null(strstr(out, " warn  core: hello 5\n"));
    assert_int_equal(out[10], 'T'); /* 2026-01-01T... */
    assert_false(log_wants(LOG_L_DEBUG));
    assert_true(log_wants(LOG_L_ERROR));
}

static void control_characters_are_shown_not_obeyed(void **state)
{
    const char *out;

    (void)state;
    log_setup(false, LOG_L_INFO);
    capture();
    log_info("%s", "a\nb\r\x1b[31m\x7f\xc2\x9b"
                   "31m \xc3\xa4\xc2\xa9");
    out = captured();
    assert_int_equal(lines(out), 1);
    assert_non_null(strstr(out, "a\\x0ab\\x0d\\x1b[31m\\x7f\\x9b31m \xc3\xa4\xc2\xa9\n"));
}

static void json_lines_are_json(void **state)
{
    const char *out;
    json_t *root;

    (void)state;
    log_setup(true, LOG_L_INFO);
    capture();
    log_error("\"quoted\"\n%s", "\x1b");
    out = captured();
    log_setup(false, LOG_L_INFO);
    assert_int_equal(lines(out), 1);
    root = json_loads(out, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(root, "who")), "core");
    assert_string_equal(json_string_value(json_object_get(root, "text")), "\"quoted\"\n\x1b");
    json_decref(root);
}

static void repeats_are_counted(void **state)
{
    const char *out;
    int i;

    (void)state;
    capture();
    for (i = 0; i < 5; i++)
        log_info("the same");
    log_flush(); /* too early to tell */
    log_write(LOG_L_INFO, "other", "the same");
    out = captured();
    assert_int_equal(lines(out), 3);
    assert_non_null(strstr(out, "core: (the line above came 4 times more)\n"));
    assert_non_null(strstr(out, "other: the same\n"));
}

static __attribute__((format(printf, 2, 3))) void vwrite(const char *conn, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vwrite(LOG_L_INFO, "who", conn, fmt, ap);
    va_end(ap);
}

static void the_connection_is_named(void **state)
{
    const char *out;

    (void)state;
    capture();
    vwrite("ann\n17", "moved");
    vwrite("bob", "moved");
    out = captured();
    assert_int_equal(lines(out), 2);
    assert_non_null(strstr(out, "who: [ann\\x0a17] moved\n"));
    assert_non_null(strstr(out, "who: [bob] moved\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_is_one_line),
        cmocka_unit_test(control_characters_are_shown_not_obeyed),
        cmocka_unit_test(json_lines_are_json),
        cmocka_unit_test(repeats_are_counted),
        cmocka_unit_test(the_connection_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
