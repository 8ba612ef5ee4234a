/* SPDX-License-Identifier: ISC */
/*
 * Owns: finding out which DBM type this Apache makes, before a site depends on it.
 * Runs in: command line (enable), as root.
 * Never: reads the site's configuration, or listens but on loopback and for a moment.
 *
 * The type is compiled into apr-util, and no command tells it.  So the very program that serves the site, with the very
 * modules that it has loaded, is run once with a configuration of a few lines in a directory of its own, until it has made
 * its file; the first bytes of that file are looked at.
 * Source: httpd ssl_scache.c (ssl_scache_init), mod_socache_dbm.c; apr-util dbm/apr_dbm.c.
 */
#ifndef STAPLEGUARD_DBM_TRIAL_H
#define STAPLEGUARD_DBM_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "enable/apache_facts.h"

enum dbm_trial {
    DBM_TRIAL_BERKELEY, /* Berkeley DB hash */
    DBM_TRIAL_OTHER,    /* error says what it is */
    DBM_TRIAL_FAILED,   /* error says why it cannot be told */
};

enum dbm_trial dbm_trial(const struct conf *conf, const struct apache_facts *facts, char *error, size_t cap);

/* What a file is, by its first bytes.  error: as above. */
enum dbm_trial dbm_trial_look(const char *path, char *error, size_t cap);

/* The file of the module `name` beside the modules that are loaded; false: it is not there. */
bool dbm_trial_module_file(const struct apache_facts *facts, const char *name, char *out, size_t cap);

#endif
