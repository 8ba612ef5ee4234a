/* SPDX-License-Identifier: ISC */
#include "commit/states.h"

#include <stdio.h>
#include <string.h>

#include "state/writer_report.h"

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
    if (entry->last_reason != REASON_NONE || held->state != CERT_STATE_GOOD)
        return entry->last_reason;
    return held->effective_end > commit->now ? REASON_SHORT_TTL : REASON_EXPIRED;
}

static void judge_state(const struct commit *commit, const struct roster_entry *entry, struct msg_cert_state *state)
{
    const struct held *held = entry->holding == NULL ? NULL : &entry->holding->held;
    const struct own_entry *served;

    if (entry->told_state != CERT_STATE_MISSING || held == NULL) {
        state->state = (uint8_t)entry->told_state;
        state->reason = (uint16_t)entry->told_reason;
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

void states_tell(const struct commit *commit, bool is_change_alone)
{
    struct roster *roster = commit->writer->roster;

    for (uint32_t i = 0; i < roster_count(roster); i++) {
        struct roster_entry *entry = roster_at(roster, i);
        struct msg msg;

        if (entry->is_dropped)
            continue;
        memset(&msg, 0, sizeof msg); /* compared as a whole */
        msg.type = MSG_CERT_STATE;
        msg.cert_state.cert_no = i;
        msg.cert_state.is_refreshed = entry->is_refreshed;
        judge_state(commit, entry, &msg.cert_state);
        entry->is_refreshed = false;
        if (is_change_alone && memcmp(&entry->told, &msg.cert_state, sizeof entry->told) == 0)
            continue;
        entry->told = msg.cert_state;
        report_message(&msg);
        entry->last_reason = REASON_NONE;
    }
}

void states_tell_done(const struct commit *commit)
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
