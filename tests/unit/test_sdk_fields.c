/* SPDX-License-Identifier: MIT */
/*
 * chatd/fields.h: what it reads by itself, what it leaves to the tree, and that both say the same of every text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <chatd/fields.h>

#include <stdio.h>

static chatd_str str(const char *s)
{
    return (chatd_str){s, strlen(s)};
}

static struct chatd_fields opened(const char *text, bool is_plain)
{
    struct chatd_fields fields;
    const char *why = NULL;

    assert_int_equal(chatd_fields_open(str(text), &fields, &why), CHATD_OK);
    assert_int_equal(fields.json == NULL, is_plain);
    return fields;
}

static void string_is(const char *text, bool is_plain, const char *value, size_t n)
{
    struct chatd_fields fields = opened(text, is_plain);
    chatd_str s;

    assert_int_equal(chatd_fields_str(&fields, "k", &s), CHATD_OK);
    assert_int_equal(s.n, n);
    assert_memory_equal(s.p, value, n);
    assert_int_equal(s.p[n], '\0');
    chatd_fields_close(&fields);
}

static void strings(void **state)
{
    static const struct {
        const char *text, *value;
    } row[] = {
        {"{\"k\":\"\"}", ""},
        {" { \"k\" : \"a\" } \r\n\t", "a"},
        {"{\"k\":\"0123456\"}", "0123456"},
        {"{\"k\":\"01234567\"}", "01234567"},
        {"{\"k\":\"012345678\"}", "012345678"},
        {"{\"k\":\"0123456\\n\"}", "0123456\n"},
        {"{\"k\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t"},
        {"{\"k\":\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"}",
         "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"{\"k\":\"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xf0\x9f\x98\x80 and \\n more of it\"}",
         "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xf0\x9f\x98\x80 and \n more of it"},
        {"{\"k\":\"\x7f\"}", "\x7f"},
        {"{\"a\":\"\\u0041\\u0041\\u0041\",\"k\":\"behind what shrank\"}", "behind what shrank"},
        {"{\"a\":{\"k\":\"\\u0041\"},\"k\":\"outer\"}", "outer"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        string_is(row[i].text, true, row[i].value, strlen(row[i].value));
    string_is("{\"\\u006b\":\"v\"}", false, "v", 1);
    string_is("{\"a\":[],\"k\":\"v\"}", false, "v", 1);
    string_is("{\"a\":{\"a\":{\"a\":{}}},\"k\":\"v\"}", false, "v", 1);
    string_is("{\"a\":{\"a\":{}},\"k\":\"v\"}", true, "v", 1);
}

static void other_types(void **state)
{
    struct chatd_fields fields = opened(
        "{\"i\":-17,\"t\":true,\"f\":false,\"n\":null,\"z\":-0,\"s\":\"x\",\"o\":{\"i\":3}}", true);
    struct chatd_fields inner;
    int64_t number = 5;
    bool flag = false;
    chatd_str s = CHATD_STR("as before");

    (void)state;
    assert_true(chatd_fields_has(&fields, "i") && chatd_fields_has(&fields, "n"));
    assert_false(chatd_fields_has(&fields, "none"));
    assert_int_equal(chatd_fields_int(&fields, "i", &number), CHATD_OK);
    assert_int_equal(number, -17);
    assert_int_equal(chatd_fields_int(&fields, "z", &number), CHATD_OK);
    assert_int_equal(number, 0);
    assert_int_equal(chatd_fields_int(&fields, "n", &number), CHATD_E_NOTFOUND);
    assert_int_equal(chatd_fields_int(&fields, "none", &number), CHATD_E_NOTFOUND);
    assert_int_equal(chatd_fields_int(&fields, "s", &number), CHATD_E_INVAL);
    assert_int_equal(chatd_fields_bool(&fields, "t", &flag), CHATD_OK);
    assert_true(flag);
    assert_int_equal(chatd_fields_bool(&fields, "f", &flag), CHATD_OK);
    assert_false(flag);
    assert_int_equal(chatd_fields_bool(&fields, "i", &flag), CHATD_E_INVAL);
    assert_int_equal(chatd_fields_bool(&fields, "n", &flag), CHATD_E_NOTFOUND);
    assert_int_equal(chatd_fields_str(&fields, "o", &s), CHATD_E_INVAL);
    assert_int_equal(chatd_fields_str(&fields, "n", &s), CHATD_E_NOTFOUND);
    assert_string_equal(s.p, "as before");
    assert_int_equal(chatd_fields_object(&fields, "i", &inner), CHATD_E_INVAL);
    assert_int_equal(chatd_fields_object(&fields, "none", &inner), CHATD_E_NOTFOUND);
    assert_int_equal(chatd_fields_object(&fields, "o", &inner), CHATD_OK);
    chatd_fields_close(&fields);
    assert_int_equal(chatd_fields_int(&inner, "i", &number), CHATD_OK);
    assert_int_equal(number, 3);
    chatd_fields_close(&inner);
    chatd_fields_close(&inner);
}

/* The same questions of a tree: what the header finds there and what jansson says of it. */
static void same_as_tree(const struct chatd_fields *fields, const json_t *json)
{
    static const char *const keys[] = {"", "a", "b", "k", "text", "room", "id", "none"};
    size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *v = json_object_get(json, keys[i]);
        int gone = v == NULL || json_is_null(v) ? CHATD_E_NOTFOUND : CHATD_E_INVAL;
        struct chatd_fields inner;
        chatd_str s, t;
        int64_t number;
        bool flag;
        int rc = chatd_fields_str(fields, keys[i], &s);

        assert_int_equal(rc, json_is_string(v) ? CHATD_OK : gone);
        assert_int_equal(chatd_fields_has(fields, keys[i]), v != NULL);
        if (rc == CHATD_OK) {
            assert_int_equal(chatd_json_str(json, keys[i], &t), CHATD_OK);
            assert_int_equal(s.n, t.n);
            assert_memory_equal(s.p, t.p, t.n + 1);
        }
        rc = chatd_fields_int(fields, keys[i], &number);
        assert_int_equal(rc, json_is_integer(v) ? CHATD_OK : gone);
        if (rc == CHATD_OK)
            assert_true(number == json_integer_value(v));
        rc = chatd_fields_bool(fields, keys[i], &flag);
        assert_int_equal(rc, json_is_boolean(v) ? CHATD_OK : gone);
        if (rc == CHATD_OK)
            assert_int_equal(flag, json_is_true(v));
        rc = chatd_fields_object(fields, keys[i], &inner);
        assert_int_equal(rc, json_is_object(v) ? CHATD_OK : gone);
        if (rc == CHATD_OK) {
            same_as_tree(&inner, v);
            chatd_fields_close(&inner);
        }
    }
}

static bool check(chatd_str text)
{
    struct chatd_fields fields;
    const char *why = NULL, *tree_why = NULL;
    json_t *json = chatd_json_object(text, &tree_why);
    int rc = chatd_fields_open(text, &fields, &why);
    bool is_plain = rc == CHATD_OK && fields.json == NULL;

    assert_int_equal(rc, json != NULL ? CHATD_OK : CHATD_E_INVAL);
    if (json == NULL) {
        assert_string_equal(why, tree_why);
        assert_true(fields.text == NULL && fields.json == NULL);
    } else {
        same_as_tree(&fields, json);
        chatd_fields_close(&fields);
        json_decref(json);
    }
    return is_plain;
}

static void what_is_not_json_is_refused_as_by_the_tree(void **state)
{
    static const char *const row[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "\"k\"",
        "{}",
        "{ }",
        "{,}",
        "{\"k\"}",
        "{\"k\":}",
        "{\"k\":1,}",
        "{\"k\":1 \"a\":2}",
        "{\"k\":1}{",
        "{\"k\":1} x",
        "{k:1}",
        "{'k':1}",
        "{\"k\":01}",
        "{\"k\":-}",
        "{\"k\":+1}",
        "{\"k\":1.}",
        "{\"k\":1.5}",
        "{\"k\":1e3}",
        "{\"k\":1E}",
        "{\"k\":0x1}",
        "{\"k\":-0}",
        "{\"k\":00}",
        "{\"k\":999999999999999999}",
        "{\"k\":-999999999999999999}",
        "{\"k\":9223372036854775807}",
        "{\"k\":-9223372036854775808}",
        "{\"k\":9223372036854775808}",
        "{\"k\":tru}",
        "{\"k\":truex}",
        "{\"k\":nul}",
        "{\"k\":True}",
        "{\"k\":\"a}",
        "{\"k\":\"a\\\"}",
        "{\"k\":\"\\x\"}",
        "{\"k\":\"\\u12\"}",
        "{\"k\":\"\\u12g4\"}",
        "{\"k\":\"\\u0000\"}",
        "{\"k\":\"\\ud800\"}",
        "{\"k\":\"\\udc00\"}",
        "{\"k\":\"\\ud800\\u0041\"}",
        "{\"k\":\"\\ud800\\ud800\"}",
        "{\"k\":\"\\ud800x\"}",
        "{\"k\":\"\n\"}",
        "{\"k\":\"\x1f\"}",
        "{\"k\":\"\x80\"}",
        "{\"k\":\"\xc0\x80\"}",
        "{\"k\":\"\xc1\xbf\"}",
        "{\"k\":\"\xe0\x80\x80\"}",
        "{\"k\":\"\xed\xa0\x80\"}",
        "{\"k\":\"\xf0\x80\x80\x80\"}",
        "{\"k\":\"\xf4\x90\x80\x80\"}",
        "{\"k\":\"\xf5\x80\x80\x80\"}",
        "{\"k\":\"\xe2\x82\"}",
        "{\"k\":\"\xe2",
        "{\"k\":1,\"k\":1}",
        "{\"k\":1,\"\\u006b\":1}",
        "{\"\\u006b\":1,\"k\":1}",
        "{\"a\":{\"k\":1,\"k\":2}}",
        "{\"\xff\":1}",
        "\xef\xbb\xbf{}",
        "{\"k\":{\"a\":[1,{\"b\":2}]}}",
        "{\"k\":1}\v",
        "\f{}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        check(str(row[i]));
    check((chatd_str){"{\"k\":\"a\0b\"}", 11});
    check((chatd_str){"{\"k\":1}\0", 8});
    check((chatd_str){"{\"k\0\":1}", 8});
}

static void many_members_are_the_trees(void **state)
{
    char text[512];
    size_t n, members;

    (void)state;
    for (members = 0; members <= CHATD_FIELDS_MAX + 1; members++) {
        size_t i;

        n = (size_t)snprintf(text, sizeof(text), "{\"a\":1");
        for (i = 1; i < members; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"m%zu\":%zu", i, i);
        snprintf(text + n, sizeof(text) - n, "}");
        assert_int_equal(check(str(text)), members <= CHATD_FIELDS_MAX);
    }
}

/* Every text with one byte changed, left out or put in says the same to both. */
static void neighbours_of_good_texts_too(void **state)
{
    static const char *const row[] = {
        "{\"type\":\"message.send\",\"id\":\"7\",\"room\":\"a\",\"text\":\"Hi \\u00e9\\n\\ud83d\\ude00 \xe2\x82\xac\"}",
        "{ \"k\" : -12 , \"a\":{\"b\":null,\"k\":\"\\\\\"},\"b\":true }",
        "{\"text\":\"\xd0\x9f\xf0\x9f\x98\x80\",\"typing\":false}",
    };
    static const char bytes[] =
        "\0\x01 \"\\{}[],:0189-.eEtfnu/adD\x7f\x80\xbf\xc2\xe0\xed\xf0\xf4\xff";
    char text[256];
    size_t i, at, b;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t n = strlen(row[i]);

        for (at = 0; at < n; at++) {
            for (b = 0; b < sizeof(bytes) - 1; b++) {
                memcpy(text, row[i], n + 1);
                text[at] = bytes[b];
                check((chatd_str){text, n});
                memcpy(text + at + 1, row[i] + at, n - at + 1);
                check((chatd_str){text, n + 1});
            }
            memcpy(text, row[i], at);
            memcpy(text + at, row[i] + at + 1, n - at);
            check((chatd_str){text, n - 1});
            text[at] = '\0';
            check((chatd_str){text, at});
        }
    }
}

/* Each byte among plain ones, at each place of those that are looked at together, with each byte behind it. */
static void plain_bytes(void **state)
{
    enum { BYTES = 45 }; /* sixteen twice, then eight, then one by one */
    unsigned at, c, next, n;

    (void)state;
    for (c = 0; c < 256; c++) {
        bool is_plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

        for (next = 0; next < 256; next++) {
            bool next_is_plain = next >= 0x20 && next < 0x7f && next != '"' && next != '\\';

            for (at = 0; at < BYTES; at++) {
                char text[BYTES + 1];

                memset(text, 'x', sizeof(text));
                text[at] = (char)c;
                text[at + 1] = (char)next;
                n = !is_plain ? at : !next_is_plain ? at + 1 : BYTES;
                assert_int_equal(chatd_json_plain(text, BYTES), n < BYTES ? n : BYTES);
            }
        }
        for (at = 0; at < 8; at++) {
            char text[9] = "xxxxxxxx";

            text[at] = (char)c;
            assert_int_equal(chatd_json_odd8(text) == 0, is_plain);
        }
    }
}

/* Quoted, and read again, by both. */
static void quoting(void **state)
{
    char text[40], out[5 + 6 * sizeof(text) + 3];
    unsigned c, at;

    (void)state;
    for (c = 1; c < 0x800; c++) {
        for (at = 0; at < 10; at++) {
            struct chatd_fields fields;
            size_t n = at, m;
            chatd_str s;

            memset(text, 'x', sizeof(text));
            n = (size_t)((char *)chatd_fields_put_utf8((unsigned char *)text + n, (int)c) - text) +
                12;
            memcpy(out, "{\"k\":", 5);
            m = 5 + chatd_json_quote((chatd_str){text, n}, out + 5);
            out[m] = '}';
            out[m + 1] = '\0';
            fields = opened(out, true);
            check((chatd_str){out, m + 1});
            assert_int_equal(chatd_fields_str(&fields, "k", &s), CHATD_OK);
            assert_int_equal(s.n, n);
            assert_memory_equal(s.p, text, n);
            chatd_fields_close(&fields);
        }
    }
    chatd_json_quote(str("ab\xe2\x80\xa8 \xe2\x80\xa9 \xe2\x80\xaa \xe2"), out);
    assert_string_equal(out, "\"ab\\u2028 \\u2029 \xe2\x80\xaa \xe2\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(other_types),
        cmocka_unit_test(what_is_not_json_is_refused_as_by_the_tree),
        cmocka_unit_test(many_members_are_the_trees),
        cmocka_unit_test(neighbours_of_good_texts_too),
        cmocka_unit_test(plain_bytes),
        cmocka_unit_test(quoting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
