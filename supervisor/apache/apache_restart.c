/* SPDX-License-Identifier: ISC */
#include "apache/apache_restart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIGTEST_TIMEOUT_SEC 60
/* The writer gives up after 30 s; this is for one that hangs. */
#define ANSWER_WAIT_MSEC 60000

struct waiter {
    struct waiter *next;
    restart_done *done;
    void *owner;
};

struct restart {
    const struct restart_hooks *hooks;
    struct waiter *waiters;        /* owned; empty: nothing is under way */
    struct subprocess *configtest; /* owned; NULL: not running */
    char control[FILE_PATH_MAX + 1];
    uint32_t request;          /* the last one sent */
    int64_t answer_until_msec; /* INT64_MAX: no answer is waited for */
};

struct restart *restart_new(const struct restart_hooks *hooks)
{
    struct restart *restart = calloc(1, sizeof *restart);

    if (restart == NULL)
        return NULL;
    restart->hooks = hooks;
    restart->answer_until_msec = INT64_MAX;
    return restart;
}

static void end(struct restart *restart, enum reason reason, uint32_t away_usec, const char *detail)
{
    struct waiter *waiters = restart->waiters;

    restart->waiters = NULL;
    restart->answer_until_msec = INT64_MAX;
    while (waiters != NULL) {
        struct waiter *waiter = waiters;

        waiters = waiter->next;
        waiter->done(waiter->owner, reason, away_usec, detail);
        free(waiter);
    }
}

void restart_free(struct restart *restart)
{
    struct subprocess_result result;

    if (restart == NULL)
        return;
    if (restart->configtest != NULL) {
        subprocess_take(restart->configtest, &result);
        subprocess_clear(&result);
    }
    end(restart, REASON_INTERNAL, 0, "stapleguardd is stopping");
    free(restart);
}

static bool join(struct restart *restart, restart_done *done, void *owner)
{
    struct waiter *waiter = malloc(sizeof *waiter);

    if (waiter == NULL)
        return false;
    *waiter = (struct waiter){.next = restart->waiters, .done = done, .owner = owner};
    restart->waiters = waiter;
    return true;
}

bool restart_begin(struct restart *restart, const struct conf *conf, int64_t now_msec, restart_done *done, void *owner)
{
    const char *const argv[] = {conf->control, "configtest", NULL};
    bool is_under_way = restart->waiters != NULL;

    if (!join(restart, done, owner))
        return false;
    if (is_under_way)
        return true;
    if (!restart->hooks->is_apache_running(restart->hooks->context)) {
        end(restart, REASON_APACHE_NOT_RUNNING, 0, "");
        return true;
    }
    snprintf(restart->control, sizeof restart->control, "%s", conf->control);
    restart->configtest = subprocess_start(argv, CONFIGTEST_TIMEOUT_SEC, now_msec);
    if (restart->configtest == NULL)
        end(restart, REASON_INTERNAL, 0, "out of memory");
    return true;
}

static void explain_failure(const struct restart *restart, const struct subprocess_result *result, char *out, size_t cap)
{
    char words[2 * DETAIL_MAX];

    subprocess_words(result, words, sizeof words);
    if (result->errno_value != 0)
        snprintf(out, cap, "cannot run %.300s configtest: %s", restart->control, strerror(result->errno_value));
    else
        snprintf(out, cap, "%s", words[0] != '\0' ? words : "it says nothing about why");
}

static void configtest_over(struct restart *restart, int64_t now_msec)
{
    struct subprocess_result result;
    char detail[2 * DETAIL_MAX];
    bool is_fine = subprocess_take(restart->configtest, &result) == 0;

    restart->configtest = NULL;
    if (!is_fine) {
        explain_failure(restart, &result, detail, sizeof detail);
        restart->hooks->configtest_failed(restart->hooks->context, detail);
        end(restart, REASON_CONFIGTEST_FAILED, 0, detail);
    } else if (!restart->hooks->send(restart->hooks->context, ++restart->request)) {
        end(restart, REASON_INTERNAL, 0, "the writer is not running at this moment; try again");
    } else {
        restart->answer_until_msec = now_msec + ANSWER_WAIT_MSEC;
    }
    subprocess_clear(&result);
}

void restart_answered(struct restart *restart, const struct msg_restarted *restarted)
{
    if (restart->answer_until_msec != INT64_MAX && restarted->request == restart->request)
        end(restart, (enum reason)restarted->reason, restarted->away_usec, restarted->detail);
}

void restart_writer_gone(struct restart *restart)
{
    if (restart->answer_until_msec != INT64_MAX)
        end(restart, REASON_INTERNAL, 0, "the writer ended while Apache restarted; stapleguard status tells how it stands");
}

size_t restart_poll(const struct restart *restart, struct pollfd *polled)
{
    return subprocess_poll(restart->configtest, polled);
}

int64_t restart_next_msec(const struct restart *restart, int64_t now_msec)
{
    int64_t command_msec = subprocess_next_msec(restart->configtest, now_msec);

    return command_msec < restart->answer_until_msec ? command_msec : restart->answer_until_msec;
}

void restart_ready(struct restart *restart, int64_t now_msec)
{
    if (restart->configtest != NULL && subprocess_ready(restart->configtest, now_msec))
        configtest_over(restart, now_msec);
    if (restart->answer_until_msec <= now_msec)
        end(restart, REASON_RESTART_UNSEEN, 0, "the writer did not answer");
}
