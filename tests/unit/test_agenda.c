/* SPDX-License-Identifier: ISC */
/* The heap of due times: always the earliest, each certificate once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schedule/agenda.h"

#define COUNT 500u

static void nothing_is_due_in_an_empty_one(void **state)
{
    struct agenda *agenda = agenda_new(COUNT);
    uint32_t cert_no;

    (void)state;
    assert_int_equal(agenda_next_at(agenda), AGENDA_NEVER);
    assert_false(agenda_take(agenda, INT64_MAX, &cert_no));
    assert_true(agenda_set(agenda, 3, AGENDA_NEVER));
    assert_int_equal(agenda_next_at(agenda), AGENDA_NEVER);
    agenda_free(agenda);
}

static void they_come_in_the_order_of_their_times(void **state)
{
    struct agenda *agenda = agenda_new(COUNT);
    int64_t at[COUNT];
    int64_t before = INT64_MIN;
    uint32_t cert_no;
    uint32_t taken = 0;

    (void)state;
    srand(7);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_true(agenda_set(agenda, i, at[i] = rand() % 1000));
    for (uint32_t i = 0; i < COUNT; i += 3) /* moved, both ways */
        assert_true(agenda_set(agenda, i, at[i] = rand() % 1000));
    for (uint32_t i = 0; i < COUNT; i += 7)
        assert_true(agenda_set(agenda, i, at[i] = AGENDA_NEVER));
    while (agenda_take(agenda, 999, &cert_no)) {
        assert_true(at[cert_no] >= before);
        before = at[cert_no];
        at[cert_no] = INT64_MIN; /* not twice */
        taken++;
    }
    assert_int_equal(taken, COUNT - (COUNT + 6) / 7);
    agenda_free(agenda);
}

static void what_is_not_due_stays(void **state)
{
    struct agenda *agenda = agenda_new(COUNT);
    uint32_t cert_no;

    (void)state;
    agenda_set(agenda, 1, 100);
    assert_false(agenda_take(agenda, 99, &cert_no));
    assert_true(agenda_take(agenda, 100, &cert_no));
    assert_int_equal(cert_no, 1);
    agenda_free(agenda);
}

static void a_number_out_of_bounds_is_refused(void **state)
{
    struct agenda *agenda = agenda_new(COUNT);

    (void)state;
    assert_true(agenda_set(agenda, COUNT - 1, 1));
    assert_false(agenda_set(agenda, COUNT, 1));
    agenda_free(agenda);
}

static void crowds_are_counted_by_quarters_of_an_hour(void **state)
{
    struct agenda *agenda = agenda_new(COUNT);
    uint32_t cert_no;

    (void)state;
    agenda_set(agenda, 1, AGENDA_SLOT_SEC);
    agenda_set(agenda, 2, 2 * AGENDA_SLOT_SEC - 1);
    agenda_set(agenda, 3, 2 * AGENDA_SLOT_SEC);
    agenda_set(agenda, 4, -AGENDA_SLOT_SEC);
    assert_int_equal(agenda_crowd(agenda, AGENDA_SLOT_SEC + 5), 2);
    assert_int_equal(agenda_crowd(agenda, AGENDA_SLOT_SEC - 1), 0);
    assert_int_equal(agenda_crowd(agenda, AGENDA_SLOT_SEC + AGENDA_HORIZON_SEC), 2);
    agenda_set(agenda, 2, 2 * AGENDA_SLOT_SEC); /* moved */
    agenda_set(agenda, 1, AGENDA_NEVER);
    assert_int_equal(agenda_crowd(agenda, AGENDA_SLOT_SEC), 0);
    assert_int_equal(agenda_crowd(agenda, 2 * AGENDA_SLOT_SEC), 2);
    while (agenda_take(agenda, INT64_MAX, &cert_no))
        ;
    assert_int_equal(agenda_crowd(agenda, -AGENDA_SLOT_SEC), 0);
    assert_int_equal(agenda_crowd(agenda, 2 * AGENDA_SLOT_SEC), 0);
    assert_int_equal(agenda_crowd(agenda, INT64_MAX), 0);
    assert_int_equal(agenda_crowd(agenda, INT64_MIN), 0);
    agenda_free(agenda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_in_an_empty_one),
        cmocka_unit_test(they_come_in_the_order_of_their_times),
        cmocka_unit_test(crowds_are_counted_by_quarters_of_an_hour),
        cmocka_unit_test(what_is_not_due_stays),
        cmocka_unit_test(a_number_out_of_bounds_is_refused),
    };

    return cmocka_run_group_tests_name("agenda", tests, NULL, NULL);
}
