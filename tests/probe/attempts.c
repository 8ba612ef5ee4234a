/* SPDX-License-Identifier: ISC */
#include "attempts.h"

#include <stddef.h>
#include <string.h>

#include "attempt.h"

int32_t attempts_make(const struct probe_page *page, const char *name)
{
    static const struct attempt *const groups[]
        = {attempts_arguments, attempts_files, attempts_identity, attempts_machine, attempts_processes, attempts_sockets};

    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        for (const struct attempt *attempt = groups[g]; attempt->name != NULL; attempt++) {
            if (strcmp(attempt->name, name) != 0)
                continue;
            errno = 0;
            return attempt->make(page) < 0 ? errno : PROBE_SUCCEEDED;
        }
    }
    return PROBE_UNKNOWN;
}
