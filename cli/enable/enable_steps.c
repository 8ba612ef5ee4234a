/* SPDX-License-Identifier: ISC */
#include "enable/enable_steps.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enable/apache_control.h"
#include "system/log.h"
#include "text/text.h"

#define RECOVER "stapleguard enable --recover"

static volatile sig_atomic_t interrupted;
static unsigned steps;

static void note_signal(int number)
{
    interrupted = number;
}

void setup_catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note_signal};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* who reads our output may be gone; the work is not half done for that */
}

bool setup_is_interrupted(void)
{
    return interrupted != 0;
}

bool setup_must_stop(struct setup_run *run)
{
    if (interrupted != 0)
        snprintf(run->error, sizeof run->error, "interrupted (%s)", strsignal(interrupted));
    return interrupted != 0;
}

static void say(const char *start, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void say(const char *start, const char *format, va_list arguments)
{
    char raw[SETUP_ERROR_MAX], clean[SETUP_ERROR_MAX];

    vsnprintf(raw, sizeof raw, format, arguments);
    text_clean_copy(clean, sizeof clean, raw, strlen(raw));
    printf("%s%s\n", start, clean);
    fflush(stdout);
}

void setup_say_step(const char *format, ...)
{
    char start[16];
    va_list arguments;

    snprintf(start, sizeof start, "%u. ", ++steps);
    va_start(arguments, format);
    say(start, format, arguments);
    va_end(arguments);
}

void setup_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say("   ", format, arguments);
    va_end(arguments);
}

bool setup_is_refused(const struct plan *plan)
{
    size_t errors = plan->findings.errors;

    if (errors > 0)
        log_error("nothing was changed: %zu error%s above", errors, errors == 1 ? "" : "s");
    return errors > 0;
}

/* The changes. */

static enum snapshot_kind after_of(const struct change *change)
{
    return change->kind == CHANGE_REMOVE ? SNAPSHOT_ABSENT : change->kind == CHANGE_LINK ? SNAPSHOT_LINK : SNAPSHOT_FILE;
}

/* What the change was computed from must be what is there when it is announced; transaction_apply sees to the rest. */
static bool is_as_computed(const struct change *change, const struct snapshot *before)
{
    if (change->kind == CHANGE_CREATE || change->kind == CHANGE_LINK)
        return before->kind == SNAPSHOT_ABSENT;
    return snapshot_has_content(before, change->is_link ? SNAPSHOT_LINK : SNAPSHOT_FILE, change->before, change->before_len);
}

int setup_announce(struct setup_run *run, const struct change_set *set)
{
    const struct journal *journal = &run->transaction.journal;

    for (size_t i = 0; i < set->count; i++) {
        const struct change *change = &set->changes[i];

        if (transaction_add(&run->transaction, change->path, after_of(change), change->content, change->content_len, run->error,
                sizeof run->error)
            != 0)
            return -1;
        if (!is_as_computed(change, &journal->entries[journal->count - 1].before)) {
            text_clean_format(
                run->error, sizeof run->error, "%s was changed by somebody else meanwhile; try again", change->path);
            return -1;
        }
    }
    return 0;
}

int setup_apply(struct setup_run *run, const struct change_set *set)
{
    static const char *const words[]
        = {[CHANGE_CREATE] = "made", [CHANGE_REPLACE] = "changed", [CHANGE_LINK] = "linked", [CHANGE_REMOVE] = "removed"};

    for (size_t i = 0; i < set->count; i++) {
        const struct change *change = &set->changes[i];

        if (setup_must_stop(run)
            || transaction_apply(
                   &run->transaction, change->path, change->content, change->content_len, run->error, sizeof run->error)
                != 0)
            return -1;
        setup_say("%s %s", words[change->kind], change->path);
    }
    return 0;
}

/* The way back. */

static bool is_this_boot(const struct journal *journal)
{
    char now[JOURNAL_BOOT_ID_SIZE];

    journal_boot_id(now);
    return strcmp(now, journal->boot_id) == 0;
}

/*
 * Apache with its old configuration.  One that a boot has not started yet reads it when it is started, and is not ours to start.
 */
static int put_apache_back(const struct conf *conf, const struct journal *journal, char *error, size_t cap)
{
    if (!apache_is_running(conf) && !is_this_boot(journal))
        return 0;
    if (apache_restart(conf, journal->is_way_back_full, error, cap) == 0)
        return 0;
    /* One that ended over it is started anew. */
    return apache_is_running(conf) ? -1 : apache_restart(conf, false, error, cap);
}

/* Apache after the files.  False, with error: it is not as it was. */
static bool undo_apache(struct setup_run *run, const struct conf *conf, const struct undo *undo, char *error, size_t cap)
{
    if (undo->has_failed && apache_is_running(conf)) {
        snprintf(error, cap, "Apache is left running as it is"); /* on half of its old configuration it may not come up again */
        return false;
    }
    return !run->is_apache_touched || put_apache_back(conf, &run->transaction.journal, error, cap) == 0;
}

static enum setup_code say_what_is_left(
    const struct setup_run *run, const struct undo *undo, bool is_apache_back, const char *apache)
{
    const char *backup = run->transaction.journal.backup;

    if (!undo->has_failed && undo->edited == 0 && is_apache_back) {
        log_line(run->is_recovery ? SEVERITY_WARNING : SEVERITY_ERROR, "%s; everything is as it was before", run->error);
        return SETUP_UNDONE;
    }
    log_error("%s; and not everything could be put back: %s%s%s; the former files are in %s%s", run->error, undo->text,
        undo->text[0] != '\0' && apache[0] != '\0' ? "; " : "", apache, backup != NULL ? backup : run->transaction.directory,
        undo->has_failed || !is_apache_back ? "; when the cause is gone: " RECOVER : "");
    return SETUP_NOT_UNDONE;
}

enum setup_code setup_go_back(struct setup_run *run, const struct conf *conf)
{
    char apache[SETUP_ERROR_MAX] = "";
    bool is_service_ours = run->transaction.journal.is_service_ours;
    bool is_apache_back;
    struct undo undo;

    if (!run->is_begun) {
        log_error("%s; nothing was changed", run->error);
        return SETUP_UNDONE;
    }
    setup_say_step("Going back");
    transaction_undo(&run->transaction, &undo);
    is_apache_back = undo_apache(run, conf, &undo, apache, sizeof apache);
    if (is_service_ours)
        service_disable();
    if (!undo.has_failed && is_apache_back && transaction_end(&run->transaction, undo.edited > 0) != 0) {
        undo.has_failed = true;
        snprintf(undo.text, sizeof undo.text, "the journal in %s cannot be removed", run->transaction.directory);
    }
    if (is_service_ours) /* at the very end: this may be a part of its start */
        service_stop_soon();
    return say_what_is_left(run, &undo, is_apache_back, apache);
}

static enum setup_code undo_killed_run(struct setup_run *run, bool is_boot, const struct conf *conf)
{
    struct setup_run killed = {.is_begun = true, .is_recovery = true, .is_apache_touched = !is_boot};
    int found = transaction_resume(&run->transaction, run->error, sizeof run->error);
    enum setup_code code;

    if (found == 0)
        return SETUP_DONE;
    if (found < 0) {
        log_error("%s", run->error);
        return SETUP_NOT_UNDONE;
    }
    killed.transaction = run->transaction;
    snprintf(
        killed.error, sizeof killed.error, "an earlier `stapleguard %s` was killed half-way", run->transaction.journal.operation);
    code = setup_go_back(&killed, conf);
    run->transaction = killed.transaction;
    journal_clear(&run->transaction.journal);
    return code == SETUP_UNDONE ? SETUP_DONE : code;
}

enum setup_code setup_open(struct setup_run *run, bool is_boot, const struct conf *conf)
{
    *run = (struct setup_run){.transaction.lock_fd = -1};
    if (transaction_open(conf->state_dir, &run->transaction, run->error, sizeof run->error) != TRANSACTION_LOCKED) {
        log_error("%s", run->error);
        return SETUP_UNDONE;
    }
    return undo_killed_run(run, is_boot, conf);
}

enum setup_code setup_tidy(bool is_dry_run, const struct conf *conf)
{
    struct setup_run run;
    enum setup_code code;

    if (!transaction_is_pending(conf->state_dir))
        return SETUP_DONE;
    if (is_dry_run) {
        log_error("an earlier enable or disable was killed half-way; first: stapleguard enable --recover");
        return SETUP_UNDONE;
    }
    code = setup_open(&run, false, conf);
    transaction_close(&run.transaction);
    return code;
}
