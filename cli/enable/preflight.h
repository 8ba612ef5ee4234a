/* SPDX-License-Identifier: ISC */
/*
 * Owns: everything that is found out and decided before an enable or disable changes anything: the preflight.
 * Runs in: command line (enable, disable), as root.
 * Never: changes a file, a module, a service or Apache.
 */
#ifndef STAPLEGUARD_PREFLIGHT_H
#define STAPLEGUARD_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "apache_config/change_set.h"
#include "apache_config/edit_request.h"
#include "conf/conf.h"
#include "enable/apache_facts.h"
#include "enable/apache_modules.h"
#include "enable/finding.h"
#include "enable/plan_request.h"
#include "enable/service_control.h"
#include "enable/sites.h"
#include "enable/visitor.h"
#include "transaction/enabled_record.h"

/* Needed for SSLStaplingCache dbm:. */
#define PLAN_MODULE "socache_dbm"

struct plan {
    const struct plan_request *request; /* borrowed */
    struct conf *conf;
    struct apache_facts facts;
    struct modules modules;
    struct apache_dump_command command; /* borrows of facts and of the paths below: a plan must not move */
    char load_cache[FILE_PATH_MAX + 64];
    struct apache_config *config;
    struct change_set set;
    struct findings findings;
    struct sites sites;   /* that this is about */
    struct record record; /* of before */
    struct visitor visitor;
    uid_t write_uid;
    gid_t apache_gid;
    enum service_way way;
    bool is_restart_full;
    bool has_cache;                      /* there is an SSLStaplingCache now, ours or another */
    bool needs_module;                   /* enable: PLAN_MODULE is to be loaded by a2enmod */
    char module_file[FILE_PATH_MAX + 1]; /* enable: or by our own file in Apache's configuration; "": it is loaded */
    bool is_whole;                       /* disable: nothing of ours is left */
};

/*
 * Both: find out all there is to know and put it into plan->findings, errors as well.  plan_clear it always.  With errors
 * nothing but findings (and facts, as far as they came) may be used.
 */
void plan_enable(const struct plan_request *request, struct conf *conf, struct plan *plan);
void plan_disable(const struct plan_request *request, struct conf *conf, struct plan *plan);
void plan_clear(struct plan *plan);

/* Apache's main file. */
const char *plan_conf_file(const struct plan *plan);

/* Does Apache read what was asked for, now that the changes are made?  Returns 0, or -1 with one sentence in error (cap bytes). */
int plan_check(const struct plan *plan, char *error, size_t cap);

/* Is there nothing to change? */
bool plan_is_empty(const struct plan *plan);

/* Is there an SSLStaplingCache? */
bool plan_has_cache(const struct apache_config *config);
/* Is stapling on for a TLS virtual host, or for the server, with another mutex than ours?  Then a Mutex line takes a full restart. */
bool plan_wants_full_restart(const struct apache_config *config, const char *lock_dir);

#endif
