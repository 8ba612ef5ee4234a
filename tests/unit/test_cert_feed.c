/* SPDX-License-Identifier: ISC */
/* Certificates on their way to the children: sealed, without keys, the same to both, and never at the cost of waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "children/cert_feed.h"

/* A SEQUENCE that holds a SEQUENCE is all that the supervisor looks at; the key block must stay behind. */
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAcwBQUABAFB\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IHNlY3JldCBzZWNyZXQ=\n-----END PRIVATE KEY-----\n"

struct scene {
    char directory[64];
    char path[2][96];
    struct conf_cert sections[2];
    struct conf conf;
    struct cert_list *list;
    struct child fetcher;
    struct child writer;
    struct ipc fetcher_end;
    struct ipc writer_end;
    struct feed feed;
    enum reason refused_reason;
    char refused_path[96];
    unsigned refused_count;
};

static void note_refused(void *context, struct listed_cert *cert, enum reason reason, const char *path, const char *detail)
{
    struct scene *scene = context;

    assert_non_null(cert);
    assert_non_null(detail);
    scene->refused_reason = reason;
    snprintf(scene->refused_path, sizeof scene->refused_path, "%s", path);
    scene->refused_count++;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void connect_child(struct child *child, struct ipc *end, enum party party)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    *child = (struct child){.party = party, .pid = -1, .is_ready = true};
    ipc_init(&child->ipc, fds[0], PARTY_SUPERVISOR, party);
    ipc_init(end, fds[1], party, PARTY_SUPERVISOR);
    child->ipc.state = end->state = MSG_STATE_RUN;
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    snprintf(scene->directory, sizeof scene->directory, "/tmp/test_feed.XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
    for (size_t i = 0; i < 2; i++) {
        snprintf(scene->path[i], sizeof scene->path[i], "%s/%zu.pem", scene->directory, i);
        write_file(scene->path[i], CERTIFICATE KEY);
        scene->sections[i] = (struct conf_cert){.name = strdup(i == 0 ? "first" : "second"),
            .cert = scene->path[i],
            .policy = {.safety_margin_sec = 11, .min_ttl_sec = 22, .refresh_every_sec = 33, .unknown_grace_sec = 44}};
    }
    scene->conf = (struct conf){.certs = scene->sections, .cert_count = 2};
    scene->list = cert_list_new(&scene->conf, NULL, 0);
    assert_non_null(scene->list);
    assert_int_equal(scene->list->count, 2);
    connect_child(&scene->fetcher, &scene->fetcher_end, PARTY_FETCHER);
    connect_child(&scene->writer, &scene->writer_end, PARTY_WRITER);
    feed_init(&scene->feed, scene->list, &scene->fetcher, &scene->writer, (struct msg_begin){.is_once = 1, .is_forced = 1},
        note_refused, scene);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    feed_clear(&scene->feed);
    ipc_close(&scene->fetcher.ipc);
    ipc_close(&scene->writer.ipc);
    ipc_close(&scene->fetcher_end);
    ipc_close(&scene->writer_end);
    cert_list_free(scene->list);
    for (size_t i = 0; i < 2; i++) {
        unlink(scene->path[i]);
        free(scene->sections[i].name);
    }
    rmdir(scene->directory);
    free(scene);
    return 0;
}

/* The next message must be CERT_ADD; returns its descriptor. */
static int expect_cert(struct ipc *end, uint32_t cert_no, const char *name)
{
    struct msg msg;
    int fd;

    assert_int_equal(ipc_receive(end, &msg, &fd, IPC_NOWAIT), IPC_OK);
    assert_int_equal(msg.type, MSG_CERT_ADD);
    assert_int_equal(msg.cert_add.cert_no, cert_no);
    assert_int_equal(msg.cert_add.leaf_blocks, 1);
    assert_int_equal(msg.cert_add.safety_margin_sec, 11);
    assert_int_equal(msg.cert_add.unknown_grace_sec, 44);
    assert_string_equal(msg.cert_add.name, name);
    return fd;
}

static void expect_begin(struct ipc *end)
{
    struct msg msg;

    assert_int_equal(ipc_receive(end, &msg, NULL, IPC_NOWAIT), IPC_OK);
    assert_int_equal(msg.type, MSG_BEGIN);
    assert_int_equal(msg.begin.is_once, 1);
    assert_int_equal(msg.begin.is_forced, 1);
}

static void both_get_every_certificate_and_then_begin(void **state)
{
    struct scene *scene = *state;
    struct ipc *const ends[] = {&scene->fetcher_end, &scene->writer_end};

    feed_continue(&scene->feed);
    assert_true(feed_is_idle(&scene->feed));
    for (size_t i = 0; i < 2; i++) {
        close(expect_cert(ends[i], 0, "first"));
        close(expect_cert(ends[i], 1, "second"));
        expect_begin(ends[i]);
    }
}

static void what_arrives_is_sealed_and_has_no_key_in_it(void **state)
{
    struct scene *scene = *state;
    char text[4096] = "";
    int fd;

    feed_continue(&scene->feed);
    fd = expect_cert(&scene->fetcher_end, 0, "first");
    assert_int_equal(pread(fd, text, sizeof text, 0), strlen(CERTIFICATE));
    assert_string_equal(text, CERTIFICATE);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, 0), -1);
    close(fd);
}

static void a_slow_child_makes_nobody_wait_and_misses_nothing(void **state)
{
    struct scene *scene = *state;

    scene->writer.is_ready = false;
    feed_continue(&scene->feed);
    close(expect_cert(&scene->fetcher_end, 0, "first"));
    assert_false(feed_is_idle(&scene->feed));
    assert_false(feed_waits_for(&scene->feed, &scene->writer));
    scene->writer.is_ready = true;
    assert_true(feed_waits_for(&scene->feed, &scene->writer));
    feed_continue(&scene->feed);
    close(expect_cert(&scene->fetcher_end, 1, "second"));
    close(expect_cert(&scene->writer_end, 0, "first"));
    close(expect_cert(&scene->writer_end, 1, "second"));
    expect_begin(&scene->writer_end);
}

static void a_child_that_is_gone_does_not_hold_up_the_other(void **state)
{
    struct scene *scene = *state;

    ipc_close(&scene->fetcher.ipc);
    scene->fetcher.is_ready = false;
    feed_continue(&scene->feed);
    assert_true(feed_is_idle(&scene->feed));
    close(expect_cert(&scene->writer_end, 0, "first"));
}

/* P5, P16: the file that is gone is told to the writer alone; the other certificate goes on, with the next number. */
static void P5_P16_a_missing_file_is_told_and_passed_over(void **state)
{
    struct scene *scene = *state;
    struct msg msg;

    unlink(scene->path[0]);
    feed_continue(&scene->feed);
    assert_int_equal(scene->refused_reason, REASON_FILE_MISSING);
    assert_string_equal(scene->refused_path, scene->path[0]);
    assert_int_equal(ipc_receive(&scene->writer_end, &msg, NULL, IPC_NOWAIT), IPC_OK);
    assert_int_equal(msg.type, MSG_CERT_GONE);
    assert_string_equal(msg.cert_gone.name, "first");
    close(expect_cert(&scene->writer_end, 0, "second"));
    expect_begin(&scene->writer_end);
    close(expect_cert(&scene->fetcher_end, 0, "second"));
    expect_begin(&scene->fetcher_end);
    assert_ptr_equal(cert_list_find(scene->list, 0), &scene->list->certs[1]);
}

/* A file that is being rewritten, or a chain that is not there, is not a certificate that is gone. */
static void only_a_missing_certificate_is_gone(void **state)
{
    struct scene *scene = *state;

    write_file(scene->path[0], "half a fi");
    scene->list->certs[1].chain = "/nonexistent/chain.pem";
    feed_continue(&scene->feed);
    assert_int_equal(scene->refused_count, 2);
    assert_string_equal(scene->refused_path, "/nonexistent/chain.pem");
    expect_begin(&scene->writer_end);
}

static void cut_short_ends_with_what_was_sent(void **state)
{
    struct scene *scene = *state;

    scene->writer.is_ready = false;
    feed_continue(&scene->feed); /* the first is in hand */
    feed_cut_short(&scene->feed);
    scene->writer.is_ready = true;
    feed_continue(&scene->feed);
    close(expect_cert(&scene->writer_end, 0, "first"));
    expect_begin(&scene->writer_end);
}

/* A daemon's: what runs is told to begin, and later of what changes. */
static void watch(struct scene *scene)
{
    feed_init(&scene->feed, scene->list, &scene->fetcher, &scene->writer, (struct msg_begin){0}, note_refused, scene);
    feed_continue(&scene->feed);
}

static struct msg expect(struct ipc *end, enum msg_type type)
{
    static struct msg msg;
    int fd = -1;

    assert_int_equal(ipc_receive(end, &msg, &fd, IPC_NOWAIT), IPC_OK);
    assert_int_equal(msg.type, type);
    if (fd >= 0)
        close(fd);
    return msg;
}

static void expect_nothing(struct ipc *end)
{
    struct msg msg;

    assert_int_equal(ipc_receive(end, &msg, NULL, IPC_NOWAIT), IPC_AGAIN);
}

static void take_all(struct scene *scene)
{
    struct ipc *const ends[] = {&scene->fetcher_end, &scene->writer_end};

    for (size_t i = 0; i < 2; i++) {
        close(expect_cert(ends[i], 0, "first"));
        close(expect_cert(ends[i], 1, "second"));
        assert_int_equal(expect(ends[i], MSG_BEGIN).begin.is_once, 0);
    }
}

static void a_file_that_changed_is_a_new_number(void **state)
{
    struct scene *scene = *state;
    struct ipc *const ends[] = {&scene->fetcher_end, &scene->writer_end};

    watch(scene);
    take_all(scene);
    feed_look(&scene->feed, &scene->list->certs[0]);
    feed_continue(&scene->feed);
    expect_nothing(&scene->writer_end); /* it is as it was */
    write_file(scene->path[0], CERTIFICATE CERTIFICATE);
    feed_look(&scene->feed, &scene->list->certs[0]);
    feed_continue(&scene->feed);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(expect(ends[i], MSG_CERT_DROP).cert_drop.cert_no, 0);
        assert_int_equal(expect(ends[i], MSG_CERT_ADD).cert_add.cert_no, 2);
        expect_nothing(ends[i]);
    }
}

static void a_child_that_was_started_anew_hears_the_live_ones_in_order(void **state)
{
    struct scene *scene = *state;

    watch(scene);
    take_all(scene);
    write_file(scene->path[0], CERTIFICATE CERTIFICATE);
    feed_look(&scene->feed, &scene->list->certs[0]);
    feed_continue(&scene->feed);
    expect(&scene->fetcher_end, MSG_CERT_DROP);
    expect(&scene->fetcher_end, MSG_CERT_ADD);
    ipc_close(&scene->writer.ipc);
    ipc_close(&scene->writer_end);
    connect_child(&scene->writer, &scene->writer_end, PARTY_WRITER);
    feed_start_over(&scene->feed, &scene->writer);
    feed_continue(&scene->feed);
    assert_int_equal(expect(&scene->writer_end, MSG_CERT_ADD).cert_add.cert_no, 1);
    assert_int_equal(expect(&scene->writer_end, MSG_CERT_ADD).cert_add.cert_no, 2);
    assert_int_equal(expect(&scene->writer_end, MSG_BEGIN).begin.is_once, 0);
    expect_nothing(&scene->fetcher_end);
    assert_true(feed_is_idle(&scene->feed));
}

/* Nobody hears a text under a number that stood for another one. */
static void a_file_that_changed_while_a_child_was_away_is_a_new_number_for_both(void **state)
{
    struct scene *scene = *state;

    watch(scene);
    take_all(scene);
    write_file(scene->path[0], CERTIFICATE CERTIFICATE);
    ipc_close(&scene->writer.ipc);
    ipc_close(&scene->writer_end);
    connect_child(&scene->writer, &scene->writer_end, PARTY_WRITER);
    feed_start_over(&scene->feed, &scene->writer);
    feed_continue(&scene->feed);
    assert_int_equal(expect(&scene->writer_end, MSG_CERT_ADD).cert_add.cert_no, 1);
    assert_int_equal(expect(&scene->writer_end, MSG_CERT_ADD).cert_add.cert_no, 2);
    assert_int_equal(expect(&scene->fetcher_end, MSG_CERT_DROP).cert_drop.cert_no, 0);
    assert_int_equal(expect(&scene->fetcher_end, MSG_CERT_ADD).cert_add.cert_no, 2);
}

/* REFRESH for a fetcher that is just being started anew: it must know the certificate first. */
static void what_is_about_a_certificate_waits_until_it_is_known(void **state)
{
    struct scene *scene = *state;
    struct msg msg = {.type = MSG_REFRESH, .refresh = {.cert_no = 1}};

    watch(scene);
    take_all(scene);
    ipc_close(&scene->fetcher.ipc);
    ipc_close(&scene->fetcher_end);
    feed_start_over(&scene->feed, &scene->fetcher);
    assert_true(feed_say(&scene->feed, &scene->fetcher, &msg, -1)); /* it does not even run */
    connect_child(&scene->fetcher, &scene->fetcher_end, PARTY_FETCHER);
    feed_start_over(&scene->feed, &scene->fetcher);
    feed_continue(&scene->feed);
    close(expect_cert(&scene->fetcher_end, 0, "first"));
    close(expect_cert(&scene->fetcher_end, 1, "second"));
    expect(&scene->fetcher_end, MSG_BEGIN);
    assert_int_equal(expect(&scene->fetcher_end, MSG_REFRESH).refresh.cert_no, 1);
    expect_nothing(&scene->fetcher_end);
}

static void numbers_may_begin_anew_when_both_do(void **state)
{
    struct scene *scene = *state;

    watch(scene);
    take_all(scene);
    ipc_close(&scene->fetcher.ipc);
    ipc_close(&scene->writer.ipc);
    ipc_close(&scene->fetcher_end);
    ipc_close(&scene->writer_end);
    feed_renumber(&scene->feed);
    connect_child(&scene->fetcher, &scene->fetcher_end, PARTY_FETCHER);
    connect_child(&scene->writer, &scene->writer_end, PARTY_WRITER);
    feed_continue(&scene->feed);
    take_all(scene);
}

/* P5 */
static void P5_a_file_that_vanishes_later_is_dropped_and_gone(void **state)
{
    struct scene *scene = *state;

    watch(scene);
    take_all(scene);
    unlink(scene->path[0]);
    feed_look(&scene->feed, &scene->list->certs[0]);
    feed_continue(&scene->feed);
    assert_int_equal(expect(&scene->fetcher_end, MSG_CERT_DROP).cert_drop.cert_no, 0);
    assert_int_equal(expect(&scene->writer_end, MSG_CERT_DROP).cert_drop.cert_no, 0);
    assert_string_equal(expect(&scene->writer_end, MSG_CERT_GONE).cert_gone.name, "first");
    assert_int_equal(scene->list->certs[0].sent.cert_no, CERT_NO_NONE);
}

static void what_cannot_be_read_for_a_while_stays_in_use(void **state)
{
    struct scene *scene = *state;

    watch(scene);
    take_all(scene);
    write_file(scene->path[0], "half a fi");
    feed_look(&scene->feed, &scene->list->certs[0]);
    feed_continue(&scene->feed);
    assert_int_equal(scene->refused_count, 1);
    assert_int_equal(scene->list->certs[0].sent.cert_no, 0);
    expect_nothing(&scene->writer_end);
}

static void what_is_said_waits_until_the_child_is_ready_and_keeps_its_order(void **state)
{
    struct scene *scene = *state;
    struct msg msg = {.type = MSG_REFRESH, .refresh = {.cert_no = 7}};

    watch(scene);
    take_all(scene);
    scene->fetcher.is_ready = false;
    assert_true(feed_say(&scene->feed, &scene->fetcher, &msg, -1));
    msg.refresh.cert_no = 8;
    assert_true(feed_say(&scene->feed, &scene->fetcher, &msg, -1));
    feed_continue(&scene->feed);
    expect_nothing(&scene->fetcher_end);
    scene->fetcher.is_ready = true;
    feed_continue(&scene->feed);
    assert_int_equal(expect(&scene->fetcher_end, MSG_REFRESH).refresh.cert_no, 7);
    assert_int_equal(expect(&scene->fetcher_end, MSG_REFRESH).refresh.cert_no, 8);
    ipc_close(&scene->fetcher.ipc);
    assert_true(feed_say(&scene->feed, &scene->fetcher, &msg, dup(0))); /* nobody to say it to */
}

/* It died before it was ready, with a word for it in the queue: that word must not be waited for. */
static void what_waits_for_a_child_that_is_gone_is_forgotten(void **state)
{
    struct scene *scene = *state;
    const struct msg peer = {.type = MSG_PEER, .peer = {.life = 1}};
    int fd = dup(STDERR_FILENO);

    scene->writer.is_ready = false;
    assert_true(feed_say(&scene->feed, &scene->writer, &peer, fd));
    feed_continue(&scene->feed);
    assert_false(feed_is_idle(&scene->feed));
    ipc_close(&scene->writer.ipc);
    feed_continue(&scene->feed); /* comes back */
    assert_null(scene->feed.ends[1].first);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    close(expect_cert(&scene->fetcher_end, 0, "first"));
    close(expect_cert(&scene->fetcher_end, 1, "second"));
    expect_begin(&scene->fetcher_end);
    assert_true(feed_is_idle(&scene->feed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_get_every_certificate_and_then_begin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_arrives_is_sealed_and_has_no_key_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_child_makes_nobody_wait_and_misses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_is_gone_does_not_hold_up_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_for_a_child_that_is_gone_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(P5_P16_a_missing_file_is_told_and_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_a_missing_certificate_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_short_ends_with_what_was_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changed_is_a_new_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_was_started_anew_hears_the_live_ones_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changed_while_a_child_was_away_is_a_new_number_for_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_about_a_certificate_waits_until_it_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_may_begin_anew_when_both_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(P5_a_file_that_vanishes_later_is_dropped_and_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_for_a_while_stays_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_said_waits_until_the_child_is_ready_and_keeps_its_order, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
