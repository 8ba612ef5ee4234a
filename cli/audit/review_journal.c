/* SPDX-License-Identifier: ISC */
/*
 * Owns: finding in the system journal what the service said of the log's head.
 * Runs in: command line.
 * Never: believes an entry because of what it says of itself: _UID is the journal's own word, and root's alone count.
 */
#include "audit/review_anchors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"

#ifdef HAVE_SYSTEMD

#include <systemd/sd-journal.h>

#include "text/text.h"

/* Copy one field's value; false: it is not there, or longer than cap. */
static bool read_field(sd_journal *journal, const char *name, char *out, size_t cap)
{
    const void *data;
    size_t len;
    size_t skip = strlen(name) + 1;

    if (sd_journal_get_data(journal, name, &data, &len) < 0 || len < skip || len - skip >= cap)
        return false;
    memcpy(out, (const char *)data + skip, len - skip);
    out[len - skip] = '\0';
    return true;
}

static bool read_anchor(sd_journal *journal, struct review_anchor *anchor)
{
    char seq[24];
    char hash[2 * AUDIT_HASH_LEN + 1];
    char text[sizeof seq + sizeof hash];

    if (!read_field(journal, "STAPLEGUARD_SEQ", seq, sizeof seq) || !read_field(journal, "STAPLEGUARD_HASH", hash, sizeof hash))
        return false;
    snprintf(text, sizeof text, "%s:%s", seq, hash);
    return review_anchor_parse(text, anchor);
}

/* Is what an entry says the same as in those before?  first: of them, "" for none yet. */
static bool is_one(
    sd_journal *journal, const char *field, const char *what, char *first, size_t first_cap, char *error, size_t cap)
{
    char here[FILE_PATH_MAX + 1];

    if (!read_field(journal, field, here, sizeof here))
        return true;
    if (first[0] == '\0')
        snprintf(first, first_cap, "%s", here);
    if (strcmp(first, here) == 0)
        return true;
    text_clean_format(error, cap, "the journal has anchors of more than one %s (%.200s, %.200s); %s", what, first, here,
        strcmp(field, "_MACHINE_ID") == 0 ? "make a directory with the files of one alone, and name that with --journal"
                                          : "say which configuration it is with -c");
    return false;
}

static enum review_journal_result read_entries(
    sd_journal *journal, const char *path, struct review_anchors *anchors, size_t *found, char *error, size_t cap)
{
    char machine[64] = "";
    char log[FILE_PATH_MAX + 1] = "";
    char here[FILE_PATH_MAX + 1];
    struct review_anchor anchor;

    SD_JOURNAL_FOREACH(journal)
    {
        if (!read_field(journal, "STAPLEGUARD_AUDIT_LOG", here, sizeof here) || (path != NULL && strcmp(path, here) != 0)
            || !read_anchor(journal, &anchor))
            continue;
        if (!is_one(journal, "_MACHINE_ID", "machine", machine, sizeof machine, error, cap)
            || !is_one(journal, "STAPLEGUARD_AUDIT_LOG", "log", log, sizeof log, error, cap))
            return REVIEW_JOURNAL_FAILED;
        if (!review_anchors_add(anchors, &anchor)) {
            snprintf(error, cap, "out of memory");
            return REVIEW_JOURNAL_FAILED;
        }
        ++*found;
    }
    return REVIEW_JOURNAL_READ;
}

enum review_journal_result review_journal_read(
    const char *directory, const char *path, struct review_anchors *anchors, size_t *found, char *error, size_t cap)
{
    static const char *const matches[] = {"STAPLEGUARD_EVENT=audit.anchor", "SYSLOG_IDENTIFIER=stapleguard", "_UID=0"};
    enum review_journal_result result = REVIEW_JOURNAL_FAILED;
    sd_journal *journal = NULL;
    int code = directory != NULL ? sd_journal_open_directory(&journal, directory, 0)
                                 : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);

    *found = 0;
    for (size_t i = 0; code >= 0 && i < sizeof matches / sizeof matches[0]; i++)
        code = sd_journal_add_match(journal, matches[i], 0);
    if (code < 0 && directory == NULL)
        result = REVIEW_JOURNAL_NONE;
    if (code < 0)
        snprintf(error, cap, "the journal%s%.300s cannot be read: %s", directory != NULL ? " in " : "",
            directory != NULL ? directory : "", strerror(-code));
    else
        result = read_entries(journal, path, anchors, found, error, cap);
    sd_journal_close(journal);
    return result;
}

#else

enum review_journal_result review_journal_read(
    const char *directory, const char *path, struct review_anchors *anchors, size_t *found, char *error, size_t cap)
{
    (void)path;
    (void)anchors;
    *found = 0;
    snprintf(error, cap,
        "this stapleguard was built without libsystemd, so the anchors in the journal cannot be compared; give them "
        "with --anchor SEQ:HASH");
    return directory != NULL ? REVIEW_JOURNAL_FAILED : REVIEW_JOURNAL_NONE;
}

#endif
