/* SPDX-License-Identifier: ISC */
#include "transaction/undo_journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "text/escape.h"
#include "text/hex.h"

#define HEADER "stapleguard-journal 1"
#define SHA256_HEX_LEN (2 * JOURNAL_SHA256_LEN)
#define SEAL_LEN (sizeof "end " - 1 + SHA256_HEX_LEN + 1)

static const char *const kind_words[] = {
    [SNAPSHOT_ABSENT] = "absent",
    [SNAPSHOT_FILE] = "file",
    [SNAPSHOT_LINK] = "link",
    [SNAPSHOT_OTHER] = "other",
};

void journal_sha256(const void *data, size_t len, uint8_t sha256[JOURNAL_SHA256_LEN])
{
    /* Fails without memory alone; then nothing is ever taken for the same. */
    if (EVP_Digest(data, len, sha256, NULL, EVP_sha256(), NULL) != 1)
        memset(sha256, 0, JOURNAL_SHA256_LEN);
}

void journal_boot_id(char boot_id[JOURNAL_BOOT_ID_SIZE])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    boot_id[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(boot_id, JOURNAL_BOOT_ID_SIZE, file) != NULL)
        boot_id[strcspn(boot_id, "\n")] = '\0';
    fclose(file);
}

bool journal_add(struct journal *journal, const char *path, struct snapshot *before, enum snapshot_kind after,
    const char *after_data, size_t after_len)
{
    struct journal_entry *grown = reallocarray(journal->entries, journal->count + 1, sizeof *grown);
    struct journal_entry *entry;

    if (grown == NULL)
        return false;
    journal->entries = grown;
    entry = &grown[journal->count];
    *entry = (struct journal_entry){.path = strdup(path), .after = after};
    if (entry->path == NULL)
        return false;
    entry->before = *before;
    *before = (struct snapshot){.kind = SNAPSHOT_ABSENT};
    if (entry->before.kind == SNAPSHOT_FILE)
        journal_sha256(entry->before.data, entry->before.len, entry->before_sha256);
    if (after != SNAPSHOT_ABSENT)
        journal_sha256(after_data, after_len, entry->after_sha256);
    journal->count++;
    return true;
}

void journal_clear(struct journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        free(journal->entries[i].path);
        snapshot_clear(&journal->entries[i].before);
    }
    free(journal->entries);
    free(journal->backup);
    *journal = (struct journal){.entries = NULL};
}

bool journal_is_after(const struct journal_entry *entry, const struct snapshot *now)
{
    uint8_t sha256[JOURNAL_SHA256_LEN];

    if (now->kind != entry->after)
        return false;
    if (now->kind == SNAPSHOT_ABSENT)
        return true;
    journal_sha256(now->data, now->len, sha256);
    return memcmp(sha256, entry->after_sha256, sizeof sha256) == 0;
}

/* Writing. */

static void put_word(FILE *out, const char *word)
{
    putc(' ', out);
    if (word == NULL || *word == '\0')
        putc('=', out);
    else
        escape_percent(out, word);
}

static void put_hex(FILE *out, const void *octets, size_t len)
{
    const unsigned char *at = octets;

    putc(' ', out);
    if (len == 0)
        putc('=', out);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02x", at[i]);
}

static void put_entry(FILE *out, const struct journal_entry *entry)
{
    const struct snapshot *before = &entry->before;

    fprintf(out, "path %s %o %u %u %" PRId64 " %ld %zu", kind_words[before->kind], (unsigned)before->mode, before->uid,
        before->gid, before->mtime_sec, before->mtime_nsec, before->kind == SNAPSHOT_FILE ? before->len : 0);
    put_hex(out, entry->before_sha256, sizeof entry->before_sha256);
    put_word(out, before->kind == SNAPSHOT_LINK ? before->data : "");
    put_hex(out, before->xattrs, before->xattrs_len);
    fprintf(out, " %s", kind_words[entry->after]);
    put_hex(out, entry->after_sha256, sizeof entry->after_sha256);
    put_word(out, entry->path);
    putc('\n', out);
}

char *journal_text(const struct journal *journal, size_t *len)
{
    uint8_t sha256[JOURNAL_SHA256_LEN];
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (out == NULL)
        return NULL;
    fprintf(out, HEADER "\noperation");
    put_word(out, journal->operation);
    fprintf(out, "\nboot");
    put_word(out, journal->boot_id);
    fprintf(out, "\nbackup");
    put_word(out, journal->backup);
    fprintf(out, "\nrestart %s\nservice %s\n", journal->is_way_back_full ? "full" : "graceful",
        journal->is_service_ours ? "ours" : "theirs");
    for (size_t i = 0; i < journal->count; i++)
        put_entry(out, &journal->entries[i]);
    if (fflush(out) == 0) {
        journal_sha256(text, *len, sha256);
        fprintf(out, "end");
        put_hex(out, sha256, sizeof sha256);
        putc('\n', out);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* Reading.  Words are taken off the line one by one; a line that has too few or too many of them is none of ours. */

static char *next_word(char **rest)
{
    char *word = strsep(rest, " ");

    if (word == NULL || *word == '\0')
        return NULL;
    if (strcmp(word, "=") == 0)
        *word = '\0';
    return escape_percent_decode(word) ? word : NULL;
}

static bool next_number(char **rest, int base, long long max, long long *number)
{
    const char *word = next_word(rest);
    char *end;

    if (word == NULL || *word == '\0')
        return false;
    *number = strtoll(word, &end, base);
    return *end == '\0' && *number <= max && *number >= (max == INT64_MAX ? INT64_MIN : 0);
}

static bool next_kind(char **rest, enum snapshot_kind *kind)
{
    const char *word = next_word(rest);

    for (int i = SNAPSHOT_ABSENT; word != NULL && i <= SNAPSHOT_LINK; i++)
        if (strcmp(word, kind_words[i]) == 0) {
            *kind = (enum snapshot_kind)i;
            return true;
        }
    return false;
}

/* Allocates when *octets is NULL. */
static bool next_hex(char **rest, void **octets, size_t *len, size_t exact)
{
    const char *word = next_word(rest);
    size_t count = word == NULL ? 0 : strlen(word) / 2;

    if (word == NULL || strlen(word) % 2 != 0 || (exact != 0 && count != exact))
        return false;
    if (*octets == NULL && count > 0)
        *octets = malloc(count);
    *len = count;
    return count == 0 || (*octets != NULL && hex_read(word, *octets, count));
}

static bool parse_entry(char *rest, struct journal_entry *entry)
{
    long long mode, uid, gid, sec, nsec, size;
    struct snapshot *before = &entry->before;
    void *before_sha = entry->before_sha256, *after_sha = entry->after_sha256, *xattrs = NULL;
    size_t sha_len;
    const char *target, *path;

    if (!next_kind(&rest, &before->kind) || !next_number(&rest, 8, 07777, &mode) || !next_number(&rest, 10, UINT32_MAX, &uid)
        || !next_number(&rest, 10, UINT32_MAX, &gid) || !next_number(&rest, 10, INT64_MAX, &sec)
        || !next_number(&rest, 10, 999999999, &nsec) || !next_number(&rest, 10, SNAPSHOT_FILE_MAX, &size)
        || !next_hex(&rest, &before_sha, &sha_len, JOURNAL_SHA256_LEN))
        return false;
    target = next_word(&rest);
    if (target == NULL || !next_hex(&rest, &xattrs, &before->xattrs_len, 0)) {
        free(xattrs);
        return false;
    }
    before->xattrs = xattrs;
    before->mode = (mode_t)mode;
    before->uid = (uid_t)uid;
    before->gid = (gid_t)gid;
    before->mtime_sec = sec;
    before->mtime_nsec = (long)nsec;
    before->len = before->kind == SNAPSHOT_LINK ? strlen(target) : (size_t)size;
    before->data = before->kind == SNAPSHOT_LINK ? strdup(target) : NULL;
    if (!next_kind(&rest, &entry->after) || !next_hex(&rest, &after_sha, &sha_len, JOURNAL_SHA256_LEN))
        return false;
    path = next_word(&rest);
    entry->path = path == NULL || *path != '/' ? NULL : strdup(path);
    return entry->path != NULL && rest == NULL && (before->kind != SNAPSHOT_LINK || before->data != NULL);
}

static bool parse_line(char *line, struct journal *journal)
{
    char *rest = line;
    const char *name = next_word(&rest);
    const char *word;

    if (name == NULL || rest == NULL)
        return false;
    if (strcmp(name, "path") == 0) {
        struct journal_entry *grown
            = journal->count >= JOURNAL_ENTRIES_MAX ? NULL : reallocarray(journal->entries, journal->count + 1, sizeof *grown);

        if (grown == NULL)
            return false;
        journal->entries = grown;
        memset(&grown[journal->count], 0, sizeof *grown);
        return parse_entry(rest, &grown[journal->count++]);
    }
    word = next_word(&rest);
    if (word == NULL || rest != NULL)
        return false;
    if (strcmp(name, "operation") == 0)
        return (size_t)snprintf(journal->operation, sizeof journal->operation, "%s", word) < sizeof journal->operation;
    if (strcmp(name, "boot") == 0)
        return (size_t)snprintf(journal->boot_id, sizeof journal->boot_id, "%s", word) < sizeof journal->boot_id;
    if (strcmp(name, "backup") == 0 && journal->backup == NULL)
        return (journal->backup = strdup(word)) != NULL;
    if (strcmp(name, "restart") == 0)
        journal->is_way_back_full = strcmp(word, "full") == 0;
    else if (strcmp(name, "service") == 0)
        journal->is_service_ours = strcmp(word, "ours") == 0;
    else
        return false;
    return true;
}

static bool is_sealed(const char *text, size_t len)
{
    uint8_t sha256[JOURNAL_SHA256_LEN];
    char seal[SEAL_LEN] = "end ";

    if (len < SEAL_LEN || memchr(text, '\0', len) != NULL)
        return false;
    journal_sha256(text, len - SEAL_LEN, sha256);
    hex_write(sha256, sizeof sha256, seal + strlen("end "));
    seal[SEAL_LEN - 1] = '\n';
    return memcmp(seal, text + len - SEAL_LEN, SEAL_LEN) == 0;
}

bool journal_parse(const char *text, size_t len, struct journal *journal)
{
    char *copy, *rest, *line;
    bool is_well;

    *journal = (struct journal){.entries = NULL};
    if (!is_sealed(text, len))
        return false;
    copy = rest = strndup(text, len - SEAL_LEN);
    line = copy == NULL ? NULL : strsep(&rest, "\n");
    is_well = line != NULL && strcmp(line, HEADER) == 0;
    while (is_well && (line = strsep(&rest, "\n")) != NULL && (rest != NULL || *line != '\0'))
        is_well = parse_line(line, journal);
    if (!is_well)
        journal_clear(journal);
    free(copy);
    return is_well;
}
