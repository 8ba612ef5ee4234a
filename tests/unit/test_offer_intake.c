/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/offers/offer_intake.c with a real store and real channels: what a wrong clock, a failing store and two
 *       offers in one batch do.  What a hostile fetcher may try is in tests/system/test_writer_alone.py.
 * Runs in: the build.
 * Never: asks the clock: whether it is right is the test's to say.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ocsp_world.h"
#include "offers/cert_intake.h"
#include "offers/offer_intake.h"
#include "report/writer_report.h"
#include "temp_dir.h"

struct scene {
    char *directory;
    struct world world;
    struct offers offers;
    struct store_access access;
    struct ipc to_supervisor;
    struct ipc supervisor; /* our ends */
    struct ipc fetcher;
    bool is_clock_right;
};

static struct scene scene;

bool __wrap_clock_is_plausible(int64_t now);

bool __wrap_clock_is_plausible(int64_t now)
{
    (void)now;
    return scene.is_clock_right;
}

static void make_channel(struct ipc *theirs, struct ipc *ours, enum party peer)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    ipc_init(theirs, fds[0], PARTY_WRITER, peer);
    ipc_init(ours, fds[1], peer, PARTY_WRITER);
    theirs->state = ours->state = MSG_STATE_RUN;
}

static int setup(void **state)
{
    struct roster_entry *entry;
    const char *pem;
    char detail[DETAIL_MAX + 1];

    memset(&scene, 0, sizeof scene);
    if (temp_dir_setup((void **)&scene.directory) != 0)
        return -1;
    *state = scene.directory;
    scene.is_clock_right = true;
    world_begin(&scene.world, PKI_P256);
    make_channel(&scene.to_supervisor, &scene.supervisor, PARTY_SUPERVISOR);
    make_channel(&scene.offers.fetcher, &scene.fetcher, PARTY_FETCHER);
    report_init(&scene.to_supervisor);
    answers_init(&scene.offers.answers);
    scene.access.root = ".";
    scene.offers.roster = roster_new();
    assert_non_null(scene.offers.roster);
    entry = roster_add(scene.offers.roster, 0);
    assert_non_null(entry);
    pem = pki_pem((X509 *[]){scene.world.leaf, scene.world.issuer, NULL});
    assert_int_equal(cert_parse(pem, strlen(pem), 1, roster_issuers(scene.offers.roster), &entry->cert, detail), REASON_NONE);
    entry->told.policy = scene.world.policy;
    entry->told.state = CERT_STATE_MISSING;
    assert_true(roster_settle(scene.offers.roster, entry));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(scene.access.store);
    roster_free(scene.offers.roster);
    ipc_close(&scene.to_supervisor);
    ipc_close(&scene.offers.fetcher);
    ipc_close(&scene.supervisor);
    ipc_close(&scene.fetcher);
    world_end(&scene.world);
    return temp_dir_teardown((void **)&scene.directory);
}

static const struct held *held(void)
{
    return &roster_at(scene.offers.roster, 0)->holding->held;
}

static struct pki_der good_response(int64_t this_update)
{
    struct pki_response spec = world_response(&scene.world);

    spec.singles[0].this_update = this_update;
    spec.produced_at = this_update;
    return pki_response(&spec);
}

static void offer(struct intake *intake, enum intake_source source, struct pki_der der)
{
    intake_offer(intake, source, 0, der.data, der.len);
}

/* One offer in a batch of its own; gives what became of it. */
static struct intake_item offer_alone(enum intake_source source, struct pki_der der)
{
    static struct intake intake;

    intake_begin(&intake, &scene.offers, &scene.access, WORLD_NOW);
    offer(&intake, source, der);
    intake_end(&intake);
    return intake.items[0];
}

/* How many events of this kind the supervisor has heard; all that was said is taken. */
static unsigned count_events(enum event event)
{
    struct msg msg;
    unsigned count = 0;

    while (ipc_receive(&scene.supervisor, &msg, NULL, IPC_NOWAIT) == IPC_OK)
        count += msg.type == MSG_EVENT && msg.event.event == event;
    return count;
}

static void an_accepted_offer_is_in_the_store_and_answered(void **state)
{
    struct intake_item item = offer_alone(INTAKE_FETCHER, good_response(WORLD_NOW - HOUR));
    struct store_record record;
    struct msg msg;

    (void)state;
    assert_int_equal(item.action, ACCEPT_STORE);
    assert_int_equal(held()->state, CERT_STATE_GOOD);
    assert_int_equal(held()->this_update, WORLD_NOW - HOUR);
    assert_int_equal(held()->fetched_at, WORLD_NOW);
    assert_int_equal(store_get(scene.access.store, scene.world.cert.sha256, &record), STORE_OK);
    assert_int_equal(record.state, CERT_STATE_GOOD);
    assert_int_equal(record.der_len, item.der_len);
    assert_memory_equal(record.apache_key, scene.world.cert.sha1, DBM_KEY_LEN);
    assert_int_equal(answers_send(&scene.offers.answers, scene.offers.roster, &scene.offers.fetcher), IPC_OK);
    assert_int_equal(ipc_receive(&scene.fetcher, &msg, NULL, IPC_NOWAIT), IPC_OK);
    assert_int_equal(msg.type, MSG_ANSWER);
    assert_int_equal(msg.answer.kind, ANSWER_ACCEPTED);
    assert_int_equal(count_events(EVENT_STAPLE_STORED), 1);
}

static void a_wrong_clock_judges_nothing_and_is_told_once(void **state)
{
    struct held before;

    (void)state;
    offer_alone(INTAKE_FETCHER, good_response(WORLD_NOW - HOUR));
    before = *held();
    count_events(EVENT_CLOCK_WRONG);
    scene.is_clock_right = false;
    for (int i = 0; i < 3; i++) {
        struct intake_item item = offer_alone(INTAKE_FETCHER, good_response(WORLD_NOW - HOUR + 1));

        assert_int_equal(item.action, ACCEPT_REFUSE);
        assert_int_equal(item.reason, REASON_CLOCK_WRONG);
    }
    assert_memory_equal(&before, held(), sizeof before);
    assert_int_equal(count_events(EVENT_CLOCK_WRONG), 1);
}

static void offers_in_one_batch_see_each_other(void **state)
{
    static struct intake intake;

    (void)state;
    intake_begin(&intake, &scene.offers, &scene.access, WORLD_NOW);
    offer(&intake, INTAKE_FETCHER, good_response(WORLD_NOW - HOUR));
    offer(&intake, INTAKE_FETCHER, good_response(WORLD_NOW - 2 * HOUR));
    offer(&intake, INTAKE_FETCHER, good_response(WORLD_NOW - HOUR / 2));
    intake_end(&intake);
    assert_int_equal(intake.items[0].action, ACCEPT_STORE);
    assert_int_equal(intake.items[1].reason, REASON_ROLLBACK);
    assert_int_equal(intake.items[2].action, ACCEPT_STORE);
    assert_int_equal(held()->this_update, WORLD_NOW - HOUR / 2);
    assert_int_equal(count_events(EVENT_STAPLE_STORED), 2);
}

/* Every write fails from here on, as on a full disk; or no longer. */
static void set_disk_full(bool is_full)
{
    struct rlimit limits;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limits), 0);
    limits.rlim_cur = is_full ? 0 : limits.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limits), 0);
}

/* Nothing of a batch whose commit failed is held: not the first offer's response, and not the second's. */
static void what_could_not_be_stored_is_not_held(void **state)
{
    static struct intake intake;
    struct held before;

    (void)state;
    offer_alone(INTAKE_FETCHER, good_response(WORLD_NOW - 3 * HOUR));
    before = *held();
    set_disk_full(true);
    intake_begin(&intake, &scene.offers, &scene.access, WORLD_NOW);
    offer(&intake, INTAKE_FETCHER, good_response(WORLD_NOW - 2 * HOUR));
    offer(&intake, INTAKE_FETCHER, good_response(WORLD_NOW - HOUR));
    intake_end(&intake);
    set_disk_full(false);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(intake.items[i].action, ACCEPT_REFUSE);
        assert_int_equal(intake.items[i].reason, REASON_STORE_FAILED);
    }
    assert_memory_equal(&before, held(), sizeof before);
    assert_int_equal(count_events(EVENT_STORE_FAILED), 1);
    /* Not again at once: each attempt costs a process. */
    assert_int_equal(offer_alone(INTAKE_FETCHER, good_response(WORLD_NOW - HOUR)).reason, REASON_STORE_FAILED);
    assert_int_equal(count_events(EVENT_STORE_FAILED), 0);
    scene.access.tried_at -= 60;
    assert_int_equal(offer_alone(INTAKE_FETCHER, good_response(WORLD_NOW - HOUR)).action, ACCEPT_STORE);
    assert_int_equal(held()->this_update, WORLD_NOW - HOUR);
}

static void what_apache_fetched_is_due_as_early_as_it_may_be(void **state)
{
    struct intake_item item = offer_alone(INTAKE_APACHE, good_response(WORLD_NOW - 5 * HOUR));

    (void)state;
    assert_int_equal(item.action, ACCEPT_STORE);
    assert_int_equal(held()->fetched_at, WORLD_NOW - 5 * HOUR);
    assert_false(roster_at(scene.offers.roster, 0)->offers.is_accepted);
    assert_false(answers_are_due(&scene.offers.answers));
    assert_int_equal(count_events(EVENT_STAPLE_STORED), 1);
    offer_alone(INTAKE_APACHE, good_response(WORLD_NOW - 6 * HOUR));
    assert_int_equal(count_events(EVENT_OFFER_REFUSED), 0);
}

/* The one of before could not be opened again. */
static void a_resume_without_a_store_resumes_nothing(void **state)
{
    (void)state;
    offer_alone(INTAKE_FETCHER, good_response(WORLD_NOW - HOUR));
    store_close(scene.access.store);
    scene.access.store = NULL;
    roster_at(scene.offers.roster, 0)->holding->held.state = CERT_STATE_REVOKED;
    told_resume(&scene.offers, &scene.access, 0, WORLD_NOW);
    assert_int_equal(held()->state, CERT_STATE_REVOKED);
    assert_int_equal(count_events(EVENT_CERT_RESUMED), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_accepted_offer_is_in_the_store_and_answered),
        TEST(a_wrong_clock_judges_nothing_and_is_told_once),
        TEST(offers_in_one_batch_see_each_other),
        TEST(what_could_not_be_stored_is_not_held),
        TEST(what_apache_fetched_is_due_as_early_as_it_may_be),
        TEST(a_resume_without_a_store_resumes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
