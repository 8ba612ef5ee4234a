/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "conf/conf_keys.h"
#include "conf/conf_reading.h"
#include "system/file.h"
#include "text/text.h"

/* A key, a path of FILE_PATH_MAX bytes and a comment fit in a line. */
#define LINE_MAX_LEN 8192

/* Where the key's field lies: in the section's certificate, or in the whole. */
static void *field_of(struct conf *conf, const struct conf_key_row *row, struct conf_cert *cert)
{
    switch (row->place) {
    case CONF_PLACE_CERT:
        return (char *)cert + row->offset;
    case CONF_PLACE_POLICY:
        return (char *)(cert == NULL ? &conf->policy : &cert->policy) + row->offset;
    case CONF_PLACE_CONF:
        break;
    }
    return (char *)conf + row->offset;
}

/* Note that the key stands in this line's section; false when it did already. */
static bool note_key(struct conf_reading *r, const struct conf_key_row *row, bool is_cert)
{
    size_t number = (size_t)(row - conf_key_rows);
    uint64_t *seen;

    if (!is_cert) {
        if (r->key_line[number] != 0)
            return conf_fail(r, r->line, "`%s` stands in [%s] already, in line %u", row->name, r->section, r->key_line[number]);
        r->key_line[number] = r->line;
        return true;
    }
    seen = &r->cert_seen[r->conf->cert_count - 1];
    if ((*seen & CONF_KEY_BIT(number)) != 0)
        return conf_fail(r, r->line, "`%s` stands twice in this certificate's section", row->name);
    *seen |= CONF_KEY_BIT(number);
    return true;
}

static bool set_key(struct conf_reading *r, const char *name, const char *value)
{
    struct conf *conf = r->conf;
    bool is_cert = strcmp(r->section, CONF_SECTION_CERT) == 0;
    struct conf_cert *cert = is_cert ? &conf->certs[conf->cert_count - 1] : NULL;
    const struct conf_key_row *row = conf_key_find(r->section, name);
    char why[LOG_TEXT_MAX / 2];

    if (row == NULL) {
        conf_key_suggest(r->section, name, why, sizeof why);
        return conf_fail(r, r->line, "unknown key `%.*s` in [%s]%s", CONF_SHOWN_LEN, name, r->section, why);
    }
    if (!note_key(r, row, is_cert))
        return false;
    if (strchr(value, '\t') != NULL)
        return conf_fail(r, r->line, "`%s` has a tab in its value", name);
    if (!conf_value_set(&row->rule, value, field_of(conf, row, cert), why, sizeof why))
        return conf_fail(r, r->line, "`%s` %s, not `%.*s`", name, why, CONF_SHOWN_LEN, value);
    return true;
}

/* inih's handler: 1 to go on. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
    struct conf_reading *r = user;

    (void)section; /* cut after 49 bytes */
    if (r->section == NULL)
        conf_fail(r, r->line, "`%.*s` stands before the first section", CONF_SHOWN_LEN, name);
    return !r->has_failed && set_key(r, name, value) ? 1 : 0;
}

static bool set_defaults(struct conf_reading *r)
{
    char why[LOG_TEXT_MAX / 2];

    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key_row *row = &conf_key_rows[i];

        if (row->place != CONF_PLACE_CERT
            && !conf_value_set(&row->rule, row->default_text, field_of(r->conf, row, NULL), why, sizeof why))
            return conf_fail(r, 0, "the default of `%s` %s", row->name, why);
    }
    return true;
}

static bool parse_lines(struct conf_reading *r)
{
    int bad_line;

#ifdef HAVE_INI_MAX_LINE
    /* Debian's inih takes its bounds from variables; elsewhere they are what it was built with, and next_line keeps them. */
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_max_line = LINE_MAX_LEN;
    ini_initial_alloc = LINE_MAX_LEN;
#endif
    bad_line = ini_parse_stream(conf_next_line, r, take_pair, r);
    if (bad_line < 0)
        return conf_fail(r, 0, "out of memory");
    if (bad_line > 0 && (!r->has_failed || (unsigned)bad_line < r->failed_line)) {
        r->has_failed = false;
        return conf_fail(
            r, (unsigned)bad_line, "this is no section, no `key = value` and no comment (; or # at the line's start)");
    }
    return !r->has_failed;
}

/* A certificate follows [fetch] in what its own section does not say, wherever in the file [fetch] stands. */
static bool finish_certs(struct conf_reading *r)
{
    struct conf *conf = r->conf;

    for (size_t n = 0; n < conf->cert_count; n++) {
        struct conf_cert *cert = &conf->certs[n];

        if (cert->cert == NULL)
            return conf_fail(r, cert->line, "certificate \"%s\" has no `cert`; add cert = FILE", cert->name);
        for (size_t i = 0; i < conf_key_count; i++) {
            const struct conf_key_row *row = &conf_key_rows[i];

            if (row->place == CONF_PLACE_POLICY && (r->cert_seen[n] & CONF_KEY_BIT(i)) == 0)
                conf_value_copy(&row->rule, (const char *)&conf->policy + row->offset, (char *)&cert->policy + row->offset);
        }
    }
    return true;
}

static int compare_certs(const void *a, const void *b)
{
    const struct conf_cert *first = *(const struct conf_cert *const *)a;
    const struct conf_cert *second = *(const struct conf_cert *const *)b;
    int order = strcmp(first->name, second->name);

    return order != 0 ? order : first->line < second->line ? -1 : 1;
}

/* Name the first section in the file whose name stood before. */
static bool check_names(struct conf_reading *r)
{
    size_t count = r->conf->cert_count;
    const struct conf_cert **sorted = reallocarray(NULL, count + 1, sizeof(struct conf_cert *));
    const struct conf_cert *again = NULL;
    unsigned first_line = 0;

    if (sorted == NULL)
        return conf_fail(r, 0, "out of memory");
    for (size_t i = 0; i < count; i++)
        sorted[i] = &r->conf->certs[i];
    qsort(sorted, count, sizeof *sorted, compare_certs);
    for (size_t i = 1; i < count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0 && (again == NULL || sorted[i]->line < again->line)) {
            again = sorted[i];
            first_line = sorted[i - 1]->line;
        }
    free(sorted);
    return again == NULL
        || conf_fail(r, again->line, "certificate \"%s\" has a section already, in line %u; give this one another name",
            again->name, first_line);
}

/* Where [section] name stands, or 0 for nowhere. */
static unsigned line_of(const struct conf_reading *r, const char *section, const char *name)
{
    return r->key_line[conf_key_find(section, name) - conf_key_rows];
}

static unsigned max_of(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* The processes are kept apart by their users. */
static bool check_users(struct conf_reading *r)
{
    const struct conf *conf = r->conf;
    unsigned fetch_line = line_of(r, "stapleguard", "fetch_user");
    unsigned write_line = line_of(r, "stapleguard", "write_user");
    unsigned apache_line = line_of(r, "apache", "user");

    if (conf_user_is_root(conf->fetch_user))
        return conf_fail(r, fetch_line, "fetch_user must not be root; give it a user of its own");
    if (conf_user_is_root(conf->write_user))
        return conf_fail(r, write_line, "write_user must not be root; give it a user of its own");
    if (conf_user_is_same(conf->fetch_user, conf->write_user))
        return conf_fail(r, max_of(fetch_line, write_line), "fetch_user and write_user must differ; give each its own user");
    if (conf_user_is_same(conf->fetch_user, conf->apache_user))
        return conf_fail(r, max_of(fetch_line, apache_line), "fetch_user must not be Apache's user; give it its own");
    if (conf_user_is_same(conf->write_user, conf->apache_user))
        return conf_fail(r, max_of(write_line, apache_line), "write_user must not be Apache's user; give it its own");
    return true;
}

/* When all lines are read: inheritance, and what only shows in the whole. */
static bool finish(struct conf_reading *r)
{
    return finish_certs(r) && check_names(r) && check_users(r);
}

struct conf *conf_read_stream(FILE *stream, const char *path, char *error, size_t cap)
{
    struct conf_reading r = {.stream = stream, .path = path, .error = error, .error_cap = cap};
    bool is_good = false;

    r.conf = calloc(1, sizeof *r.conf);
    if (r.conf == NULL)
        conf_fail(&r, 0, "out of memory");
    else
        is_good = set_defaults(&r) && parse_lines(&r) && finish(&r);
    free(r.cert_seen);
    if (!is_good) {
        conf_free(r.conf);
        return NULL;
    }
    return r.conf;
}

struct conf *conf_read(const char *path, char *error, size_t cap)
{
    struct conf_reading r = {.path = path, .error = error, .error_cap = cap};
    struct conf *conf = NULL;
    FILE *stream = NULL;
    const char *why;
    int fd = file_open_regular(path, &why);

    if (fd < 0) {
        conf_fail(&r, 0, "%s%s", why, errno == ENOENT ? "; name another file with -c FILE" : "");
        return NULL;
    }
    stream = fdopen(fd, "re");
    if (stream == NULL) {
        conf_fail(&r, 0, "%s", strerror(errno));
        close(fd);
        return NULL;
    }
    conf = conf_read_stream(stream, path, error, cap);
    fclose(stream);
    return conf;
}

void conf_free(struct conf *conf)
{
    if (conf == NULL)
        return;
    for (size_t i = 0; i < conf_key_count; i++)
        if (conf_key_rows[i].place == CONF_PLACE_CONF)
            conf_value_clear(&conf_key_rows[i].rule, field_of(conf, &conf_key_rows[i], NULL));
    for (size_t n = 0; n < conf->cert_count; n++) {
        free(conf->certs[n].name);
        for (size_t i = 0; i < conf_key_count; i++)
            if (conf_key_rows[i].place == CONF_PLACE_CERT)
                conf_value_clear(&conf_key_rows[i].rule, field_of(conf, &conf_key_rows[i], &conf->certs[n]));
    }
    free(conf->certs);
    free(conf);
}
