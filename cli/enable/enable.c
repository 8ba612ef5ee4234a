/* SPDX-License-Identifier: ISC */
#include "enable/enable.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "enable/apache_control.h"
#include "enable/dbm_trial.h"
#include "enable/enable_operation.h"
#include "enable/places.h"
#include "enable/verify_staples.h"
#include "host/directories.h"
#include "system/clock.h"

/* post_config of a large configuration. */
#define FILE_WAIT_MSEC 30000

/* Planning. */

static void say_scope(const struct plan *plan)
{
    setup_say_step("Looking at Apache %s (%s): %zu TLS site%s, %zu certificate%s to staple for", plan->facts.version,
        plan_conf_file(plan), plan->sites.count, plan->sites.count == 1 ? "" : "s", sites_stapled_count(&plan->sites),
        sites_stapled_count(&plan->sites) == 1 ? "" : "s");
    findings_print(&plan->findings, stdout);
    fflush(stdout);
}

static void say_diff(const struct plan *plan)
{
    setup_say_step("This %s", plan_is_empty(plan) ? "changes nothing" : "will change");
    change_set_diff(&plan->set, stdout);
    if (plan->needs_module)
        setup_say("%s " PLAN_MODULE, plan->modules.enable);
    if (plan->way == SERVICE_UNIT)
        setup_say("systemctl enable --now stapleguard");
    fflush(stdout);
}

/* Doing. */

/* The record as it will be, announced with the rest, so that it comes and goes with them. */
static int announce_record(struct setup_run *run, struct plan *plan, char path[FILE_PATH_MAX + 1], char **text, size_t *len)
{
    if (plan->needs_module && !text_list_has(&plan->record.modules, PLAN_MODULE)
        && !text_list_add(&plan->record.modules, PLAN_MODULE, strlen(PLAN_MODULE)))
        *text = NULL;
    else {
        plan->record.is_service_ours = plan->record.is_service_ours || plan->way == SERVICE_UNIT;
        *text = record_text(&plan->record, len);
    }
    if (*text == NULL || !record_path(plan->conf->state_dir, path)) {
        snprintf(run->error, sizeof run->error, "out of memory");
        return -1;
    }
    return transaction_add(&run->transaction, path, SNAPSHOT_FILE, *text, *len, run->error, sizeof run->error);
}

static int begin(struct setup_run *run, struct plan *plan)
{
    const struct conf *conf = plan->conf;

    if (directories_prepare(conf, plan->write_uid, plan->apache_gid, run->error, sizeof run->error) != 0)
        return -1;
    if (plan->needs_module
        && modules_announce(&plan->modules, PLAN_MODULE, true, &run->transaction, run->error, sizeof run->error) != 0)
        return -1;
    run->transaction.journal.is_way_back_full = plan->is_restart_full || !plan->has_cache;
    run->transaction.journal.is_service_ours = plan->way == SERVICE_UNIT;
    snprintf(run->transaction.journal.operation, sizeof run->transaction.journal.operation, "enable");
    if (setup_announce(run, &plan->set) != 0 || transaction_begin(&run->transaction, run->error, sizeof run->error) != 0)
        return -1;
    run->is_begun = true;
    setup_say_step("The former files are kept in %s", run->transaction.journal.backup);
    return 0;
}

static int fetch(struct setup_run *run, struct plan *plan, const struct setup_options *options)
{
    int result;

    if (plan->way == SERVICE_UNIT && service_start(plan->conf, setup_is_interrupted, run->error, sizeof run->error) != 0)
        return -1;
    result = service_fetch(
        plan->way, plan->conf, options->request.config_path, &plan->sites, setup_is_interrupted, run->error, sizeof run->error);
    if (result != 0 && setup_must_stop(run))
        return -1;
    if (result > 0 && options->is_missing_allowed) {
        setup_say("warning: %s", run->error);
        return 0;
    }
    if (result > 0)
        snprintf(
            run->error + strlen(run->error), sizeof run->error - strlen(run->error), " (--allow-missing goes on without it)");
    return result == 0 ? 0 : -1;
}

/* Apache's file: ours is there already; without a daemon beside it, Apache may have deleted it and makes its own. */
static int see_file(struct setup_run *run, const struct conf *conf, int inotify_fd)
{
    struct pollfd polled = {inotify_fd, POLLIN, 0};
    int64_t until_msec = clock_monotonic_msec() + FILE_WAIT_MSEC;
    char news[4096];

    while (access(conf->dbm, F_OK) != 0) {
        int64_t left_msec = until_msec - clock_monotonic_msec();

        if (setup_must_stop(run))
            return -1;
        if (left_msec <= 0) {
            snprintf(
                run->error, sizeof run->error, "Apache did not make its stapling cache %s; its error log may say why", conf->dbm);
            return -1;
        }
        if (poll(&polled, 1, (int)left_msec) > 0 && read(inotify_fd, news, sizeof news) < 0 && errno != EINTR)
            break;
    }
    return dbm_trial_look(conf->dbm, run->error, sizeof run->error) == DBM_TRIAL_BERKELEY ? 0 : -1;
}

static int watch_directory(const char *file)
{
    char directory[FILE_PATH_MAX + 1];
    int fd = inotify_init1(IN_CLOEXEC);

    snprintf(directory, sizeof directory, "%s", file);
    *strrchr(directory, '/') = '\0';
    if (fd >= 0 && inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int restart(struct setup_run *run, struct plan *plan)
{
    int inotify_fd, result = -1;

    if (apache_configtest(plan->conf, run->error, sizeof run->error) != 0 || setup_must_stop(run))
        return -1;
    setup_say_step("Apache finds its new configuration right; it is %s",
        plan->is_restart_full ? "stopped and started" : "restarted gracefully");
    inotify_fd = watch_directory(plan->conf->dbm);
    if (inotify_fd < 0) {
        snprintf(run->error, sizeof run->error, "cannot watch the directory of %s: %s", plan->conf->dbm, strerror(errno));
        return -1;
    }
    run->is_apache_touched = true;
    if (apache_restart(plan->conf, plan->is_restart_full, run->error, sizeof run->error) == 0)
        result = see_file(run, plan->conf, inotify_fd);
    close(inotify_fd);
    return result;
}

static int see(struct setup_run *run, struct plan *plan, const struct setup_options *options)
{
    /* Without a daemon the restart may have cost the file: put in again what the store has. */
    if (plan->way == SERVICE_ONCE && fetch(run, plan, options) != 0)
        return -1;
    if (!places_can_use(plan->conf, run->error, sizeof run->error))
        return -1;
    setup_say_step("What visitors get now");
    if (verify_staples(&plan->visitor, &plan->sites, setup_is_interrupted, run->error, sizeof run->error) == 0)
        return 0;
    setup_must_stop(run);
    return -1;
}

static int do_all(struct setup_run *run, struct plan *plan, const struct setup_options *options)
{
    char path[FILE_PATH_MAX + 1];
    char *text = NULL;
    size_t len = 0;
    int result = -1;

    if (announce_record(run, plan, path, &text, &len) != 0 || begin(run, plan) != 0 || setup_must_stop(run))
        goto out;
    setup_say_step("Fetching, before Apache is touched%s", plan->way == SERVICE_ONCE ? " (stapleguardd --once)" : "");
    if (fetch(run, plan, options) != 0 || setup_must_stop(run))
        goto out;
    setup_say_step("Writing");
    if (setup_apply(run, &plan->set) != 0)
        goto out;
    if (plan->needs_module) {
        if (modules_switch(&plan->modules, PLAN_MODULE, true, run->error, sizeof run->error) != 0)
            goto out;
        setup_say("loaded mod_" PLAN_MODULE);
    }
    if (setup_must_stop(run) || plan_check(plan, run->error, sizeof run->error) != 0 || restart(run, plan) != 0
        || see(run, plan, options) != 0)
        goto out;
    if (transaction_apply(&run->transaction, path, text, len, run->error, sizeof run->error) != 0)
        goto out;
    if (transaction_end(&run->transaction, true) != 0)
        snprintf(run->error, sizeof run->error, "the journal in %s cannot be removed: %s", run->transaction.directory,
            strerror(errno));
    else
        result = 0;
out:
    free(text);
    return result;
}

static void say_end(const struct setup_run *run, const struct plan *plan)
{
    const struct site *shown = NULL;

    for (size_t i = 0; i < plan->sites.count && shown == NULL; i++)
        if (plan->sites.items[i].server_name != NULL && plan->sites.items[i].cert_count > 0
            && plan->sites.items[i].certs[0].state == CERT_STATE_MISSING && !plan->sites.items[i].certs[0].is_without)
            shown = &plan->sites.items[i];
    setup_say_step("Done");
    if (shown != NULL)
        setup_say("see it:  openssl s_client -connect %s -servername %s -status </dev/null | grep -A 20 'OCSP response'",
            shown->target, shown->server_name);
    setup_say("watch:   stapleguard status");
    setup_say("backup:  %s", run->transaction.journal.backup);
    setup_say("undo:    stapleguard disable --all");
    if (plan->way == SERVICE_ONCE)
        setup_say(
            "warning: no stapleguardd runs: staples end. Run it (systemctl enable --now stapleguard), or its timer "
            "(systemctl enable --now stapleguard-once.timer)");
}

static void say_nothing(const struct plan *plan)
{
    setup_say_step("Nothing to do: it is enabled already. %s",
        plan->way == SERVICE_RUNNING ? "stapleguard status tells how it stands"
                                     : "But no stapleguardd runs, and staples end: systemctl enable --now stapleguard");
}

enum setup_code setup_enable(const struct setup_options *options, struct conf *conf)
{
    static const struct operation enable = {.make = plan_enable,
        .say_scope = say_scope,
        .say_diff = say_diff,
        .is_nothing = plan_is_empty,
        .say_nothing = say_nothing,
        .carry_out = do_all,
        .say_end = say_end};

    return operation_run(&enable, options, conf);
}

enum setup_code setup_recover(bool is_quiet, bool is_boot, struct conf *conf)
{
    struct setup_run run;
    enum setup_code code = SETUP_DONE;

    setup_catch_signals();
    if (!transaction_is_pending(conf->state_dir)) {
        if (!is_quiet)
            setup_say_step("Nothing to recover: no enable or disable was killed half-way");
    } else {
        enum transaction_lock lock;

        run = (struct setup_run){.transaction.lock_fd = -1};
        lock = transaction_open(conf->state_dir, &run.transaction, run.error, sizeof run.error);
        transaction_close(&run.transaction);
        if (lock == TRANSACTION_BUSY && is_quiet) { /* it may be that one which starts the service */
            conf_free(conf);
            return SETUP_DONE;
        }
        code = setup_open(&run, is_boot, conf);
        transaction_close(&run.transaction);
    }
    conf_free(conf);
    return code;
}
