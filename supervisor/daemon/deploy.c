/* SPDX-License-Identifier: ISC */
#include "daemon/deploy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Even a responder that hangs has failed by then (timeout, several URLs). */
#define ATTEMPT_WAIT_MSEC 120000
/* While a responder does not know the certificate yet, it is asked again: soon, then half as often each time, up to the last. */
#define AGAIN_FIRST_MSEC 2000
#define AGAIN_LAST_MSEC 15000
/* How often a deploy is looked at while it waits for something that tells nobody. */
#define TICK_MSEC 500

struct deploy_cert {
    char *name;    /* owned */
    int64_t since; /* attempts that ended from here on count; seconds since 1970 */
};

struct deploy {
    struct deploys *deploys;
    struct deploy *next;
    struct control_request *request;
    struct deploy_cert *certs; /* owned */
    size_t count;
    int64_t attempt_until_msec;
    int64_t wait_until_msec;
    int64_t again_msec;
    int64_t again_wait_msec;
    bool is_restarting;
    int code;
};

struct deploys {
    const struct deploy_hooks *hooks;
    struct cert_list *list;
    struct deploy *first;
};

struct deploys *deploys_new(const struct deploy_hooks *hooks, struct cert_list *list)
{
    struct deploys *deploys = calloc(1, sizeof *deploys);

    if (deploys == NULL)
        return NULL;
    deploys->hooks = hooks;
    deploys->list = list;
    return deploys;
}

static void forget(struct deploys *deploys, struct deploy *deploy)
{
    struct deploy **link = &deploys->first;

    while (*link != NULL && *link != deploy)
        link = &(*link)->next;
    if (*link != NULL)
        *link = deploy->next;
    for (size_t i = 0; i < deploy->count; i++)
        free(deploy->certs[i].name);
    free(deploy->certs);
    free(deploy);
}

void deploys_free(struct deploys *deploys)
{
    if (deploys == NULL)
        return;
    while (deploys->first != NULL) {
        control_say(deploys->first->request, "stapleguardd is stopping");
        control_end(deploys->first->request, 2);
        forget(deploys, deploys->first);
    }
    free(deploys);
}

void deploys_change_list(struct deploys *deploys, struct cert_list *list)
{
    deploys->list = list;
}

/* Does the file at path lie in directory (an absolute, resolved name), by the name it has or by the one it leads to? */
static bool is_in(const char *path, const char *directory)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];
    char resolved[PATH_MAX];

    if (slash == NULL || (size_t)(slash - path) >= sizeof parent)
        return false;
    snprintf(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return realpath(parent, resolved) != NULL && strcmp(resolved, directory) == 0;
}

static bool add(struct deploy *deploy, const struct listed_cert *cert, int64_t now)
{
    struct deploy_cert *certs = reallocarray(deploy->certs, deploy->count + 1, sizeof *certs);

    if (certs == NULL)
        return false;
    deploy->certs = certs;
    certs[deploy->count] = (struct deploy_cert){.name = strdup(cert->name), .since = now};
    if (certs[deploy->count].name == NULL)
        return false;
    deploy->count++;
    return true;
}

/* The certificates of one lineage.  Returns false when memory ends. */
static bool add_lineage(struct deploys *deploys, struct deploy *deploy, const char *directory)
{
    char resolved[PATH_MAX];
    size_t before = deploy->count;

    if (realpath(directory, resolved) == NULL) {
        control_say(deploy->request, "%s: there is no such directory", directory);
        deploy->code = 3;
        return true;
    }
    for (size_t i = 0; i < deploys->list->count; i++) {
        struct listed_cert *cert = &deploys->list->certs[i];

        if (!is_in(cert->path, resolved))
            continue;
        if (!add(deploy, cert, (int64_t)time(NULL)))
            return false;
        deploys->hooks->look(deploys->hooks->context, cert);
    }
    if (deploy->count == before)
        control_say(deploy->request, "%s: none of its certificates is managed; nothing to do", directory);
    return true;
}

static void end(struct deploys *deploys, struct deploy *deploy, int code)
{
    control_end(deploy->request, code > deploy->code ? code : deploy->code);
    forget(deploys, deploy);
}

void deploys_begin(struct deploys *deploys, struct control_request *request, char *const *directories, size_t count,
    int64_t wait_sec, int64_t now_msec)
{
    struct deploy *deploy = calloc(1, sizeof *deploy);

    if (deploy == NULL) {
        control_say(request, "out of memory");
        control_end(request, 2);
        return;
    }
    *deploy = (struct deploy){
        .deploys = deploys,
        .next = deploys->first,
        .request = request,
        .attempt_until_msec = now_msec + ATTEMPT_WAIT_MSEC,
        .wait_until_msec = now_msec + wait_sec * 1000,
        .again_msec = now_msec + AGAIN_FIRST_MSEC,
        .again_wait_msec = AGAIN_FIRST_MSEC,
    };
    deploys->first = deploy;
    for (size_t i = 0; i < count; i++)
        if (!add_lineage(deploys, deploy, directories[i])) {
            control_say(request, "out of memory");
            end(deploys, deploy, 2);
            return;
        }
    if (deploy->count == 0)
        end(deploys, deploy, 0);
}

enum progress {
    PROGRESS_WAITS,
    PROGRESS_HAS_STAPLE, /* or needs none */
    PROGRESS_FAILED,     /* an attempt ended without one */
};

static enum progress progress_of(const struct deploys *deploys, const struct deploy_cert *wanted, const struct listed_cert *cert)
{
    if (cert == NULL || !deploys->hooks->is_settled(deploys->hooks->context, cert))
        return PROGRESS_WAITS;
    switch (cert->state) {
    case CERT_STATE_GOOD:
    case CERT_STATE_NO_OCSP:
    case CERT_STATE_EXPIRED:
        return PROGRESS_HAS_STAPLE;
    case CERT_STATE_UNUSABLE:
    case CERT_STATE_REVOKED:
    case CERT_STATE_UNKNOWN:
        return PROGRESS_FAILED;
    default:
        return cert->asked.failures > 0 && cert->asked.at >= wanted->since ? PROGRESS_FAILED : PROGRESS_WAITS;
    }
}

static void say_outcome(const struct deploy *deploy, const struct listed_cert *cert, enum progress progress)
{
    if (cert == NULL)
        return;
    if (progress != PROGRESS_HAS_STAPLE)
        control_say(deploy->request, "%s: no staple yet: %s%s", cert->name,
            cert->trouble.detail != NULL ? cert->trouble.detail : reason_sentence(cert->trouble.reason),
            cert->told.is_must_staple ? " (must-staple)" : "");
    else if (cert->state == CERT_STATE_GOOD)
        control_say(deploy->request, "%s: its staple is in Apache's file", cert->name);
    else
        control_say(deploy->request, "%s: nothing to staple (%s)", cert->name, cert_state_word(cert->state));
}

static void restarted(void *owner, enum reason reason, uint32_t away_usec, const char *detail)
{
    struct deploy *deploy = owner;

    (void)away_usec;
    if (reason == REASON_NONE) {
        control_say(deploy->request, "Apache restarted: %s", detail);
        end(deploy->deploys, deploy, 0);
    } else {
        control_say(
            deploy->request, "Apache was not restarted: %s%s%s", reason_sentence(reason), detail[0] != '\0' ? ": " : "", detail);
        end(deploy->deploys, deploy, 2);
    }
}

/* All that can be had is there: what is missing decides. */
static void finish(struct deploys *deploys, struct deploy *deploy)
{
    bool is_harmful = false;

    for (size_t i = 0; i < deploy->count; i++) {
        const struct listed_cert *cert = cert_list_find_name(deploys->list, deploy->certs[i].name);
        enum progress progress = progress_of(deploys, &deploy->certs[i], cert);

        say_outcome(deploy, cert, progress);
        if (progress == PROGRESS_HAS_STAPLE)
            continue;
        deploy->code = deploy->code > 1 ? deploy->code : 1;
        is_harmful = is_harmful || (cert != NULL && cert->told.is_must_staple);
    }
    if (is_harmful) {
        control_say(deploy->request,
            "Apache is not restarted: a must-staple certificate without a staple would take its site "
            "down; it goes on with the old one.  Try again later, with --wait, or: stapleguard restart");
        end(deploys, deploy, 2);
        return;
    }
    deploy->is_restarting = true;
    if (!deploys->hooks->restart(deploys->hooks->context, restarted, deploy)) {
        control_say(deploy->request, "out of memory");
        end(deploys, deploy, 2);
    }
}

/* Returns whether everything is decided. */
static bool look_at(struct deploys *deploys, struct deploy *deploy, int64_t now_msec)
{
    bool is_decided = true;
    bool is_again = now_msec >= deploy->again_msec && now_msec < deploy->wait_until_msec;

    for (size_t i = 0; i < deploy->count; i++) {
        struct listed_cert *cert = cert_list_find_name(deploys->list, deploy->certs[i].name);
        enum progress progress = progress_of(deploys, &deploy->certs[i], cert);

        if (progress == PROGRESS_WAITS && now_msec < deploy->attempt_until_msec)
            is_decided = false;
        if (progress == PROGRESS_FAILED && now_msec < deploy->wait_until_msec)
            is_decided = false;
        if (progress == PROGRESS_FAILED && is_again && cert != NULL)
            deploys->hooks->look(deploys->hooks->context, cert);
    }
    if (is_again) {
        deploy->again_wait_msec = deploy->again_wait_msec * 2 < AGAIN_LAST_MSEC ? deploy->again_wait_msec * 2 : AGAIN_LAST_MSEC;
        deploy->again_msec = now_msec + deploy->again_wait_msec;
    }
    return is_decided;
}

int64_t deploys_tick(struct deploys *deploys, int64_t now_msec)
{
    struct deploy *next;
    bool is_waiting = false;

    for (struct deploy *deploy = deploys->first; deploy != NULL; deploy = next) {
        next = deploy->next;
        if (deploy->is_restarting)
            continue;
        if (look_at(deploys, deploy, now_msec))
            finish(deploys, deploy);
        else
            is_waiting = true;
    }
    return is_waiting ? now_msec + TICK_MSEC : INT64_MAX;
}
