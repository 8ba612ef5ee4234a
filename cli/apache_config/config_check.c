/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the configuration itself says about an enable to come: the findings that are made of lines.
 * Runs in: command line.
 * Never: asks Apache, or looks at anything that is not in the configuration.
 */
#include <string.h>
#include <strings.h>

#include "apache_config/edit.h"

static bool has_word(const struct apache_line *line, const char *word)
{
    for (size_t i = 1; i < line->word_count; i++)
        if (strcasecmp(line->words[i], word) == 0)
            return true;
    return false;
}

static bool is_other_cache(const struct apache_line *line, const struct config_edit_request *request)
{
    const char *word = line->word_count == 0 ? "" : line->words[0];

    return strncmp(word, "dbm:", 4) != 0 || strcmp(word + 4, request->dbm) != 0;
}

static bool is_in_effect(const struct apache_config *config, const struct apache_line *line)
{
    return line->is_in_md_set || config_effective(config, line->site, line->setting) == line;
}

/* Does the line deserve a finding of this kind? */
static bool is_finding(const struct apache_config *config, const struct apache_line *line,
    const struct config_edit_request *request, enum config_finding_kind *kind)
{
    switch (line->setting) {
    case APACHE_STAPLING_CACHE:
        *kind = CONFIG_FINDING_OTHER_CACHE;
        return is_other_cache(line, request) && !edit_is_in_own_file(config, line);
    case APACHE_MD_STAPLING:
        *kind = CONFIG_FINDING_MD_STAPLING;
        return apache_line_is(line, "on") && is_in_effect(config, line);
    case APACHE_FORCE_URL:
        *kind = CONFIG_FINDING_FORCE_URL;
        return true;
    case APACHE_RETURN_ERRORS:
    case APACHE_FAKE_TRY_LATER:
        *kind = CONFIG_FINDING_VHOST_OVERRIDES;
        return line->site != APACHE_SERVER && apache_line_is(line, "on") && is_in_effect(config, line);
    case APACHE_MUTEX:
        *kind = CONFIG_FINDING_OMIT_PID;
        return has_word(line, "OmitPID") && (has_word(line, "ssl-stapling") || line == apache_dump_mutex(&config->dump));
    default:
        return false;
    }
}

/* A SSLUseStapling line in a file that virtual hosts include. */
static bool is_shared(const struct apache_config *config, const struct apache_line *line)
{
    struct config_span span;

    if (line->setting != APACHE_USE_STAPLING || line->site == APACHE_SERVER)
        return false;
    config_find_line(config, line, &span);
    return span.file != NULL && span.file != config->sites[line->site].file && span.file->times_read > 1;
}

static bool find_in_sites(
    const struct apache_config *config, const struct config_edit_request *request, struct config_findings *findings)
{
    for (size_t i = 0; i < config->dump.site_count; i++) {
        const struct apache_site *site = &config->dump.sites[i];
        const struct apache_line *line = config_effective(config, i, APACHE_USE_STAPLING);
        const char *name = site->server_name == NULL ? "this virtual host" : site->server_name;
        struct config_span span;

        if (!request->is_all || !site->is_tls || line == NULL || line->site != i || apache_line_is(line, "on"))
            continue;
        config_find_line(config, line, &span);
        if (!config_findings_add(findings, CONFIG_FINDING_VHOST_OFF, span.file == NULL ? line->place.source : span.file->path,
                span.file == NULL ? line->place.line : span.line, name))
            return false;
    }
    return true;
}

bool config_edit_preflight(
    const struct apache_config *config, const struct config_edit_request *request, struct config_findings *findings)
{
    const struct apache_line *mutex = apache_dump_mutex(&config->dump);
    enum config_finding_kind kind;

    if (mutex != NULL && !config_findings_add_line(findings, CONFIG_FINDING_MUTEX, config, mutex))
        return false;
    for (size_t i = 0; i < config->dump.line_count; i++) {
        const struct apache_line *line = &config->dump.lines[i];

        if (is_finding(config, line, request, &kind) && !config_findings_add_line(findings, kind, config, line))
            return false;
        if (is_shared(config, line) && !config_findings_add_line(findings, CONFIG_FINDING_SHARED_LINE, config, line))
            return false;
    }
    return find_in_sites(config, request, findings);
}
