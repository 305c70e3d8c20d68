/* SPDX-License-Identifier: MIT */
/* Offers of permessage-deflate: which is taken, which are declined, what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/ws_extension.h"

#include <stdio.h>
#include <string.h>

#define PLAIN "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void gives(const char *offers, const char *answer)
{
    char text[WS_EXTENSION_ANSWER_BYTES] = "none";
    struct ws_deflate_terms terms;

    if (ws_extension_take(offers, &terms))
        ws_extension_answer(&terms, text);
    if (strcmp(text, answer) != 0)
        fail_msg("\"%s\" gives \"%s\"", offers, text);
}

static void declines(const char *offers)
{
    gives(offers, "none");
}

static void what_clients_send(void **state)
{
    (void)state;
    gives("permessage-deflate", PLAIN);
    gives("permessage-deflate; client_max_window_bits", PLAIN); /* browsers, websockets */
    gives("permessage-deflate; client_no_context_takeover; server_no_context_takeover", PLAIN);
    gives("permessage-deflate;client_max_window_bits=8", PLAIN);
    declines(NULL);
    declines("");
    declines("x-webkit-deflate-frame");
}

static void the_server_keeps_to_a_demanded_window(void **state)
{
    char offer[64], answer[160];
    int bits;

    (void)state;
    for (bits = 9; bits <= 15; bits++) {
        snprintf(offer, sizeof(offer), "permessage-deflate; server_max_window_bits=%d", bits);
        snprintf(answer, sizeof(answer), PLAIN "; server_max_window_bits=%d", bits);
        gives(offer, answer);
    }
    declines("permessage-deflate; server_max_window_bits=8"); /* zlib cannot */
}

/* RFC 7692, 7.1.3: offers are in the order of preference; those of 7.1.3 itself are here. */
static void the_first_that_can_be_kept_to(void **state)
{
    (void)state;
    gives("permessage-deflate; server_max_window_bits=8, "
          "permessage-deflate; server_max_window_bits=10",
          PLAIN "; server_max_window_bits=10");
    gives("permessage-deflate; client_max_window_bits; server_max_window_bits=10, "
          "permessage-deflate; client_max_window_bits",
          PLAIN "; server_max_window_bits=10");
    gives("permessage-deflate; unknown, permessage-deflate", PLAIN);
    gives("permessage-deflate; server_max_window_bits=9, permessage-deflate",
          PLAIN "; server_max_window_bits=9");
    gives("x; y=\"a,permessage-deflate; server_max_window_bits=9\", permessage-deflate", PLAIN);
    gives(",, permessage-deflate ,", PLAIN);
    gives("permessage-deflate; server_max_window_bits=99 x, permessage-deflate", PLAIN);
}

static void blanks_and_quotes(void **state)
{
    (void)state;
    gives(" \tpermessage-deflate\t;\tserver_max_window_bits = 12 ",
          PLAIN "; server_max_window_bits=12");
    gives("permessage-deflate; server_max_window_bits=\"12\"", PLAIN "; server_max_window_bits=12");
    gives("permessage-deflate; server_max_window_bits=\"1\\2\"",
          PLAIN "; server_max_window_bits=12");
    gives("permessage-deflate; client_max_window_bits=\"15\"", PLAIN);
}

/* RFC 7692, 7.1: unknown, invalid, there twice. RFC 6455, 9.1: malformed. */
static void each_is_declined(void **state)
{
    static const char *const offers[] = {
        "permessage-deflate; x",
        "permessage-deflate; x=1",
        "permessage-deflate; Server_no_context_takeover",
        "Permessage-deflate",
        "permessage-deflat",
        "permessage-deflatex",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover=\"\"",
        "permessage-deflate; client_no_context_takeover=x",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=1",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=-9",
        "permessage-deflate; server_max_window_bits=150",
        "permessage-deflate; server_max_window_bits=4294967305",
        "permessage-deflate; server_max_window_bits=0x9",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\"9",
        "permessage-deflate; server_max_window_bits=\"9\\",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\" 9\"",
        "permessage-deflate; server_max_window_bits=\"9\"9",
        "permessage-deflate;",
        "permessage-deflate; ;",
        "permessage-deflate; client_max_window_bits;",
        "permessage-deflate client_max_window_bits",
        "permessage-deflate=1",
        "permessage-deflate; =9",
        "permessage-deflate\x01",
        "\"permessage-deflate\"",
        "; permessage-deflate",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
        declines(offers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_clients_send),
        cmocka_unit_test(the_server_keeps_to_a_demanded_window),
        cmocka_unit_test(the_first_that_can_be_kept_to),
        cmocka_unit_test(blanks_and_quotes),
        cmocka_unit_test(each_is_declined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
