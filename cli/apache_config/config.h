/* SPDX-License-Identifier: ISC */
/*
 * Owns: Apache's configuration as Apache reads it: the files, the virtual hosts that speak TLS, the stapling directives.
 * Runs in: command line.
 * Never: writes a file, runs Apache, or takes what it does not understand for something it knows.
 *
 * Followed as httpd does it: Include and IncludeOptional with wildcards, Define and ${NAME}, IfModule, IfDefine, IfFile,
 * IfVersion, IfDirective, IfSection, Macro and Use, lines that go on after a backslash.  augeas' httpd lens says what is a
 * section and what is a directive; a file that it cannot read is an error.
 * Source: httpd server/config.c, server/core.c, server/util.c, modules/core/mod_macro.c.
 */
#ifndef STAPLEGUARD_CONFIG_H
#define STAPLEGUARD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What the caller found out from Apache itself; everything is borrowed. */
struct httpd_source {
    const char *server_root; /* absolute: HTTPD_ROOT of `apachectl -V` */
    const char *conf_file;   /* SERVER_CONFIG_FILE; relative to server_root or absolute */
    /*
     * Modules that are there before the first line is read: compiled in (`apachectl -l`), or about to be loaded by a
     * change that is not in the files yet.  As IfModule has them: "mod_so.c" or "ssl_module".  LoadModule lines are read.
     */
    const char *const *modules;
    size_t module_count;
    const char *const *defines; /* of the command line (-D): NAME or NAME=VALUE */
    size_t define_count;
    const char *const *environment; /* NAME=VALUE, ended by NULL: what envvars exports; NULL: none */
    const char *version;            /* "2.4.71", for IfVersion; NULL: 2.4.99 */
};

/* Where something stands.  path: the real file, without symbolic links; borrowed from the tree.  line: from 1; 0: nowhere. */
struct httpd_place {
    const char *path;
    unsigned line;
};

/* HTTPD_SETTING(constant, directive, is_list).  Of one that is no list, the last that is read counts. */
/* clang-format off */
#define HTTPD_SETTING_TABLE(HTTPD_SETTING) \
    HTTPD_SETTING(ENGINE, "SSLEngine", false) \
    HTTPD_SETTING(CERTIFICATE, "SSLCertificateFile", true) \
    HTTPD_SETTING(USE_STAPLING, "SSLUseStapling", false) \
    HTTPD_SETTING(STAPLING_CACHE, "SSLStaplingCache", false) \
    HTTPD_SETTING(RETURN_ERRORS, "SSLStaplingReturnResponderErrors", false) \
    HTTPD_SETTING(FAKE_TRY_LATER, "SSLStaplingFakeTryLater", false) \
    HTTPD_SETTING(RESPONDER_TIMEOUT, "SSLStaplingResponderTimeout", false) \
    HTTPD_SETTING(FORCE_URL, "SSLStaplingForceURL", false) \
    HTTPD_SETTING(MUTEX, "Mutex", true) \
    HTTPD_SETTING(MD_STAPLING, "MDStapling", false) \
    HTTPD_SETTING(MD_STAPLE_OTHERS, "MDStapleOthers", false) \
    HTTPD_SETTING(MD_DOMAIN, "MDomain", true) \
    HTTPD_SETTING(SERVER_NAME, "ServerName", false) \
    HTTPD_SETTING(SERVER_ALIAS, "ServerAlias", true) \
    HTTPD_SETTING(SERVER_ROOT, "ServerRoot", false) \
    HTTPD_SETTING(LISTEN, "Listen", true) \
    HTTPD_SETTING(PROTOCOL, "Protocol", false)

enum httpd_setting {
#define HTTPD_SETTING_CONSTANT(constant, directive, is_list) HTTPD_##constant,
    HTTPD_SETTING_TABLE(HTTPD_SETTING_CONSTANT)
#undef HTTPD_SETTING_CONSTANT
    HTTPD_SETTING_COUNT
};
/* clang-format on */

/* The directive's name as httpd's manual spells it. */
const char *httpd_setting_name(enum httpd_setting setting);

#define HTTPD_NONE ((size_t)-1)

/* One directive of the table that is in effect, in the order in which Apache reads them; all borrowed from the tree. */
struct httpd_line {
    enum httpd_setting setting;
    char **words; /* arguments, without quotes, variables put in */
    size_t word_count;
    size_t vhost;             /* index into vhosts, or HTTPD_NONE: server level */
    struct httpd_place place; /* of a macro: in the macro's body */
    struct httpd_place use;   /* of the outermost Use that brought it in; line 0: it is from no macro */
    size_t begin;             /* the bytes of its line in the file, with the line's end */
    size_t end;
};

struct httpd_vhost {
    struct httpd_place place; /* of <VirtualHost> */
    struct httpd_place use;   /* as in struct httpd_line */
    size_t begin;             /* the byte of place.path where its line begins */
    size_t close;             /* and where the line of </VirtualHost> begins, in the same file */
    char **addresses;         /* as they stand behind <VirtualHost, variables put in */
    size_t address_count;
    /* Without scheme and port; the server's for a wildcard host that has none; NULL: Apache asks DNS. */
    const char *server_name;
    bool has_own_name; /* a ServerName or ServerAlias stands in it */
    char **aliases;
    size_t alias_count;
    char **certificates; /* SSLCertificateFile, absolute */
    size_t certificate_count;
    bool is_tls; /* SSLEngine on, in it or inherited; or not said, and then a certificate and a Listen for https */
};

struct httpd_tree;

/*
 * Read the configuration.  Returns a new tree that httpd_tree_free ends, or NULL; then error (cap bytes, clean text) is one
 * sentence, "PATH:LINE: what is wrong; what to do".
 */
struct httpd_tree *httpd_tree_load(const struct httpd_source *source, char *error, size_t cap);
void httpd_tree_free(struct httpd_tree *tree);

/* All virtual hosts in Apache's order; those with is_tls are what the rest is about. */
size_t httpd_tree_vhost_count(const struct httpd_tree *tree);
const struct httpd_vhost *httpd_tree_vhost(const struct httpd_tree *tree, size_t index);

/* All directives of the table in Apache's order. */
size_t httpd_tree_line_count(const struct httpd_tree *tree);
const struct httpd_line *httpd_tree_line(const struct httpd_tree *tree, size_t index);

/*
 * The line in effect for a virtual host (its own, else the server's) or for the server level (vhost: HTTPD_NONE); NULL when
 * httpd's default is.  For a list: the last one.
 */
const struct httpd_line *httpd_tree_effective(const struct httpd_tree *tree, size_t vhost, enum httpd_setting setting);

/* True when the line's first word is "on". */
bool httpd_line_is_on(const struct httpd_line *line);

/* The Mutex line in effect for "ssl-stapling": the last that names it, else the last for "default"; NULL: none. */
const struct httpd_line *httpd_tree_mutex(const struct httpd_tree *tree);

/* Every file that was read, once, by its real path; in the order of reading. */
size_t httpd_tree_file_count(const struct httpd_tree *tree);
const char *httpd_tree_file(const struct httpd_tree *tree, size_t index);

#endif
