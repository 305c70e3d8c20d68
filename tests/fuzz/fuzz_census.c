/* SPDX-License-Identifier: MIT */
/* The counts of members that instances tell each other over the bus, line by line: what is taken is within its
 * limits and is taken again when it is written anew, and reading comes to an end. */
#include "check.h"

#include "census.h"
#include "rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = exact(data, size), *anew = malloc(2 * size + 1);
    chatd_str rest = {copy, size}, again;
    struct census_line line, same;
    size_t n = 0, lines = 0, i;

    while (census_next(&rest, &line)) {
        CHECK(line.members <= 999999999 && line.room.n > 0 && line.room.n <= ROOM_NAME_MAX);
        CHECK(line.room.p > copy && line.room.p + line.room.n < copy + size);
        CHECK(memchr(line.room.p, '\n', line.room.n) == NULL);
        CHECK(rest.n < size && (rest.n == 0 || rest.p + rest.n == copy + size));
        n += (size_t)sprintf(anew + n, "%u ", line.members);
        memcpy(anew + n, line.room.p, line.room.n);
        n += line.room.n;
        anew[n++] = '\n';
        CHECK(++lines <= size && n <= size);
    }
    CHECK(rest.n == 0);
    again = (chatd_str){anew, n};
    for (i = 0; census_next(&again, &same); i++)
        CHECK(same.room.p > anew && same.room.p + same.room.n < anew + n);
    CHECK(i == lines);
    free(copy);
    free(anew);
    return 0;
}
