/* SPDX-License-Identifier: ISC */
/*
 * Owns: the configuration in force, Apache's list of certificates, and the pool they make; changing them while it runs.
 * Runs in: supervisor (daemon).
 * Never: gives up what works for a configuration that does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/daemon_state.h"
#include "daemon/systemd_notify.h"
#include "host/directories.h"
#include "system/clock.h"
#include "system/log.h"

#define ERROR_MAX 1024
/* Somebody may have changed Apache's configuration without restarting it through anything we see. */
#define DISCOVERY_MSEC (60 * 60 * 1000)

/* The list that discovery came to; found is taken over.  result: as discover_apache returns it. */
static void note_discovery(struct daemon *daemon, int result, size_t count, const char *error)
{
    bool is_news = strcmp(daemon->facts.discovery_error, error) != 0;

    daemon->facts.discovered_at = (int64_t)time(NULL);
    snprintf(daemon->facts.discovery_error, sizeof daemon->facts.discovery_error, "%s", result == 0 ? "" : error);
    if (result == 0 || !is_news)
        return;
    audit_announce(daemon->settings.audit,
        &(struct audit_fields){
            .event = EVENT_DISCOVERY_FAILED, .process = PARTY_SUPERVISOR, .detail = daemon->facts.discovery_error});
    if (result > 0)
        log_warning("certificates in the previous list: %zu", count);
}

int daemon_gather(struct daemon *daemon)
{
    char error[ERROR_MAX] = "";
    char known_path[FILE_PATH_MAX + 8];
    struct pool_source *found = NULL;
    size_t count = 0;

    daemon->discovery_msec = DAEMON_NEVER;
    if (daemon->conf->is_discovery_on) {
        note_discovery(daemon, discover_apache(daemon->conf, &found, &count, error, sizeof error), count, error);
        daemon->discovery_msec = clock_monotonic_msec() + DISCOVERY_MSEC;
    }
    daemon->pool = pool_new(daemon->conf, found, count);
    snprintf(known_path, sizeof known_path, "%s/known", daemon->conf->state_dir);
    daemon->known = known_read(known_path);
    if (daemon->pool == NULL || daemon->known == NULL) {
        log_error("out of memory");
        return -1;
    }
    if (daemon->pool->count == 0)
        log_warning("there is no certificate to look after yet: Apache names none, and %s has no [certificate] section",
            daemon->facts.config_path);
    return 0;
}

static void audit_dropped(const struct daemon *daemon, const struct pool_cert *cert)
{
    audit_write(daemon->settings.audit,
        &(struct audit_fields){.event = EVENT_CERT_DROPPED,
            .process = PARTY_SUPERVISOR,
            .cert = cert->name,
            .sha256 = cert->is_known ? cert->sha256 : NULL,
            .serial = cert->serial,
            .serial_len = cert->serial_len,
            .detail = "not in the configuration any more; a staple that is held stays until it ends"});
}

/* The pool of conf and of what was found (taken over) takes the place of the one before. */
static bool change_pool(struct daemon *daemon, const struct conf *conf, struct pool_source *found, size_t count)
{
    struct pool *pool = pool_new(conf, found, count);
    struct pool *old = daemon->pool;

    if (pool == NULL || !pool_take_over(pool, old)) {
        log_error("out of memory: the certificates stay as they are");
        pool_free(pool);
        return false;
    }
    for (size_t i = 0; i < old->count; i++)
        if (pool_find_name(pool, old->certs[i].name) == NULL)
            audit_dropped(daemon, &old->certs[i]);
    feed_change_pool(&daemon->feed, pool, old);
    daemon->relay.pool = pool;
    daemon->pool = pool;
    deploys_change_pool(daemon->deploys, pool);
    pool_free(old);
    daemon_save_soon(daemon, clock_monotonic_msec());
    return true;
}

/* A child whose part of the configuration changed starts anew with it. */
static void replace_children(struct daemon *daemon, const struct conf *old)
{
    static struct msg before, after; /* large */
    const struct ids *ids = &daemon->settings.ids;
    int64_t now_msec = clock_monotonic_msec();

    configure_fetcher(old, ids, &before);
    configure_fetcher(daemon->conf, ids, &after);
    if (memcmp(&before, &after, sizeof before) != 0)
        children_replace(&daemon->children.fetcher, now_msec);
    configure_writer(old, ids, false, &before);
    configure_writer(daemon->conf, ids, false, &after);
    if (memcmp(&before, &after, sizeof before) != 0)
        children_replace(&daemon->children.writer, now_msec);
}

static void end_reload(struct daemon *daemon, const char *error)
{
    bool is_well = error[0] == '\0';
    char count[48];

    daemon->facts.reloaded_at = (int64_t)time(NULL);
    snprintf(daemon->facts.reload_error, sizeof daemon->facts.reload_error, "%s", error);
    snprintf(count, sizeof count, "%zu certificate%s", daemon->pool->count, daemon->pool->count == 1 ? "" : "s");
    audit_announce(daemon->settings.audit,
        &(struct audit_fields){.event = is_well ? EVENT_SERVICE_RELOAD : EVENT_SERVICE_RELOAD_FAILED,
            .process = PARTY_SUPERVISOR,
            .detail = is_well ? count : daemon->facts.reload_error});
    if (daemon->reloader != NULL) {
        control_say(daemon->reloader, "%s%s", is_well ? "reloaded" : "not reloaded, going on as before: ", error);
        control_end(daemon->reloader, is_well ? 0 : 1);
        daemon->reloader = NULL;
    }
    notify_ready();
    daemon_say_status(daemon);
}

/* The configuration that was read is in force, with the certificates that Apache names now. */
static void apply(struct daemon *daemon, struct pool_source *found, size_t count)
{
    struct conf *old = daemon->conf;

    if (!change_pool(daemon, daemon->next_conf, found, count)) {
        conf_free(daemon->next_conf);
        daemon->next_conf = NULL;
        end_reload(daemon, "out of memory");
        return;
    }
    daemon->conf = daemon->next_conf;
    daemon->next_conf = NULL;
    daemon->children.conf = daemon->conf;
    replace_children(daemon, old);
    audit_reconfigure(daemon->settings.audit,
        &(struct audit_settings){.path = daemon->conf->audit_log,
            .is_sealed = daemon->conf->is_audit_sealed,
            .journal_path = daemon->conf->is_journal_on ? JOURNAL_SOCKET : NULL});
    daemon->apache_msec = clock_monotonic_msec(); /* pid_file may be another */
    conf_free(old);
    end_reload(daemon, "");
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
static bool can_move_log(const struct daemon *daemon, const struct conf *conf, char *error, size_t cap)
{
    const char *why = strcmp(daemon->conf->audit_log, conf->audit_log) == 0 ? NULL : audit_refuses_path(conf->audit_log);

    if (why != NULL)
        snprintf(error, cap, "audit_log = %s cannot be written: %s; may the service write there (ReadWritePaths= of its unit)?",
            conf->audit_log, why);
    return why == NULL;
}

static struct conf *read_next(const struct daemon *daemon, char *error, size_t cap)
{
    const struct ids *ids = &daemon->settings.ids;
    struct conf *conf = conf_read(daemon->facts.config_path, error, cap);
    const char *key;

    if (conf == NULL)
        return NULL;
    key = fixed_key_changed(daemon->conf, conf);
    if (key != NULL)
        snprintf(error, cap, "%s: %s cannot change while the service runs; do: systemctl restart stapleguard",
            daemon->facts.config_path, key);
    else if (directories_prepare(conf, ids->write_uid, ids->apache_gid, error, cap) == 0
        && can_move_log(daemon, conf, error, cap))
        return conf;
    conf_free(conf);
    return NULL;
}

void daemon_reload(struct daemon *daemon, struct control_request *request)
{
    char error[ERROR_MAX] = "";

    if (daemon->reloader != NULL && request != NULL) {
        control_say(request, "a reload is under way already");
        control_end(request, 1);
        return;
    }
    if (request != NULL)
        daemon->reloader = request;
    notify_reloading();
    conf_free(daemon->next_conf);
    daemon->next_conf = read_next(daemon, error, sizeof error);
    if (daemon->next_conf == NULL) {
        end_reload(daemon, error);
        return;
    }
    /* Every file is read again: that is what a reload is for. */
    for (size_t i = 0; i < daemon->pool->count; i++)
        feed_look(&daemon->feed, &daemon->pool->certs[i]);
    if (!daemon->next_conf->is_discovery_on) {
        apply(daemon, NULL, 0);
        return;
    }
    discovery_free(daemon->discovery); /* one under way asked by the old configuration */
    daemon->discovery = NULL;
    daemon_discover(daemon);
}

void daemon_discover(struct daemon *daemon)
{
    const struct conf *conf = daemon->next_conf != NULL ? daemon->next_conf : daemon->conf;

    daemon->discovery_msec = clock_monotonic_msec() + DISCOVERY_MSEC;
    if (!conf->is_discovery_on)
        daemon->discovery_msec = DAEMON_NEVER;
    else if (daemon->discovery == NULL)
        daemon->discovery = discovery_start(conf, clock_monotonic_msec());
}

static void discovered(struct daemon *daemon, struct pool_source *found, size_t count, int result, const char *error)
{
    note_discovery(daemon, result, count, error);
    if (daemon->next_conf != NULL)
        apply(daemon, found, count);
    else if (result >= 0)
        change_pool(daemon, daemon->conf, found, count);
}

void daemon_discovery_ready(struct daemon *daemon, int64_t now_msec)
{
    const struct conf *conf = daemon->next_conf != NULL ? daemon->next_conf : daemon->conf;
    char error[ERROR_MAX] = "";
    struct pool_source *found = NULL;
    size_t count = 0;
    int result;

    if (daemon->discovery == NULL || !discovery_ready(daemon->discovery, now_msec))
        return;
    result = discovery_take(daemon->discovery, conf, &found, &count, error, sizeof error);
    discovery_free(daemon->discovery);
    daemon->discovery = NULL;
    discovered(daemon, found, count, result, error);
}
