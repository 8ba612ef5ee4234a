/* SPDX-License-Identifier: ISC */
/*
 * Owns: having stapleguardd fetch: through the running service, by starting its unit, or by single passes.
 * Runs in: command line (enable, disable), as root.
 * Never: fetches itself.
 */
#ifndef STAPLEGUARD_SERVICE_CONTROL_H
#define STAPLEGUARD_SERVICE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "enable/sites.h"

enum service_way {
    SERVICE_RUNNING, /* somebody runs it: it is asked over its control socket */
    SERVICE_UNIT,    /* systemd's stapleguard.service, which is not running: enabled and started */
    SERVICE_ONCE,    /* no unit, or its timer is used: `stapleguardd --once` */
};

/* How it can be done here; changes nothing. */
enum service_way service_look(const struct conf *conf, const char *config_path);

/* `stapleguardd -n`: is the configuration right, and the program there?  Returns 0, or -1 with error. */
int service_check(const char *config_path, char *error, size_t cap);

/*
 * Enable the unit for the next boot, start it, and wait until it is ready; not for one whose fetcher or writer ends again and
 * again, and not when is_interrupted.  Returns 0, or -1 with error.
 */
int service_start(const struct conf *conf, bool (*is_interrupted)(void), char *error, size_t cap);
/* Undo it; without waiting, for the caller may be a part of the unit's own start. */
void service_disable(void);
void service_stop_soon(void);
/* Disable and stop it, and wait for its end: it lifts the shield then. */
int service_end(char *error, size_t cap);

/*
 * Until every certificate of the sites that can be stapled has its staple in Apache's file.  is_interrupted: asked while it
 * waits.  Returns 0 when all have; 1 when some have none (is_without): error (cap bytes) names the first and why; -1 with error
 * when it cannot be done at all.
 */
int service_fetch(enum service_way way, const struct conf *conf, const char *config_path, struct sites *sites,
    bool (*is_interrupted)(void), char *error, size_t cap);

#endif
