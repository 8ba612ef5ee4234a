/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/pem_scan.c and common/pem_blocks.c.
 * Runs in: the build.
 * Never: leaves a file behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pem/pem_blocks.h"

#define EC_PARAMETERS "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

/* A certificate, its private key, its CA: made for this test alone, used nowhere. */
static const char leaf_pem[]
    = "-----BEGIN CERTIFICATE-----\n"
      "MIIBJTCBzAIUR26HLm7KHZP3p2KAA3O2Bk1WH6owCgYIKoZIzj0EAwIwEjEQMA4G\n"
      "A1UEAwwHVGVzdCBDQTAgFw0yNjExMjMxNzM0MTNaGA8yMTI2MTAzMDE3MzQxM1ow\n"
      "FzEVMBMGA1UEAwwMbGVhZi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD\n"
      "QgAEIl5QxKRagT6f3gUEft5HG6EVIivpjOrtTzvwelDpfmCnSVpYm3dXLdGFq8fK\n"
      "8OjYZ0mgh5okDROyEh8jqav6dzAKBggqhkjOPQQDAgNIADBFAiEA+rB/EqQgFlfB\n"
      "bJlUiTvPvYnWtDt0Sp2bTfvnedtFw2ECIFppXl2oaddCDu41fiY8ZbEKAkOBOsGS\n"
      "zXvovn+7ir66\n"
      "-----END CERTIFICATE-----\n";

static const char key_pem[]
    = "-----BEGIN PRIVATE KEY-----\n"
      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzBHPmW6/Kf10f7N3\n"
      "V1CYvoYyxspAuTsuoaqpwScYsqOhRANCAAQiXlDEpFqBPp/eBQR+3kcboRUiK+mM\n"
      "6u1PO/B6UOl+YKdJWlibd1ct0YWrx8rw6NhnSaCHmiQNE7ISHyOpq/p3\n"
      "-----END PRIVATE KEY-----\n";

static const char ca_pem[]
    = "-----BEGIN CERTIFICATE-----\n"
      "MIIBejCCASGgAwIBAgIUa+DnxldWMfpsSlMn4kwR2BVFXicwCgYIKoZIzj0EAwIw\n"
      "EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjMxNzM0MTNaGA8yMTI2MTAzMDE3\n"
      "MzQxM1owEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
      "A0IABIZ8ThjTluExI/n9G61MxbHSuwjoSwoY3twwljZQNfL7sMLOnDpLcAtrIQ+q\n"
      "nFzwW2YUG7Zn+udLFpckPM48SBujUzBRMB0GA1UdDgQWBBTOHSFl/eY2jipjrqqv\n"
      "/8aMJUnqxTAfBgNVHSMEGDAWgBTOHSFl/eY2jipjrqqv/8aMJUnqxTAPBgNVHRMB\n"
      "Af8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIELHoUV11TY3tthkGBnlAsrqL4oa\n"
      "+yzGhV61eq18EvswAiAGgwoATvxhbBGIjl0XExfw6AdsViSP9Mqrdwg7WkAKgg==\n"
      "-----END CERTIFICATE-----\n";

/* The leaf as OpenSSL writes it with -trustout. */
static const char trusted_pem[]
    = "-----BEGIN TRUSTED CERTIFICATE-----\n"
      "MIIBJTCBzAIUR26HLm7KHZP3p2KAA3O2Bk1WH6owCgYIKoZIzj0EAwIwEjEQMA4G\n"
      "A1UEAwwHVGVzdCBDQTAgFw0yNjExMjMxNzM0MTNaGA8yMTI2MTAzMDE3MzQxM1ow\n"
      "FzEVMBMGA1UEAwwMbGVhZi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD\n"
      "QgAEIl5QxKRagT6f3gUEft5HG6EVIivpjOrtTzvwelDpfmCnSVpYm3dXLdGFq8fK\n"
      "8OjYZ0mgh5okDROyEh8jqav6dzAKBggqhkjOPQQDAgNIADBFAiEA+rB/EqQgFlfB\n"
      "bJlUiTvPvYnWtDt0Sp2bTfvnedtFw2ECIFppXl2oaddCDu41fiY8ZbEKAkOBOsGS\n"
      "zXvovn+7ir66MAwwCgYIKwYBBQUHAwE=\n"
      "-----END TRUSTED CERTIFICATE-----\n";

/* Any 16 characters of the key's secret count as a leak.  What stands before it is the algorithm, as in certificates. */
#define KEY_RUN 16u
#define SECRET_START "zBHPmW6/"

/* The key's base64 from its secret on, without line ends. */
static const char *key_base64(void)
{
    static char text[sizeof key_pem];
    size_t len = 0;

    for (const char *p = strstr(key_pem, SECRET_START); *p != '-'; p++)
        if (*p != '\n')
            text[len++] = *p;
    text[len] = '\0';
    return text;
}

static bool holds_key_run(const char *data, size_t len)
{
    const char *key = key_base64();

    for (size_t i = 0; i + KEY_RUN <= strlen(key); i++)
        if (memmem(data, len, key + i, KEY_RUN) != NULL)
            return true;
    return false;
}

/*
 * pem_blocks_read gives its raw buffer back through here (linked with --wrap=free): was it wiped?  Volatile, because a
 * compiler knows that the real free does not look at them.
 */
static volatile bool is_free_watched;
static volatile unsigned freed_with_key;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
    if (is_free_watched && p != NULL) {
        is_free_watched = false;
        if (holds_key_run(p, malloc_usable_size(p)))
            freed_with_key++;
        is_free_watched = true;
    }
    __real_free(p);
}

static enum reason scan(const char *text, struct pem_blocks *blocks, char *detail)
{
    memset(blocks, 0, sizeof *blocks);
    return pem_blocks_scan(text, strlen(text), blocks, detail);
}

/* Scan len bytes of text and expect exactly `expected` out of it. */
static void expect_blocks_of(const char *text, size_t len, const char *expected, unsigned count)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1] = "#";

    assert_int_equal(pem_blocks_scan(text, len, &blocks, detail), REASON_NONE);
    assert_string_equal(detail, "");
    assert_int_equal(blocks.count, count);
    assert_string_equal(blocks.text, expected);
    assert_int_equal(blocks.len, strlen(expected));
    pem_blocks_clear(&blocks);
    assert_null(blocks.text);
    assert_int_equal(blocks.len, 0);
    assert_int_equal(blocks.count, 0);
}

static void expect_blocks(const char *text, const char *expected, unsigned count)
{
    expect_blocks_of(text, strlen(text), expected, count);
}

static void expect_refusal_of(const char *text, size_t len, enum reason reason, const char *detail_part)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1] = "#";

    assert_string_equal(reason_word(pem_blocks_scan(text, len, &blocks, detail)), reason_word(reason));
    assert_non_null(strstr(detail, detail_part));
    assert_false(holds_key_run(detail, strlen(detail)));
    assert_null(blocks.text);
    assert_int_equal(blocks.count, 0);
}

static void expect_refusal(const char *text, enum reason reason, const char *detail_part)
{
    expect_refusal_of(text, strlen(text), reason, detail_part);
}

static char *join(const char *a, const char *b, const char *c)
{
    char *text = NULL;

    assert_true(asprintf(&text, "%s%s%s", a, b, c) > 0);
    return text;
}

/* text with every occurrence of `from` replaced. */
static char *replace(const char *text, const char *from, const char *to)
{
    char *out = calloc(1, strlen(text) * (strlen(to) + 1) + 1);
    char *end = out;

    assert_non_null(out);
    while (*text != '\0')
        if (strncmp(text, from, strlen(from)) == 0) {
            end = stpcpy(end, to);
            text += strlen(from);
        } else {
            *end++ = *text++;
        }
    return out;
}

static void keeps_one_block_as_it_is(void **state)
{
    (void)state;
    expect_blocks(leaf_pem, leaf_pem, 1);
}

static void keeps_nothing_of_a_key(void **state)
{
    char *key_first = join(key_pem, leaf_pem, ca_pem);
    char *key_between = join(leaf_pem, key_pem, ca_pem);
    char *key_last = join(leaf_pem, ca_pem, key_pem);
    char *both = join(leaf_pem, ca_pem, "");

    (void)state;
    assert_true(holds_key_run(key_between, strlen(key_between)));
    assert_false(holds_key_run(both, strlen(both)));
    expect_blocks(key_first, both, 2);
    expect_blocks(key_between, both, 2);
    expect_blocks(key_last, both, 2);
    free(key_first);
    free(key_between);
    free(key_last);
    free(both);
}

static void tolerates_what_files_look_like(void **state)
{
    static const char bag[] = "Bag Attributes\n    friendlyName: shop\nsubject=CN = shop\n";
    char *both = join(leaf_pem, ca_pem, "");
    char *crlf = replace(both, "\n", "\r\n");
    char *mac = replace(leaf_pem, "\n", "\r");
    char *indented = replace(both, "\n", "\n \t ");
    char *with_bom = join("\xef\xbb\xbf", leaf_pem, "");
    char *with_text = join(bag, leaf_pem, "the end");
    char *commented = join("# -----BEGIN CERTIFICATE-----\n# MIIB\n", leaf_pem, "x -----BEGIN CERTIFICATE-----\n");
    char *one_line = replace(leaf_pem, "\n", "");
    char *unfinished = strndup(both, strlen(both) - 1);
    char *glued = join(EC_PARAMETERS, unfinished, key_pem);
    char *no_line_end = replace(glued, "-----\n-----", "----------");

    (void)state;
    expect_blocks(crlf, both, 2);
    expect_blocks(mac, leaf_pem, 1);
    expect_blocks(indented, both, 2);
    expect_blocks(with_bom, leaf_pem, 1);
    expect_blocks(with_text, leaf_pem, 1);
    expect_blocks(commented, leaf_pem, 1);
    expect_blocks(one_line, leaf_pem, 1);
    expect_blocks(unfinished, both, 2);
    expect_blocks(no_line_end, both, 2);
    free(both);
    free(crlf);
    free(mac);
    free(indented);
    free(with_bom);
    free(with_text);
    free(commented);
    free(one_line);
    free(unfinished);
    free(glued);
    free(no_line_end);
}

static void passes_over_nul_bytes_between_blocks(void **state)
{
    char data[sizeof leaf_pem + sizeof ca_pem + 64] = {0};
    size_t leaf_len = strlen(leaf_pem);
    size_t ca_len = strlen(ca_pem);
    char *both = join(leaf_pem, ca_pem, "");

    (void)state;
    memcpy(data + 10, leaf_pem, leaf_len);
    memcpy(data + 10 + leaf_len + 3, ca_pem, ca_len);
    expect_blocks_of(data, sizeof data, both, 2);
    free(both);
}

static void gives_the_old_label_its_new_name(void **state)
{
    char *old = replace(leaf_pem, " CERTIFICATE", " X509 CERTIFICATE");

    (void)state;
    expect_blocks(old, leaf_pem, 1);
    free(old);
}

static void refuses_a_trusted_certificate(void **state)
{
    char *after = join(leaf_pem, trusted_pem, "");
    char *relabelled = replace(trusted_pem, "TRUSTED ", "");

    (void)state;
    expect_refusal(trusted_pem, REASON_CERT_MALFORMED, "openssl x509 -in");
    expect_refusal(after, REASON_CERT_MALFORMED, "block 2");
    /* its trust settings are bytes behind the certificate */
    expect_refusal(relabelled, REASON_CERT_MALFORMED, "not one certificate");
    free(after);
    free(relabelled);
}

static void refuses_a_damaged_block(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *detail;
    } rows[] = {
        {"-----END CERTIFICATE-----\n", "", "line 9: the file ends before the block does"},
        {"-----END CERTIFICATE-----\n", "-----END CERTIFICATE----\n", "line 9: the block has no END line"},
        {"-----END CERTIFICATE-----\n", "-----END PRIVATE KEY-----\n", "no END line that matches"},
        {"-----END CERTIFICATE-----\n", "-----END X509 CERTIFICATE-----\n", "no END line that matches"},
        {"-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n", "no END line"},
        {"JTCB", "JT*B", "line 2: there is something else than base64"},
        {"JTCB",
            "JT\x80"
            "B",
            "line 2: there is something else than base64"},
        {"JTCB", "Version: 4\n", "line 2: there is something else than base64"},
        {"A1UEAww", "A1UE=ww", "line 3: base64 goes on after its padding"},
        {"ir66", "ir6", "cut or has the wrong padding"},
        {"ir66", "i===", "wrong padding"},
        {"ir66", "ir6=", "not one certificate"},
        {"ir66", "ir66AAAA", "not one certificate"},
        {"MIIBJ", "MIIBK", "not one certificate"},
        {"MIIB", "MYIB", "not one certificate"},
        {"MIIB", "MIQB", "not one certificate"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = replace(leaf_pem, rows[i].from, rows[i].to);

        assert_string_not_equal(text, leaf_pem);
        expect_refusal(text, REASON_CERT_MALFORMED, rows[i].detail);
        free(text);
    }
    expect_refusal("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", REASON_CERT_MALFORMED, "not one certificate");
    expect_refusal("-----BEGIN CERTIFICATE-----\nMAAwADAA\n-----END CERTIFICATE-----\n", REASON_CERT_MALFORMED, "");
    expect_refusal_of("-----BEGIN CERTIFICATE-----\nMI\0B\n", 33, REASON_CERT_MALFORMED, "something else than base64");
}

static void refuses_a_key_in_disguise(void **state)
{
    char *relabelled = replace(key_pem, "PRIVATE KEY", "CERTIFICATE");
    char *open_block = replace(leaf_pem, "-----END CERTIFICATE-----\n", "");
    char *swallowing = join(open_block, key_pem, leaf_pem);
    char *bare = replace(key_pem, "-----BEGIN PRIVATE KEY-----\n", "");
    char *ended = replace(bare, "PRIVATE KEY", "CERTIFICATE");
    char *appended = join(open_block, ended, "");

    (void)state;
    expect_refusal(relabelled, REASON_CERT_MALFORMED, "not one certificate");
    expect_refusal(swallowing, REASON_CERT_MALFORMED, "no END line");
    expect_refusal(appended, REASON_CERT_MALFORMED, "not one certificate");
    free(relabelled);
    free(open_block);
    free(swallowing);
    free(bare);
    free(ended);
    free(appended);
}

static void says_what_is_there_instead(void **state)
{
    char *two = join(EC_PARAMETERS, key_pem, "");

    (void)state;
    expect_refusal("", REASON_NO_CERTIFICATE, "the file is empty");
    expect_refusal("hello\n", REASON_NO_CERTIFICATE, "no PEM block");
    expect_refusal("-----BEGIN CERTIFICATE\n", REASON_NO_CERTIFICATE, "no PEM block");
    expect_refusal_of("\xff\xfe-\0-\0", 6, REASON_NO_CERTIFICATE, "UTF-16");
    expect_refusal(key_pem, REASON_NO_CERTIFICATE, "there is only a block \"PRIVATE KEY\"");
    expect_refusal(two, REASON_NO_CERTIFICATE, "there are 2 other blocks, the first is \"EC PARAMETERS\"");
    /* a label that nobody knows is not repeated: it is the file's text */
    expect_refusal("-----BEGIN zBHPmW6/Kf10f7N3-----\n", REASON_NO_CERTIFICATE, "of another kind");
    free(two);
}

static void tells_der_from_pem(void **state)
{
    (void)state;
    expect_refusal_of("\x30\x82\x01\x25\x30\x81\xcc", 7, REASON_DER_NOT_PEM, "");
    expect_refusal_of("\x30\x81\x80\x30\x81\x60", 6, REASON_DER_NOT_PEM, "");
    expect_refusal_of("\x30\x82\x03\xbc\x02\x01\x03\x30", 8, REASON_DER_NOT_PEM, "PKCS#12");
    expect_refusal_of("\x30\x83\x01\x00\x00\x02", 6, REASON_DER_NOT_PEM, "private key");
    expect_refusal_of("\x30\x82\x01\x25\x30", 5, REASON_NO_CERTIFICATE, "no PEM block");
}

static void appends_and_leaves_alone_on_failure(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1];
    char *both = join(leaf_pem, ca_pem, "");
    char *bad_second = join(ca_pem, trusted_pem, "");

    (void)state;
    assert_int_equal(pem_blocks_scan(leaf_pem, strlen(leaf_pem), &blocks, detail), REASON_NONE);
    assert_int_equal(pem_blocks_scan(bad_second, strlen(bad_second), &blocks, detail), REASON_CERT_MALFORMED);
    assert_int_equal(blocks.count, 1);
    assert_string_equal(blocks.text, leaf_pem);
    assert_int_equal(pem_blocks_scan("", 0, &blocks, detail), REASON_NO_CERTIFICATE);
    assert_string_equal(blocks.text, leaf_pem);
    assert_int_equal(pem_blocks_scan(ca_pem, strlen(ca_pem), &blocks, detail), REASON_NONE);
    assert_int_equal(blocks.count, 2);
    assert_string_equal(blocks.text, both);
    assert_int_equal(blocks.len, strlen(both));
    pem_blocks_clear(&blocks);
    free(both);
    free(bad_second);
}

static void bounds_the_number_of_blocks(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1];

    (void)state;
    for (unsigned i = 0; i < CERT_BLOCKS_MAX; i++)
        assert_int_equal(pem_blocks_scan(leaf_pem, strlen(leaf_pem), &blocks, detail), REASON_NONE);
    assert_int_equal(blocks.count, CERT_BLOCKS_MAX);
    assert_int_equal(pem_blocks_scan(leaf_pem, strlen(leaf_pem), &blocks, detail), REASON_FILE_TOO_LARGE);
    assert_non_null(strstr(detail, "more than 32 CERTIFICATE blocks"));
    assert_int_equal(blocks.count, CERT_BLOCKS_MAX);
    assert_int_equal(blocks.len, CERT_BLOCKS_MAX * strlen(leaf_pem));
    pem_blocks_clear(&blocks);
}

/* A block of der_len octets that passes: 0x30 0x83 and the length, then 0x30, then zeros. */
static char *make_block(size_t der_len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t head = 0x308300000030 | (uint64_t)(der_len - 5) << 8;
    char *text = calloc(1, der_len / 3 * 4 + 128);
    char *out;

    assert_non_null(text);
    assert_int_equal(der_len % 3, 0);
    out = stpcpy(text, "-----BEGIN CERTIFICATE-----\n");
    memset(out, 'A', der_len / 3 * 4);
    for (unsigned i = 0; i < 8; i++)
        out[i] = alphabet[head >> (42 - 6 * i) & 63];
    stpcpy(out + der_len / 3 * 4, "\n-----END CERTIFICATE-----\n");
    return text;
}

static void bounds_the_size_of_the_output(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1];
    /* 65 characters for 48 octets, 54 for the marks */
    char *large = make_block(193536);
    char *too_large = make_block(193584);

    (void)state;
    assert_int_equal(scan(too_large, &blocks, detail), REASON_FILE_TOO_LARGE);
    assert_int_equal(blocks.count, 0);
    assert_int_equal(scan(large, &blocks, detail), REASON_NONE);
    assert_int_equal(blocks.len, 193536 / 48 * 65 + 54);
    assert_true(blocks.len + 65 > CERT_PEM_MAX);
    assert_int_equal(pem_blocks_scan(leaf_pem, strlen(leaf_pem), &blocks, detail), REASON_FILE_TOO_LARGE);
    assert_int_equal(blocks.count, 1);
    pem_blocks_clear(&blocks);
    free(large);
    free(too_large);
}

/* Whatever is cut off or changed in a file with a key: the key stays inside. */
static void never_leaks_from_a_damaged_file(void **state)
{
    char *text = join(leaf_pem, key_pem, ca_pem);
    size_t len = strlen(text);
    unsigned accepted = 0;

    (void)state;
    for (size_t i = 0; i < len * 9; i++) {
        struct pem_blocks blocks = {0};
        char detail[DETAIL_MAX + 1];
        size_t at = i / 9;
        char kept = text[at];

        if (i % 9 < 8)
            text[at] = (char)(text[at] ^ 1 << i % 9);
        if (pem_blocks_scan(text, i % 9 < 8 ? len : at, &blocks, detail) == REASON_NONE) {
            accepted++;
            assert_false(holds_key_run(blocks.text, blocks.len));
        }
        assert_false(holds_key_run(detail, strlen(detail)));
        text[at] = kept;
        pem_blocks_clear(&blocks);
    }
    /* changes in the key, and inside base64, are none of our business: the loop has seen real output */
    assert_true(accepted > len);
    free(text);
}

static char dir[] = P_tmpdir "/test_pem_blocks.XXXXXX";
static char path[sizeof dir + 16];

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

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

static void write_file(const char *name, const char *data, size_t len)
{
    int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    assert_int_equal(close(fd), 0);
}

static void expect_unread(const char *name, enum reason reason, const char *expected_detail)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1] = "#";

    assert_string_equal(reason_word(pem_blocks_read(in_dir(name), &blocks, detail)), reason_word(reason));
    assert_string_equal(detail, expected_detail);
    assert_null(blocks.text);
}

static void reads_a_file_and_appends(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1] = "#";
    char *combined = join(key_pem, leaf_pem, "");
    char *both = join(leaf_pem, ca_pem, "");

    (void)state;
    write_file("combined", combined, strlen(combined));
    write_file("chain", ca_pem, strlen(ca_pem));
    assert_int_equal(pem_blocks_read(in_dir("combined"), &blocks, detail), REASON_NONE);
    assert_string_equal(detail, "");
    assert_int_equal(blocks.count, 1);
    assert_int_equal(pem_blocks_read(in_dir("missing"), &blocks, detail), REASON_FILE_MISSING);
    assert_int_equal(blocks.count, 1);
    assert_int_equal(pem_blocks_read(in_dir("chain"), &blocks, detail), REASON_NONE);
    assert_int_equal(blocks.count, 2);
    assert_string_equal(blocks.text, both);
    pem_blocks_clear(&blocks);
    assert_int_equal(unlink(in_dir("combined")), 0);
    assert_int_equal(unlink(in_dir("chain")), 0);
    free(combined);
    free(both);
}

/* From a buffer that was given back unwiped, the next allocation would have the key. */
static void wipes_what_it_has_read(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1];
    char *combined = join(key_pem, leaf_pem, "");
    char *damaged = join(key_pem, leaf_pem, trusted_pem);
    void *probe = strdup(key_pem);

    (void)state;
    write_file("combined", combined, strlen(combined));
    write_file("damaged", damaged, strlen(damaged));
    assert_non_null(probe);
    freed_with_key = 0;
    is_free_watched = true;
    free(probe);
    assert_int_equal(freed_with_key, 1);
    assert_int_equal(pem_blocks_read(in_dir("combined"), &blocks, detail), REASON_NONE);
    pem_blocks_clear(&blocks);
    assert_int_equal(pem_blocks_read(in_dir("damaged"), &blocks, detail), REASON_CERT_MALFORMED);
    is_free_watched = false;
    assert_int_equal(freed_with_key, 1);
    assert_int_equal(unlink(in_dir("combined")), 0);
    assert_int_equal(unlink(in_dir("damaged")), 0);
    free(combined);
    free(damaged);
}

static void opens_regular_files_only(void **state)
{
    (void)state;
    expect_unread("missing", REASON_FILE_MISSING, "No such file or directory");
    assert_int_equal(symlink("missing", in_dir("dangling")), 0);
    expect_unread("dangling", REASON_FILE_MISSING, "No such file or directory");
    assert_int_equal(unlink(in_dir("dangling")), 0);
    expect_unread("", REASON_FILE_UNREADABLE, "Is a directory");
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    expect_unread("fifo", REASON_FILE_UNREADABLE, "Not a regular file");
    expect_unread("fifo/x", REASON_FILE_UNREADABLE, "Not a directory");
    assert_int_equal(unlink(in_dir("fifo")), 0);
    assert_int_equal(symlink("/dev/zero", in_dir("device")), 0);
    expect_unread("device", REASON_FILE_UNREADABLE, "Not a regular file");
    assert_int_equal(unlink(in_dir("device")), 0);
}

static void says_when_it_may_not_read(void **state)
{
    uid_t uid = geteuid();

    (void)state;
    write_file("secret", leaf_pem, strlen(leaf_pem));
    assert_int_equal(chmod(in_dir("secret"), 0), 0);
    if (uid == 0)
        assert_int_equal(seteuid(65534), 0);
    expect_unread("secret", REASON_FILE_UNREADABLE, "Permission denied");
    if (uid == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(unlink(in_dir("secret")), 0);
}

static void bounds_the_size_of_a_file(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1];

    (void)state;
    write_file("large", leaf_pem, strlen(leaf_pem));
    assert_int_equal(truncate(in_dir("large"), CERT_FILE_MAX), 0);
    assert_int_equal(pem_blocks_read(in_dir("large"), &blocks, detail), REASON_NONE);
    assert_string_equal(blocks.text, leaf_pem);
    pem_blocks_clear(&blocks);
    assert_int_equal(truncate(in_dir("large"), CERT_FILE_MAX + 1), 0);
    expect_unread("large", REASON_FILE_TOO_LARGE, "more than 1048576 bytes");
    assert_int_equal(unlink(in_dir("large")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_one_block_as_it_is),
        cmocka_unit_test(keeps_nothing_of_a_key),
        cmocka_unit_test(tolerates_what_files_look_like),
        cmocka_unit_test(passes_over_nul_bytes_between_blocks),
        cmocka_unit_test(gives_the_old_label_its_new_name),
        cmocka_unit_test(refuses_a_trusted_certificate),
        cmocka_unit_test(refuses_a_damaged_block),
        cmocka_unit_test(refuses_a_key_in_disguise),
        cmocka_unit_test(says_what_is_there_instead),
        cmocka_unit_test(tells_der_from_pem),
        cmocka_unit_test(appends_and_leaves_alone_on_failure),
        cmocka_unit_test(bounds_the_number_of_blocks),
        cmocka_unit_test(bounds_the_size_of_the_output),
        cmocka_unit_test(never_leaks_from_a_damaged_file),
        cmocka_unit_test(reads_a_file_and_appends),
        cmocka_unit_test(wipes_what_it_has_read),
        cmocka_unit_test(opens_regular_files_only),
        cmocka_unit_test(says_when_it_may_not_read),
        cmocka_unit_test(bounds_the_size_of_a_file),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
