/* SPDX-License-Identifier: ISC */
#include "apache_config/httpd_files.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apache_config/httpd_lens.h"
#include "system/file.h"
#include "text/text.h"

#define REASON_TEXT_MAX 512u
/* Links of links, in the overlay. */
#define LINKS_MAX 8u

bool httpd_files_fail(struct httpd_files *files, const char *path, unsigned line, const char *format, ...)
{
    char text[REASON_TEXT_MAX];
    va_list arguments;

    if (files->error[0] != '\0')
        return false;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (line > 0)
        text_clean_format(files->error, files->error_cap, "%s:%u: %s", path, line, text);
    else
        text_clean_format(files->error, files->error_cap, "%s: %s", path, text);
    return false;
}

static const struct change *overlaid(const struct httpd_files *files, const char *path)
{
    return files->overlay == NULL ? NULL : change_set_find(files->overlay, path);
}

bool httpd_files_parent(const char *path, char real[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];
    size_t len;

    if (slash == NULL || (size_t)snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path) >= sizeof parent)
        return false;
    if (realpath(parent[0] == '\0' ? "/" : parent, real) == NULL)
        return false;
    len = strcmp(real, "/") == 0 ? 0 : strlen(real);
    return (size_t)snprintf(real + len, PATH_MAX - len, "%s", slash) < PATH_MAX - len;
}

/* A link's target as a path of its own. */
static bool link_target(const char *link, const char *target, char path[PATH_MAX])
{
    int parent_len = target[0] == '/' ? 0 : (int)(strrchr(link, '/') - link) + 1;

    return (size_t)snprintf(path, PATH_MAX, "%.*s%s", parent_len, link, target) < PATH_MAX;
}

static enum httpd_path_kind kind_on_disk(const char *path, char real[PATH_MAX])
{
    char found[PATH_MAX];
    struct stat status;

    if (realpath(path, found) == NULL || stat(found, &status) != 0)
        return HTTPD_PATH_NOTHING;
    memcpy(real, found, sizeof found);
    return S_ISDIR(status.st_mode) ? HTTPD_PATH_DIRECTORY : HTTPD_PATH_FILE;
}

enum httpd_path_kind httpd_files_resolve(const struct httpd_files *files, const char *path, char real[PATH_MAX])
{
    char at[PATH_MAX];
    char next[PATH_MAX];
    const struct change *change;

    if ((size_t)snprintf(at, sizeof at, "%s", path) >= sizeof at)
        return HTTPD_PATH_NOTHING;
    for (unsigned links = 0; links < LINKS_MAX; links++) {
        if (!httpd_files_parent(at, real))
            return HTTPD_PATH_NOTHING;
        change = overlaid(files, real);
        if (change == NULL || change->kind == CHANGE_REPLACE) {
            enum httpd_path_kind kind = kind_on_disk(at, real);

            change = kind == HTTPD_PATH_FILE ? overlaid(files, real) : NULL;
            return change != NULL && change->kind == CHANGE_REMOVE ? HTTPD_PATH_NOTHING : kind;
        }
        if (change->kind == CHANGE_CREATE)
            return HTTPD_PATH_FILE;
        if (change->kind == CHANGE_REMOVE || !link_target(real, change->content, next))
            return HTTPD_PATH_NOTHING;
        memcpy(at, next, sizeof at);
    }
    return HTTPD_PATH_NOTHING;
}

/* The descriptor's bytes, at most HTTPD_FILE_MAX; why is set when that fails. */
static char *read_all(struct httpd_arena *arena, int fd, size_t *len, const char **why)
{
    struct stat status;
    char *data;
    ssize_t got = 1;

    *why = "out of memory";
    *len = 0;
    if (fstat(fd, &status) != 0 || status.st_size > (off_t)HTTPD_FILE_MAX) {
        *why = "is larger than any configuration";
        return NULL;
    }
    data = httpd_arena_alloc(arena, (size_t)status.st_size + 1);
    while (data != NULL && got > 0 && *len < (size_t)status.st_size) {
        got = read(fd, data + *len, (size_t)status.st_size - *len);
        if (got < 0 && errno != EINTR) {
            *why = strerror(errno);
            return NULL;
        }
        *len += got > 0 ? (size_t)got : 0;
        got = got < 0 ? 1 : got;
    }
    return data;
}

bool httpd_files_bytes(struct httpd_files *files, const char *path, const char **data, size_t *len)
{
    const struct change *change = overlaid(files, path);
    const char *why;
    int fd;

    if (change != NULL && change->content != NULL) {
        *data = change->content;
        *len = change->content_len;
        return true;
    }
    fd = file_open_regular(path, &why);
    if (fd < 0)
        return httpd_files_fail(files, path, 0, "cannot be read: %s", why);
    *data = read_all(files->arena, fd, len, &why);
    close(fd);
    return *data != NULL || httpd_files_fail(files, path, 0, "cannot be read: %s", why);
}

static bool take_apart(struct httpd_files *files, struct httpd_file *file)
{
    char why[REASON_TEXT_MAX];
    unsigned line;

    if (httpd_nodes_parse(files->arena, file->data, file->len, &file->nodes, &line, why, sizeof why)
        && httpd_lens_agrees(files->lens, file->data, file->len, &file->nodes, &line, why, sizeof why))
        return true;
    return httpd_files_fail(files, file->path, line, "%s", why);
}

struct httpd_file *httpd_files_read(struct httpd_files *files, const char *path)
{
    char real[PATH_MAX];
    struct httpd_file *file;

    if (httpd_files_resolve(files, path, real) != HTTPD_PATH_FILE) {
        httpd_files_fail(files, path, 0, "there is no such file");
        return NULL;
    }
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->items[i]->path, real) == 0) {
            files->items[i]->times_read++;
            return files->items[i];
        }
    file = httpd_arena_alloc(files->arena, sizeof *file);
    if (file != NULL)
        file->path = httpd_arena_copy(files->arena, real, strlen(real));
    if (file == NULL || file->path == NULL || !httpd_arena_grow(files->arena, &files->items, files->count, sizeof file)) {
        httpd_files_fail(files, path, 0, "out of memory");
        return NULL;
    }
    if (files->count == HTTPD_FILES_MAX) {
        httpd_files_fail(files, path, 0, "more than %u files belong to this configuration", HTTPD_FILES_MAX);
        return NULL;
    }
    file->times_read = 1;
    files->items[files->count++] = file;
    return httpd_files_bytes(files, file->path, &file->data, &file->len) && take_apart(files, file) ? file : NULL;
}

/* True when change would put a name into directory; *name is that name. */
static bool is_put_into(const struct change *change, const char *directory, const char **name)
{
    size_t len = strcmp(directory, "/") == 0 ? 0 : strlen(directory);

    *name = change->path + len + 1;
    return (change->kind == CHANGE_CREATE || change->kind == CHANGE_LINK) && strncmp(change->path, directory, len) == 0
        && change->path[len] == '/' && strchr(*name, '/') == NULL;
}

static bool add_name(struct httpd_files *files, const char *name, const char *pattern, char ***names, size_t *count)
{
    char *copy;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (pattern != NULL && fnmatch(pattern, name, FNM_PERIOD) != 0))
        return true;
    if (*count == HTTPD_FILES_MAX)
        return httpd_files_fail(files, name, 0, "a directory with more than %u files is no configuration", HTTPD_FILES_MAX);
    copy = httpd_arena_copy(files->arena, name, strlen(name));
    if (copy == NULL || !httpd_arena_grow(files->arena, names, *count, sizeof copy))
        return httpd_files_fail(files, name, 0, "out of memory");
    (*names)[(*count)++] = copy;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool httpd_files_list(struct httpd_files *files, const char *directory, const char *pattern, char ***names, size_t *count)
{
    char real[PATH_MAX];
    DIR *stream = realpath(directory, real) == NULL ? NULL : opendir(real);
    bool is_listed = true;
    const struct dirent *entry;

    *names = NULL;
    *count = 0;
    if (stream == NULL)
        return httpd_files_fail(files, directory, 0, "the directory cannot be read: %s", strerror(errno));
    while (is_listed && (entry = readdir(stream)) != NULL)
        is_listed = add_name(files, entry->d_name, pattern, names, count);
    closedir(stream);
    for (size_t i = 0; is_listed && files->overlay != NULL && i < files->overlay->count; i++) {
        const char *name;

        if (is_put_into(&files->overlay->changes[i], real, &name))
            is_listed = add_name(files, name, pattern, names, count);
    }
    if (is_listed && *count > 1)
        qsort(*names, *count, sizeof **names, compare_names);
    return is_listed;
}
