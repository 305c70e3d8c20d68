/* SPDX-License-Identifier: MIT */
/* The checks of a plugin that need none of its code. */
#include "host/desc.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/host.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sizes that the descriptor and its rows had when the ABI began: they only grow. */
enum {
    DESC_MIN_BYTES = offsetof(struct chatd_plugin_desc, reload),
    FIELD_MIN_BYTES = offsetof(struct chatd_cfg_field, env),
    NAME_MAX_BYTES = 32
};

char *desc_check_file(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return mem_printf("cannot open plugin %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return mem_printf("plugin %s is not a file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return mem_printf("plugin %s belongs to user %u, neither root nor the one running chatd; "
                          "chown it",
                          path, st.st_uid);
    if (st.st_mode & S_IWOTH)
        return mem_printf("plugin %s is writable by everybody; chmod o-w it", path);
    if (st.st_mode & S_IWGRP)
        log_warn("plugin %s is writable by its group", path);
    return NULL;
}

char *desc_read(const char *path, const void *symbol, struct chatd_plugin_desc *out)
{
    int rc = host_record(symbol, DESC_MIN_BYTES, out, sizeof(*out));

    /* dlsym() found the symbol: it is not NULL. What a newer plugin needs is said best by its version. */
    if (rc == CHATD_E_ABI)
        memcpy(out, symbol, sizeof(*out)); /* NOLINT(clang-analyzer-core.NonNullParamChecker) */
    else if (rc < 0)
        return mem_printf(
            "plugin %s has a descriptor of %u bytes, chatd reads %d to %u: it is not "
            "built with this SDK",
            path, *(const uint32_t *)symbol, /* NOLINT(clang-analyzer-core.NullDereference) */
            DESC_MIN_BYTES, CHATD_RECORD_MAX);
    if (out->abi_major != CHATD_ABI_MAJOR)
        return mem_printf("plugin %s is built for ABI %u.%u, chatd has %d.%d: rebuild it", path,
                          out->abi_major, out->abi_minor, CHATD_ABI_MAJOR, CHATD_ABI_MINOR);
    if (out->abi_minor > CHATD_ABI_MINOR && out->abi_min_minor > CHATD_ABI_MINOR)
        return mem_printf("plugin %s needs at least ABI %u.%u, chatd has %d.%d: use a newer chatd",
                          path, out->abi_major, out->abi_min_minor, CHATD_ABI_MAJOR,
                          CHATD_ABI_MINOR);
    if (rc == CHATD_E_ABI)
        return mem_printf("plugin %s has a larger descriptor than this chatd knows, and uses it: "
                          "it needs a newer chatd",
                          path);
    if (out->field_stride < FIELD_MIN_BYTES || out->need_stride < sizeof(struct chatd_need))
        return mem_printf("plugin %s has rows smaller than this chatd reads: rebuild it", path);
    if (out->name == NULL || out->version == NULL || out->init == NULL)
        return mem_printf("plugin %s has no name, version or init", path);
    if (out->config != NULL && (out->config_size == 0 || out->config_size > CHATD_RECORD_MAX))
        return mem_printf("plugin %s states a config_size of %zu, chatd takes 1 to %u", path,
                          out->config_size, CHATD_RECORD_MAX);
    return NULL;
}

char *desc_check_name(const char *name)
{
    static const char *const own[] = {"chatd", "core", "hooks", "plugins", "services"};
    size_t n = strlen(name);

    if (n == 0 || n > NAME_MAX_BYTES || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
        return mem_printf("plugin name \"%s\" is not made of a-z, 0-9 and dash", name);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(name, own[i]) == 0)
            return mem_printf("plugin name \"%s\" is chatd's own", name);
    }
    return NULL;
}
