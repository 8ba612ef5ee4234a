/* SPDX-License-Identifier: ISC */
/*
 * Owns: a simulated week of many certificates with one responder: what the responder sees, second by second.
 * Runs in: the benchmark.
 * Never: decides when to ask; that is the fetcher's own schedule, agenda and responder, by a clock that is moved by hand.
 *
 * usage: week CERTIFICATES FROM-HOUR HOURS
 * The store is warm and a day and a half old, as after a weekend; the responder is down for HOURS from FROM-HOUR on (0: never).
 * Prints one JSON object: requests in all, per second on average and at most, and for each hour; the certificates that were
 * at some time without a valid response.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "schedule/agenda.h"
#include "schedule/fetch_list.h"
#include "schedule/responder.h"
#include "schedule/schedule.h"
#include "schedule/schedule_spread.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK_HOURS (7 * 24)
#define START (INT64_C(20000) * DAY)
#define VALIDITY (7 * DAY)
#define SIGNED_EVERY (12 * HOUR)

struct simulated {
    struct schedule_record record;
    struct schedule_history history;
    bool has_slot;
    bool was_bare;
};

static struct {
    const struct schedule_policy policy;
    struct simulated *certs;
    uint32_t count;
    struct agenda *agenda;
    struct responders *responders;
    struct responder *responder;
    int64_t now;
    int64_t down_from, down_until;
    uint32_t this_sec, peak_up, peak_down, peak_after;
    uint64_t requests;
    uint32_t hours[WEEK_HOURS];
    uint32_t bare;
} sim = {.policy = {.safety_margin_sec = 30 * 3600, .min_ttl_sec = 3600, .refresh_every_sec = 24 * 3600}};

static uint32_t random_number(void)
{
    static uint32_t seed = 2463534242u;

    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static int64_t now_msec(void)
{
    return (sim.now - START + DAY) * 1000;
}

static bool is_down(void)
{
    return sim.now >= sim.down_from && sim.now < sim.down_until;
}

/* As watch.c plans. */
static void plan(uint32_t no)
{
    struct simulated *cert = &sim.certs[no];
    int64_t at = plan_next_at(sim.agenda, &cert->record, &sim.policy, &cert->history, sim.count, sim.now, random_number);

    if (!agenda_set(sim.agenda, no, at == SCHEDULE_NEVER ? AGENDA_NEVER : at))
        errx(1, "no memory");
}

static void fail(uint32_t no)
{
    sim.certs[no].history.failures++;
    sim.certs[no].history.asked_at = sim.now;
    plan(no);
}

static void succeed(uint32_t no)
{
    int64_t signed_at = sim.now - sim.now % SIGNED_EVERY;

    sim.certs[no].history = (struct schedule_history){.asked_at = sim.now};
    sim.certs[no].record
        = (struct schedule_record){CERT_STATE_GOOD, signed_at, signed_at + VALIDITY, signed_at + VALIDITY, sim.now};
    plan(no);
}

/* As watch.c and asking.c ask: put off once for the responder's sake; not at all while it answers nobody. */
static void ask(uint32_t no)
{
    struct simulated *cert = &sim.certs[no];
    uint32_t next_no;
    struct responder *responder;

    if (schedule_is_servable(&cert->record, &sim.policy, sim.now) && !cert->has_slot) {
        int64_t wait = (responders_reserve(sim.responder, now_msec()) - now_msec()) / 1000;

        if (wait > 0) {
            cert->has_slot = true;
            if (!agenda_set(sim.agenda, no, sim.now + wait))
                errx(1, "no memory");
            return;
        }
    }
    cert->has_slot = false;
    responders_enqueue(sim.responders, sim.responder, no);
    if (!responders_next(sim.responders, &next_no, &responder))
        errx(1, "the line of the responder is stuck");
    if (responders_is_given_up(responder, now_msec())) {
        responders_ended(sim.responders, responder, responder->last_silence, now_msec());
        fail(no);
        return;
    }
    sim.requests++;
    sim.this_sec++;
    sim.hours[(sim.now - START) / HOUR]++;
    responders_ended(sim.responders, responder, is_down() ? REASON_CONNECT_FAILED : REASON_NONE, now_msec());
    if (is_down())
        fail(no);
    else
        succeed(no);
}

static void count_bare(void)
{
    for (uint32_t i = 0; i < sim.count; i++)
        if (sim.certs[i].record.effective_end <= sim.now && !sim.certs[i].was_bare) {
            sim.certs[i].was_bare = true;
            sim.bare++;
        }
}

static void end_second(void)
{
    uint32_t *peak = is_down() ? &sim.peak_down : sim.now >= sim.down_until ? &sim.peak_after : &sim.peak_up;

    if (sim.this_sec > *peak)
        *peak = sim.this_sec;
    sim.this_sec = 0;
    if (sim.now % MINUTE == 0)
        count_bare();
}

static void begin(void)
{
    struct pool *pool = pool_new();

    sim.certs = calloc(sim.count, sizeof *sim.certs);
    sim.agenda = agenda_new(sim.count);
    if (pool == NULL || sim.certs == NULL || sim.agenda == NULL)
        errx(1, "no memory");
    sim.responders = responders_new(pool, 8);
    sim.responder = sim.responders == NULL ? NULL : responders_find(sim.responders, "http://ocsp.example.net:80");
    if (sim.responder == NULL)
        errx(1, "no memory");
    for (uint32_t i = 0; i < sim.count; i++) {
        /* Fetched within an hour, as one start does it. */
        int64_t fetched_at = START - 36 * HOUR + random_number() % HOUR;

        sim.certs[i].record = (struct schedule_record){
            CERT_STATE_GOOD, START - 42 * HOUR, START - 42 * HOUR + VALIDITY, START - 42 * HOUR + VALIDITY, fetched_at};
        if (!pool_set_held(pool, &(struct msg_answer){.cert_no = i}, true))
            errx(1, "no memory");
        plan(i);
    }
}

int main(int argc, char **argv)
{
    uint32_t no;

    if (argc != 4 || (sim.count = (uint32_t)strtoul(argv[1], NULL, 10)) == 0 || sim.count > CERTS_MAX) {
        fputs("usage: week CERTIFICATES FROM-HOUR HOURS\n", stderr);
        return 2;
    }
    sim.now = START;
    sim.down_from = sim.down_until = INT64_MAX;
    if (atoi(argv[3]) > 0) {
        sim.down_from = START + atoi(argv[2]) * HOUR;
        sim.down_until = sim.down_from + atoi(argv[3]) * HOUR;
    }
    begin();
    for (; sim.now < START + WEEK_HOURS * HOUR; sim.now++) {
        while (agenda_take(sim.agenda, sim.now, &no))
            ask(no);
        end_second();
    }
    printf("{\"requests\": %llu, \"peak_up\": %u, \"peak_down\": %u, \"peak_after\": %u, \"bare\": %u, \"hours\": [",
        (unsigned long long)sim.requests, sim.peak_up, sim.peak_down, sim.peak_after, sim.bare);
    for (unsigned i = 0; i < WEEK_HOURS; i++)
        printf("%s%u", i == 0 ? "" : ", ", sim.hours[i]);
    printf("]}\n");
    return 0;
}
