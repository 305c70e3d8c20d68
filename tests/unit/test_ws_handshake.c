/* SPDX-License-Identifier: MIT */
/* The WebSocket handshake: accept key, key check and the two lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/ws_handshake.h"

#include <string.h>

static void accept_key_of_the_rfc(void **state)
{
    (void)state;
    char out[30];
    memset(out, '#', sizeof out);
    ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", out);
    assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(out[29], '#');
}

static void accept_key_of_another_client(void **state)
{
    (void)state;
    char out[29];
    ws_accept_key("x3JJHMbDL1EzLkh9GBhXDw==", out);
    assert_string_equal(out, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

static void good_keys(void **state)
{
    (void)state;
    assert_true(ws_key_valid("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_true(ws_key_valid("AAAAAAAAAAAAAAAAAAAAAA=="));
    assert_true(ws_key_valid("////++++////++++////+w=="));
}

static void bad_keys(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "",
        "dGhlIHNhbXBsZSBub25j",         /* 15 bytes */
        "dGhlIHNhbXBsZSBub25jZWU=",     /* 17 */
        "dGhlIHNhbXBsZSBub25jZWVl",     /* 18 */
        "dGhlIHNhbXBsZSBub25jZQ",       /* no padding */
        "dGhlIHNhbXBsZSBub25jZQ=",      /* half of it */
        "dGhlIHNhbXBsZSBub25jZQ===",    /* too much */
        "dGhlIHNhbXBsZSBub25jZQ==A",    /* more behind */
        "dGhlIHNhbXBsZSBub25j_Q==",     /* the URL alphabet */
        "dGhlIHNhbXBsZSBub25 ZQ==",     /* a blank inside */
        " dGhlIHNhbXBsZSBub25jZQ=",     /* and before */
        "dGhl\nHNhbXBsZSBub25jZQ==",    /* a line end inside */
        "====dGhlIHNhbXBsZSBub2==",     /* padding in front */
        "dGhlIHNhbXBsZSBub25jZR==",     /* bits set that are in no byte */
        "\xc3\xa4hlIHNhbXBsZSBub25jZQ=" /* not ASCII */
    };
    assert_false(ws_key_valid(NULL));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (ws_key_valid(keys[i])) {
            fail_msg("\"%s\" must be refused", keys[i]);
        }
    }
}

static void tokens(void **state)
{
    (void)state;
    assert_true(http_token_list_has("Upgrade", "upgrade"));
    assert_true(http_token_list_has("keep-alive, Upgrade", "upgrade"));
    assert_true(http_token_list_has("keep-alive,UPGRADE,x", "Upgrade"));
    assert_true(http_token_list_has(" \t upgrade \t ", "upgrade"));
    assert_true(http_token_list_has(",, ,upgrade,", "upgrade"));
    assert_true(http_token_list_has("upgradex, xupgrade, upgrade", "upgrade"));
    assert_false(http_token_list_has(NULL, "upgrade"));
    assert_false(http_token_list_has("", "upgrade"));
    assert_false(http_token_list_has(" , ,", "upgrade"));
    assert_false(http_token_list_has("keep-alive", "upgrade"));
    assert_false(http_token_list_has("upgraded", "upgrade"));
    assert_false(http_token_list_has("upgrad", "upgrade"));
    assert_false(http_token_list_has("x-upgrade", "upgrade"));
    assert_false(http_token_list_has("up grade", "upgrade"));
    assert_false(http_token_list_has("upgrade x", "upgrade"));
    assert_false(http_token_list_has("upgrade;q=1", "upgrade"));
    assert_false(http_token_list_has("a,,b", ""));
}

/* Folding is for letters only: '@' and '`', '[' and '{' differ in the same bit. */
static void case_folds_letters_only(void **state)
{
    (void)state;
    assert_true(http_token_list_has("aZ", "Az"));
    assert_false(http_token_list_has("^", "~"));
    assert_false(http_token_list_has("`", "@"));
    assert_false(http_token_list_has("{", "["));
}

static void subprotocols(void **state)
{
    (void)state;
    assert_true(ws_subprotocol_offered("chatd.v1", "chatd.v1"));
    assert_true(ws_subprotocol_offered("mqtt, chatd.v1", "chatd.v1"));
    assert_true(ws_subprotocol_offered("chatd.v1 ,mqtt", "chatd.v1"));
    assert_false(ws_subprotocol_offered("Chatd.v1", "chatd.v1"));
    assert_false(ws_subprotocol_offered("chatd.v10", "chatd.v1"));
    assert_false(ws_subprotocol_offered("chatd.v", "chatd.v1"));
    assert_false(ws_subprotocol_offered("chatd v1", "chatd.v1"));
    assert_false(ws_subprotocol_offered("", "chatd.v1"));
    assert_false(ws_subprotocol_offered(NULL, "chatd.v1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_key_of_the_rfc),
        cmocka_unit_test(accept_key_of_another_client),
        cmocka_unit_test(good_keys),
        cmocka_unit_test(bad_keys),
        cmocka_unit_test(tokens),
        cmocka_unit_test(case_folds_letters_only),
        cmocka_unit_test(subprotocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
