/* SPDX-License-Identifier: MIT */
/* The lines in which workers tell how many members their rooms have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "census.h"

#include <stdio.h>
#include <string.h>

/* All lines of a text as "3=general,0=x," */
static void lines_are(const char *text, const char *wanted)
{
    chatd_str rest = {text, strlen(text)};
    struct census_line line;
    char found[512] = "";
    size_t n = 0;

    while (census_next(&rest, &line))
        n += (size_t)snprintf(found + n, sizeof(found) - n, "%u=%.*s,", line.members,
                              (int)line.room.n, line.room.p);
    assert_string_equal(found, wanted);
    assert_int_equal(rest.n, 0);
}

static void test_lines_are_a_number_and_a_room(void **state)
{
    (void)state;
    lines_are("3 general\n0 x\n12 комната\n", "3=general,0=x,12=комната,");
    lines_are("1 a b\n", "1=a b,"); /* a room's name is not judged here */
    lines_are("", "");
}

/* What another program puts on the bus must not end up as a room. */
static void test_the_first_bad_line_ends_it(void **state)
{
    (void)state;
    lines_are("3 general\nx y\n4 z\n", "3=general,");
    lines_are("3 general", "");
    lines_are("general\n", "");
    lines_are("3\n", "");
    lines_are("3 \n", "");
    lines_are(" general\n", "");
    lines_are("-1 general\n", "");
    lines_are("1234567890 general\n", "");
    lines_are("?\n", "");
}

static void test_a_room_is_no_longer_than_rooms_are(void **state)
{
    char text[ROOM_NAME_MAX + 8] = "1 ", wanted[ROOM_NAME_MAX + 8] = "1=";

    (void)state;
    memset(text + 2, 'r', ROOM_NAME_MAX);
    strcat(text, "\n");
    memset(wanted + 2, 'r', ROOM_NAME_MAX);
    strcat(wanted, ",");
    lines_are(text, wanted);
    memset(text + 2, 'r', ROOM_NAME_MAX + 1);
    text[ROOM_NAME_MAX + 3] = '\n';
    text[ROOM_NAME_MAX + 4] = '\0';
    lines_are(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_a_number_and_a_room),
        cmocka_unit_test(test_the_first_bad_line_ends_it),
        cmocka_unit_test(test_a_room_is_no_longer_than_rooms_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
