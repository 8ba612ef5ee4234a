/* SPDX-License-Identifier: ISC */
/* The keeper's channel: one message, and one descriptor at the most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/keeper_wire.h"

#define MESSAGE "order"

static int pair[2];

static int set_up(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

/* The number that the next open(2) gives: it rises by each descriptor that is left open. */
static int next_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static void send_descriptors(unsigned count)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    const int fds[4] = {STDIN_FILENO, STDIN_FILENO, STDIN_FILENO, STDIN_FILENO};
    struct iovec part = {(void *)(uintptr_t)MESSAGE, sizeof MESSAGE};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    struct cmsghdr *attached;

    memset(&control, 0, sizeof control);
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    attached = CMSG_FIRSTHDR(&header);
    attached->cmsg_level = SOL_SOCKET;
    attached->cmsg_type = SCM_RIGHTS;
    attached->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(attached), fds, count * sizeof(int));
    assert_int_equal(sendmsg(pair[0], &header, 0), sizeof MESSAGE);
}

static void a_descriptor_comes_with_its_message(void **state)
{
    char data[sizeof MESSAGE];
    int fd;

    (void)state;
    assert_int_equal(keeper_wire_send(pair[0], MESSAGE, sizeof MESSAGE, STDIN_FILENO, true), 0);
    assert_int_equal(keeper_wire_receive(pair[1], data, sizeof data, &fd, true), 1);
    assert_string_equal(data, MESSAGE);
    assert_true(fd > STDERR_FILENO);
    close(fd);
}

static void more_than_one_descriptor_is_refused_and_none_stays_open(void **state)
{
    int before = next_descriptor();
    char data[sizeof MESSAGE];
    int fd;

    (void)state;
    for (unsigned count = 2; count <= 4; count++) {
        send_descriptors(count);
        assert_int_equal(keeper_wire_receive(pair[1], data, sizeof data, &fd, true), -1);
        assert_int_equal(fd, -1);
        assert_int_equal(next_descriptor(), before);
    }
}

static void a_message_of_another_length_is_refused_with_its_descriptor(void **state)
{
    int before = next_descriptor();
    char data[sizeof MESSAGE + 1];
    int fd;

    (void)state;
    send_descriptors(1);
    assert_int_equal(keeper_wire_receive(pair[1], data, sizeof data, &fd, true), -1);
    assert_int_equal(next_descriptor(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_descriptor_comes_with_its_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_one_descriptor_is_refused_and_none_stays_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_of_another_length_is_refused_with_its_descriptor, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
