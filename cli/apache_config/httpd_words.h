/* SPDX-License-Identifier: ISC */
/*
 * Owns: how httpd cuts a directive's arguments into words, and puts in ${NAME} and a macro's arguments.
 * Runs in: command line.
 * Never: looks a variable up itself, or gives a word an end that httpd would not.
 * Source: httpd server/util.c (ap_getword_conf, ap_resolve_env), modules/core/mod_macro.c (substitute_macro_args).
 */
#ifndef STAPLEGUARD_HTTPD_WORDS_H
#define STAPLEGUARD_HTTPD_WORDS_H

#include "apache_config/config_arena.h"

/* The value of a variable (len bytes at name), borrowed; NULL: there is none, and ${NAME} stays as it is. */
typedef const char *(*httpd_lookup)(const void *context, const char *name, size_t len);

/* What a text may become: longer ones are taken for a mistake or an attack. */
#define HTTPD_TEXT_MAX (1024u * 1024u)

/*
 * The next word at *rest, which moves behind it and the blanks that follow.  Quotes and the backslashes that they need are
 * gone, variables are not put in.  Returns NULL at the end of the text, or when there is no memory (then *rest is NULL).
 */
char *httpd_word_next(struct httpd_arena *arena, const char **rest);

/* text with every variable put in; NULL when there is no memory or the text would be longer than HTTPD_TEXT_MAX. */
char *httpd_words_expand(struct httpd_arena *arena, const char *text, httpd_lookup lookup, const void *context);

/*
 * text with each of the count names replaced by its value, once, from left to right; where two names fit, the longer.
 * NULL as above.
 */
char *httpd_words_substitute(struct httpd_arena *arena, const char *text, char *const *names, char *const *values, size_t count);

/* Blank as httpd's apr_isspace has it: also \v, \f and \r. */
bool httpd_is_blank(char c);

#endif
