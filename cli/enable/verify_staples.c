/* SPDX-License-Identifier: ISC */
#include "enable/verify_staples.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cert/asn1_value.h"
#include "enable/enable_steps.h"
#include "system/clock.h"

/* A new generation of Apache is there by then; what it does not serve now it will not serve later. */
#define PATIENCE_MSEC 15000
#define AGAIN_MSEC 100

/* A site with several certificates answers a client with the one whose key type the client can use. */
static const struct key_type {
    const char *name;
    const char *signatures;
} key_types[] = {
    {"RSA", "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"},
    {"ECDSA", "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"},
    {"EdDSA", "ed25519:ed448"},
};

#define KEY_TYPES (sizeof key_types / sizeof key_types[0])

struct view {
    struct visit visits[KEY_TYPES];
    size_t count;
};

static void look(const struct visitor *visitor, const struct site *site, struct view *view)
{
    bool has_several = site->cert_count > 1;

    view->count = has_several ? KEY_TYPES : 1;
    for (size_t i = 0; i < view->count; i++)
        visitor_visit(visitor, site->target, site->server_name, has_several ? key_types[i].signatures : NULL, &view->visits[i]);
}

static const struct visit *visit_of(const struct view *view, const struct site_cert *cert)
{
    for (size_t i = 0; i < view->count; i++)
        if (view->visits[i].result != VISIT_FAILED
            && memcmp(view->visits[i].sha256, cert->cert.sha256, sizeof cert->cert.sha256) == 0)
            return &view->visits[i];
    return NULL;
}

/* One certificate of a site.  Returns true when it is served as it should be. */
static bool judge(const struct site *site, const struct site_cert *cert, const struct view *view, char *error, size_t cap)
{
    const struct visit *visit = visit_of(view, cert);

    if (cert->state != CERT_STATE_MISSING || cert->is_without)
        return true;
    if (visit != NULL && visit->result == VISIT_GOOD)
        return true;
    if (visit == NULL && view->visits[0].result == VISIT_FAILED)
        snprintf(error, cap, "%s (%s): no handshake: %s", site->name, site->target, view->visits[0].detail);
    else if (visit == NULL)
        snprintf(error, cap, "%s (%s) answers with another certificate than %s; does another virtual host take its name?",
            site->name, site->target, cert->path);
    else if (visit->result == VISIT_BAD_STAPLE)
        snprintf(error, cap, "%s (%s) serves a staple that clients refuse: %s", site->name, site->target, visit->detail);
    else
        snprintf(
            error, cap, "%s (%s) serves no staple for %s; Apache's error log may say why", site->name, site->target, cert->path);
    return false;
}

/* Another virtual host takes its name and address, and does well: nobody ever sees this one, so there is nothing to see. */
static bool is_shadowed(const struct site *site, const struct view *view)
{
    bool is_well = false;

    for (size_t i = 0; i < view->count; i++)
        is_well = is_well || view->visits[i].result == VISIT_GOOD || view->visits[i].result == VISIT_QUIET;
    for (size_t i = 0; i < site->cert_count; i++)
        if (visit_of(view, &site->certs[i]) != NULL)
            return false;
    return is_well;
}

static bool judge_site(const struct site *site, const struct view *view, char *error, size_t cap)
{
    if (is_shadowed(site, view))
        return true;
    for (size_t i = 0; i < site->cert_count; i++)
        if (!judge(site, &site->certs[i], view, error, cap))
            return false;
    return true;
}

static void tell(const struct site *site, const struct view *view)
{
    char text[ASN1_TIME_TEXT_SIZE];

    if (site->cert_count > 0 && is_shadowed(site, view)) {
        setup_say("warning: %s (%s): another virtual host answers there, so nobody sees %s", site->name, site->target,
            site->certs[0].path);
        return;
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct visit *visit = &view->visits[i];
        const char *type = view->count > 1 ? key_types[i].name : "";
        const char *blank = view->count > 1 ? " " : "";

        asn1_time_text(visit->next_update, text);
        if (visit->result == VISIT_GOOD)
            setup_say("%s%s%s: a good staple (next update %s)", site->name, blank, type, text);
        else if (visit->result == VISIT_QUIET)
            setup_say("%s%s%s: no staple, and its certificate can have none", site->name, blank, type);
        else if (visit->result == VISIT_NO_STAPLE)
            setup_say("%s%s%s: no staple", site->name, blank, type);
        else if (visit->result == VISIT_BAD_STAPLE)
            setup_say("%s%s%s: a staple that clients refuse: %s", site->name, blank, type, visit->detail);
        else if (view->count == 1)
            setup_say("%s: no handshake: %s", site->name, visit->detail);
    }
}

int verify_staples(
    const struct visitor *visitor, const struct sites *sites, bool (*is_interrupted)(void), char *error, size_t cap)
{
    int64_t until_msec = clock_monotonic_msec() + PATIENCE_MSEC;

    for (size_t i = 0; i < sites->count; i++) {
        struct view view;

        look(visitor, &sites->items[i], &view);
        while (!judge_site(&sites->items[i], &view, error, cap)) {
            if (is_interrupted() || clock_monotonic_msec() > until_msec)
                return -1;
            poll(NULL, 0, AGAIN_MSEC);
            look(visitor, &sites->items[i], &view);
        }
        tell(&sites->items[i], &view);
    }
    return 0;
}

void verify_tell(const struct visitor *visitor, const struct sites *sites)
{
    for (size_t i = 0; i < sites->count; i++) {
        struct view view;

        if (sites->items[i].target[0] == '\0')
            continue;
        look(visitor, &sites->items[i], &view);
        tell(&sites->items[i], &view);
    }
}
