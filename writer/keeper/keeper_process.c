/* SPDX-License-Identifier: ISC */
#include "keeper/keeper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "keeper/apache_lock.h"
#include "keeper/keeper_guard.h"
#include "sandbox/caps.h"
#include "sandbox/jail.h"
#include "system/clock.h"

/* Where its descriptors lie, whatever else the writer had open. */
enum {
    ORDERS_FD = 3,
    NEWS_FD,
    INOTIFY_FD,
    DIRECTORY_FD,
    STAGING_FD, /* holds the lock that keeps two keepers apart */
    FD_COUNT
};

#define OPEN_FILES_MAX 16
#define ADDRESS_SPACE_MAX (UINT64_C(256) << 20)
/* The keeper of a writer before ends as soon as it sees that its writer did. */
#define PREDECESSOR_WAIT_MSEC 5000
#define LOCK_TRY_MSEC 1

#define WATCHED \
    (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct keeper_state {
    struct guard guard;
    enum apache_lock_kind lock_kind;
    int lock_fd; /* owned; -1 */
    bool is_locked;
    int64_t locked_usec;         /* since when; monotonic */
    struct keeper_placed placed; /* of the order in hand */
};

/* Setting up, as root. */

static bool place_descriptor(int fd, int target)
{
    return fd >= 0 && dup2(fd, target) == target;
}

/* Above all targets first, so that placing one does not overwrite another. */
static int lift_descriptor(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FD_COUNT);
}

static bool wait_for_predecessor(int staging_fd)
{
    for (int waited = 0; flock(staging_fd, LOCK_EX | LOCK_NB) != 0; waited += 10) {
        if (errno != EWOULDBLOCK || waited >= PREDECESSOR_WAIT_MSEC)
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

static bool open_all(const struct keeper_settings *settings, int orders_fd, int news_fd)
{
    char staging[FILE_PATH_MAX + sizeof KEEPER_STAGING + 1];
    int orders = lift_descriptor(orders_fd);
    int news = lift_descriptor(news_fd);
    int inotify = lift_descriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    int directory = lift_descriptor(open(settings->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int lock;

    snprintf(staging, sizeof staging, "%s/" KEEPER_STAGING, settings->directory);
    lock = lift_descriptor(open(staging, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return inotify >= 0 && inotify_add_watch(inotify, settings->directory, WATCHED) >= 0 && lock >= 0
        && wait_for_predecessor(lock) && place_descriptor(orders, ORDERS_FD) && place_descriptor(news, NEWS_FD)
        && place_descriptor(inotify, INOTIFY_FD) && place_descriptor(directory, DIRECTORY_FD)
        && place_descriptor(lock, STAGING_FD);
}

static bool lock_in(const struct keeper_settings *settings, char *error, size_t cap)
{
    static const int capabilities[] = {CAP_KILL, CAP_LINUX_IMMUTABLE};
    const struct landlock_directory directories[] = {{settings->directory, LANDLOCK_MAY_NAME | LANDLOCK_MAY_REPARENT}, {NULL, 0}};
    const struct jail jail = {
        .uid = settings->uid,
        .gid = settings->gid,
        .root_dir = settings->root_dir,
        .directories = directories,
        .working_dir = settings->directory,
        .fd_count = FD_COUNT,
        .capabilities = capabilities,
        .capability_count = sizeof capabilities / sizeof capabilities[0],
        .may_signal_others = true,
        .limits = {.open_files = OPEN_FILES_MAX, .address_space = ADDRESS_SPACE_MAX},
        .policy = &sandbox_policy_keeper,
    };
    uint32_t missing_layers;

    return jail_enter(&jail, &missing_layers, error, cap) == 0;
}

/* Orders. */

static bool is_time_up(int64_t since_usec, int64_t limit_msec)
{
    return clock_monotonic_usec() - since_usec >= limit_msec * 1000;
}

/* What happens to the file meanwhile goes on being put right. */
static enum keeper_result take_lock(struct keeper_state *keeper)
{
    int64_t since_usec = clock_monotonic_usec();
    int result;

    if (keeper->is_locked || keeper->lock_kind == APACHE_LOCK_NONE)
        return KEEPER_OK;
    while ((result = apache_lock_try(keeper->lock_kind, keeper->lock_fd)) == 1) {
        struct pollfd polled = {INOTIFY_FD, POLLIN, 0};

        if (is_time_up(since_usec, KEEPER_LOCK_WAIT_MSEC))
            return KEEPER_LOCK_TIMEOUT;
        if (poll(&polled, 1, LOCK_TRY_MSEC) > 0)
            guard_look(&keeper->guard);
    }
    if (result != 0) {
        keeper->placed.errno_value = errno;
        return KEEPER_FAILED;
    }
    keeper->is_locked = true;
    keeper->locked_usec = clock_monotonic_usec();
    keeper->placed.lock_wait_usec = (uint32_t)(keeper->locked_usec - since_usec);
    return KEEPER_OK;
}

static void release_lock(struct keeper_state *keeper)
{
    if (!keeper->is_locked)
        return;
    apache_lock_release(keeper->lock_kind, keeper->lock_fd);
    keeper->is_locked = false;
    keeper->placed.lock_held_usec = (uint32_t)(clock_monotonic_usec() - keeper->locked_usec);
}

static enum keeper_result place(struct keeper_state *keeper, const struct keeper_order *order)
{
    enum keeper_result result = (order->how & KEEPER_TAKE_LOCK) != 0 ? take_lock(keeper) : KEEPER_OK;

    if (result == KEEPER_OK) {
        guard_look(&keeper->guard);
        if ((order->how & KEEPER_IF_UNCHANGED) != 0 && keeper->guard.is_modified)
            result = KEEPER_CHANGED;
    }
    if (result == KEEPER_OK) {
        keeper->placed.errno_value = guard_place(&keeper->guard, order->name);
        result = keeper->placed.errno_value == 0 ? KEEPER_OK : KEEPER_FAILED;
    }
    release_lock(keeper);
    return result;
}

static enum keeper_result begin(struct keeper_state *keeper)
{
    guard_look(&keeper->guard);
    keeper->guard.is_modified = false;
    return KEEPER_OK;
}

static enum keeper_result set_lock(struct keeper_state *keeper, enum apache_lock_kind kind, int fd)
{
    release_lock(keeper);
    if (keeper->lock_fd >= 0)
        close(keeper->lock_fd);
    keeper->lock_fd = fd;
    keeper->lock_kind = fd < 0 ? APACHE_LOCK_NONE : kind;
    return KEEPER_OK;
}

static enum keeper_result signal_restart(struct keeper_state *keeper)
{
    int result;

    if (keeper->guard.apache_fd < 0) {
        keeper->placed.errno_value = ESRCH;
        return KEEPER_FAILED;
    }
    result = caps_raise(CAP_KILL);
    if (result == 0)
        result = pidfd_send_signal(keeper->guard.apache_fd, SIGUSR1, NULL, 0);
    keeper->placed.errno_value = result == 0 ? 0 : errno;
    caps_lower_all();
    return result == 0 ? KEEPER_OK : KEEPER_FAILED;
}

/* fd: what came with the order; taken over by those that want one. */
static enum keeper_result obey(struct keeper_state *keeper, const struct keeper_order *order, int fd)
{
    switch (order->kind) {
    case KEEPER_ORDER_BEGIN:
        return begin(keeper);
    case KEEPER_ORDER_PLACE:
        return place(keeper, order);
    case KEEPER_ORDER_LOCK:
        return take_lock(keeper);
    case KEEPER_ORDER_UNLOCK:
        release_lock(keeper);
        return KEEPER_OK;
    case KEEPER_ORDER_VOUCH:
        guard_vouch(&keeper->guard);
        return KEEPER_OK;
    case KEEPER_ORDER_APACHE:
        set_lock(keeper, APACHE_LOCK_NONE, -1);
        guard_set_apache(&keeper->guard, fd);
        return KEEPER_OK;
    case KEEPER_ORDER_APACHE_LOCK:
        return set_lock(keeper, order->lock_kind, fd);
    case KEEPER_ORDER_RESTART:
        return signal_restart(keeper);
    case KEEPER_ORDER_COUNT:
        break;
    }
    return KEEPER_FAILED;
}

/* Returns false when the writer is gone. */
static bool take_order(struct keeper_state *keeper)
{
    struct keeper_order order;
    struct keeper_reply reply;
    int fd;
    int got = keeper_wire_receive(ORDERS_FD, &order, sizeof order, &fd, false);

    if (got != 1)
        return got == 0;
    order.name[sizeof order.name - 1] = '\0';
    memset(&keeper->placed, 0, sizeof keeper->placed);
    memset(&reply, 0, sizeof reply);
    reply.result = obey(keeper, &order, fd);
    reply.placed = keeper->placed;
    if (fd >= 0 && order.kind != KEEPER_ORDER_APACHE && order.kind != KEEPER_ORDER_APACHE_LOCK)
        close(fd);
    return keeper_wire_send(ORDERS_FD, &reply, sizeof reply, -1, true) == 0;
}

/* What does not fit now is told later; of one kind the newest. */
static bool tell_pending(struct guard *guard)
{
    bool is_all_told = true;

    for (size_t i = 0; i < KEEPER_KIND_COUNT; i++) {
        if (!guard->is_pending[i])
            continue;
        guard->is_pending[i] = keeper_wire_send(NEWS_FD, &guard->pending[i], sizeof guard->pending[i], -1, false) != 0;
        is_all_told = is_all_told && !guard->is_pending[i];
    }
    return is_all_told;
}

static void loop(struct keeper_state *keeper)
{
    struct guard *guard = &keeper->guard;

    while (!guard->is_over) {
        bool is_all_told = tell_pending(guard);
        struct pollfd polled[] = {
            {ORDERS_FD, POLLIN, 0},
            {INOTIFY_FD, POLLIN, 0},
            {guard->apache_fd, POLLIN, 0},
            {NEWS_FD, is_all_told ? 0 : POLLOUT, 0},
        };

        if (poll(polled, 4, keeper->is_locked ? KEEPER_LOCK_HELD_MAX_MSEC : -1) < 0 && errno != EINTR)
            return;
        if (polled[1].revents != 0)
            guard_look(guard);
        if (polled[2].revents != 0)
            guard_apache_ended(guard);
        if (keeper->is_locked && is_time_up(keeper->locked_usec, KEEPER_LOCK_HELD_MAX_MSEC))
            release_lock(keeper);
        if ((polled[3].revents & (POLLHUP | POLLERR)) != 0 || (polled[0].revents != 0 && !take_order(keeper)))
            return;
    }
}

/* The names ps(1) shows: the writer's, given by the supervisor, of which the last word is as long as ours. */
static void take_name(void)
{
    size_t len = strlen(program_invocation_name);

    prctl(PR_SET_NAME, "keeper", 0, 0, 0);
    if (len > strlen("writer") && strcmp(program_invocation_name + len - strlen("writer"), "writer") == 0)
        memcpy(program_invocation_name + len - strlen("writer"), "keeper", strlen("keeper"));
}

_Noreturn void keeper_process(const struct keeper_settings *settings, int orders_fd, int news_fd)
{
    static struct keeper_state keeper = {.lock_fd = -1};
    struct keeper_start_reply reply = {""};
    bool is_open = open_all(settings, orders_fd, news_fd);

    take_name();
    if (!is_open)
        snprintf(reply.error, sizeof reply.error, "opening %.300s: %s", settings->directory, strerror(errno));
    else
        lock_in(settings, reply.error, sizeof reply.error);
    if (reply.error[0] == '\0')
        guard_init(&keeper.guard, settings->name, settings->is_shield_wanted, INOTIFY_FD, DIRECTORY_FD);
    keeper_wire_send(is_open ? ORDERS_FD : orders_fd, &reply, sizeof reply, -1, true);
    if (reply.error[0] != '\0')
        _exit(1);
    loop(&keeper);
    guard_end(&keeper.guard);
    _exit(0);
}
