/* SPDX-License-Identifier: ISC */
/*
 * Owns: Apache's configuration as Apache itself shows it: directives in effect and their places, sites, certificates, files.
 * Runs in: supervisor; command line (enable, disable).
 * Never: reads a configuration file itself, or takes from a dump what it does not understand.
 *
 * One run of the control program with -t prints all of it.  mod_info's part (DUMP_CONFIG) has the directives; the rest comes
 * without mod_info.  Source: httpd modules/generators/mod_info.c, server/core.c, server/config.c, modules/ssl/ssl_engine_init.c.
 */
#ifndef STAPLEGUARD_APACHE_DUMP_H
#define STAPLEGUARD_APACHE_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "bounds.h"
#include "conf/conf.h"
#include "host/subprocess.h"
#include "text/arena.h"

/* SETTING(constant, directive): what is kept of DUMP_CONFIG.  Of a directive that is no list, the last one counts. */
#define APACHE_SETTING_TABLE(SETTING) \
    SETTING(ENGINE, "SSLEngine") \
    SETTING(CERTIFICATE, "SSLCertificateFile") \
    SETTING(CHAIN_FILE, "SSLCertificateChainFile") \
    SETTING(CA_FILE, "SSLCACertificateFile") \
    SETTING(CA_PATH, "SSLCACertificatePath") \
    SETTING(USE_STAPLING, "SSLUseStapling") \
    SETTING(STAPLING_CACHE, "SSLStaplingCache") \
    SETTING(RETURN_ERRORS, "SSLStaplingReturnResponderErrors") \
    SETTING(FAKE_TRY_LATER, "SSLStaplingFakeTryLater") \
    SETTING(RESPONDER_TIMEOUT, "SSLStaplingResponderTimeout") \
    SETTING(FORCE_URL, "SSLStaplingForceURL") \
    SETTING(MUTEX, "Mutex") \
    SETTING(MD_STAPLING, "MDStapling") \
    SETTING(MD_STAPLE_OTHERS, "MDStapleOthers") \
    SETTING(MD_STORE_DIR, "MDStoreDir") \
    SETTING(MD_DOMAIN, "MDomain") \
    SETTING(SERVER_NAME, "ServerName") \
    SETTING(SERVER_ALIAS, "ServerAlias") \
    SETTING(LISTEN, "Listen") \
    SETTING(PROTOCOL, "Protocol")

enum apache_setting {
#define APACHE_SETTING_CONSTANT(constant, directive) APACHE_##constant,
    APACHE_SETTING_TABLE(APACHE_SETTING_CONSTANT)
#undef APACHE_SETTING_CONSTANT
        APACHE_SETTING_COUNT
};

/* The directive's name as httpd's manual spells it. */
const char *apache_setting_name(enum apache_setting setting);

/* No site: the server level. */
#define APACHE_SERVER ((size_t)-1)

/* Everything below lies in the dump's arena. */

/*
 * Where Apache says that something stands.  source: a file's path as Apache opened it, or a macro (see apache_macro_parse).
 * line: the last line of the file that belongs to it (a backslash joins lines), or a line of the macro's text.
 */
struct apache_place {
    const char *source;
    unsigned line;
};

/* One directive of the table that is in effect, in the order in which Apache reads them. */
struct apache_line {
    enum apache_setting setting;
    char **words; /* arguments, without quotes, variables and macro arguments put in */
    size_t word_count;
    size_t site;       /* index into sites, or APACHE_SERVER */
    bool is_in_md_set; /* in <MDomainSet>: counts for those domains alone */
    struct apache_place place;
};

struct apache_site {
    struct apache_place place; /* of <VirtualHost> */
    char **addresses;          /* as they stand behind <VirtualHost */
    size_t address_count;
    const char *server_name; /* without scheme and port; the server's for a wildcard host that has none; NULL: Apache asks DNS */
    bool has_own_name;       /* a ServerName or ServerAlias stands in it */
    char **aliases;
    size_t alias_count;
    char **certificates; /* SSLCertificateFile, its own or the server's */
    size_t certificate_count;
    const char *chain_file; /* these three: its own or the server's; NULL: none */
    const char *ca_file;
    const char *ca_path;
    bool is_tls; /* SSLEngine on, in it or inherited; or not said, and then a certificate and a Listen for https */
};

struct apache_certificate {
    const char *path;
    const char *chain_file; /* SSLCertificateChainFile of a site that has it; NULL: none */
};

/* All zero: empty.  Paths of sites and certificates are absolute when server_root is known. */
struct apache_dump {
    struct arena arena;
    bool has_config; /* mod_info answered: lines and sites are all there are */
    struct apache_line *lines;
    size_t line_count;
    struct apache_site *sites;
    size_t site_count;
    size_t *effective; /* for apache_dump_effective */
    char **files;      /* DUMP_INCLUDES: every file as often as it was read, the main file first */
    size_t file_count;
    char **modules; /* DUMP_MODULES: "ssl_module", compiled in or loaded */
    size_t module_count;
    struct apache_certificate *certificates; /* DUMP_CERTS: as often as a site has it */
    size_t certificate_count;
    char *server_root; /* DUMP_RUN_CFG; NULL: it was not printed */
    char *pid_file;
    char *user;
};

/* Asking. */

#define APACHE_DUMP_WORDS_MAX 128u
#define APACHE_DUMP_TIMEOUT_SEC 60u

/* A command line for subprocess.h, ended by NULL. */
struct apache_dump_command {
    const char *words[APACHE_DUMP_WORDS_MAX + 1];
    size_t count;
    char load_info[FILE_PATH_MAX + 64];
};

/*
 * Make the command that prints all of the above: [apache] program, or else control.  info_module: mod_info's file, to be loaded
 * where the configuration does not; NULL: none.  conf is borrowed.
 */
void apache_dump_command(const struct conf *conf, const char *info_module, struct apache_dump_command *command);
/* Append an option (borrowed), or an option and its value; value may be NULL.  What has no room is left out. */
void apache_dump_option(struct apache_dump_command *command, const char *option, const char *value);

/* Where distributions have mod_info; NULL: in none of these places. */
const char *apache_dump_find_info(void);

/* Run the command and parse what it prints.  False with one sentence in error (cap bytes), in Apache's own words where it has any. */
bool apache_dump_run(const struct apache_dump_command *command, struct apache_dump *dump, char *error, size_t cap);
/* Put why a command that failed did so into error. */
void apache_dump_explain(
    const struct apache_dump_command *command, const struct subprocess_result *result, char *error, size_t cap);

/* Parse what Apache printed (len bytes, then a byte 0).  False when there is no memory.  apache_dump_free it always. */
bool apache_dump_parse(struct apache_dump *dump, const char *text, size_t len);
void apache_dump_free(struct apache_dump *dump);

/*
 * The line in effect for a site (its own, else the server's) or for the server level (APACHE_SERVER); NULL when httpd's default
 * is.  Of a list, the last one.
 */
const struct apache_line *apache_dump_effective(const struct apache_dump *dump, size_t site, enum apache_setting setting);

/* The Mutex line in effect for "ssl-stapling": the last that names it, else the last for "default"; NULL: none. */
const struct apache_line *apache_dump_mutex(const struct apache_dump *dump);

/* Is the module compiled in or loaded?  name: "socache_dbm". */
bool apache_dump_has_module(const struct apache_dump *dump, const char *name);

/* True when the line's first word is that, in any case; NULL: false. */
bool apache_line_is(const struct apache_line *line, const char *word);

/* The next word of a directive's arguments, as httpd cuts it; NULL at the end, and *rest NULL when there is no memory. */
char *apache_word_next(struct arena *arena, const char **rest);

/* Take a place's source apart.  False: it is no macro.  The four point into source, and the sources end at their quote. */
struct apache_macro {
    const char *defined_in;
    size_t defined_in_len;
    unsigned defined_line; /* the last line of <Macro> */
    const char *used_in;
    size_t used_in_len;
    unsigned used_line;
};

bool apache_macro_parse(const char *source, size_t len, struct apache_macro *macro);

#endif
