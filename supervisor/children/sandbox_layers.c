/* SPDX-License-Identifier: ISC */
#include "children/sandbox_layers.h"

#include <stddef.h>
#include <stdio.h>

#include "sandbox/jail.h"
#include "system/log.h"

static void name_layers(uint32_t layers, char *out, size_t cap)
{
    static const struct {
        uint32_t layer;
        const char *name;
    } names[] = {
        {SANDBOX_LAYER_SECCOMP, "seccomp filters (CONFIG_SECCOMP_FILTER)"},
        {SANDBOX_LAYER_LANDLOCK_FS, "Landlock (Linux 5.13, and in its list of active LSMs)"},
        {SANDBOX_LAYER_LANDLOCK_NET, "Landlock's rules for TCP (Linux 6.7)"},
        {SANDBOX_LAYER_LANDLOCK_SCOPE, "Landlock's scopes (Linux 6.12)"},
    };
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((layers & names[i].layer) != 0 && len < cap)
            len += (size_t)snprintf(out + len, cap - len, "%s%s", len == 0 ? "" : ", ", names[i].name);
}

bool layers_are_enough(const struct conf *conf, uint32_t missing)
{
    return (missing & SANDBOX_LAYERS_NEEDED) == 0 || !conf->is_sandbox_required;
}

bool layers_check(const struct conf *conf, uint32_t missing, char *error, size_t cap)
{
    char names[256];

    if (!layers_are_enough(conf, missing)) {
        name_layers(missing & SANDBOX_LAYERS_NEEDED, names, sizeof names);
        snprintf(error, cap,
            "this kernel lacks %s: without it the sandbox is not whole; boot a kernel that has it, or set "
            "require_sandbox = no",
            names);
        return false;
    }
    if (missing != 0) {
        name_layers(missing, names, sizeof names);
        log_warning("this kernel lacks %s; the other layers of the sandbox are in force", names);
    }
    return true;
}
