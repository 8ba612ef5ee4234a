/* SPDX-License-Identifier: ISC */
#include "schedule/agenda.h"

#include <stdlib.h>

#define NOWHERE UINT32_MAX

struct item {
    int64_t at;
    uint32_t cert_no;
};

struct agenda {
    struct item *items; /* a binary heap: the earliest first */
    uint32_t count;
    uint32_t cap;
    uint32_t *places; /* by cert_no: where in items, or NOWHERE */
    uint32_t place_cap;
    uint32_t count_max;
    uint32_t crowds[AGENDA_SLOTS];
};

struct agenda *agenda_new(uint32_t count_max)
{
    struct agenda *agenda = calloc(1, sizeof *agenda);

    if (agenda != NULL)
        agenda->count_max = count_max;
    return agenda;
}

void agenda_free(struct agenda *agenda)
{
    if (agenda == NULL)
        return;
    free(agenda->items);
    free(agenda->places);
    free(agenda);
}

static uint32_t doubled(uint32_t cap, uint32_t needed)
{
    uint32_t wanted = cap == 0 ? 64 : cap;

    while (wanted < needed)
        wanted *= 2;
    return wanted;
}

static bool make_room(struct agenda *agenda, uint32_t cert_no)
{
    if (cert_no >= agenda->count_max)
        return false;
    if (cert_no >= agenda->place_cap) {
        uint32_t cap = doubled(agenda->place_cap, cert_no + 1);
        uint32_t *places = reallocarray(agenda->places, cap, sizeof *places);

        if (places == NULL)
            return false;
        for (uint32_t i = agenda->place_cap; i < cap; i++)
            places[i] = NOWHERE;
        agenda->places = places;
        agenda->place_cap = cap;
    }
    if (agenda->count == agenda->cap) {
        uint32_t cap = doubled(agenda->cap, agenda->count + 1);
        struct item *items = reallocarray(agenda->items, cap, sizeof *items);

        if (items == NULL)
            return false;
        agenda->items = items;
        agenda->cap = cap;
    }
    return true;
}

static uint32_t slot_of(int64_t at)
{
    int64_t slot = at / AGENDA_SLOT_SEC % AGENDA_SLOTS;

    return (uint32_t)(slot < 0 ? slot + AGENDA_SLOTS : slot);
}

uint32_t agenda_crowd(const struct agenda *agenda, int64_t at)
{
    return agenda->crowds[slot_of(at)];
}

static void put(struct agenda *agenda, uint32_t place, struct item item)
{
    agenda->items[place] = item;
    agenda->places[item.cert_no] = place;
}

static void rise(struct agenda *agenda, uint32_t place)
{
    struct item item = agenda->items[place];

    while (place > 0 && item.at < agenda->items[(place - 1) / 2].at) {
        put(agenda, place, agenda->items[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(agenda, place, item);
}

static void sink(struct agenda *agenda, uint32_t place)
{
    struct item item = agenda->items[place];

    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child + 1 < agenda->count && agenda->items[child + 1].at < agenda->items[child].at)
            child++;
        if (child >= agenda->count || agenda->items[child].at >= item.at)
            break;
        put(agenda, place, agenda->items[child]);
        place = child;
    }
    put(agenda, place, item);
}

static void take_off(struct agenda *agenda, uint32_t place)
{
    struct item last = agenda->items[--agenda->count];

    agenda->places[agenda->items[place].cert_no] = NOWHERE;
    agenda->crowds[slot_of(agenda->items[place].at)]--;
    if (place == agenda->count)
        return;
    put(agenda, place, last);
    rise(agenda, place);
    sink(agenda, agenda->places[last.cert_no]);
}

bool agenda_set(struct agenda *agenda, uint32_t cert_no, int64_t at)
{
    bool is_down = cert_no < agenda->place_cap && agenda->places[cert_no] != NOWHERE;

    if (is_down)
        take_off(agenda, agenda->places[cert_no]);
    if (at == AGENDA_NEVER)
        return true;
    if (!make_room(agenda, cert_no))
        return false;
    agenda->crowds[slot_of(at)]++;
    put(agenda, agenda->count++, (struct item){at, cert_no});
    rise(agenda, agenda->count - 1);
    return true;
}

int64_t agenda_next_at(const struct agenda *agenda)
{
    return agenda->count == 0 ? AGENDA_NEVER : agenda->items[0].at;
}

bool agenda_take(struct agenda *agenda, int64_t now, uint32_t *cert_no)
{
    if (agenda->count == 0 || agenda->items[0].at > now)
        return false;
    *cert_no = agenda->items[0].cert_no;
    take_off(agenda, 0);
    return true;
}
