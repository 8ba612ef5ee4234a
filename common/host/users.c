/* SPDX-License-Identifier: ISC */
#include "host/users.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool parse_number(const char *name, uid_t *uid)
{
    char *end = NULL;
    unsigned long value;

    if (name[0] < '0' || name[0] > '9')
        return false;
    errno = 0;
    value = strtoul(name, &end, 10);
    if (errno != 0 || *end != '\0' || value >= (uid_t)-1)
        return false;
    *uid = (uid_t)value;
    return true;
}

int users_find(const char *name, uid_t *uid, gid_t *gid, char *error, size_t cap)
{
    bool is_number = parse_number(name, uid);
    const struct passwd *entry = is_number ? getpwuid(*uid) : getpwnam(name);

    if (entry != NULL) {
        *uid = entry->pw_uid;
        *gid = entry->pw_gid;
    } else if (is_number) {
        *gid = (gid_t)*uid;
    } else {
        snprintf(error, cap,
            "there is no user `%s`; make it with: useradd --system --no-create-home --shell /usr/sbin/nologin %s", name, name);
        return -1;
    }
    if (*uid == 0 || *gid == 0) {
        snprintf(error, cap, "user `%s` is root or has root's group; name an unprivileged one", name);
        return -1;
    }
    return 0;
}
