/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/pem/pem_blocks.c on octets in memory: what is kept, refused and bounded.
 * Runs in: the build.
 * Never: lets key material into what is kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pem/pem_blocks.h"
#include "pem_blocks_scene.h"

#define EC_PARAMETERS "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

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
    assert_false(pem_blocks_scene_holds_key_run(detail, strlen(detail)));
    assert_null(blocks.text);
    assert_int_equal(blocks.count, 0);
}

static void expect_refusal(const char *text, enum reason reason, const char *detail_part)
{
    expect_refusal_of(text, strlen(text), reason, detail_part);
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
    expect_blocks(pem_blocks_scene_leaf_pem, pem_blocks_scene_leaf_pem, 1);
}

static void keeps_nothing_of_a_key(void **state)
{
    char *key_first = pem_blocks_scene_join(pem_blocks_scene_key_pem, pem_blocks_scene_leaf_pem, pem_blocks_scene_ca_pem);
    char *key_between = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_key_pem, pem_blocks_scene_ca_pem);
    char *key_last = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_ca_pem, pem_blocks_scene_key_pem);
    char *both = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_ca_pem, "");

    (void)state;
    assert_true(pem_blocks_scene_holds_key_run(key_between, strlen(key_between)));
    assert_false(pem_blocks_scene_holds_key_run(both, strlen(both)));
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
    char *both = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_ca_pem, "");
    char *crlf = replace(both, "\n", "\r\n");
    char *mac = replace(pem_blocks_scene_leaf_pem, "\n", "\r");
    char *indented = replace(both, "\n", "\n \t ");
    char *with_bom = pem_blocks_scene_join("\xef\xbb\xbf", pem_blocks_scene_leaf_pem, "");
    char *with_text = pem_blocks_scene_join(bag, pem_blocks_scene_leaf_pem, "the end");
    char *commented = pem_blocks_scene_join(
        "# -----BEGIN CERTIFICATE-----\n# MIIB\n", pem_blocks_scene_leaf_pem, "x -----BEGIN CERTIFICATE-----\n");
    char *one_line = replace(pem_blocks_scene_leaf_pem, "\n", "");
    char *unfinished = strndup(both, strlen(both) - 1);
    char *glued = pem_blocks_scene_join(EC_PARAMETERS, unfinished, pem_blocks_scene_key_pem);
    char *no_line_end = replace(glued, "-----\n-----", "----------");

    (void)state;
    expect_blocks(crlf, both, 2);
    expect_blocks(mac, pem_blocks_scene_leaf_pem, 1);
    expect_blocks(indented, both, 2);
    expect_blocks(with_bom, pem_blocks_scene_leaf_pem, 1);
    expect_blocks(with_text, pem_blocks_scene_leaf_pem, 1);
    expect_blocks(commented, pem_blocks_scene_leaf_pem, 1);
    expect_blocks(one_line, pem_blocks_scene_leaf_pem, 1);
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
    char data[4096] = {0};
    size_t leaf_len = strlen(pem_blocks_scene_leaf_pem);
    size_t ca_len = strlen(pem_blocks_scene_ca_pem);
    char *both = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_ca_pem, "");

    (void)state;
    memcpy(data + 10, pem_blocks_scene_leaf_pem, leaf_len);
    memcpy(data + 10 + leaf_len + 3, pem_blocks_scene_ca_pem, ca_len);
    expect_blocks_of(data, sizeof data, both, 2);
    free(both);
}

static void gives_the_old_label_its_new_name(void **state)
{
    char *old = replace(pem_blocks_scene_leaf_pem, " CERTIFICATE", " X509 CERTIFICATE");

    (void)state;
    expect_blocks(old, pem_blocks_scene_leaf_pem, 1);
    free(old);
}

static void refuses_a_trusted_certificate(void **state)
{
    char *after = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_trusted_pem, "");
    char *relabelled = replace(pem_blocks_scene_trusted_pem, "TRUSTED ", "");

    (void)state;
    expect_refusal(pem_blocks_scene_trusted_pem, REASON_CERT_MALFORMED, "openssl x509 -in");
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
        char *text = replace(pem_blocks_scene_leaf_pem, rows[i].from, rows[i].to);

        assert_string_not_equal(text, pem_blocks_scene_leaf_pem);
        expect_refusal(text, REASON_CERT_MALFORMED, rows[i].detail);
        free(text);
    }
    expect_refusal("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", REASON_CERT_MALFORMED, "not one certificate");
    expect_refusal("-----BEGIN CERTIFICATE-----\nMAAwADAA\n-----END CERTIFICATE-----\n", REASON_CERT_MALFORMED, "");
    expect_refusal_of("-----BEGIN CERTIFICATE-----\nMI\0B\n", 33, REASON_CERT_MALFORMED, "something else than base64");
}

static void refuses_a_key_in_disguise(void **state)
{
    char *relabelled = replace(pem_blocks_scene_key_pem, "PRIVATE KEY", "CERTIFICATE");
    char *open_block = replace(pem_blocks_scene_leaf_pem, "-----END CERTIFICATE-----\n", "");
    char *swallowing = pem_blocks_scene_join(open_block, pem_blocks_scene_key_pem, pem_blocks_scene_leaf_pem);
    char *bare = replace(pem_blocks_scene_key_pem, "-----BEGIN PRIVATE KEY-----\n", "");
    char *ended = replace(bare, "PRIVATE KEY", "CERTIFICATE");
    char *appended = pem_blocks_scene_join(open_block, ended, "");

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
    char *two = pem_blocks_scene_join(EC_PARAMETERS, pem_blocks_scene_key_pem, "");

    (void)state;
    expect_refusal("", REASON_NO_CERTIFICATE, "the file is empty");
    expect_refusal("hello\n", REASON_NO_CERTIFICATE, "no PEM block");
    expect_refusal("-----BEGIN CERTIFICATE\n", REASON_NO_CERTIFICATE, "no PEM block");
    expect_refusal_of("\xff\xfe-\0-\0", 6, REASON_NO_CERTIFICATE, "UTF-16");
    expect_refusal(pem_blocks_scene_key_pem, REASON_NO_CERTIFICATE, "there is only a block \"PRIVATE KEY\"");
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
    char *both = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_ca_pem, "");
    char *bad_second = pem_blocks_scene_join(pem_blocks_scene_ca_pem, pem_blocks_scene_trusted_pem, "");

    (void)state;
    assert_int_equal(pem_blocks_scan(pem_blocks_scene_leaf_pem, strlen(pem_blocks_scene_leaf_pem), &blocks, detail), REASON_NONE);
    assert_int_equal(pem_blocks_scan(bad_second, strlen(bad_second), &blocks, detail), REASON_CERT_MALFORMED);
    assert_int_equal(blocks.count, 1);
    assert_string_equal(blocks.text, pem_blocks_scene_leaf_pem);
    assert_int_equal(pem_blocks_scan("", 0, &blocks, detail), REASON_NO_CERTIFICATE);
    assert_string_equal(blocks.text, pem_blocks_scene_leaf_pem);
    assert_int_equal(pem_blocks_scan(pem_blocks_scene_ca_pem, strlen(pem_blocks_scene_ca_pem), &blocks, detail), REASON_NONE);
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
        assert_int_equal(
            pem_blocks_scan(pem_blocks_scene_leaf_pem, strlen(pem_blocks_scene_leaf_pem), &blocks, detail), REASON_NONE);
    assert_int_equal(blocks.count, CERT_BLOCKS_MAX);
    assert_int_equal(
        pem_blocks_scan(pem_blocks_scene_leaf_pem, strlen(pem_blocks_scene_leaf_pem), &blocks, detail), REASON_FILE_TOO_LARGE);
    assert_non_null(strstr(detail, "more than 32 CERTIFICATE blocks"));
    assert_int_equal(blocks.count, CERT_BLOCKS_MAX);
    assert_int_equal(blocks.len, CERT_BLOCKS_MAX * strlen(pem_blocks_scene_leaf_pem));
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
    assert_int_equal(
        pem_blocks_scan(pem_blocks_scene_leaf_pem, strlen(pem_blocks_scene_leaf_pem), &blocks, detail), REASON_FILE_TOO_LARGE);
    assert_int_equal(blocks.count, 1);
    pem_blocks_clear(&blocks);
    free(large);
    free(too_large);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
