/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a value of the configuration may be, by type, and turning its text into a field of struct conf.
 * Runs in: supervisor, command line.
 * Never: opens or looks at what a value names.
 */
#ifndef STAPLEGUARD_CONF_VALUE_H
#define STAPLEGUARD_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In brackets: the field's type.  A char * field is NULL or owned. */
enum conf_type {
    CONF_PATH,          /* [char *] absolute */
    CONF_OPTIONAL_PATH, /* [char *] the same; NULL when empty */
    CONF_USER,          /* [char *] a name or a numeric uid */
    CONF_PROXY,         /* [char *] http://host:port, or empty */
    CONF_RESPONDER,     /* [char *] an http or https URL; NULL when empty */
    CONF_TEXT_LAST = CONF_RESPONDER,
    CONF_CHOICE,   /* [bool] one of two words */
    CONF_DURATION, /* [int64_t] seconds, in bounds */
    CONF_COUNT,    /* [unsigned] in bounds */
    CONF_SIZE,     /* [unsigned] bytes, in bounds; k and m are 1024 and 1024 * 1024 */
};

struct conf_rule {
    enum conf_type type;
    int64_t min; /* of CONF_DURATION, CONF_COUNT, CONF_SIZE */
    int64_t max;
    const char *word_true; /* of CONF_CHOICE */
    const char *word_false;
};

/*
 * Check text and store it in *field, which has the type that rule->type names.  On failure returns false, leaves *field as
 * it was, and why (cap bytes) says what is allowed: "must be yes or no".
 */
bool conf_value_set(const struct conf_rule *rule, const char *text, void *field, char *why, size_t cap);

/* Copy a field that owns nothing: CONF_CHOICE, CONF_DURATION, CONF_COUNT, CONF_SIZE. */
void conf_value_copy(const struct conf_rule *rule, const void *from, void *to);

/* Free what a field of this type owns. */
void conf_value_clear(const struct conf_rule *rule, void *field);

/* True when both name the same user, or when it is root, as far as that shows without the user database. */
bool conf_user_is_same(const char *a, const char *b);
bool conf_user_is_root(const char *user);

#endif
