/* SPDX-License-Identifier: ISC */
#include "state/writer_state.h"

#include "state/writer_report.h"
#include "store/store_home.h"
#include "system/clock.h"
#include "system/log.h"

/* Each attempt costs a process; whoever makes offers must not be able to ask for many. */
#define STORE_RETRY_SEC 5

static void say_store_failed(struct writer *writer, const char *detail)
{
    if (!writer->is_store_failing)
        report_event(EVENT_STORE_FAILED, CERT_NO_NONE, REASON_STORE_FAILED, "%s", detail);
    writer->is_store_failing = true;
}

/* writer->store is NULL. */
static void open_store(struct writer *writer, int64_t now)
{
    struct store_home_outcome outcome;
    enum store_result result = store_home_open(writer->root, now, &writer->store, &outcome);

    writer->store_tried_at = now;
    if (outcome.is_set_aside) {
        roster_forget_held(writer->roster);
        report_event(
            EVENT_STORE_SET_ASIDE, CERT_NO_NONE, REASON_STORE_CORRUPT, "%.300s; kept as %s", outcome.reason, outcome.aside);
    }
    if (result != STORE_OK)
        say_store_failed(writer, outcome.detail);
}

static bool is_time_to_try(const struct writer *writer, int64_t now)
{
    return now < writer->store_tried_at || now - writer->store_tried_at >= STORE_RETRY_SEC;
}

bool writer_has_store(struct writer *writer, int64_t now)
{
    if (writer->store == NULL && is_time_to_try(writer, now))
        open_store(writer, now);
    return writer->store != NULL;
}

bool writer_can_store(struct writer *writer, int64_t now)
{
    if (!writer_has_store(writer, now))
        return false;
    if (!store_is_writable(writer->store) && is_time_to_try(writer, now)) {
        writer->store_tried_at = now;
        if (store_home_has_room(writer->root)) {
            store_close(writer->store);
            writer->store = NULL;
            open_store(writer, now);
        }
    }
    return writer->store != NULL && store_is_writable(writer->store);
}

void writer_read_failed(struct writer *writer, int64_t now)
{
    say_store_failed(writer, store_detail(writer->store));
    store_close(writer->store);
    writer->store = NULL;
    open_store(writer, now);
}

void writer_write_failed(struct writer *writer, int64_t now)
{
    say_store_failed(writer, store_detail(writer->store));
    store_abort(writer->store);
    writer->store_tried_at = now;
    if (!store_is_readable(writer->store))
        writer_read_failed(writer, now);
}

void writer_store_worked(struct writer *writer)
{
    if (writer->is_store_failing)
        log_info("the store can be written again");
    writer->is_store_failing = false;
}

bool writer_clock_is_right(struct writer *writer, int64_t now)
{
    if (clock_is_plausible(now))
        return true;
    if (!writer->is_clock_wrong_said)
        report_event(EVENT_CLOCK_WRONG, CERT_NO_NONE, REASON_CLOCK_WRONG,
            "it shows %lld s since 1970, before this was built at %lld s; old staples stay", (long long)now,
            (long long)clock_build_date());
    writer->is_clock_wrong_said = true;
    return false;
}
