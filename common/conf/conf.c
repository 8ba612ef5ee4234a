/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
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

bool conf_fail(struct conf_reading *r, unsigned line, const char *format, ...)
{
    char text[LOG_TEXT_MAX + 1];
    char whole[FILE_PATH_MAX + LOG_TEXT_MAX + 32];
    va_list arguments;
    int len;

    if (r->has_failed)
        return false;
    r->has_failed = true;
    r->failed_line = line;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (line == 0)
        len = snprintf(whole, sizeof whole, "%s: %s", r->path, text);
    else
        len = snprintf(whole, sizeof whole, "%s:%u: %s", r->path, line, text);
    text_clean_copy(r->error, r->error_cap, whole, len < 0 ? 0 : strnlen(whole, sizeof whole));
    return false;
}

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

struct conf *conf_read_stream(FILE *stream, const char *path, char *error, size_t cap)
{
    struct conf_reading r = {.stream = stream, .path = path, .error = error, .error_cap = cap};
    bool is_good = false;

    r.conf = calloc(1, sizeof *r.conf);
    if (r.conf == NULL)
        conf_fail(&r, 0, "out of memory");
    else
        is_good = set_defaults(&r) && parse_lines(&r) && conf_finish(&r);
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
