/* SPDX-License-Identifier: ISC */
#include "base/status_view.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);

    return value != NULL && json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static int64_t number_of(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);

    return value == NULL ? 0 : json_object_get_int64(value);
}

static int64_t time_of(struct json_object *object, const char *name)
{
    struct tm utc = {0};
    const char *end = strptime(text_of(object, name), "%Y-%m-%dT%H:%M:%SZ", &utc);

    return end == NULL || *end != '\0' ? 0 : (int64_t)timegm(&utc);
}

static void read_cert(struct json_object *object, struct cert_view *cert)
{
    struct json_object *staple = member(object, "staple");
    struct json_object *error = member(object, "last_error");

    *cert = (struct cert_view){
        .name = text_of(object, "name"),
        .state = text_of(object, "state"),
        .sha256 = text_of(object, "sha256"),
        .is_must_staple = json_object_get_boolean(member(object, "must_staple")),
        .not_after = time_of(object, "not_after"),
        .served_until = time_of(staple, "served_until"),
        .this_update = time_of(staple, "this_update"),
        .next_update = time_of(staple, "next_update"),
        .next_refresh = time_of(object, "next_refresh"),
        .last_attempt = time_of(object, "last_attempt"),
        .failures = number_of(object, "failures"),
        .error_reason = text_of(error, "reason"),
        .error_detail = text_of(error, "detail"),
    };
}

static int64_t most_starts(struct json_object *processes)
{
    int64_t fetcher = number_of(member(processes, "fetcher"), "starts");
    int64_t writer = number_of(member(processes, "writer"), "starts");

    return fetcher > writer ? fetcher : writer;
}

static void read_service(struct json_object *json, struct status_view *view)
{
    struct json_object *service = member(json, "service");
    struct json_object *apache = member(json, "apache");
    struct json_object *file = member(json, "file");

    view->at = time_of(json, "at");
    view->service_pid = number_of(service, "pid");
    view->most_starts = most_starts(member(json, "processes"));
    view->service_version = text_of(service, "version");
    view->reload_error = text_of(service, "reload_error");
    view->discovery_error = text_of(member(json, "discovery"), "error");
    view->apache_pid = number_of(apache, "pid");
    view->apache_lock = text_of(apache, "lock");
    view->shield = text_of(apache, "shield");
    view->shield_reason = text_of(apache, "shield_reason");
    view->restarts_seen = number_of(apache, "restarts_seen");
    view->last_restart = time_of(apache, "last_restart");
    view->last_away_usec = member(apache, "last_away_us") == NULL ? -1 : number_of(apache, "last_away_us");
    view->entries = number_of(file, "entries");
    view->foreign = number_of(file, "foreign");
    view->committed = time_of(file, "committed");
    view->file_error = text_of(file, "error");
    view->file_detail = text_of(file, "detail");
}

bool status_view_parse(const char *text, struct status_view *view)
{
    struct json_object *json = json_tokener_parse(text);
    struct json_object *certs = member(json, "certificates");

    memset(view, 0, sizeof *view);
    view->json = json;
    if (json == NULL || number_of(json, "version") != 1 || certs == NULL || !json_object_is_type(certs, json_type_array))
        return false;
    read_service(json, view);
    view->cert_count = json_object_array_length(certs);
    view->certs = calloc(view->cert_count + 1, sizeof *view->certs);
    for (size_t i = 0; view->certs != NULL && i < view->cert_count; i++)
        read_cert(json_object_array_get_idx(certs, i), &view->certs[i]);
    return view->certs != NULL;
}

void status_view_clear(struct status_view *view)
{
    json_object_put(view->json);
    free(view->certs);
    view->json = NULL;
    view->certs = NULL;
}

const struct cert_view *status_view_find(const struct status_view *view, const char *sha256)
{
    for (size_t i = 0; i < view->cert_count; i++)
        if (strcmp(view->certs[i].sha256, sha256) == 0)
            return &view->certs[i];
    return NULL;
}

bool cert_view_is_missing(const struct cert_view *cert)
{
    return strcmp(cert->state, "good") != 0 && strcmp(cert->state, "no-ocsp") != 0 && strcmp(cert->state, "expired") != 0;
}
