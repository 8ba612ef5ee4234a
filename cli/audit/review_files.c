/* SPDX-License-Identifier: ISC */
#include "audit/review_files.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/review_scan.h"
#include "bounds.h"
#include "system/file.h"
#include "system/log.h"

/* Lines of a file that are looked at for its first record: more than a crash leaves behind. */
#define FIRST_LINES_MAX 1000u
/* A directory that changes under us (logrotate works) is read again. */
#define FIND_TRIES 5

static const char *const endings[] = {"", ".gz", ".bz2", ".xz", ".zst"};

/* Digits at *at, at least `min` of them. */
static bool take_digits(const char **at, size_t min, uint64_t *value)
{
    size_t count = 0;

    for (*value = 0; **at >= '0' && **at <= '9'; ++*at, count++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, (uint64_t)(**at - '0'), value))
            return false;
    return count >= min;
}

/* What a compressor adds; also one that we do not know, so that its file is named and not left out in silence. */
static bool is_ending(const char *text)
{
    size_t len = strlen(text);

    if (len == 0)
        return true;
    return text[0] == '.' && len >= 2 && len <= 5 && strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789") == len - 1;
}

bool review_files_match(const char *base, const char *name, uint64_t *age, size_t *stem_len)
{
    size_t len = strlen(base);
    const char *at = name + len;
    uint64_t number;
    uint64_t second = 0;

    if (strncmp(base, name, len) != 0)
        return false;
    *age = 0;
    *stem_len = len;
    if (*at == '\0')
        return true;
    if (*at == '.') {
        at++;
        if (!take_digits(&at, 1, &number))
            return false;
        *age = number;
    } else if (*at == '-') {
        at++;
        if (!take_digits(&at, 6, &number))
            return false;
        if (*at == '-' && (at++, !take_digits(&at, 1, &second)))
            return false;
        *age = UINT64_MAX / 2 - number;
    } else {
        return false;
    }
    *stem_len = (size_t)(at - name);
    return is_ending(at);
}

/* Who may read it instead: for a file or directory that we may not. */
static void say_denied(const char *path, const char *why, char *error, size_t cap)
{
    char folder[FILE_PATH_MAX + 1];
    const char *denied = path;
    struct stat status;
    const struct group *group;

    snprintf(folder, sizeof folder, "%s", path);
    if (stat(path, &status) != 0) {
        /* It is a directory above it that shuts us out. */
        do
            denied = dirname(folder);
        while (stat(denied, &status) != 0 && strcmp(denied, "/") != 0 && strcmp(denied, ".") != 0);
    }
    group = getgrgid(status.st_gid);
    if (status.st_gid == 0)
        snprintf(error, cap, "%.400s: %s: %.400s is for root alone; run me as root", path, why, denied);
    else if (group == NULL)
        snprintf(error, cap, "%.400s: %s: %.400s is for root and the group with number %u", path, why, denied,
            (unsigned)status.st_gid);
    else
        snprintf(error, cap, "%.400s: %s: %.400s is for root and the group %s; run me as root, or as a member (adduser NAME %s)",
            path, why, denied, group->gr_name, group->gr_name);
}

static void say_unopened(const char *path, const char *why, char *error, size_t cap)
{
    int reason = errno;

    if (reason == EACCES)
        say_denied(path, why, error, cap);
    else
        snprintf(error, cap, "%.800s: %s", path, why);
}

/* The number of the first record in it. */
static uint64_t first_seq(int fd)
{
    struct review_lines *lines = review_lines_open(fd);
    struct review_record record;
    struct review_line line;
    const char *why;
    uint64_t seq = 0;

    if (lines == NULL)
        return 0;
    for (size_t i = 0; i < FIRST_LINES_MAX && seq == 0 && review_lines_next(lines, &line, &why); i++)
        if (review_scan(line.text, line.len, &record))
            seq = (uint64_t)review_value_number(&record.values[REVIEW_SEQ]);
    review_lines_close(lines);
    return seq;
}

static bool add(struct review_files *files, const char *path, char *error, size_t cap)
{
    const char *why = "";
    struct review_file *grown = reallocarray(files->files, files->count + 1, sizeof *grown);
    struct review_file *file;

    if (grown == NULL) {
        snprintf(error, cap, "out of memory");
        return false;
    }
    files->files = grown;
    file = &grown[files->count];
    *file = (struct review_file){.path = strdup(path), .fd = file_open_regular(path, &why)};
    if (file->path == NULL || file->fd < 0) {
        say_unopened(path, file->path == NULL ? "out of memory" : why, error, cap);
        free(file->path);
        if (file->fd >= 0)
            close(file->fd);
        return false;
    }
    files->count++;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct review_file *left = a;
    const struct review_file *right = b;

    if (left->first_seq != right->first_seq)
        return left->first_seq < right->first_seq ? -1 : 1;
    return left->rank < right->rank ? -1 : 1;
}

/* By the first record.  A file without one stays behind the file that its name puts it behind. */
static void order(struct review_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        files->files[i].rank = i;
        files->files[i].first_seq = first_seq(files->files[i].fd);
        if (files->files[i].first_seq == 0 && i > 0)
            files->files[i].first_seq = files->files[i - 1].first_seq;
    }
    qsort(files->files, files->count, sizeof *files->files, compare);
}

void review_files_close(struct review_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        close(files->files[i].fd);
        free(files->files[i].path);
    }
    free(files->files);
    *files = (struct review_files){0};
}

bool review_files_open(char *const *paths, size_t count, struct review_files *files, char *error, size_t cap)
{
    *files = (struct review_files){0};
    for (size_t i = 0; i < count; i++)
        if (!add(files, paths[i], error, cap))
            return false;
    order(files);
    return true;
}

struct name {
    char text[NAME_MAX + 1];
    size_t stem_len; /* without what a compressor added */
    uint64_t age;
};

struct names {
    struct name *all;
    size_t count;
};

/* Oldest first; of a file and its compressed twin the plain one first. */
static int compare_names(const void *a, const void *b)
{
    const struct name *left = a;
    const struct name *right = b;

    if (left->age != right->age)
        return left->age > right->age ? -1 : 1;
    return strcmp(left->text, right->text);
}

static bool read_names(const char *folder, const char *base, struct names *names)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    size_t stem_len;
    uint64_t age;

    *names = (struct names){0};
    if (dir == NULL)
        return false;
    while ((entry = readdir(dir)) != NULL) {
        struct name *grown;

        if (!review_files_match(base, entry->d_name, &age, &stem_len))
            continue;
        grown = reallocarray(names->all, names->count + 1, sizeof *grown);
        if (grown == NULL)
            break;
        names->all = grown;
        snprintf(grown[names->count].text, sizeof grown->text, "%s", entry->d_name);
        grown[names->count].stem_len = stem_len;
        grown[names->count++].age = age;
    }
    closedir(dir);
    if (names->count > 0)
        qsort(names->all, names->count, sizeof *names->all, compare_names);
    return true;
}

/* "audit.jsonl.2" and "audit.jsonl.2.gz": logrotate was stopped between compressing and removing.  The plain one is whole. */
static bool is_twin(const struct name *before, const struct name *name)
{
    return before->age == name->age && before->stem_len == name->stem_len && before->text[before->stem_len] == '\0'
        && strncmp(before->text, name->text, name->stem_len) == 0;
}

static bool is_known(const char *ending)
{
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (strcmp(ending, endings[i]) == 0)
            return true;
    return false;
}

static bool add_names(const char *folder, const struct names *names, struct review_files *files, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + NAME_MAX + 2];

    for (size_t i = 0; i < names->count; i++) {
        if (i > 0 && is_twin(&names->all[i - 1], &names->all[i]))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, names->all[i].text);
        if (!is_known(names->all[i].text + names->all[i].stem_len)) {
            snprintf(error, cap,
                "%.800s: compressed in a way that is not known here (gzip, bzip2, xz and zstd are); decompress it, "
                "or name the files to be read",
                path);
            return false;
        }
        if (!add(files, path, error, cap))
            return false;
    }
    return true;
}

/* Does each path still lead to the file that we have open? */
static bool are_current(const struct review_files *files)
{
    struct stat there;
    struct stat ours;

    for (size_t i = 0; i < files->count; i++)
        if (stat(files->files[i].path, &there) != 0 || fstat(files->files[i].fd, &ours) != 0 || there.st_ino != ours.st_ino
            || there.st_dev != ours.st_dev)
            return false;
    return true;
}

/* One try; *is_torn: the directory changed meanwhile. */
static bool find_once(const char *path, struct review_files *files, bool *is_torn, char *error, size_t cap)
{
    char folder_text[FILE_PATH_MAX + 1];
    char base_text[FILE_PATH_MAX + 1];
    struct names before;
    struct names after = {0};
    const char *folder;
    const char *base;
    bool is_well;

    snprintf(folder_text, sizeof folder_text, "%s", path);
    snprintf(base_text, sizeof base_text, "%s", path);
    folder = dirname(folder_text);
    base = basename(base_text);
    *is_torn = false;
    if (!read_names(folder, base, &before)) {
        say_unopened(path, strerror(errno), error, cap);
        return false;
    }
    is_well = add_names(folder, &before, files, error, cap);
    if (before.count == 0) {
        snprintf(error, cap,
            "%.800s: there is no audit log yet; did stapleguardd run?  (audit_log in the configuration, or name "
            "the FILE)",
            path);
        is_well = false;
    } else {
        *is_torn = !read_names(folder, base, &after) || after.count != before.count || !are_current(files);
    }
    free(before.all);
    free(after.all);
    return is_well;
}

bool review_files_find(const char *path, struct review_files *files, char *error, size_t cap)
{
    bool is_torn = true;
    bool is_well = false;

    *files = (struct review_files){0};
    for (int i = 0; i < FIND_TRIES && is_torn; i++) {
        review_files_close(files);
        is_well = find_once(path, files, &is_torn, error, cap);
    }
    if (is_well)
        order(files);
    return is_well;
}

size_t review_files_walk(const struct review_files *files, review_visit *visit, void *context)
{
    size_t unread = 0;
    bool goes_on = true;

    for (size_t i = 0; i < files->count && goes_on; i++) {
        struct review_lines *lines = review_lines_open(files->files[i].fd);
        struct review_line line;
        const char *why = "out of memory";

        while (goes_on && lines != NULL && review_lines_next(lines, &line, &why)) {
            line.path = files->files[i].path;
            line.file = i;
            goes_on = visit(context, &line);
        }
        if (goes_on && why != NULL) {
            log_error("%s: %s; what is behind that is not shown", files->files[i].path, why);
            unread++;
        }
        review_lines_close(lines);
    }
    return unread;
}
