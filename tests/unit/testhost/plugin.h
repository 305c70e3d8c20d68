/* SPDX-License-Identifier: MIT */
/* A plugin for tests of the test host: it does what the test gives it. */
#ifndef TEST_PLUGIN_H
#define TEST_PLUGIN_H

#include <chatd/testhost.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A host that has been through init and start with this init() and no options. */
static inline struct testhost *host_with(int (*init)(chatd_plugin *self))
{
    const struct chatd_plugin_desc desc = {.size = sizeof(desc),
                                           .abi_major = CHATD_ABI_MAJOR,
                                           .abi_minor = CHATD_ABI_MINOR,
                                           .name = "tested",
                                           .init = init};
    struct testhost *t = testhost_new(&desc);

    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    return t;
}

/* One fault was told, it contains `part`, and it is forgotten. */
static inline void only_fault(struct testhost *t, const char *part)
{
    if (testhost_faults(t) != 1 || strstr(testhost_fault(t, 0), part) == NULL)
        fail_msg("%d faults, the first \"%s\"; wanted one with \"%s\"", testhost_faults(t),
                 testhost_faults(t) > 0 ? testhost_fault(t, 0) : "", part);
    assert_int_equal(testhost_excuse(t, part), 1);
}

static inline chatd_conn client(struct testhost *t, const char *user)
{
    chatd_conn conn = testhost_connect(t, &(struct testhost_client){.user = user});

    assert_int_equal(testhost_conn_state(t, conn), TESTHOST_CONN_OPEN);
    return conn;
}

#endif
