/* SPDX-License-Identifier: ISC */
/* P4: what undoing takes survives on paper; anything that is not whole is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transaction/undo_journal.h"

static void fill(struct journal *journal)
{
    struct snapshot file = {.kind = SNAPSHOT_FILE,
        .mode = 0640,
        .uid = 0,
        .gid = 33,
        .mtime_sec = 1700000000,
        .mtime_nsec = 5,
        .data = strdup("old\n"),
        .len = 4,
        .xattrs = strdup("user.a"),
        .xattrs_len = 7};
    struct snapshot link = {.kind = SNAPSHOT_LINK, .mode = 0777, .data = strdup("../a b%\n"), .len = 8};
    struct snapshot absent = {.kind = SNAPSHOT_ABSENT};

    memset(journal, 0, sizeof *journal);
    snprintf(journal->operation, sizeof journal->operation, "enable");
    snprintf(journal->boot_id, sizeof journal->boot_id, "0-1-2");
    journal->backup = strdup("/var/lib/x/setup/backup-1");
    journal->is_way_back_full = true;
    journal->is_service_ours = true;
    assert_true(journal_add(journal, "/etc/a file", &file, SNAPSHOT_FILE, "new\n", 4));
    assert_true(journal_add(journal, "/etc/link", &link, SNAPSHOT_ABSENT, NULL, 0));
    assert_true(journal_add(journal, "/etc/\xff\xfe", &absent, SNAPSHOT_LINK, "target", 6));
}

static void it_is_read_as_it_was_written(void **state)
{
    struct journal journal, back;
    size_t len = 0;
    char *text;

    (void)state;
    fill(&journal);
    text = journal_text(&journal, &len);
    assert_true(journal_parse(text, len, &back));
    assert_string_equal(back.operation, "enable");
    assert_string_equal(back.boot_id, "0-1-2");
    assert_string_equal(back.backup, journal.backup);
    assert_true(back.is_way_back_full && back.is_service_ours);
    assert_int_equal(back.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct journal_entry *a = &journal.entries[i], *b = &back.entries[i];

        assert_string_equal(a->path, b->path);
        assert_int_equal(a->before.kind, b->before.kind);
        assert_int_equal(a->before.mode, b->before.mode);
        assert_int_equal(a->before.gid, b->before.gid);
        assert_int_equal(a->before.mtime_sec, b->before.mtime_sec);
        assert_int_equal(a->before.mtime_nsec, b->before.mtime_nsec);
        assert_int_equal(a->before.len, b->before.len);
        assert_int_equal(a->before.xattrs_len, b->before.xattrs_len);
        assert_memory_equal(a->before_sha256, b->before_sha256, sizeof a->before_sha256);
        assert_int_equal(a->after, b->after);
        assert_memory_equal(a->after_sha256, b->after_sha256, sizeof a->after_sha256);
    }
    assert_null(back.entries[0].before.data); /* that is in the backup */
    assert_string_equal(back.entries[1].before.data, "../a b%\n");
    free(text);
    journal_clear(&journal);
    journal_clear(&back);
}

static void a_journal_that_was_cut_off_is_none(void **state)
{
    struct journal journal, back;
    size_t len = 0;
    char *text;

    (void)state;
    fill(&journal);
    text = journal_text(&journal, &len);
    for (size_t cut = 0; cut < len; cut++)
        assert_false(journal_parse(text, cut, &back));
    free(text);
    journal_clear(&journal);
}

static void a_changed_bit_is_seen(void **state)
{
    struct journal journal, back;
    size_t len = 0;
    char *text;

    (void)state;
    fill(&journal);
    text = journal_text(&journal, &len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        assert_false(journal_parse(text, len, &back));
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(journal_parse(text, len, &back));
    journal_clear(&back);
    free(text);
    journal_clear(&journal);
}

/* A seal that fits does not make lines good that no journal_text writes. */
static void sealed_nonsense_is_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "stapleguard-journal 2\n",
        "stapleguard-journal 1\nunknown x\n",
        "stapleguard-journal 1\noperation\n",
        "stapleguard-journal 1\noperation enable more\n",
        "stapleguard-journal 1\npath file\n",
        "stapleguard-journal 1\nboot 0123456789012345678901234567890123456789\n",
        "stapleguard-journal 1\npath other 644 0 0 0 0 0 00 = = absent 00 /x\n",
        "stapleguard-journal 1\npath absent 99999999 0 0 0 0 0 00 = = absent 00 /x\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        uint8_t sha256[JOURNAL_SHA256_LEN];
        char text[512];
        struct journal back;
        size_t len = (size_t)snprintf(text, sizeof text, "%send ", bodies[i]);

        journal_sha256(bodies[i], strlen(bodies[i]), sha256);
        for (size_t k = 0; k < sizeof sha256; k++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%02x", sha256[k]);
        text[len++] = '\n';
        assert_false(journal_parse(text, len, &back));
        assert_int_equal(back.count, 0);
    }
}

static void what_stands_there_is_compared_with_what_was_meant(void **state)
{
    struct journal journal;
    struct snapshot now = {.kind = SNAPSHOT_FILE, .data = strdup("new\n"), .len = 4};

    (void)state;
    fill(&journal);
    assert_true(journal_is_after(&journal.entries[0], &now));
    now.len = 3;
    assert_false(journal_is_after(&journal.entries[0], &now));
    now.len = 4;
    now.kind = SNAPSHOT_LINK;
    assert_false(journal_is_after(&journal.entries[0], &now));
    assert_false(journal_is_after(&journal.entries[1], &now));
    snapshot_clear(&now);
    assert_true(journal_is_after(&journal.entries[1], &now));
    journal_clear(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_read_as_it_was_written),
        cmocka_unit_test(a_journal_that_was_cut_off_is_none),
        cmocka_unit_test(a_changed_bit_is_seen),
        cmocka_unit_test(sealed_nonsense_is_refused),
        cmocka_unit_test(what_stands_there_is_compared_with_what_was_meant),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
