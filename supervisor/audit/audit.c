/* SPDX-License-Identifier: ISC */
#include "audit/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit_ends.h"
#include "audit/audit_file.h"
#include "audit/audit_head.h"
#include "audit/audit_journal.h"
#include "audit/audit_lost.h"
#include "audit/audit_pending.h"
#include "audit/audit_sealer.h"
#include "system/clock.h"
#include "system/log.h"

/* Room for the next record and its newline and NUL. */
#define RECORD_ROOM (AUDIT_LINE_MAX + 2u)
/* Kept free for records about the log itself, however many others wait. */
#define OWN_ROOM (4 * RECORD_ROOM)

struct audit {
    audit_clock *clock;
    struct journal *journal; /* NULL: none */
    struct sealer *sealer;   /* NULL: no seals */
    char *head_path;
    struct audit_file file;
    struct audit_head head;
    struct audit_chain kept; /* as it was found at the start */
    enum audit_head_result kept_result;
    bool has_chain;            /* the end of the chain is known */
    struct audit_chain chain;  /* with what is pending */
    struct audit_chain synced; /* what is on the disk for certain */
    uint64_t anchored_seq;
    bool is_anchor_wanted;
    enum sealer_state told_seal; /* as the records say it is */
    unsigned told_generation;
    struct audit_pending pending;
    uint64_t lost;               /* records that no gap speaks of yet */
    uint64_t lost_in_all;        /* since writing began to fail */
    struct audit_lost lost_kept; /* what the next process will have to tell of, should this one not get to it */
    bool is_failing;
    int error; /* errno of the last failure */
};

static int64_t real_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

static int64_t now_sec(const struct audit *audit)
{
    return audit->clock() / USEC_PER_SEC;
}

static void count_lost(struct audit *audit, uint64_t count)
{
    audit->lost += count;
    audit->lost_in_all += count;
}

/* room: RECORD_ROOM, and what else must stay free.  *is_told: whether the journal has it. */
static bool append(struct audit *audit, const struct audit_fields *fields, size_t room, bool *is_told)
{
    const struct audit_key *key = audit->sealer == NULL ? NULL : sealer_key(audit->sealer);
    struct audit_pending *pending = &audit->pending;

    if (!audit_pending_reserve(pending, room))
        return false;
    pending->len += audit_record_format(fields, audit->clock(), &audit->chain, key, pending->data + pending->len);
    pending->data[pending->len++] = '\n';
    *is_told = audit_journal_event(audit->journal, fields, &audit->chain);
    return true;
}

/* An event of the log itself. */
static struct audit_fields own_event(enum event event, uint64_t count, const char *detail)
{
    return (struct audit_fields){
        .event = event,
        .process = PARTY_SUPERVISOR,
        .count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count,
        .detail = detail,
    };
}

static void append_gap(struct audit *audit, const struct audit_gap *gap)
{
    struct audit_fields fields = own_event(EVENT_AUDIT_GAP, gap->count, gap->detail);
    bool is_told = false;

    if (gap->detail[0] == '\0')
        return;
    if (!append(audit, &fields, RECORD_ROOM, &is_told))
        count_lost(audit, 1);
    audit_log_event(&fields, is_told);
}

/* Tell of the records that were lost, before anything newer. */
static bool append_lost(struct audit *audit)
{
    char detail[DETAIL_MAX + 1];
    struct audit_fields fields = own_event(EVENT_AUDIT_GAP, audit->lost, detail);
    bool is_told;

    if (audit->lost == 0)
        return true;
    snprintf(detail, sizeof detail, "%" PRIu64 " record%s may be lost: the log could not be written%s%s", audit->lost,
        audit->lost == 1 ? "" : "s", audit->error == 0 ? " by an earlier process" : ": ",
        audit->error == 0 ? "" : audit_file_error_text(audit->error));
    if (!append(audit, &fields, RECORD_ROOM + OWN_ROOM, &is_told))
        return false;
    audit->lost = 0;
    return true;
}

/* Seals. */

/* When it changes whether records are sealed, a record says so, before any other. */
static bool announce_seal(struct audit *audit)
{
    enum sealer_state state = audit->sealer == NULL ? SEALER_OFF : sealer_state(audit->sealer);
    unsigned generation = audit->sealer == NULL ? 0 : sealer_generation(audit->sealer);
    enum event event = state == SEALER_ON ? EVENT_AUDIT_SEAL_ON
        : state == SEALER_OFF             ? EVENT_AUDIT_SEAL_OFF
                                          : EVENT_AUDIT_SEAL_FAILED;
    struct audit_fields fields = own_event(event, 0, audit->sealer == NULL ? "" : sealer_detail(audit->sealer));
    bool is_told = false;

    if (state == audit->told_seal && (generation == audit->told_generation || state != SEALER_ON))
        return true;
    if (!append(audit, &fields, RECORD_ROOM, &is_told))
        return false;
    audit->told_seal = state;
    audit->told_generation = generation;
    if (event == EVENT_AUDIT_SEAL_FAILED)
        audit_log_event(&fields, is_told);
    return true;
}

/* At the start the log itself says whether it is sealed, and an epoch that lies before its last one is that of another key. */
static void read_seal(struct audit *audit, const struct audit_tail *last)
{
    const struct audit_key *key = audit->sealer == NULL ? NULL : sealer_key(audit->sealer);

    audit->told_seal = last->is_sealed ? SEALER_ON : SEALER_OFF;
    if (key != NULL && last->epoch <= key->epoch)
        audit->told_generation = sealer_generation(audit->sealer);
}

/* A new epoch also is a reason for an anchor: what was sealed before it cannot be cut off unnoticed then. */
static void tick_seal(struct audit *audit)
{
    if (audit->sealer == NULL)
        return;
    if (sealer_is_due(audit->sealer, now_sec(audit)) && audit->synced.seq != audit->anchored_seq)
        audit->is_anchor_wanted = true;
    sealer_tick(audit->sealer, now_sec(audit));
}

/* The file. */

/* Go on from where the file ends, the one before it, or what was kept; and say so when they disagree or do not end in a record. */
static void adopt_chain(struct audit *audit, const struct audit_tail *own)
{
    const struct audit_chain *kept = audit->kept_result == AUDIT_HEAD_OK ? &audit->kept : NULL;
    struct audit_tail rotated = {.is_empty = true};
    struct audit_gap missing;
    struct audit_gap unsound;

    if (!own->has_record)
        audit_file_read_rotated(&audit->file, kept, &rotated);
    audit_ends_at_start(&(struct audit_ends){.path = audit->file.path, .own = own, .rotated = &rotated, .kept = kept},
        &audit->chain, &missing, &unsound);
    audit->has_chain = true;
    audit->synced = audit->chain;
    read_seal(audit, rotated.has_record ? &rotated : own);
    if (audit->kept_result == AUDIT_HEAD_DAMAGED)
        append_gap(audit,
            &(struct audit_gap){.detail = "the kept end of the chain (audit.head in state_dir) cannot be read; whether "
                                          "the log was cut off meanwhile is not known"});
    append_gap(audit, &missing);
    append_gap(audit, &unsound);
}

/* Have the file open that is at the path now: it may have been renamed, removed or cut off since.  Returns 0 or an errno. */
static int follow_file(struct audit *audit)
{
    const struct audit_chain *kept = audit->has_chain ? &audit->synced
        : audit->kept_result == AUDIT_HEAD_OK         ? &audit->kept
                                                      : NULL;
    struct audit_file before;
    struct audit_tail tail;
    struct audit_gap gap;
    enum audit_change change;
    int error = audit_file_follow(&audit->file, kept, &change, &tail, &before);

    if (error != 0 || change == AUDIT_FILE_SAME)
        return error;
    audit->pending.written = 0; /* a line that was begun in another file, or before somebody else wrote, is written whole now */
    audit->is_anchor_wanted = true;
    if (!audit->has_chain) {
        adopt_chain(audit, &tail);
        return 0;
    }
    audit_ends_while_running(&(struct audit_ends){.path = audit->file.path,
                                 .own = &tail,
                                 .kept = &audit->synced,
                                 .change = change,
                                 .first_seq = before.first_seq,
                                 .strange_len = (uint64_t)(audit->file.size - (change == AUDIT_FILE_GROWN ? before.size : 0))},
        &gap);
    append_gap(audit, &gap);
    return 0;
}

/* Returns 0 or an errno. */
static int write_pending(struct audit *audit)
{
    struct audit_pending *pending = &audit->pending;
    uint64_t count = audit_pending_lines(pending);
    size_t left = pending->len - pending->written;
    size_t done;
    int error = 0;

    if (left == 0)
        return 0;
    done = audit_file_write(&audit->file, pending->data + pending->written, left);
    if (done < left)
        error = errno;
    audit_pending_advance(pending, done);
    count -= audit_pending_lines(pending);
    if (done > 0 && fdatasync(audit->file.fd) != 0) {
        /* What the kernel could not put on the disk it will not try again (fsync(2)): count it, never write it twice. */
        error = errno;
        count_lost(audit, count);
    }
    return error;
}

/* Everything is on the disk: keep the head, and from time to time tell somebody else of it. */
static void keep_head(struct audit *audit)
{
    bool is_anchor = audit->is_anchor_wanted || audit->chain.seq / AUDIT_ANCHOR_EVERY != audit->anchored_seq / AUDIT_ANCHOR_EVERY;

    audit->synced = audit->chain;
    audit_head_keep(&audit->head, &audit->synced, is_anchor);
    if (!is_anchor || !audit_journal_anchor(audit->journal, &audit->synced, audit->file.path))
        return;
    audit->anchored_seq = audit->synced.seq;
    audit->is_anchor_wanted = false;
}

static uint64_t unwritten(const struct audit *audit)
{
    return audit_pending_lines(&audit->pending) + audit->lost;
}

/* Speak once when it begins to fail, once when it works again. */
static enum audit_status note(struct audit *audit, int error)
{
    audit_lost_keep(&audit->lost_kept, unwritten(audit));
    if (error != 0) {
        audit->error = error;
        if (!audit->is_failing)
            log_error("the audit log %s cannot be written: %s; records are kept in memory and counted, the service goes on",
                audit->file.path, audit_file_error_text(error));
        audit->is_failing = true;
        return AUDIT_FAILING;
    }
    if (audit->is_failing)
        log_warning("the audit log %s is written again; records lost: %" PRIu64, audit->file.path, audit->lost_in_all);
    audit->is_failing = false;
    audit->lost_in_all = 0;
    return AUDIT_WRITTEN;
}

bool audit_is_waiting(const struct audit *audit)
{
    return audit->pending.len != 0 || audit->lost != 0 || audit->is_failing;
}

enum audit_status audit_flush(struct audit *audit)
{
    int error;

    if (!audit_is_waiting(audit))
        return AUDIT_WRITTEN;
    tick_seal(audit);
    error = follow_file(audit);
    if (error == 0)
        error = write_pending(audit);
    if (error == 0 && audit->lost > 0 && append_lost(audit))
        error = write_pending(audit);
    if (error == 0)
        keep_head(audit);
    return note(audit, error);
}

bool audit_write(struct audit *audit, const struct audit_fields *fields)
{
    bool is_told = false;

    if (!audit->is_failing && !audit_pending_reserve(&audit->pending, RECORD_ROOM + OWN_ROOM))
        audit_flush(audit);
    if (audit->sealer != NULL && sealer_is_due(audit->sealer, now_sec(audit)))
        tick_seal(audit);
    if (audit->has_chain && append_lost(audit) && announce_seal(audit) && append(audit, fields, RECORD_ROOM + OWN_ROOM, &is_told))
        return is_told;
    count_lost(audit, 1);
    return audit_journal_event(audit->journal, fields, NULL);
}

void audit_announce(struct audit *audit, const struct audit_fields *fields)
{
    audit_log_event(fields, audit_write(audit, fields));
}

int64_t audit_tick(struct audit *audit)
{
    tick_seal(audit);
    if (audit->has_chain)
        announce_seal(audit);
    if (audit->is_anchor_wanted && !audit_is_waiting(audit) && audit->has_chain)
        keep_head(audit);
    return audit->sealer == NULL ? 60 * 1000 : 1000 * sealer_wait_sec(audit->sealer, now_sec(audit));
}

const char *audit_refuses_path(const char *path)
{
    int error = audit_file_try(path);

    return error == 0 ? NULL : audit_file_error_text(error);
}

static void say_moved(struct audit *audit, const char *how, const char *path)
{
    char detail[DETAIL_MAX + 1];

    snprintf(detail, sizeof detail, "it %s %s", how, path);
    audit_write(audit, &(struct audit_fields){.event = EVENT_AUDIT_MOVED, .process = PARTY_SUPERVISOR, .detail = detail});
}

static void move(struct audit *audit, const char *path)
{
    char *fresh = strdup(path);
    char *old = audit->file.path;

    if (fresh == NULL) {
        log_error("out of memory: the audit log stays %s", old);
        return;
    }
    say_moved(audit, "goes on in", path);
    audit->is_anchor_wanted = true;
    audit_flush(audit);
    audit_file_move(&audit->file, fresh);
    say_moved(audit, "comes from", old);
    audit_flush(audit);
    free(old);
}

static void change_journal(struct audit *audit, const char *path)
{
    if (path == NULL) {
        journal_close(audit->journal);
        audit->journal = NULL;
    } else if (audit->journal == NULL) {
        audit->journal = journal_open(path);
    }
}

static void change_seal(struct audit *audit, bool is_sealed)
{
    const struct audit_fields fields = own_event(EVENT_AUDIT_SEAL_OFF, 0, "audit_seal = no; this is the last sealed record");
    bool is_told;

    /* The record that ends the seals is sealed itself. */
    if (!is_sealed && audit->has_chain && sealer_key(audit->sealer) != NULL && append(audit, &fields, RECORD_ROOM, &is_told))
        audit->told_seal = SEALER_OFF;
    sealer_want(audit->sealer, is_sealed);
    audit_tick(audit);
}

void audit_reconfigure(struct audit *audit, const struct audit_settings *settings)
{
    change_journal(audit, settings->journal_path);
    if (strcmp(settings->path, audit->file.path) != 0)
        move(audit, settings->path);
    if (audit->sealer != NULL)
        change_seal(audit, settings->is_sealed);
}

bool audit_has_journal(const struct audit *audit)
{
    return audit->journal != NULL;
}

/* False: out of memory. */
static bool set_up(struct audit *audit, const struct audit_settings *settings)
{
    audit->clock = settings->clock == NULL ? real_clock : settings->clock;
    change_journal(audit, settings->journal_path);
    audit->is_anchor_wanted = true;
    audit->file = (struct audit_file){.path = strdup(settings->path), .fd = -1, .lock_fd = -1};
    if (audit->file.path == NULL)
        return false;
    if (settings->state_dir == NULL) {
        audit->kept_result = audit_head_open(&audit->head, NULL, &audit->kept);
        return true;
    }
    audit_lost_open(&audit->lost_kept, settings->state_dir);
    audit->lost = audit->lost_kept.kept;
    audit->sealer = sealer_new(settings->state_dir, settings->is_sealed);
    if (asprintf(&audit->head_path, "%s/" AUDIT_HEAD_FILE, settings->state_dir) < 0)
        audit->head_path = NULL;
    audit->kept_result = audit_head_open(&audit->head, audit->head_path, &audit->kept);
    return audit->sealer != NULL && audit->head_path != NULL;
}

static void clean_up(struct audit *audit)
{
    audit_file_close(&audit->file);
    audit_head_close(&audit->head);
    journal_close(audit->journal);
    sealer_free(audit->sealer);
    free(audit->head_path);
    audit_lost_close(&audit->lost_kept);
    audit_pending_free(&audit->pending);
    free(audit);
}

/*
 * On a read-only file system nobody else writes either: the end of the chain is there to be read, and records need not be counted as
 * lost until the log can be written.
 */
static void peek_chain(struct audit *audit)
{
    const struct audit_chain *kept = audit->kept_result == AUDIT_HEAD_OK ? &audit->kept : NULL;
    struct audit_tail tail;

    if (!audit->has_chain && audit->error == EROFS && audit_file_peek(&audit->file, kept, &tail) == 0)
        adopt_chain(audit, &tail);
}

struct audit *audit_open(const struct audit_settings *settings)
{
    struct audit *audit = calloc(1, sizeof *audit);

    if (audit == NULL)
        return NULL;
    audit->head.fd = -1;
    if (!set_up(audit, settings)) {
        clean_up(audit);
        return NULL;
    }
    tick_seal(audit);
    note(audit, follow_file(audit));
    peek_chain(audit);
    return audit;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL)
        return;
    audit->is_anchor_wanted = true;
    if (audit_flush(audit) != AUDIT_WRITTEN) {
        log_error("the audit log %s could not be written to the end; records lost: %" PRIu64, audit->file.path, unwritten(audit));
    } else if (audit->synced.seq != audit->anchored_seq) {
        keep_head(audit);
    }
    clean_up(audit);
}
