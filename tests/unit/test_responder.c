/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/responder.c.
 * Runs in: the build.
 * Never: asks anybody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "schedule/fetch_list.h"
#include "schedule/responder.h"

#define AT_A_TIME 4
#define CERTS 200u

struct world {
    struct pool *pool;
    struct responders *responders;
    struct responder *busy;
    struct responder *other;
};

/* Entries without certificates: only their places in the lines matter here. */
static int make_world(void **state)
{
    static struct world world;

    world.pool = pool_new();
    assert_non_null(world.pool);
    for (uint32_t i = 0; i < CERTS; i++) {
        const struct msg_answer answer = {.cert_no = i};

        assert_true(pool_set_held(world.pool, &answer, false));
    }
    world.responders = responders_new(world.pool, AT_A_TIME);
    assert_non_null(world.responders);
    responders_forgive(world.responders);
    world.busy = responders_find(world.responders, "http://busy.test:80");
    world.other = responders_find(world.responders, "http://other.test:80");
    *state = &world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;

    responders_free(world->responders);
    pool_free(world->pool);
    return 0;
}

static void an_origin_has_one_responder(void **state)
{
    struct world *world = *state;

    assert_ptr_equal(responders_find(world->responders, "http://busy.test:80"), world->busy);
    assert_ptr_not_equal(world->busy, world->other);
    assert_ptr_not_equal(responders_find(world->responders, "http://busy.test:81"), world->busy);
    assert_ptr_not_equal(responders_find(world->responders, "https://busy.test:80"), world->busy);
}

static void a_line_is_first_in_first_out_and_bounded(void **state)
{
    struct world *world = *state;
    struct responder *responder = NULL;
    uint32_t cert_no = CERT_NO_NONE;

    for (uint32_t i = 0; i < 10; i++)
        responders_enqueue(world->responders, world->busy, 9 - i);
    for (uint32_t i = 0; i < AT_A_TIME; i++) {
        assert_true(responders_next(world->responders, &cert_no, &responder));
        assert_int_equal(cert_no, 9 - i);
        assert_ptr_equal(responder, world->busy);
        assert_int_equal(pool_at(world->pool, cert_no)->asking.stage, POOL_ASKING);
    }
    assert_false(responders_next(world->responders, &cert_no, &responder));
    responders_ended(world->responders, world->busy, REASON_NONE, 0);
    assert_true(responders_next(world->responders, &cert_no, &responder));
    assert_int_equal(cert_no, 9 - AT_A_TIME);
    assert_false(responders_next(world->responders, &cert_no, &responder));
}

static void responders_take_turns(void **state)
{
    struct world *world = *state;
    struct responder *responder = NULL;
    uint32_t cert_no = CERT_NO_NONE;

    for (uint32_t i = 0; i < 100; i++)
        responders_enqueue(world->responders, world->busy, i);
    responders_enqueue(world->responders, world->other, 100);
    responders_enqueue(world->responders, world->other, 101);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(responders_next(world->responders, &cert_no, &responder));
        assert_ptr_equal(responder, i % 2 == 0 ? world->busy : world->other);
    }
}

static void a_silent_responder_is_given_up(void **state)
{
    struct world *world = *state;
    struct responder *responder = NULL;
    uint32_t cert_no = CERT_NO_NONE;

    for (uint32_t i = 0; i < CERTS; i++)
        responders_enqueue(world->responders, world->busy, i);
    for (unsigned i = 0; i < RESPONDER_FAILURES_MAX; i++) {
        assert_false(world->busy->is_given_up);
        assert_true(responders_next(world->responders, &cert_no, &responder));
        responders_ended(world->responders, responder, i == 0 ? REASON_CONNECT_FAILED : REASON_TIMEOUT, 0);
    }
    assert_true(world->busy->is_given_up);
    assert_int_equal(world->busy->last_silence, REASON_TIMEOUT);
    /* All the others come at once, whatever runs. */
    for (unsigned i = RESPONDER_FAILURES_MAX; i < CERTS; i++)
        assert_true(responders_next(world->responders, &cert_no, &responder));
    assert_false(responders_next(world->responders, &cert_no, &responder));
}

static void an_answer_in_between_starts_the_count_anew(void **state)
{
    struct world *world = *state;

    for (unsigned i = 0; i < 10 * RESPONDER_FAILURES_MAX; i++) {
        world->busy->running++;
        responders_ended(world->responders, world->busy,
            i % RESPONDER_FAILURES_MAX == RESPONDER_FAILURES_MAX - 1 ? REASON_HTTP_STATUS : REASON_TIMEOUT, 0);
        assert_false(world->busy->is_given_up);
    }
}

static void an_answer_or_a_new_pass_makes_it_trusted_again(void **state)
{
    struct world *world = *state;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < RESPONDER_FAILURES_MAX; i++) {
            world->busy->running++;
            responders_ended(world->responders, world->busy, REASON_NAME_NOT_FOUND, 0);
        }
        assert_true(world->busy->is_given_up);
        if (round == 0) {
            world->busy->running++;
            responders_ended(world->responders, world->busy, REASON_NONE, 0);
        } else {
            responders_forgive(world->responders);
        }
        assert_false(world->busy->is_given_up);
        assert_int_equal(world->busy->silent_in_row, 0);
    }
}

static void a_reset_empties_the_lines(void **state)
{
    struct world *world = *state;
    struct responder *responder = NULL;
    uint32_t cert_no = CERT_NO_NONE;

    for (uint32_t i = 0; i < 20; i++)
        responders_enqueue(world->responders, i % 2 == 0 ? world->busy : world->other, i);
    assert_true(responders_next(world->responders, &cert_no, &responder));
    responders_clear(world->responders);
    assert_false(responders_next(world->responders, &cert_no, &responder));
    responders_enqueue(world->responders, world->other, 5);
    assert_true(responders_next(world->responders, &cert_no, &responder));
    assert_int_equal(cert_no, 5);
    assert_false(responders_next(world->responders, &cert_no, &responder));
}

/* The pool's side of it: what the writer holds may be told before a certificate is added, once. */
static void held_is_told_once_and_in_bounds(void **state)
{
    struct world *world = *state;
    const struct msg_answer again = {.cert_no = 3};
    const struct msg_answer beyond = {.cert_no = CERTS_MAX};
    const struct msg_answer last = {.cert_no = CERTS_MAX - 1, .state = CERT_STATE_GOOD, .next_update = 7};

    assert_false(pool_set_held(world->pool, &again, false));
    assert_false(pool_set_held(world->pool, &beyond, false));
    assert_true(pool_set_held(world->pool, &last, false));
    assert_int_equal(pool_at(world->pool, CERTS_MAX - 1)->held.state, CERT_STATE_GOOD);
    assert_int_equal(pool_at(world->pool, CERTS_MAX - 1)->held.next_update, 7);
    assert_null(pool_at(world->pool, CERTS_MAX));
    assert_null(pool_at(world->pool, CERT_NO_NONE));
    assert_int_equal(pool_count(world->pool), 0);
    assert_int_equal(pool_held_known(world->pool), 0);
}

static void certificates_come_in_turn(void **state)
{
    struct world *world = *state;
    struct msg_cert_add add = {.cert_no = 0, .leaf_blocks = 1};
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_true(pool_add(world->pool, &add, fds[0], 0)); /* a pipe is no certificate: kept as unusable */
    assert_int_equal(pool_at(world->pool, 0)->state, CERT_STATE_UNUSABLE);
    assert_false(pool_add(world->pool, &add, fds[0], 0));
    assert_int_equal(pool_count(world->pool), 1);
    assert_int_equal(pool_held_known(world->pool), 1);
    add.cert_no = 5; /* those in between were dropped before this process began */
    assert_true(pool_add(world->pool, &add, fds[0], 0));
    add.cert_no = 4;
    assert_false(pool_add(world->pool, &add, fds[0], 0));
    assert_int_equal(pool_count(world->pool), 6);
    assert_false(pool_at(world->pool, 4)->is_added);
    add.cert_no = CERTS_MAX;
    assert_false(pool_add(world->pool, &add, fds[0], 0));
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_origin_has_one_responder, make_world, end_world),
        cmocka_unit_test_setup_teardown(a_line_is_first_in_first_out_and_bounded, make_world, end_world),
        cmocka_unit_test_setup_teardown(responders_take_turns, make_world, end_world),
        cmocka_unit_test_setup_teardown(a_silent_responder_is_given_up, make_world, end_world),
        cmocka_unit_test_setup_teardown(an_answer_in_between_starts_the_count_anew, make_world, end_world),
        cmocka_unit_test_setup_teardown(an_answer_or_a_new_pass_makes_it_trusted_again, make_world, end_world),
        cmocka_unit_test_setup_teardown(a_reset_empties_the_lines, make_world, end_world),
        cmocka_unit_test_setup_teardown(held_is_told_once_and_in_bounds, make_world, end_world),
        cmocka_unit_test_setup_teardown(certificates_come_in_turn, make_world, end_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
