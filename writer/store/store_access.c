/* SPDX-License-Identifier: ISC */
#include "store/store_access.h"

#include "report/writer_report.h"
#include "store/store_home.h"
#include "system/log.h"

/* Each attempt costs a process; whoever makes offers must not be able to ask for many. */
#define STORE_RETRY_SEC 5

static void say_store_failed(struct store_access *access, const char *detail)
{
    if (!access->is_failing)
        report_event(EVENT_STORE_FAILED, CERT_NO_NONE, REASON_STORE_FAILED, "%s", detail);
    access->is_failing = true;
}

/* access->store is NULL. */
static void open_store(struct store_access *access, int64_t now)
{
    struct store_home_outcome outcome;
    enum store_result result = store_home_open(access->root, now, &access->store, &outcome);

    access->tried_at = now;
    if (outcome.is_set_aside) {
        access->forget(access->context);
        report_event(
            EVENT_STORE_SET_ASIDE, CERT_NO_NONE, REASON_STORE_CORRUPT, "%.300s; kept as %s", outcome.reason, outcome.aside);
    }
    if (result != STORE_OK)
        say_store_failed(access, outcome.detail);
}

static bool is_time_to_try(const struct store_access *access, int64_t now)
{
    return now < access->tried_at || now - access->tried_at >= STORE_RETRY_SEC;
}

bool store_access_can_read(struct store_access *access, int64_t now)
{
    if (access->store == NULL && is_time_to_try(access, now))
        open_store(access, now);
    return access->store != NULL;
}

bool store_access_can_write(struct store_access *access, int64_t now)
{
    if (!store_access_can_read(access, now))
        return false;
    if (!store_is_writable(access->store) && is_time_to_try(access, now)) {
        access->tried_at = now;
        if (store_home_has_room(access->root)) {
            store_close(access->store);
            access->store = NULL;
            open_store(access, now);
        }
    }
    return access->store != NULL && store_is_writable(access->store);
}

void store_access_read_failed(struct store_access *access, int64_t now)
{
    say_store_failed(access, store_detail(access->store));
    store_close(access->store);
    access->store = NULL;
    open_store(access, now);
}

void store_access_write_failed(struct store_access *access, int64_t now)
{
    if (access->store == NULL)
        return; /* said when it could not be opened */
    say_store_failed(access, store_detail(access->store));
    store_abort(access->store);
    access->tried_at = now;
    if (!store_is_readable(access->store))
        store_access_read_failed(access, now);
}

void store_access_worked(struct store_access *access)
{
    if (access->is_failing)
        log_info("the store can be written again");
    access->is_failing = false;
}
