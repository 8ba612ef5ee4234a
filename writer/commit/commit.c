/* SPDX-License-Identifier: ISC */
#include "commit/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit/states.h"
#include "offers/offer_intake.h"
#include "state/writer_report.h"
#include "system/clock.h"

static enum dbm_owner owner_of(void *context, const uint8_t key[DBM_KEY_LEN])
{
    const struct commit *commit = context;
    const struct holding *holding = roster_find_key(commit->writer->roster, key);

    if (holding != NULL && holding->is_usable && holding->held.state == CERT_STATE_MISSING)
        return DBM_OWNER_WANTED;
    return holding != NULL || own_has_key(&commit->own, key) ? DBM_OWNER_OURS : DBM_OWNER_FOREIGN;
}

/* What verified but could not be stored is no worse for that: it stays in the file as it is. */
static void keep_unstored(struct commit *commit, const struct intake *intake, const struct dbm_entry *const *offered)
{
    for (size_t i = 0; i < intake->done_count; i++)
        if (intake->items[i].reason == REASON_STORE_FAILED)
            dbm_entries_add(&commit->dbm.contents.foreign, offered[i]->key, offered[i]->value, offered[i]->value_len);
}

/*
 * A certificate for which nothing is held may still have a good response in Apache's file: one that Apache fetched
 * itself, or ours, when our store was lost.  It goes through the same gate as an offer from the network.
 */
static void adopt(struct commit *commit)
{
    static struct intake intake;
    const struct dbm_entry *offered[INTAKE_BATCH_MAX];
    const struct dbm_entries *wanted = &commit->dbm.contents.wanted;

    intake_begin(&intake, commit->writer, commit->now);
    for (size_t i = 0; i < wanted->count; i++) {
        const struct dbm_entry *entry = &wanted->items[i];
        const struct holding *holding = roster_find_key(commit->writer->roster, entry->key);
        struct dbm_record record;

        if (holding == NULL || dbm_record_decode(entry->value, entry->value_len, &record) != DBM_RESULT_OK
            || record.flag != DBM_FLAG_GOOD)
            continue;
        offered[intake.count] = entry;
        intake_offer(&intake, INTAKE_APACHE, holding->cert_no, record.der, record.der_len);
        if (intake_is_full(&intake)) {
            intake_end(&intake);
            keep_unstored(commit, &intake, offered);
            intake_begin(&intake, commit->writer, commit->now);
        }
    }
    intake_end(&intake);
    keep_unstored(commit, &intake, offered);
    dbm_entries_sort(&commit->dbm.contents.foreign);
}

static void report_count(enum event event, enum reason reason, size_t count, const char *detail)
{
    struct msg msg = report_event_begin(event, CERT_NO_NONE, reason);

    msg.event.count = (uint32_t)count;
    snprintf(msg.event.detail, sizeof msg.event.detail, "%s", detail);
    report_message(&msg);
}

/* What of Apache's file could not be carried over. */
static void report_reading(const struct apache_dbm *dbm)
{
    if (dbm->place.is_unread)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_FILE_UNREADABLE, 0, dbm->place.detail);
    else if (dbm->place.fd >= 0 && dbm->contents.reading.result != FOREIGN_OK)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_READER_DIED, 0, dbm->contents.reading.detail);
    if (dbm->contents.invalid > 0)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_MALFORMED, dbm->contents.invalid,
            "records in Apache's file that are no stapling records");
    if (dbm->contents.foreign.dropped > 0)
        report_count(
            EVENT_DBM_FOREIGN_DROPPED, REASON_TOO_MANY, dbm->contents.foreign.dropped, "more foreign records than are kept");
}

static void report_committed(const struct commit *commit)
{
    const struct apache_dbm_outcome *outcome = &commit->outcome;
    struct msg msg = report_event_begin(EVENT_DBM_COMMITTED, CERT_NO_NONE, REASON_NONE);

    if (outcome->displaced > 0)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_GUARD_DISPLACED, outcome->displaced,
            "foreign records whose keys stand in the scan guard's place, more than it can bear");
    if (outcome->is_guard_left_out)
        report_count(EVENT_DBM_GUARD_LEFT_OUT, REASON_INTERNAL, 0,
            "a file with the scan guard did not hold what was put in; staples are served, but slower");
    if (outcome->is_unchanged)
        return;
    msg.event.count = (uint32_t)(outcome->own + outcome->foreign);
    msg.event.bytes = outcome->disk_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)outcome->disk_bytes;
    msg.event.duration_msec = (uint32_t)(clock_monotonic_msec() - commit->started_msec);
    snprintf(msg.event.detail, sizeof msg.event.detail, "%s", outcome->detail);
    if (outcome->lock_held_usec > 0)
        snprintf(msg.event.detail, sizeof msg.event.detail, "%.300s; Apache's lock held for %u us after %u us of waiting",
            outcome->detail, outcome->lock_held_usec, outcome->lock_wait_usec);
    report_message(&msg);
    if (outcome->is_lock_timeout)
        report_event(EVENT_DBM_LOCK_TIMEOUT, CERT_NO_NONE, REASON_LOCK_TIMEOUT, "longer than %d ms", KEEPER_LOCK_WAIT_MSEC);
}

/* Apache, or whoever can write to the file, made one of ours worse.  What the file held is known from the first look. */
static void report_repaired(const struct commit *commit)
{
    size_t count = 0;

    for (size_t i = 0; i < commit->own.served; i++)
        if (!dbm_contents_held(&commit->dbm.contents, commit->own.entries[i].key, commit->own.entries[i].value_sha256))
            count++;
    if (count > 0)
        report_count(EVENT_DBM_REPAIRED, REASON_NONE, count,
            commit->dbm.place.is_there ? "entries of ours were missing or worse in Apache's file, and are right again"
                                       : "Apache's file was gone or another one, and is right again");
}

/* Once for each response: when the file gets its later expiry. */
static void report_extended(const struct commit *commit)
{
    for (size_t i = 0; i < commit->own.served; i++) {
        const struct own_entry *entry = &commit->own.entries[i];
        const struct holding *holding = roster_find_id(commit->writer->roster, entry->id);
        struct msg msg;

        if (!entry->is_extended || holding == NULL || !holding->is_usable
            || dbm_contents_held(&commit->dbm.contents, entry->key, entry->value_sha256))
            continue;
        msg = report_event_begin(EVENT_STAPLE_EXTENDED, holding->cert_no, REASON_NONE);
        msg.event.expiry = entry->expiry;
        snprintf(msg.event.detail, sizeof msg.event.detail,
            "no newer response could be had, so the old one is served into its safety_margin");
        report_message(&msg);
    }
}

static void fail(struct commit *commit, enum reason reason, const char *detail)
{
    commit->outcome.reason = reason;
    if (detail != commit->outcome.detail)
        snprintf(commit->outcome.detail, sizeof commit->outcome.detail, "%s", detail);
    report_event(
        EVENT_DBM_FAILED, CERT_NO_NONE, reason, "%s; what stands at %.200s stays", detail, commit->writer->config.dbm_path);
}

/* The store as it is after what Apache's file gave. */
static bool collect(struct commit *commit)
{
    own_clear(&commit->own);
    if (commit->writer->store != NULL && own_collect(&commit->own, commit->writer, commit->now, commit->is_time_judged))
        return true;
    fail(commit, REASON_STORE_FAILED, "our own store cannot be read");
    return false;
}

static void bring_up_to_date(struct commit *commit)
{
    struct writer *writer = commit->writer;
    const struct apache_dbm_rules rules = {
        .name = writer->dbm_name,
        .keeper = writer->keeper,
        .made_device = writer->made_device,
        .made_inode = writer->made_inode,
        .is_guard_wanted = (writer->config.flags & MSG_FLAG_SCAN_GUARD) != 0,
        .reading = {
            .driver = &dbm_driver_bdb,
            .timeout_sec = FOREIGN_READ_SEC,
            .is_time_judged = commit->is_time_judged,
            .now = commit->now,
            .owner_of = owner_of,
            .context = commit,
        },
    };
    enum reason reason = apache_dbm_begin(&commit->dbm, &rules);
    struct apache_dbm_own own;

    if (reason != REASON_NONE) {
        fail(commit, reason, commit->dbm.place.detail);
        return;
    }
    report_reading(&commit->dbm);
    if (commit->dbm.place.is_there && !store_is_current(writer->store)) {
        fail(commit, REASON_STORE_FAILED, "our own store can only be read, and what was stored last may be missing");
        return;
    }
    if (commit->dbm.contents.wanted.count > 0) {
        adopt(commit);
        if (!collect(commit))
            return;
    }
    own = own_for_file(&commit->own);
    apache_dbm_commit(&commit->dbm, &own, &commit->outcome);
    if (commit->outcome.reason != REASON_NONE)
        fail(commit, commit->outcome.reason, commit->outcome.detail);
    else
        report_committed(commit);
    if (commit->outcome.reason == REASON_NONE && !commit->outcome.is_unchanged)
        report_extended(commit);
}

static struct commit *begin(struct writer *writer, int64_t now)
{
    static struct commit commit; /* large, and one at a time */

    memset(&commit, 0, sizeof commit);
    commit.writer = writer;
    commit.now = now;
    commit.started_msec = clock_monotonic_msec();
    commit.is_time_judged = writer_clock_is_right(writer, now);
    commit.dbm.place.fd = -1;
    writer_has_store(writer, now);
    return &commit;
}

static void end(struct commit *commit)
{
    struct writer *writer = commit->writer;

    apache_dbm_end(&commit->dbm);
    own_clear(&commit->own);
    gone_clear(&writer->gone);
}

void commit_run(struct writer *writer, int64_t now, struct commit_result *result)
{
    struct commit *commit = begin(writer, now);
    bool is_repair = !writer->has_changes;
    bool is_collected;

    writer->has_changes = writer->has_urgent_changes = false;
    is_collected = collect(commit);
    if (is_collected) {
        bring_up_to_date(commit);
        own_prune(&commit->own);
    }
    *result = (struct commit_result){
        .is_well = commit->outcome.reason == REASON_NONE,
        .is_changed = commit->outcome.reason == REASON_NONE && !commit->outcome.is_unchanged,
        .next_change_at = is_collected ? commit->own.next_change_at : INT64_MAX,
    };
    if (result->is_changed && is_repair && !writer->is_first_commit_due)
        report_repaired(commit);
    if (result->is_well) {
        if (writer->keeper != NULL)
            keeper_vouch(writer->keeper);
        writer->made_device = commit->dbm.place.st.st_dev;
        writer->made_inode = commit->dbm.place.st.st_ino;
    }
    states_tell(commit, !writer->is_first_commit_due);
    if (!commit->outcome.is_unchanged || writer->is_first_commit_due)
        states_tell_done(commit);
    if (result->is_well)
        writer->is_first_commit_due = false;
    result->duration_msec = clock_monotonic_msec() - commit->started_msec;
    end(commit);
}
