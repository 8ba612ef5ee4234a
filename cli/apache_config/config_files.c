/* SPDX-License-Identifier: ISC */
#include "apache_config/config_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/file.h"
#include "text/text.h"

/* Read all of the descriptor; *why is set when that fails. */
static char *read_all(struct arena *arena, int fd, size_t *len, const char **why)
{
    struct stat status;
    char *data;
    ssize_t got = 1;

    *why = "out of memory";
    *len = 0;
    if (fstat(fd, &status) != 0 || status.st_size > (off_t)CONFIG_FILE_MAX) {
        *why = "is larger than any configuration";
        return NULL;
    }
    data = arena_alloc(arena, (size_t)status.st_size + 1);
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

bool config_files_read(struct arena *arena, const char *path, struct config_bytes *bytes, char *error, size_t cap)
{
    const char *why;
    int fd = file_open_regular(path, &why);

    bytes->data = fd < 0 ? NULL : read_all(arena, fd, &bytes->len, &why);
    if (fd >= 0)
        close(fd);
    if (bytes->data == NULL)
        text_clean_format(error, cap, "%s: cannot be read: %s", path, why);
    return bytes->data != NULL;
}

bool config_files_parent(const char *path, char real[PATH_MAX])
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

bool config_files_is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool config_files_list(struct arena *arena, const char *directory, char ***names, size_t *count)
{
    DIR *stream = opendir(directory);
    bool is_listed = stream != NULL;
    const struct dirent *entry;

    *names = NULL;
    *count = 0;
    while (is_listed && (entry = readdir(stream)) != NULL) {
        char *copy = arena_copy(arena, entry->d_name, strlen(entry->d_name));

        is_listed = copy != NULL && arena_grow(arena, names, *count, sizeof copy);
        if (is_listed)
            (*names)[(*count)++] = copy;
    }
    if (stream != NULL)
        closedir(stream);
    if (is_listed && *count > 1)
        qsort(*names, *count, sizeof **names, compare_names);
    return is_listed;
}
