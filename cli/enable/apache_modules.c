/* SPDX-License-Identifier: ISC */
#include "enable/apache_modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "enable/bound_process.h"
#include "text/text.h"

#define NOTES_DEFAULT "/var/lib/apache2"

static const char *variable(const struct apache_facts *facts, const char *name, const char *otherwise)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < facts->environment.count; i++)
        if (strncmp(facts->environment.items[i], name, len) == 0 && facts->environment.items[i][len] == '=')
            return facts->environment.items[i] + len + 1;
    return otherwise;
}

void modules_find(const struct conf *conf, const struct apache_facts *facts, const char *server_root, struct modules *modules)
{
    const char *slash = strrchr(conf->control, '/');
    char path[FILE_PATH_MAX + 64];

    *modules = (struct modules){.enable = ""};
    snprintf(modules->directory, sizeof modules->directory, "%s", variable(facts, "APACHE_CONFDIR", server_root));
    snprintf(modules->notes, sizeof modules->notes, "%.4000s/module", variable(facts, "APACHE_STATE_DIRECTORY", NOTES_DEFAULT));
    snprintf(path, sizeof path, "%s/mods-available", modules->directory);
    if (slash == NULL || access(path, F_OK) != 0)
        return;
    snprintf(modules->enable, sizeof modules->enable, "%.*s/a2enmod", (int)(slash - conf->control), conf->control);
    snprintf(modules->disable, sizeof modules->disable, "%.*s/a2dismod", (int)(slash - conf->control), conf->control);
    if (access(modules->enable, X_OK) != 0)
        modules->enable[0] = '\0';
}

bool modules_is_available(const struct modules *modules, const char *module)
{
    char path[FILE_PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/mods-available/%s.load", modules->directory, module);
    return modules->enable[0] != '\0' && access(path, R_OK) == 0;
}

struct announced {
    char path[FILE_PATH_MAX + 64];
    enum snapshot_kind after;
    char target[128];
};

/* What it will be like: a2enmod makes relative links and one empty note; every other note of this module goes. */
static size_t list_paths(
    const struct modules *modules, const char *module, bool is_enabled, struct announced list[MODULE_PATHS_MAX])
{
    static const char *const endings[] = {"load", "conf"};
    static const char *const notes[] = {"enabled_by_admin", "disabled_by_admin", "enabled_by_maint", "disabled_by_maint"};
    size_t count = 0;

    for (size_t i = 0; i < 2; i++) {
        char available[FILE_PATH_MAX + 64];

        snprintf(available, sizeof available, "%s/mods-available/%s.%s", modules->directory, module, endings[i]);
        if (access(available, F_OK) != 0)
            continue;
        snprintf(list[count].path, sizeof list[count].path, "%s/mods-enabled/%s.%s", modules->directory, module, endings[i]);
        snprintf(list[count].target, sizeof list[count].target, "../mods-available/%s.%s", module, endings[i]);
        list[count++].after = is_enabled ? SNAPSHOT_LINK : SNAPSHOT_ABSENT;
    }
    for (size_t i = 0; i < 4; i++) {
        snprintf(list[count].path, sizeof list[count].path, "%s/%s/%s", modules->notes, notes[i], module);
        list[count].target[0] = '\0';
        list[count++].after = is_enabled && i == 0 ? SNAPSHOT_FILE : SNAPSHOT_ABSENT;
    }
    return count;
}

int modules_announce(
    const struct modules *modules, const char *module, bool is_enabled, struct transaction *transaction, char *error, size_t cap)
{
    struct announced list[MODULE_PATHS_MAX];
    size_t count = list_paths(modules, module, is_enabled, list);

    for (size_t i = 0; i < count; i++)
        if (transaction_add(transaction, list[i].path, list[i].after, list[i].after == SNAPSHOT_ABSENT ? NULL : list[i].target,
                strlen(list[i].target), error, cap)
            != 0)
            return -1;
    return 0;
}

/* a2dismod makes the directory of a note also when it leaves none. */
static bool has_note_directory(const struct modules *modules)
{
    char path[FILE_PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/disabled_by_admin", modules->notes);
    return access(path, F_OK) == 0;
}

static void remove_note_directory(const struct modules *modules)
{
    char path[FILE_PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/disabled_by_admin", modules->notes);
    rmdir(path);
}

int modules_switch(const struct modules *modules, const char *module, bool is_enabled, char *error, size_t cap)
{
    const char *const argv[] = {
        is_enabled ? modules->enable : modules->disable,
        "--quiet",
        is_enabled ? module : "--purge",
        is_enabled ? NULL : module,
        NULL,
    };
    char said[DETAIL_MAX + 1] = "";
    bool had_note_directory = has_note_directory(modules);
    int out_fd = memfd_create("a2enmod", MFD_CLOEXEC);
    pid_t pid = out_fd < 0 ? -1 : bound_start(argv, out_fd);
    int code = pid < 0 ? -1 : bound_wait(pid);
    ssize_t got;

    if (pid < 0)
        snprintf(said, sizeof said, "%s", strerror(errno));
    else if (code != 0 && (got = pread(out_fd, said, sizeof said - 1, 0)) > 0)
        said[got] = '\0';
    if (out_fd >= 0)
        close(out_fd);
    if (!had_note_directory)
        remove_note_directory(modules);
    if (code == 0)
        return 0;
    for (char *c = said; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
    text_clean_format(error, cap, "%s %s: %s", argv[0], module, said[0] != '\0' ? said : "it failed and says nothing about why");
    return -1;
}
