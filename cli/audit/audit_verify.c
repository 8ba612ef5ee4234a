/* SPDX-License-Identifier: ISC */
#include "audit/audit_verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/review_files.h"
#include "base/output.h"
#include "bounds.h"
#include "system/log.h"
#include "text/escape.h"
#include "text/hex.h"
#include "text/text.h"

#define ERROR_MAX 2048u
#define NOTES_MAX 12u
#define NOTE_MAX 700u

struct verification {
    const struct audit_request *request;
    struct review_files files;
    struct review_anchors anchors;
    size_t journal_count;
    const struct review_verdict *verdict;
    int code;
    char gaps[NOTES_MAX][NOTE_MAX]; /* what keeps it from being judged whole */
    size_t gap_count;
    char notes[NOTES_MAX][NOTE_MAX]; /* what a reader should know */
    size_t note_count;
    char path[FILE_PATH_MAX + 1]; /* path_of */
};

static __attribute__((format(printf, 2, 3))) void add_gap(struct verification *run, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (run->gap_count < NOTES_MAX)
        vsnprintf(run->gaps[run->gap_count++], NOTE_MAX, format, arguments);
    va_end(arguments);
}

static __attribute__((format(printf, 2, 3))) void add_note(struct verification *run, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (run->note_count < NOTES_MAX)
        vsnprintf(run->notes[run->note_count++], NOTE_MAX, format, arguments);
    va_end(arguments);
}

/* Before the files are opened: what an anchor speaks of is in them then. */
static bool gather_anchors(struct verification *run, const char *log)
{
    const struct audit_request *request = run->request;
    char error[ERROR_MAX] = "";

    for (size_t i = 0; i < request->anchors.count; i++)
        if (!review_anchors_add(&run->anchors, &request->anchors.all[i])) {
            log_error("out of memory");
            return false;
        }
    if (request->journal == NULL && request->path_count > 0) {
        add_note(run, "the journal was not looked into, because FILEs were named: --journal DIR does that");
        return true;
    }
    switch (review_journal_read(request->journal, log, &run->anchors, &run->journal_count, error, sizeof error)) {
    case REVIEW_JOURNAL_READ:
        if (run->journal_count == 0)
            add_note(run, "the journal has no anchor of this log%s",
                request->journal == NULL ? ", or you may not read it (root and the groups systemd-journal and adm may)" : "");
        return true;
    case REVIEW_JOURNAL_NONE:
        add_note(run, "%s", error);
        return true;
    case REVIEW_JOURNAL_FAILED:
        break;
    }
    log_error("%s", error);
    return false;
}

static bool open_files(struct verification *run, const char *log)
{
    const struct audit_request *request = run->request;
    char error[ERROR_MAX];

    if (request->path_count > 0 ? review_files_open(request->paths, request->path_count, &run->files, error, sizeof error)
                                : review_files_find(log, &run->files, error, sizeof error))
        return true;
    log_error("%s", error);
    return false;
}

static bool check_line(void *context, const struct review_line *line)
{
    return review_check_line(context, line);
}

/* Clean; until the next call. */
static const char *path_of(struct verification *run, const struct review_place *place)
{
    const char *path = place->line == 0 ? "" : run->files.files[place->file].path;

    text_clean_copy(run->path, sizeof run->path, path, strlen(path));
    return run->path;
}

static void judge_seals(struct verification *run)
{
    const struct review_verdict *verdict = run->verdict;

    if (run->request->key_count == 0)
        return;
    if (verdict->sealed == 0)
        add_gap(run, "no record has a seal that this key could prove: is audit_seal = yes, and is it the key of this log?");
    else
        add_note(run, "seals are right on %" PRIu64 " records, from %" PRIu64 " to %" PRIu64, verdict->sealed,
            verdict->first_sealed, verdict->last_sealed);
    if (verdict->older > 0)
        add_note(run, "%" PRIu64 " records before that are older than the key, which proves nothing of them", verdict->older);
    if (verdict->unsealed > 0)
        add_gap(run,
            "%" PRIu64
            " records have no seal, though the key was made long before, or after an audit.seal_off: nothing but "
            "the chain proves them",
            verdict->unsealed);
    if (verdict->early > 0)
        add_note(run, "%" PRIu64 " records between the making of the key and the first seal have none", verdict->early);
    if (verdict->misdated > 0)
        add_gap(run,
            "%" PRIu64 " records, the first of them %" PRIu64
            ", are dated outside of their seals' interval: the clock was "
            "set back, the next key could not be written down, or they were made up later",
            verdict->misdated, verdict->first_misdated);
}

static void judge_whole(struct verification *run, size_t unread)
{
    const struct review_verdict *verdict = run->verdict;

    if (verdict->records == 0)
        add_gap(run, "there is no record");
    else if (verdict->before.seq > 0)
        add_gap(
            run, "it begins with record %" PRIu64 ": what was before that was rotated away, or removed", verdict->before.seq + 1);
    if (unread > 0)
        add_gap(run, "files that could not be read to their end: %zu", unread);
    if (verdict->anchors_met > 0)
        add_note(run, "anchors that agree: %zu, the last one with record %" PRIu64, verdict->anchors_met, verdict->last_anchor);
    if (verdict->anchors_too_old > 0)
        add_note(run, "anchors of records before the first that is here: %zu", verdict->anchors_too_old);
    if (run->anchors.count == 0)
        add_note(run,
            "without an anchor, a log that was written anew as a whole, or cut off at its end, cannot be told from this one");
    if (verdict->torn > 0)
        add_note(run, "lines that are no records, of which the record behind them tells: %" PRIu64 ", the first %s line %" PRIu64,
            verdict->torn, path_of(run, &verdict->first_torn), verdict->first_torn.line);
    if (verdict->is_tail_torn)
        add_note(run,
            "%s line %" PRIu64
            " is not finished: it is being written, or was when the machine stopped; the service notes it "
            "when it starts",
            path_of(run, &verdict->tail), verdict->tail.line);
    judge_seals(run);
}

static void hash_text(const struct audit_chain *chain, char text[2 * AUDIT_HASH_LEN + 1])
{
    hex_write(chain->hash, AUDIT_HASH_LEN, text);
    text[2 * AUDIT_HASH_LEN] = '\0';
}

static const char *word_of(int code)
{
    return code == AUDIT_EXIT_SOUND ? "sound" : code == AUDIT_EXIT_BROKEN ? "broken" : "incomplete";
}

static void print_broken(struct verification *run)
{
    const struct review_verdict *verdict = run->verdict;

    if (verdict->place.line == 0)
        printf("BROKEN   at the end, where record %" PRIu64 " should be: %s\n", verdict->seq, review_fault_word(verdict->fault));
    else
        printf("BROKEN   at record %" PRIu64 ", %s line %" PRIu64 ": %s\n", verdict->seq, path_of(run, &verdict->place),
            verdict->place.line, review_fault_word(verdict->fault));
    printf("         %s\n", verdict->sentence);
}

static void print_people(struct verification *run)
{
    const struct review_verdict *verdict = run->verdict;
    char hash[2 * AUDIT_HASH_LEN + 1];

    if (run->code == AUDIT_EXIT_BROKEN)
        print_broken(run);
    else
        printf("%s\n",
            run->code == AUDIT_EXIT_SOUND ? "SOUND    every record is there, unaltered and in its place"
                                          : "INCOMPLETE   what is here is sound, but:");
    for (size_t i = 0; i < run->gap_count; i++)
        printf("         %s\n", run->gaps[i]);
    hash_text(&verdict->end, hash);
    if (verdict->records > 0)
        printf("records  %" PRIu64 ", %" PRIu64 " to %" PRIu64 ", in %zu file%s%s\n", verdict->records, verdict->before.seq + 1,
            verdict->end.seq, run->files.count, run->files.count == 1 ? "" : "s",
            run->code == AUDIT_EXIT_BROKEN ? "; sound up to there" : "");
    if (verdict->records > 0)
        printf("end      %" PRIu64 ":%s\n", verdict->end.seq, hash);
    for (size_t i = 0; i < run->note_count; i++)
        printf("note     %s\n", run->notes[i]);
}

static void print_list(const char *name, const char (*texts)[NOTE_MAX], size_t count)
{
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            putchar(',');
        escape_json(stdout, texts[i]);
    }
    putchar(']');
}

static void print_json(struct verification *run)
{
    const struct review_verdict *verdict = run->verdict;
    char hash[2 * AUDIT_HASH_LEN + 1];

    printf("{\"verdict\":\"%s\",\"records\":%" PRIu64 ",\"first\":%" PRIu64 ",\"last\":%" PRIu64, word_of(run->code),
        verdict->records, verdict->records == 0 ? 0 : verdict->before.seq + 1, verdict->end.seq);
    hash_text(&verdict->end, hash);
    printf(",\"hash\":\"%s\",\"files\":%zu,\"anchors_met\":%zu,\"sealed\":%" PRIu64 ",\"torn\":%" PRIu64, hash, run->files.count,
        verdict->anchors_met, verdict->sealed, verdict->torn);
    if (verdict->fault != REVIEW_SOUND) {
        printf(",\"fault\":{\"what\":\"%s\",\"seq\":%" PRIu64 ",\"file\":", review_fault_word(verdict->fault), verdict->seq);
        escape_json(stdout, path_of(run, &verdict->place));
        printf(",\"line\":%" PRIu64 ",\"detail\":", verdict->place.line);
        escape_json(stdout, verdict->sentence);
        putchar('}');
    }
    print_list("incomplete", run->gaps, run->gap_count);
    print_list("notes", run->notes, run->note_count);
    puts("}");
}

static int verify_files(struct verification *run)
{
    const struct audit_request *request = run->request;
    struct review_check *check
        = review_check_new(run->anchors.all, run->anchors.count, request->keys, request->key_count, request->now_sec);
    size_t unread;

    if (check == NULL) {
        log_error("out of memory");
        return CLI_EXIT_ERROR;
    }
    unread = review_files_walk(&run->files, check_line, check);
    run->verdict = review_check_end(check);
    judge_whole(run, unread);
    run->code = run->verdict->fault != REVIEW_SOUND ? AUDIT_EXIT_BROKEN
        : run->gap_count > 0                        ? AUDIT_EXIT_INCOMPLETE
                                                    : AUDIT_EXIT_SOUND;
    if (request->is_json)
        print_json(run);
    else
        print_people(run);
    run->verdict = NULL;
    review_check_free(check);
    return run->code;
}

int audit_verify(const struct audit_request *request, const char *log)
{
    struct verification *run = calloc(1, sizeof *run);
    int code = CLI_EXIT_ERROR;

    if (run == NULL) {
        log_error("out of memory");
        return code;
    }
    run->request = request;
    if (gather_anchors(run, log)) {
        review_anchors_sort(&run->anchors);
        if (open_files(run, log))
            code = verify_files(run);
    }
    review_files_close(&run->files);
    review_anchors_clear(&run->anchors);
    free(run);
    return output_end(code);
}
