/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the configuration itself says about an enable to come: the findings that are made of lines.
 * Runs in: command line.
 * Never: asks Apache, or looks at anything that is not in the configuration.
 */
#include <string.h>
#include <strings.h>

#include "apache_config/edit.h"

static bool is_ours(const struct httpd_tree *tree, const struct httpd_line *line)
{
    return httpd_own_is_ours(httpd_work_bytes(tree, line->place.path));
}

static bool omits_pid(const struct httpd_line *line)
{
    for (size_t i = 1; i < line->word_count; i++)
        if (strcasecmp(line->words[i], "OmitPID") == 0)
            return true;
    return false;
}

static bool names_stapling(const struct httpd_line *line)
{
    for (size_t i = 1; i < line->word_count; i++)
        if (strcasecmp(line->words[i], "ssl-stapling") == 0)
            return true;
    return false;
}

static bool is_other_cache(const struct httpd_line *line, const struct httpd_edit_request *request)
{
    const char *word = line->word_count == 0 ? "" : line->words[0];

    return strncmp(word, "dbm:", 4) != 0 || strcmp(word + 4, request->dbm) != 0;
}

/* A Mutex line: of ours there is nothing to say. */
static bool find_in_mutex(const struct httpd_tree *tree, const struct httpd_line *line, struct httpd_findings *findings)
{
    if (omits_pid(line) && (names_stapling(line) || line == httpd_tree_mutex(tree))
        && !httpd_findings_add_line(findings, HTTPD_FINDING_OMIT_PID, line))
        return false;
    return true;
}

static bool find_in_line(const struct httpd_tree *tree, const struct httpd_line *line, const struct httpd_edit_request *request,
    struct httpd_findings *findings)
{
    switch (line->setting) {
    case HTTPD_STAPLING_CACHE:
        return !is_other_cache(line, request) || is_ours(tree, line)
            || httpd_findings_add_line(findings, HTTPD_FINDING_OTHER_CACHE, line);
    case HTTPD_MD_STAPLING:
        return !httpd_line_is_on(line) || httpd_tree_effective(tree, line->vhost, line->setting) != line
            || httpd_findings_add_line(findings, HTTPD_FINDING_MD_STAPLING, line);
    case HTTPD_FORCE_URL:
        return httpd_findings_add_line(findings, HTTPD_FINDING_FORCE_URL, line);
    case HTTPD_RETURN_ERRORS:
    case HTTPD_FAKE_TRY_LATER:
        return line->vhost == HTTPD_NONE || !httpd_line_is_on(line)
            || httpd_tree_effective(tree, line->vhost, line->setting) != line
            || httpd_findings_add_line(findings, HTTPD_FINDING_VHOST_OVERRIDES, line);
    case HTTPD_MUTEX:
        return find_in_mutex(tree, line, findings);
    default:
        return true;
    }
}

static bool is_read_again(const struct httpd_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->files.count; i++)
        if (tree->files.items[i]->path == path)
            return tree->files.items[i]->times_read > 1;
    return false;
}

/* A SSLUseStapling line in a file that virtual hosts include. */
static bool find_shared(const struct httpd_tree *tree, struct httpd_findings *findings)
{
    for (size_t i = 0; i < tree->line_count; i++) {
        const struct httpd_line *line = &tree->lines[i];

        if (line->setting == HTTPD_USE_STAPLING && line->vhost != HTTPD_NONE
            && line->place.path != tree->vhosts[line->vhost].place.path && is_read_again(tree, line->place.path)
            && !httpd_findings_add_line(findings, HTTPD_FINDING_SHARED_LINE, line))
            return false;
    }
    return true;
}

static bool find_in_vhosts(
    const struct httpd_tree *tree, const struct httpd_edit_request *request, struct httpd_findings *findings)
{
    for (size_t i = 0; i < tree->vhost_count; i++) {
        const struct httpd_line *line = httpd_tree_effective(tree, i, HTTPD_USE_STAPLING);
        const char *name = tree->vhosts[i].server_name == NULL ? "this virtual host" : tree->vhosts[i].server_name;

        if (request->is_all && tree->vhosts[i].is_tls && line != NULL && line->vhost == i && !httpd_line_is_on(line)
            && !httpd_findings_add(findings, HTTPD_FINDING_VHOST_OFF, &line->place, name))
            return false;
    }
    return true;
}

bool httpd_edit_preflight(
    const struct httpd_tree *tree, const struct httpd_edit_request *request, struct httpd_findings *findings)
{
    const struct httpd_line *mutex = httpd_tree_mutex(tree);

    if (mutex != NULL && !httpd_findings_add_line(findings, HTTPD_FINDING_MUTEX, mutex))
        return false;
    for (size_t i = 0; i < tree->line_count; i++)
        if (!find_in_line(tree, &tree->lines[i], request, findings))
            return false;
    return find_shared(tree, findings) && find_in_vhosts(tree, request, findings);
}
