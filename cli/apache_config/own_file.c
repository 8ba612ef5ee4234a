/* SPDX-License-Identifier: ISC */
#include "apache_config/own_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/text.h"

#define HEADER "# stapleguard: written by \"stapleguard enable\""
#define NOT_LINKED "# stapleguard: the file below was there, but Apache did not read it"

/* Around the file's path, where nothing else loads mod_socache_dbm. */
#define MODULE_BEGIN "<IfModule !mod_socache_dbm.c>\n    LoadModule socache_dbm_module "
#define MODULE_END "\n</IfModule>\n"

/* Up to the directives. */
static const char explanation[] = HEADER
    "; \"stapleguard disable\" takes it away again.\n"
    "# stapleguard asks the CA's responder beforehand and puts the answers into the cache that is named here, so that\n"
    "# no TLS handshake waits for a responder.  The lock lets Apache and stapleguard take turns; it takes a full restart\n"
    "# of Apache.  What you change in this file stays until the next \"stapleguard enable\" or \"disable\".\n";

char *own_file_quote(struct arena *arena, const char *prefix, const char *word)
{
    char *quoted = arena_alloc(arena, strlen(prefix) + 2 * strlen(word) + 3);
    size_t used = 0;

    if (quoted == NULL)
        return NULL;
    quoted[used++] = '"';
    memcpy(quoted + used, prefix, strlen(prefix));
    used += strlen(prefix);
    for (; *word != '\0'; word++) {
        if (*word == '"' || *word == '\\')
            quoted[used++] = '\\';
        quoted[used++] = *word;
    }
    quoted[used] = '"';
    return quoted;
}

bool own_file_is_ours(struct config_bytes data)
{
    return data.len >= strlen(HEADER) && memcmp(data.data, HEADER, strlen(HEADER)) == 0;
}

static bool format_path(char path[PATH_MAX], const char *directory, const char *name)
{
    return (size_t)snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX;
}

/* Debian: conf-available/NAME, read through conf-enabled/NAME. */
static bool is_debian(const char *root, struct own_file *own)
{
    char available[PATH_MAX], enabled[PATH_MAX];

    snprintf(own->target, sizeof own->target, "../conf-available/" OWN_FILE_NAME);
    return format_path(available, root, "conf-available") && config_files_is_directory(available)
        && format_path(enabled, root, "conf-enabled") && config_files_is_directory(enabled)
        && format_path(own->file, available, OWN_FILE_NAME) && format_path(own->link, enabled, OWN_FILE_NAME);
}

static bool is_conf_d(const char *parent, struct own_file *own)
{
    char directory[PATH_MAX];

    return format_path(directory, parent, "conf.d") && config_files_is_directory(directory)
        && format_path(own->file, directory, OWN_FILE_NAME);
}

/* Where the file would be; false: this Apache has no such place. */
static bool find_place(const struct apache_config *config, enum own_place place, struct own_file *own)
{
    const char *root = config->dump.server_root == NULL ? "" : config->dump.server_root;
    char beside[PATH_MAX];

    snprintf(beside, sizeof beside, "%s", config->files[0]->path);
    *strrchr(beside, '/') = '\0';
    switch (place) {
    case OWN_DEBIAN:
        return is_debian(root, own);
    case OWN_CONF_D:
        return is_conf_d(root, own);
    case OWN_CONF_D_BESIDE:
        return is_conf_d(beside, own);
    default:
        own->needs_include = true;
        return format_path(own->file, beside, OWN_FILE_NAME);
    }
}

static bool read_link(struct own_file *own, char *error, size_t cap)
{
    char target[PATH_MAX];
    ssize_t len = own->link[0] == '\0' ? 0 : readlink(own->link, target, sizeof target - 1);
    char real[PATH_MAX];
    char file[PATH_MAX];

    if (own->link[0] == '\0') {
        own->is_linked = true;
        return true;
    }
    if (len < 0 && errno == ENOENT)
        return true;
    if (len < 0) {
        text_clean_format(
            error, cap, "%s: is not a symbolic link; move it away, it has the name that stapleguard uses", own->link);
        return false;
    }
    target[len] = '\0';
    own->is_linked = strcmp(target, own->target) == 0
        || (realpath(own->link, real) != NULL && realpath(own->file, file) != NULL && strcmp(real, file) == 0);
    if (own->is_linked)
        memcpy(own->target, target, (size_t)len + 1);
    else
        text_clean_format(
            error, cap, "%s: is a link to %s; move it away, it has the name that stapleguard uses", own->link, target);
    return own->is_linked;
}

static bool read_now(struct arena *arena, struct own_file *own, char *error, size_t cap)
{
    struct stat status;

    if (lstat(own->file, &status) != 0 && errno == ENOENT)
        return true;
    own->is_there = true;
    if (S_ISLNK(status.st_mode)) {
        text_clean_format(error, cap, "%s: is a symbolic link; move it away, it has the name that stapleguard uses", own->file);
        return false;
    }
    if (!config_files_read(arena, own->file, &own->now, error, cap))
        return false;
    own->is_ours = own_file_is_ours(own->now);
    return true;
}

enum own_answer own_file_find(
    struct arena *arena, const struct apache_config *config, enum own_place place, struct own_file *own, char *error, size_t cap)
{
    char real[PATH_MAX];

    *own = (struct own_file){.is_there = false};
    if (!find_place(config, place, own))
        return OWN_NO_PLACE;
    /* As Apache's files are known: through the links of their directories. */
    if (config_files_parent(own->file, real))
        memcpy(own->file, real, sizeof own->file);
    if (own->link[0] != '\0' && config_files_parent(own->link, real))
        memcpy(own->link, real, sizeof own->link);
    return read_now(arena, own, error, cap) && read_link(own, error, cap) ? OWN_PLACE : OWN_TAKEN;
}

bool own_file_before(struct arena *arena, struct config_bytes now, struct config_bytes *before, bool *was_linked)
{
    const char *aside = memmem(now.data, now.len, "\n" CONFIG_MARK_ASIDE, strlen("\n" CONFIG_MARK_ASIDE));
    struct config_bytes rest;

    *before = (struct config_bytes){NULL, 0};
    *was_linked = memmem(now.data, now.len, NOT_LINKED, strlen(NOT_LINKED)) == NULL;
    if (aside == NULL)
        return false;
    rest = (struct config_bytes){aside + 1, now.len - (size_t)(aside + 1 - now.data)};
    return config_marks_strip(arena, rest, 0, rest.len, before, NULL);
}

static bool append_before(struct arena *arena, const struct own_file *own, struct config_bytes *text)
{
    struct config_bytes before = own->now;
    struct config_bytes quoted;
    bool was_linked = own->is_linked;
    const char *note;
    char *whole;

    if (!own->is_there || (own->is_ours && !own_file_before(arena, own->now, &before, &was_linked)))
        return true;
    note = arena_format(arena, "%s%s; this file was there before, and \"stapleguard disable\" brings it back\n",
        was_linked ? "" : NOT_LINKED "\n", CONFIG_MARK_ASIDE);
    if (note == NULL || !config_marks_quote(arena, before, &quoted))
        return false;
    whole = arena_alloc(arena, text->len + strlen(note) + quoted.len + 1);
    if (whole == NULL)
        return false;
    memcpy(whole, text->data, text->len);
    memcpy(whole + text->len, note, strlen(note));
    memcpy(whole + text->len + strlen(note), quoted.data, quoted.len);
    *text = (struct config_bytes){whole, text->len + strlen(note) + quoted.len};
    return true;
}

/* The lines that load the module: those that are there already, so that a second enable changes nothing; "": none. */
static const char *module_lines(struct arena *arena, const struct own_file *own, const struct config_edit_request *request)
{
    const char *there = own->is_ours ? memmem(own->now.data, own->now.len, MODULE_BEGIN, strlen(MODULE_BEGIN)) : NULL;
    const char *end
        = there == NULL ? NULL : memmem(there, own->now.len - (size_t)(there - own->now.data), MODULE_END, strlen(MODULE_END));
    const char *file;

    if (end != NULL)
        return arena_format(arena, "%.*s", (int)(end - there + (ptrdiff_t)strlen(MODULE_END)), there);
    if (request->module_file == NULL)
        return "";
    file = own_file_quote(arena, "", request->module_file);
    return file == NULL ? NULL : arena_format(arena, MODULE_BEGIN "%s" MODULE_END, file);
}

struct config_bytes own_file_text(
    struct arena *arena, const struct own_file *own, const struct config_edit_request *request, bool is_server_on)
{
    const char *cache = own_file_quote(arena, "dbm:", request->dbm);
    const char *lock = own_file_quote(arena, "flock:", request->lock_dir);
    const char *module = module_lines(arena, own, request);
    struct config_bytes text = {NULL, 0};

    if (cache == NULL || lock == NULL || module == NULL)
        return text;
    text.data = arena_format(arena,
        "%s%s<IfModule mod_ssl.c>\n"
        "%s"
        "    SSLStaplingCache %s\n"
        "    SSLStaplingReturnResponderErrors off\n"
        "    SSLStaplingFakeTryLater off\n"
        "    Mutex %s ssl-stapling\n"
        "</IfModule>\n",
        explanation, module, is_server_on ? "    SSLUseStapling on\n" : "", cache, lock);
    if (text.data == NULL)
        return text;
    text.len = strlen(text.data);
    return append_before(arena, own, &text) ? text : (struct config_bytes){NULL, 0};
}
