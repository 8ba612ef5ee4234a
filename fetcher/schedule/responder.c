/* SPDX-License-Identifier: ISC */
#include "schedule/responder.h"

#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "http/retry_rules.h"

struct responders {
    struct pool *pool;
    unsigned at_a_time;
    void *tree; /* of struct responder, tsearch(3), by origin */
    struct responder *first_turn;
    struct responder *last_turn;
};

static int compare_origins(const void *a, const void *b)
{
    return strcmp(((const struct responder *)a)->origin, ((const struct responder *)b)->origin);
}

struct responders *responders_new(struct pool *pool, unsigned at_a_time)
{
    struct responders *responders = calloc(1, sizeof *responders);

    if (responders == NULL)
        return NULL;
    responders->pool = pool;
    responders->at_a_time = at_a_time;
    return responders;
}

void responders_free(struct responders *responders)
{
    if (responders == NULL)
        return;
    tdestroy(responders->tree, free);
    free(responders);
}

struct responder *responders_find(struct responders *responders, const char *origin)
{
    size_t len = strlen(origin);
    struct responder *key = calloc(1, sizeof *key + len + 1);
    struct responder **found;

    if (key == NULL)
        return NULL;
    memcpy(key->origin, origin, len + 1);
    key->first_waiting = CERT_NO_NONE;
    key->last_waiting = CERT_NO_NONE;
    found = tsearch(key, &responders->tree, compare_origins);
    if (found == NULL || *found != key)
        free(key);
    return found == NULL ? NULL : *found;
}

/* Join the turns when there is something to do. */
static void take_turn(struct responders *responders, struct responder *responder)
{
    bool has_place = responder->is_given_up || responder->running < responders->at_a_time;

    if (responder->has_turn || responder->first_waiting == CERT_NO_NONE || !has_place)
        return;
    responder->has_turn = true;
    responder->next_turn = NULL;
    if (responders->last_turn != NULL)
        responders->last_turn->next_turn = responder;
    else
        responders->first_turn = responder;
    responders->last_turn = responder;
}

void responders_enqueue(struct responders *responders, struct responder *responder, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(responders->pool, cert_no);

    entry->asking.next_waiting = CERT_NO_NONE;
    entry->asking.stage = POOL_WAITING;
    if (responder->last_waiting == CERT_NO_NONE)
        responder->first_waiting = cert_no;
    else
        pool_at(responders->pool, responder->last_waiting)->asking.next_waiting = cert_no;
    responder->last_waiting = cert_no;
    take_turn(responders, responder);
}

bool responders_next(struct responders *responders, uint32_t *cert_no, struct responder **out)
{
    struct responder *responder = responders->first_turn;
    struct pool_entry *entry;

    if (responder == NULL)
        return false;
    responders->first_turn = responder->next_turn;
    if (responders->first_turn == NULL)
        responders->last_turn = NULL;
    responder->has_turn = false;
    *cert_no = responder->first_waiting;
    entry = pool_at(responders->pool, *cert_no);
    responder->first_waiting = entry->asking.next_waiting;
    if (responder->first_waiting == CERT_NO_NONE)
        responder->last_waiting = CERT_NO_NONE;
    entry->asking.next_waiting = CERT_NO_NONE;
    entry->asking.stage = POOL_ASKING;
    responder->running++;
    take_turn(responders, responder);
    *out = responder;
    return true;
}

void responders_ended(struct responders *responders, struct responder *responder, enum reason reason, int64_t now_msec)
{
    responder->running--;
    if (!rules_is_silence(reason)) {
        responder->silent_in_row = 0;
        responder->is_given_up = false;
    } else if (!responder->is_given_up) {
        responder->last_silence = reason;
        responder->silent_in_row++;
        responder->is_given_up = responder->silent_in_row >= RESPONDER_FAILURES_MAX;
        responder->rests_until_msec = now_msec + RESPONDER_REST_MSEC;
    }
    take_turn(responders, responder);
}

void responders_left(struct responders *responders, struct responder *responder)
{
    responder->running--;
    take_turn(responders, responder);
}

bool responders_is_given_up(struct responder *responder, int64_t now_msec)
{
    if (!responder->is_given_up)
        return false;
    if (now_msec < responder->rests_until_msec)
        return true;
    /* This one finds out; one more silence, and it rests again. */
    responder->is_given_up = false;
    responder->silent_in_row = RESPONDER_FAILURES_MAX - 1;
    return false;
}

int64_t responders_reserve(struct responder *responder, int64_t now_msec)
{
    int64_t slot_msec = responder->next_slot_msec > now_msec ? responder->next_slot_msec : now_msec;

    responder->next_slot_msec = slot_msec + 1000 / RESPONDER_REQUESTS_PER_SEC;
    return slot_msec;
}

static void clear_line(const void *node, VISIT visit, void *closure)
{
    struct responder *responder = *(struct responder *const *)node;

    (void)closure;
    if (visit != preorder && visit != leaf)
        return;
    responder->running = 0;
    responder->first_waiting = CERT_NO_NONE;
    responder->last_waiting = CERT_NO_NONE;
    responder->has_turn = false;
}

void responders_clear(struct responders *responders)
{
    responders->first_turn = NULL;
    responders->last_turn = NULL;
    twalk_r(responders->tree, clear_line, NULL);
}

static void forgive(const void *node, VISIT visit, void *closure)
{
    struct responder *responder = *(struct responder *const *)node;

    (void)closure;
    if (visit != preorder && visit != leaf)
        return;
    responder->silent_in_row = 0;
    responder->is_given_up = false;
}

void responders_forgive(struct responders *responders)
{
    twalk_r(responders->tree, forgive, NULL);
}
