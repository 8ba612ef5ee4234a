/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/conf on files: the sample, what is opened, and the bounds.
 * Runs in: the build.
 * Never: reads the machine's own configuration.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bounds.h"
#include "conf/conf.h"
#include "conf/conf_keys.h"
#include "conf_scene.h"
#include "text/text.h"

static void refuses_a_nul_byte(void **state)
{
    (void)state;
    conf_scene_expect_error_of("[fetch]\ntime\0out = 1s", 20, "x.conf:2: there is a NUL byte", "");
}

static void reads_a_hundred_thousand_certificates(void **state)
{
    FILE *stream = tmpfile();
    char error[ERROR_CAP] = "";
    struct conf *conf;

    (void)state;
    assert_non_null(stream);
    for (unsigned i = 0; i < 100000; i++)
        fprintf(stream, "[certificate \"site-%u.example\"]\ncert = /etc/ssl/%u.pem\nchain = /etc/ssl/chain.pem\n\n", i, i);
    rewind(stream);
    conf = conf_read_stream(stream, "x.conf", error, sizeof error);
    assert_string_equal(error, "");
    assert_int_equal(conf->cert_count, 100000);
    assert_string_equal(conf->certs[99999].name, "site-99999.example");
    assert_string_equal(conf->certs[99999].cert, "/etc/ssl/99999.pem");
    assert_int_equal(conf->certs[99999].line, 399997);
    conf_scene_assert_same_policy(&conf->certs[99999].policy, &conf->policy);
    conf_free(conf);
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    fputs("[certificate \"site-77777.example\"]\ncert = /x\n", stream);
    rewind(stream);
    assert_null(conf_read_stream(stream, "x.conf", error, sizeof error));
    assert_string_equal(error,
        "x.conf:400001: certificate \"site-77777.example\" has a section already, in line 311109; "
        "give this one another name");
    fclose(stream);
}

static void bounds_the_number_of_certificates(void **state)
{
    FILE *stream = tmpfile();
    char error[ERROR_CAP] = "";

    (void)state;
    assert_non_null(stream);
    for (unsigned i = 0; i <= CERTS_MAX; i++)
        fprintf(stream, "[certificate \"%u\"]\ncert=/x\n", i);
    rewind(stream);
    assert_null(conf_read_stream(stream, "x.conf", error, sizeof error));
    assert_string_equal(error, "x.conf:400001: more than 200000 certificates");
    fclose(stream);
}

static void bounds_the_size_of_a_file(void **state)
{
    static char comment[4096];
    FILE *stream = tmpfile();
    char error[ERROR_CAP] = "";
    struct conf *conf;

    (void)state;
    assert_non_null(stream);
    memset(comment, '#', sizeof comment - 1);
    comment[sizeof comment - 1] = '\n';
    for (size_t i = 0; i < CONF_FILE_MAX / sizeof comment; i++)
        assert_int_equal(fwrite(comment, 1, sizeof comment, stream), sizeof comment);
    rewind(stream);
    conf = conf_read_stream(stream, "x.conf", error, sizeof error);
    assert_non_null(conf);
    conf_free(conf);
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    fputs("#", stream);
    rewind(stream);
    assert_null(conf_read_stream(stream, "x.conf", error, sizeof error));
    assert_string_equal(error, "x.conf: is larger than 67108864 bytes");
    fclose(stream);
}

static char dir[] = P_tmpdir "/test_conf.XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

/* What conf_read says about the file of that name in dir, behind its path. */
static void expect_unread(const char *name, const char *expected)
{
    char path[sizeof dir + 16];
    char whole[sizeof path + 256];
    char error[ERROR_CAP] = "";

    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(whole, sizeof whole, "%s%s", path, expected);
    assert_null(conf_read(path, error, sizeof error));
    assert_string_equal(error, whole);
}

static void reads_regular_files_only(void **state)
{
    char path[sizeof dir + 16];
    char error[ERROR_CAP] = "";
    FILE *stream;
    struct conf *conf;
    uid_t uid = geteuid();

    (void)state;
    expect_unread("missing", ": No such file or directory; name another file with -c FILE");
    expect_unread("", ": Is a directory");
    snprintf(path, sizeof path, "%s/conf", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_unread("conf", ": Not a regular file");
    assert_int_equal(unlink(path), 0);
    stream = fopen(path, "w");
    assert_non_null(stream);
    fputs("[fetch]\ntimeout = 7s\n", stream);
    fclose(stream);
    conf = conf_read(path, error, sizeof error);
    assert_non_null(conf);
    assert_int_equal(conf->timeout_sec, 7);
    conf_free(conf);
    stream = fopen(path, "a");
    assert_non_null(stream);
    fputs("x = 1\n", stream);
    fclose(stream);
    assert_null(conf_read(path, error, sizeof error));
    assert_non_null(strstr(error, "/conf:3: unknown key `x`"));
    assert_int_equal(chmod(path, 0), 0);
    if (uid == 0)
        assert_int_equal(seteuid(65534), 0);
    expect_unread("conf", ": Permission denied");
    if (uid == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(unlink(path), 0);
}

static void says_when_reading_fails(void **state)
{
    char path[sizeof dir + 16];
    char error[ERROR_CAP] = "";
    FILE *stream;

    (void)state;
    snprintf(path, sizeof path, "%s/conf", dir);
    stream = fopen(path, "w"); /* not for reading */
    assert_non_null(stream);
    assert_null(conf_read_stream(stream, "x.conf", error, sizeof error));
    assert_string_equal(error, "x.conf: cannot be read: Bad file descriptor");
    fclose(stream);
    assert_int_equal(unlink(path), 0);
}

static void cleans_and_bounds_the_error(void **state)
{
    FILE *stream = tmpfile();
    char error[20];

    (void)state;
    assert_non_null(stream);
    fputs("hello\n", stream);
    rewind(stream);
    assert_null(conf_read_stream(stream, "a\x1b[1m\xff.conf", error, sizeof error));
    assert_string_equal(error, "a?[1m?.conf:1: this");
    fclose(stream);
}

/* The sample says what the program does without it; with its commented lines taken in, each key is there. */
static char *read_sample(int is_uncommented)
{
    FILE *stream = fopen(SAMPLE_CONF, "r");
    char *text = calloc(1, 65536);
    char *end = text;
    char line[256];

    assert_non_null(stream);
    assert_non_null(text);
    while (fgets(line, sizeof line, stream) != NULL) {
        assert_true((size_t)(end - text) + sizeof line < 65536);
        end = stpcpy(end, line + (is_uncommented && line[0] == ';' ? 1 : 0));
    }
    fclose(stream);
    return text;
}

static void the_sample_has_the_defaults(void **state)
{
    char *text = read_sample(0);
    struct conf *conf = conf_scene_read_text(text);

    (void)state;
    conf_scene_assert_same_but_certs(conf, &conf_scene_defaults);
    assert_int_equal(conf->cert_count, 0);
    conf_free(conf);
    free(text);
}

static void the_sample_has_every_key(void **state)
{
    char *text = read_sample(1);
    const char *certificate = strstr(text, "\n[certificate \"");
    struct conf *conf = conf_scene_read_text(text);
    size_t count = 0;

    (void)state;
    assert_int_equal(conf->cert_count, 1);
    assert_null(conf->certs[0].chain);
    assert_null(conf->certs[0].responder);
    conf_free(conf);
    for (; count < conf_key_count; count++) {
        const struct conf_key_row *key = &conf_key_rows[count];
        char section[64];
        char line[256];
        const char *start;
        const char *section_end;
        const char *found;

        snprintf(section, sizeof section, "\n[%s", key->section);
        start = strstr(text, section);
        assert_non_null(start);
        if (key->default_text == NULL || key->default_text[0] == '\0')
            snprintf(line, sizeof line, "\n%s =", key->name);
        else
            snprintf(line, sizeof line, "\n%s = %s\n", key->name, key->default_text);
        found = strstr(start, line);
        if (found == NULL)
            assert_string_equal("missing in the sample", line);
        section_end = strstr(start + 1, "\n[");
        assert_true(section_end == NULL || found < section_end);
        snprintf(line, sizeof line, "\n%s = ", key->name);
        if (key->place == CONF_PLACE_POLICY)
            assert_non_null(strstr(certificate, line));
    }
    assert_int_equal(count, 36);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_nul_byte),
        cmocka_unit_test(reads_a_hundred_thousand_certificates),
        cmocka_unit_test(bounds_the_number_of_certificates),
        cmocka_unit_test(bounds_the_size_of_a_file),
        cmocka_unit_test(reads_regular_files_only),
        cmocka_unit_test(says_when_reading_fails),
        cmocka_unit_test(cleans_and_bounds_the_error),
        cmocka_unit_test(the_sample_has_the_defaults),
        cmocka_unit_test(the_sample_has_every_key),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
