/* SPDX-License-Identifier: ISC */
/* A channel: whole messages, at most one descriptor, nothing leaked, nothing waited for that must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ipc.h"
#include "system/log.h"

struct pair {
    struct ipc supervisor;
    struct ipc writer;
};

static size_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static int make_pair(void **state)
{
    static struct pair pair;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    ipc_init(&pair.supervisor, fds[0], PARTY_SUPERVISOR, PARTY_WRITER);
    ipc_init(&pair.writer, fds[1], PARTY_WRITER, PARTY_SUPERVISOR);
    pair.supervisor.state = pair.writer.state = MSG_STATE_RUN;
    *state = &pair;
    return 0;
}

static int end_pair(void **state)
{
    struct pair *pair = *state;

    ipc_close(&pair->supervisor);
    ipc_close(&pair->writer);
    return 0;
}

/* Send raw octets with descriptors, as a broken-in peer could. */
static void send_raw(int socket, const void *data, size_t len, const int *fds, size_t fd_count)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(8 * sizeof(int))];
    } control;
    struct iovec iov = {(void *)(uintptr_t)data, len};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = control.space;
        header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        CMSG_FIRSTHDR(&header)->cmsg_level = SOL_SOCKET;
        CMSG_FIRSTHDR(&header)->cmsg_type = SCM_RIGHTS;
        CMSG_FIRSTHDR(&header)->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), fds, fd_count * sizeof(int));
    }
    assert_int_equal(sendmsg(socket, &header, 0), (ssize_t)len);
}

static void a_message_and_its_descriptor_arrive(void **state)
{
    struct pair *pair = *state;
    struct msg sent = {.type = MSG_CERT_ADD, .cert_add = {.cert_no = 3, .leaf_blocks = 1, .name = "shop"}};
    struct msg received;
    int pipe_ends[2];
    int fd;
    char c = 0;

    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(ipc_send(&pair->supervisor, &sent, pipe_ends[0], IPC_NOWAIT), IPC_OK);
    assert_int_equal(ipc_receive(&pair->writer, &received, &fd, IPC_NOWAIT), IPC_OK);
    assert_string_equal(received.cert_add.name, "shop");
    assert_true(fd >= 0 && fd != pipe_ends[0]);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    assert_int_equal(read(fd, &c, 1), 1);
    assert_int_equal(c, 'x');
    close(fd);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static void nothing_there_and_nobody_there_are_told_apart(void **state)
{
    struct pair *pair = *state;
    struct msg msg;

    assert_int_equal(ipc_receive(&pair->writer, &msg, NULL, IPC_NOWAIT), IPC_AGAIN);
    ipc_close(&pair->supervisor);
    assert_int_equal(ipc_receive(&pair->writer, &msg, NULL, IPC_NOWAIT), IPC_CLOSED);
    msg = (struct msg){.type = MSG_READY};
    assert_int_equal(ipc_send(&pair->writer, &msg, -1, IPC_NOWAIT), IPC_CLOSED);
    assert_int_equal(ipc_send(&pair->supervisor, &msg, -1, IPC_NOWAIT), IPC_CLOSED);
}

/* A child that is killed has not read everything: its last words arrive all the same. */
static void the_last_words_of_who_did_not_listen_arrive(void **state)
{
    struct pair *pair = *state;
    struct msg unread = {.type = MSG_BEGIN};
    struct msg words = {.type = MSG_LOG, .log = {.text = "the last"}};
    struct msg msg;

    assert_int_equal(ipc_send(&pair->supervisor, &unread, -1, IPC_NOWAIT), IPC_OK);
    assert_int_equal(ipc_send(&pair->writer, &words, -1, IPC_NOWAIT), IPC_OK);
    assert_int_equal(ipc_send(&pair->writer, &words, -1, IPC_NOWAIT), IPC_OK);
    ipc_close(&pair->writer);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ipc_receive(&pair->supervisor, &msg, NULL, IPC_NOWAIT), IPC_OK);
        assert_string_equal(msg.log.text, "the last");
    }
    assert_int_equal(ipc_receive(&pair->supervisor, &msg, NULL, IPC_NOWAIT), IPC_CLOSED);
}

static void a_full_channel_does_not_wait(void **state)
{
    struct pair *pair = *state;
    struct msg msg = {.type = MSG_BEGIN};
    unsigned sent = 0;

    while (ipc_send(&pair->supervisor, &msg, -1, IPC_NOWAIT) == IPC_OK && sent < 1000000)
        sent++;
    assert_in_range(sent, 10, 999999);
    assert_int_equal(ipc_send(&pair->supervisor, &msg, -1, IPC_NOWAIT), IPC_AGAIN);
}

static void descriptors_that_do_not_belong_are_closed(void **state)
{
    struct pair *pair = *state;
    uint8_t begin[] = {0, MSG_BEGIN, 0, 1};
    int three[] = {0, 1, 2};
    struct msg msg;
    int fd = 99;
    size_t before = open_descriptors();

    for (size_t count = 1; count <= 3; count++) {
        send_raw(pair->supervisor.fd, begin, sizeof begin, three, count);
        assert_int_equal(ipc_receive(&pair->writer, &msg, &fd, IPC_NOWAIT), IPC_MALFORMED);
        assert_int_equal(pair->writer.refused, MSG_WRONG_DESCRIPTORS);
        assert_int_equal(fd, -1);
        assert_int_equal(open_descriptors(), before);
    }
    /* The same message without them is fine: the channel itself is not harmed. */
    send_raw(pair->supervisor.fd, begin, sizeof begin, NULL, 0);
    assert_int_equal(ipc_receive(&pair->writer, &msg, &fd, IPC_NOWAIT), IPC_OK);
}

static void a_message_that_lacks_its_descriptor_is_refused(void **state)
{
    struct pair *pair = *state;
    struct msg msg = {.type = MSG_CERT_ADD};
    int fd;

    assert_int_equal(ipc_send(&pair->supervisor, &msg, -1, IPC_NOWAIT), IPC_OK);
    assert_int_equal(ipc_receive(&pair->writer, &msg, &fd, IPC_NOWAIT), IPC_MALFORMED);
    assert_int_equal(pair->writer.refused, MSG_WRONG_DESCRIPTORS);
}

static void a_message_longer_than_any_is_refused(void **state)
{
    struct pair *pair = *state;
    static uint8_t data[MSG_LEN_MAX + 100] = {0, MSG_BEGIN};
    struct msg msg;

    send_raw(pair->supervisor.fd, data, sizeof data, NULL, 0);
    assert_int_equal(ipc_receive(&pair->writer, &msg, NULL, IPC_NOWAIT), IPC_MALFORMED);
    assert_int_equal(pair->writer.refused, MSG_WRONG_LENGTH);
}

static void a_message_in_the_wrong_state_is_refused(void **state)
{
    struct pair *pair = *state;
    struct msg msg = {.type = MSG_BEGIN};

    pair->writer.state = MSG_STATE_SETUP;
    assert_int_equal(ipc_send(&pair->supervisor, &msg, -1, IPC_NOWAIT), IPC_OK);
    assert_int_equal(ipc_receive(&pair->writer, &msg, NULL, IPC_NOWAIT), IPC_MALFORMED);
    assert_int_equal(pair->writer.refused, MSG_WRONG_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_and_its_descriptor_arrive, make_pair, end_pair),
        cmocka_unit_test_setup_teardown(nothing_there_and_nobody_there_are_told_apart, make_pair, end_pair),
        cmocka_unit_test_setup_teardown(the_last_words_of_who_did_not_listen_arrive, make_pair, end_pair),
        cmocka_unit_test_setup_teardown(a_full_channel_does_not_wait, make_pair, end_pair),
        cmocka_unit_test_setup_teardown(descriptors_that_do_not_belong_are_closed, make_pair, end_pair),
        cmocka_unit_test_setup_teardown(a_message_that_lacks_its_descriptor_is_refused, make_pair, end_pair),
        cmocka_unit_test_setup_teardown(a_message_longer_than_any_is_refused, make_pair, end_pair),
        cmocka_unit_test_setup_teardown(a_message_in_the_wrong_state_is_refused, make_pair, end_pair),
    };

    return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
