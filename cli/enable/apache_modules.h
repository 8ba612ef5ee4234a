/* SPDX-License-Identifier: ISC */
/*
 * Owns: Debian's way of loading a module: which files a2enmod makes, and having it make or remove them.
 * Runs in: command line (enable, disable), as root.
 * Never: guesses where it is not Debian's layout.
 */
#ifndef STAPLEGUARD_APACHE_MODULES_H
#define STAPLEGUARD_APACHE_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "bounds.h"
#include "conf/conf.h"
#include "enable/apache_facts.h"
#include "transaction/transaction.h"

/* A module's links and a2enmod's own four notes of it. */
#define MODULE_PATHS_MAX 6u

/* Debian's a2enmod stands beside apache2ctl.  Source: Debian's apache2, debian/a2enmod. */
struct modules {
    char enable[FILE_PATH_MAX + 16];   /* a2enmod; "": not Debian's layout */
    char disable[FILE_PATH_MAX + 16];  /* a2dismod */
    char directory[FILE_PATH_MAX + 1]; /* with mods-available and mods-enabled */
    char notes[FILE_PATH_MAX + 1];     /* where a2enmod notes what an administrator wants */
};

void modules_find(const struct conf *conf, const struct apache_facts *facts, const char *server_root, struct modules *modules);
/* Can a2enmod load it? */
bool modules_is_available(const struct modules *modules, const char *module);

/* Announce every path that a2enmod (or a2dismod) may touch for the module.  Returns 0, or -1 with error. */
int modules_announce(
    const struct modules *modules, const char *module, bool is_enabled, struct transaction *transaction, char *error, size_t cap);
/* Run it; disabling leaves no note, as if nobody had ever wanted the module.  Returns 0, or -1 with error, its own words. */
int modules_switch(const struct modules *modules, const char *module, bool is_enabled, char *error, size_t cap);

#endif
