/* SPDX-License-Identifier: ISC */
#include "daemon/daemon_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/daemon_save.h"
#include "daemon/systemd_notify.h"
#include "host/directories.h"
#include "system/clock.h"
#include "system/log.h"

#define ERROR_MAX 1024
/* Somebody may have changed Apache's configuration without restarting it through anything we see. */
#define DISCOVERY_MSEC (60 * 60 * 1000)
/* Certificate files are looked at from outside: a renewal that no hook told of is served a minute later at the latest. */
#define LOOKOUT_MSEC 60000

/* The list that discovery came to; found is taken over.  result: as discover_apache returns it. */
static void note_discovery(struct daemon_config *config, int result, size_t count, const char *error)
{
    bool is_news = strcmp(config->facts->discovery_error, error) != 0;

    config->facts->discovered_at = (int64_t)time(NULL);
    snprintf(config->facts->discovery_error, sizeof config->facts->discovery_error, "%s", result == 0 ? "" : error);
    if (result == 0 || !is_news)
        return;
    audit_announce(config->audit,
        &(struct audit_fields){
            .event = EVENT_DISCOVERY_FAILED, .process = PARTY_SUPERVISOR, .detail = config->facts->discovery_error});
    if (result > 0)
        log_warning("certificates in the previous list: %zu", count);
}

int daemon_config_init(
    struct daemon_config *config, struct conf *conf, const struct ids *ids, struct facts *facts, struct audit *audit)
{
    char error[ERROR_MAX] = "";
    char known_path[FILE_PATH_MAX + 8];
    struct cert_source *found = NULL;
    size_t count = 0;

    *config = (struct daemon_config){.conf = conf,
        .lookout_msec = clock_monotonic_msec() + LOOKOUT_MSEC,
        .discovery_msec = INT64_MAX,
        .facts = facts,
        .audit = audit,
        .ids = ids};
    if (conf->is_discovery_on) {
        note_discovery(config, discover_apache(config->conf, &found, &count, error, sizeof error), count, error);
        config->discovery_msec = clock_monotonic_msec() + DISCOVERY_MSEC;
    }
    config->list = cert_list_new(config->conf, found, count);
    snprintf(known_path, sizeof known_path, "%s/known", config->conf->state_dir);
    config->known = known_read(known_path);
    if (config->list == NULL || config->known == NULL) {
        log_error("out of memory");
        return -1;
    }
    if (config->list->count == 0)
        log_warning("there is no certificate to look after yet: Apache names none, and %s has no [certificate] section",
            config->facts->config_path);
    return 0;
}

static void audit_dropped(const struct daemon_config *config, const struct listed_cert *cert)
{
    audit_write(config->audit,
        &(struct audit_fields){.event = EVENT_CERT_DROPPED,
            .process = PARTY_SUPERVISOR,
            .cert = cert->name,
            .sha256 = cert->told.is_known ? cert->told.sha256 : NULL,
            .serial = cert->told.serial,
            .serial_len = cert->told.serial_len,
            .detail = "not in the configuration any more; a staple that is held stays until it ends"});
}

/* The list of conf and of what was found (taken over) takes the place of the one before. */
static bool change_list(struct daemon_config *config, const struct conf *conf, struct cert_source *found, size_t count)
{
    struct cert_list *list = cert_list_new(conf, found, count);
    struct cert_list *old = config->list;

    if (list == NULL || !cert_list_take_over(list, old)) {
        log_error("out of memory: the certificates stay as they are");
        cert_list_free(list);
        return false;
    }
    for (size_t i = 0; i < old->count; i++)
        if (cert_list_find_name(list, old->certs[i].name) == NULL)
            audit_dropped(config, &old->certs[i]);
    feed_change_list(config->listeners.feed, list, old);
    config->listeners.relay->list = list;
    config->list = list;
    deploys_change_list(config->listeners.deploys, list);
    cert_list_free(old);
    config->listeners.changed(config->listeners.context);
    return true;
}

/* A child whose part of the configuration changed starts anew with it. */
static void replace_children(struct daemon_config *config, const struct conf *old)
{
    static struct msg before, after; /* large */
    const struct ids *ids = config->ids;
    int64_t now_msec = clock_monotonic_msec();

    configure_fetcher(old, ids, &before);
    configure_fetcher(config->conf, ids, &after);
    if (memcmp(&before, &after, sizeof before) != 0)
        children_replace(&config->listeners.children->fetcher, now_msec);
    configure_writer(old, ids, false, &before);
    configure_writer(config->conf, ids, false, &after);
    if (memcmp(&before, &after, sizeof before) != 0)
        children_replace(&config->listeners.children->writer, now_msec);
}

static void end_reload(struct daemon_config *config, const char *error)
{
    bool is_well = error[0] == '\0';
    char count[48];

    config->facts->reloaded_at = (int64_t)time(NULL);
    snprintf(config->facts->reload_error, sizeof config->facts->reload_error, "%s", error);
    snprintf(count, sizeof count, "%zu certificate%s", config->list->count, config->list->count == 1 ? "" : "s");
    audit_announce(config->audit,
        &(struct audit_fields){.event = is_well ? EVENT_SERVICE_RELOAD : EVENT_SERVICE_RELOAD_FAILED,
            .process = PARTY_SUPERVISOR,
            .detail = is_well ? count : config->facts->reload_error});
    if (config->reload.request != NULL) {
        control_say(config->reload.request, "%s%s", is_well ? "reloaded" : "not reloaded, going on as before: ", error);
        control_end(config->reload.request, is_well ? 0 : 1);
        config->reload.request = NULL;
    }
    notify_ready();
    daemon_save_notify(config->facts, config->list);
}

/* The configuration that was read is in force, with the certificates that Apache names now. */
static void apply(struct daemon_config *config, struct cert_source *found, size_t count)
{
    struct conf *old = config->conf;

    if (!change_list(config, config->reload.conf, found, count)) {
        conf_free(config->reload.conf);
        config->reload.conf = NULL;
        end_reload(config, "out of memory");
        return;
    }
    config->conf = config->reload.conf;
    config->reload.conf = NULL;
    config->listeners.children->conf = config->conf;
    replace_children(config, old);
    audit_reconfigure(config->audit,
        &(struct audit_settings){.path = config->conf->audit_log,
            .is_sealed = config->conf->is_audit_sealed,
            .journal_path = config->conf->is_journal_on ? JOURNAL_SOCKET : NULL});
    config->listeners.changed(config->listeners.context);
    conf_free(old);
    end_reload(config, "");
}

/* What cannot change while it runs.  Returns the key, or NULL. */
static const char *fixed_key_changed(const struct conf *a, const struct conf *b)
{
    if (strcmp(a->state_dir, b->state_dir) != 0)
        return "state_dir";
    if (strcmp(a->run_dir, b->run_dir) != 0)
        return "run_dir";
    if (strcmp(a->fetch_user, b->fetch_user) != 0)
        return "fetch_user";
    if (strcmp(a->write_user, b->write_user) != 0)
        return "write_user";
    return strcmp(a->apache_user, b->apache_user) != 0 ? "user" : NULL;
}

/* The log moves when the configuration is in force; that it could is known before. */
static bool can_move_log(const struct daemon_config *config, const struct conf *conf, char *error, size_t cap)
{
    const char *why = strcmp(config->conf->audit_log, conf->audit_log) == 0 ? NULL : audit_refuses_path(conf->audit_log);

    if (why != NULL)
        snprintf(error, cap, "audit_log = %s cannot be written: %s; may the service write there (ReadWritePaths= of its unit)?",
            conf->audit_log, why);
    return why == NULL;
}

static struct conf *read_next(const struct daemon_config *config, char *error, size_t cap)
{
    const struct ids *ids = config->ids;
    struct conf *conf = conf_read(config->facts->config_path, error, cap);
    const char *key;

    if (conf == NULL)
        return NULL;
    key = fixed_key_changed(config->conf, conf);
    if (key != NULL)
        snprintf(error, cap, "%s: %s cannot change while the service runs; do: systemctl restart stapleguard",
            config->facts->config_path, key);
    else if (directories_prepare(conf, ids->write_uid, ids->apache_gid, error, cap) == 0
        && can_move_log(config, conf, error, cap))
        return conf;
    conf_free(conf);
    return NULL;
}

void daemon_config_reload(struct daemon_config *config, struct control_request *request)
{
    char error[ERROR_MAX] = "";

    if (config->reload.request != NULL && request != NULL) {
        control_say(request, "a reload is under way already");
        control_end(request, 1);
        return;
    }
    if (request != NULL)
        config->reload.request = request;
    notify_reloading();
    conf_free(config->reload.conf);
    config->reload.conf = read_next(config, error, sizeof error);
    if (config->reload.conf == NULL) {
        end_reload(config, error);
        return;
    }
    /* Every file is read again: that is what a reload is for. */
    for (size_t i = 0; i < config->list->count; i++)
        feed_look(config->listeners.feed, &config->list->certs[i]);
    if (!config->reload.conf->is_discovery_on) {
        apply(config, NULL, 0);
        return;
    }
    discovery_free(config->discovery); /* one under way asked by the old configuration */
    config->discovery = NULL;
    daemon_config_discover(config);
}

void daemon_config_discover(struct daemon_config *config)
{
    const struct conf *conf = config->reload.conf != NULL ? config->reload.conf : config->conf;

    config->discovery_msec = clock_monotonic_msec() + DISCOVERY_MSEC;
    if (!conf->is_discovery_on)
        config->discovery_msec = INT64_MAX;
    else if (config->discovery == NULL)
        config->discovery = discovery_start(conf, clock_monotonic_msec());
}

static void discovered(struct daemon_config *config, struct cert_source *found, size_t count, int result, const char *error)
{
    note_discovery(config, result, count, error);
    if (config->reload.conf != NULL)
        apply(config, found, count);
    else if (result >= 0)
        change_list(config, config->conf, found, count);
}

void daemon_config_ready(struct daemon_config *config, int64_t now_msec)
{
    const struct conf *conf = config->reload.conf != NULL ? config->reload.conf : config->conf;
    char error[ERROR_MAX] = "";
    struct cert_source *found = NULL;
    size_t count = 0;
    int result;

    if (config->discovery == NULL || !discovery_ready(config->discovery, now_msec))
        return;
    result = discovery_take(config->discovery, conf, &found, &count, error, sizeof error);
    discovery_free(config->discovery);
    config->discovery = NULL;
    discovered(config, found, count, result, error);
}

/* Numbers are never used again, and there are CERTS_MAX of them: after years of renewals both children start anew. */
static void renumber(struct daemon_config *config, int64_t now_msec)
{
    struct children *children = config->listeners.children;
    struct child_life *const lives[] = {&children->fetcher, &children->writer};

    log_info(
        "%u numbers for certificates are used up; fetcher and writer are started anew to begin at 0", config->list->sent_count);
    for (size_t i = 0; i < 2; i++) {
        children_replace(lives[i], now_msec);
        children_close(children, lives[i], NULL);
    }
    feed_renumber(config->listeners.feed);
}

void daemon_config_look_out(struct daemon_config *config, int64_t now_msec)
{
    if (cert_list_is_short_of_numbers(config->list))
        renumber(config, now_msec);
    for (size_t i = 0; i < config->list->count; i++)
        if (listed_cert_stamp(&config->list->certs[i]))
            feed_look(config->listeners.feed, &config->list->certs[i]);
    config->lookout_msec = now_msec + LOOKOUT_MSEC;
}

void daemon_config_clear(struct daemon_config *config)
{
    discovery_free(config->discovery);
    known_free(config->known);
    cert_list_free(config->list);
    conf_free(config->reload.conf);
    conf_free(config->conf);
}
