/* SPDX-License-Identifier: ISC */
/*
 * Owns: the names of certificates whose files do not exist any more, for one pass.
 * Runs in: writer.
 * Never: decides; served_set.c looks here.
 */
#ifndef STAPLEGUARD_GONE_NAMES_H
#define STAPLEGUARD_GONE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SHA-256 of a name: what a record of the store remembers of the name that it was configured under. */
#define GONE_NAME_ID_LEN 32u

struct gone_name {
    uint8_t id[GONE_NAME_ID_LEN];
    char *name; /* owned */
};

/* All zero: empty. */
struct gone {
    struct gone_name *names; /* owned */
    size_t count;
};

/* Returns false when libcrypto gives no digest. */
bool gone_name_id(const char *name, uint8_t id[GONE_NAME_ID_LEN]);

/* Keep a copy of name.  Returns false when memory ends. */
bool gone_add(struct gone *gone, const char *name);

/* The name with this id, or NULL. */
const char *gone_find(const struct gone *gone, const uint8_t id[GONE_NAME_ID_LEN]);

void gone_clear(struct gone *gone);

#endif
