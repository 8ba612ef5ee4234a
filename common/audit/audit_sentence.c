/* SPDX-License-Identifier: ISC */
#include "audit/audit_sentence.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text/text.h"

/* execve(2) failed in the child: the convention of the shell. */
#define STATUS_NOT_EXECUTED 127

struct sentence {
    const struct audit_fields *fields;
    char *out;
    size_t len;
};

/* The put functions return false when the record does not have the member. */
typedef bool put_member(struct sentence *sentence);

static void put(struct sentence *sentence, const char *text, size_t len)
{
    size_t room = AUDIT_SENTENCE_MAX - sentence->len;

    len = len < room ? len : room;
    memcpy(sentence->out + sentence->len, text, len);
    sentence->len += len;
}

static bool put_word(struct sentence *sentence, const char *word)
{
    put(sentence, word, strlen(word));
    return true;
}

static bool put_text(struct sentence *sentence, const char *text, size_t max)
{
    char clean[URL_MAX + 1];

    if (text == NULL || text[0] == '\0')
        return false;
    put(sentence, clean, text_clean_copy(clean, max + 1, text, strlen(text)));
    return true;
}

/* Numbers and words of our own. */
static __attribute__((format(printf, 2, 3))) bool put_format(struct sentence *sentence, const char *format, ...)
{
    char text[160];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return put_word(sentence, text);
}

static bool put_time(struct sentence *sentence, int64_t seconds)
{
    time_t time = (time_t)seconds;
    char text[64];
    struct tm local;

    return seconds != 0 && localtime_r(&time, &local) != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z", &local) > 0
        && put_word(sentence, text);
}

static bool put_number(struct sentence *sentence, int64_t value)
{
    return value != 0 && put_format(sentence, "%" PRId64, value);
}

static bool put_process(struct sentence *sentence)
{
    return put_word(sentence, party_name(sentence->fields->process));
}

static bool put_responder(struct sentence *sentence)
{
    return put_text(sentence, sentence->fields->responder, URL_MAX);
}

static bool put_next_update(struct sentence *sentence)
{
    return put_time(sentence, sentence->fields->next_update);
}

static bool put_expiry(struct sentence *sentence)
{
    return put_time(sentence, sentence->fields->expiry);
}

static bool put_reason(struct sentence *sentence)
{
    enum reason reason = sentence->fields->reason;

    if (reason == REASON_NONE)
        return false;
    put_word(sentence, reason_sentence(reason));
    return put_format(sentence, " (%s)", reason_word(reason));
}

static bool put_detail(struct sentence *sentence)
{
    return put_text(sentence, sentence->fields->detail, DETAIL_MAX);
}

static bool put_bytes(struct sentence *sentence)
{
    return put_number(sentence, sentence->fields->bytes);
}

static bool put_count(struct sentence *sentence)
{
    return put_number(sentence, sentence->fields->count);
}

static bool put_duration(struct sentence *sentence)
{
    uint32_t msec = sentence->fields->duration_msec;

    if (msec == 0)
        return false;
    if (msec < 1000)
        return put_format(sentence, "%" PRIu32 " ms", msec);
    return put_format(sentence, "%" PRIu32 ".%" PRIu32 " s", msec / 1000, msec % 1000 / 100);
}

static bool put_http_status(struct sentence *sentence)
{
    return put_number(sentence, sentence->fields->http_status);
}

static bool put_pid(struct sentence *sentence)
{
    return put_number(sentence, sentence->fields->pid);
}

/* How a process ended. */
static bool put_status(struct sentence *sentence)
{
    int32_t status = sentence->fields->status;
    const char *signal_name = status < 0 && status > -65 ? sigabbrev_np(-status) : NULL;

    if (!sentence->fields->has_status)
        return false;
    if (status == STATUS_NOT_EXECUTED)
        return put_word(sentence, "it could not be executed; check that it is installed beside stapleguardd");
    if (status >= 0)
        return put_format(sentence, "exit code %" PRId32, status);
    if (signal_name != NULL)
        return put_format(sentence, "killed by SIG%s", signal_name);
    return put_format(sentence, "killed by signal %" PRIu32, 0 - (uint32_t)status);
}

static bool put_named(struct sentence *sentence, const char *name, size_t len)
{
    static const struct {
        const char *name;
        put_member *put;
    } members[] = {{"process", put_process}, {"responder", put_responder}, {"next_update", put_next_update},
        {"expiry", put_expiry}, {"reason", put_reason}, {"detail", put_detail}, {"bytes", put_bytes}, {"count", put_count},
        {"duration_ms", put_duration}, {"http_status", put_http_status}, {"pid", put_pid}, {"status", put_status}};

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strlen(members[i].name) == len && memcmp(members[i].name, name, len) == 0)
            return members[i].put(sentence);
    return false;
}

/* The part between { and }: names with '|' between them, of which the first that is there counts; or a number and its noun. */
static bool put_placeholder(struct sentence *sentence, const char *text, size_t len)
{
    const char *end = text + len;
    const char *noun = memchr(text, ' ', len);
    size_t start = sentence->len;

    if (noun != NULL) {
        const char *plural = memchr(noun + 1, ' ', (size_t)(end - noun - 1));
        bool is_there = put_named(sentence, text, (size_t)(noun - text));
        bool is_one = sentence->len == start + 1 && sentence->out[start] == '1';

        if (is_there)
            put(sentence, is_one ? noun : plural, (size_t)(is_one ? plural - noun : end - plural));
        return is_there;
    }
    for (const char *at = text; at < end;) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        const char *name_end = bar == NULL ? end : bar;

        if (put_named(sentence, at, (size_t)(name_end - at)))
            return true;
        at = name_end + 1;
    }
    return false;
}

size_t audit_sentence(const struct audit_fields *fields, char out[AUDIT_SENTENCE_MAX + 1])
{
    struct sentence sentence = {.fields = fields, .out = out};
    const char *at = event_sentence(fields->event);
    size_t part = 0; /* where the part in [ ] began */
    bool is_whole = true;

    while (*at != '\0') {
        size_t plain = strcspn(at, "[]{");

        put(&sentence, at, plain);
        at += plain;
        if (*at == '[') {
            part = sentence.len;
            is_whole = true;
            at++;
        } else if (*at == ']') {
            sentence.len = is_whole ? sentence.len : part;
            at++;
        } else if (*at == '{') {
            size_t len = strcspn(++at, "}");

            is_whole = put_placeholder(&sentence, at, len) && is_whole;
            at += len + 1;
        }
    }
    out[sentence.len] = '\0';
    return sentence.len;
}
