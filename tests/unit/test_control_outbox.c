/* SPDX-License-Identifier: ISC */
/* What a client has still to read: in its order, whatever the client takes at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/control_outbox.h"

static struct outbox outbox;
static int ends[2];

static int set_up(void **state)
{
    (void)state;
    outbox = (struct outbox){0};
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

static int tear_down(void **state)
{
    (void)state;
    outbox_clear(&outbox);
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    return 0;
}

/* Numbered octets, so that one that is lost or comes twice shows. */
static char *made(size_t len)
{
    char *octets = malloc(len);

    assert_non_null(octets);
    for (size_t i = 0; i < len; i++)
        octets[i] = (char)(i % 251);
    return octets;
}

static void pieces_come_whole_and_in_order(void **state)
{
    const size_t len = 3 * 1024 * 1024 + 7;
    char *wanted = made(len), *got = malloc(len + 2);
    size_t have = 0;

    (void)state;
    assert_non_null(got);
    assert_true(outbox_put(&outbox, "<", 1));
    assert_true(outbox_give(&outbox, made(len), len));
    assert_true(outbox_put(&outbox, ">", 1));
    while (outbox.unread > 0) {
        ssize_t taken;

        assert_int_equal(outbox_send(&outbox, ends[0]), 0);
        taken = read(ends[1], got + have, len + 2 - have);
        assert_true(taken > 0);
        have += (size_t)taken;
    }
    while (have < len + 2) {
        ssize_t taken = read(ends[1], got + have, len + 2 - have);

        assert_true(taken > 0);
        have += (size_t)taken;
    }
    assert_int_equal(got[0], '<');
    assert_memory_equal(got + 1, wanted, len);
    assert_int_equal(got[len + 1], '>');
    free(wanted);
    free(got);
}

static void a_client_that_does_not_read_is_not_waited_for(void **state)
{
    const size_t len = 8 * 1024 * 1024;

    (void)state;
    assert_true(outbox_give(&outbox, made(len), len));
    assert_int_equal(outbox_send(&outbox, ends[0]), 0);
    assert_in_range(outbox.unread, 1, len - 1);
    assert_int_equal(outbox_send(&outbox, ends[0]), 0);
}

static void a_client_that_is_gone_is_told(void **state)
{
    (void)state;
    assert_true(outbox_put(&outbox, "x", 1));
    close(ends[1]);
    ends[1] = -1;
    assert_int_equal(outbox_send(&outbox, ends[0]), -1);
    assert_int_equal(outbox.unread, 1);
}

static void nothing_is_no_piece(void **state)
{
    (void)state;
    assert_true(outbox_put(&outbox, "", 0));
    assert_true(outbox_give(&outbox, malloc(1), 0));
    assert_null(outbox.first);
    assert_int_equal(outbox_send(&outbox, ends[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_come_whole_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_is_gone_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_no_piece, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
