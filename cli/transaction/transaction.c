/* SPDX-License-Identifier: ISC */
#include "transaction/transaction.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "text/text.h"
#include "transaction/remove_tree.h"

/* Backups of one second. */
#define SAME_SECOND_MAX 100

static int fail(char *error, size_t cap, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(char *error, size_t cap, const char *format, ...)
{
    char raw[FILE_PATH_MAX + DETAIL_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_clean_copy(error, cap, raw, strlen(raw));
    return -1;
}

static int name(const struct transaction *transaction, const char *file, char *out, char *error, size_t cap)
{
    if ((size_t)snprintf(out, FILE_PATH_MAX + 1, "%s/%s", transaction->directory, file) <= FILE_PATH_MAX)
        return 0;
    return fail(error, cap, "state_dir is too long a path");
}

/* The directory and its parents. */
static int make_directories(const char *path, mode_t mode)
{
    char copy[FILE_PATH_MAX + 1];

    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = copy + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            return -1;
    }
    return mkdir(copy, mode) == 0 || errno == EEXIST ? 0 : -1;
}

/* Beginning and end. */

enum transaction_lock transaction_open(const char *state_dir, struct transaction *transaction, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 1];

    *transaction = (struct transaction){.lock_fd = -1};
    if ((size_t)snprintf(transaction->directory, sizeof transaction->directory, "%s/setup", state_dir)
            >= sizeof transaction->directory
        || name(transaction, "lock", path, error, cap) != 0) {
        fail(error, cap, "state_dir is too long a path");
        return TRANSACTION_FAILED;
    }
    if (make_directories(state_dir, 0755) != 0 || (mkdir(transaction->directory, 0700) != 0 && errno != EEXIST)) {
        fail(error, cap, "cannot make %s: %s", transaction->directory, strerror(errno));
        return TRANSACTION_FAILED;
    }
    transaction->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (transaction->lock_fd >= 0 && flock(transaction->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return TRANSACTION_LOCKED;
    if (transaction->lock_fd >= 0 && errno == EWOULDBLOCK) {
        fail(error, cap, "another `stapleguard enable` or `disable` is under way (it holds %s); wait for its end", path);
        return TRANSACTION_BUSY;
    }
    fail(error, cap, "cannot lock %s: %s", path, strerror(errno));
    return TRANSACTION_FAILED;
}

void transaction_close(struct transaction *transaction)
{
    journal_clear(&transaction->journal);
    if (transaction->lock_fd >= 0)
        close(transaction->lock_fd);
    transaction->lock_fd = -1;
}

bool transaction_is_pending(const char *state_dir)
{
    char path[FILE_PATH_MAX + 1];
    struct stat st;

    return (size_t)snprintf(path, sizeof path, "%s/setup/journal", state_dir) < sizeof path && lstat(path, &st) == 0;
}

/* The bytes of a file as it was, from the backup. */
static int read_backup(const struct journal *journal, struct journal_entry *entry, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 1];
    struct snapshot saved;
    uint8_t sha256[JOURNAL_SHA256_LEN];

    if ((size_t)snprintf(path, sizeof path, "%s%s", journal->backup, entry->path) >= sizeof path)
        return fail(error, cap, "the backup's path of %s is too long", entry->path);
    if (snapshot_take(path, &saved) != 0 || saved.kind != SNAPSHOT_FILE) {
        snapshot_clear(&saved);
        return fail(error, cap, "the backup %s cannot be read: %s", path,
            saved.kind == SNAPSHOT_ABSENT ? "it is missing" : strerror(errno));
    }
    journal_sha256(saved.data, saved.len, sha256);
    if (memcmp(sha256, entry->before_sha256, sizeof sha256) != 0) {
        snapshot_clear(&saved);
        return fail(error, cap, "the backup %s is damaged", path);
    }
    entry->before.data = saved.data;
    entry->before.len = saved.len;
    saved.data = NULL;
    snapshot_clear(&saved);
    return 0;
}

int transaction_resume(struct transaction *transaction, char *error, size_t cap)
{
    struct journal *journal = &transaction->journal;
    char path[FILE_PATH_MAX + 1];
    struct snapshot text;
    bool is_well;

    if (name(transaction, "journal", path, error, cap) != 0)
        return -1;
    if (snapshot_take(path, &text) != 0)
        return fail(error, cap, "cannot read %s: %s", path, strerror(errno));
    if (text.kind == SNAPSHOT_ABSENT)
        return 0;
    is_well = text.kind == SNAPSHOT_FILE && journal_parse(text.data, text.len, journal);
    snapshot_clear(&text);
    if (!is_well)
        return fail(error, cap, "%s is damaged: compare Apache's files with the newest %s/backup-*, then remove it", path,
            transaction->directory);
    for (size_t i = 0; i < journal->count; i++)
        if (journal->entries[i].before.kind == SNAPSHOT_FILE && read_backup(journal, &journal->entries[i], error, cap) != 0)
            return -1;
    return 1;
}

/* Announcing. */

int transaction_add(struct transaction *transaction, const char *path, enum snapshot_kind after, const char *content,
    size_t content_len, char *error, size_t cap)
{
    struct snapshot before;
    bool is_added;

    if (snapshot_take(path, &before) != 0) {
        fail(error, cap, "cannot read %s: %s", path, strerror(errno));
        snapshot_clear(&before);
        return -1;
    }
    if (before.kind == SNAPSHOT_OTHER)
        return fail(error, cap, "%s is neither a file nor a link; move it out of the way", path);
    is_added = journal_add(&transaction->journal, path, &before, after, content, content_len);
    snapshot_clear(&before);
    return is_added ? 0 : fail(error, cap, "out of memory");
}

static int back_up(const struct journal_entry *entry, const char *directory, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 1], parent[FILE_PATH_MAX + 1];

    if (entry->before.kind != SNAPSHOT_FILE)
        return 0;
    if ((size_t)snprintf(path, sizeof path, "%s%s", directory, entry->path) >= sizeof path)
        return fail(error, cap, "the backup's path of %s is too long", entry->path);
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    if (make_directories(parent, 0700) != 0 || snapshot_put(path, &entry->before) != 0)
        return fail(error, cap, "cannot write the backup %s: %s", path, strerror(errno));
    return 0;
}

/* backup-TIME, which nobody has yet. */
static int name_backup(struct transaction *transaction, const char *staging)
{
    char stamp[32];
    char path[FILE_PATH_MAX + 64];
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) == NULL || strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc) == 0)
        return -1;
    for (int i = 1; i < SAME_SECOND_MAX; i++) {
        snprintf(path, sizeof path, i == 1 ? "%s/backup-%s" : "%s/backup-%s-%d", transaction->directory, stamp, i);
        if (renameat2(AT_FDCWD, staging, AT_FDCWD, path, RENAME_NOREPLACE) == 0) {
            transaction->journal.backup = strdup(path);
            return transaction->journal.backup == NULL ? -1 : 0;
        }
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

static int write_journal(struct transaction *transaction, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 1];
    struct snapshot text = {.kind = SNAPSHOT_FILE, .mode = 0600};
    int result;

    if (name(transaction, "journal", path, error, cap) != 0)
        return -1;
    text.data = journal_text(&transaction->journal, &text.len);
    if (text.data == NULL)
        return fail(error, cap, "out of memory");
    result = snapshot_put(path, &text);
    if (result != 0)
        fail(error, cap, "cannot write %s: %s", path, strerror(errno));
    snapshot_clear(&text);
    return result;
}

/* It may be there already, and only its name not be safe on disk: then a power cut may bring it back, and it wants its backup. */
static void take_back_journal(const struct transaction *transaction)
{
    char path[FILE_PATH_MAX + 1], error[DETAIL_MAX];

    if (name(transaction, "journal", path, error, sizeof error) == 0 && unlink(path) != 0 && errno == ENOENT)
        remove_tree(transaction->journal.backup);
}

int transaction_begin(struct transaction *transaction, char *error, size_t cap)
{
    struct journal *journal = &transaction->journal;
    char staging[FILE_PATH_MAX + 1];

    if (name(transaction, "backup.new", staging, error, cap) != 0)
        return -1;
    if (remove_tree(staging) != 0 || mkdir(staging, 0700) != 0)
        return fail(error, cap, "cannot make %s: %s", staging, strerror(errno));
    for (size_t i = 0; i < journal->count; i++)
        if (back_up(&journal->entries[i], staging, error, cap) != 0) {
            remove_tree(staging);
            return -1;
        }
    if (name_backup(transaction, staging) != 0) {
        fail(error, cap, "cannot name the backup in %s: %s", transaction->directory, strerror(errno));
        remove_tree(staging);
        return -1;
    }
    journal_boot_id(journal->boot_id);
    if (write_journal(transaction, error, cap) == 0)
        return 0;
    take_back_journal(transaction);
    return -1;
}

/* Doing. */

static struct journal_entry *find(struct transaction *transaction, const char *path)
{
    for (size_t i = 0; i < transaction->journal.count; i++)
        if (strcmp(transaction->journal.entries[i].path, path) == 0)
            return &transaction->journal.entries[i];
    return NULL;
}

int transaction_apply(
    struct transaction *transaction, const char *path, const char *content, size_t content_len, char *error, size_t cap)
{
    const struct journal_entry *entry = find(transaction, path);
    struct snapshot now, fresh;
    bool is_as_it_was;
    int result = -1;

    if (entry == NULL)
        return fail(error, cap, "%s was not announced", path);
    if (snapshot_take(path, &now) != 0) {
        fail(error, cap, "cannot read %s: %s", path, strerror(errno));
        snapshot_clear(&now);
        return -1;
    }
    is_as_it_was = snapshot_is_same(&now, &entry->before);
    fresh = (struct snapshot){.kind = entry->after, .mode = 0644};
    if (entry->before.kind == SNAPSHOT_FILE) {
        fresh = entry->before;
        fresh.kind = entry->after;
        fresh.mtime_sec = 0;
    }
    fresh.data = (char *)(uintptr_t)content; /* only read */
    fresh.len = content_len;
    if (!is_as_it_was)
        fail(error, cap, "%s was changed by somebody else meanwhile; look at it, then try again", path);
    else if ((result = snapshot_put(path, &fresh)) != 0)
        fail(error, cap, "cannot write %s: %s", path, strerror(errno));
    snapshot_clear(&now);
    return result;
}

/* Undoing. */

static void add_text(struct undo *undo, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_text(struct undo *undo, const char *format, ...)
{
    char raw[FILE_PATH_MAX + DETAIL_MAX];
    size_t len = strlen(undo->text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    if (len > 0 && len + 2 < sizeof undo->text) {
        memcpy(undo->text + len, "; ", 3);
        len += 2;
    }
    text_clean_copy(undo->text + len, sizeof undo->text - len, raw, strlen(raw));
}

static void undo_one(const struct journal *journal, const struct journal_entry *entry, struct undo *undo)
{
    struct snapshot now;

    if (snapshot_tidy(entry->path) != 0 || snapshot_take(entry->path, &now) != 0) {
        add_text(undo, "cannot look at %s: %s", entry->path, strerror(errno));
        undo->has_failed = true;
        return;
    }
    if (snapshot_has_content(&now, entry->before.kind, entry->before.data, entry->before.len)) {
        snapshot_clear(&now);
        return;
    }
    if (!journal_is_after(entry, &now)) {
        add_text(undo, "%s was changed by somebody else and is left as it is; %s%s", entry->path,
            entry->before.kind == SNAPSHOT_FILE ? "as it was before: " : "before, there was none",
            entry->before.kind == SNAPSHOT_FILE ? journal->backup : "");
        if (entry->before.kind == SNAPSHOT_FILE)
            text_clean_copy(
                undo->text + strlen(undo->text), sizeof undo->text - strlen(undo->text), entry->path, strlen(entry->path));
        undo->edited++;
    } else if (snapshot_put(entry->path, &entry->before) != 0) {
        add_text(undo, "cannot put %s back: %s", entry->path, strerror(errno));
        undo->has_failed = true;
    } else {
        undo->restored++;
    }
    snapshot_clear(&now);
}

void transaction_undo(struct transaction *transaction, struct undo *undo)
{
    const struct journal *journal = &transaction->journal;

    *undo = (struct undo){.restored = 0};
    for (size_t i = journal->count; i > 0; i--)
        undo_one(journal, &journal->entries[i - 1], undo);
}

int transaction_end(struct transaction *transaction, bool is_backup_kept)
{
    char path[FILE_PATH_MAX + 1], error[DETAIL_MAX];

    if (name(transaction, "journal", path, error, sizeof error) != 0 || unlink(path) != 0)
        return -1;
    /* Should this fail, a power cut may bring the journal back, and all is undone then: as whole as what there is now. */
    snapshot_sync_directory(transaction->directory);
    if (!is_backup_kept)
        remove_tree(transaction->journal.backup);
    return 0;
}
