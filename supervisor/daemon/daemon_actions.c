/* SPDX-License-Identifier: ISC */
#include "daemon/daemon_actions.h"

#include "status/metrics_text.h"
#include "status/status_json.h"
#include "system/clock.h"
#include "system/log.h"

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
static void answer_with(const struct daemon_actors *actors, struct control_request *request,
    char *(*make_text)(const struct facts *, const struct cert_list *, size_t *))
{
    size_t len = 0;
    char *text;

    actors->look_at_apache(actors->context);
    text = make_text(actors->facts, actors->config->list, &len);
    answer_text(request, text, len);
}

static void status(void *context, struct control_request *request)
{
    answer_with(&((struct daemon_actions *)context)->actors, request, status_text);
}

static void metrics(void *context, struct control_request *request)
{
    answer_with(&((struct daemon_actions *)context)->actors, request, metrics_text);
}

/* The certificate of this name, or NULL: said, and the request is at its end. */
static struct listed_cert *find(const struct daemon_actions *actions, struct control_request *request, const char *name)
{
    struct listed_cert *cert = cert_list_find_name(actions->actors.config->list, name);

    if (cert == NULL)
        control_say(request, "no certificate is named \"%s\"; stapleguard status lists the names", name);
    else if (cert->sent.cert_no == CERT_NO_NONE)
        control_say(request, "%s cannot be asked for: %s", name,
            cert->trouble.detail != NULL ? cert->trouble.detail : reason_sentence(cert->trouble.reason));
    else
        return cert;
    control_end(request, 1);
    return NULL;
}

static bool is_withdrawn(const struct listed_cert *cert)
{
    return cert->state == CERT_STATE_REVOKED || cert->state == CERT_STATE_UNKNOWN;
}

static void refresh(void *context, struct control_request *request, const char *name)
{
    const struct daemon_actions *actions = context;
    struct msg msg = {.type = MSG_REFRESH, .refresh = {.cert_no = CERT_NO_NONE}};

    if (name != NULL) {
        const struct listed_cert *cert = find(actions, request, name);

        if (cert == NULL)
            return;
        if (is_withdrawn(cert)) {
            control_say(
                request, "%s is %s; to have it asked for again: stapleguard resume %s", name, cert_state_word(cert->state), name);
            control_end(request, 1);
            return;
        }
        msg.refresh.cert_no = cert->sent.cert_no;
    }
    if (!feed_say(actions->actors.feed, &actions->actors.children->fetcher.child, &msg, -1)) {
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
    const struct daemon_actions *actions = context;
    struct listed_cert *cert = find(actions, request, name);
    struct msg msg = {.type = MSG_RESUME};

    if (cert == NULL)
        return;
    if (!is_withdrawn(cert)) {
        control_say(request, "%s is not withdrawn (%s)", name, cert_state_word(cert->state));
        control_end(request, 0);
        return;
    }
    msg.resume.cert_no = cert->sent.cert_no;
    if (!feed_say(actions->actors.feed, &actions->actors.children->writer.child, &msg, -1)) {
        control_say(request, "out of memory");
        control_end(request, 1);
        return;
    }
    cert->trouble.is_said = false;
    control_say(request, "%s is resumed; its responder is queried now", name);
    control_end(request, 0);
}

static void restarted(void *owner, enum reason reason, uint32_t away_usec, const char *detail)
{
    struct control_request *request = owner;

    (void)away_usec;
    if (reason == REASON_NONE)
        control_say(request, "Apache restarted: %s", detail);
    else
        control_say(request, "%s%s%s", reason_sentence(reason), detail[0] != '\0' ? ": " : "", detail);
    control_end(request, reason == REASON_NONE ? 0 : 1);
}

static bool begin_restart(void *context, restart_done *done, void *owner)
{
    const struct daemon_actions *actions = context;

    return restart_begin(actions->restart, actions->actors.config->conf, clock_monotonic_msec(), done, owner);
}

static void restart(void *context, struct control_request *request)
{
    if (begin_restart(context, restarted, request))
        return;
    control_say(request, "out of memory");
    control_end(request, 1);
}

static void reload(void *context, struct control_request *request)
{
    const struct daemon_actions *actions = context;

    daemon_config_reload(actions->actors.config, request);
}

static void deploy(void *context, struct control_request *request, char *const *directories, size_t count, int64_t wait_sec)
{
    const struct daemon_actions *actions = context;

    deploys_begin(actions->deploys, request, directories, count, wait_sec, clock_monotonic_msec());
}

/* What deploys need. */

static void look_at_cert(void *context, struct listed_cert *cert)
{
    const struct daemon_actions *actions = context;
    struct msg msg = {.type = MSG_REFRESH, .refresh = {.cert_no = cert->sent.cert_no}};

    feed_look(actions->actors.feed, cert);
    if (cert->sent.cert_no != CERT_NO_NONE && cert->state != CERT_STATE_GOOD)
        feed_say(actions->actors.feed, &actions->actors.children->fetcher.child, &msg, -1);
}

/* Read, numbered, told, and the writer has said what it is. */
static bool is_settled(void *context, const struct listed_cert *cert)
{
    (void)context;
    if (cert->look.is_due)
        return false;
    return cert->state == CERT_STATE_UNUSABLE || (cert->sent.cert_no != CERT_NO_NONE && cert->told.cert_no == cert->sent.cert_no);
}

/* What restarts need. */

static bool send_restart(void *context, uint32_t request)
{
    const struct daemon_actions *actions = context;
    const struct child *writer = &actions->actors.children->writer.child;
    struct msg msg = {.type = MSG_RESTART, .restart = {.request = request}};

    return writer->is_ready && feed_say(actions->actors.feed, writer, &msg, -1);
}

static bool is_apache_running(void *context)
{
    const struct daemon_actions *actions = context;

    actions->actors.look_at_apache(actions->actors.context);
    return actions->actors.facts->apache_pid != 0;
}

static void configtest_failed(void *context, const char *detail)
{
    const struct daemon_actions *actions = context;

    audit_announce(actions->actors.audit,
        &(struct audit_fields){.event = EVENT_APACHE_CONFIGTEST_FAILED,
            .process = PARTY_SUPERVISOR,
            .reason = REASON_CONFIGTEST_FAILED,
            .detail = detail});
}

int daemon_actions_init(struct daemon_actions *actions, const struct daemon_actors *actors)
{
    *actions = (struct daemon_actions){
        .actors = *actors,
        .control = {status, metrics, refresh, resume, restart, reload, deploy, actions},
        .restart_hooks = {send_restart, is_apache_running, configtest_failed, actions},
        .deploy_hooks = {look_at_cert, is_settled, begin_restart, actions},
    };
    actions->restart = restart_new(&actions->restart_hooks);
    actions->deploys = deploys_new(&actions->deploy_hooks, actors->config->list);
    if (actions->restart != NULL && actions->deploys != NULL)
        return 0;
    log_error("out of memory");
    return -1;
}

void daemon_actions_clear(struct daemon_actions *actions)
{
    deploys_free(actions->deploys);
    restart_free(actions->restart);
}
