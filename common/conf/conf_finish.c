/* SPDX-License-Identifier: ISC */
/*
 * Owns: what only shows when a configuration is read whole: inheritance, missing and doubled names, users that must differ.
 * Runs in: supervisor, command line.
 * Never: asks the user database, or looks at a file that is named.
 */
#include "conf/conf_reading.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_keys.h"

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

bool conf_finish(struct conf_reading *r)
{
    return finish_certs(r) && check_names(r) && check_users(r);
}
