/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tables of keys, events, reasons and members of a record, one row a line, tabs between.
 * Runs in: the tests that compare the manual and the documentation with them.
 * Never: installed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit_record.h"
#include "conf/conf_keys.h"
#include "text/duration.h"
#include "words/event.h"
#include "words/reason.h"

/* As one would write it in the file. */
static void format_size(int64_t bytes, char *out, size_t cap)
{
    if (bytes % (1024 * 1024) == 0)
        snprintf(out, cap, "%" PRId64 "m", bytes / (1024 * 1024));
    else if (bytes % 1024 == 0)
        snprintf(out, cap, "%" PRId64 "k", bytes / 1024);
    else
        snprintf(out, cap, "%" PRId64, bytes);
}

static void print_bounds(const struct conf_rule *rule, void (*format)(int64_t value, char *out, size_t cap))
{
    char min[32];
    char max[32];

    format(rule->min, min, sizeof min);
    format(rule->max, max, sizeof max);
    printf("%s to %s", min, max);
}

static void format_duration(int64_t seconds, char *out, size_t cap)
{
    duration_format(seconds, out, cap);
}

static void print_allowed(const struct conf_rule *rule)
{
    switch (rule->type) {
    case CONF_PATH:
        printf("absolute path");
        break;
    case CONF_OPTIONAL_PATH:
        printf("absolute path, or empty");
        break;
    case CONF_USER:
        printf("user name or number");
        break;
    case CONF_PROXY:
        printf("http://HOST:PORT, or empty");
        break;
    case CONF_RESPONDER:
        printf("http or https URL, or empty");
        break;
    case CONF_CHOICE:
        printf("%s or %s", rule->word_true, rule->word_false);
        break;
    case CONF_DURATION:
        print_bounds(rule, format_duration);
        break;
    case CONF_COUNT:
        printf("%" PRId64 " to %" PRId64, rule->min, rule->max);
        break;
    case CONF_SIZE:
        print_bounds(rule, format_size);
        break;
    }
}

static void print_keys(void)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key_row *row = &conf_key_rows[i];

        printf("key\t%s\t%s\t%s\t", row->section, row->name, row->default_text == NULL ? "MUST BE THERE" : row->default_text);
        print_allowed(&row->rule);
        printf("\t%s\n", row->place == CONF_PLACE_POLICY ? "per certificate" : "");
    }
}

static void print_events(void)
{
    static const char *const severities[] = {"info", "warning", "error"};
    static const enum party parties[] = {PARTY_SUPERVISOR, PARTY_FETCHER, PARTY_WRITER};

    for (int event = 0; event < EVENT_COUNT; event++) {
        const char *separator = "";

        printf("event\t%s\t", event_name((enum event)event));
        for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++)
            if (event_may_come_from((enum event)event, parties[i])) {
                printf("%s%s", separator, party_name(parties[i]));
                separator = ", ";
            }
        printf("\t%s\n", severities[event_severity((enum event)event)]);
    }
}

static void print_reasons(void)
{
    for (int reason = 0; reason < REASON_COUNT; reason++)
        printf("reason\t%s\t%s\n", reason_word((enum reason)reason), reason_sentence((enum reason)reason));
}

/* Of a record in which nothing is left out. */
static void print_members(void)
{
    static const uint8_t octets[32] = {1};
    const struct audit_fields fields = {.process = PARTY_WRITER,
        .cert = "c",
        .sha256 = octets,
        .serial = octets,
        .serial_len = 1,
        .responder = "r",
        .this_update = 1,
        .next_update = 1,
        .expiry = 1,
        .reason = REASON_EXPIRED,
        .detail = "d",
        .bytes = 1,
        .count = 1,
        .duration_msec = 1,
        .http_status = 1,
        .pid = 1,
        .has_status = true};
    const struct audit_key key = {.interval = 1};
    struct audit_chain chain = {0};
    char line[AUDIT_LINE_MAX + 1];

    audit_record_format(&fields, 0, &chain, &key, line);
    for (char *at = line; (at = strchr(at, '"')) != NULL; at++) {
        char *end = strchr(at + 1, '"');

        if (end == NULL)
            return;
        if (end[1] == ':')
            printf("member\t%.*s\n", (int)(end - at - 1), at + 1);
        at = end;
    }
}

int main(void)
{
    print_keys();
    print_events();
    print_reasons();
    print_members();
    return 0;
}
