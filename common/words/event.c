/* SPDX-License-Identifier: ISC */
#include "words/event.h"

#include <stddef.h>

struct event_row {
    const char *name;
    int parties;
    enum severity severity;
    const char *sentence;
};

static const struct event_row event_rows[EVENT_COUNT] = {
#define EVENT_ROW(constant, name, parties, severity, sentence) {name, parties, severity, sentence},
    EVENT_TABLE(EVENT_ROW)
#undef EVENT_ROW
};

const char *event_name(enum event event)
{
    return (size_t)event < EVENT_COUNT ? event_rows[event].name : NULL;
}

enum severity event_severity(enum event event)
{
    return (size_t)event < EVENT_COUNT ? event_rows[event].severity : SEVERITY_ERROR;
}

const char *event_sentence(enum event event)
{
    return (size_t)event < EVENT_COUNT ? event_rows[event].sentence : "unknown event";
}

bool event_may_come_from(enum event event, enum party party)
{
    return (size_t)event < EVENT_COUNT && (event_rows[event].parties & (int)party) != 0;
}

const char *party_name(enum party party)
{
    switch (party) {
    case PARTY_SUPERVISOR:
        return "supervisor";
    case PARTY_FETCHER:
        return "fetcher";
    case PARTY_WRITER:
        return "writer";
    }
    return "nobody";
}
