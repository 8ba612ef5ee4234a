/* SPDX-License-Identifier: ISC */
#include "apache_config/own_file.h"

#include <errno.h>
#include <fnmatch.h>
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

char *httpd_own_quote(struct httpd_arena *arena, const char *prefix, const char *word)
{
    char *quoted = httpd_arena_alloc(arena, strlen(prefix) + 2 * strlen(word) + 3);
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

bool httpd_own_is_ours(struct httpd_bytes data)
{
    return data.len >= strlen(HEADER) && memcmp(data.data, HEADER, strlen(HEADER)) == 0;
}

static bool format_path(char path[PATH_MAX], const char *directory, const char *name)
{
    return (size_t)snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX;
}

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* True when an Include at server level takes whatever has this path. */
static bool is_read(const struct httpd_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->include_count; i++)
        if (fnmatch(tree->includes[i].pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0)
            return true;
    return false;
}

/* Debian: conf-available/NAME, read through conf-enabled/NAME. */
static bool try_debian(const struct httpd_tree *tree, struct httpd_own *own)
{
    char available[PATH_MAX];

    if (!format_path(available, tree->server_root, "conf-available") || !is_directory(available)
        || !format_path(own->file, available, HTTPD_OWN_NAME)
        || !format_path(own->link, tree->server_root, "conf-enabled/" HTTPD_OWN_NAME) || !is_read(tree, own->link))
        return false;
    snprintf(own->target, sizeof own->target, "../conf-available/" HTTPD_OWN_NAME);
    return true;
}

/* conf.d/NAME below ServerRoot or beside the main file. */
static bool try_conf_d(const struct httpd_tree *tree, struct httpd_own *own)
{
    char directory[PATH_MAX];

    own->link[0] = '\0';
    if (format_path(directory, tree->server_root, "conf.d") && is_directory(directory)
        && format_path(own->file, directory, HTTPD_OWN_NAME) && is_read(tree, own->file))
        return true;
    if ((size_t)snprintf(directory, sizeof directory, "%s", tree->main_path) >= sizeof directory)
        return false;
    *strrchr(directory, '/') = '\0';
    return strlen(directory) + sizeof "/conf.d" <= sizeof directory && strcat(directory, "/conf.d") != NULL
        && is_directory(directory) && format_path(own->file, directory, HTTPD_OWN_NAME) && is_read(tree, own->file);
}

/* Beside the main file, which gets a line of ours. */
static bool take_include(const struct httpd_tree *tree, struct httpd_own *own)
{
    int directory_len = (int)(strrchr(tree->main_path, '/') - tree->main_path);

    own->needs_include = true;
    return (size_t)snprintf(own->file, sizeof own->file, "%.*s/" HTTPD_OWN_NAME, directory_len, tree->main_path)
        < sizeof own->file;
}

static bool read_link(struct httpd_own *own, char *error, size_t cap)
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

static bool read_now(struct httpd_arena *arena, struct httpd_own *own, char *error, size_t cap)
{
    struct httpd_files files = {.arena = arena, .error = error, .error_cap = cap};
    struct stat status;

    error[0] = '\0';
    if (lstat(own->file, &status) != 0 && errno == ENOENT)
        return true;
    own->is_there = true;
    if (S_ISLNK(status.st_mode)) {
        text_clean_format(error, cap, "%s: is a symbolic link; move it away, it has the name that stapleguard uses", own->file);
        return false;
    }
    if (!httpd_files_bytes(&files, own->file, &own->now.data, &own->now.len))
        return false;
    own->is_ours = httpd_own_is_ours(own->now);
    return true;
}

bool httpd_own_find(struct httpd_arena *arena, const struct httpd_tree *tree, struct httpd_own *own, char *error, size_t cap)
{
    char real[PATH_MAX];

    memset(own, 0, sizeof *own);
    if (!try_debian(tree, own) && !try_conf_d(tree, own) && !take_include(tree, own)) {
        text_clean_format(error, cap, "%s: the path is too long", tree->main_path);
        return false;
    }
    /* As the tree knows them: through the links of their directories. */
    if (httpd_files_parent(own->file, real))
        memcpy(own->file, real, sizeof own->file);
    if (own->link[0] != '\0' && httpd_files_parent(own->link, real))
        memcpy(own->link, real, sizeof own->link);
    return read_now(arena, own, error, cap) && read_link(own, error, cap);
}

bool httpd_own_before(struct httpd_arena *arena, struct httpd_bytes now, struct httpd_bytes *before, bool *was_linked)
{
    const char *aside = memmem(now.data, now.len, "\n" HTTPD_MARK_ASIDE, strlen("\n" HTTPD_MARK_ASIDE));
    struct httpd_bytes rest;

    *before = (struct httpd_bytes){NULL, 0};
    *was_linked = memmem(now.data, now.len, NOT_LINKED, strlen(NOT_LINKED)) == NULL;
    if (aside == NULL)
        return false;
    rest = (struct httpd_bytes){aside + 1, now.len - (size_t)(aside + 1 - now.data)};
    return httpd_marks_strip(arena, rest, 0, rest.len, before, NULL);
}

static bool append_before(struct httpd_arena *arena, const struct httpd_own *own, struct httpd_bytes *text)
{
    struct httpd_bytes before = own->now;
    struct httpd_bytes quoted;
    bool was_linked = own->is_linked;
    const char *note;
    char *whole;

    if (!own->is_there || (own->is_ours && !httpd_own_before(arena, own->now, &before, &was_linked)))
        return true;
    note = httpd_arena_format(arena, "%s%s; this file was there before, and \"stapleguard disable\" brings it back\n",
        was_linked ? "" : NOT_LINKED "\n", HTTPD_MARK_ASIDE);
    if (note == NULL || !httpd_marks_quote(arena, before, &quoted))
        return false;
    whole = httpd_arena_alloc(arena, text->len + strlen(note) + quoted.len + 1);
    if (whole == NULL)
        return false;
    memcpy(whole, text->data, text->len);
    memcpy(whole + text->len, note, strlen(note));
    memcpy(whole + text->len + strlen(note), quoted.data, quoted.len);
    *text = (struct httpd_bytes){whole, text->len + strlen(note) + quoted.len};
    return true;
}

/* The lines that load the module: those that are there already, so that a second enable changes nothing; "": none. */
static const char *module_lines(struct httpd_arena *arena, const struct httpd_own *own, const struct httpd_edit_request *request)
{
    const char *there = own->is_ours ? memmem(own->now.data, own->now.len, MODULE_BEGIN, strlen(MODULE_BEGIN)) : NULL;
    const char *end
        = there == NULL ? NULL : memmem(there, own->now.len - (size_t)(there - own->now.data), MODULE_END, strlen(MODULE_END));
    const char *file;

    if (end != NULL)
        return httpd_arena_format(arena, "%.*s", (int)(end - there + (ptrdiff_t)strlen(MODULE_END)), there);
    if (request->module_file == NULL)
        return "";
    file = httpd_own_quote(arena, "", request->module_file);
    return file == NULL ? NULL : httpd_arena_format(arena, MODULE_BEGIN "%s" MODULE_END, file);
}

struct httpd_bytes httpd_own_text(
    struct httpd_arena *arena, const struct httpd_own *own, const struct httpd_edit_request *request, bool is_server_on)
{
    const char *cache = httpd_own_quote(arena, "dbm:", request->dbm);
    const char *lock = httpd_own_quote(arena, "flock:", request->lock_dir);
    const char *module = module_lines(arena, own, request);
    struct httpd_bytes text = {NULL, 0};

    if (cache == NULL || lock == NULL || module == NULL)
        return text;
    text.data = httpd_arena_format(arena,
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
    return append_before(arena, own, &text) ? text : (struct httpd_bytes){NULL, 0};
}
