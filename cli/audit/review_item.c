/* SPDX-License-Identifier: ISC */
#include "audit/review_item.h"

#include <string.h>

#include "audit/review_filter.h"
#include "audit/review_scan.h"
#include "text/hex.h"
#include "text/text.h"
#include "words/event.h"

#define LINE_START "{\"seq\":"
#define TIME_START ",\"time\":\""
#define PREV_START ",\"prev\":\""
#define HASH_START ",\"hash\":\""
#define EPOCH_START ",\"epoch\":"
#define SEAL_START ",\"seal\":\""
#define HEX_LEN (2 * AUDIT_HASH_LEN)

/* text is taken as far as it goes: false when it says something else before it ends. */
static bool take_prefix(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);
    size_t there = (size_t)(end - *at);

    if (memcmp(*at, text, there < len ? there : len) != 0)
        return false;
    *at += there < len ? there : len;
    return true;
}

static void take_digits(const char **at, const char *end)
{
    while (*at < end && **at >= '0' && **at <= '9')
        ++*at;
}

/* What may follow a hash: nothing, the end, or a seal and the end, cut off anywhere but behind the '}'. */
static bool is_cut_end(const char *at, const char *end)
{
    const char *start = at;

    if (at == end)
        return true;
    if (!take_prefix(&at, end, EPOCH_START))
        return false;
    take_digits(&at, end);
    if (at < end && at - start == sizeof EPOCH_START - 1)
        return false;
    if (!take_prefix(&at, end, SEAL_START))
        return false;
    for (size_t i = 0; i < 2 * AUDIT_SEAL_LEN && at < end; i++, at++)
        if (!((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f')))
            return false;
    return at == end || (*at == '"' && at + 1 == end);
}

/* A character at the end may be cut, too: what is there of it is its first octet, and perhaps some that continue it. */
static bool is_clean_so_far(const char *text, size_t len)
{
    size_t whole = len;

    while (whole > 0 && len - whole < 2 && ((unsigned char)text[whole - 1] & 0xc0) == 0x80)
        whole--;
    if (whole > 0 && (unsigned char)text[whole - 1] >= 0xc2)
        whole--;
    else
        whole = len;
    return text_is_clean(text, whole);
}

bool review_item_could_be_torn(const char *text, size_t len)
{
    const char *at = text;
    const char *end = text + len;
    const char *hash;
    char line[AUDIT_LINE_MAX + 1];
    size_t core_len;

    if (len == 0 || len >= AUDIT_LINE_MAX || !is_clean_so_far(text, len) || !take_prefix(&at, end, LINE_START))
        return false;
    take_digits(&at, end);
    if (!take_prefix(&at, end, TIME_START))
        return false;
    hash = memmem(at, (size_t)(end - at), HASH_START, sizeof HASH_START - 1);
    if (hash == NULL || (size_t)(end - hash) < sizeof HASH_START - 1 + HEX_LEN + 1)
        return true;
    /* The hash is there, so it must fit. */
    core_len = (size_t)(hash - text) + sizeof HASH_START - 1 + HEX_LEN + 1;
    memcpy(line, text, core_len);
    line[core_len] = '}';
    return audit_record_read(line, core_len + 1, NULL, NULL) == AUDIT_OK && is_cut_end(text + core_len, end);
}

static void read_claims(const char *text, size_t len, struct review_item *item)
{
    const char *prev;
    size_t start = sizeof LINE_START - 1;
    uint64_t seq = 0;

    if (len > start && memcmp(text, LINE_START, start) == 0)
        for (size_t i = start; i < len && text[i] >= '0' && text[i] <= '9'; i++)
            if (__builtin_mul_overflow(seq, 10, &seq) || __builtin_add_overflow(seq, (uint64_t)(text[i] - '0'), &seq)) {
                seq = 0;
                break;
            }
    item->claimed_seq = seq;
    prev = memmem(text, len, PREV_START, sizeof PREV_START - 1);
    if (prev != NULL && (size_t)(text + len - prev) >= sizeof PREV_START - 1 + HEX_LEN)
        item->has_claimed_prev = hex_read(prev + sizeof PREV_START - 1, item->claimed_prev, AUDIT_HASH_LEN);
}

static void read_record(const struct review_line *line, struct review_item *item)
{
    struct review_record record;

    item->time_sec = -1;
    (void)audit_seal_split(line->text, line->len, &item->seal, &item->is_sealed);
    if (!review_scan(line->text, line->len, &record))
        return;
    item->time_sec = review_value_sec(&record.values[REVIEW_TIME]);
    item->is_gap = review_value_is(&record.values[REVIEW_EVENT], event_name(EVENT_AUDIT_GAP));
    item->is_gap_of_bytes = item->is_gap && record.values[REVIEW_COUNT].at == NULL;
    item->is_seal_off = review_value_is(&record.values[REVIEW_EVENT], event_name(EVENT_AUDIT_SEAL_OFF));
    item->is_seal_failed = review_value_is(&record.values[REVIEW_EVENT], event_name(EVENT_AUDIT_SEAL_FAILED));
}

void review_item_read(const struct review_line *line, const char *torn, size_t torn_len, struct review_item *item)
{
    *item = (struct review_item){.place = {.file = line->file, .line = line->number}, .is_ended = line->is_ended};
    item->result = line->is_cut ? AUDIT_NOT_A_RECORD : audit_record_read(line->text, line->len, &item->before, &item->after);
    item->is_whole_of_torn = torn != NULL && torn_len <= line->len && memcmp(torn, line->text, torn_len) == 0;
    if (item->result == AUDIT_OK) {
        read_record(line, item);
        return;
    }
    read_claims(line->text, line->len, item);
    item->could_be_torn = !line->is_ended && !line->is_cut && review_item_could_be_torn(line->text, line->len);
}
