/* SPDX-License-Identifier: ISC */
#include "control/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bounds.h"
#include "control/control_outbox.h"
#include "control/control_request.h"
#include "text/text.h"

/* A client that neither asks nor reads for so long makes room for others. */
#define STALL_MSEC 30000
/* Of the places all that are not root share so many, and one user has so many of those. */
#define OTHERS_MAX 24u
#define PER_USER_MAX 8u
/* Without a descriptor or memory for a client poll(2) would return at once, again and again. */
#define PAUSE_MSEC 1000

struct control_request {
    struct control *control;
    int fd;    /* owned; -1: the client is gone */
    uid_t uid; /* of the client, as the kernel says */
    char *in;  /* owned: the request line, as far as it came */
    size_t in_len;
    struct outbox out;  /* not yet taken by the client */
    bool is_asked;      /* the line is whole and somebody works on it */
    bool is_ended;      /* the answer is whole */
    bool is_cut;        /* there was no memory for all of it: the client is let go */
    int64_t moved_msec; /* when the client last did something */
};

struct control {
    const struct control_actions *actions;
    int fd;
    int64_t paused_until_msec; /* clients are not waited for: the last could not be taken; 0: they are */
    char path[FILE_PATH_MAX + 16];
    struct control_request *clients[CONTROL_CLIENTS_MAX]; /* owned; NULL: free */
};

static bool fill_address(const struct control *control, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(control->path) >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, control->path, strlen(control->path) + 1);
    return true;
}

struct control *control_open(const char *run_dir, gid_t gid, const struct control_actions *actions, char *error, size_t cap)
{
    struct control *control = calloc(1, sizeof *control);
    struct sockaddr_un address;
    mode_t before;
    bool is_bound;

    if (control == NULL) {
        snprintf(error, cap, "out of memory");
        return NULL;
    }
    control->actions = actions;
    snprintf(control->path, sizeof control->path, "%s/control.sock", run_dir);
    if (!fill_address(control, &address)) {
        snprintf(error, cap, "%s is too long for a socket's name; choose a shorter run_dir", control->path);
        free(control);
        return NULL;
    }
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(control->path); /* of one that was killed: the lock in run_dir says that nobody else runs */
    before = umask(0177);
    is_bound = control->fd >= 0 && bind(control->fd, (const struct sockaddr *)&address, sizeof address) == 0;
    umask(before);
    if (is_bound && (gid == (gid_t)-1 || (lchown(control->path, 0, gid) == 0 && chmod(control->path, 0660) == 0))
        && listen(control->fd, (int)CONTROL_CLIENTS_MAX) == 0)
        return control;
    snprintf(error, cap, "the control socket %s: %s", control->path, strerror(errno));
    control_close(control);
    return NULL;
}

static void let_go(struct control *control, struct control_request *request)
{
    for (size_t i = 0; control != NULL && i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i] == request)
            control->clients[i] = NULL;
    if (request->fd >= 0)
        close(request->fd);
    request->fd = -1;
    free(request->in);
    outbox_clear(&request->out);
    request->in = NULL;
    request->control = NULL;
    /* Somebody may still work on it: control_end frees it then. */
    if (!request->is_asked || request->is_ended)
        free(request);
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i] != NULL)
            let_go(control, control->clients[i]);
    if (control->fd >= 0) {
        close(control->fd);
        unlink(control->path);
    }
    free(control);
}

size_t control_poll(const struct control *control, struct pollfd *polled)
{
    size_t count = 0;

    if (control == NULL)
        return 0;
    polled[count++] = (struct pollfd){control->paused_until_msec != 0 ? -1 : control->fd, POLLIN, 0};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct control_request *request = control->clients[i];

        if (request != NULL)
            polled[count++] = (struct pollfd){request->fd, (short)(POLLIN | (request->out.unread > 0 ? POLLOUT : 0)), 0};
    }
    return count;
}

/* Answers. */

static void put(struct control_request *request, const char *octets, size_t len)
{
    if (request->fd >= 0 && !request->is_cut)
        request->is_cut = !outbox_put(&request->out, octets, len);
}

void control_say(struct control_request *request, const char *format, ...)
{
    char raw[2 * LOG_TEXT_MAX];
    char text[2 * LOG_TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_clean_copy(text, sizeof text, raw, strlen(raw));
    put(request, "say ", 4);
    put(request, text, strlen(text));
    put(request, "\n", 1);
}

/* By root's clients, or by all others together: each of them might ask for much and read nothing. */
static size_t unread(const struct control *control, bool is_root)
{
    size_t total = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i] != NULL && (control->clients[i]->uid == 0) == is_root)
            total += control->clients[i]->out.unread;
    return total;
}

bool control_data(struct control_request *request, char *octets, size_t len)
{
    char line[32];

    if (request->control == NULL || unread(request->control, request->uid == 0) + len > CONTROL_DATA_MAX) {
        free(octets);
        return false;
    }
    snprintf(line, sizeof line, "data %zu\n", len);
    put(request, line, strlen(line));
    if (!outbox_give(&request->out, octets, len))
        request->is_cut = true;
    return true;
}

void control_end(struct control_request *request, int exit_code)
{
    char line[32];

    snprintf(line, sizeof line, "end %d\n", exit_code);
    put(request, line, strlen(line));
    request->is_ended = true;
    if (request->control == NULL) /* the client is gone, or all are */
        free(request);
}

/* Requests. */

static void refuse(struct control_request *request, const char *why)
{
    control_say(request, "%s", why);
    control_end(request, 3);
}

static void act(struct control_request *request, char *const *words, size_t count)
{
    const struct control_actions *actions = request->control->actions;
    const char *name = words[0];
    int seconds;

    if (strcmp(name, "refresh") == 0 && count == 2)
        actions->refresh(actions->context, request, strcmp(words[1], "--all") == 0 ? NULL : words[1]);
    else if (strcmp(name, "resume") == 0 && count == 2)
        actions->resume(actions->context, request, words[1]);
    else if (strcmp(name, "restart") == 0 && count == 1)
        actions->restart(actions->context, request);
    else if (strcmp(name, "reload") == 0 && count == 1)
        actions->reload(actions->context, request);
    else if (strcmp(name, "deploy") == 0 && count >= 3 && control_request_seconds(words[1], &seconds))
        actions->deploy(actions->context, request, words + 2, count - 2, seconds);
    else
        refuse(request, "this request is not understood; are stapleguard and stapleguardd of the same version?");
}

static void dispatch(struct control_request *request, char *line)
{
    const struct control_actions *actions = request->control->actions;
    char *words[CONTROL_WORDS_MAX];
    size_t count = control_request_split(line, words);

    request->is_asked = true;
    if (count == 1 && strcmp(words[0], "status") == 0)
        actions->status(actions->context, request);
    else if (count == 1 && strcmp(words[0], "metrics") == 0)
        actions->metrics(actions->context, request);
    else if (count == 0)
        refuse(request, "a request that is not one");
    else if (request->uid != 0)
        refuse(request, "only root may do that; members of the group may look (status, metrics)");
    else
        act(request, words, count);
}

/* Returns false when the client is gone or sends what no client does. */
static bool read_some(struct control_request *request)
{
    char data[4096];
    ssize_t got = recv(request->fd, data, sizeof data, MSG_DONTWAIT);
    char *grown;
    char *newline;

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0 || request->is_asked) /* one request a connection; a half-closed one is of no use */
        return false;
    if (request->in_len + (size_t)got > CONTROL_REQUEST_MAX)
        return false;
    grown = realloc(request->in, request->in_len + (size_t)got + 1);
    if (grown == NULL)
        return false;
    request->in = grown;
    memcpy(request->in + request->in_len, data, (size_t)got);
    request->in_len += (size_t)got;
    request->in[request->in_len] = '\0';
    newline = memchr(request->in, '\n', request->in_len);
    if (newline == NULL)
        return memchr(request->in, '\0', request->in_len) == NULL;
    if (newline != request->in + request->in_len - 1)
        return false;
    *newline = '\0';
    dispatch(request, request->in);
    return true;
}

/* Returns false when the client is gone, or has everything. */
static bool write_some(struct control_request *request)
{
    return outbox_send(&request->out, request->fd) == 0 && !request->is_cut && (!request->is_ended || request->out.unread > 0);
}

/* Root finds a place however many others have come, and so does a user beside another.  NULL: this one does not. */
static struct control_request **find_place(struct control *control, uid_t uid)
{
    struct control_request **place = NULL;
    unsigned others = 0, own = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct control_request *request = control->clients[i];

        if (request == NULL)
            place = &control->clients[i];
        others += request != NULL && request->uid != 0 ? 1 : 0;
        own += request != NULL && request->uid == uid ? 1 : 0;
    }
    return uid == 0 || (others < OTHERS_MAX && own < PER_USER_MAX) ? place : NULL;
}

static void seat_client(struct control *control, int fd, int64_t now_msec)
{
    static const char full[] = "say too many clients are connected; try again\nend 3\n";
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof peer;
    struct control_request **place;

    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    place = find_place(control, peer.uid);
    if (place != NULL)
        *place = calloc(1, sizeof **place);
    if (place == NULL || *place == NULL) {
        send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
        return;
    }
    **place = (struct control_request){.control = control, .fd = fd, .uid = peer.uid, .moved_msec = now_msec};
}

/* All that wait: one that comes again and again must not keep the others outside. */
static void take_clients(struct control *control, int64_t now_msec)
{
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            seat_client(control, fd, now_msec);
            continue;
        }
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            control->paused_until_msec = now_msec + PAUSE_MSEC;
        return;
    }
}

int64_t control_next_msec(const struct control *control)
{
    return control != NULL && control->paused_until_msec != 0 ? control->paused_until_msec : INT64_MAX;
}

static void serve(struct control *control, struct control_request *request, short events, int64_t now_msec)
{
    bool is_well = true;
    bool has_waited = !request->is_asked || request->out.unread > 0;

    if (events != 0)
        request->moved_msec = now_msec;
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
        is_well = read_some(request);
    if (is_well)
        is_well = write_some(request);
    /* Who waits for an answer of ours may wait for ever. */
    if (is_well && has_waited && now_msec - request->moved_msec >= STALL_MSEC)
        is_well = false;
    if (!is_well)
        let_go(control, request);
}

void control_ready(struct control *control, const struct pollfd *polled, size_t count, int64_t now_msec)
{
    if (control == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_request *request = control->clients[i];
        short events = 0;

        if (request == NULL)
            continue;
        for (size_t k = 1; k < count; k++)
            if (polled[k].fd == request->fd)
                events = polled[k].revents;
        serve(control, request, events, now_msec);
    }
    if (control->paused_until_msec != 0 && control->paused_until_msec <= now_msec)
        control->paused_until_msec = 0;
    if (count > 0 && polled[0].revents != 0)
        take_clients(control, now_msec);
}
