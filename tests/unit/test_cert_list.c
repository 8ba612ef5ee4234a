/* SPDX-License-Identifier: ISC */
/* The list of certificates over a daemon's life: numbers are never used again, and what is known survives a reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/cert_list.h"

static struct cert_list *make(const char *const *names, size_t count, struct conf *conf)
{
    struct cert_source *sources = calloc(count + 1, sizeof *sources);

    assert_non_null(sources);
    for (size_t i = 0; i < count; i++)
        sources[i].path = strdup(names[i]);
    return cert_list_new(conf, sources, count);
}

static void numbers_grow_and_are_dropped(void **state)
{
    static const char *const names[] = {"/nowhere/a.pem", "/nowhere/b.pem"};
    struct conf conf = {0};
    struct cert_list *list = make(names, 2, &conf);

    (void)state;
    assert_int_equal(list->certs[0].sent.cert_no, CERT_NO_NONE);
    assert_true(list->certs[0].look.is_due);
    assert_true(cert_list_number(list, 1));
    assert_true(cert_list_number(list, 0));
    assert_ptr_equal(cert_list_find(list, 0), &list->certs[1]);
    cert_list_drop_number(list, &list->certs[1]);
    assert_null(cert_list_find(list, 0));
    assert_ptr_equal(cert_list_find(list, 1), &list->certs[0]);
    assert_true(cert_list_number(list, 1));
    assert_int_equal(list->certs[1].sent.cert_no, 2);
    assert_null(cert_list_find(list, 3));
    list->sent_count = CERTS_MAX;
    assert_false(cert_list_number(list, 0));
    list->sent_count = 3;
    cert_list_forget_numbers(list);
    assert_int_equal(list->sent_count, 0);
    cert_list_free(list);
}

/* However many certificates there are: before renewals have used all numbers up, and not for a few numbers. */
static void numbers_begin_anew_before_they_end(void **state)
{
    static const struct {
        uint32_t certs, sent;
        bool is_short;
    } cases[] = {{1, 1, false}, {1, 150000, false}, {1, 150001, true}, {75000, 150001, true}, {100000, 150000, false},
        {100000, 150001, true}, {180000, 180000, false}, {180000, 190000, false}, {180000, 190001, true},
        {CERTS_MAX - 1, CERTS_MAX - 1, false}, {CERTS_MAX - 1, CERTS_MAX, true}, {CERTS_MAX, CERTS_MAX, false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cert_list list = {.count = cases[i].certs, .sent_count = cases[i].sent};

        assert_int_equal(cert_list_is_short_of_numbers(&list), cases[i].is_short);
    }
}

static void a_certificate_is_found_by_its_name(void **state)
{
    static const char *const names[] = {"/nowhere/c.pem", "/nowhere/a.pem", "/nowhere/b.pem"};
    struct conf conf = {0};
    struct cert_list *list = make(names, 3, &conf);

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(cert_list_find_name(list, names[i]), &list->certs[i]);
    assert_null(cert_list_find_name(list, "/nowhere/"));
    assert_null(cert_list_find_name(list, "/nowhere/d.pem"));
    cert_list_free(list);
    list = make(names, 0, &conf);
    assert_null(cert_list_find_name(list, names[0]));
    cert_list_free(list);
}

static void what_both_have_keeps_its_number_and_what_is_known(void **state)
{
    static const char *const before[] = {"/nowhere/a.pem", "/nowhere/b.pem", "/nowhere/c.pem"};
    static const char *const after[] = {"/nowhere/c.pem", "/nowhere/new.pem", "/nowhere/a.pem"};
    struct conf conf = {0};
    struct cert_list *old = make(before, 3, &conf);
    struct cert_list *list = make(after, 3, &conf);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(cert_list_number(old, i));
        old->certs[i].look.is_due = false;
    }
    old->certs[2].state = CERT_STATE_GOOD;
    listed_cert_fail(&old->certs[2], REASON_TIMEOUT, "no answer");
    assert_true(cert_list_take_over(list, old));
    assert_int_equal(list->sent_count, 3);
    assert_ptr_equal(cert_list_find(list, 2), &list->certs[0]);
    assert_ptr_equal(cert_list_find(list, 0), &list->certs[2]);
    assert_null(cert_list_find(list, 1)); /* b has gone */
    assert_int_equal(old->certs[1].sent.cert_no, 1);
    assert_int_equal(old->certs[0].sent.cert_no, CERT_NO_NONE);
    assert_int_equal(list->certs[0].state, CERT_STATE_GOOD);
    assert_string_equal(list->certs[0].trouble.detail, "no answer");
    assert_false(list->certs[0].look.is_due);
    assert_true(list->certs[1].look.is_due);
    cert_list_free(old);
    assert_string_equal(list->certs[0].trouble.detail, "no answer");
    assert_string_equal(list->certs[0].name, "/nowhere/c.pem");
    cert_list_free(list);
}

/* Another policy or responder makes it another one to both children. */
static void what_is_configured_otherwise_is_new(void **state)
{
    struct conf_cert section
        = {.name = (char *)(uintptr_t) "shop", .cert = (char *)(uintptr_t) "/nowhere/a.pem", .policy = {.min_ttl_sec = 60}};
    struct conf_cert other = section;
    struct conf conf = {.certs = &section, .cert_count = 1};
    struct conf changed = {.certs = &other, .cert_count = 1};
    struct cert_list *old = cert_list_new(&conf, NULL, 0);
    struct cert_list *list;

    (void)state;
    assert_true(cert_list_number(old, 0));
    other.policy.min_ttl_sec = 61;
    list = cert_list_new(&changed, NULL, 0);
    assert_true(cert_list_take_over(list, old));
    assert_int_equal(list->certs[0].sent.cert_no, CERT_NO_NONE);
    assert_null(cert_list_find(list, 0));
    cert_list_free(list);
    cert_list_free(old);
}

static void a_file_that_is_written_is_noticed(void **state)
{
    char path[] = "/tmp/test_pool.XXXXXX";
    int fd = mkstemp(path);
    struct listed_cert cert = {.path = path};
    FILE *file = fdopen(fd, "w");

    (void)state;
    assert_non_null(file);
    assert_true(listed_cert_stamp(&cert));
    assert_false(listed_cert_stamp(&cert));
    fputs("more", file);
    fclose(file);
    assert_true(listed_cert_stamp(&cert));
    assert_false(listed_cert_stamp(&cert));
    remove(path);
    assert_true(listed_cert_stamp(&cert));
    assert_false(listed_cert_stamp(&cert));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_grow_and_are_dropped),
        cmocka_unit_test(numbers_begin_anew_before_they_end),
        cmocka_unit_test(a_certificate_is_found_by_its_name),
        cmocka_unit_test(what_both_have_keeps_its_number_and_what_is_known),
        cmocka_unit_test(what_is_configured_otherwise_is_new),
        cmocka_unit_test(a_file_that_is_written_is_noticed),
    };

    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
