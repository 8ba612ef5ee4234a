/* SPDX-License-Identifier: ISC */
/*
 * Owns: telling systemd how we are (sd_notify(3)) and its watchdog.
 * Runs in: supervisor (daemon).
 * Never: matters when there is no systemd.
 *
 * Our own few lines and not libsystemd: the protocol is one datagram, and the root process links nothing it can do without
 * (sd_notify(3), "Standalone Implementations").
 */
#ifndef STAPLEGUARD_SYSTEMD_NOTIFY_H
#define STAPLEGUARD_SYSTEMD_NOTIFY_H

#include <stdint.h>

/* Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and take them out of the environment.  Call once. */
void notify_init(void);

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* One line for `systemctl status`. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Half of the watchdog's interval in milliseconds; 0 without one. */
int64_t notify_watchdog_msec(void);
void notify_watchdog(void);

#endif
