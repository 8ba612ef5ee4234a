/* SPDX-License-Identifier: ISC */
#include "enable/service_control.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/client.h"
#include "base/status_view.h"
#include "host/subprocess.h"
#include "system/clock.h"
#include "text/hex.h"
#include "text/text.h"

#define SYSTEMCTL "/usr/bin/systemctl"
#define UNIT "stapleguard.service"
#define TIMER "stapleguard-once.timer"
/* The control socket tells of no change by itself. */
#define LOOK_MSEC 50
#define SETTLE_WAIT_MSEC 180000
#define START_TIMEOUT_SEC 330 /* TimeoutStartSec of the unit, and a little */
/* Of a fetcher or a writer, some seconds after the first (supervisor/children.c). */
#define STARTS_HOPELESS 5
#define START_LOOK_MSEC 1000
#define PASS_TIMEOUT_SEC 3600
#define CHECK_TIMEOUT_SEC 30
/* Another pass, of the timer, is under way: tried again so often. */
#define BUSY_TRIES 120
#define BUSY_MSEC 500
/* stapleguardd's exit codes (supervisor/report.h). */
#define PASS_FETCH_FAILED 1
#define PASS_NO_STAPLE 2
#define PASS_ALREADY_RUNNING 4

static int understand(struct subprocess_result *result, char *said, size_t cap)
{
    int code = result->errno_value == 0 && WIFEXITED(result->status) ? WEXITSTATUS(result->status) : -1;

    subprocess_words(result, said, cap);
    if (result->errno_value != 0)
        snprintf(said, cap, "%s", strerror(result->errno_value));
    subprocess_clear(result);
    return code;
}

static int run(const char *const argv[], unsigned timeout_sec, char *said, size_t cap)
{
    struct subprocess_result result;

    subprocess_run(argv, timeout_sec, &result);
    return understand(&result, said, cap);
}

/* The same, ended when must_end says so. */
static int run_until(
    const char *const argv[], unsigned timeout_sec, bool (*must_end)(void *context), void *context, char *said, size_t cap)
{
    struct subprocess *process = subprocess_start(argv, timeout_sec, clock_monotonic_msec());
    struct subprocess_result result = {.status = -1, .errno_value = ENOMEM};

    while (process != NULL && !must_end(context) && !subprocess_ready(process, clock_monotonic_msec())) {
        struct pollfd polled[SUBPROCESS_POLL_MAX];

        poll(polled, subprocess_poll(process, polled), LOOK_MSEC);
    }
    if (process != NULL)
        subprocess_take(process, &result);
    return understand(&result, said, cap);
}

static int systemctl(const char *const words[3], unsigned timeout_sec, char *said, size_t cap)
{
    const char *const argv[] = {SYSTEMCTL, words[0], words[1], words[2], NULL};

    return run(argv, timeout_sec, said, cap);
}

/* Which unit there is. */

/* Report whether systemd runs, has our unit, and the unit reads this configuration. */
static bool has_unit(const char *config_path)
{
    char said[DETAIL_MAX];

    /* sd_booted(3): the directory is there when systemd is the init system. */
    return strcmp(config_path, CONF_DEFAULT_PATH) == 0 && access("/run/systemd/system", F_OK) == 0 && access(SYSTEMCTL, X_OK) == 0
        && systemctl((const char *const[]){"cat", UNIT, NULL}, CHECK_TIMEOUT_SEC, said, sizeof said) == 0;
}

static bool is_running(const struct conf *conf)
{
    struct client_answer answer;
    enum client_result result = client_ask(conf->run_dir, (const char *const[]){"status"}, 1, true, &answer);

    client_clear(&answer);
    return result == CLIENT_ANSWERED;
}

enum service_way service_look(const struct conf *conf, const char *config_path)
{
    char said[DETAIL_MAX];

    if (is_running(conf))
        return SERVICE_RUNNING;
    if (!has_unit(config_path))
        return SERVICE_ONCE;
    return systemctl((const char *const[]){"is-active", TIMER, NULL}, CHECK_TIMEOUT_SEC, said, sizeof said) == 0 ? SERVICE_ONCE
                                                                                                                 : SERVICE_UNIT;
}

/* Beside this program: installed, or in a build directory. */
static bool find_daemon(char *out, size_t cap)
{
    static const char *const places[] = {"../sbin", ".", "../supervisor"};
    char own[PATH_MAX + 1];
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash;

    own[len < 0 ? 0 : len] = '\0';
    slash = strrchr(own, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if ((size_t)snprintf(out, cap, "%s/%s/stapleguardd", own, places[i]) < cap && access(out, X_OK) == 0)
            return true;
    return false;
}

int service_check(const char *config_path, char *error, size_t cap)
{
    char program[PATH_MAX + 64], said[2 * DETAIL_MAX];
    const char *const argv[] = {program, "-n", "-c", config_path, NULL};

    if (!find_daemon(program, sizeof program)) {
        snprintf(error, cap, "stapleguardd is not where stapleguard is; install it");
        return -1;
    }
    if (run(argv, CHECK_TIMEOUT_SEC, said, sizeof said) == 0)
        return 0;
    snprintf(error, cap, "%s", said);
    return -1;
}

/* A start under way. */
struct start {
    const struct conf *conf;
    bool (*is_interrupted)(void);
    int64_t look_msec; /* when to look next whether it can come to anything */
    bool is_hopeless;
};

/* systemd waits for READY, which never comes while fetcher or writer ends again and again. */
static bool is_hopeless(const struct conf *conf)
{
    enum client_result asked;
    struct client_answer answer;
    struct status_view view;
    bool result = false;

    asked = client_ask(conf->run_dir, (const char *const[]){"status"}, 1, true, &answer);
    if (asked == CLIENT_ANSWERED && answer.data != NULL && status_view_parse(answer.data, &view)) {
        result = view.most_starts >= STARTS_HOPELESS;
        status_view_clear(&view);
    }
    client_clear(&answer);
    return result;
}

static bool must_end_start(void *context)
{
    struct start *start = context;
    int64_t now_msec = clock_monotonic_msec();

    if (now_msec >= start->look_msec) {
        start->look_msec = now_msec + START_LOOK_MSEC;
        start->is_hopeless = is_hopeless(start->conf);
    }
    return start->is_hopeless || start->is_interrupted();
}

int service_start(const struct conf *conf, bool (*is_interrupted)(void), char *error, size_t cap)
{
    static const char *const argv[] = {SYSTEMCTL, "enable", "--now", UNIT, NULL};
    struct start start = {.conf = conf, .is_interrupted = is_interrupted};
    char said[2 * DETAIL_MAX];

    if (run_until(argv, START_TIMEOUT_SEC, must_end_start, &start, said, sizeof said) == 0)
        return 0;
    snprintf(error, cap, UNIT " does not start: %s; journalctl -u " UNIT " says more",
        start.is_hopeless      ? "its fetcher or its writer ends again and again"
            : is_interrupted() ? "interrupted"
                               : said);
    return -1;
}

void service_disable(void)
{
    char said[DETAIL_MAX];

    systemctl((const char *const[]){"disable", UNIT, NULL}, CHECK_TIMEOUT_SEC, said, sizeof said);
}

void service_stop_soon(void)
{
    char said[DETAIL_MAX];

    systemctl((const char *const[]){"stop", "--no-block", UNIT}, CHECK_TIMEOUT_SEC, said, sizeof said);
}

int service_end(char *error, size_t cap)
{
    char said[2 * DETAIL_MAX];

    if (systemctl((const char *const[]){"disable", "--now", UNIT}, START_TIMEOUT_SEC, said, sizeof said) == 0)
        return 0;
    snprintf(error, cap, UNIT " does not stop: %s", said);
    return -1;
}

/* Waiting for staples. */

enum settled {
    SETTLED_YES,
    SETTLED_NOT_YET,
    SETTLED_FAILED,
};

static enum settled look_at_cert(
    const struct status_view *view, const struct site *site, const struct site_cert *cert, bool is_final, char *error, size_t cap)
{
    char sha256[2 * sizeof cert->cert.sha256 + 1];
    const struct cert_view *known;

    hex_format(cert->cert.sha256, sizeof cert->cert.sha256, sha256);
    known = status_view_find(view, sha256);
    if (known != NULL && strcmp(known->state, "good") == 0 && known->served_until > 0)
        return SETTLED_YES;
    if (known == NULL)
        snprintf(error, cap,
            "%s: stapleguardd does not look after %s; name it in a [certificate] section, or set discover = apache", site->name,
            cert->path);
    else
        snprintf(error, cap, "%s has no staple: %s%s%s: %s", site->name, known->state, known->error_reason[0] != '\0' ? ", " : "",
            known->error_reason, known->error_detail[0] != '\0' ? known->error_detail : cert->path);
    if (is_final)
        return SETTLED_FAILED;
    return known != NULL && (known->failures > 0 || strcmp(known->state, "missing") != 0) ? SETTLED_FAILED : SETTLED_NOT_YET;
}

/* Every certificate; error names the first of those that failed. */
static enum settled look_at_certs(const struct status_view *view, struct sites *sites, bool is_final, char *error, size_t cap)
{
    enum settled worst = SETTLED_YES;

    for (size_t i = 0; i < sites->count; i++)
        for (size_t k = 0; k < sites->items[i].cert_count; k++) {
            struct site_cert *cert = &sites->items[i].certs[k];
            char why[2 * DETAIL_MAX] = "";
            enum settled found = cert->state != CERT_STATE_MISSING
                ? SETTLED_YES
                : look_at_cert(view, &sites->items[i], cert, is_final, why, sizeof why);

            cert->is_without = found == SETTLED_FAILED;
            if (found > worst) {
                worst = found;
                text_clean_copy(error, cap, why, strlen(why));
            }
        }
    return worst;
}

static enum settled look_at_all(const struct conf *conf, struct sites *sites, bool is_final, char *error, size_t cap)
{
    enum settled found;
    struct status_view view;
    bool is_saved = false;
    char *text = client_status(conf, &is_saved, error, cap);

    if (text == NULL)
        return is_final ? SETTLED_FAILED : SETTLED_NOT_YET;
    if (!status_view_parse(text, &view)) {
        snprintf(error, cap, "the status of stapleguardd cannot be understood");
        found = SETTLED_FAILED;
    } else if (view.file_error[0] != '\0') {
        snprintf(error, cap, "Apache's stapling cache cannot be written: %s (%s)", view.file_error, view.file_detail);
        found = SETTLED_FAILED;
    } else {
        found = look_at_certs(&view, sites, is_final, error, cap);
        if (found == SETTLED_YES && view.committed == 0 && !is_final) /* held, but not in Apache's file yet */
            found = SETTLED_NOT_YET;
    }
    status_view_clear(&view);
    free(text);
    return found;
}

static int wait_for_daemon(const struct conf *conf, struct sites *sites, bool (*is_interrupted)(void), char *error, size_t cap)
{
    int64_t until_msec = clock_monotonic_msec() + SETTLE_WAIT_MSEC;
    enum settled settled;

    /* A certificate that failed does not keep the others from their staples: the daemon goes on meanwhile. */
    while ((settled = look_at_all(conf, sites, clock_monotonic_msec() > until_msec, error, cap)) == SETTLED_NOT_YET) {
        if (is_interrupted()) {
            snprintf(error, cap, "interrupted");
            return -1;
        }
        poll(NULL, 0, LOOK_MSEC);
    }
    return settled == SETTLED_YES ? 0 : 1;
}

static int ask_to_reload(const struct conf *conf, char *error, size_t cap)
{
    struct client_answer answer;
    enum client_result result = client_ask(conf->run_dir, (const char *const[]){"reload"}, 1, true, &answer);
    bool is_well = result == CLIENT_ANSWERED && (answer.code == 0 || answer.code == 1);

    if (!is_well)
        text_clean_copy(error, cap, answer.error, strlen(answer.error));
    client_clear(&answer);
    return is_well ? 0 : -1;
}

static bool must_end_pass(void *context)
{
    bool (*const *is_interrupted)(void) = context;

    return (*is_interrupted)();
}

static int run_pass(const char *config_path, bool (*is_interrupted)(void), char *error, size_t cap)
{
    char program[PATH_MAX + 64], said[2 * DETAIL_MAX];
    const char *const argv[] = {program, "--once", "-c", config_path, NULL};
    int code = PASS_ALREADY_RUNNING;

    if (!find_daemon(program, sizeof program)) {
        snprintf(error, cap, "stapleguardd is not where stapleguard is; install it");
        return -1;
    }
    for (int i = 0; i < BUSY_TRIES && code == PASS_ALREADY_RUNNING; i++) {
        if (is_interrupted()) {
            snprintf(error, cap, "interrupted");
            return -1;
        }
        if (i > 0)
            poll(NULL, 0, BUSY_MSEC);
        code = run_until(argv, PASS_TIMEOUT_SEC, must_end_pass, &is_interrupted, said, sizeof said);
    }
    if (code == 0 || code == PASS_FETCH_FAILED || code == PASS_NO_STAPLE)
        return 0;
    snprintf(error, cap, "stapleguardd --once: %s", said);
    return -1;
}

int service_fetch(enum service_way way, const struct conf *conf, const char *config_path, struct sites *sites,
    bool (*is_interrupted)(void), char *error, size_t cap)
{
    if (way == SERVICE_ONCE) {
        if (run_pass(config_path, is_interrupted, error, cap) != 0)
            return -1;
        return look_at_all(conf, sites, true, error, cap) == SETTLED_YES ? 0 : 1;
    }
    if (way == SERVICE_RUNNING && ask_to_reload(conf, error, cap) != 0)
        return -1;
    return wait_for_daemon(conf, sites, is_interrupted, error, cap);
}
