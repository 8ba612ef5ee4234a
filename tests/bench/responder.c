/* SPDX-License-Identifier: ISC */
/*
 * Owns: a responder that is faster than what asks it: pre-signed responses out of memory, keep-alive, one thread.
 * Runs in: the benchmark and its smoke test.
 * Never: signs, or judges a request.
 *
 * usage: responder POOL ADDRESS PORT
 * Takes words on standard input, and answers each with a line of JSON once it is in force:
 *   serve   answer (so it begins)
 *   stall   take connections and requests, and answer none
 *   down    refuse connections, and end those there are
 *   newer   certificate 0 gets the next of its newer responses
 *   count   nothing changes; the counts begin anew after the answer
 * Ends when its standard input does.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "bench_pool.h"
#include "responder_http.h"

#define CONNECTIONS_MAX 4096
#define INPUT_LEN 4096u
#define EVENTS_AT_ONCE 64

struct connection {
    size_t len;
    char input[INPUT_LEN];
};

static struct {
    struct sockaddr_in address;
    struct bench_pool_file responses, newer;
    size_t newer_count; /* of newer ones in force; 0: the pool's first */
    int epoll_fd;
    int listen_fd;
    int is_stalled;
    struct connection *connections[CONNECTIONS_MAX]; /* by descriptor */
    unsigned long requests, accepted, unknown;
    unsigned long peak_per_sec, this_sec;
    time_t second;
} self;

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(self.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        err(1, "epoll_ctl");
}

static void start_listening(void)
{
    static const int on = 1;

    if (self.listen_fd >= 0)
        return;
    self.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self.listen_fd < 0 || setsockopt(self.listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
        || bind(self.listen_fd, (const struct sockaddr *)&self.address, sizeof self.address) != 0
        || listen(self.listen_fd, 1024) != 0)
        err(1, "listening on %s, port %u", inet_ntoa(self.address.sin_addr), ntohs(self.address.sin_port));
    watch(self.listen_fd);
}

static void end_connection(int fd)
{
    free(self.connections[fd]);
    self.connections[fd] = NULL;
    close(fd);
}

static void end_connections(void)
{
    for (int fd = 0; fd < CONNECTIONS_MAX; fd++)
        if (self.connections[fd] != NULL)
            end_connection(fd);
}

static void accept_all(void)
{
    static const int on = 1;
    int fd;

    while ((fd = accept4(self.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = fd < CONNECTIONS_MAX ? calloc(1, sizeof *connection) : NULL;

        if (connection == NULL) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        self.connections[fd] = connection;
        self.accepted++;
        watch(fd);
    }
}

static void count_request(void)
{
    time_t now = time(NULL);

    if (now != self.second) {
        self.second = now;
        self.this_sec = 0;
    }
    self.requests++;
    if (++self.this_sec > self.peak_per_sec)
        self.peak_per_sec = self.this_sec;
}

/* Returns 0, or -1 when the connection is to be closed. */
static int answer(int fd, const struct http_request *request)
{
    struct bench_pool_response response = {0};
    char head[160];
    struct iovec parts[2];
    int head_len;

    count_request();
    if (request->number == 0 && self.newer_count > 0)
        response = self.newer.items[self.newer_count - 1];
    else if (request->number >= 0 && (uint64_t)request->number < self.responses.count)
        response = self.responses.items[request->number];
    else
        self.unknown++;
    head_len
        = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/ocsp-response\r\nContent-Length: %u\r\n%s\r\n",
            response.der != NULL ? "200 OK" : "404 Not Found", response.len, request->is_last ? "Connection: close\r\n" : "");
    parts[0] = (struct iovec){.iov_base = head, .iov_len = (size_t)head_len};
    parts[1] = (struct iovec){.iov_base = (void *)(uintptr_t)response.der, .iov_len = response.len};
    /* A few KiB always fit into an empty socket buffer; a client that does not read is not worth waiting for. */
    if (writev(fd, parts, 2) != (ssize_t)(parts[0].iov_len + parts[1].iov_len))
        return -1;
    return request->is_last ? -1 : 0;
}

static void serve(int fd)
{
    struct connection *connection = self.connections[fd];
    ssize_t got = read(fd, connection->input + connection->len, INPUT_LEN - connection->len);
    struct http_request request;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        end_connection(fd);
        return;
    }
    connection->len += (size_t)got;
    for (;;) {
        enum http_parsed parsed = http_parse(connection->input, connection->len, &request);

        if (parsed == HTTP_INCOMPLETE && connection->len < INPUT_LEN)
            return;
        if (parsed == HTTP_PARSED && self.is_stalled) {
            count_request();
            connection->len = 0;
            return;
        }
        if (parsed != HTTP_PARSED || answer(fd, &request) != 0) {
            end_connection(fd);
            return;
        }
        connection->len -= request.len;
        memmove(connection->input, connection->input + request.len, connection->len);
    }
}

static void obey(const char *word)
{
    if (strcmp(word, "serve") == 0 || strcmp(word, "stall") == 0) {
        if (self.is_stalled)
            end_connections(); /* their requests were thrown away */
        self.is_stalled = word[1] == 't';
        start_listening();
    } else if (strcmp(word, "down") == 0) {
        if (self.listen_fd >= 0)
            close(self.listen_fd);
        self.listen_fd = -1;
        end_connections();
    } else if (strcmp(word, "newer") == 0) {
        if (self.newer_count == self.newer.count)
            errx(1, "there are no more newer responses");
        self.newer_count++;
    } else if (strcmp(word, "count") != 0) {
        errx(1, "what does %s mean?", word);
    }
    printf("{\"requests\": %lu, \"connections\": %lu, \"unknown\": %lu, \"peak_per_sec\": %lu}\n", self.requests, self.accepted,
        self.unknown, self.peak_per_sec);
    fflush(stdout);
    if (strcmp(word, "count") == 0)
        self.requests = self.accepted = self.unknown = self.peak_per_sec = self.this_sec = 0;
}

/* Returns 0 at the end of standard input.  The benchmark waits for each answer, so a read is one word. */
static int take_word(void)
{
    char line[64];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);

    if (got <= 0)
        return 0;
    line[got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    obey(line);
    return 1;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_AT_ONCE];

    if (argc != 4 || inet_pton(AF_INET, argv[2], &self.address.sin_addr) != 1) {
        fputs("usage: responder POOL ADDRESS PORT\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    self.address.sin_family = AF_INET;
    self.address.sin_port = htons((uint16_t)atoi(argv[3]));
    bench_pool_open(argv[1], "responses", &self.responses);
    bench_pool_open(argv[1], "newer", &self.newer);
    self.listen_fd = -1;
    self.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(STDIN_FILENO);
    obey("serve");
    for (;;) {
        int count = epoll_wait(self.epoll_fd, events, EVENTS_AT_ONCE, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == STDIN_FILENO) {
                if (!take_word())
                    return 0;
                break; /* descriptors of this round may be gone */
            }
            if (fd == self.listen_fd)
                accept_all();
            else if (self.connections[fd] != NULL)
                serve(fd);
        }
    }
}
