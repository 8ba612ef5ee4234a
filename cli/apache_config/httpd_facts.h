/* SPDX-License-Identifier: ISC */
/*
 * Owns: what is defined and loaded at a point of the reading, and whether a conditional section counts there.
 * Runs in: command line.
 * Never: asks Apache, or changes what the caller handed in.
 */
#ifndef STAPLEGUARD_HTTPD_FACTS_H
#define STAPLEGUARD_HTTPD_FACTS_H

#include "apache_config/config.h"
#include "apache_config/httpd_files.h"

struct httpd_variable {
    char *name;
    char *value; /* NULL: only defined, or not any more when is_defined is false */
    bool is_defined;
};

struct httpd_facts {
    struct httpd_arena *arena;
    const struct httpd_source *source;
    char *server_root;
    struct httpd_variable *variables;
    size_t variable_count;
    char **modules; /* by both of their names */
    size_t module_count;
};

/* Take over what the source says.  False when there is no memory. */
bool httpd_facts_init(struct httpd_facts *facts, struct httpd_arena *arena, const struct httpd_source *source);

/* Define NAME [VALUE], UnDefine NAME, LoadModule NAME FILE (NAME may also be the source's: "mod_ssl.c").  False when there is no memory. */
bool httpd_facts_define(struct httpd_facts *facts, const char *name, const char *value);
void httpd_facts_undefine(struct httpd_facts *facts, const char *name);
bool httpd_facts_load_module(struct httpd_facts *facts, const char *name);

/* httpd_lookup of httpd_words.h: Define, then the environment. */
const char *httpd_facts_lookup(const void *facts, const char *name, size_t len);

/* ServerRoot DIRECTORY.  False when there is no memory. */
bool httpd_facts_set_root(struct httpd_facts *facts, const char *directory);

/* path as httpd takes it: relative to ServerRoot.  NULL when there is no memory. */
char *httpd_facts_path(const struct httpd_facts *facts, const char *path);

enum httpd_condition { HTTPD_CONDITION_NONE, HTTPD_CONDITION_TRUE, HTTPD_CONDITION_FALSE };

/* Whether a section with this name and these words counts; NONE: the section is no condition. */
enum httpd_condition httpd_facts_condition(
    const struct httpd_facts *facts, const struct httpd_files *files, const char *section, char *const *words, size_t count);

#endif
