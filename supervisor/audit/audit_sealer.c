/* SPDX-License-Identifier: ISC */
#include "audit/audit_sealer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "audit/audit_key_file.h"
#include "bounds.h"
#include "text/duration.h"

/* Steps of one tick: a clock that jumps by centuries must not keep the service for minutes; a year in one go is 35,040. */
#define EVOLVE_MAX 50000u
/* A file that cannot be written is not tried at each record. */
#define RETRY_SEC 10
#define WAIT_MAX_SEC 60

/* Both keys lie in one page that is neither swapped, dumped nor inherited by what is forked. */
struct secrets {
    struct audit_key key;
    struct audit_key next;
};

struct sealer {
    char path[FILE_PATH_MAX + sizeof AUDIT_KEY_FILE + 1];
    bool is_wanted;
    bool has_key;
    enum sealer_state state;
    unsigned generation;
    struct audit_key_mark mark;
    int64_t retry_sec; /* not before, when the key could not be written down */
    struct secrets *secrets;
    char detail[DETAIL_MAX + 1];
};

static struct secrets *map_secrets(void)
{
    void *page = mmap(NULL, sizeof(struct secrets), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    /* Where one of them is not to be had, the key is as safe as the rest of a root process's memory. */
    (void)mlock(page, sizeof(struct secrets));
    (void)madvise(page, sizeof(struct secrets), MADV_DONTDUMP);
    (void)madvise(page, sizeof(struct secrets), MADV_WIPEONFORK);
    return page;
}

static void wipe(struct sealer *sealer)
{
    explicit_bzero(sealer->secrets, sizeof *sealer->secrets);
    sealer->has_key = false;
}

struct sealer *sealer_new(const char *state_dir, bool is_wanted)
{
    struct sealer *sealer = calloc(1, sizeof *sealer);

    if (sealer == NULL)
        return NULL;
    snprintf(sealer->path, sizeof sealer->path, "%s/" AUDIT_KEY_FILE, state_dir);
    sealer->secrets = map_secrets();
    if (sealer->secrets == NULL) {
        free(sealer);
        return NULL;
    }
    sealer_want(sealer, is_wanted);
    return sealer;
}

void sealer_free(struct sealer *sealer)
{
    if (sealer == NULL)
        return;
    wipe(sealer);
    munmap(sealer->secrets, sizeof *sealer->secrets);
    free(sealer);
}

void sealer_want(struct sealer *sealer, bool is_wanted)
{
    sealer->is_wanted = is_wanted;
    sealer->retry_sec = INT64_MIN;
    if (is_wanted)
        return;
    wipe(sealer);
    sealer->state = SEALER_OFF;
    snprintf(sealer->detail, sizeof sealer->detail, "audit_seal = no");
}

static void say_on(struct sealer *sealer)
{
    char interval[32];

    sealer->state = SEALER_ON;
    duration_format(sealer->secrets->key.interval, interval, sizeof interval);
    snprintf(
        sealer->detail, sizeof sealer->detail, "epoch %" PRIu32 ", a new key every %s", sealer->secrets->key.epoch, interval);
}

static void load(struct sealer *sealer)
{
    enum audit_key_file_result result;

    wipe(sealer);
    result = audit_key_file_read(sealer->path, &sealer->secrets->key, &sealer->mark);
    if (result == AUDIT_KEY_FILE_OK) {
        sealer->has_key = true;
        sealer->generation++;
        say_on(sealer);
        return;
    }
    sealer->state = SEALER_FAILED;
    snprintf(sealer->detail, sizeof sealer->detail, "the key's file %.200s: %s; make %s with: stapleguard audit --setup-seal%s",
        sealer->path, audit_key_file_result_text(result, errno), result == AUDIT_KEY_FILE_MISSING ? "one" : "another",
        result == AUDIT_KEY_FILE_MISSING ? "" : " --replace");
}

/* The epoch to be in: behind now_sec's only while there are more steps than a tick makes. */
static uint32_t wanted_epoch(const struct audit_key *key, int64_t now_sec)
{
    uint32_t epoch = audit_key_epoch_at(key, now_sec);

    if (epoch <= key->epoch)
        return key->epoch;
    return epoch - key->epoch < EVOLVE_MAX ? epoch : key->epoch + EVOLVE_MAX;
}

/* The next key is on the disk before it is used, and the one before is gone from there and from memory. */
static void move_on(struct sealer *sealer, int64_t now_sec)
{
    struct secrets *secrets = sealer->secrets;
    int error = 0;

    secrets->next = secrets->key;
    audit_key_evolve(&secrets->next, wanted_epoch(&secrets->key, now_sec));
    if (audit_key_file_write(sealer->path, &secrets->next, AUDIT_KEY_FILE_FOLLOW, &sealer->mark) != 0)
        error = errno;
    if (error == 0) {
        secrets->key = secrets->next;
        say_on(sealer);
    } else if (error == ESTALE) {
        load(sealer);
    } else if (error != EWOULDBLOCK) {
        sealer->state = SEALER_STUCK;
        snprintf(sealer->detail, sizeof sealer->detail,
            "%.200s cannot be written: %s; records are sealed under the key of epoch %" PRIu32 ", which is past its time",
            sealer->path, strerror(error), secrets->key.epoch);
    }
    if (error != 0)
        sealer->retry_sec = now_sec + (error == ESTALE ? 0 : error == EWOULDBLOCK ? 1 : RETRY_SEC);
    explicit_bzero(&secrets->next, sizeof secrets->next);
}

bool sealer_is_due(const struct sealer *sealer, int64_t now_sec)
{
    const struct audit_key *key = &sealer->secrets->key;

    return sealer->has_key && audit_key_epoch_at(key, now_sec) > key->epoch
        && (now_sec >= sealer->retry_sec || sealer->retry_sec > now_sec + RETRY_SEC);
}

void sealer_tick(struct sealer *sealer, int64_t now_sec)
{
    if (!sealer->is_wanted)
        return;
    if (!sealer->has_key || !audit_key_file_is(sealer->path, &sealer->mark))
        load(sealer);
    if (sealer_is_due(sealer, now_sec))
        move_on(sealer, now_sec);
}

int64_t sealer_wait_sec(const struct sealer *sealer, int64_t now_sec)
{
    const struct audit_key *key = &sealer->secrets->key;
    int64_t end_sec;
    int64_t wait_sec;

    if (!sealer->has_key || __builtin_mul_overflow((int64_t)key->epoch + 1, (int64_t)key->interval, &end_sec)
        || __builtin_add_overflow(end_sec, key->start, &end_sec) || __builtin_sub_overflow(end_sec, now_sec, &wait_sec)
        || wait_sec > WAIT_MAX_SEC)
        return WAIT_MAX_SEC;
    return wait_sec < 1 ? 1 : wait_sec;
}

enum sealer_state sealer_state(const struct sealer *sealer)
{
    return sealer->state;
}

unsigned sealer_generation(const struct sealer *sealer)
{
    return sealer->generation;
}

const char *sealer_detail(const struct sealer *sealer)
{
    return sealer->detail;
}

const struct audit_key *sealer_key(const struct sealer *sealer)
{
    return sealer->has_key ? &sealer->secrets->key : NULL;
}
