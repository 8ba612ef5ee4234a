/* SPDX-License-Identifier: ISC */
/*
 * Owns: what enable and disable share: the request's virtual hosts, the edits of a file gathered, Apache's look at the result.
 * Runs in: command line.
 * Never: lets an edit through that changes more than lines of ours.
 */
#ifndef STAPLEGUARD_EDIT_H
#define STAPLEGUARD_EDIT_H

#include "apache_config/config_marks.h"
#include "apache_config/edit_request.h"
#include "apache_config/own_file.h"

/* An edit of a file that is not ours. */
struct edit_splice {
    const struct config_file *file;
    struct config_splice splice;
};

struct edit {
    struct arena arena;
    const struct apache_config *config; /* as it is */
    const struct config_edit_request *request;
    const struct config_edit_outcome *outcome;
    bool *selected; /* by site */
    struct edit_splice *splices;
    size_t splice_count;
    struct own_file own;
};

/* Compute, with nothing selected yet; a result other than OK empties the set. */
enum config_edit_result edit_run(struct edit *edit, enum config_edit_result (*compute)(struct edit *edit));

/* Put the sentence down, if it is the first; returns result. */
enum config_edit_result edit_fail(struct edit *edit, enum config_edit_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum config_edit_result edit_no_memory(struct edit *edit);

/* Select the virtual hosts of the request. */
enum config_edit_result edit_select(struct edit *edit);

/* Gather an edit.  The same place of a file that macros or includes make several times is edited once.  False: no memory. */
bool edit_gather(struct edit *edit, const struct config_file *file, const struct config_splice *splice);
/* Make what was gathered: one change a file.  False: no memory. */
bool edit_apply(struct edit *edit);

/* Put a whole new text of a file into the set.  False: no memory. */
bool edit_put(struct edit *edit, const char *path, struct config_bytes before, struct config_bytes text);

/* Each file that is replaced, but our own, must be what it was, except for our lines. */
enum config_edit_result edit_check_bytes(struct edit *edit);

/*
 * Let Apache read the set, and check what it says.  Where it cannot be shown to Apache beforehand, outcome->untried says why
 * and the result is OK.
 */
enum config_edit_result edit_try(struct edit *edit, const struct change_set *set,
    enum config_edit_result (*check)(struct edit *edit, const struct apache_config *now));

/* Does the line stand in a file of ours? */
bool edit_is_in_own_file(const struct apache_config *config, const struct apache_line *line);
/* Did `enable --all` turn stapling on? */
bool edit_is_on_for_all(const struct apache_config *config);
/* Is SSLUseStapling on in effect for the site? */
bool edit_is_stapling(const struct apache_config *config, size_t site);

/* A name for a virtual host in a message, and where it stands. */
const char *edit_site_name(const struct apache_config *config, size_t site);
const char *edit_site_path(const struct apache_config *config, size_t site);
unsigned edit_site_line(const struct apache_config *config, size_t site);

#endif
