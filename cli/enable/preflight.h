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
#include "enable/service_control.h"
#include "enable/sites.h"
#include "enable/visitor.h"
#include "transaction/enabled_record.h"

/* Needed for SSLStaplingCache dbm:. */
#define PLAN_MODULE "socache_dbm"

struct plan_request {
    const char *config_path;
    bool is_all;
    const char *const *domains;
    size_t domain_count;
};

struct plan {
    const struct plan_request *request; /* borrowed */
    struct conf *conf;
    struct apache_facts facts;
    struct modules modules;
    struct httpd_tree *tree;
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

/* Apache's configuration as it is on disk now; NULL: it cannot be read.  httpd_tree_free it. */
struct httpd_tree *plan_read_tree(const struct apache_facts *facts);

/* Is there nothing to change? */
bool plan_is_empty(const struct plan *plan);

/* Is there an SSLStaplingCache? */
bool plan_has_cache(const struct httpd_tree *tree);
/* Is stapling on for a TLS virtual host, or for the server, with another mutex than ours?  Then a Mutex line takes a full restart. */
bool plan_wants_full_restart(const struct httpd_tree *tree, const char *lock_dir);

#endif
