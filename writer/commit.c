/*
 * Owns: the end of a pass: Apache's file is brought up to date once, and everybody is told how each certificate stands.
 * Runs in: writer.
 * Never: calls a staple good that is not in the file in place.
 */
#include "commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apache_dbm.h"
#include "clock.h"
#include "intake.h"
#include "own.h"
#include "report.h"

struct commit {
    struct writer *writer;
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
            dbm_entries_add(&commit->dbm.foreign, offered[i]->key, offered[i]->value, offered[i]->value_len);
}

/*
 * A certificate for which nothing is held may still have a good response in Apache's file: one that Apache fetched
 * itself, or ours, when our store was lost.  It goes through the same gate as an offer from the network.
 */
static void adopt(struct commit *commit)
{
    static struct intake intake;
    const struct dbm_entry *offered[INTAKE_BATCH_MAX];
    const struct dbm_entries *wanted = &commit->dbm.wanted;

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
    dbm_entries_sort(&commit->dbm.foreign);
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
    else if (dbm->place.fd >= 0 && dbm->reading.result != FOREIGN_OK)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_READER_DIED, 0, dbm->reading.detail);
    if (dbm->invalid > 0)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_MALFORMED, dbm->invalid,
            "records in Apache's file that are no stapling records");
    if (dbm->foreign.dropped > 0)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_TOO_MANY, dbm->foreign.dropped, "more foreign records than are kept");
}

static void report_committed(const struct commit *commit)
{
    const struct apache_dbm_outcome *outcome = &commit->outcome;
    struct msg msg = report_event_begin(EVENT_DBM_COMMITTED, CERT_NO_NONE, REASON_NONE);

    if (outcome->displaced > 0)
        report_count(EVENT_DBM_FOREIGN_DROPPED, REASON_GUARD_DISPLACED, outcome->displaced,
            "foreign records whose keys stand in the scan guard's place");
    if (outcome->is_guard_left_out)
        report_count(EVENT_DBM_GUARD_LEFT_OUT, outcome->guard_reason, 0,
            outcome->guard_reason == REASON_GUARD_DISPLACED
                ? "a certificate's key takes the scan guard's place; staples are served, but slower"
                : "a file with the scan guard did not hold what was put in; staples are served, but slower");
    if (outcome->is_unchanged)
        return;
    msg.event.count = (uint32_t)(outcome->own + outcome->foreign);
    msg.event.bytes = outcome->disk_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)outcome->disk_bytes;
    msg.event.duration_msec = (uint32_t)(clock_monotonic_msec() - commit->started_msec);
    snprintf(msg.event.detail, sizeof msg.event.detail, "%s", outcome->detail);
    report_message(&msg);
}

static void fail(struct commit *commit, enum reason reason, const char *detail)
{
    commit->outcome.reason = reason;
    if (detail != commit->outcome.detail)
        snprintf(commit->outcome.detail, sizeof commit->outcome.detail, "%s", detail);
    report_event(EVENT_DBM_FAILED, CERT_NO_NONE, reason, "%s; what stands there stays", detail);
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
        .driver = &dbm_driver_bdb,
        .is_guard_wanted = (writer->config.flags & MSG_FLAG_SCAN_GUARD) != 0,
        .is_time_judged = commit->is_time_judged,
        .now = commit->now,
        .read_timeout_sec = FOREIGN_READ_SEC,
        .owner_of = owner_of,
        .context = commit,
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
    if (commit->dbm.wanted.count > 0) {
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
}

/* After a commit the file holds every served entry; after a failed one, what it held before. */
static bool is_in_file(const struct commit *commit, const struct holding *holding)
{
    const struct own_entry *entry = own_find_served(&commit->own, holding->apache_key);
    uint8_t value[DBM_VALUE_MAX];
    size_t len;

    if (entry == NULL || memcmp(entry->id, holding->id, STORE_ID_LEN) != 0)
        return false;
    return commit->outcome.reason == REASON_NONE
        || (own_value(&commit->own, entry, value, &len) && apache_dbm_held(&commit->dbm, holding->apache_key, value, len));
}

static enum reason reason_of_missing(const struct commit *commit, const struct roster_entry *entry)
{
    const struct held *held = &entry->holding->held;

    if (held->state == CERT_STATE_GOOD && held->expiry > commit->now)
        return commit->outcome.reason;
    if (entry->last_reason != REASON_NONE || held->state != CERT_STATE_GOOD)
        return entry->last_reason;
    return held->effective_end > commit->now ? REASON_SHORT_TTL : REASON_EXPIRED;
}

static void judge_state(const struct commit *commit, const struct roster_entry *entry, struct msg_cert_state *state)
{
    const struct held *held = entry->holding == NULL ? NULL : &entry->holding->held;
    bool is_good;

    if (entry->told_state != CERT_STATE_MISSING || held == NULL) {
        state->state = (uint8_t)entry->told_state;
        state->reason = (uint16_t)entry->told_reason;
        return;
    }
    is_good = held->state == CERT_STATE_GOOD && is_in_file(commit, entry->holding);
    state->this_update = held->this_update;
    state->next_update = held->next_update;
    state->fetched_at = held->fetched_at;
    if (held->state == CERT_STATE_REVOKED || held->state == CERT_STATE_UNKNOWN) {
        state->state = (uint8_t)held->state;
        state->reason = held->state == CERT_STATE_REVOKED ? REASON_REVOKED : REASON_UNKNOWN;
    } else if (is_good) {
        state->state = CERT_STATE_GOOD;
        state->expiry = held->expiry;
    } else {
        state->state = CERT_STATE_MISSING;
        state->reason = (uint16_t)reason_of_missing(commit, entry);
    }
}

static void tell_states(const struct commit *commit)
{
    struct roster *roster = commit->writer->roster;

    for (uint32_t i = 0; i < roster_count(roster); i++) {
        struct roster_entry *entry = roster_at(roster, i);
        struct msg msg = {.type = MSG_CERT_STATE};

        msg.cert_state = (struct msg_cert_state){.cert_no = i, .is_refreshed = entry->is_refreshed};
        judge_state(commit, entry, &msg.cert_state);
        report_message(&msg);
        entry->offers = 0;
        entry->is_refreshed = false;
        entry->last_reason = REASON_NONE;
    }
}

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

void commit_pass(struct writer *writer, int64_t now)
{
    static struct commit commit; /* large, and one at a time */

    memset(&commit, 0, sizeof commit);
    commit.writer = writer;
    commit.now = now;
    commit.started_msec = clock_monotonic_msec();
    commit.is_time_judged = writer_clock_is_right(writer, now);
    commit.dbm.place.fd = -1;
    writer_has_store(writer, now);
    if (collect(&commit)) {
        bring_up_to_date(&commit);
        own_prune(&commit.own);
    }
    tell_states(&commit);
    apache_dbm_end(&commit.dbm);
    own_clear(&commit.own);
    writer->strange_offers = 0;
    gone_clear(&writer->gone);
    tell_done(&commit);
}
