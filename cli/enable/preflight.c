/* SPDX-License-Identifier: ISC */
#include "enable/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apache_config/config_match.h"
#include "enable/apache_control.h"
#include "enable/dbm_trial.h"
#include "enable/places.h"
#include "host/users.h"

#define ERROR_MAX (FILE_PATH_MAX + 3u * DETAIL_MAX)
/* Responders that are tried beforehand: each may take seconds.  The rest is seen when it is asked. */
#define REACH_MAX 8u

/* Who is who. */
static void look_at_users(struct plan *plan)
{
    const struct conf *conf = plan->conf;
    char error[ERROR_MAX];
    gid_t gid;
    uid_t uid;

    if (users_find(conf->fetch_user, &plan->visitor.uid, &plan->visitor.gid, error, sizeof error) != 0)
        findings_add(&plan->findings, FINDING_ERROR, "fetch_user: %s (or run systemd-sysusers)", error);
    if (users_find(conf->write_user, &plan->write_uid, &gid, error, sizeof error) != 0)
        findings_add(&plan->findings, FINDING_ERROR, "write_user: %s (or run systemd-sysusers)", error);
    if (users_find(conf->apache_user, &uid, &plan->apache_gid, error, sizeof error) != 0)
        findings_add(&plan->findings, FINDING_ERROR, "user in [apache]: %s", error);
}

/* Apache itself.  Returns false when there is no going on. */
static bool look_at_apache(struct plan *plan)
{
    struct apache_facts *facts = &plan->facts;
    char error[ERROR_MAX];

    if (apache_facts_gather(plan->conf, facts, error, sizeof error) != 0) {
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
        return false;
    }
    if (!apache_facts_is_new_enough(facts))
        findings_add(&plan->findings, FINDING_ERROR, "Apache %s is too old: it takes 2.4", facts->version);
    if (apache_configtest(plan->conf, error, sizeof error) != 0)
        findings_add(&plan->findings, FINDING_ERROR, "Apache's configuration is broken already; put it right first: %s", error);
    modules_find(plan->conf, facts, &plan->modules);
    return true;
}

static struct httpd_source source_of(const struct apache_facts *facts)
{
    return (struct httpd_source){
        .server_root = facts->server_root,
        .conf_file = facts->conf_file,
        .modules = (const char *const *)facts->static_modules.items,
        .module_count = facts->static_modules.count,
        .defines = (const char *const *)facts->defines.items,
        .define_count = facts->defines.count,
        .environment = (const char *const *)facts->environment.items,
        .version = facts->version,
    };
}

struct httpd_tree *plan_read_tree(const struct apache_facts *facts)
{
    struct httpd_source source = source_of(facts);
    char error[ERROR_MAX];

    return httpd_tree_load(&source, error, sizeof error);
}

static void read_tree(struct plan *plan)
{
    struct httpd_source source = source_of(&plan->facts);
    char error[ERROR_MAX];

    plan->tree = httpd_tree_load(&source, error, sizeof error);
    if (plan->tree == NULL)
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
}

static enum finding_weight weight_of(enum httpd_finding_kind kind)
{
    switch (kind) {
    case HTTPD_FINDING_MD_STAPLING:
    case HTTPD_FINDING_MACRO_SHARED:
        return FINDING_ERROR;
    case HTTPD_FINDING_OTHER_CACHE:
    case HTTPD_FINDING_OTHER_SETTING:
    case HTTPD_FINDING_MUTEX:
    case HTTPD_FINDING_FORCE_URL:
        return FINDING_INFO;
    default:
        return FINDING_WARNING;
    }
}

static void compute(struct plan *plan, bool is_enable)
{
    const struct plan_request *request = plan->request;
    const struct httpd_source source = source_of(&plan->facts);
    const struct httpd_edit_request edit = {
        .is_all = request->is_all,
        .domains = request->domains,
        .domain_count = request->domain_count,
        .dbm = plan->conf->dbm,
        .lock_dir = plan->conf->lock_dir,
        .module_file = plan->module_file[0] != '\0' ? plan->module_file : NULL,
    };
    struct httpd_findings found = {.items = NULL};
    char error[ERROR_MAX], text[ERROR_MAX];
    enum httpd_edit_result result = is_enable
        ? httpd_edit_enable(&source, plan->tree, &edit, &plan->set, &found, error, sizeof error)
        : httpd_edit_disable(&source, plan->tree, &edit, &plan->set, &found, error, sizeof error);

    if (is_enable && !httpd_edit_preflight(plan->tree, &edit, &found))
        findings_add(&plan->findings, FINDING_ERROR, "out of memory");
    if (result != HTTPD_EDIT_OK)
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
    for (size_t i = 0; i < found.count; i++) {
        httpd_finding_text(&found.items[i], text, sizeof text);
        findings_add(&plan->findings, is_enable ? weight_of(found.items[i].kind) : FINDING_INFO, "%s", text);
    }
    httpd_findings_free(&found);
}

/* The sites: all that will show a staple, or those that were named. */

/* Who names a site that is not there has mistyped it, or forgotten its TLS. */
static void choose_domain(struct plan *plan, const char *domain, bool *selected)
{
    size_t count = httpd_tree_vhost_count(plan->tree);
    bool *alone = calloc(count + 1, sizeof *alone);

    if (alone == NULL || httpd_match_name(plan->tree, domain, alone) == 0)
        findings_add(&plan->findings, FINDING_ERROR, "no TLS virtual host serves %s; `%s -S` lists what there is", domain,
            plan->conf->control);
    for (size_t i = 0; alone != NULL && i < count; i++)
        selected[i] = selected[i] || alone[i];
    free(alone);
}

static void choose_sites(struct plan *plan)
{
    const struct plan_request *request = plan->request;
    size_t count = httpd_tree_vhost_count(plan->tree);
    bool *selected = calloc(count + 1, sizeof *selected);

    if (selected == NULL) {
        findings_add(&plan->findings, FINDING_ERROR, "out of memory");
        return;
    }
    if (request->is_all || request->domain_count == 0)
        httpd_match_tls(plan->tree, selected);
    for (size_t i = 0; !request->is_all && i < request->domain_count; i++)
        choose_domain(plan, request->domains[i], selected);
    for (size_t i = 0; request->is_all && i < count; i++) {
        const struct httpd_line *line = httpd_tree_effective(plan->tree, i, HTTPD_USE_STAPLING);

        if (line != NULL && line->vhost == i && !httpd_line_is_on(line)) /* it said no itself, and is left alone */
            selected[i] = false;
    }
    if (!sites_gather(plan->tree, selected, plan->conf, (int64_t)time(NULL), &plan->sites))
        findings_add(&plan->findings, FINDING_ERROR, "out of memory");
    free(selected);
}

static void look_at_certs(struct plan *plan)
{
    for (size_t i = 0; i < plan->sites.count; i++) {
        const struct site *site = &plan->sites.items[i];

        if (site->target[0] == '\0')
            findings_add(&plan->findings, FINDING_ERROR,
                "nobody listens for %s: its staple could not be seen; is Apache restarted since "
                "it was configured?",
                site->name);
        for (size_t k = 0; k < site->cert_count; k++)
            if (site->certs[k].state == CERT_STATE_NO_OCSP)
                findings_add(
                    &plan->findings, FINDING_INFO, "%s: %s has no OCSP URL: nothing to staple", site->name, site->certs[k].path);
            else if (site->certs[k].state != CERT_STATE_MISSING)
                findings_add(&plan->findings, FINDING_WARNING, "%s: %s cannot be stapled: %s", site->name, site->certs[k].path,
                    site->certs[k].detail);
    }
    if (plan->findings.errors == 0 && sites_stapled_count(&plan->sites) == 0)
        findings_add(
            &plan->findings, FINDING_ERROR, "there is nothing to staple: no certificate of these sites can have a staple");
}

/* Each responder once; a warning only: the fetch will tell for sure. */
static void look_at_responders(struct plan *plan)
{
    const char *seen[REACH_MAX];
    size_t count = 0;
    char detail[DETAIL_MAX + 1];

    for (size_t i = 0; i < plan->sites.count; i++)
        for (size_t k = 0; k < plan->sites.items[i].cert_count; k++) {
            const struct cert *cert = &plan->sites.items[i].certs[k].cert;
            const char *url = plan->conf->proxy[0] != '\0' ? plan->conf->proxy : cert->url_count > 0 ? cert->urls[0] : NULL;
            bool is_seen = url == NULL || count == REACH_MAX || plan->sites.items[i].certs[k].state != CERT_STATE_MISSING;

            for (size_t s = 0; !is_seen && s < count; s++)
                is_seen = strcmp(seen[s], url) == 0;
            if (is_seen)
                continue;
            seen[count++] = url;
            if (!visitor_can_reach(&plan->visitor, url, detail))
                findings_add(&plan->findings, FINDING_WARNING,
                    "the responder %s cannot be reached: %s; let this machine out to it, or "
                    "name a proxy = in [fetch]",
                    url, detail);
        }
}

/* The modules, and the kind of file that Apache makes. */

static void look_at_module(struct plan *plan)
{
    if (apache_facts_has_module(&plan->facts, PLAN_MODULE))
        return;
    if (modules_is_available(&plan->modules, PLAN_MODULE)) {
        plan->needs_module = true;
        findings_add(&plan->findings, FINDING_INFO, "mod_" PLAN_MODULE " is not loaded; %s " PLAN_MODULE " will load it",
            plan->modules.enable);
    } else if (dbm_trial_module_file(&plan->facts, PLAN_MODULE, plan->module_file, sizeof plan->module_file)) {
        findings_add(&plan->findings, FINDING_INFO, "mod_" PLAN_MODULE " is not loaded; stapleguard's own file will load %s",
            plan->module_file);
    } else {
        findings_add(
            &plan->findings, FINDING_ERROR, "mod_" PLAN_MODULE " is not there; install the package of Apache's that has it");
    }
}

static void look_at_dbm(struct plan *plan)
{
    char path[FILE_PATH_MAX + 64], error[ERROR_MAX];
    enum dbm_trial found;

    /* Without the module, or Apache's user, there is nothing to try; that was found already. */
    if (plan->apache_gid == 0
        || (!apache_facts_has_module(&plan->facts, PLAN_MODULE)
            && !dbm_trial_module_file(&plan->facts, PLAN_MODULE, path, sizeof path)))
        return;
    found = dbm_trial(plan->conf, &plan->facts, error, sizeof error);
    if (found == DBM_TRIAL_OTHER)
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
    else if (found == DBM_TRIAL_FAILED)
        findings_add(&plan->findings, FINDING_ERROR, "%s; the DBM type of this Apache is not known", error);
}

static bool is_stapling_on(const struct httpd_tree *tree, size_t vhost)
{
    const struct httpd_line *line = httpd_tree_effective(tree, vhost, HTTPD_USE_STAPLING);

    return line != NULL && httpd_line_is_on(line);
}

bool plan_has_cache(const struct httpd_tree *tree)
{
    return httpd_tree_effective(tree, HTTPD_NONE, HTTPD_STAPLING_CACHE) != NULL;
}

bool plan_wants_full_restart(const struct httpd_tree *tree, const char *lock_dir)
{
    const struct httpd_line *mutex = httpd_tree_mutex(tree);
    bool is_ours = mutex != NULL && mutex->word_count > 0 && strncmp(mutex->words[0], "flock:", 6) == 0
        && strcmp(mutex->words[0] + 6, lock_dir) == 0;
    bool is_on = is_stapling_on(tree, HTTPD_NONE);

    for (size_t i = 0; !is_on && i < httpd_tree_vhost_count(tree); i++)
        is_on = httpd_tree_vhost(tree, i)->is_tls && is_stapling_on(tree, i);
    return is_on && !is_ours;
}

static void begin(const struct plan_request *request, struct conf *conf, struct plan *plan)
{
    char path[FILE_PATH_MAX + 1];

    *plan = (struct plan){.request = request, .conf = conf};
    change_set_init(&plan->set);
    if (record_path(conf->state_dir, path))
        record_read(path, &plan->record);
}

void plan_enable(const struct plan_request *request, struct conf *conf, struct plan *plan)
{
    char error[ERROR_MAX];

    begin(request, conf, plan);
    look_at_users(plan);
    if (service_check(request->config_path, error, sizeof error) != 0)
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
    if (!look_at_apache(plan))
        return;
    if (plan->facts.pid == 0)
        findings_add(&plan->findings, FINDING_ERROR,
            "Apache is not running (%s names no process); start it, then try again: what was done "
            "could not be seen",
            conf->pid_file);
    if (!apache_facts_has_module(&plan->facts, "ssl") && !text_list_has(&plan->facts.static_modules, "mod_ssl.c"))
        findings_add(&plan->findings, FINDING_ERROR, "mod_ssl is not loaded: this Apache speaks no TLS; set up a TLS site first");
    if (plan->write_uid != 0)
        places_check(conf, plan->write_uid, &plan->findings);
    look_at_module(plan);
    read_tree(plan);
    if (plan->tree == NULL)
        return;
    compute(plan, true);
    plan->is_restart_full = plan_wants_full_restart(plan->tree, conf->lock_dir);
    plan->has_cache = plan_has_cache(plan->tree);
    if (plan->is_restart_full)
        findings_add(&plan->findings, FINDING_INFO,
            "stapling is on already with another mutex: Apache will be stopped and started once, "
            "not restarted gracefully");
    if (plan->facts.pid == 0)
        return;
    choose_sites(plan);
    look_at_certs(plan);
    if (plan->visitor.uid != 0)
        look_at_responders(plan);
    look_at_dbm(plan);
    plan->way = service_look(conf, request->config_path);
}

void plan_disable(const struct plan_request *request, struct conf *conf, struct plan *plan)
{
    begin(request, conf, plan);
    look_at_users(plan);
    if (!look_at_apache(plan))
        return;
    read_tree(plan);
    if (plan->tree == NULL)
        return;
    compute(plan, false);
    for (size_t i = 0; i < plan->set.count; i++)
        plan->is_whole = plan->is_whole || plan->set.changes[i].kind == CHANGE_REMOVE;
    plan->is_whole = plan->is_whole || (request->is_all && plan->set.count == 0);
    choose_sites(plan);
    plan->way = service_look(conf, request->config_path);
}

void plan_clear(struct plan *plan)
{
    apache_facts_clear(&plan->facts);
    httpd_tree_free(plan->tree);
    change_set_free(&plan->set);
    findings_clear(&plan->findings);
    sites_clear(&plan->sites);
    record_clear(&plan->record);
    conf_free(plan->conf);
}

bool plan_is_empty(const struct plan *plan)
{
    return plan->set.count == 0 && !plan->needs_module;
}
