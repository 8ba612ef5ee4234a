/* SPDX-License-Identifier: ISC */
#include "loop/event_loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "system/clock.h"

/* Events taken at a time: enough that a busy turn costs few system calls, few enough that timers are looked at. */
#define EVENTS_PER_TURN 64

int loop_init(struct loop *loop)
{
    memset(loop, 0, sizeof *loop);
    for (size_t i = 0; i < LOOP_SOURCE_COUNT; i++)
        loop->sources[i].at_msec = LOOP_NO_TIMER;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll_fd < 0 ? -1 : 0;
}

void loop_end(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    loop->epoll_fd = -1;
}

void loop_set_owner(struct loop *loop, enum loop_source source, void *owner, loop_ready *ready, loop_expired *expired)
{
    loop->sources[source].owner = owner;
    loop->sources[source].ready = ready;
    loop->sources[source].expired = expired;
}

int loop_watch(struct loop *loop, enum loop_source source, int fd, unsigned wanted)
{
    struct epoll_event event = {.data.u64 = (uint64_t)source << 32 | (uint32_t)fd};

    if (wanted == 0) {
        /* A library may have closed it before it says so: then it is gone already. */
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (wanted & LOOP_READABLE ? (uint32_t)EPOLLIN : 0) | (wanted & LOOP_WRITABLE ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return errno == ENOENT ? epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) : -1;
}

void loop_set_timer(struct loop *loop, enum loop_source source, int64_t at_msec)
{
    loop->sources[source].at_msec = at_msec;
}

int64_t loop_now_msec(void)
{
    return clock_monotonic_msec();
}

int64_t loop_now_sec(void)
{
    return (int64_t)time(NULL);
}

void loop_stop(struct loop *loop, int exit_code)
{
    loop->is_over = true;
    loop->exit_code = exit_code;
}

/* Milliseconds until the earliest timer, -1 without any. */
static int wait_msec(const struct loop *loop)
{
    int64_t earliest = LOOP_NO_TIMER;
    int64_t wait;

    for (size_t i = 0; i < LOOP_SOURCE_COUNT; i++)
        if (loop->sources[i].at_msec < earliest)
            earliest = loop->sources[i].at_msec;
    if (earliest == LOOP_NO_TIMER)
        return -1;
    wait = earliest - loop_now_msec();
    if (wait <= 0)
        return 0;
    return wait < INT_MAX ? (int)wait : INT_MAX;
}

static void dispatch(struct loop *loop, const struct epoll_event *event)
{
    size_t source = (size_t)(event->data.u64 >> 32);
    unsigned ready = (event->events & EPOLLIN ? LOOP_READABLE : 0u) | (event->events & EPOLLOUT ? LOOP_WRITABLE : 0u)
        | (event->events & (EPOLLERR | EPOLLHUP) ? LOOP_BROKEN : 0u);

    if (source < LOOP_SOURCE_COUNT && loop->sources[source].ready != NULL)
        loop->sources[source].ready(loop->sources[source].owner, (int)(event->data.u64 & UINT32_MAX), ready);
}

static void fire_timers(struct loop *loop)
{
    int64_t now_msec = loop_now_msec();

    for (size_t i = 0; i < LOOP_SOURCE_COUNT && !loop->is_over; i++) {
        if (loop->sources[i].at_msec > now_msec)
            continue;
        loop->sources[i].at_msec = LOOP_NO_TIMER;
        if (loop->sources[i].expired != NULL)
            loop->sources[i].expired(loop->sources[i].owner, now_msec);
    }
}

int loop_run(struct loop *loop, bool (*step)(void *owner), void *owner)
{
    struct epoll_event events[EVENTS_PER_TURN];

    while (!loop->is_over) {
        bool is_hurried = step(owner);
        int count;

        if (loop->is_over)
            break;
        count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, is_hurried ? 0 : wait_msec(loop));
        if (count < 0 && errno != EINTR)
            loop_stop(loop, 1);
        for (int i = 0; i < count && !loop->is_over; i++)
            dispatch(loop, &events[i]);
        fire_timers(loop);
    }
    return loop->exit_code;
}
