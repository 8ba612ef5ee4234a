/* SPDX-License-Identifier: ISC */
/*
 * Owns: what enable and disable change in Apache's configuration, computed and checked, not done.
 * Runs in: command line.
 * Never: writes, makes or removes a file; loads a module.
 *
 * Every result is read again as Apache would read it before it is handed out: it must say what was asked for, and without
 * our lines it must be byte for byte what was there.
 */
#ifndef STAPLEGUARD_EDIT_REQUEST_H
#define STAPLEGUARD_EDIT_REQUEST_H

#include "apache_config/change_set.h"
#include "apache_config/config.h"
#include "apache_config/config_finding.h"

/* All borrowed. */
struct httpd_edit_request {
    bool is_all;                /* --all: at server level; domains are not looked at */
    const char *const *domains; /* --domain */
    size_t domain_count;
    const char *dbm;      /* [apache] dbm, absolute */
    const char *lock_dir; /* [apache] lock_dir, absolute */
    /* The file of mod_socache_dbm, for our own file to load; NULL: it is loaded, or will be by something else. */
    const char *module_file;
};

enum httpd_edit_result {
    HTTPD_EDIT_OK,            /* also with an empty set: there is nothing to change */
    HTTPD_EDIT_NO_TLS_VHOST,  /* no virtual host speaks TLS */
    HTTPD_EDIT_NO_SUCH_VHOST, /* error names the domains that no TLS virtual host serves */
    HTTPD_EDIT_BLOCKED,       /* a finding says what stands in the way */
    HTTPD_EDIT_FAILED,        /* a file cannot be read or edited safely; error says which and why */
};

/*
 * Both: *set and *findings are initialised by the caller (findings may hold some already) and freed by the caller.  On every
 * result but OK the set is empty and error (cap bytes, clean text) is one sentence that says what to do.
 */
enum httpd_edit_result httpd_edit_enable(const struct httpd_source *source, const struct httpd_tree *tree,
    const struct httpd_edit_request *request, struct change_set *set, struct httpd_findings *findings, char *error, size_t cap);

/*
 * The way back, wherever our lines are now.  With domains (and not is_all): only for the virtual hosts that serve those
 * names; the own file goes with the last of them.  dbm and lock_dir are not looked at.
 */
enum httpd_edit_result httpd_edit_disable(const struct httpd_source *source, const struct httpd_tree *tree,
    const struct httpd_edit_request *request, struct change_set *set, struct httpd_findings *findings, char *error, size_t cap);

/* What a preflight should say about the configuration as it is.  False when there is no memory. */
bool httpd_edit_preflight(
    const struct httpd_tree *tree, const struct httpd_edit_request *request, struct httpd_findings *findings);

/* True when something of ours is in effect: the own file is read, or a marked line is there. */
bool httpd_edit_is_enabled(const struct httpd_tree *tree);

#endif
