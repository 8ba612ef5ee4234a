/* SPDX-License-Identifier: ISC */
#include "enable/visitor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/http.h>

#include "base/handshake.h"
#include "cert/cert_load.h"
#include "ocsp/ocsp_verify.h"
#include "system/clock.h"
#include "text/text.h"

#define HANDSHAKE_SEC 10
#define REACH_SEC 5
/* `openssl ocsp` turns in a circle for good when a connection ends without one. */
#define ANY_REQUEST "GET / HTTP/1.0\r\n\r\n"
/* The child's own deadlines, and some time for a machine under load. */
#define CHILD_WAIT_MSEC 30000

/* The child's end of the pipe; it keeps no other descriptor but the standard ones. */
#define ANSWER_FD 3

struct task {
    const char *target; /* of a handshake; NULL: reach the URL */
    const char *server_name;
    const char *signatures;
    const char *url;
};

/* In the child. */

static void judge(const struct handshake *handshake, struct visit *visit)
{
    static const struct ocsp_policy policy = {0};
    struct issuer_table *issuers = issuer_table_new();
    struct ocsp_verdict verdict;
    struct cert cert = {0};
    int64_t now = (int64_t)time(NULL);
    enum reason reason;
    enum cert_state state
        = cert_load_text(handshake->chain_pem, handshake->chain_len, 1, "", now, issuers, &cert, &reason, visit->detail);

    memcpy(visit->sha256, cert.sha256, sizeof visit->sha256);
    if (handshake->staple == NULL) {
        visit->result = state == CERT_STATE_MISSING ? VISIT_NO_STAPLE : VISIT_QUIET;
        return;
    }
    ocsp_verify(handshake->staple, handshake->staple_len, &cert, &policy, now, &verdict);
    visit->result = verdict.status == OCSP_STATUS_GOOD ? VISIT_GOOD : VISIT_BAD_STAPLE;
    visit->next_update = verdict.next_update;
    if (visit->result == VISIT_BAD_STAPLE)
        text_clean_format(visit->detail, sizeof visit->detail, "%s: %s",
            verdict.reason == REASON_NONE ? ocsp_status_word(verdict.status) : reason_word(verdict.reason), verdict.detail);
    cert_clear(&cert);
    issuer_table_free(issuers);
}

static void make_handshake(const struct task *task, struct visit *visit)
{
    struct handshake handshake;

    if (handshake_make(task->target, task->server_name, task->signatures, HANDSHAKE_SEC, &handshake) == 0)
        judge(&handshake, visit);
    else
        text_clean_copy(visit->detail, sizeof visit->detail, handshake.error, strlen(handshake.error));
    handshake_clear(&handshake);
}

static void reach(const struct task *task, struct visit *visit)
{
    char *host = NULL, *port = NULL;
    BIO *connection = NULL;

    if (OSSL_HTTP_parse_url(task->url, NULL, NULL, &host, &port, NULL, NULL, NULL, NULL) != 1) {
        snprintf(visit->detail, sizeof visit->detail, "not a URL");
        return;
    }
    connection = BIO_new(BIO_s_connect());
    if (connection != NULL && BIO_set_conn_hostname(connection, host) == 1 && BIO_set_conn_port(connection, port) == 1
        && BIO_do_connect_retry(connection, REACH_SEC, -1) == 1) {
        BIO_puts(connection, ANY_REQUEST);
        visit->result = VISIT_GOOD;
    } else {
        text_clean_format(visit->detail, sizeof visit->detail, "no connection to %s:%s", host, port);
    }
    BIO_free_all(connection);
    OPENSSL_free(host);
    OPENSSL_free(port);
}

static _Noreturn void become_visitor(const struct visitor *visitor, const struct task *task, int fd)
{
    struct visit visit = {.result = VISIT_FAILED};

    /* A change of user takes the bond to our parent's life away: it is made after. */
    if (dup2(fd, ANSWER_FD) != ANSWER_FD || close_range(ANSWER_FD + 1, ~0u, 0) != 0 || setgroups(0, NULL) != 0
        || setresgid(visitor->gid, visitor->gid, visitor->gid) != 0 || setresuid(visitor->uid, visitor->uid, visitor->uid) != 0
        || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        snprintf(visit.detail, sizeof visit.detail, "cannot become an unprivileged user: %s", strerror(errno));
    else if (task->target != NULL)
        make_handshake(task, &visit);
    else
        reach(task, &visit);
    if (write(ANSWER_FD, &visit, sizeof visit) != (ssize_t)sizeof visit)
        _exit(1);
    _exit(0);
}

/* In the command's own process: the answer has one size, and every octet of it is checked or cleaned. */
static void take_answer(int fd, struct visit *visit)
{
    struct pollfd polled = {fd, POLLIN, 0};
    int64_t until_msec = clock_monotonic_msec() + CHILD_WAIT_MSEC;
    struct visit answer;
    int64_t left_msec;
    int ready;

    do {
        left_msec = until_msec - clock_monotonic_msec();
        ready = left_msec > 0 ? poll(&polled, 1, (int)left_msec) : 0;
    } while (ready < 0 && errno == EINTR);
    if (ready != 1 || read(fd, &answer, sizeof answer) != (ssize_t)sizeof answer || answer.result > VISIT_FAILED) {
        snprintf(visit->detail, sizeof visit->detail, "%s",
            ready == 0 ? "no answer in time" : "the visitor's process ended before its time");
        return;
    }
    visit->result = answer.result;
    memcpy(visit->sha256, answer.sha256, sizeof visit->sha256);
    visit->next_update = answer.next_update;
    answer.detail[sizeof answer.detail - 1] = '\0';
    text_clean_copy(visit->detail, sizeof visit->detail, answer.detail, strlen(answer.detail));
}

static void send_out(const struct visitor *visitor, const struct task *task, struct visit *visit)
{
    int pair[2];
    pid_t pid;

    *visit = (struct visit){.result = VISIT_FAILED};
    if (pipe2(pair, O_CLOEXEC) != 0) {
        snprintf(visit->detail, sizeof visit->detail, "%s", strerror(errno));
        return;
    }
    pid = fork();
    if (pid == 0)
        become_visitor(visitor, task, pair[1]);
    close(pair[1]);
    if (pid < 0)
        snprintf(visit->detail, sizeof visit->detail, "cannot start a process: %s", strerror(errno));
    else
        take_answer(pair[0], visit);
    close(pair[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
}

void visitor_visit(
    const struct visitor *visitor, const char *target, const char *server_name, const char *signatures, struct visit *visit)
{
    send_out(visitor, &(const struct task){.target = target, .server_name = server_name, .signatures = signatures}, visit);
}

bool visitor_can_reach(const struct visitor *visitor, const char *url, char detail[DETAIL_MAX + 1])
{
    struct visit visit;

    send_out(visitor, &(const struct task){.url = url}, &visit);
    snprintf(detail, DETAIL_MAX + 1, "%s", visit.detail);
    return visit.result == VISIT_GOOD;
}
