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

static struct pool *make(const char *const *names, size_t count, struct conf *conf)
{
    struct pool_source *sources = calloc(count + 1, sizeof *sources);

    assert_non_null(sources);
    for (size_t i = 0; i < count; i++)
        sources[i].path = strdup(names[i]);
    return pool_new(conf, sources, count);
}

static void numbers_grow_and_are_dropped(void **state)
{
    static const char *const names[] = {"/nowhere/a.pem", "/nowhere/b.pem"};
    struct conf conf = {0};
    struct pool *pool = make(names, 2, &conf);

    (void)state;
    assert_int_equal(pool->certs[0].cert_no, POOL_NO_NUMBER);
    assert_true(pool->certs[0].needs_look);
    assert_true(pool_number(pool, 1));
    assert_true(pool_number(pool, 0));
    assert_ptr_equal(pool_find(pool, 0), &pool->certs[1]);
    pool_drop_number(pool, &pool->certs[1]);
    assert_null(pool_find(pool, 0));
    assert_ptr_equal(pool_find(pool, 1), &pool->certs[0]);
    assert_true(pool_number(pool, 1));
    assert_int_equal(pool->certs[1].cert_no, 2);
    assert_null(pool_find(pool, 3));
    pool->sent_count = CERTS_MAX;
    assert_false(pool_number(pool, 0));
    pool->sent_count = 3;
    pool_forget_numbers(pool);
    assert_int_equal(pool->sent_count, 0);
    pool_free(pool);
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
        struct pool pool = {.count = cases[i].certs, .sent_count = cases[i].sent};

        assert_int_equal(pool_is_short_of_numbers(&pool), cases[i].is_short);
    }
}

static void a_certificate_is_found_by_its_name(void **state)
{
    static const char *const names[] = {"/nowhere/c.pem", "/nowhere/a.pem", "/nowhere/b.pem"};
    struct conf conf = {0};
    struct pool *pool = make(names, 3, &conf);

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(pool_find_name(pool, names[i]), &pool->certs[i]);
    assert_null(pool_find_name(pool, "/nowhere/"));
    assert_null(pool_find_name(pool, "/nowhere/d.pem"));
    pool_free(pool);
    pool = make(names, 0, &conf);
    assert_null(pool_find_name(pool, names[0]));
    pool_free(pool);
}

static void what_both_have_keeps_its_number_and_what_is_known(void **state)
{
    static const char *const before[] = {"/nowhere/a.pem", "/nowhere/b.pem", "/nowhere/c.pem"};
    static const char *const after[] = {"/nowhere/c.pem", "/nowhere/new.pem", "/nowhere/a.pem"};
    struct conf conf = {0};
    struct pool *old = make(before, 3, &conf);
    struct pool *pool = make(after, 3, &conf);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(pool_number(old, i));
        old->certs[i].needs_look = false;
    }
    old->certs[2].state = CERT_STATE_GOOD;
    pool_cert_fail(&old->certs[2], REASON_TIMEOUT, "no answer");
    assert_true(pool_take_over(pool, old));
    assert_int_equal(pool->sent_count, 3);
    assert_ptr_equal(pool_find(pool, 2), &pool->certs[0]);
    assert_ptr_equal(pool_find(pool, 0), &pool->certs[2]);
    assert_null(pool_find(pool, 1)); /* b has gone */
    assert_int_equal(old->certs[1].cert_no, 1);
    assert_int_equal(old->certs[0].cert_no, POOL_NO_NUMBER);
    assert_int_equal(pool->certs[0].state, CERT_STATE_GOOD);
    assert_string_equal(pool->certs[0].detail, "no answer");
    assert_false(pool->certs[0].needs_look);
    assert_true(pool->certs[1].needs_look);
    pool_free(old);
    assert_string_equal(pool->certs[0].detail, "no answer");
    assert_string_equal(pool->certs[0].name, "/nowhere/c.pem");
    pool_free(pool);
}

/* Another policy or responder makes it another one to both children. */
static void what_is_configured_otherwise_is_new(void **state)
{
    struct conf_cert section
        = {.name = (char *)(uintptr_t) "shop", .cert = (char *)(uintptr_t) "/nowhere/a.pem", .policy = {.min_ttl_sec = 60}};
    struct conf_cert other = section;
    struct conf conf = {.certs = &section, .cert_count = 1};
    struct conf changed = {.certs = &other, .cert_count = 1};
    struct pool *old = pool_new(&conf, NULL, 0);
    struct pool *pool;

    (void)state;
    assert_true(pool_number(old, 0));
    other.policy.min_ttl_sec = 61;
    pool = pool_new(&changed, NULL, 0);
    assert_true(pool_take_over(pool, old));
    assert_int_equal(pool->certs[0].cert_no, POOL_NO_NUMBER);
    assert_null(pool_find(pool, 0));
    pool_free(pool);
    pool_free(old);
}

static void a_file_that_is_written_is_noticed(void **state)
{
    char path[] = "/tmp/test_pool.XXXXXX";
    int fd = mkstemp(path);
    struct pool_cert cert = {.path = path};
    FILE *file = fdopen(fd, "w");

    (void)state;
    assert_non_null(file);
    assert_true(pool_stamp(&cert));
    assert_false(pool_stamp(&cert));
    fputs("more", file);
    fclose(file);
    assert_true(pool_stamp(&cert));
    assert_false(pool_stamp(&cert));
    remove(path);
    assert_true(pool_stamp(&cert));
    assert_false(pool_stamp(&cert));
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

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
