/* SPDX-License-Identifier: ISC */
/*
 * Owns: what enable and disable share: a set of changes in the making, and reading its result again.
 * Runs in: command line.
 * Never: hands a set out that was not read again.
 */
#ifndef STAPLEGUARD_EDIT_H
#define STAPLEGUARD_EDIT_H

#include "apache_config/config_marks.h"
#include "apache_config/edit_request.h"
#include "apache_config/httpd_load.h"
#include "apache_config/own_file.h"

struct httpd_work {
    struct httpd_arena arena;
    const struct httpd_source *source;
    const struct httpd_tree *tree; /* as it is */
    const struct httpd_edit_request *request;
    struct change_set *set;
    struct httpd_findings *findings;
    bool *selected; /* by vhost */
    struct httpd_own own;
    char *error;
    size_t error_cap;
};

/* Compute, with nothing selected yet; a result other than OK empties the set. */
enum httpd_edit_result httpd_work_run(struct httpd_work *work, enum httpd_edit_result (*compute)(struct httpd_work *work));

/* Put the sentence down; returns result. */
enum httpd_edit_result httpd_work_fail(struct httpd_work *work, enum httpd_edit_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum httpd_edit_result httpd_work_no_memory(struct httpd_work *work);

/* Select the virtual hosts of the request. */
enum httpd_edit_result httpd_work_select(struct httpd_work *work);

/* The bytes of a file of the tree as they are on disk; data NULL: it is none. */
struct httpd_bytes httpd_work_bytes(const struct httpd_tree *tree, const char *path);

/* Make the splices in the file and put the result into the set. */
bool httpd_work_replace(
    struct httpd_work *work, const struct httpd_tree *tree, const char *path, struct httpd_splice *splices, size_t count);

/* Put a whole new text of a file of the tree into the set. */
bool httpd_work_put(struct httpd_work *work, const char *path, struct httpd_bytes before, struct httpd_bytes text);

/* The configuration as it would be; NULL with an error. */
struct httpd_tree *httpd_work_reload(struct httpd_work *work);

/* A name for a virtual host in a message; the arena's. */
const char *httpd_work_name(struct httpd_work *work, const struct httpd_tree *tree, size_t vhost);

#endif
