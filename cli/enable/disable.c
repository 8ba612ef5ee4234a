/* SPDX-License-Identifier: ISC */
/*
 * Owns: disable, step by step: write, unload, test, restart, say what the sites do now.
 * Runs in: command line, as root.
 * Never: leaves a line of ours in Apache's configuration, or unloads a module that something else uses now.
 */
#include "enable/enable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enable/apache_control.h"
#include "enable/enable_operation.h"
#include "enable/verify_staples.h"
#include "host/subprocess.h"
#include "system/log.h"

#define CHATTR "/usr/bin/chattr"
#define CHATTR_TIMEOUT_SEC 10

static void say_scope(const struct plan *plan)
{
    setup_say_step("Looking at Apache %s (%s)", plan->facts.version, plan_conf_file(plan));
    findings_print(&plan->findings, stdout);
    fflush(stdout);
}

static void say_diff(const struct plan *plan)
{
    setup_say_step("This %s", plan->set.count == 0 ? "changes nothing in Apache's files" : "will change");
    change_set_diff(&plan->set, stdout);
    for (size_t i = 0; plan->is_whole && i < plan->record.modules.count; i++)
        setup_say("%s %s", plan->modules.disable, plan->record.modules.items[i]);
    if (plan->is_whole && plan->record.is_service_ours)
        setup_say("systemctl disable --now stapleguard");
    fflush(stdout);
}

static int begin(struct setup_run *run, const struct plan *plan)
{
    struct journal *journal = &run->transaction.journal;
    char path[FILE_PATH_MAX + 1];

    if (setup_announce(run, &plan->set) != 0)
        return -1;
    if (plan->is_whole) {
        for (size_t i = 0; i < plan->record.modules.count; i++)
            if (modules_announce(
                    &plan->modules, plan->record.modules.items[i], false, &run->transaction, run->error, sizeof run->error)
                != 0)
                return -1;
        if (!record_path(plan->conf->state_dir, path)
            || transaction_add(&run->transaction, path, SNAPSHOT_ABSENT, NULL, 0, run->error, sizeof run->error) != 0)
            return -1;
    }
    journal->is_way_back_full = true; /* the mutex is made anew, whatever it was meanwhile */
    snprintf(journal->operation, sizeof journal->operation, "disable");
    if (transaction_begin(&run->transaction, run->error, sizeof run->error) != 0)
        return -1;
    run->is_begun = true;
    setup_say_step("The former files are kept in %s", journal->backup);
    return 0;
}

/* Something else may use a module by now; Apache says so when it is gone. */
static int unload(struct setup_run *run, const struct plan *plan)
{
    char why[SETUP_ERROR_MAX];

    for (size_t i = 0; plan->is_whole && i < plan->record.modules.count; i++) {
        const char *module = plan->record.modules.items[i];

        if (setup_must_stop(run) || modules_switch(&plan->modules, module, false, run->error, sizeof run->error) != 0)
            return -1;
        if (apache_configtest(plan->conf, why, sizeof why) == 0) {
            setup_say("unloaded mod_%s", module);
            continue;
        }
        if (modules_switch(&plan->modules, module, true, run->error, sizeof run->error) != 0)
            return -1;
        setup_say("mod_%s stays loaded: something else uses it now", module);
    }
    return 0;
}

/* What Apache is to be when our lines are gone: without a cache, or with somebody else's mutex (apache_control.h)? */
static bool wants_full_restart(const struct plan *plan)
{
    char error[SETUP_ERROR_MAX];
    struct apache_config *after = config_load(&plan->command, error, sizeof error);
    bool result
        = after == NULL || !plan_has_cache(after) || (plan->is_whole && plan_wants_full_restart(after, plan->conf->lock_dir));

    config_free(after);
    return result;
}

static int do_all(struct setup_run *run, struct plan *plan, const struct setup_options *options)
{
    static const struct snapshot absent = {.kind = SNAPSHOT_ABSENT};
    char path[FILE_PATH_MAX + 1];
    bool is_full;

    (void)options;
    if (begin(run, plan) != 0)
        return -1;
    setup_say_step("Writing");
    if (setup_apply(run, &plan->set) != 0 || unload(run, plan) != 0
        || apache_configtest(plan->conf, run->error, sizeof run->error) != 0 || setup_must_stop(run))
        return -1;
    is_full = wants_full_restart(plan);
    run->is_apache_touched = true;
    if (plan->facts.pid != 0) {
        setup_say_step(
            "Apache finds its configuration right; it is %s", is_full ? "stopped and started" : "restarted gracefully");
        if (apache_restart(plan->conf, is_full, run->error, sizeof run->error) != 0 || setup_must_stop(run))
            return -1;
    }
    if (plan->is_whole && record_path(plan->conf->state_dir, path) && snapshot_put(path, &absent) != 0) {
        snprintf(run->error, sizeof run->error, "cannot remove %s: %s", path, strerror(errno));
        return -1;
    }
    if (transaction_end(&run->transaction, true) == 0)
        return 0;
    snprintf(
        run->error, sizeof run->error, "the journal in %s cannot be removed: %s", run->transaction.directory, strerror(errno));
    return -1;
}

/* The service lifts its shield when it stops.  Without one, a shield may be left of one that was killed. */
static void end_service(const struct plan *plan)
{
    char directory[FILE_PATH_MAX + 1], error[SETUP_ERROR_MAX];
    const char *const argv[] = {CHATTR, "-i", directory, NULL};
    struct subprocess_result result;

    if (plan->record.is_service_ours) {
        setup_say_step("Stopping stapleguard.service, which enable had started");
        if (service_end(error, sizeof error) != 0)
            log_warning("%s", error);
    } else if (plan->way == SERVICE_RUNNING) {
        setup_say_step(
            "stapleguardd still runs, since enable did not start it; nobody needs it now: systemctl disable --now stapleguard");
    } else {
        snprintf(directory, sizeof directory, "%s", plan->conf->dbm);
        *strrchr(directory, '/') = '\0';
        if (access(directory, F_OK) == 0)
            subprocess_run(argv, CHATTR_TIMEOUT_SEC, &result);
        else
            result = (struct subprocess_result){.out = NULL};
        subprocess_clear(&result);
    }
}

static void say_end(const struct setup_run *run, const struct plan *plan)
{
    if (plan->facts.pid != 0) {
        setup_say_step("What visitors get now");
        verify_tell(&plan->visitor, &plan->sites);
    } else {
        setup_say_step("Apache does not run; it reads its configuration when it is started");
    }
    if (plan->is_whole)
        end_service(plan);
    setup_say_step("Done");
    setup_say("backup:  %s", run->transaction.journal.backup);
}

static bool is_nothing(const struct plan *plan)
{
    return plan->set.count == 0 && plan->record.modules.count == 0 && !plan->record.is_service_ours;
}

static void say_nothing(const struct plan *plan)
{
    (void)plan;
    setup_say_step("Nothing to do: nothing of stapleguard's is in Apache's configuration");
}

enum setup_code setup_disable(const struct setup_options *options, struct conf *conf)
{
    static const struct operation disable = {.make = plan_disable,
        .say_scope = say_scope,
        .say_diff = say_diff,
        .is_nothing = is_nothing,
        .say_nothing = say_nothing,
        .carry_out = do_all,
        .say_end = say_end};

    return operation_run(&disable, options, conf);
}
