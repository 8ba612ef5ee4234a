/* SPDX-License-Identifier: ISC */
/*
 * Owns: what of the daemon outlives it (what was known, the saved status) and what others read of it (metrics, systemctl).
 * Runs in: supervisor (daemon).
 * Never: fails the service because a file cannot be written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "certs/cert_known.h"
#include "daemon/daemon_state.h"
#include "daemon/systemd_notify.h"
#include "status/metrics_text.h"
#include "status/status_json.h"
#include "system/clock.h"
#include "system/log.h"

/* Many changes come together; and saving a hundred thousand certificates takes no more than a twentieth of the time. */
#define SAVE_MSEC 2000
#define SAVE_REST 20

void daemon_save_soon(struct daemon *daemon, int64_t now_msec)
{
    if (daemon->save_msec == DAEMON_NEVER && !daemon->settings.options->is_once)
        daemon->save_msec = now_msec + SAVE_MSEC + SAVE_REST * daemon->save_cost_msec;
}

static void save(int (*write)(const char *, const struct daemon *), const char *path, const struct daemon *daemon)
{
    if (write(path, daemon) != 0)
        log_warning("cannot write %s: %s", path, strerror(errno));
}

static int write_known(const char *path, const struct daemon *daemon)
{
    return known_write(path, daemon->pool);
}

static int write_status(const char *path, const struct daemon *daemon)
{
    return status_save(path, daemon->settings.look_gid, &daemon->facts, daemon->pool);
}

static int write_metrics(const char *path, const struct daemon *daemon)
{
    return metrics_save(path, &daemon->facts, daemon->pool);
}

void daemon_save(struct daemon *daemon)
{
    int64_t begun_msec = clock_monotonic_msec();
    char path[FILE_PATH_MAX + 16];

    daemon->save_msec = DAEMON_NEVER;
    daemon_say_status(daemon);
    snprintf(path, sizeof path, "%s/status.json", daemon->conf->state_dir);
    save(write_status, path, daemon);
    if (daemon->conf->metrics_file != NULL && !daemon->settings.options->is_once)
        save(write_metrics, daemon->conf->metrics_file, daemon);
    /* Before all have been told of, and after an interruption, the file of the last run knows more. */
    if (daemon->is_committed && !daemon->once.report.is_interrupted) {
        snprintf(path, sizeof path, "%s/known", daemon->conf->state_dir);
        save(write_known, path, daemon);
    }
    daemon->save_cost_msec = clock_monotonic_msec() - begun_msec;
}

void daemon_say_status(const struct daemon *daemon)
{
    size_t good = 0;
    size_t missing = 0;

    for (size_t i = 0; i < daemon->pool->count; i++) {
        enum cert_state state = daemon->pool->certs[i].state;

        good += state == CERT_STATE_GOOD ? 1 : 0;
        missing += state != CERT_STATE_GOOD && state != CERT_STATE_NO_OCSP && state != CERT_STATE_EXPIRED ? 1 : 0;
    }
    notify_status("%zu certificate%s: %zu with a staple, %zu without; Apache %s, shield %s", daemon->pool->count,
        daemon->pool->count == 1 ? "" : "s", good, missing, daemon->facts.apache_pid > 0 ? "runs" : "does not run",
        daemon->facts.file.shield == SHIELD_UP ? "up" : "down");
}
