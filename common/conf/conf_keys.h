/* SPDX-License-Identifier: ISC */
/*
 * Owns: the table of every key: section, name, type, bounds, default, and where in struct conf it lies.
 * Runs in: supervisor, command line.
 * Never: changes while the program runs.
 */
#ifndef STAPLEGUARD_CONF_KEYS_H
#define STAPLEGUARD_CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf_value.h"

/* The section of certificates, as the table names it; in a file it stands with a name. */
#define CONF_SECTION_CERT "certificate"

/* No table of keys is longer: a certificate's section has one bit for each. */
#define CONF_KEYS_MAX 64u
#define CONF_KEY_BIT(number) ((uint64_t)1 << (number))

/* The struct that a key's field lies in. */
enum conf_place {
    CONF_PLACE_CONF,
    CONF_PLACE_CERT,
    CONF_PLACE_POLICY, /* struct conf_cert_policy: a key of [fetch] that may also stand in a certificate's section */
};

struct conf_key_row {
    const char *section;
    const char *name;
    const char *default_text; /* what the field is when the key is not there; NULL: the key must be there */
    enum conf_place place;
    size_t offset;
    struct conf_rule rule;
};

extern const struct conf_key_row conf_key_rows[];
extern const size_t conf_key_count;

/* The row of a key that may stand in the section, or NULL. */
const struct conf_key_row *conf_key_find(const char *section, const char *name);

/* What to do about an unknown key: "; did you mean `X`?" and the keys of the section, or the section where it belongs. */
void conf_key_suggest(const char *section, const char *name, char *out, size_t cap);

#endif
