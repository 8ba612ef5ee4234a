/* SPDX-License-Identifier: ISC */
/* The control socket as a client meets it: large answers come whole, and clients that read nothing cannot take all memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bounds.h"
#include "control/control.h"
#include "temp_dir.h"

/* The status of more than 100,000 certificates. */
#define LARGE (96u * 1024u * 1024u)

static struct control *control;
static size_t answer_len;
static int64_t now_msec;

static void answer(void *context, struct control_request *request)
{
    char *octets = calloc(1, answer_len);

    (void)context;
    assert_non_null(octets);
    octets[answer_len - 1] = 'Z';
    if (!control_data(request, octets, answer_len))
        control_say(request, "too much");
    control_end(request, 0);
}

static const struct control_actions actions = {.status = answer, .metrics = answer};

static int set_up(void **state)
{
    char error[256];

    if (temp_dir_setup(state) != 0)
        return -1;
    now_msec = 1;
    control = control_open(".", (gid_t)-1, &actions, error, sizeof error);
    return control == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    control_close(control);
    return temp_dir_teardown(state);
}

/* A turn of the daemon's loop. */
static void turn(void)
{
    struct pollfd polled[CONTROL_CLIENTS_MAX + 1];
    size_t count = control_poll(control, polled);

    assert_true(poll(polled, count, 0) >= 0);
    control_ready(control, polled, count, now_msec);
}

static int ask_quietly(const char *request)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "control.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    return fd;
}

static int ask(const char *request)
{
    int fd = ask_quietly(request);

    for (int i = 0; i < 3; i++)
        turn();
    return fd;
}

/* All until the end of the connection; returns how much, the caller frees *text. */
static size_t read_all(int fd, char **text)
{
    size_t cap = LARGE + 4096, len = 0;
    ssize_t got = 1;

    *text = malloc(cap);
    assert_non_null(*text);
    while (got != 0) {
        turn();
        got = recv(fd, *text + len, cap - len, MSG_DONTWAIT);
        assert_true(got >= 0 || errno == EAGAIN);
        len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return len;
}

static void a_large_answer_comes_whole(void **state)
{
    char head[32], *text;
    size_t len, head_len;

    (void)state;
    answer_len = LARGE;
    len = read_all(ask("status\n"), &text);
    head_len = (size_t)snprintf(head, sizeof head, "data %u\n", LARGE);
    assert_int_equal(len, head_len + LARGE + strlen("end 0\n"));
    assert_memory_equal(text, head, head_len);
    assert_int_equal(text[head_len + LARGE - 1], 'Z');
    assert_memory_equal(text + head_len + LARGE, "end 0\n", strlen("end 0\n"));
    free(text);
}

static void clients_that_read_nothing_share_one_bound(void **state)
{
    const unsigned fit = CONTROL_DATA_MAX / LARGE;
    int fds[CONTROL_DATA_MAX / LARGE];
    char *text;
    size_t len;

    (void)state;
    answer_len = LARGE;
    for (unsigned i = 0; i < fit; i++)
        fds[i] = ask("status\n");
    len = read_all(ask("metrics\n"), &text);
    assert_int_equal(len, strlen("say too much\nend 0\n"));
    assert_memory_equal(text, "say too much\nend 0\n", len);
    free(text);
    for (unsigned i = 0; i < fit; i++)
        close(fds[i]);
    turn();
    assert_true(read_all(ask("metrics\n"), &text) > LARGE);
    free(text);
}

#define MEMBER 64999
#define OTHER_MEMBER 64998

/* As another user would.  The caller closes *fd. */
static void ask_as(uid_t uid, const char *request, int *fd)
{
    assert_int_equal(seteuid(uid), 0);
    *fd = ask(request);
    assert_int_equal(seteuid(0), 0);
}

static bool is_refused(int fd)
{
    static const char words[] = "say too many";
    char text[sizeof words - 1];

    return recv(fd, text, sizeof text, MSG_DONTWAIT) == (ssize_t)sizeof text && memcmp(text, words, sizeof text) == 0;
}

/* How many of the places one user gets; none of them asks for anything. */
static unsigned crowd(uid_t uid, int fds[CONTROL_CLIENTS_MAX + 1])
{
    unsigned count = 0;

    for (unsigned i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
        ask_as(uid, "", &fds[i]);
        count += is_refused(fds[i]) ? 0 : 1;
    }
    return count;
}

static void let_everybody_in(void)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(".", 0755), 0);
    assert_int_equal(chmod("control.sock", 0666), 0);
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static void one_user_leaves_places_to_others_and_all_leave_some_to_root(void **state)
{
    int fds[6][CONTROL_CLIENTS_MAX + 1];
    char *text;
    int fd;

    (void)state;
    let_everybody_in();
    assert_in_range(crowd(MEMBER, fds[0]), 1, CONTROL_CLIENTS_MAX / 2);
    ask_as(OTHER_MEMBER, "", &fd);
    assert_false(is_refused(fd));
    close(fd);
    for (unsigned i = 1; i < 6; i++)
        crowd(MEMBER + i, fds[i]);
    ask_as(OTHER_MEMBER, "", &fd);
    assert_true(is_refused(fd));
    close(fd);
    answer_len = 10;
    assert_true(read_all(ask("metrics\n"), &text) > 10);
    free(text);
    close_all(fds[0], sizeof fds / sizeof fds[0][0]);
}

static void what_users_do_not_read_takes_nothing_from_root(void **state)
{
    int fds[CONTROL_DATA_MAX / LARGE];
    char *text;

    (void)state;
    let_everybody_in();
    answer_len = LARGE;
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        ask_as(MEMBER, "status\n", &fds[i]);
    assert_true(read_all(ask("metrics\n"), &text) > LARGE);
    free(text);
    close_all(fds, sizeof fds / sizeof fds[0]);
}

/* Whether the loop would wait for clients. */
static bool is_listening(void)
{
    struct pollfd polled[CONTROL_CLIENTS_MAX + 1];

    control_poll(control, polled);
    return polled[0].fd >= 0;
}

static void without_a_descriptor_for_a_client_it_waits_a_while(void **state)
{
    struct rlimit limits, none;
    char *text;
    int fd;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limits), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = limits.rlim_max};
    answer_len = 10;
    fd = ask_quietly("metrics\n");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn();
    assert_false(is_listening());
    assert_true(control_next_msec(control) > 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limits), 0);
    now_msec = control_next_msec(control);
    turn();
    assert_true(is_listening());
    assert_true(control_next_msec(control) > now_msec);
    assert_true(read_all(fd, &text) > 10);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_large_answer_comes_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clients_that_read_nothing_share_one_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_user_leaves_places_to_others_and_all_leave_some_to_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_users_do_not_read_takes_nothing_from_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_descriptor_for_a_client_it_waits_a_while, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
