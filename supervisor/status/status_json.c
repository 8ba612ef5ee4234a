/* SPDX-License-Identifier: ISC */
#include "status/status_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "system/save_file.h"
#include "text/escape.h"

#define STATUS_VERSION 1

/* RFC 3339, UTC; null for none. */
static void put_time(FILE *out, const char *name, int64_t when)
{
    time_t seconds = (time_t)when;
    char text[40];
    struct tm utc;

    fprintf(out, "\"%s\":", name);
    if (when <= 0 || gmtime_r(&seconds, &utc) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        fputs("null", out);
    else
        fprintf(out, "\"%s\"", text);
}

static void put_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\"%s\":", name);
    if (text == NULL || text[0] == '\0')
        fputs("null", out);
    else
        escape_json(out, text);
}

static void put_hex(FILE *out, const char *name, const uint8_t *octets, size_t len)
{
    fprintf(out, "\"%s\":\"", name);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02x", octets[i]);
    putc('"', out);
}

static void put_child(FILE *out, const char *name, const struct facts_child *child)
{
    fprintf(out, "\"%s\":{\"pid\":%d,\"starts\":%" PRIu32 ",", name, child->pid > 0 ? (int)child->pid : 0, child->starts);
    put_time(out, "started", child->started_at);
    putc(',', out);
    put_time(out, "next_start", child->next_start_at);
    putc('}', out);
}

static const char *shield_word(const struct facts *facts)
{
    static const char *const words[] = {"down", "up", "impossible"};

    return facts->file.shield < SHIELD_STATE_COUNT ? words[facts->file.shield] : "down";
}

static const char *lock_word(enum apache_lock_kind kind)
{
    return kind == APACHE_LOCK_FLOCK ? "flock" : kind == APACHE_LOCK_FCNTL ? "fcntl" : "none";
}

static void put_service(FILE *out, const struct facts *facts)
{
    fprintf(out, "\"service\":{\"version\":\"%s\",\"pid\":%d,", STAPLEGUARD_VERSION, (int)facts->pid);
    put_time(out, "started", facts->started_at);
    putc(',', out);
    put_text(out, "config", facts->config_path);
    putc(',', out);
    put_time(out, "reloaded", facts->reloaded_at);
    putc(',', out);
    put_text(out, "reload_error", facts->reload_error);
    fputs("},\"processes\":{", out);
    put_child(out, "fetcher", &facts->fetcher);
    putc(',', out);
    put_child(out, "writer", &facts->writer);
    fputs("},\"discovery\":{", out);
    put_time(out, "at", facts->discovered_at);
    putc(',', out);
    put_text(out, "error", facts->discovery_error);
    putc('}', out);
}

static void put_apache(FILE *out, const struct facts *facts)
{
    bool is_failed = facts->commit.reason != REASON_NONE;

    fprintf(out, "\"apache\":{\"pid\":%d,\"lock\":\"%s\",\"shield\":\"%s\",", (int)facts->apache_pid,
        lock_word(facts->apache_lock), shield_word(facts));
    put_text(out, "shield_reason", facts->file.shield == SHIELD_UP ? "" : reason_word((enum reason)facts->file.reason));
    fprintf(out, ",\"restarts_seen\":%" PRIu32 ",", facts->file.restarts);
    put_time(out, "last_restart", facts->file.restart_at);
    if (facts->file.away_usec == UINT32_MAX)
        fputs(",\"last_away_us\":null},", out);
    else
        fprintf(out, ",\"last_away_us\":%" PRIu32 "},", facts->file.away_usec);
    fprintf(out, "\"file\":{\"entries\":%" PRIu32 ",\"foreign\":%" PRIu32 ",", facts->commit.entries, facts->commit.foreign);
    put_time(out, "committed", facts->committed_at);
    fprintf(out, ",\"commits\":%" PRIu64 ",", facts->commits);
    put_text(out, "error", is_failed ? reason_word((enum reason)facts->commit.reason) : "");
    putc(',', out);
    put_text(out, "detail", facts->commit.detail);
    putc('}', out);
}

static void put_cert(FILE *out, const struct listed_cert *cert)
{
    fputs("{", out);
    put_text(out, "name", cert->name);
    fprintf(
        out, ",\"state\":\"%s\",\"must_staple\":%s,", cert_state_word(cert->state), cert->told.is_must_staple ? "true" : "false");
    put_text(out, "file", cert->path);
    putc(',', out);
    put_hex(out, "sha256", cert->told.sha256, cert->told.is_known ? sizeof cert->told.sha256 : 0);
    putc(',', out);
    put_hex(out, "serial", cert->told.serial, cert->told.serial_len);
    putc(',', out);
    put_time(out, "not_after", cert->told.not_after);
    fputs(",\"staple\":{", out);
    put_time(out, "this_update", cert->staple.this_update);
    putc(',', out);
    put_time(out, "next_update", cert->staple.next_update);
    putc(',', out);
    put_time(out, "fetched", cert->staple.fetched_at);
    putc(',', out);
    put_time(out, "served_until", cert->staple.expiry);
    fputs("},", out);
    put_time(out, "next_refresh", cert->asked.next_at);
    putc(',', out);
    put_time(out, "last_attempt", cert->asked.at);
    fprintf(out, ",\"failures\":%" PRIu32 ",\"last_error\":", cert->asked.failures);
    if (cert->trouble.reason == REASON_NONE) {
        fputs("null}", out);
        return;
    }
    putc('{', out);
    put_text(out, "reason", reason_word(cert->trouble.reason));
    putc(',', out);
    put_text(out, "detail", cert->trouble.detail != NULL ? cert->trouble.detail : reason_sentence(cert->trouble.reason));
    fputs("}}", out);
}

char *status_text(const struct facts *facts, const struct cert_list *list, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (out == NULL)
        return NULL;
    fprintf(out, "{\"version\":%d,", STATUS_VERSION);
    put_time(out, "at", (int64_t)time(NULL));
    putc(',', out);
    put_service(out, facts);
    putc(',', out);
    put_apache(out, facts);
    fputs(",\"certificates\":[", out);
    for (size_t i = 0; i < list->count; i++) {
        fputs(i == 0 ? "\n" : ",\n", out);
        put_cert(out, &list->certs[i]);
    }
    fputs("]}\n", out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

int status_save(const char *path, gid_t gid, const struct facts *facts, const struct cert_list *list)
{
    size_t len = 0;
    char *text = status_text(facts, list, &len);
    int result;

    if (text == NULL) {
        errno = ENOMEM;
        return -1;
    }
    result = save_file(path, gid == (gid_t)-1 ? 0600 : 0640, gid, text, len);
    free(text);
    return result;
}
