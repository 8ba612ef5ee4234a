/* SPDX-License-Identifier: ISC */
#include "children/children.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/directories.h"
#include "system/log.h"

#define BACKOFF_MIN_MSEC 1000
#define BACKOFF_MAX_MSEC 60000
#define BACKOFF_DOUBLINGS_MAX 6u
/* Who ran that long has recovered from whatever it was. */
#define RECOVERED_MSEC (10 * 60 * 1000)
/* From its start until READY: recovering a large store after a power loss takes seconds. */
#define READY_WAIT_MSEC 60000
/* A child that takes nothing for so long hangs.  The writer's longest step is a commit of 100,000 certificates. */
#define BLOCKED_WAIT_MSEC 120000

int64_t children_backoff_msec(unsigned falls)
{
    int64_t wait;

    if (falls <= 1)
        return 0;
    wait = (int64_t)BACKOFF_MIN_MSEC << (falls - 2 < BACKOFF_DOUBLINGS_MAX ? falls - 2 : BACKOFF_DOUBLINGS_MAX);
    return wait < BACKOFF_MAX_MSEC ? wait : BACKOFF_MAX_MSEC;
}

static void init_life(struct child_life *life, enum party party, struct facts_child *facts)
{
    *life = (struct child_life){.child = {.party = party, .pid = -1, .ipc.fd = -1}, .facts = facts};
    facts->pid = -1;
}

void children_init(struct children *children, struct facts *facts, struct feed *feed, struct relay *relay, const struct ids *ids)
{
    memset(children, 0, sizeof *children);
    init_life(&children->fetcher, PARTY_FETCHER, &facts->fetcher);
    init_life(&children->writer, PARTY_WRITER, &facts->writer);
    children->feed = feed;
    children->relay = relay;
    children->ids = ids;
}

static const struct child_life *sibling_of(const struct children *children, const struct child_life *life)
{
    return life == &children->fetcher ? &children->writer : &children->fetcher;
}

static int64_t wall_clock(void)
{
    return (int64_t)time(NULL);
}

static void plan_start(struct child_life *life, int64_t at_msec, int64_t now_msec)
{
    life->start_at_msec = at_msec;
    life->facts->next_start_at = wall_clock() + (at_msec - now_msec) / 1000;
}

static void fell(const struct children *children, struct child_life *life, int64_t now_msec)
{
    if (children->is_once) {
        life->start_at_msec = INT64_MAX;
        return;
    }
    if (life->started_msec != 0 && now_msec - life->started_msec > RECOVERED_MSEC)
        life->falls = 0;
    life->falls++;
    plan_start(life, now_msec + children_backoff_msec(life->falls), now_msec);
}

static bool configure(const struct children *children, struct child *child)
{
    struct msg msg;

    if (child->party == PARTY_FETCHER)
        configure_fetcher(children->conf, children->ids, &msg);
    else
        configure_writer(children->conf, children->ids, children->is_once, &msg);
    return ipc_send(&child->ipc, &msg, -1, IPC_NOWAIT) == IPC_OK;
}

/* The sibling learns of its new peer; what it was told before, it keeps. */
static void introduce(struct children *children, const struct child_life *life, int sibling_end)
{
    const struct child_life *sibling = sibling_of(children, life);
    struct msg msg = {.type = MSG_PEER, .peer = {.life = life->facts->starts}};

    if (!feed_say(children->feed, &sibling->child, &msg, sibling_end))
        log_error("out of memory");
}

static void start(struct children *children, struct child_life *life, int64_t now_msec)
{
    enum party party = life->child.party;
    char error[1024] = "";
    int sibling_end = -1;

    life->is_replaced = false;
    life->blocked_since_msec = 0;
    /* Somebody may have removed what lies below /run; said again as long as it cannot be had. */
    if (directories_prepare(children->conf, children->ids->write_uid, children->ids->apache_gid, error, sizeof error) != 0)
        log_error("%s", error);
    if (spawn_child(&life->child, party, &sibling_end) != 0) {
        life->child.party = party;
        log_error("%s cannot be started: %s", party_name(party), strerror(errno));
        fell(children, life, now_msec);
        return;
    }
    life->started_msec = now_msec;
    life->start_at_msec = INT64_MAX;
    *life->facts = (struct facts_child){.pid = life->child.pid, .starts = life->facts->starts + 1, .started_at = wall_clock()};
    relay_child_start(children->relay, &life->child);
    feed_start_over(children->feed, &life->child);
    introduce(children, life, sibling_end);
    if (!configure(children, &life->child))
        children_close(children, life, NULL);
}

static void kill_hanging(struct child_life *life, const char *why)
{
    log_error("%s %s; it is ended", party_name(life->child.party), why);
    kill(life->child.pid, SIGKILL); /* collected like any other end */
    life->blocked_since_msec = 0;
    life->started_msec = 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Returns when this life needs attention next. */
static int64_t tick(struct children *children, struct child_life *life, int64_t now_msec)
{
    bool is_blocked = life->child.is_ready && feed_waits_for(children->feed, &life->child);

    if (life->child.pid <= 0) {
        if (now_msec < life->start_at_msec)
            return life->start_at_msec;
        start(children, life, now_msec);
        return now_msec + READY_WAIT_MSEC;
    }
    if (!life->child.is_ready) {
        if (life->started_msec != 0 && now_msec - life->started_msec >= READY_WAIT_MSEC)
            kill_hanging(life, "did not get ready");
        return life->started_msec == 0 ? INT64_MAX : life->started_msec + READY_WAIT_MSEC;
    }
    if (!is_blocked) {
        life->blocked_since_msec = 0;
        return INT64_MAX;
    }
    if (life->blocked_since_msec == 0)
        life->blocked_since_msec = now_msec;
    if (now_msec - life->blocked_since_msec >= BLOCKED_WAIT_MSEC)
        kill_hanging(life, "takes no messages");
    return now_msec + BLOCKED_WAIT_MSEC;
}

int64_t children_tick(struct children *children, int64_t now_msec)
{
    int64_t writer_msec;

    if (children->is_stopping) /* what is under way may be finished; whoever stops them has a deadline for it */
        return INT64_MAX;
    writer_msec = tick(children, &children->writer, now_msec);
    return earlier(writer_msec, tick(children, &children->fetcher, now_msec));
}

void children_close(struct children *children, struct child_life *life, const char *why)
{
    if (why != NULL) {
        relay_service_event(children->relay, EVENT_PROTOCOL_VIOLATION, life->child.party, REASON_PROTOCOL, why);
        if (life->child.pid > 0)
            kill(life->child.pid, SIGKILL);
    }
    ipc_close(&life->child.ipc);
    life->child.is_ready = false;
}

struct child_life *children_reap(struct children *children)
{
    struct child_life *const lives[] = {&children->fetcher, &children->writer};

    for (size_t i = 0; i < 2; i++) {
        struct child *child = &lives[i]->child;

        if (child->pid > 0 && waitpid(child->pid, &child->exit_status, WNOHANG) == child->pid) {
            child->pid = -1;
            return lives[i];
        }
    }
    return NULL;
}

void children_ended(struct children *children, struct child_life *life, int64_t now_msec)
{
    life->child.is_ready = false;
    life->facts->pid = -1;
    ipc_close(&life->child.ipc);
    relay_child_exit(children->relay, &life->child);
    if (children->is_stopping)
        return;
    if (life->is_replaced) {
        plan_start(life, now_msec, now_msec);
        return;
    }
    fell(children, life, now_msec);
    if (children->is_once)
        return;
    log_warning("%s is started anew%s; the staples in Apache's file stay", party_name(life->child.party),
        life->falls <= 1 ? "" : " after a while");
}

bool children_is_lost(const struct child_life *life)
{
    return life->child.pid <= 0 && life->start_at_msec == INT64_MAX;
}

/* Its last words can still be heard; it sees that nobody will say anything any more. */
static void say_end(struct child_life *life)
{
    if (life->child.ipc.fd >= 0)
        shutdown(life->child.ipc.fd, SHUT_WR);
    life->child.is_ready = false;
}

void children_replace(struct child_life *life, int64_t now_msec)
{
    if (life->child.pid <= 0)
        return;
    life->is_replaced = true;
    life->started_msec = now_msec; /* for its end it gets the time of a start */
    say_end(life);
}

void children_stop(struct children *children)
{
    children->is_stopping = true;
    say_end(&children->fetcher);
    say_end(&children->writer);
}

bool children_stopped(const struct children *children)
{
    return children->fetcher.child.pid <= 0 && children->writer.child.pid <= 0;
}

void children_kill(struct children *children)
{
    struct child_life *const lives[] = {&children->fetcher, &children->writer};

    for (size_t i = 0; i < 2; i++)
        if (lives[i]->child.pid > 0) {
            log_warning("%s does not end by itself; it is killed", party_name(lives[i]->child.party));
            kill(lives[i]->child.pid, SIGKILL);
        }
}
