/* SPDX-License-Identifier: ISC */
/*
 * Owns: what enable and disable change in Apache's configuration, computed and checked, not done.
 * Runs in: command line.
 * Never: writes, makes or removes a file; loads a module.
 *
 * Where a private mount namespace can be had, Apache reads every result before it is handed out: it must say what was asked
 * for.  In any case, without our lines a result is byte for byte what was there.
 */
#ifndef STAPLEGUARD_EDIT_REQUEST_H
#define STAPLEGUARD_EDIT_REQUEST_H

#include "apache_config/change_set.h"
#include "apache_config/config.h"
#include "apache_config/config_finding.h"

/* All borrowed. */
struct config_edit_request {
    const struct apache_dump_command *command; /* with which Apache was asked */
    bool is_all;                               /* --all: at server level; domains are not looked at */
    const char *const *domains;                /* --domain */
    size_t domain_count;
    const char *dbm;      /* [apache] dbm, absolute */
    const char *lock_dir; /* [apache] lock_dir, absolute */
    /* The file of mod_socache_dbm, for our own file to load; NULL: it is loaded, or will be by something else. */
    const char *module_file;
};

enum config_edit_result {
    CONFIG_EDIT_OK,            /* also with an empty set: there is nothing to change */
    CONFIG_EDIT_NO_TLS_VHOST,  /* no virtual host speaks TLS */
    CONFIG_EDIT_NO_SUCH_VHOST, /* error names the domains that no TLS virtual host serves */
    CONFIG_EDIT_BLOCKED,       /* a finding says what stands in the way */
    CONFIG_EDIT_FAILED,        /* a file cannot be read or edited safely; error says which and why */
};

/* What comes of it.  set and findings: initialised (findings may hold some already) and freed by the caller. */
struct config_edit_outcome {
    struct change_set *set; /* empty on every result but OK */
    struct config_findings *findings;
    char *error; /* one sentence, clean, that says what to do; "" with OK */
    size_t error_cap;
    char *untried; /* why Apache could not read the result beforehand, of error_cap bytes, too; "": it did */
};

enum config_edit_result config_edit_enable(
    const struct apache_config *config, const struct config_edit_request *request, const struct config_edit_outcome *outcome);

/*
 * The way back, wherever our lines are now.  With domains (and not is_all): only for the virtual hosts that serve those
 * names; the own file goes with the last of them.  dbm and lock_dir are not looked at.
 */
enum config_edit_result config_edit_disable(
    const struct apache_config *config, const struct config_edit_request *request, const struct config_edit_outcome *outcome);

/* After enable's changes were made: does what Apache reads now say what was asked for?  before: as enable got it. */
enum config_edit_result config_edit_check(const struct apache_config *before, const struct apache_config *now,
    const struct config_edit_request *request, const struct config_edit_outcome *outcome);

/* What a preflight should say about the configuration as it is.  False when there is no memory. */
bool config_edit_preflight(
    const struct apache_config *config, const struct config_edit_request *request, struct config_findings *findings);

/* True when something of ours is in effect: the own file is read, or a marked line is there. */
bool config_edit_is_enabled(const struct apache_config *config);

#endif
