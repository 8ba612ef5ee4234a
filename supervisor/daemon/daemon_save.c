/* SPDX-License-Identifier: ISC */
#include "daemon/daemon_save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "certs/cert_known.h"
#include "daemon/systemd_notify.h"
#include "status/metrics_text.h"
#include "status/status_json.h"
#include "system/clock.h"
#include "system/log.h"

/* Many changes come together; and saving a hundred thousand certificates takes no more than a twentieth of the time. */
#define SAVE_MSEC 2000
#define SAVE_REST 20

void daemon_save_soon(struct daemon_save *save, int64_t now_msec)
{
    if (save->due_msec == INT64_MAX)
        save->due_msec = now_msec + SAVE_MSEC + SAVE_REST * save->cost_msec;
}

static void say_failed(const char *path, int result)
{
    if (result != 0)
        log_warning("cannot write %s: %s", path, strerror(errno));
}

void daemon_save_now(struct daemon_save *save, const struct daemon_saved *saved)
{
    int64_t begun_msec = clock_monotonic_msec();
    char path[FILE_PATH_MAX + 16];

    snprintf(path, sizeof path, "%s/status.json", saved->conf->state_dir);
    say_failed(path, status_save(path, saved->look_gid, saved->facts, saved->list));
    if (saved->conf->metrics_file != NULL && saved->facts->pid != 0)
        say_failed(saved->conf->metrics_file, metrics_save(saved->conf->metrics_file, saved->facts, saved->list));
    if (saved->is_list_settled) {
        snprintf(path, sizeof path, "%s/known", saved->conf->state_dir);
        say_failed(path, known_write(path, saved->list));
    }
    save->due_msec = INT64_MAX;
    save->cost_msec = clock_monotonic_msec() - begun_msec;
}

void daemon_save_notify(const struct facts *facts, const struct cert_list *list)
{
    size_t good = 0;
    size_t missing = 0;

    for (size_t i = 0; i < list->count; i++) {
        enum cert_state state = list->certs[i].state;

        good += state == CERT_STATE_GOOD ? 1 : 0;
        missing += state != CERT_STATE_GOOD && state != CERT_STATE_NO_OCSP && state != CERT_STATE_EXPIRED ? 1 : 0;
    }
    notify_status("%zu certificate%s: %zu with a staple, %zu without; Apache %s, shield %s", list->count,
        list->count == 1 ? "" : "s", good, missing, facts->apache_pid > 0 ? "runs" : "does not run",
        facts->file.shield == SHIELD_UP ? "up" : "down");
}
