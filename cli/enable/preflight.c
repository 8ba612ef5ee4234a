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

/* What to write where Apache cannot show its configuration. */
static void say_lines_for_hand(struct plan *plan)
{
    findings_add(&plan->findings, FINDING_ERROR,
        "Apache can show its configuration only with its module mod_info, which is not there; install it (it comes with Apache), "
        "or write these five lines by hand, then restart Apache:");
    findings_add(&plan->findings, FINDING_INFO, "SSLStaplingCache \"dbm:%s\"", plan->conf->dbm);
    findings_add(&plan->findings, FINDING_INFO, "SSLStaplingReturnResponderErrors off");
    findings_add(&plan->findings, FINDING_INFO, "SSLStaplingFakeTryLater off");
    findings_add(&plan->findings, FINDING_INFO, "Mutex \"flock:%s\" ssl-stapling", plan->conf->lock_dir);
    findings_add(&plan->findings, FINDING_INFO, "SSLUseStapling on");
}

/* Have Apache show its configuration.  Where it runs, mod_info lies beside its other modules. */
static bool read_config(struct plan *plan)
{
    const struct apache_facts *facts = &plan->facts;
    char info[FILE_PATH_MAX + 1], error[ERROR_MAX];

    apache_dump_command(
        plan->conf, dbm_trial_module_file(facts, "info", info, sizeof info) ? info : apache_dump_find_info(), &plan->command);
    for (size_t i = 0; i + 1 < facts->options.count; i += 2)
        apache_dump_option(&plan->command, facts->options.items[i], facts->options.items[i + 1]);
    plan->config = config_load(&plan->command, error, sizeof error);
    if (plan->config == NULL)
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
    return plan->config != NULL;
}

/* Apache itself.  Returns false when there is no going on. */
static bool look_at_apache(struct plan *plan)
{
    struct apache_facts *facts = &plan->facts;
    const char *root;
    char error[ERROR_MAX];

    if (apache_facts_gather(plan->conf, facts, error, sizeof error) != 0) {
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
        return false;
    }
    if (!apache_facts_is_new_enough(facts))
        findings_add(&plan->findings, FINDING_ERROR, "Apache %s is too old: it takes 2.4", facts->version);
    if (apache_configtest(plan->conf, error, sizeof error) != 0) {
        findings_add(&plan->findings, FINDING_ERROR, "Apache's configuration is broken already; put it right first: %s", error);
        return false;
    }
    if (!read_config(plan))
        return false;
    root = plan->config->dump.server_root == NULL ? "" : plan->config->dump.server_root;
    if (facts->pid == 0 && !apache_facts_read_envvars(facts, root))
        findings_add(&plan->findings, FINDING_ERROR, "out of memory");
    modules_find(plan->conf, facts, root, &plan->modules);
    return true;
}

const char *plan_conf_file(const struct plan *plan)
{
    return plan->config == NULL ? plan->conf->control : plan->config->files[0]->path;
}

static enum finding_weight weight_of(enum config_finding_kind kind)
{
    switch (kind) {
    case CONFIG_FINDING_MD_STAPLING:
    case CONFIG_FINDING_MACRO_SHARED:
        return FINDING_ERROR;
    case CONFIG_FINDING_OTHER_CACHE:
    case CONFIG_FINDING_OTHER_SETTING:
    case CONFIG_FINDING_MUTEX:
    case CONFIG_FINDING_FORCE_URL:
        return FINDING_INFO;
    default:
        return FINDING_WARNING;
    }
}

static struct config_edit_request request_of(const struct plan *plan)
{
    return (struct config_edit_request){
        .command = &plan->command,
        .is_all = plan->request->is_all,
        .domains = plan->request->domains,
        .domain_count = plan->request->domain_count,
        .dbm = plan->conf->dbm,
        .lock_dir = plan->conf->lock_dir,
        .module_file = plan->module_file[0] != '\0' ? plan->module_file : NULL,
    };
}

static void compute(struct plan *plan, bool is_enable)
{
    const struct config_edit_request edit = request_of(plan);
    struct config_findings found = {.items = NULL};
    char error[ERROR_MAX], untried[ERROR_MAX], text[ERROR_MAX];
    const struct config_edit_outcome outcome
        = {.set = &plan->set, .findings = &found, .error = error, .error_cap = sizeof error, .untried = untried};
    enum config_edit_result result = (is_enable ? config_edit_enable : config_edit_disable)(plan->config, &edit, &outcome);

    if (is_enable && !config_edit_preflight(plan->config, &edit, &found))
        findings_add(&plan->findings, FINDING_ERROR, "out of memory");
    if (result != CONFIG_EDIT_OK)
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
    else if (untried[0] != '\0')
        findings_add(&plan->findings, FINDING_INFO,
            "the new files cannot be shown to Apache beforehand (%s); Apache tests them once they are written, before it is "
            "restarted",
            untried);
    for (size_t i = 0; i < found.count; i++) {
        config_finding_text(&found.items[i], text, sizeof text);
        findings_add(&plan->findings, is_enable ? weight_of(found.items[i].kind) : FINDING_INFO, "%s", text);
    }
    config_findings_free(&found);
}

int plan_check(const struct plan *plan, char *error, size_t cap)
{
    const struct config_edit_request edit = request_of(plan);
    struct apache_config *now = config_load(&plan->command, error, cap);
    struct config_findings found = {.items = NULL};
    const struct config_edit_outcome outcome = {.findings = &found, .error = error, .error_cap = cap};
    enum config_edit_result result = CONFIG_EDIT_FAILED;

    if (now != NULL)
        result = config_edit_check(plan->config, now, &edit, &outcome);
    config_findings_free(&found);
    config_free(now);
    return result == CONFIG_EDIT_OK ? 0 : -1;
}

/* The sites: all that will show a staple, or those that were named. */

/* Who names a site that is not there has mistyped it, or forgotten its TLS. */
static void choose_domain(struct plan *plan, const char *domain, bool *selected)
{
    size_t count = plan->config->dump.site_count;
    bool *alone = calloc(count + 1, sizeof *alone);

    if (alone == NULL || config_match_name(&plan->config->dump, domain, alone) == 0)
        findings_add(&plan->findings, FINDING_ERROR, "no TLS virtual host serves %s; `%s -S` lists what there is", domain,
            plan->conf->control);
    for (size_t i = 0; alone != NULL && i < count; i++)
        selected[i] = selected[i] || alone[i];
    free(alone);
}

static void choose_sites(struct plan *plan)
{
    const struct plan_request *request = plan->request;
    size_t count = plan->config->dump.site_count;
    bool *selected = calloc(count + 1, sizeof *selected);

    if (selected == NULL) {
        findings_add(&plan->findings, FINDING_ERROR, "out of memory");
        return;
    }
    if (request->is_all || request->domain_count == 0)
        config_match_tls(&plan->config->dump, selected);
    for (size_t i = 0; !request->is_all && i < request->domain_count; i++)
        choose_domain(plan, request->domains[i], selected);
    for (size_t i = 0; request->is_all && i < count; i++) {
        const struct apache_line *line = config_effective(plan->config, i, APACHE_USE_STAPLING);

        if (line != NULL && line->site == i && !apache_line_is(line, "on")) /* it said no itself, and is left alone */
            selected[i] = false;
    }
    if (!sites_gather(&plan->config->dump, selected, plan->conf, (int64_t)time(NULL), &plan->sites))
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
    char path[FILE_PATH_MAX + 1];

    if (apache_dump_has_module(&plan->config->dump, PLAN_MODULE))
        return;
    /* The result is tried with it, however it will be loaded. */
    if (dbm_trial_module_file(&plan->facts, PLAN_MODULE, path, sizeof path)) {
        snprintf(plan->load_cache, sizeof plan->load_cache, "LoadModule " PLAN_MODULE "_module \"%.4095s\"", path);
        apache_dump_option(&plan->command, "-C", plan->load_cache);
    }
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
        || (!apache_dump_has_module(&plan->config->dump, PLAN_MODULE)
            && !dbm_trial_module_file(&plan->facts, PLAN_MODULE, path, sizeof path)))
        return;
    found = dbm_trial(plan->conf, &plan->facts, error, sizeof error);
    if (found == DBM_TRIAL_OTHER)
        findings_add(&plan->findings, FINDING_ERROR, "%s", error);
    else if (found == DBM_TRIAL_FAILED)
        findings_add(&plan->findings, FINDING_ERROR, "%s; the DBM type of this Apache is not known", error);
}

static bool is_stapling_on(const struct apache_config *config, size_t site)
{
    return apache_line_is(config_effective(config, site, APACHE_USE_STAPLING), "on");
}

bool plan_has_cache(const struct apache_config *config)
{
    return config_effective(config, APACHE_SERVER, APACHE_STAPLING_CACHE) != NULL;
}

bool plan_wants_full_restart(const struct apache_config *config, const char *lock_dir)
{
    const struct apache_line *mutex = apache_dump_mutex(&config->dump);
    bool is_ours = mutex != NULL && mutex->word_count > 0 && strncmp(mutex->words[0], "flock:", 6) == 0
        && strcmp(mutex->words[0] + 6, lock_dir) == 0;
    bool is_on = is_stapling_on(config, APACHE_SERVER);

    for (size_t i = 0; !is_on && i < config->dump.site_count; i++)
        is_on = config->dump.sites[i].is_tls && is_stapling_on(config, i);
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
    if (!apache_dump_has_module(&plan->config->dump, "ssl"))
        findings_add(&plan->findings, FINDING_ERROR, "mod_ssl is not loaded: this Apache speaks no TLS; set up a TLS site first");
    if (plan->write_uid != 0)
        places_check(conf, plan->write_uid, &plan->findings);
    look_at_module(plan);
    if (!plan->config->dump.has_config) {
        say_lines_for_hand(plan);
        return;
    }
    compute(plan, true);
    plan->is_restart_full = plan_wants_full_restart(plan->config, conf->lock_dir);
    plan->has_cache = plan_has_cache(plan->config);
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
    config_free(plan->config);
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
