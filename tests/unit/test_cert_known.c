/* SPDX-License-Identifier: ISC */
/* What was known before: told once, and again only when something about it is new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "certs/cert_known.h"
#include "temp_dir.h"

#define PATH "known"

static struct known *remember(struct listed_cert *certs, size_t count)
{
    const struct cert_list list = {.certs = certs, .count = count};
    struct known *known;

    assert_int_equal(known_write(PATH, &list), 0);
    known = known_read(PATH);
    assert_non_null(known);
    return known;
}

static struct listed_cert cert(const char *name, uint8_t first_octet, enum reason reason)
{
    return (struct listed_cert){.name = name, .told.is_known = true, .told.sha256 = {first_octet}, .told.reason = reason};
}

static void the_same_is_no_news(void **state)
{
    struct listed_cert certs[] = {cert("b\xc3\xbcro and more", 1, REASON_NONE), cert("/etc/ssl/x.pem", 2, REASON_NO_OCSP)};
    struct known *known = remember(certs, 2);

    (void)state;
    assert_int_equal(known_compare(known, &certs[0]), KNOWN_NOTHING_NEW);
    assert_int_equal(known_compare(known, &certs[1]), KNOWN_NOTHING_NEW);
    known_free(known);
}

/* P8: an expired certificate is one event, not one at each pass. */
static void P8_news_are_a_new_name_another_certificate_and_another_reason(void **state)
{
    struct listed_cert before = cert("shop", 1, REASON_NONE);
    struct known *known = remember(&before, 1);
    struct listed_cert renewed = cert("shop", 9, REASON_NONE);
    struct listed_cert expired = cert("shop", 1, REASON_CERT_EXPIRED);
    struct listed_cert unreadable = {.name = "shop", .told.reason = REASON_FILE_MISSING};
    struct listed_cert other = cert("api", 1, REASON_NONE);

    (void)state;
    assert_int_equal(known_compare(known, &renewed), KNOWN_IS_OTHER);
    assert_int_equal(known_compare(known, &expired), KNOWN_IS_CHANGED);
    assert_int_equal(known_compare(known, &unreadable), KNOWN_IS_CHANGED);
    assert_int_equal(known_compare(known, &other), KNOWN_IS_NEW);
    known_free(known);
    known = remember(&expired, 1);
    assert_int_equal(known_compare(known, &expired), KNOWN_NOTHING_NEW);
    known_free(known);
}

static void a_file_that_could_not_be_read_is_told_once_too(void **state)
{
    struct listed_cert unreadable = {.name = "shop", .told.reason = REASON_FILE_MISSING};
    struct known *known = remember(&unreadable, 1);
    struct listed_cert back = cert("shop", 1, REASON_NONE);

    (void)state;
    assert_int_equal(known_compare(known, &unreadable), KNOWN_NOTHING_NEW);
    assert_int_equal(known_compare(known, &back), KNOWN_IS_CHANGED);
    known_free(known);
}

static void one_that_nothing_was_told_of_is_not_known(void **state)
{
    struct listed_cert untold = {.name = "shop"};
    struct known *known = remember(&untold, 1);
    struct listed_cert told = cert("shop", 1, REASON_NONE);

    (void)state;
    assert_int_equal(known_compare(known, &told), KNOWN_IS_NEW);
    known_free(known);
}

static void a_missing_or_damaged_file_is_an_empty_one(void **state)
{
    static const char damaged[] = "no tab at all\n\x00\x01\t\xff\n\tonly one\nabc\tok\t";
    struct listed_cert shop = cert("shop", 1, REASON_NONE);
    struct known *known = known_read("nothing-there");

    (void)state;
    assert_non_null(known);
    assert_int_equal(known_compare(known, &shop), KNOWN_IS_NEW);
    known_free(known);
    temp_file_write(PATH, damaged, sizeof damaged - 1);
    known = known_read(PATH);
    assert_non_null(known);
    assert_int_equal(known_compare(known, &shop), KNOWN_IS_NEW);
    known_free(known);
}

static void what_cannot_be_written_leaves_nothing_behind(void **state)
{
    struct listed_cert shop = cert("shop", 1, REASON_NONE);
    const struct cert_list list = {.certs = &shop, .count = 1};

    (void)state;
    assert_int_equal(known_write("no-such-directory/known", &list), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_is_no_news, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(
            P8_news_are_a_new_name_another_certificate_and_another_reason, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_could_not_be_read_is_told_once_too, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(one_that_nothing_was_told_of_is_not_known, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_missing_or_damaged_file_is_an_empty_one, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_leaves_nothing_behind, temp_dir_setup, temp_dir_teardown),
    };

    return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
