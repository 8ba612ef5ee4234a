/* SPDX-License-Identifier: ISC */
#include "conf/conf_reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "conf/conf_keys.h"
#include "text/text.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

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

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

/* Clean as text.h has it, but for tabs, which are as good as blanks between words. */
static bool is_clean_line(const char *line)
{
    while (*line != '\0') {
        size_t len = strcspn(line, "\t");

        if (!text_is_clean(line, len))
            return false;
        line += len;
        line += *line == '\t' ? 1 : 0;
    }
    return true;
}

/*
 * Read a line without its end into line (cap bytes).  False at the end of the file, or when something is wrong with the line
 * (then r->has_failed).
 */
static bool read_line(struct conf_reading *r, char *line, size_t cap)
{
    size_t len = 0;
    int c;

    r->line++;
    while ((c = getc_unlocked(r->stream)) != EOF && c != '\n') {
        if (c == '\0')
            return conf_fail(r, r->line, "there is a NUL byte; a configuration is plain text");
        if (len + 1 >= cap)
            return conf_fail(r, r->line, "the line is longer than %zu bytes", cap - 1);
        line[len++] = (char)c;
    }
    if (c == EOF && ferror_unlocked(r->stream))
        return conf_fail(r, 0, "cannot be read: %s", strerror(errno));
    if (c == EOF && len == 0)
        return false;
    r->bytes += len + 1;
    if (r->bytes > CONF_FILE_MAX)
        return conf_fail(r, 0, "is larger than %u bytes", CONF_FILE_MAX);
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    return is_clean_line(line)
        || conf_fail(r, r->line, "there is a control character, or a byte that is not UTF-8; a configuration is plain text");
}

static bool add_cert(struct conf_reading *r, const char *name, size_t name_len)
{
    struct conf *conf = r->conf;
    struct conf_cert *cert;

    if (name_len == 0 || name_len > CERT_NAME_MAX)
        return conf_fail(r, r->line, "a certificate's name must have 1 to %u bytes", CERT_NAME_MAX);
    if (is_blank(name[0]) || is_blank(name[name_len - 1]) || memchr(name, '\t', name_len) != NULL)
        return conf_fail(r, r->line, "a certificate's name must not begin or end with a blank or hold a tab");
    if (conf->cert_count >= CERTS_MAX)
        return conf_fail(r, r->line, "more than %u certificates", CERTS_MAX);
    if (conf->cert_count == r->cert_cap) {
        size_t cap = r->cert_cap == 0 ? 16 : r->cert_cap * 2;
        struct conf_cert *certs = reallocarray(conf->certs, cap, sizeof *certs);
        uint64_t *seen = reallocarray(r->cert_seen, cap, sizeof *seen);

        conf->certs = certs == NULL ? conf->certs : certs;
        r->cert_seen = seen == NULL ? r->cert_seen : seen;
        if (certs == NULL || seen == NULL)
            return conf_fail(r, 0, "out of memory");
        r->cert_cap = cap;
    }
    cert = &conf->certs[conf->cert_count];
    *cert = (struct conf_cert){.name = strndup(name, name_len), .line = r->line};
    if (cert->name == NULL)
        return conf_fail(r, 0, "out of memory");
    r->cert_seen[conf->cert_count++] = 0;
    return true;
}

/* What follows a section's ']' may only be a comment. */
static bool check_rest(struct conf_reading *r, const char *rest)
{
    rest = skip_blanks(rest);
    return *rest == '\0' || *rest == ';' || *rest == '#' || conf_fail(r, r->line, "text follows the section's ]");
}

/* [certificate "NAME"], from behind the word on. */
static bool begin_cert(struct conf_reading *r, const char *rest)
{
    static const char form[] = "a certificate's section is written [certificate \"NAME\"]";
    const char *name = skip_blanks(rest);
    const char *end = *name == '"' ? strchr(name + 1, '"') : NULL;

    if (end == NULL || end[1] != ']')
        return conf_fail(r, r->line, form);
    r->section = CONF_SECTION_CERT;
    return check_rest(r, end + 2) && add_cert(r, name + 1, (size_t)(end - name - 1));
}

/* line: a section's header, from its '[' on. */
static bool begin_section(struct conf_reading *r, const char *line)
{
    const char *name = line + 1;
    size_t word_len = strcspn(name, " \t\"]");
    size_t len = strcspn(name, "]");

    if (word_len == strlen(CONF_SECTION_CERT) && strncmp(name, CONF_SECTION_CERT, word_len) == 0)
        return begin_cert(r, name + word_len);
    if (name[len] == '\0')
        return conf_fail(r, r->line, "the section's name has no ]");
    for (size_t i = 0; i < conf_key_count; i++) {
        const char *section = conf_key_rows[i].section;

        if (strlen(section) == len && strncmp(name, section, len) == 0) {
            r->section = section;
            return check_rest(r, name + len + 1);
        }
    }
    return conf_fail(r, r->line, "unknown section [%.*s]; known: [stapleguard], [apache], [fetch], [certificate \"NAME\"]",
        len > CONF_SHOWN_LEN ? CONF_SHOWN_LEN : (int)len, name);
}

char *conf_next_line(char *line, int cap, void *stream)
{
    struct conf_reading *r = stream;
    const char *start = line;

    if (r->has_failed || cap <= 0 || !read_line(r, line, (size_t)cap))
        return NULL;
    if (r->line == 1 && strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        start += strlen(BYTE_ORDER_MARK);
    start = skip_blanks(start);
    if (*start == '[') {
        if (!begin_section(r, start))
            return NULL;
        start = "";
    }
    memmove(line, start, strlen(start) + 1);
    return line;
}
