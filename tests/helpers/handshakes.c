/* SPDX-License-Identifier: ISC */
/*
 * Owns: load: TLS handshakes with a status request, one after the other in each of several threads, and what was stapled.
 * Runs in: tests.
 * Never: judges a staple beyond its OCSP status.
 *
 * usage: handshakes PORT NAME THREADS SECONDS
 * Prints one JSON object: counts; how long the whole took and how long half of the handshakes and 99 of 100 took at most
 * (microseconds, from connect to the end of the handshake); and for each handshake without a good staple when it was
 * (milliseconds since 1970) and the client's port, by which the server's access log tells who served it.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ocsp.h>
#include <openssl/ssl.h>

#define THREADS_MAX 64
#define BARE_MAX 200000
/* How long a handshake took is counted in steps of 10 microseconds; longer than 10 seconds is all the same. */
#define STEP_USEC 10
#define STEPS 1000000

struct bare {
    int64_t at_msec;
    int port;
};

static struct {
    uint16_t port;
    const char *name;
    int64_t until_usec;
    SSL_CTX *context;
    atomic_uint good, without, failed;
    atomic_uint bare_count;
    struct bare bare[BARE_MAX];
    atomic_uint took[STEPS + 1];
} load;

static int64_t now_msec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int64_t monotonic_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void note_time(int64_t began_usec)
{
    int64_t step = (monotonic_usec() - began_usec) / STEP_USEC;

    load.took[step < STEPS ? step : STEPS]++;
}

/* So many microseconds or less for that share of the handshakes. */
static int64_t percentile(unsigned percent)
{
    unsigned long total = (unsigned long)load.good + load.without;
    unsigned long wanted = (total * percent + 99) / 100;
    unsigned long seen = 0;
    int64_t step = 0;

    for (; step < STEPS && (seen += load.took[step]) < wanted; step++)
        continue;
    return total == 0 ? 0 : (step + 1) * STEP_USEC;
}

static int is_good(SSL *ssl)
{
    const unsigned char *staple = NULL;
    long len = SSL_get_tlsext_status_ocsp_resp(ssl, &staple);
    OCSP_RESPONSE *response;
    int good;

    if (staple == NULL || len <= 0)
        return 0;
    response = d2i_OCSP_RESPONSE(NULL, &staple, len);
    good = response != NULL && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
    OCSP_RESPONSE_free(response);
    return good;
}

static int local_port(int fd)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 ? ntohs(address.sin_port) : 0;
}

static void note_staple(SSL *ssl, int fd)
{
    unsigned at;

    if (is_good(ssl)) {
        load.good++;
        return;
    }
    load.without++;
    at = load.bare_count++;
    if (at < BARE_MAX)
        load.bare[at] = (struct bare){now_msec(), local_port(fd)};
}

/* A request, so that the server writes down who served us. */
static void ask(SSL *ssl)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char answer[512];

    if (SSL_write(ssl, request, sizeof request - 1) > 0)
        while (SSL_read(ssl, answer, sizeof answer) > 0)
            continue;
}

static void shake_hands(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(load.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(load.context);
    struct timeval patience = {.tv_sec = 30};
    int64_t began_usec = monotonic_usec();

    if (fd < 0 || ssl == NULL)
        abort();
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
    SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)load.name);
    SSL_set_fd(ssl, fd);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 || SSL_connect(ssl) != 1) {
        load.failed++;
        usleep(1000);
    } else {
        note_time(began_usec);
        note_staple(ssl, fd);
        ask(ssl);
    }
    SSL_free(ssl);
    close(fd);
}

static void *run(void *unused)
{
    (void)unused;
    while (monotonic_usec() < load.until_usec)
        shake_hands();
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    int64_t began_usec;
    int count;

    if (argc != 5 || (count = atoi(argv[3])) < 1 || count > THREADS_MAX) {
        fputs("usage: handshakes PORT NAME THREADS SECONDS\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    load.port = (uint16_t)atoi(argv[1]);
    load.name = argv[2];
    began_usec = monotonic_usec();
    load.until_usec = began_usec + (int64_t)(atof(argv[4]) * 1e6);
    load.context = SSL_CTX_new(TLS_client_method());
    if (load.context == NULL)
        return 1;
    SSL_CTX_set_session_cache_mode(load.context, SSL_SESS_CACHE_OFF);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            return 1;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("{\"good\": %u, \"without\": %u, \"failed\": %u, \"elapsed_usec\": %" PRId64 ", \"p50_usec\": %" PRId64
           ", \"p99_usec\": %" PRId64 ", \"bare\": [",
        load.good, load.without, load.failed, monotonic_usec() - began_usec, percentile(50), percentile(99));
    for (unsigned i = 0; i < load.bare_count && i < BARE_MAX; i++)
        printf("%s[%" PRId64 ", %d]", i == 0 ? "" : ", ", load.bare[i].at_msec, load.bare[i].port);
    puts("]}");
    return 0;
}
