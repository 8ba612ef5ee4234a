/* SPDX-License-Identifier: ISC */
/*
 * Owns: what clients of the control socket ask for.
 * Runs in: supervisor (daemon).
 * Never: decides who may ask (control.h does).
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon_state.h"
#include "status/metrics_text.h"
#include "status/status_json.h"
#include "system/clock.h"
#include "system/log.h"

/* A request and its daemon, for an answer that comes later. */
struct asked {
    struct daemon *daemon;
    struct control_request *request;
};

static void answer_text(struct control_request *request, char *text, size_t len)
{
    if (text == NULL) {
        control_say(request, "out of memory");
        control_end(request, 3);
        return;
    }
    if (control_data(request, text, len)) {
        control_end(request, 0);
        return;
    }
    control_say(request, "too many others have not read their answers yet; try again in a minute");
    control_end(request, 3);
}

/* An Apache that came up this moment is not called dead because the next look is due in a second. */
static void answer_with(struct daemon *daemon, struct control_request *request,
    char *(*make_text)(const struct facts *, const struct pool *, size_t *))
{
    size_t len = 0;
    char *text;

    daemon_watch_apache(daemon, clock_monotonic_msec());
    text = make_text(&daemon->facts, daemon->pool, &len);
    answer_text(request, text, len);
}

static void status(void *context, struct control_request *request)
{
    answer_with(context, request, status_text);
}

static void metrics(void *context, struct control_request *request)
{
    answer_with(context, request, metrics_text);
}

/* The certificate of this name, or NULL: said, and the request is at its end. */
static struct pool_cert *find(struct daemon *daemon, struct control_request *request, const char *name)
{
    struct pool_cert *cert = pool_find_name(daemon->pool, name);

    if (cert == NULL)
        control_say(request, "there is no certificate \"%s\"; stapleguard status lists those that are looked after", name);
    else if (cert->cert_no == POOL_NO_NUMBER)
        control_say(
            request, "%s cannot be asked for: %s", name, cert->detail != NULL ? cert->detail : reason_sentence(cert->reason));
    else
        return cert;
    control_end(request, 1);
    return NULL;
}

static bool is_withdrawn(const struct pool_cert *cert)
{
    return cert->state == CERT_STATE_REVOKED || cert->state == CERT_STATE_UNKNOWN;
}

static void refresh(void *context, struct control_request *request, const char *name)
{
    struct daemon *daemon = context;
    struct msg msg = {.type = MSG_REFRESH, .refresh = {.cert_no = CERT_NO_NONE}};

    if (name != NULL) {
        const struct pool_cert *cert = find(daemon, request, name);

        if (cert == NULL)
            return;
        if (is_withdrawn(cert)) {
            control_say(
                request, "%s is %s; to have it asked for again: stapleguard resume %s", name, cert_state_word(cert->state), name);
            control_end(request, 1);
            return;
        }
        msg.refresh.cert_no = cert->cert_no;
    }
    if (!feed_say(&daemon->feed, &daemon->children.fetcher.child, &msg, -1)) {
        control_say(request, "out of memory");
        control_end(request, 1);
        return;
    }
    control_say(request, "%s %s asked for now; stapleguard status shows what comes of it", name != NULL ? name : "all",
        name != NULL ? "is" : "are");
    control_end(request, 0);
}

static void resume(void *context, struct control_request *request, const char *name)
{
    struct daemon *daemon = context;
    struct pool_cert *cert = find(daemon, request, name);
    struct msg msg = {.type = MSG_RESUME};

    if (cert == NULL)
        return;
    if (!is_withdrawn(cert)) {
        control_say(request, "%s is not withdrawn (%s)", name, cert_state_word(cert->state));
        control_end(request, 0);
        return;
    }
    msg.resume.cert_no = cert->cert_no;
    if (!feed_say(&daemon->feed, &daemon->children.writer.child, &msg, -1)) {
        control_say(request, "out of memory");
        control_end(request, 1);
        return;
    }
    cert->is_trouble_said = false;
    control_say(request, "%s is looked after again; its responder is asked now", name);
    control_end(request, 0);
}

static void note_restart(const struct daemon *daemon, enum reason reason, const char *detail)
{
    if (reason != REASON_CONFIGTEST_FAILED)
        return;
    audit_announce(daemon->settings.audit,
        &(struct audit_fields){
            .event = EVENT_APACHE_CONFIGTEST_FAILED, .process = PARTY_SUPERVISOR, .reason = reason, .detail = detail});
}

static void restarted(void *owner, enum reason reason, uint32_t away_usec, const char *detail)
{
    struct asked *asked = owner;

    (void)away_usec;
    note_restart(asked->daemon, reason, detail);
    if (reason == REASON_NONE)
        control_say(asked->request, "Apache restarted: %s", detail);
    else
        control_say(asked->request, "%s%s%s", reason_sentence(reason), detail[0] != '\0' ? ": " : "", detail);
    control_end(asked->request, reason == REASON_NONE ? 0 : 1);
    free(asked);
}

static void restart(void *context, struct control_request *request)
{
    struct daemon *daemon = context;
    struct asked *asked = malloc(sizeof *asked);

    if (asked != NULL) {
        *asked = (struct asked){daemon, request};
        if (restart_begin(daemon->restart, daemon->conf, clock_monotonic_msec(), restarted, asked))
            return;
    }
    free(asked);
    control_say(request, "out of memory");
    control_end(request, 1);
}

static void reload(void *context, struct control_request *request)
{
    daemon_reload(context, request);
}

static void deploy(void *context, struct control_request *request, char *const *directories, size_t count, int64_t wait_sec)
{
    struct daemon *daemon = context;

    deploys_begin(daemon->deploys, request, directories, count, wait_sec, clock_monotonic_msec());
}

/* What deploys need. */

static void look_at_cert(void *context, struct pool_cert *cert)
{
    struct daemon *daemon = context;
    struct msg msg = {.type = MSG_REFRESH, .refresh = {.cert_no = cert->cert_no}};

    feed_look(&daemon->feed, cert);
    if (cert->cert_no != POOL_NO_NUMBER && cert->state != CERT_STATE_GOOD)
        feed_say(&daemon->feed, &daemon->children.fetcher.child, &msg, -1);
}

/* Read, numbered, told, and the writer has said what it is. */
static bool is_settled(void *context, const struct pool_cert *cert)
{
    const struct daemon *daemon = context;

    (void)daemon;
    if (cert->needs_look)
        return false;
    return cert->state == CERT_STATE_UNUSABLE || (cert->cert_no != POOL_NO_NUMBER && cert->told_no == cert->cert_no);
}

static void deploy_was_restarted(void *owner, enum reason reason, uint32_t away_usec, const char *detail)
{
    struct asked *asked = owner;

    (void)away_usec;
    note_restart(asked->daemon, reason, detail);
    deploy_restarted(asked->daemon->deploys, asked->request, reason, detail);
    free(asked);
}

/* owner: the deploy; it travels in the place of a request. */
static bool restart_for_deploy(void *context, void *owner)
{
    struct daemon *daemon = context;
    struct asked *asked = malloc(sizeof *asked);

    if (asked == NULL)
        return false;
    *asked = (struct asked){daemon, owner};
    if (restart_begin(daemon->restart, daemon->conf, clock_monotonic_msec(), deploy_was_restarted, asked))
        return true;
    free(asked);
    return false;
}

/* What restarts need. */

static bool send_restart(void *context, uint32_t request)
{
    struct daemon *daemon = context;
    const struct child *writer = &daemon->children.writer.child;
    struct msg msg = {.type = MSG_RESTART, .restart = {.request = request}};

    return writer->is_ready && feed_say(&daemon->feed, writer, &msg, -1);
}

static bool is_apache_running(void *context)
{
    struct daemon *daemon = context;

    daemon_watch_apache(daemon, clock_monotonic_msec());
    return daemon->apache.pid != 0;
}

int daemon_prepare_actions(struct daemon *daemon)
{
    daemon->actions = (struct control_actions){status, metrics, refresh, resume, restart, reload, deploy, daemon};
    daemon->restart_hooks = (struct restart_hooks){send_restart, is_apache_running, daemon};
    daemon->restart = restart_new(&daemon->restart_hooks);
    daemon->deploy_hooks = (struct deploy_hooks){look_at_cert, is_settled, restart_for_deploy, daemon};
    daemon->deploys = deploys_new(&daemon->deploy_hooks, daemon->pool);
    if (daemon->restart != NULL && daemon->deploys != NULL)
        return 0;
    log_error("out of memory");
    return -1;
}
