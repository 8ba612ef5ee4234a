/* SPDX-License-Identifier: ISC */
#include "commit/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit/served_set.h"
#include "offers/offer_intake.h"
#include "report/writer_report.h"
#include "system/clock.h"

/* One commit under way. */
struct commit {
    struct commit_parts parts;
    int64_t now;
    int64_t started_msec;
    bool is_time_judged;
    struct own own;
    struct apache_dbm dbm;
    struct apache_dbm_outcome outcome;
};

static enum dbm_owner owner_of(void *context, const uint8_t key[DBM_KEY_LEN])
{
    const struct commit *commit = context;
    const struct holding *holding = roster_find_key(commit->parts.offers->roster, key);

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

    intake_begin(&intake, commit->parts.offers, commit->parts.access, commit->now);
    for (size_t i = 0; i < wanted->count; i++) {
        const struct dbm_entry *entry = &wanted->items[i];
        const struct holding *holding = roster_find_key(commit->parts.offers->roster, entry->key);
        struct dbm_record record;

        if (holding == NULL || dbm_record_decode(entry->value, entry->value_len, &record) != DBM_RESULT_OK
            || record.flag != DBM_FLAG_GOOD)
            continue;
        offered[intake.count] = entry;
        intake_offer(&intake, INTAKE_APACHE, holding->cert_no, record.der, record.der_len);
        if (intake_is_full(&intake)) {
            intake_end(&intake);
            keep_unstored(commit, &intake, offered);
            intake_begin(&intake, commit->parts.offers, commit->parts.access, commit->now);
        }
    }
    intake_end(&intake);
    keep_unstored(commit, &intake, offered);
    dbm_entries_sort(&commit->dbm.contents.foreign);
}

static void report_count(enum event event, enum reason reason, size_t count, const char *detail)
{
    struct msg msg;

    report_event_begin(&msg, event, CERT_NO_NONE, reason);
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
    struct msg msg;

    if (outcome->displaced > 0)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_GUARD_DISPLACED, outcome->displaced,
            "foreign records whose keys stand in the scan guard's place, more than it can bear");
    if (outcome->is_guard_left_out)
        report_count(EVENT_DBM_GUARD_LEFT_OUT, REASON_INTERNAL, 0,
            "a file with the scan guard did not hold what was put in; staples are served, but slower");
    if (outcome->is_unchanged)
        return;
    report_event_begin(&msg, EVENT_DBM_COMMITTED, CERT_NO_NONE, REASON_NONE);
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
        const struct holding *holding = roster_find_id(commit->parts.offers->roster, entry->id);
        struct msg msg;

        if (!entry->is_extended || holding == NULL || !holding->is_usable
            || dbm_contents_held(&commit->dbm.contents, entry->key, entry->value_sha256))
            continue;
        report_event_begin(&msg, EVENT_STAPLE_EXTENDED, holding->cert_no, REASON_NONE);
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
    report_event(EVENT_DBM_FAILED, CERT_NO_NONE, reason, "%s; what stands at %.200s stays", detail, commit->parts.file->path);
}

/* The store as it is after what Apache's file gave. */
static bool collect(struct commit *commit)
{
    struct offers *offers = commit->parts.offers;
    struct store_access *access = commit->parts.access;

    own_clear(&commit->own);
    if (access->store != NULL
        && own_collect(&commit->own, offers->roster, &offers->changes.gone, access, commit->now, commit->is_time_judged))
        return true;
    fail(commit, REASON_STORE_FAILED, "our own store cannot be read");
    return false;
}

static void bring_up_to_date(struct commit *commit)
{
    const struct dbm_read_rules rules = {
        .driver = &dbm_driver_bdb,
        .timeout_sec = FOREIGN_READ_SEC,
        .is_time_judged = commit->is_time_judged,
        .now = commit->now,
        .owner_of = owner_of,
        .context = commit,
    };
    enum reason reason = apache_dbm_begin(&commit->dbm, commit->parts.file, &rules);
    struct apache_dbm_own own;

    if (reason != REASON_NONE) {
        fail(commit, reason, commit->dbm.place.detail);
        return;
    }
    report_reading(&commit->dbm);
    if (commit->dbm.place.is_there && !store_is_current(commit->parts.access->store)) {
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

/* After a commit the file holds every served entry; after a failed one, what it held before.  NULL: this one not. */
static const struct own_entry *find_in_file(const struct commit *commit, const struct holding *holding)
{
    const struct own_entry *entry = own_find_served(&commit->own, holding->apache_key);

    if (entry == NULL || memcmp(entry->id, holding->id, STORE_ID_LEN) != 0)
        return NULL;
    if (commit->outcome.reason == REASON_NONE
        || dbm_contents_held(&commit->dbm.contents, holding->apache_key, entry->value_sha256))
        return entry;
    return NULL;
}

static enum reason reason_of_missing(const struct commit *commit, const struct roster_entry *entry)
{
    const struct held *held = &entry->holding->held;

    if (held->state == CERT_STATE_GOOD && own_find_served(&commit->own, entry->holding->apache_key) != NULL)
        return commit->outcome.reason;
    if (entry->offers.last_reason != REASON_NONE || held->state != CERT_STATE_GOOD)
        return entry->offers.last_reason;
    return held->effective_end > commit->now ? REASON_SHORT_TTL : REASON_EXPIRED;
}

static void judge_state(const struct commit *commit, const struct roster_entry *entry, struct msg_cert_state *state)
{
    const struct held *held = entry->holding == NULL ? NULL : &entry->holding->held;
    const struct own_entry *served;

    if (entry->told.state != CERT_STATE_MISSING || held == NULL) {
        state->state = (uint8_t)entry->told.state;
        state->reason = (uint16_t)entry->told.reason;
        return;
    }
    served = held->state == CERT_STATE_GOOD ? find_in_file(commit, entry->holding) : NULL;
    state->this_update = held->this_update;
    state->next_update = held->next_update;
    state->fetched_at = held->fetched_at;
    if (held->state == CERT_STATE_REVOKED || held->state == CERT_STATE_UNKNOWN) {
        state->state = (uint8_t)held->state;
        state->reason = held->state == CERT_STATE_REVOKED ? REASON_REVOKED : REASON_UNKNOWN;
    } else if (served != NULL) {
        state->state = CERT_STATE_GOOD;
        state->expiry = served->expiry;
    } else {
        state->state = CERT_STATE_MISSING;
        state->reason = (uint16_t)reason_of_missing(commit, entry);
    }
}

/* CERT_STATE for each certificate; is_change_alone: only for those of which it says something new. */
static void tell_states(const struct commit *commit, bool is_change_alone)
{
    struct roster *roster = commit->parts.offers->roster;

    for (uint32_t i = 0; i < roster_count(roster); i++) {
        struct roster_entry *entry = roster_at(roster, i);
        struct msg msg;

        if (entry->is_dropped)
            continue;
        memset(&msg, 0, sizeof msg); /* compared as a whole */
        msg.type = MSG_CERT_STATE;
        msg.cert_state.cert_no = i;
        msg.cert_state.is_refreshed = entry->offers.is_accepted;
        judge_state(commit, entry, &msg.cert_state);
        entry->offers.is_accepted = false;
        if (is_change_alone && memcmp(&entry->reported, &msg.cert_state, sizeof entry->reported) == 0)
            continue;
        entry->reported = msg.cert_state;
        report_message(&msg);
        entry->offers.last_reason = REASON_NONE;
    }
}

/* WRITE_DONE. */
static void tell_done(const struct commit *commit)
{
    const struct apache_dbm_outcome *outcome = &commit->outcome;
    struct msg msg;

    memset(&msg, 0, sizeof msg);
    msg.type = MSG_WRITE_DONE;
    msg.write_done.reason = (uint16_t)outcome->reason;
    msg.write_done.entries = (uint32_t)(outcome->own + outcome->foreign);
    msg.write_done.foreign = (uint32_t)outcome->foreign;
    snprintf(msg.write_done.detail, sizeof msg.write_done.detail, "%s", outcome->detail);
    report_message(&msg);
}

static struct commit *begin(const struct commit_parts *parts, int64_t now)
{
    static struct commit commit; /* large, and one at a time */

    memset(&commit, 0, sizeof commit);
    commit.parts = *parts;
    commit.now = now;
    commit.started_msec = clock_monotonic_msec();
    commit.is_time_judged = report_clock_is_right(now);
    commit.dbm.place.fd = -1;
    store_access_can_read(parts->access, now);
    return &commit;
}

void commit_run(const struct commit_parts *parts, bool is_first, int64_t now, struct commit_result *result)
{
    struct commit *commit = begin(parts, now);
    struct apache_file *file = parts->file;
    struct changes *changes = &parts->offers->changes;
    bool is_repair = !changes->is_any;
    bool is_collected;

    changes->is_any = changes->is_urgent = false;
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
    if (result->is_changed && is_repair && !is_first)
        report_repaired(commit);
    if (result->is_well) {
        if (file->keeper != NULL)
            keeper_vouch(file->keeper);
        file->made_device = commit->dbm.place.st.st_dev;
        file->made_inode = commit->dbm.place.st.st_ino;
    }
    tell_states(commit, !is_first);
    if (!commit->outcome.is_unchanged || is_first)
        tell_done(commit);
    result->duration_msec = clock_monotonic_msec() - commit->started_msec;
    apache_dbm_end(&commit->dbm);
    own_clear(&commit->own);
    gone_clear(&changes->gone);
}
